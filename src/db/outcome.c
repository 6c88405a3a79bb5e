#include "db/outcome.h"

#include <string.h>

#include "db/pg.h"
#include "ground/text.h"

/* An outcome is the contract's code. To a caller with an app key and no session some have another message, or none. */
static const struct {
    const char *outcome, *message, *to_caller;
} outcomes[] = {
    {"expired_nonce",
     "nonce has expired; a session that has had its first step can be resumed by the tenant's server, else start a new one.",
     NULL},
    {"expired_session", "The session is too old to go on; start a new one.", NULL},
    {"invalid_nonce", "nonce is an older one of this session; go on with the newest.", NULL},
    {"invalid_session_id", "No session has this id.", NULL},
    {"invalid_step_id", "No step has this id.", NULL},
    {"step_already_submitted", "The step has been submitted with another body; go on with the nonce of that answer.", NULL},
    {"too_many_requests", "This document has been begun three times at once; end one of these, or let them come.", NULL},
    {"upload_gone", "There is no unfinished upload at this address.", NULL},
    {"unauthorized_tenant", "The tenant is disabled, or may not use this skill.", "The tenant is disabled."},
    {"invalid_client_id", "client_id is not known.", "client_id is not known."},
    {"invalid_client_secret", "client_secret is not one of this client's.", NULL},
    {"invalid_client_app_key", "The client_app_key that started this session has ended.",
     "client_app_key is not one of this client's."},
    {"service_unavailable", "The upload was given up; send it again.", NULL},
    {"invalid_credentials_id", "credentials_id is not one of this client's.", NULL},
    {"invalid_access_token", "access_token is not the one of this credentials_id.", NULL},
    {"inactive_credentials", "The consent has been deleted, or has expired.", NULL},
    {"invalid_skill_name", "skill must be the consent's own, or the same words with a higher version.", NULL},
    {"invalid_field", "cursor is of a moment that is kept no more; ask without one.", NULL},
    {"not_found", "No page has this id, or its time is up.", NULL},
    {"invalid_temp_token", "temp_token is not one that waits to be exchanged by this client.", NULL},
};

static finq_error *outcome_error(const char *outcome, int to_caller, apr_pool_t *pool)
{
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        const char *message = to_caller ? outcomes[i].to_caller : outcomes[i].message;
        if (message && strcmp(outcomes[i].outcome, outcome) == 0)
            return finq_error_make(pool, finq_code_by_name(outcome), "%s", message);
    }
    return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "database: unknown outcome \"%s\"", outcome);
}

static finq_error *missing_uploads(const char *missing, apr_pool_t *pool)
{
    const apr_array_header_t *documents = finq_pg_elements(missing, pool);
    finq_error *error = finq_error_make(pool, FINQ_E_MISSING_UPLOADS, "Upload first: %s.", finq_text_join(documents, pool));
    return finq_error_tell_texts(error, "documents", documents, pool);
}

finq_error *finq_outcome_error(const char *outcome, const char *missing, const char *refused, apr_pool_t *pool)
{
    if (strcmp(outcome, "missing_uploads") == 0)
        return missing_uploads(missing, pool);
    if (strcmp(outcome, "step_claimed") == 0)
        return finq_error_make(pool, FINQ_E_SERVICE_UNAVAILABLE,
                               "Another submission of this step is being decided; send it again.");
    if (strcmp(outcome, "invalid_step") == 0) /* it waits, or has ended: no step is expected */
        return finq_error_tell(finq_error_make(pool, FINQ_E_INVALID_STEP, "The session does not wait for step %s.", refused),
                               "expected_step", NULL, pool);
    return outcome_error(outcome, 0, pool);
}

finq_error *finq_outcome_refusal(const char *outcome, apr_pool_t *pool)
{
    return outcome_error(outcome, 1, pool);
}
