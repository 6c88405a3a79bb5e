/* What the database holds sealed, opened for the operator who has the data-key file. */
#include "ctl.h"

#include <apr_strings.h>
#include <stdlib.h>

#include "flow/sealed.h"
#include "flow/sealed_tree.h"
#include "json/json.h"

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

static ctl_exit answer_open(const char **opened, finq_sealed_tree *o, const char *json)
{
    json_t *wrapped;
    finq_error *error = finq_json_stored(&wrapped, o->numbers, apr_pstrcat(o->pool, "{\"answer\":", json, "}", NULL), o->pool);
    if (!error)
        error = finq_sealed_tree_open(o, wrapped);
    if (error)
        return ctl_fail(CTL_FAILED, "%s", finq_error_why(error));
    *opened = finq_json_text_spelt(json_object_get(wrapped, "answer"), o->numbers, o->pool);
    return CTL_OK;
}

ctl_exit ctl_sealed_print(ctl_command *command, int with_data, const char *sql, const char *const *values, int count)
{
    finq_sealed_tree o = {.with_data = with_data, .numbers = finq_numbers_make(command->pool), .pool = command->pool};
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
