/* Inside the jws room, and for its fuzzer: from a payload whose signature has been verified to claims. */
#ifndef FINQ_JWS_CLAIMS_H
#define FINQ_JWS_CLAIMS_H

#include "sign/jws.h"

/** Reads the payload of a JWS that `kid` has verified. */
finq_error *finq_claims_read(const finq_claims **claims, finq_bytes payload, const char *kid, apr_pool_t *pool);

#endif
