/* Message signatures: RFC 9421 on requests, with the Content-Digest of RFC 9530. In two stages, as JWS: what
 * verification makes is the only thing that says who signed and what. Errors name the check that failed
 * (finq_check). */
#ifndef FINQ_HTTPSIG_H
#define FINQ_HTTPSIG_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "ground/codec.h"
#include "ground/error.h"
#include "sign/key.h"

/** Most signatures in one message, components in one signature, and bytes in one of the fields. */
#define FINQ_HTTPSIG_SIGNATURES_MAX 4
#define FINQ_HTTPSIG_COMPONENTS_MAX 32
#define FINQ_HTTPSIG_FIELD_MAX 8192

/** A part of a message that a signature covers. */
typedef struct finq_httpsig_component {
    const char *name;       /**< "@method", or a field's name in lower case */
    const char *query_name; /**< "@query-param" only: its `name` parameter; else NULL */
} finq_httpsig_component;

/** The message, as the caller has it. */
typedef struct finq_httpsig_message {
    /** The value of a component, repeated fields joined by ", "; NULL where the message has none, or the
     * caller does not offer it. finq_httpsig_derive answers for the derived ones. */
    const char *(*component)(void *baton, const finq_httpsig_component *component, apr_pool_t *pool);
    void *baton;
} finq_httpsig_message;

/** What the derived components of a request are made from. */
typedef struct finq_httpsig_request {
    const char *method;
    const char *scheme;    /**< "https" */
    const char *authority; /**< the Host header */
    const char *target;    /**< the request target as it stood in the request line: "/v1s/sessions?x=1" */
} finq_httpsig_request;

/** Parsed signatures that nothing is known of yet. */
typedef struct finq_httpsig finq_httpsig;

/** A signature that has been verified. Only finq_httpsig_verify makes one. */
typedef struct finq_httpsig_proof {
    const char *label, *kid;
    const apr_array_header_t *components; /**< of finq_httpsig_component: what is signed */
    apr_int64_t created, expires;         /**< -1 where absent */
    const char *nonce, *tag;              /**< NULL where absent */
    const char *content_digest;           /**< the signed Content-Digest field; NULL where it is not covered */
} finq_httpsig_proof;

/** What a server accepts. */
typedef struct finq_httpsig_policy {
    apr_int64_t max_lifetime; /**< most seconds from `created` to the end */
    apr_int64_t skew_behind, skew_ahead;
    int require_nonce;
} finq_httpsig_policy;

/** A Content-Digest field: the digests of it that are understood, at least one. */
typedef struct finq_content_digest {
    finq_bytes sha256; /**< 32 bytes; NULL data where absent */
    finq_bytes sha512; /**< 64 bytes; NULL data where absent */
} finq_content_digest;

/** What the operator's command signs. */
typedef struct finq_httpsig_draft {
    const char *kid;   /**< KID or OWNER/KID; NULL: the thumbprint of the key's public half */
    const char *nonce; /**< NULL: none */
    apr_int64_t created, expires;
} finq_httpsig_draft;

/** Parses the fields Signature-Input and Signature (NULL where not sent; repeated ones joined by ", "):
 * Structured Fields of RFC 8941, of which only inner lists of strings, and the parameters created, expires,
 * nonce, alg, keyid and tag are accepted. Each label stands in both fields. Costs no cryptography. */
finq_error *finq_httpsig_parse(finq_httpsig **signatures, const char *input, const char *signature, apr_pool_t *pool);

/** The keyids that the signatures name, KID or OWNER/KID, in order: an array of const char *, for looking keys up. */
const apr_array_header_t *finq_httpsig_kids(const finq_httpsig *signatures, apr_pool_t *pool);

/** Verifies the first signature whose keyid is one of `keys` (an array of `const finq_key *`), and no other:
 * at most one public-key operation. Says nothing about what is covered or how old it is: that is
 * finq_httpsig_check. */
finq_error *finq_httpsig_verify(const finq_httpsig_proof **proof, const finq_httpsig *signatures,
                                const finq_httpsig_message *message, const apr_array_header_t *keys, apr_pool_t *pool);

/** Checks a verified signature: it covers at least @method, @target-uri and content-digest, has `created`,
 * and stands within the policy at a time in seconds since 1970. Without `expires` it ends max_lifetime after
 * `created`. */
finq_error *finq_httpsig_check(const finq_httpsig_proof *proof, const finq_httpsig_policy *policy, apr_int64_t now,
                               apr_pool_t *pool);

/** Signs a request with a draft, by the key's own algorithm: @method, @target-uri and content-digest, which `message` has. `*input` and
 * `*signature` are the values of Signature-Input and Signature, under the label "sig". Error: invalid_input. */
finq_error *finq_httpsig_sign(const char **input, const char **signature, const finq_signer *signer,
                              const finq_httpsig_draft *draft, const finq_httpsig_message *message, apr_pool_t *pool);

/** A derived component of a request: @method, @target-uri, @authority, @scheme, @path, @query,
 * @request-target. NULL for any other name. */
const char *finq_httpsig_derive(const finq_httpsig_request *request, const char *name, apr_pool_t *pool);

/** Parses a Content-Digest field. Digests by other algorithms than sha-256 and sha-512 are passed over. */
finq_error *finq_content_digest_parse(finq_content_digest *digest, const char *field, apr_pool_t *pool);

/** Compares each digest that the field has with what the server computed over the body as it arrived;
 * `computed` needs those members only that `digest` has. */
finq_error *finq_content_digest_check(const finq_content_digest *digest, const finq_content_digest *computed, apr_pool_t *pool);

#endif
