#include "event.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <string.h>

#include "crypto/mac.h"
#include "ground/clock.h"

/* ---- signing: Standard Webhooks ---- */

/* The secret that a tenant was shown, from the server's secret and the salt. NULL if that secret has left the file. */
static const char *key_derive(const finq_secrets *secrets, apr_int32_t secret_id, const char *salt_hex, unsigned char *key,
                              apr_pool_t *pool)
{
    unsigned char salt[FINQ_SALT_BYTES];
    apr_size_t length;
    const finq_secret *secret = finq_secrets_find(secrets, secret_id);
    if (!secret || !salt_hex || strlen(salt_hex) != 2 * sizeof salt ||
        apr_decode_base16_binary(salt, salt_hex, 2 * (apr_ssize_t)sizeof salt, 0, &length) != APR_SUCCESS)
        return NULL;
    return finq_secret_webhook_key(key, secret, salt, pool) ? NULL : (const char *)key;
}

static const char *signature_add(const finq_secrets *secrets, const char *list, const json_t *event, const char *prefix,
                                 const char *signed_text, apr_pool_t *pool)
{
    unsigned char key[FINQ_WEBHOOK_KEY_BYTES], tag[32];
    json_t *id = json_object_get(event, apr_pstrcat(pool, prefix, "secret_id", NULL));
    const char *salt = finq_json_string(event, apr_pstrcat(pool, prefix, "salt", NULL));
    if (!json_is_integer(id) || !key_derive(secrets, (apr_int32_t)json_integer_value(id), salt, key, pool))
        return list;
    const finq_mac_piece signing = {key, sizeof key}, text = {signed_text, strlen(signed_text)};
    finq_error *error = finq_mac_with(tag, signing, text, pool);
    finq_wipe(key, sizeof key);
    if (error)
        return list;
    return apr_pstrcat(pool, list, *list ? " " : "", "v1,",
                       apr_pencode_base64_binary(pool, tag, sizeof tag, APR_ENCODE_NONE, NULL), NULL);
}

void ctl_event_message(post_message *message, const json_t *event, const finq_secrets *secrets, apr_pool_t *pool)
{
    message->url = apr_pstrdup(pool, finq_json_string(event, "url"));
    message->body = apr_pstrdup(pool, finq_json_string(event, "payload"));
    message->id = apr_pstrdup(pool, finq_json_string(event, "message_id"));
    message->timestamp = apr_psprintf(pool, "%" APR_TIME_T_FMT, finq_clock_seconds());
    const char *text = apr_pstrcat(pool, message->id, ".", message->timestamp, ".", message->body, NULL);
    message->signatures = signature_add(secrets, signature_add(secrets, "", event, "", text, pool), event, "old_", text, pool);
}

ctl_exit ctl_event_allowed(const char **allowed, const ctl_command *command)
{
    *allowed = ctl_value(command, "--allow-address");
    const char *problem = *allowed ? ctl_post_networks_problem(*allowed, command->pool) : NULL;
    return problem ? ctl_fail(CTL_USAGE, "--allow-address: %s", problem) : CTL_OK;
}
