/* finqctl fsck: whether the documents' rows and files still belong together, and whether each can be read. */
#include "ctl.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <stdio.h>
#include <string.h>

#include "documents/blob.h"
#include "flow/sealed_tree.h"
#include "json/json.h"

#define PIECE 65536
#define ASKED_AT_ONCE 500

typedef struct {
    ctl_command *command;
    finq_blob_store *store;
    const finq_data_keys *keys; /* NULL: no file is read */
    const char *mark;           /* of the directory, as SQL reads bytes */
    apr_int64_t documents, files, foreign;
    json_t *lost, *left, *altered; /* what was found */
    apr_array_header_t *asked;     /* of const char *: files that the database is to be asked about */
    ctl_exit code;                 /* of what went wrong on the way */
    apr_pool_t *pool;              /* of a batch */
} checking;

/* Calls in the batch's memory, with the command's connection. */
static ctl_exit call(json_t **answer, checking *of, const char *sql, const char *const *values, int count)
{
    ctl_command command = *of->command;
    const char *text;
    command.pool = of->pool;
    ctl_exit code = ctl_db_call(&text, &command, sql, values, count);
    of->command->connection = command.connection;
    finq_error *error = code == CTL_OK ? finq_json_stored(answer, NULL, text, of->pool) : NULL;
    return error ? ctl_fail_with(error) : code;
}

/* Those of the files of which the database knows nothing. */
static ctl_exit unknown_ask(json_t **unknown, checking *of, const apr_array_header_t *ids)
{
    const char *values[] = {apr_pstrcat(of->pool, "{", apr_array_pstrcat(of->pool, ids, ','), "}", NULL)};
    json_t *answer;
    ctl_exit code = call(&answer, of, "SELECT finq.fsck_unknown(p_upload_ids => $1)", values, 1);
    *unknown = code == CTL_OK ? json_object_get(answer, "unknown") : NULL;
    return code;
}

/* Whether the document's row is there still. */
static ctl_exit row_stands(int *stands, checking *of, const char *id)
{
    json_t *answer;
    ctl_exit code = call(&answer, of, "SELECT json_build_object('stands', finq.upload_stands(p_upload_id => $1))", &id, 1);
    *stands = code == CTL_OK && json_is_true(json_object_get(answer, "stands"));
    return code;
}

/* ---- rows ---- */

static void found(json_t *in, const json_t *row, const char *why)
{
    json_t *one = json_pack("{s:O, s:O, s:O}", "upload_id", json_object_get(row, "upload_id"), "session_id",
                            json_object_get(row, "session_id"), "document", json_object_get(row, "document"));
    if (why)
        json_object_set_new(one, "why", json_string(why));
    json_array_append_new(in, one);
}

/* All of its frames. */
static const char *file_problem(const finq_source *source)
{
    static char piece[PIECE];
    const char *problem = NULL;
    for (off_t at = 0; at < source->size && !problem; at += PIECE) {
        if (finq_source_peek(source, piece, PIECE, at) == 0)
            problem = "it was altered, or cut";
    }
    finq_wipe(piece, sizeof piece);
    return problem;
}

/* Why a document that is there cannot be read; NULL where it can. */
static const char *document_problem(checking *of, const finq_id *id, const json_t *row)
{
    finq_data_key *key;
    finq_source source;
    const char *wrapped = finq_json_string(row, "data_key");
    if (!of->keys || !wrapped)
        return NULL;
    finq_error *error = finq_data_key_unwrap(&key, of->keys, finq_sealed_bytes(wrapped, of->pool), of->pool);
    if (!error)
        error = finq_blob_open(&source, of->store, id, key, of->pool);
    return error ? finq_error_why(error) : file_problem(&source);
}

/* A row is there before and after its file was not: so nobody has replaced or removed it meanwhile. */
static ctl_exit row_check(checking *of, const json_t *row)
{
    const char *text = finq_json_string(row, "upload_id");
    int stands, settled;
    finq_id id;
    finq_id_parse(&id, text);
    of->documents++;
    const char *problem = document_problem(of, &id, row);
    if (finq_blob_is_placed(&settled, of->store, &id)) {
        if (problem)
            found(of->altered, row, problem);
        return CTL_OK;
    }
    ctl_exit code = row_stands(&stands, of, text);
    if (stands)
        found(of->lost, row, NULL);
    return code;
}

/* Each row's file, in memory of its own. */
static ctl_exit rows_check(checking *of, const json_t *rows)
{
    apr_pool_t *batch = of->pool;
    ctl_exit code = CTL_OK;
    const json_t *row;
    size_t i;
    apr_pool_create(&of->pool, batch);
    json_array_foreach(rows, i, row)
    {
        if (code == CTL_OK)
            code = row_check(of, row);
        apr_pool_clear(of->pool);
    }
    apr_pool_destroy(of->pool);
    of->pool = batch;
    return code;
}

/* Where to go on; NULLs of the first and behind the last. */
typedef struct {
    const char *step_id, *document;
} place;

static ctl_exit batch_check(place *at, checking *of)
{
    const char *values[] = {of->mark, at->step_id, at->document};
    json_t *answer;
    apr_pool_create(&of->pool, of->command->pool);
    ctl_exit code = call(&answer, of, "SELECT finq.fsck_rows(p_mark => $1, p_step_id => $2, p_document => $3)", values, 3);
    if (code == CTL_OK)
        code = rows_check(of, json_object_get(answer, "rows"));
    if (code == CTL_OK) {
        const json_t *next = json_object_get(answer, "next");
        at->step_id = apr_pstrdup(of->command->pool, finq_json_string(next, "step_id"));
        at->document = apr_pstrdup(of->command->pool, finq_json_string(next, "document"));
    }
    apr_pool_destroy(of->pool);
    return code;
}

static ctl_exit all_rows_check(checking *of)
{
    place at = {NULL, NULL};
    ctl_exit code;
    do {
        code = batch_check(&at, of);
        if (code == CTL_OK && at.step_id)
            fprintf(stderr, "documents %" JSON_INTEGER_FORMAT "\n", (json_int_t)of->documents);
    } while (code == CTL_OK && at.step_id);
    return code;
}

/* ---- files ---- */

/* One that is there before and after nobody knew of it: its row would have come before it was settled. */
static void left_note(checking *of, const json_t *unknown)
{
    const json_t *one;
    size_t i;
    json_array_foreach(unknown, i, one)
    {
        finq_id id;
        int settled;
        finq_id_parse(&id, json_string_value(one));
        if (finq_blob_is_placed(&settled, of->store, &id) && settled)
            json_array_append_new(of->left, json_string(json_string_value(one)));
    }
}

static ctl_exit asked_check(checking *of)
{
    json_t *unknown = NULL;
    ctl_exit code = of->asked->nelts > 0 ? unknown_ask(&unknown, of, of->asked) : CTL_OK;
    left_note(of, unknown);
    apr_pool_clear(of->pool);
    of->asked = apr_array_make(of->pool, ASKED_AT_ONCE, sizeof(const char *));
    return code;
}

static finq_error *file_seen(void *baton, const finq_id *id)
{
    checking *of = baton;
    if (!finq_blob_is_here(of->store, id)) {
        of->foreign++;
        return NULL;
    }
    of->files++;
    APR_ARRAY_PUSH(of->asked, const char *) = finq_id_text(id, of->pool);
    if (of->code == CTL_OK && of->asked->nelts == ASKED_AT_ONCE)
        of->code = asked_check(of);
    return NULL;
}

static ctl_exit all_files_check(checking *of)
{
    apr_pool_create(&of->pool, of->command->pool);
    of->asked = apr_array_make(of->pool, ASKED_AT_ONCE, sizeof(const char *));
    finq_error *error = finq_blob_each(of->store, file_seen, of, of->command->pool);
    if (error)
        return ctl_fail_with(error);
    return of->code == CTL_OK ? asked_check(of) : of->code;
}

/* ---- what was found ---- */

static const char *ids_list(const json_t *of, apr_pool_t *pool)
{
    apr_array_header_t *ids = apr_array_make(pool, (int)json_array_size(of), sizeof(const char *));
    const json_t *one;
    size_t i;
    json_array_foreach(of, i, one) APR_ARRAY_PUSH(ids, const char *) =
        json_is_string(one) ? json_string_value(one) : finq_json_string(one, "upload_id");
    return apr_pstrcat(pool, "{", apr_array_pstrcat(pool, ids, ','), "}", NULL);
}

static ctl_exit mend(apr_int64_t *mended, checking *of)
{
    json_t *answer;
    *mended = 0;
    if (!ctl_value(of->command, "--mend"))
        return CTL_OK;
    const char *values[] = {ids_list(of->lost, of->pool), ids_list(of->left, of->pool)};
    ctl_exit code = call(&answer, of, "SELECT finq.fsck_mend(p_lost => $1, p_left => $2)", values, 2);
    if (code == CTL_OK)
        *mended = json_integer_value(json_object_get(answer, "mended"));
    return code;
}

static ctl_exit say(checking *of, apr_int64_t mended)
{
    apr_int64_t troubles = (apr_int64_t)(json_array_size(of->lost) + json_array_size(of->left) + json_array_size(of->altered));
    json_t *said = json_pack("{s:I, s:I, s:O, s:O, s:O, s:I, s:I}", "documents", of->documents, "files", of->files, "lost",
                             of->lost, "left", of->left, "altered", of->altered, "foreign", of->foreign, "mended", mended);
    ctl_print(of->command, finq_json_text(finq_json_own(said, of->pool), of->pool));
    return troubles > mended ? CTL_FAILED : CTL_OK;
}

static ctl_exit store_open(checking *of)
{
    apr_pool_t *pool = of->command->pool;
    ctl_exit code = ctl_store_open(&of->store, of->command);
    finq_error *error = code == CTL_OK ? finq_blob_mark_learn(of->store, pool) : NULL;
    if (code != CTL_OK || error)
        return error ? ctl_fail(CTL_FAILED, "%s: no server keeps documents there", finq_error_why(error)) : code;
    finq_bytes mark = finq_blob_mark_of(of->store);
    of->mark = apr_pstrcat(pool, "\\x", apr_pencode_base16_binary(pool, mark.data, mark.length, APR_ENCODE_LOWER, NULL), NULL);
    return CTL_OK;
}

ctl_exit ctl_fsck(ctl_command *command)
{
    checking of = {.command = command,
                   .lost = finq_json_own(json_array(), command->pool),
                   .left = finq_json_own(json_array(), command->pool),
                   .altered = finq_json_own(json_array(), command->pool)};
    finq_data_keys *keys = NULL;
    apr_int64_t mended;
    ctl_exit code = store_open(&of);
    if (code == CTL_OK && !ctl_value(command, "--quick"))
        code = ctl_data_keys_load(&keys, command);
    of.keys = keys;
    if (code == CTL_OK)
        code = all_rows_check(&of);
    if (code == CTL_OK)
        code = all_files_check(&of);
    if (code == CTL_OK)
        code = mend(&mended, &of);
    return code == CTL_OK ? say(&of, mended) : code;
}
