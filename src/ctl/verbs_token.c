/* What is sealed in a token, for the operator who has the secret file. */
#include "ctl.h"

#include <stdio.h>
#include <string.h>

#include "crypto/secret_file.h"
#include "flow/token.h"
#include "ground/clock.h"
#include "json/json.h"

#define TEXT_MAX 8192

static const char *kind_name(finq_token_kind kind)
{
    switch (kind) {
    case FINQ_TOKEN_NONCE:
        return "nonce";
    case FINQ_TOKEN_TEMP:
        return "temp_token";
    case FINQ_TOKEN_PAGE:
        return "page";
    case FINQ_TOKEN_HANDOFF:
        return "handoff";
    case FINQ_TOKEN_STATE:
        return "state";
    case FINQ_TOKEN_UPLOAD:
        return "upload";
    }
    return "unknown";
}

static void put_id(finq_json_writer *to, const char *name, const finq_id *id)
{
    char text[FINQ_ID_TEXT + 1];
    finq_json_put(to, name, finq_id_write(text, id));
}

static void put_time(finq_json_writer *to, const char *name, apr_int64_t seconds, apr_pool_t *pool)
{
    finq_json_put(to, name, finq_clock_text(seconds, pool));
}

static void put_token(finq_json_writer *to, const finq_token *token, apr_pool_t *pool)
{
    finq_json_put(to, "kind", kind_name(token->kind));
    put_time(to, "expires_at", token->expires_at, pool);
    finq_json_put_bool(to, "expired", token->expires_at < apr_time_sec(apr_time_now()));
    put_id(to, "client_id", &token->client_id);
    put_id(to, "session_id", &token->session_id);
    put_time(to, "session_started", apr_time_sec(finq_id_time(&token->session_id)), pool);
    finq_json_put_integer(to, "skill_id", token->skill_id);
    finq_json_put_integer(to, "submission", token->ordinal);
    finq_json_put_integer(to, "place", token->place);
    finq_json_put_integer(to, "place_before", token->previous);
    finq_json_put_integer(to, "resumptions", token->generation);
    finq_json_put_bool(to, "late", token->late);
    if (token->app_key_id)
        finq_json_put_integer(to, "app_key_id", token->app_key_id);
    finq_json_put(to,
                  token->kind == FINQ_TOKEN_UPLOAD    ? "upload"
                  : token->kind == FINQ_TOKEN_HANDOFF ? "numbers"
                                                      : "tenant_user_id",
                  token->tenant_user_id);
    if (token->renews)
        put_id(to, token->kind == FINQ_TOKEN_HANDOFF ? "handoff" : "renews", token->renews);
}

static void put_secret(finq_json_writer *to, const finq_secrets *secrets, const finq_secret *secret)
{
    finq_json_open(to, "secret", '{');
    finq_json_put_integer(to, "id", finq_secret_id(secret));
    finq_json_put_integer(to, "place", finq_secrets_place(secrets, secret));
    finq_json_close(to, '}');
}

/* A line end behind the token is the shell's. */
static void line_end_remove(char *text, apr_size_t length)
{
    while (length > 0 && strchr("\r\n", text[length - 1]))
        text[--length] = '\0';
}

ctl_exit ctl_token_explain(ctl_command *command)
{
    static const char *const refusals[] = {
        [FINQ_SEAL_MALFORMED] = "malformed: no token has this form; one that was cut, quoted or wrapped has not either",
        [FINQ_SEAL_UNKNOWN_SECRET] = "unknown secret: what it names as its secret is not, or no longer, in this secret file",
        [FINQ_SEAL_FORGED] = "forged: it names a secret of this file, which has not sealed it; or it was altered since",
    };
    finq_secrets *secrets;
    finq_token token = {0};
    finq_seal seal;
    apr_size_t length;
    char *text;
    ctl_exit code = ctl_secrets_load(&secrets, command);
    if (code == CTL_OK)
        code = ctl_file_read(&text, &length, "-", TEXT_MAX, command->pool);
    if (code != CTL_OK)
        return code;
    line_end_remove(text, length);
    finq_error *error = finq_token_explain(&token, &seal, text, secrets, command->pool);
    finq_wipe(text, length);
    if (error)
        return ctl_fail_with(error);
    if (seal.state != FINQ_SEAL_INTACT)
        return ctl_fail(CTL_FAILED, "%s", refusals[seal.state]);
    finq_json_writer *to = finq_json_write(command->pool);
    finq_json_open(to, NULL, '{');
    put_token(to, &token, command->pool);
    put_secret(to, secrets, seal.secret);
    finq_json_close(to, '}');
    ctl_print(command, finq_json_written(to));
    return CTL_OK;
}
