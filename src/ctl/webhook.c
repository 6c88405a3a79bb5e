/* finqctl webhook: where a tenant's events go. */
#include "event.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <string.h>

#include "ground/clock.h"
#include "ground/text.h"

ctl_exit ctl_webhook_set(ctl_command *command)
{
    unsigned char salt[FINQ_SALT_BYTES], key[FINQ_WEBHOOK_KEY_BYTES];
    finq_secrets *secrets;
    const char *json, *allowed;
    ctl_exit code = ctl_event_allowed(&allowed, command);
    if (code == CTL_OK)
        code = ctl_secrets_load(&secrets, command);
    if (code != CTL_OK)
        return code;
    const char *problem = ctl_post_url_problem(ctl_value(command, "URL"), allowed, command->pool);
    if (problem)
        return ctl_fail(CTL_FAILED, "%s: %s", ctl_value(command, "URL"), problem);
    const finq_secret *secret = finq_secrets_first(secrets);
    finq_error *error = finq_random(salt, sizeof salt, command->pool);
    if (!error)
        error = finq_secret_webhook_key(key, secret, salt, command->pool);
    if (error)
        return ctl_fail(CTL_FAILED, "%s", error->cause);
    const char *values[] = {
        ctl_value(command, "CLIENT_ID"), ctl_value(command, "URL"), apr_psprintf(command->pool, "%d", finq_secret_id(secret)),
        apr_pstrcat(command->pool, "\\x", apr_pencode_base16_binary(command->pool, salt, sizeof salt, APR_ENCODE_LOWER, NULL),
                    NULL),
        ctl_value(command, "--overlap") ? ctl_value(command, "--overlap") : "1440"};
    code = ctl_db_call(&json, command,
                       "SELECT finq.webhook_set(p_client_id => $1, p_url => $2, p_secret_id => $3, "
                       "p_salt => $4, p_overlap => $5)",
                       values, 5);
    if (code == CTL_OK)
        ctl_print(command, apr_psprintf(command->pool, "{\"client_id\":\"%s\",\"secret\":\"whsec_%s\"}", values[0],
                                        apr_pencode_base64_binary(command->pool, key, sizeof key, APR_ENCODE_NONE, NULL)));
    finq_wipe(key, sizeof key);
    return code;
}

ctl_exit ctl_webhook_list(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.webhook_list()", NULL, 0);
}

ctl_exit ctl_webhook_remove(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.webhook_remove(p_client_id => $1)", command->values, 1);
}

/* ---- a trial ---- */

/* Longer than any delivery takes. */
#define TRIAL_SECONDS 20

static json_t *trial_json(const ctl_command *command, const json_t *event, const post_message *message, apr_time_t spent)
{
    return finq_json_own(
        json_pack("{s:s, s:s, s:s, s:b, s:i, s:I, s:s*, s:s*, s:s*}", "url", message->url, "type",
                  finq_json_string(event, "type"), "message_id", message->id, "arrived", message->error == NULL, "status",
                  (int)message->status, "milliseconds", (json_int_t)apr_time_as_msec(spent), "answer",
                  message->answer ? finq_text_plain(message->answer, APR_SIZE_MAX, command->pool) : NULL, "error", message->error,
                  "mend",
                  message->error ? message->mend
                  : json_is_true(json_object_get(event, "enabled"))
                      ? NULL
                      : "the webhook is switched off, since nothing reached it for three days: webhook set turns it on"),
        command->pool);
}

/* Sends it as the outbox does, and waits for the answer. */
static ctl_exit trial_run(ctl_command *command, const json_t *event, const finq_secrets *secrets, const char *allowed)
{
    post_message message = {.error = "no answer came"};
    ctl_post *post = ctl_post_open(allowed, command->pool);
    apr_pool_t *pool;
    ctl_event_message(&message, event, secrets, command->pool);
    if (!*message.signatures)
        return ctl_fail(CTL_FAILED,
                        "the webhook's secret is not in the secret file: give the servers' own, or run webhook set again");
    apr_pool_create(&pool, command->pool);
    apr_time_t begun = finq_clock_steady();
    ctl_post_begin(post, &message, pool);
    ctl_post_next(post, apr_time_from_sec(TRIAL_SECONDS));
    ctl_print(command, finq_json_text(trial_json(command, event, &message, finq_clock_steady() - begun), command->pool));
    return message.error ? CTL_FAILED : CTL_OK;
}

ctl_exit ctl_webhook_test(ctl_command *command)
{
    const char *json, *allowed, *values[] = {ctl_value(command, "CLIENT_ID"), ctl_value(command, "--type")};
    finq_secrets *secrets;
    json_t *event;
    ctl_exit code = ctl_event_allowed(&allowed, command);
    if (code == CTL_OK)
        code = ctl_secrets_load(&secrets, command);
    if (code == CTL_OK)
        code = ctl_db_call(&json, command, "SELECT finq.webhook_test(p_client_id => $1, p_type => $2)", values, 2);
    if (code != CTL_OK)
        return code;
    finq_error *error = finq_json_parse(&event, NULL, json, strlen(json), command->pool);
    return error ? ctl_fail_with(error) : trial_run(command, event, secrets, allowed);
}
