/* JWS: the signed token of contract section 8. Built on finq_key alone: everything that a JWS library would
 * add here is something that this API must refuse (JWE, HMAC, embedded keys, crit), so strict parsing by hand
 * is the smaller risk.
 *
 * Two stages. Parsing gives what is needed to choose a key and nothing else; claims exist only in the value
 * that verification makes. Every error names the check that failed (finq_check). */
#ifndef FINQ_JWS_H
#define FINQ_JWS_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "ground/codec.h"
#include "ground/error.h"
#include "sign/key.h"

/** Longest JWS looked at, in bytes. */
#define FINQ_JWS_MAX 16384

/** A well-formed JWS that nothing is known of yet. */
typedef struct finq_jws finq_jws;

/** Claims under a good signature. Only finq_jws_verify makes one. */
typedef struct finq_claims {
    const char *kid;                     /**< the key that verified, whether the header named it or not */
    apr_int64_t issued, expires;         /**< `iat`, `exp`: seconds, 0 to the year 9999 */
    apr_int64_t not_before;              /**< `nbf`; 0 where absent */
    const char *issuer;                  /**< `iss`, which `sub` and `email` equal */
    const apr_array_header_t *audiences; /**< of const char *: `aud`, one or several */
    const char *digest;                  /**< `digest`, as sent */
    const char *jti;                     /**< NULL where absent */
} finq_claims;

/** What a server accepts. */
typedef struct finq_claims_policy {
    const char *audience;     /**< must be among `aud` */
    const char *issuer;       /**< must be `iss`; NULL = the caller compares it later */
    apr_int64_t max_lifetime; /**< most seconds from `iat` to `exp` */
    apr_int64_t skew_behind;  /**< seconds that the signer's clock may be late */
    apr_int64_t skew_ahead;   /**< seconds that it may be early */
    int require_jti;
} finq_claims_policy;

/** What the operator's command signs. */
typedef struct finq_jws_draft {
    const char *kid; /**< NULL: the thumbprint of the key's public half */
    const char *issuer, *audience, *digest;
    const char *jti; /**< NULL: none */
    apr_int64_t issued, expires;
} finq_jws_draft;

/** Takes the JWS out of the one `Authorization` header; `header` is NULL where none was sent. `*token` points
 * into `header`. Repeated headers, which httpd joins with a comma, are refused. */
finq_error *finq_jws_bearer(const char **token, const char *header, apr_pool_t *pool);

/** Parses strictly: three parts of canonical base64url, a header that says RS256 and asks for nothing else.
 * Costs no cryptography. Refused besides other algorithms: crit, b64, zip, enc, jwk, jku, x5u, x5c. Other
 * header members are ignored as RFC 7515 wants, x5t and x5t#S256 among them: they name a key without bringing
 * one. */
finq_error *finq_jws_parse(finq_jws **jws, const char *text, apr_size_t length, apr_pool_t *pool);

/** The header's kid; NULL where it has none. */
const char *finq_jws_kid(const finq_jws *jws);

/** Whom the token says that it is from, before anybody has checked it: for looking up whose keys to try where
 * the request names no tenant elsewhere, and for nothing else. The payload is read once: what is verified
 * later is not read again. Error: as of the claims' own check. */
finq_error *finq_jws_unproven_issuer(const char **issuer, finq_jws *jws, apr_pool_t *pool);

/** Verifies with the tenant's keys, an array of `const finq_key *`: with the one that the kid names, or,
 * without a kid, with each live RS256 key in turn, FINQ_KEY_MAX at most. Then reads the claims. */
finq_error *finq_jws_verify(const finq_claims **claims, const finq_jws *jws, const apr_array_header_t *keys, apr_pool_t *pool);

/** Checks verified claims against a policy at a time in seconds since 1970. Whether a jti was used before is
 * not known here: see finq_claims_replayed. */
finq_error *finq_claims_check(const finq_claims *claims, const finq_claims_policy *policy, apr_int64_t now, apr_pool_t *pool);

/** Compares `iss` with the identity of the tenant that the body names. */
finq_error *finq_claims_check_issuer(const finq_claims *claims, const char *issuer, apr_pool_t *pool);

/** Compares `digest` with the SHA-256 of the body's compact form, as the server computed it. */
finq_error *finq_claims_check_digest(const finq_claims *claims, const unsigned char computed[32], apr_pool_t *pool);

/** The error for a jti that the caller's store has seen before. */
finq_error *finq_claims_replayed(const finq_claims *claims, apr_pool_t *pool);

/** Signs a draft. `*jws` is the compact form, in `pool`. */
finq_error *finq_jws_sign(const char **jws, const finq_signer *signer, const finq_jws_draft *draft, apr_pool_t *pool);

#endif
