/* The verbs about tenants and their keys. */
#include "ctl.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <stdio.h>
#include <string.h>

#include "crypto/digest.h"
#include "json/json.h"
#include "crypto/secrets.h"

#define KEY_BYTES 32

/* A new key and its hash, the latter as SQL writes bytea. */
static finq_error *key_make(const char **key, const char **hash, apr_pool_t *pool)
{
    unsigned char bytes[KEY_BYTES], digest[FINQ_DIGEST_SHA256];
    FINQ_TRY(finq_random(bytes, sizeof bytes, pool));
    *key = apr_pencode_base64_binary(pool, bytes, sizeof bytes, APR_ENCODE_BASE64URL, NULL);
    finq_digest_sha256(digest, *key, strlen(*key));
    *hash = apr_pstrcat(pool, "\\x", apr_pencode_base16_binary(pool, digest, sizeof digest, APR_ENCODE_LOWER, NULL), NULL);
    finq_wipe(bytes, sizeof bytes);
    return NULL;
}

/* Calls, and writes what comes with the new keys added, whose only copy this is. Names end with NULL. */
static ctl_exit print_with_keys(ctl_command *command, const char *sql, const char *const *values, int count,
                                const char *const *named_keys)
{
    const char *json;
    json_t *made;
    ctl_exit code = ctl_db_call(&json, command, sql, values, count);
    if (code != CTL_OK)
        return code;
    finq_error *error = finq_json_parse(&made, NULL, json, strlen(json), command->pool);
    if (error)
        return ctl_fail_with(error);
    for (; named_keys[0]; named_keys += 2)
        json_object_set_new(made, named_keys[0], json_string(named_keys[1]));
    ctl_print(command, finq_json_text(made, command->pool));
    return CTL_OK;
}

ctl_exit ctl_tenant_create(ctl_command *command)
{
    const char *values[4] = {ctl_value(command, "--name"), ctl_value(command, "--servicer")};
    const char *keys[] = {"client_secret", NULL, "client_app_key", NULL, NULL};
    finq_error *error = key_make(&keys[1], &values[2], command->pool);
    if (!error)
        error = key_make(&keys[3], &values[3], command->pool);
    if (error)
        return ctl_fail_with(error);
    return print_with_keys(command,
                           "SELECT finq.tenant_create(p_name => $1, p_servicer => $2, p_secret_hash => $3, "
                           "p_app_key_hash => $4)",
                           values, 4, keys);
}

ctl_exit ctl_tenant_rotate(ctl_command *command)
{
    int secret = ctl_value(command, "--secret") != NULL, app_key = ctl_value(command, "--app-key") != NULL;
    const char *values[4] = {ctl_value(command, "CLIENT_ID"), secret ? "SECRET" : "APP_KEY", NULL,
                             ctl_value(command, "--overlap")};
    const char *keys[] = {secret ? "client_secret" : "client_app_key", NULL, NULL};
    if (secret == app_key)
        return ctl_fail(CTL_USAGE, "which key? Give --secret or --app-key, one of them");
    finq_error *error = key_make(&keys[1], &values[2], command->pool);
    if (error)
        return ctl_fail_with(error);
    return print_with_keys(command, "SELECT finq.tenant_rotate(p_client_id => $1, p_kind => $2, p_hash => $3, p_overlap => $4)",
                           values, 4, keys);
}

ctl_exit ctl_tenant_allow(ctl_command *command)
{
    return ctl_db_print(command,
                        "SELECT finq.tenant_allow(p_client_id => $1, p_skill => $2, p_consent_duration => $3, "
                        "p_retention => $4)",
                        command->values, 4);
}

ctl_exit ctl_tenant_disallow(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.tenant_disallow(p_client_id => $1, p_skill => $2)", command->values, 2);
}

ctl_exit ctl_tenant_rename(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.tenant_rename(p_client_id => $1, p_name => $2)", command->values, 2);
}

ctl_exit ctl_tenant_delete(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.tenant_delete(p_client_id => $1)", command->values, 1);
}

ctl_exit ctl_tenant_list(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.tenant_list()", NULL, 0);
}

ctl_exit ctl_tenant_show(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.tenant_show(p_client_id => $1)", command->values, 1);
}

ctl_exit ctl_tenant_revoke(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.tenant_revoke(p_client_id => $1, p_key_id => $2)", command->values, 2);
}

ctl_exit ctl_tenant_disable(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.tenant_set_status(p_client_id => $1, p_status => 'DISABLED')", command->values, 1);
}

ctl_exit ctl_tenant_enable(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.tenant_set_status(p_client_id => $1, p_status => 'ACTIVE')", command->values, 1);
}
