/* Steps: submitted once each, in order, and answered the same whenever they are sent again. */
#ifndef FINQ_STEP_H
#define FINQ_STEP_H

#include "finq_json.h"
#include "finq_session.h"

/** A submission. */
typedef struct finq_step_submission {
    const finq_session_pass *pass;
    const char *skill, *step;        /**< as the client names them */
    const json_t *data;
    const unsigned char *body_hash;  /**< SHA-256 of the compact body: what "the same request" means */
} finq_step_submission;

/** What its client is told (contract section 3). */
typedef struct finq_step_answer {
    finq_id step_id;
    const char *token;               /**< the next nonce, or after the last step the temp_token */
    apr_int64_t expires_at;          /**< of that token */
    const finq_skill_step *next;     /**< NULL after the last step */
} finq_step_answer;

/** Submits a step: one call, one effect, the same answer to the same request. Errors: invalid_skill_name, invalid_step,
 * invalid_input, missing_uploads, step_already_submitted, expired_nonce, expired_session, invalid_session_id,
 * unauthorized_tenant, invalid_client_app_key; those of a call. An error changes nothing. */
finq_error *finq_step_submit(finq_step_answer *answer, const finq_service *service,
                             const finq_step_submission *submission, apr_pool_t *pool);

/** The names of a step's required documents, as an array literal for SQL. */
const char *finq_step_required(const finq_skill_step *step, apr_pool_t *pool);

/** The error for an outcome that a SQL function reported; `missing` names uploads, `expected` a step, where they matter. */
finq_error *finq_step_outcome(const char *outcome, const char *missing, const char *expected, apr_pool_t *pool);

#endif
