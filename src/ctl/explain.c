/* finqctl explain: what a log knows of an id, line by line, and what the database does. */
#include "ctl.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/id.h"
#include "ground/text.h"
#include "json/json.h"

#define TAG_LENGTH 6

/* As the manual on operation has them; a test compares. */
typedef struct {
    const char *name, *meaning, *mend;
} tag_row;

static const tag_row tags[] = {
    {"FINQ01", "a child could make no lock at its start; all its requests get 503",
     "look at the machine's memory and limits; restart"},
    {"FINQ02", "a child could not open the upload directory; uploads get 503", "mend owner and mode, then a graceful restart"},
    {"FINQ03", "the request got a 5xx; behind its code stands the true cause",
     "see the causes of FINQ03 in the manual on operation"},
    {"FINQ04", "the request was refused; behind its code stands what the client was told",
     "as a rule nothing: it is for the client to mend; after unauthorized_tenant see finqctl tenant show, and tenant allow"},
    {"FINQ06", "no shared memory for limits and counters; the server does not start", "see the machine's memory and limits"},
    {"FINQ07", "/ready answered 503", "see the causes of FINQ03 in the manual on operation"},
    {"FINQ08", "a connector was asked in vain", "see the cause; mod_proxy's own lines stand beside it"},
    {"FINQ09", "the request led below FinqUploadDir and got 404", "remove the link or mount that leads there"},
    {"FINQ10", "how the request ended, and what was known of it", "nothing"},
    {"FINQ11", "a job or a file of the janitor failed; its next run tries again",
     "see the cause: the database, or owner and mode of the file"},
    {"FINQ12", "what a run of the janitor did", "nothing"},
    {"FINQ13", "mod_watchdog is not there, which calls the janitor; the server does not start", "a2enmod watchdog, or load it"},
    {"FINQ14", "a document's file was altered or cut; whoever read it got the bytes before that place",
     "restore the file from a backup; find out who wrote there"},
    {"FINQ18", "a consent's account data could not be had from its bank while nobody waited: `[id] account data: cause`",
     "see the cause; the refresher tries again, and so does a call of the tenant's with `wait`"},
    {"FINQ19", "a bank could not be asked how a payment stands: `[id] how a payment stands: cause`",
     "nothing: it is asked again, after gaps that grow; see FINQ08"},
    {"FINQ20", "a connector has not taken back what its bank gave for a consent that has ended: `[id] a consent's end: cause`",
     "see the cause; it is asked again, for 30 days"},
    {"FINQ17", "the sandbox bank could not decide later: its user went back, or the session ended", "nothing"},
    {NULL, NULL, NULL},
};

/* A log that is read more than once: what is asked for, and the requests that were found to be about it. */
typedef struct {
    FILE *file;
    apr_hash_t *ids;
    json_t *lines;
    apr_pool_t *pool;
} log_reading;

static const tag_row *tag_of(const char *line)
{
    const char *found = strstr(line, "FINQ");
    const tag_row *row = tags;
    while (row->name && !(found && strncmp(row->name, found, TAG_LENGTH) == 0 && found[TAG_LENGTH] == ':'))
        row++;
    return row->name ? row : NULL;
}

/* The request that a line of ours is about: it stands in brackets behind the tag. */
static int request_of(char id[FINQ_ID_TEXT + 1], const char *line)
{
    const tag_row *row = tag_of(line);
    const char *open = row ? strstr(line, row->name) + TAG_LENGTH : NULL;
    finq_id parsed;
    if (!open || strncmp(open, ": [", 3) != 0 || strlen(open + 3) <= FINQ_ID_TEXT || open[3 + FINQ_ID_TEXT] != ']')
        return 0;
    apr_cpystrn(id, open + 3, FINQ_ID_TEXT + 1);
    return finq_id_parse(&parsed, id);
}

/* Whether one of the ids stands in a line: each place where a UUID could begin is looked up. */
static int names_one(const log_reading *log, const char *line)
{
    size_t length = strlen(line);
    for (const char *dash = line; (dash = strchr(dash, '-')) != NULL; dash++) {
        const char *from = dash - 8;
        if (from >= line && from + FINQ_ID_TEXT <= line + length && apr_hash_get(log->ids, from, FINQ_ID_TEXT))
            return 1;
    }
    return 0;
}

/* Lines that name the id may name the requests that were about it. */
static void requests_find(log_reading *log)
{
    char *line = NULL, id[FINQ_ID_TEXT + 1];
    size_t room = 0;
    apr_array_header_t *found = apr_array_make(log->pool, 8, sizeof(const char *));
    while (getline(&line, &room, log->file) >= 0) {
        if (names_one(log, line) && request_of(id, line))
            APR_ARRAY_PUSH(found, const char *) = apr_pstrdup(log->pool, id);
    }
    free(line);
    for (int i = 0; i < found->nelts; i++)
        apr_hash_set(log->ids, APR_ARRAY_IDX(found, i, const char *), FINQ_ID_TEXT, "");
}

static json_t *line_json(const log_reading *log, int number, char *line)
{
    const tag_row *row = tag_of(line);
    line[strcspn(line, "\r\n")] = '\0';
    return json_pack("{s:i, s:s*, s:s*, s:s*, s:s}", "line", number, "tag", row ? row->name : NULL, "meaning",
                     row ? row->meaning : NULL, "mend", row ? row->mend : NULL, "text",
                     finq_text_plain(line, APR_SIZE_MAX, log->pool));
}

static void lines_find(log_reading *log)
{
    char *line = NULL;
    size_t room = 0;
    for (int number = 1; getline(&line, &room, log->file) >= 0; number++) {
        if (names_one(log, line))
            json_array_append_new(log->lines, line_json(log, number, line));
    }
    free(line);
}

/* What comes by a pipe is kept, in a file without a name, to be read twice. */
static FILE *pipe_keep(FILE *from)
{
    char bytes[65536];
    FILE *kept = tmpfile();
    for (size_t length; kept && (length = fread(bytes, 1, sizeof bytes, from)) > 0;)
        fwrite(bytes, 1, length, kept);
    return kept;
}

static ctl_exit log_read(log_reading *log, const char *path)
{
    FILE *opened = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    log->file = opened && fseek(opened, 0, SEEK_SET) != 0 ? pipe_keep(opened) : opened;
    if (!log->file)
        return ctl_fail(CTL_FAILED, "%s: %s", path, strerror(errno));
    rewind(log->file);
    requests_find(log);
    rewind(log->file);
    lines_find(log);
    int failed = ferror(log->file);
    if (log->file != stdin)
        fclose(log->file);
    return failed ? ctl_fail(CTL_FAILED, "%s cannot be read", path) : CTL_OK;
}

/* What is null, or an empty list, is left out. Returns how much is left. */
static size_t known_put(json_t *into, const json_t *known)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)known, name, value)
    {
        if (!json_is_null(value) && !(json_is_array(value) && json_array_size(value) == 0))
            json_object_set(into, name, value);
    }
    return json_object_size(into);
}

static ctl_exit database_ask(json_t *into, ctl_command *command, const char *id)
{
    const char *json;
    json_t *known;
    ctl_exit code = ctl_db_call(&json, command, "SELECT finq.explain(p_id => $1)", &id, 1);
    if (code != CTL_OK)
        return code;
    finq_error *error = finq_json_stored(&known, NULL, json, command->pool);
    if (error)
        return ctl_fail_with(error);
    known_put(into, known);
    return CTL_OK;
}

ctl_exit ctl_explain(ctl_command *command)
{
    log_reading log = {NULL, apr_hash_make(command->pool), json_array(), command->pool};
    json_t *shown = finq_json_own(json_pack("{s:o}", "log", log.lines), command->pool);
    const char *path = ctl_value(command, "--log");
    ctl_exit code = CTL_OK;
    finq_id id;
    finq_id_parse(&id, ctl_value(command, "ID")); /* its form has been checked */
    const char *text = finq_id_text(&id, command->pool);
    if (!path && !command->conninfo)
        return ctl_fail(CTL_USAGE, "which log, or which database? Give --log FILE, --db CONNINFO, or both");
    apr_hash_set(log.ids, text, FINQ_ID_TEXT, "");
    if (path)
        code = log_read(&log, path);
    if (code == CTL_OK && command->conninfo)
        code = database_ask(shown, command, text);
    if (code != CTL_OK)
        return code;
    if (json_array_size(log.lines) == 0 && json_object_size(shown) == 1)
        return path ? ctl_fail(CTL_NOT_FOUND,
                               "nothing is known of %s there. FINQ04 needs LogLevel finq:info, and FINQ10 finq:debug", text)
                    : ctl_fail(CTL_NOT_FOUND, "the database knows nothing of %s; of requests the error log tells: --log FILE",
                               text);
    ctl_print(command, finq_json_text(shown, command->pool));
    return CTL_OK;
}
