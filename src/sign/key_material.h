/* Inside the key room: the numbers of a public key, on their way from what was read to a checked finq_key. */
#ifndef FINQ_KEY_MATERIAL_H
#define FINQ_KEY_MATERIAL_H

#include <openssl/evp.h>

#include "sign/key.h"

typedef enum { FINQ_KEY_RSA, FINQ_KEY_EC, FINQ_KEY_OKP, FINQ_KEY_KIND_COUNT } finq_key_kind;

/** One row of the table of algorithms. */
typedef struct finq_algorithm_row {
    const char *name;
    finq_key_kind kind;
    const char *jwk_algs[2];     /**< what a JWK's `alg` may say; the second may be NULL */
    const EVP_MD *(*hash)(void); /**< NULL where the algorithm has its own */
    int salt;                    /**< PSS salt length; 0 = no PSS */
} finq_algorithm_row;

/** The public numbers, big-endian, without leading zeros where they are numbers. */
typedef struct finq_key_material {
    finq_key_kind kind;
    finq_bytes first;  /**< RSA: n; EC: x; OKP: the key */
    finq_bytes second; /**< RSA: e; EC: y */
} finq_key_material;

extern const finq_algorithm_row finq_algorithm_rows[FINQ_ALGORITHM_COUNT];

/** "RSA", "EC", "OKP": the JWK's kty. */
const char *finq_key_kind_name(finq_key_kind kind);

/** Checks strength and fitness and makes the key. `kid` NULL: the thumbprint names it. Error: invalid_input.
 */
finq_error *finq_key_build(finq_key **key, const char *kid, finq_algorithm algorithm, const finq_key_material *material,
                           apr_pool_t *pool);

/** Takes the public numbers out of an OpenSSL key, whatever its encoding was. Error: invalid_input for a kind
 * of key that no algorithm uses. */
finq_error *finq_key_take(finq_key_material *material, const EVP_PKEY *evp, apr_pool_t *pool);

/** Ties an EVP_PKEY to a pool; `evp` may be NULL. Returns it. */
EVP_PKEY *finq_key_own(EVP_PKEY *evp, apr_pool_t *pool);

/** Prepares a DigestSign or DigestVerify context (whose EVP_PKEY_CTX is `pkey_ctx`) for an algorithm's
 * padding. */
int finq_key_pad(EVP_PKEY_CTX *pkey_ctx, const finq_algorithm_row *row);

#endif
