/* Access: the hook that verifies signed requests, and what is asked of its proof as the body comes in. Where no signature
 * is required there is no proof, and each of the questions is answered at once. */
#ifndef FINQ_ACCESS_H
#define FINQ_ACCESS_H

#include "httpd/request.h"

/** The access_checker hook. A plain one: it runs again on internal redirects and subrequests, and leaves what it verified
 * in the request's own state. */
int finq_access_check(request_rec *r);

/** Verifies the request's signature, by one of the schemes: everything of it that needs no body. Errors: those of
 * finq_proof_make. */
finq_error *finq_access_prove(finq_request *request, unsigned schemes);

/** What stands against handling a request: its Location requires a proof, and it has none. NULL if nothing does. For
 * whoever handles it: with Satisfy Any the checker's refusal is not the last word. */
const finq_error *finq_access_demand(finq_request *request);

/** Before the body is read: begins what digests it as it arrives. */
void finq_access_body_begin(finq_request *request, int is_json);
/** Behind its end: compares its digest (of JSON, `body_hash`) with the signed one. Error: invalid_digest. */
finq_error *finq_access_body_end(finq_request *request);
/** Compares the signer with the client_id that the body names; NULL where it names none. Errors: invalid_signature,
 * missing_fields, invalid_client_id. */
finq_error *finq_access_tenant(finq_request *request, const char *client_id);
/** Uses up the request's jti or nonce: after finq_access_tenant, last, before anything takes effect. */
finq_error *finq_access_use(finq_request *request);

#endif
