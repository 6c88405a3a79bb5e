/* Sessions that wait: what their clients may know of them, and how they go on, go back, or end (contract section 5). */
#ifndef FINQ_WAITING_H
#define FINQ_WAITING_H

#include "db/calls.h"
#include "json/json.h"
#include "flow/session.h"
#include "flow/status.h"

/** A document of a step that is there. */
typedef struct finq_waiting_upload {
    const char *document;
    apr_int64_t size;
} finq_waiting_upload;

/** Which of an array of them (NULL for none) is this document; NULL where it is not there. */
const finq_waiting_upload *finq_waiting_upload_find(const apr_array_header_t *uploaded, const char *document);

/** What a client is told of its session. */
typedef struct finq_waiting_answer {
    finq_status status;
    apr_int64_t updated_at; /**< since when, in seconds since 1970 */
    int waits;              /**< whether there is nothing to go on with yet */
    finq_id session_id;
    const finq_published *published;    /**< its skill */
    const char *tenant_user_id;         /**< NULL where it was started without one */
    const finq_skill_step *step;        /**< the last one submitted; NULL where there has been none: then these are not set: */
    finq_id step_id;                    /**< its id */
    const apr_array_header_t *uploaded; /**< of finq_waiting_upload: which of its documents are there */
    apr_int64_t expires_at;             /**< of the token, or of the nonce that is held; 0 where the session has ended */
    const char *nonce;                  /**< NULL where there is none to give: the session waits, or the client holds it; beside a
                                 temp_token it is for the last step's uploads */
    const char *temp_token;             /**< once the session is completed; else NULL */
    const char *next_step;              /**< NULL where none is expected */
    const char *data;      /**< what a connector told, as JSON; while the user is at a bank, its address; NULL for nothing */
    const json_t *reasons; /**< why it failed or asks for the step again; NULL where nobody said */
} finq_waiting_answer;

/** What a call said of a session (of this client, with this id), as its client is told. Errors: the outcome's; service_unavailable. */
finq_error *finq_waiting_read(finq_waiting_answer *answer, const finq_service *service, const finq_session_standing_row *row,
                              const finq_id *client_id, const finq_id *session_id, apr_pool_t *pool);

/** How a session stands, for whom holds its last nonce. Errors: invalid_nonce, unauthorized_tenant, invalid_session_id;
 * those of a call. */
finq_error *finq_waiting_status(finq_waiting_answer *answer, const finq_service *service, const finq_session_pass *pass,
                                apr_pool_t *pool);

/** A session that a client waits for. */
typedef struct finq_waiting_session {
    finq_id session_id;
    int generation; /**< of the client's nonce */
} finq_waiting_session;

/** One look at many sessions that were waiting: which of them a client should ask about again. `*places` are theirs among
 * `sessions`, of finq_waiting_session: an array of int, rising, from 0. Errors: those of a call. */
finq_error *finq_waiting_settled(apr_array_header_t **places, finq_db *db, const apr_array_header_t *sessions, apr_pool_t *pool);

/** A resumption asked for by the tenant's server. */
typedef struct finq_waiting_resumption {
    finq_id client_id;
    const char *client_secret;
    const char *session_id; /**< as in the path */
} finq_waiting_resumption;

/** Resumes a session elsewhere: a fresh token for where it stands; the nonces given before stop working. Errors:
 * invalid_client_id, invalid_client_secret, unauthorized_tenant, invalid_session_id; those of a call. */
finq_error *finq_waiting_resume(finq_waiting_answer *answer, const finq_service *service,
                                const finq_waiting_resumption *resumption, apr_pool_t *pool);

/** A page that is opened again. */
typedef struct finq_waiting_page {
    finq_id client_id, page_id;
    int generation;     /**< of its address */
    finq_id session_id; /**< its session, which has had a step */
} finq_waiting_page;

/** Resumes a page's session for whoever has its address: as finq_waiting_resume, but that one which has ended is told without a token.
 * Errors: not_found, unauthorized_tenant, invalid_session_id; those of a call. */
finq_error *finq_waiting_resume_page(finq_waiting_answer *answer, const finq_service *service, const finq_waiting_page *page,
                                     apr_pool_t *pool);

/** Goes back to the step before the expected one, which the nonce is for: as often as it is asked with one nonce, once. Waits while
 * a connector is asked about the expected step. Errors: those of finq_waiting_status; invalid_step where no way leads back;
 * step_already_submitted, expired_session; service_unavailable where the connector takes too long. */
finq_error *finq_waiting_back(finq_waiting_answer *answer, const finq_service *service, const finq_session_pass *pass,
                              apr_pool_t *pool);

/** A cancellation, by its user's nonce or by the tenant's server. */
typedef struct finq_waiting_cancellation {
    finq_id client_id;
    const char *session_id;        /**< as in the path */
    const char *client_secret;     /**< NULL where a nonce was shown */
    const finq_session_pass *pass; /**< of that nonce; else NULL */
} finq_waiting_cancellation;

/** Ends a session: SESSION_FAILED, with the reason "cancelled"; one that has failed or expired is told as it stands. Waits as
 * finq_waiting_back does. Errors: those of finq_waiting_status or finq_waiting_resume; invalid_step where the session is
 * completed, or a bank may have an order of it; service_unavailable. */
finq_error *finq_waiting_cancel(finq_waiting_answer *answer, const finq_service *service,
                                const finq_waiting_cancellation *cancellation, apr_pool_t *pool);

/** Carries out a connector's decision over a step that waits. `*status` is the session's, then. Errors: invalid_step_id for a
 * step that is not this connector's; step_already_submitted for one that does not wait; those of a call. */
finq_error *finq_waiting_decide(finq_status *status, const finq_service *service, const finq_connector_decision *decision,
                                const char *connector, apr_pool_t *pool);

#endif
