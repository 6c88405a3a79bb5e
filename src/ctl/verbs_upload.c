/* finqctl upload: documents, for the operator. */
#include "ctl.h"

#include <apr_encode.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "documents/blob.h"
#include "json/json.h"

#define PIECE 65536

ctl_exit ctl_upload_list(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.upload_listed(p_session_id => $1)", command->values, 1);
}

ctl_exit ctl_store_open(finq_blob_store **store, const ctl_command *command)
{
    const char *dir = ctl_value(command, "--upload-dir") ? ctl_value(command, "--upload-dir") : getenv("FINQ_UPLOAD_DIR");
    if (!dir || !*dir)
        return ctl_fail(CTL_USAGE, "which directory? Give --upload-dir PATH (FinqUploadDir's) or set FINQ_UPLOAD_DIR");
    finq_error *error = finq_blob_store_open_read(store, dir, command->pool);
    return error ? ctl_fail(CTL_FAILED, "%s", finq_error_why(error)) : CTL_OK;
}

/* The data key of the document's session, of what the database answered. */
static finq_error *key_unwrap(finq_data_key **key, const finq_data_keys *keys, const char *answer, apr_pool_t *pool)
{
    json_t *row;
    apr_size_t length;
    FINQ_TRY(finq_json_parse(&row, NULL, answer, strlen(answer), pool));
    const char *wrapped = finq_json_string(row, "data_key");
    const unsigned char *bytes =
        apr_pdecode_base16_binary(pool, wrapped ? wrapped : "", APR_ENCODE_STRING, APR_ENCODE_NONE, &length);
    return finq_data_key_unwrap(key, keys, (finq_bytes){bytes, length}, pool);
}

static ctl_exit bytes_write(const finq_source *source)
{
    static unsigned char piece[PIECE];
    for (off_t at = 0; at < source->size; at += PIECE) {
        apr_size_t n = finq_source_peek(source, piece, PIECE, at);
        if (n == 0)
            return ctl_fail(CTL_FAILED, "the document cannot be read at byte %lld: its file was altered, or cut", (long long)at);
        if (fwrite(piece, 1, n, stdout) != n)
            return ctl_fail(CTL_FAILED, "standard output: %s", strerror(errno));
    }
    finq_wipe(piece, sizeof piece);
    return fflush(stdout) == 0 ? CTL_OK : ctl_fail(CTL_FAILED, "standard output: %s", strerror(errno));
}

ctl_exit ctl_upload_get(ctl_command *command)
{
    finq_blob_store *store;
    finq_data_keys *keys;
    finq_data_key *key;
    finq_source source;
    const char *answer;
    finq_id id;
    if (isatty(STDOUT_FILENO))
        return ctl_fail(CTL_USAGE, "a document is for no terminal: finqctl upload get UPLOAD_ID > file");
    finq_id_parse(&id, ctl_value(command, "UPLOAD_ID")); /* its form has been checked */
    ctl_exit code = ctl_store_open(&store, command);
    if (code == CTL_OK)
        code = ctl_data_keys_load(&keys, command);
    if (code == CTL_OK)
        code = ctl_db_call(&answer, command, "SELECT finq.upload_got(p_upload_id => $1)", command->values, 1);
    if (code != CTL_OK)
        return code;
    finq_error *error = key_unwrap(&key, keys, answer, command->pool);
    if (!error)
        error = finq_blob_open(&source, store, &id, key, command->pool);
    if (error && error->code == FINQ_E_NOT_FOUND)
        return ctl_fail(CTL_NOT_FOUND, "the document is not in this directory: give that of its server's FinqUploadDir");
    return error ? ctl_fail(CTL_FAILED, "%s", finq_error_why(error)) : bytes_write(&source);
}
