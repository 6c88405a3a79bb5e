#include "db/outcome.h"

#include <string.h>

finq_error *finq_outcome_error(const char *outcome, const char *missing, const char *expected, apr_pool_t *pool)
{
    static const struct {
        const char *outcome, *message;
    } rows[] = {
        {"expired_nonce", "nonce has expired; start a new session."},
        {"expired_session", "The session is too old to go on; start a new one."},
        {"invalid_nonce", "nonce is an older one of this session; go on with the newest."},
        {"invalid_session_id", "No session has this id."},
        {"invalid_step_id", "No step has this id."},
        {"step_already_submitted", "The step has been submitted with another body; go on with the nonce of that answer."},
        {"unauthorized_tenant", "The tenant is disabled, or may not use this skill."},
        {"invalid_client_id", "client_id is not known."},
        {"invalid_client_secret", "client_secret is not one of this client's."},
        {"invalid_client_app_key", "The client_app_key that started this session has ended."},
        {"service_unavailable", "The upload was given up; send it again."},
        {"inactive_credentials", "The consent has been deleted, or has expired."},
        {"invalid_temp_token", "temp_token is not one that waits to be exchanged by this client."},
    };
    if (strcmp(outcome, "missing_uploads") == 0)
        return finq_error_make(pool, FINQ_E_MISSING_UPLOADS, "Upload first: %s.", missing ? missing : "");
    if (strcmp(outcome, "invalid_step") == 0)
        return finq_error_make(pool, FINQ_E_INVALID_STEP, "The session does not wait for step %s.", expected);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].outcome, outcome) == 0)
            return finq_error_make(pool, finq_code_by_name(outcome), "%s", rows[i].message);
    }
    return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "database: unknown outcome \"%s\"", outcome);
}
