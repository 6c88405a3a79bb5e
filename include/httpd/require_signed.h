/* Require finq-consent of a request that its tenant has signed (RFC 9421) instead of sending its secret. */
#ifndef FINQ_REQUIRE_SIGNED_H
#define FINQ_REQUIRE_SIGNED_H

#include "httpd/request.h"

/** Registers the filter that gives a body back. */
void finq_require_signed_register(void);

/** Whether a request is signed by a message signature. */
int finq_require_is_signed(const request_rec *r);

/** Proves that a client has signed the request that came in: its method, target and body, and which consent it bears. The body,
 * at most FinqMaxBody bytes, is read for that, and there again for who answers. A redirect or subrequest is proven by the request that
 * it came of. Errors: those of finq_access_prove, of finq_access_tenant, of the body; invalid_digest; invalid_signature where the
 * signature leaves the consent out, or was used before. */
finq_error *finq_require_signed(finq_request *request, const char *client_id);

#endif
