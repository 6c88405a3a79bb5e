/* What comes in with a request: its body, whose it is, and that it is proven, where a proof is asked for. */
#ifndef FINQ_INTAKE_H
#define FINQ_INTAKE_H

#include "flow/session.h"
#include "httpd/request.h"

/** Reads the body as one JSON object, strictly parsed, of these `members`; hashes its compact form (the request's body_hash);
 * proves the request's signature and uses it up; reads `client_id`, which is one of the members. Errors: those of
 * finq_body_text, invalid_body, of finq_access, of finq_json_members, of finq_intake_client_id. */
finq_error *finq_intake_read(json_t **body, finq_id *client_id, finq_request *request, const finq_json_member *members);

/** Reads a client_id, the one place where a request may come by one. Errors: invalid_client_id (400) for what is no
 * UUID; unauthorized_tenant where the request's host serves one tenant (FinqTenant) and this is another, whether or not
 * it exists: nothing else has been looked at by then; those of finq_limits_tenant. */
finq_error *finq_intake_client_id(finq_id *client_id, const char *text, finq_request *request);
/** Gives back what became of a call that looks at a key (client_app_key, client_secret) before all else: past the refusals of
 * the key itself, whoever showed it is proven. */
finq_error *finq_intake_key(finq_request *request, finq_error *error);

/** finq_session_pass_open, and what is to be seen of it: whose request this is, or why the nonce is refused. */
finq_error *finq_intake_nonce(finq_session_pass *pass, finq_request *request, const finq_id *client_id, const char *nonce,
                              int grace);

#endif
