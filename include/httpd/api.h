/* The endpoints, one function each, and what they put into their replies. */
#ifndef FINQ_API_H
#define FINQ_API_H

#include "httpd/request.h"
#include "flow/session.h"
#include "flow/upload.h"

/** An endpoint: reads its request and puts the members of `reply`, or sets the request's answer_text; or returns what
 * went wrong. */
typedef finq_error *(*finq_endpoint)(finq_request *request, finq_json_writer *reply);

finq_error *finq_api_session_start(finq_request *request, finq_json_writer *reply);   /**< contract section 2 */
finq_error *finq_api_step_submit(finq_request *request, finq_json_writer *reply);     /**< contract section 3 */
finq_error *finq_api_upload(finq_request *request, finq_json_writer *reply);          /**< contract section 4 */
finq_error *finq_api_upload_address(finq_request *request, finq_json_writer *reply);  /**< contract section 13 */
finq_error *finq_api_session_status(finq_request *request, finq_json_writer *reply);  /**< contract section 5 */
finq_error *finq_api_session_resume(finq_request *request, finq_json_writer *reply);  /**< contract section 5 */
finq_error *finq_api_session_back(finq_request *request, finq_json_writer *reply);    /**< contract section 5 */
finq_error *finq_api_session_cancel(finq_request *request, finq_json_writer *reply);  /**< contract section 5 */
finq_error *finq_api_redirect_return(finq_request *request, finq_json_writer *reply); /**< contract section 6 */
finq_error *finq_api_decision(finq_request *request,
                              finq_json_writer *reply); /**< of a connector (conf/connector-openapi.yaml) */
finq_error *finq_api_token_exchange(finq_request *request, finq_json_writer *reply); /**< contract section 7 */
finq_error *finq_api_consent_get(finq_request *request, finq_json_writer *reply);    /**< contract section 9 */
finq_error *finq_api_consent_delete(finq_request *request, finq_json_writer *reply);
finq_error *finq_api_consent_list(finq_request *request, finq_json_writer *reply);
finq_error *finq_api_consent_renew(finq_request *request, finq_json_writer *reply);
finq_error *finq_api_accounts(finq_request *request, finq_json_writer *reply); /**< contract section 11 */
finq_error *finq_api_balances(finq_request *request, finq_json_writer *reply);
finq_error *finq_api_transactions(finq_request *request, finq_json_writer *reply);
finq_error *finq_api_transactions_sync(finq_request *request, finq_json_writer *reply);
finq_error *finq_api_payment(finq_request *request, finq_json_writer *reply);        /**< contract section 11b */
finq_error *finq_api_catalog_skills(finq_request *request, finq_json_writer *reply); /**< contract section 10 */
finq_error *finq_api_catalog_servicers(finq_request *request, finq_json_writer *reply);
finq_error *finq_api_page_create(finq_request *request, finq_json_writer *reply); /**< contract section 16 */
finq_error *finq_api_page_renew(finq_request *request, finq_json_writer *reply);  /**< contract section 16 */
finq_error *finq_api_user_export(finq_request *request, finq_json_writer *reply); /**< contract section 15 */
finq_error *finq_api_user_erase(finq_request *request, finq_json_writer *reply);
finq_error *finq_api_keys(finq_request *request, finq_json_writer *reply);
finq_error *finq_api_describe(finq_request *request, finq_json_writer *reply); /**< conf/openapi.yaml */

/** What a request that may store a document holds of its child's threads: one of them, or neither. */
typedef struct finq_admission {
    int stranger;  /**< the permit of a form whose nonce has not come; 0 for none */
    int is_upload; /**< whether it counts as an upload under way */
} finq_admission;

/** Takes the permit of a form whose nonce stands in its body. Until that has come, nobody has shown that anything may be uploaded: such
 * a body takes no upload's permit, and has little time (`read_until`). Error: service_unavailable where too many are. */
finq_error *finq_api_admit_stranger(finq_admission *admission, finq_request *request);
/** Takes the permit of an upload under way, in the place of what is held. Error: service_unavailable where too many are; then none is
 * held. */
finq_error *finq_api_admit_upload(finq_admission *admission, finq_request *request);
/** Gives back what is held. */
void finq_api_admit_end(finq_admission *admission, finq_request *request);

/** Whether a request to upload asks for a protocol of resumption; its creation; and what OPTIONS tells of them (contract section 13). */
int finq_api_resumable_is(const finq_request *request);
finq_error *finq_api_resumable_create(finq_request *request, finq_json_writer *reply);
finq_error *finq_api_resumable_options(finq_request *request);

/** Who may upload to the step in the path. Errors: those of finq_intake_client_id and finq_intake_nonce; invalid_step_id. */
finq_error *finq_api_upload_pass(finq_session_pass *pass, finq_request *request, const char *client_id, const char *nonce);

/** Adds what is told of a document that was stored. */
void finq_api_put_upload(finq_json_writer *reply, finq_request *request, const finq_upload_answer *answer,
                         const finq_id *step_id);

/** Where a document of this request's host goes, and who scans it. */
finq_upload_way finq_api_upload_way(const finq_request *request);

/** Adds an id to a reply, and to what the log tells of the request. */
void finq_api_put_id(finq_json_writer *reply, finq_request *request, const char *name, const finq_id *id);
/** Has a consent's bank asked for its account data, once the request is answered, where it was not asked since its user was there: by
 * the consent, or by the session that leads to it (else NULL). */
void finq_api_refresh_afterwards(finq_request *request, const finq_id *credentials_id, const finq_id *session_id);
/** Adds a time to a reply. */
void finq_api_put_time(finq_json_writer *reply, const char *name, apr_int64_t seconds, apr_pool_t *pool);
/** Adds what is told of a session that has started, and counts it. */
void finq_api_put_started(finq_json_writer *reply, finq_request *request, const finq_id *client_id,
                          const finq_session_started *started);
/** Adds what a step asks for (contract section 3, `uploads`); where `uploaded` is not NULL, also which of it is there: an array of
 * their names. */
void finq_api_put_uploads(finq_json_writer *reply, const finq_skill_step *step, const apr_array_header_t *uploaded);

#endif
