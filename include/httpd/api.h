/* The endpoints, one function each, and the router that finds them. */
#ifndef FINQ_API_H
#define FINQ_API_H

#include "httpd/request.h"
#include "flow/session.h"

/** An endpoint: reads its request and puts the members of `reply`, or sets the request's answer_text; or returns what
 * went wrong. */
typedef finq_error *(*finq_endpoint)(finq_request *request, finq_json_writer *reply);

finq_error *finq_api_session_start(finq_request *request, finq_json_writer *reply);  /**< contract section 2 */
finq_error *finq_api_step_submit(finq_request *request, finq_json_writer *reply);    /**< contract section 3 */
finq_error *finq_api_upload(finq_request *request, finq_json_writer *reply);         /**< contract section 4 */
finq_error *finq_api_session_status(finq_request *request, finq_json_writer *reply); /**< contract section 5 */
finq_error *finq_api_session_resume(finq_request *request, finq_json_writer *reply); /**< contract section 5 */
finq_error *finq_api_redirect_return(finq_request *request, finq_json_writer *reply); /**< contract section 6 */
finq_error *finq_api_decision(finq_request *request, finq_json_writer *reply); /**< of a connector (conf/connector-openapi.yaml) */
finq_error *finq_api_token_exchange(finq_request *request, finq_json_writer *reply); /**< contract section 7 */
finq_error *finq_api_catalog_skills(finq_request *request, finq_json_writer *reply); /**< contract section 10 */
finq_error *finq_api_catalog_servicers(finq_request *request, finq_json_writer *reply);
finq_error *finq_api_describe(finq_request *request, finq_json_writer *reply); /**< conf/openapi.yaml */

/** Reads a client_id, the one place where a request may come by one. Errors: invalid_client_id (400) for what is no
 * UUID; unauthorized_tenant where the request's host serves one tenant (FinqTenant) and this is another, whether or not
 * it exists: nothing else has been looked at by then; those of finq_limits_tenant. */
finq_error *finq_api_client_id(finq_id *client_id, const char *text, finq_request *request);
/** finq_session_pass_open, and what is to be seen of it: whose request this is, or why the nonce is refused. */
finq_error *finq_api_nonce(finq_session_pass *pass, finq_request *request, const finq_id *client_id, const char *nonce,
                           int grace);
/** Adds an id, a time to a reply. */
void finq_api_put_id(finq_json_writer *reply, const char *name, const finq_id *id);
void finq_api_put_time(finq_json_writer *reply, const char *name, apr_int64_t seconds, apr_pool_t *pool);
/** Adds what a step asks for (contract section 3, `uploads`). */
void finq_api_put_uploads(finq_json_writer *reply, const finq_skill_step *step);

/** The content handler of SetHandler finq. */
int finq_router_handler(request_rec *r);
/** The process_connection hook: an answer that was held back is given on its connection's next turn. */
int finq_router_connection(conn_rec *c);
/** The translate_name and map_to_storage hooks: an API path is no file, so no directory is walked for it. */
int finq_router_translate(request_rec *r);
int finq_router_map(request_rec *r);

#endif
