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

/* ---- what pages look like ---- */

#define LOGO_MOST 65536

/* By its first bytes; NULL for another kind. A browser shows it as a picture, and nothing in it runs. */
static const char *picture_type(const char *bytes, apr_size_t length)
{
    if (length > 8 && memcmp(bytes, "\x89PNG", 4) == 0)
        return "image/png";
    if (length > 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0)
        return "image/jpeg";
    if (length > 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0)
        return "image/webp";
    return length > 5 && (strncmp(bytes, "<svg", 4) == 0 || strncmp(bytes, "<?xml", 5) == 0) ? "image/svg+xml" : NULL;
}

static ctl_exit logo_read(const char **bytea, const char **type, ctl_command *command, const char *path)
{
    char *bytes;
    apr_size_t length;
    ctl_exit code = ctl_file_read(&bytes, &length, path, LOGO_MOST, command->pool);
    if (code != CTL_OK)
        return code;
    *type = picture_type(bytes, length);
    if (!*type)
        return ctl_fail(CTL_FAILED, "%s is no PNG, JPEG, WebP or SVG", path);
    *bytea = apr_pstrcat(
        command->pool, "\\x",
        apr_pencode_base16_binary(command->pool, (unsigned char *)bytes, (apr_ssize_t)length, APR_ENCODE_LOWER, NULL), NULL);
    return CTL_OK;
}

ctl_exit ctl_tenant_brand(ctl_command *command)
{
    const char *values[7] = {ctl_value(command, "CLIENT_ID"),
                             ctl_value(command, "--name"),
                             ctl_value(command, "--colour"),
                             ctl_value(command, "--dark-colour"),
                             NULL,
                             NULL,
                             ctl_value(command, "--clear") ? "true" : "false"};
    const char *logo = ctl_value(command, "--logo");
    ctl_exit code = logo ? logo_read(&values[4], &values[5], command, logo) : CTL_OK;
    if (code != CTL_OK)
        return code;
    return ctl_db_print(
        command,
        "SELECT finq.brand_set(p_client_id => $1, p_name => $2, p_colour => $3, p_dark_colour => $4, p_logo => $5, "
        "p_logo_type => $6, p_clear => $7)",
        values, 7);
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
