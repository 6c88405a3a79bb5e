/* Steps: submitted once each, in order, and answered the same whenever they are sent again. */
#ifndef FINQ_STEP_H
#define FINQ_STEP_H

#include "json/json.h"
#include "flow/session.h"
#include "flow/status.h"

/** For so many seconds a step is claimed for the attempt that its connector is asked about. */
#define FINQ_STEP_CLAIM 60

/** A submission. */
typedef struct finq_step_submission {
    const finq_session_pass *pass;
    const char *skill, *step; /**< as the client names them */
    const json_t *data;
    finq_numbers *numbers;          /**< how its numbers were spelt */
    const unsigned char *body_hash; /**< SHA-256 of what the body means: of "the same request" */
    int comes_home;                 /**< the link that it comes back to is a page of this server, which no tenant has to allow */
} finq_step_submission;

/** What its client is told (contract section 3). */
typedef struct finq_step_answer {
    finq_id step_id;
    finq_status status;
    const char *nonce;        /**< of the next step; NULL where the session waits or has ended */
    const char *temp_token;   /**< once the session is completed; else NULL */
    apr_int64_t expires_at;   /**< of that token */
    apr_int64_t submitted_at; /**< when, in seconds since 1970; of a step that is sent again, the first time */
    const char *next_step;    /**< with the nonce; else NULL */
    const char *data;         /**< an object, as JSON; NULL where nothing is told */
    const json_t *reasons;    /**< of a session that failed; NULL where nobody said */
} finq_step_answer;

/** What a submission leads to, once everybody who has a say was asked. */
typedef struct finq_step_plan {
    finq_data_key *key; /**< the session's: what is kept of the submission is sealed under it */
    finq_status status; /**< of the session, then */
    finq_waits waits;
    int next;                /**< place of the step that follows, from 1; 0 for none */
    const char *reply;       /**< `data` as JSON text; NULL for {} */
    const char *reasons;     /**< JSON array as text, or NULL */
    const char *return_link; /**< of a visit to a bank: the client's own page; else NULL */
    apr_int64_t return_until;
    int claimed; /**< whether the step is claimed for this attempt, by which its connector was asked */
    finq_id attempt;
    finq_id request_id; /**< tells a claim that is made again from another request's */
} finq_step_plan;

/** Plans a submission that fits its form: claims the step where a connector is in play, or waits while another attempt has it;
 * asks the connector that the skill names, and finds the branch. Where neither is
 * in play nobody is asked anything. Errors: those of the session's state, as of finq_step_submit; invalid_input where the
 * connector rejects the data; invalid_field for a link that is not allowed; external_api_*; service_unavailable where another
 * attempt goes on for too long. An error leaves nothing claimed. */
finq_error *finq_step_plan_make(finq_step_plan *plan, const finq_service *service, const finq_step_submission *submission,
                                apr_pool_t *pool);

/** Gives up what a plan has claimed, where it cannot be submitted. If that fails too, it is over by itself within a minute. */
void finq_step_plan_give_up(const finq_step_plan *plan, const finq_service *service, const finq_step_submission *submission,
                            apr_pool_t *pool);

/** Submits a step: one call, one effect, the same answer to the same request. Errors: invalid_skill_name, invalid_step,
 * invalid_input, missing_uploads, step_already_submitted, expired_nonce, expired_session, invalid_session_id,
 * unauthorized_tenant, invalid_client_app_key; those of a call. An error changes nothing. */
finq_error *finq_step_submit(finq_step_answer *answer, const finq_service *service, const finq_step_submission *submission,
                             apr_pool_t *pool);

#endif
