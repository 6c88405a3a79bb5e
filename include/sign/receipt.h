/* Receipts: what an erasure leaves with whom asked for it. A compact JWS, EdDSA with Ed25519, whose kid is the key's thumbprint. */
#ifndef FINQ_RECEIPT_H
#define FINQ_RECEIPT_H

#include "sign/key.h"

/** Longest receipt looked at, in bytes. */
#define FINQ_RECEIPT_MAX 4096

/** Signs claims, a JSON object as text. The same claims always give the same receipt. `signer` is an Ed25519 key. Error: internal. */
finq_error *finq_receipt_sign(const char **receipt, const finq_signer *signer, const char *claims, apr_pool_t *pool);

/** The claims of a receipt that one of `keys` (of const finq_key *) has signed. Error: invalid_input, saying what is wrong. */
finq_error *finq_receipt_verify(const char **claims, const char *receipt, const apr_array_header_t *keys, apr_pool_t *pool);

/** The keys of receipts that a server has: the first signs, and anybody may have the public halves of all. Immutable once made. */
typedef struct finq_receipt_keys {
    const finq_signer *signer;
    apr_array_header_t *keys; /**< of const finq_key */
    const char *set;          /**< the public halves as a JWK set (RFC 7517, 8037), in JSON */
} finq_receipt_keys;

/** Adds the PEM private key, Ed25519, of a file that is closed to others; `*keys` is NULL before the first. Error: internal, its cause a
 * sentence that says what to do. */
finq_error *finq_receipt_keys_add(finq_receipt_keys **keys, const char *path, apr_pool_t *pool);

#endif
