/* What the database holds sealed, opened for the operator who has the data-key file. */
#include "ctl.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "flow/sealed.h"
#include "json/json.h"

typedef struct {
    const finq_data_keys *keys; /* NULL: nothing is opened */
    int with_data;              /* what persons have entered is opened too */
    int lacks_key;              /* whether something was left out because there are no keys */
    finq_numbers *numbers;
    apr_pool_t *pool;
} opening;

static const char *data_key_file(const ctl_command *command)
{
    const char *path = ctl_value(command, "--data-key-file");
    return path ? path : getenv("FINQ_DATA_KEY_FILE");
}

ctl_exit ctl_data_keys_load(finq_data_keys **keys, const ctl_command *command)
{
    const char *path = data_key_file(command);
    if (!path)
        return ctl_fail(CTL_USAGE, "which data-key file? Give --data-key-file PATH (FinqDataKey's) or set FINQ_DATA_KEY_FILE");
    finq_error *error = finq_data_keys_load(keys, path, command->pool);
    return error ? ctl_fail(CTL_FAILED, "%s", finq_error_why(error)) : CTL_OK;
}

ctl_exit ctl_user_macs(const char **array, const finq_data_keys *keys, const char *client_id, const char *tenant_user_id,
                       apr_pool_t *pool)
{
    finq_id id;
    finq_id_parse(&id, client_id); /* its form has been checked */
    finq_error *error = finq_sealed_user_macs(array, keys, &id, tenant_user_id, pool);
    return error ? ctl_fail_with(error) : CTL_OK;
}

finq_bytes ctl_bytes(const char *digits, apr_pool_t *pool)
{
    finq_bytes bytes = {NULL, 0};
    if (digits)
        bytes.data = apr_pdecode_base16_binary(pool, digits, APR_ENCODE_STRING, APR_ENCODE_NONE, &bytes.length);
    return bytes;
}

/* ---- values ---- */

/* A value as finq.sealed tells it. Whose a session is is bound to the data key, and has no row's id. */
static finq_error *value_open(json_t **value, const json_t *sealed, const finq_data_key *key, opening *o)
{
    const char *kind = finq_json_string(sealed, "kind"), *text;
    int is_user = strcmp(kind, FINQ_SEALED_USER) == 0;
    finq_id of, id = *finq_data_key_owner(key);
    finq_id_parse(&of, finq_json_string(sealed, "of"));
    if (!is_user)
        finq_id_parse(&id, finq_json_string(sealed, "id"));
    FINQ_TRY(finq_data_key_open(&text, key, FINQ_DATA_PLACE(kind, &of, &id),
                                ctl_bytes(finq_json_string(sealed, "sealed"), o->pool), o->pool));
    if (is_user || strcmp(kind, FINQ_SEALED_LINK) == 0)
        *value = finq_json_own(json_string(text), o->pool);
    else
        FINQ_TRY(finq_json_stored(value, o->numbers, text, o->pool));
    return NULL;
}

static int is_sealed(const json_t *value)
{
    return json_is_object(value) && json_object_get(value, "sealed");
}

static finq_error *member_open(json_t *object, const char *name, const json_t *sealed, const finq_data_key *key, opening *o)
{
    json_t *value;
    int is_shown = o->with_data || strcmp(finq_json_string(sealed, "kind"), FINQ_SEALED_USER) == 0;
    if (is_shown && key) {
        FINQ_TRY(value_open(&value, sealed, key, o));
        json_object_set(object, name, value);
        return NULL;
    }
    o->lacks_key |= is_shown;
    json_object_del(object, name);
    return NULL;
}

/* With the key around it, where an object brings none of its own. */
static finq_error *tree_open(json_t *tree, finq_data_key *key, opening *o)
{
    const char *name, *wrapped = json_string_value(json_object_get(tree, "data_key"));
    json_t *child;
    void *next;
    size_t i;
    if (wrapped && o->keys)
        FINQ_TRY(finq_data_key_unwrap(&key, o->keys, ctl_bytes(wrapped, o->pool), o->pool));
    json_object_del(tree, "data_key");
    json_object_foreach_safe(tree, next, name, child)
        FINQ_TRY(is_sealed(child) ? member_open(tree, name, child, key, o) : tree_open(child, key, o));
    json_array_foreach(tree, i, child) FINQ_TRY(tree_open(child, key, o));
    return NULL;
}

/* ---- answers ---- */

static ctl_exit answer_open(const char **opened, opening *o, const char *json)
{
    json_t *wrapped;
    finq_error *error = finq_json_stored(&wrapped, o->numbers, apr_pstrcat(o->pool, "{\"answer\":", json, "}", NULL), o->pool);
    if (!error)
        error = tree_open(wrapped, NULL, o);
    if (error)
        return ctl_fail(CTL_FAILED, "%s", finq_error_why(error));
    *opened = finq_json_text_spelt(json_object_get(wrapped, "answer"), o->numbers, o->pool);
    return CTL_OK;
}

ctl_exit ctl_sealed_print(ctl_command *command, int with_data, const char *sql, const char *const *values, int count)
{
    opening o = {.with_data = with_data, .numbers = finq_numbers_make(command->pool), .pool = command->pool};
    finq_data_keys *keys = NULL;
    const char *json;
    ctl_exit code = with_data || data_key_file(command) ? ctl_data_keys_load(&keys, command) : CTL_OK;
    o.keys = keys;
    if (code == CTL_OK)
        code = ctl_db_call(&json, command, sql, values, count);
    if (code == CTL_OK)
        code = answer_open(&json, &o, json);
    if (code != CTL_OK)
        return code;
    if (o.lacks_key)
        ctl_fail(CTL_OK, "tenant_user_id is not shown: give --data-key-file PATH (FinqDataKey's) or set FINQ_DATA_KEY_FILE");
    ctl_print(command, json);
    return CTL_OK;
}
