/* Proofs: that a request is signed, in one of two ways, and what must still be compared once its body is there
 * (contract section 8). The only maker of a proof verifies, so who holds one need not ask how. */
#ifndef FINQ_PROOF_H
#define FINQ_PROOF_H

#include <apr_pools.h>

#include "sign/httpsig.h"
#include "sign/keyring.h"

/** The ways to sign, as a set. */
typedef enum {
    FINQ_SCHEME_JWS = 1,    /**< `Authorization: Bearer <JWS>` */
    FINQ_SCHEME_MESSAGE = 2 /**< RFC 9421 */
} finq_scheme;

/** What a request offers. */
typedef struct finq_proof_offer {
    const char *authorization, *signature_input, *signature; /**< header fields; NULL where not sent */
    const finq_httpsig_message *message;
} finq_proof_offer;

/** What a server accepts. */
typedef struct finq_proof_policy {
    unsigned schemes;
    const char *audience;
    int max_lifetime;  /**< seconds */
    int require_token; /**< a jti, or a message signature's nonce */
} finq_proof_policy;

/** Where keys are found. */
typedef struct finq_proof_keys {
    finq_keyring *ring;
    finq_db *db;
} finq_proof_keys;

/** A good signature by a known key, for this server, at this time. */
typedef struct finq_proof finq_proof;

/** Digests of a body as it arrives. */
typedef struct finq_proof_digests finq_proof_digests;

/** Verifies what a request offers: at most one public-key operation where the key is named. Error: that of the check
 * which failed; those of a call. */
finq_error *finq_proof_make(const finq_proof **proof, const finq_proof_offer *offer, const finq_proof_policy *policy,
                            const finq_proof_keys *keys, apr_pool_t *pool);

/** Whether a message signature covers a header field, named in lower case. A JWS covers none. */
int finq_proof_covers(const finq_proof *proof, const char *field);

/** Begins the digests of a body that is signed as it is: any body under a message signature, and whatever is not JSON under
 * a JWS. NULL where none is needed. */
finq_proof_digests *finq_proof_digests_begin(const finq_proof *proof, int is_json, apr_pool_t *pool);
void finq_proof_digests_feed(finq_proof_digests *digests, const char *bytes, apr_size_t length);

/** Compares the digest that was signed with the body's: `digests` where finq_proof_digests_begin gave them, else `compact`,
 * the SHA-256 of the compact form. Error: invalid_digest. */
finq_error *finq_proof_check_digest(const finq_proof *proof, finq_proof_digests *digests, const unsigned char *compact,
                                    apr_pool_t *pool);

/** Whether the request that is signed is this client's. Error: invalid_signature. */
finq_error *finq_proof_check_tenant(const finq_proof *proof, const finq_id *client_id, apr_pool_t *pool);

/** Uses up the proof's jti or nonce, where it has one: to be called last, before anything takes effect. Error:
 * invalid_signature where it was used before; those of a call. */
finq_error *finq_proof_use(const finq_proof *proof, const finq_id *client_id, finq_db *db, apr_pool_t *pool);

#endif
