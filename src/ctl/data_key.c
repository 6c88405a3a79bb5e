/* finqctl data-key: which keys wrap what is stored, and wrapping it anew under the first. */
#include "ctl.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <stdio.h>
#include <string.h>

#include "flow/sealed.h"
#include "flow/sealed_tree.h"
#include "json/json.h"

typedef struct {
    ctl_command *command;
    const finq_data_keys *keys;
    const char *first; /* the id of the key that wraps */
    int failed;        /* rows that did not open */
} rewrapping;

static const char *hex(finq_bytes bytes, apr_pool_t *pool)
{
    return bytes.data ? apr_pencode_base16_binary(pool, bytes.data, (apr_ssize_t)bytes.length, APR_ENCODE_LOWER, NULL) : NULL;
}

/* The ids of the file's keys, as an array of SQL's. */
static const char *ids_list(const finq_data_keys *keys, apr_pool_t *pool)
{
    const char *list = "{";
    for (int i = 0; i < finq_data_keys_count(keys); i++)
        list = apr_pstrcat(pool, list, i > 0 ? "," : "", hex(finq_data_keys_id(keys, i), pool), NULL);
    return apr_pstrcat(pool, list, "}", NULL);
}

ctl_exit ctl_data_key_list(ctl_command *command)
{
    finq_data_keys *keys;
    ctl_exit code = ctl_data_keys_load(&keys, command);
    if (code != CTL_OK)
        return code;
    const char *values[] = {ids_list(keys, command->pool)};
    return ctl_db_print(command, "SELECT finq.data_key_list(p_keys => $1)", values, 1);
}

/* ---- rewrap ---- */

/* Puts a row as finq.data_key_put takes it: by the new key's HMAC a person is found from now on. */
static finq_error *row_rewrap(finq_json_writer *to, const rewrapping *r, const json_t *row, apr_pool_t *pool)
{
    const char *user, *wrapped_hex = finq_json_string(row, "data_key");
    finq_bytes wrapped = finq_sealed_bytes(wrapped_hex, pool), rewrapped, mac;
    finq_id client_id, renews;
    finq_id_parse(&client_id, finq_json_string(row, "client_id"));
    FINQ_TRY(finq_data_key_rewrap(&rewrapped, r->keys, wrapped, pool));
    FINQ_TRY(finq_sealed_user_read(&user, r->keys, wrapped, &client_id,
                                   finq_sealed_bytes(finq_json_string(row, "tenant_user_id"), pool), pool));
    int is_renewal = finq_id_parse(&renews, finq_json_string(row, "renews"));
    FINQ_TRY(finq_sealed_whose_mac(&mac, r->keys, &client_id, user, is_renewal ? &renews : NULL, pool));
    finq_json_open(to, NULL, '{');
    finq_json_put(to, "id", finq_json_string(row, "id"));
    finq_json_put(to, "data_key", wrapped_hex);
    finq_json_put(to, "rewrapped", hex(rewrapped, pool));
    finq_json_put(to, "user_mac", hex(mac, pool));
    finq_json_close(to, '}');
    return NULL;
}

/* A row that does not open is told of, and holds no other up. */
static ctl_exit rows_rewrap(int *done, rewrapping *r, ctl_command *command, const char *table, const json_t *rows)
{
    finq_json_writer *to = finq_json_write(command->pool);
    const char *answer;
    json_t *row;
    size_t i;
    finq_json_open(to, NULL, '[');
    json_array_foreach(rows, i, row)
    {
        finq_error *error = row_rewrap(to, r, row, command->pool);
        if (error)
            ctl_fail(CTL_OK, "%s %s stays as it is: %s", table, finq_json_string(row, "id"), finq_error_why(error));
        r->failed += error != NULL;
    }
    finq_json_close(to, ']');
    const char *values[] = {table, finq_json_written(to)};
    ctl_exit code = ctl_db_call(&answer, command, "SELECT finq.data_key_put(p_table => $1, p_rows => $2)", values, 2);
    *done = code == CTL_OK ? (int)apr_atoi64(answer) : 0;
    return code;
}

/* A batch; `after` moves on, NULL behind the last. Its memory goes with it. */
static ctl_exit batch(int *done, const char **after, rewrapping *r, const char *table)
{
    ctl_command command = *r->command; /* its connection, and a pool of its own */
    const char *values[] = {table, *after, r->first}, *json;
    json_t *found;
    apr_pool_create(&command.pool, r->command->pool);
    *done = 0;
    ctl_exit code =
        ctl_db_call(&json, &command, "SELECT finq.data_key_batch(p_table => $1, p_after => $2, p_key => $3)", values, 3);
    r->command->connection = command.connection;
    finq_error *error = code == CTL_OK ? finq_json_stored(&found, NULL, json, command.pool) : NULL;
    if (error)
        code = ctl_fail_with(error);
    if (code == CTL_OK && json_array_size(json_object_get(found, "rows")) > 0)
        code = rows_rewrap(done, r, &command, table, json_object_get(found, "rows"));
    if (code == CTL_OK)
        *after = apr_pstrdup(r->command->pool, finq_json_string(found, "next"));
    apr_pool_destroy(command.pool);
    return code;
}

/* Progress goes to standard error, a line a batch that did something. */
static ctl_exit table_rewrap(int *total, rewrapping *r, const char *table)
{
    const char *after = NULL;
    ctl_exit code;
    int done;
    *total = 0;
    do {
        code = batch(&done, &after, r, table);
        *total += done;
        if (done > 0)
            fprintf(stderr, "%s %d\n", table, *total);
    } while (code == CTL_OK && after);
    return code;
}

ctl_exit ctl_data_key_rewrap(ctl_command *command)
{
    static const struct {
        const char *table, *member;
    } tables[] = {
        {"session", "sessions"}, {"credential", "consents"},        {"payment", "payments"}, {"account_key", "tenants"},
        {"page", "pages"},       {"page_session", "page_sessions"}, {"feed", "references"},  {"revocation", "revocations"}};
    finq_data_keys *keys;
    const char *list, *told = "";
    int done;
    ctl_exit code = ctl_data_keys_load(&keys, command);
    if (code != CTL_OK)
        return code;
    rewrapping r = {command, keys, hex(finq_data_keys_id(keys, 0), command->pool), 0};
    for (size_t i = 0; i < sizeof tables / sizeof *tables && code == CTL_OK; i++) {
        code = table_rewrap(&done, &r, tables[i].table);
        told = apr_psprintf(command->pool, "%s\"%s\":%d,", told, tables[i].member, done);
    }
    if (code != CTL_OK)
        return code;
    const char *values[] = {ids_list(keys, command->pool)};
    code = ctl_db_call(&list, command, "SELECT finq.data_key_list(p_keys => $1)", values, 1);
    if (code == CTL_OK)
        ctl_print(command, apr_psprintf(command->pool, "{%s\"keys\":%s}", told, list));
    return code == CTL_OK && r.failed ? CTL_FAILED : code;
}
