/* Keys: public keys of tenants, read from what people have, checked for strength, and asked to verify.
 * The room that knows OpenSSL's EVP keys; everybody else hands it bytes. */
#ifndef FINQ_KEY_H
#define FINQ_KEY_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "ground/codec.h"
#include "ground/error.h"

/** Most live keys of a tenant (contract section 8), and so most keys in one piece of material. */
#define FINQ_KEY_MAX 10

/** What a key is registered for. RS256 is the JWS's; the others are RFC 9421's. A key never serves two. */
typedef enum {
    FINQ_ALGORITHM_RS256,
    FINQ_ALGORITHM_RSA_V1_5_SHA256,
    FINQ_ALGORITHM_RSA_PSS_SHA512,
    FINQ_ALGORITHM_ECDSA_P256_SHA256,
    FINQ_ALGORITHM_ED25519,
    FINQ_ALGORITHM_COUNT
} finq_algorithm;

/** A public key that has passed every strength check. Immutable: any number of threads may verify with it. */
typedef struct finq_key {
    const char *kid;
    finq_algorithm algorithm;
    finq_bytes spki;   /**< canonical DER SubjectPublicKeyInfo, for storage */
    const char *found; /**< what it is, for people: "RSA of 2048 bits" */
    int revoked;       /**< copied from its row; a revoked key verifies nothing */
    apr_size_t signature_length;
    struct evp_md_ctx_st *verifier; /**< a verification set up and not begun, copied for each; released with the pool */
} finq_key;

/** A key as the database keeps it. */
typedef struct finq_key_row {
    const char *kid;
    finq_algorithm algorithm;
    finq_bytes spki;
    int revoked;
} finq_key_row;

/** A private key for the operator's own signing. Lives in the pool it was read in. */
typedef struct finq_signer finq_signer;

/** The name on the wire and in the database ("RS256", "ed25519"). */
const char *finq_algorithm_name(finq_algorithm algorithm);
/** The algorithm of a name; 0 if there is none. */
int finq_algorithm_find(finq_algorithm *algorithm, const char *name);

/** Whether a text may name a key: ^[A-Za-z0-9._-]{1,128}$. */
int finq_key_is_kid(const char *text);

/** Reads key material for `algorithm`: a JWK, a JWKS, a PEM public key, a PEM certificate (an envelope: its
 * dates and issuer are not looked at), or a {kid: PEM certificate} map. `*keys` is an array of `const
 * finq_key *`, in `pool`, at least one, at most FINQ_KEY_MAX, no kid twice; a key without a kid is named by
 * its RFC 7638 thumbprint. Error: invalid_input, saying what was found and what to do. */
finq_error *finq_key_read(apr_array_header_t **keys, finq_algorithm algorithm, const char *text, apr_size_t length,
                          apr_pool_t *pool);

/** Makes a stored key usable, after the same strength checks. Error: internal_server_error, since only
 * finq_key_read's own output should be stored. */
finq_error *finq_key_load(const finq_key **key, const finq_key_row *row, apr_pool_t *pool);

/** The key of that kid among an array of `const finq_key *`; NULL if there is none. */
const finq_key *finq_key_find(const apr_array_header_t *keys, const char *kid);

/** Whether `signature` is the key's over `text`, by the key's own algorithm: at most one public-key
 * operation, none where the length alone shows that it is not. A revoked key says no. */
int finq_key_verify(const finq_key *key, finq_bytes text, finq_bytes signature);

/** Reads a PEM private key, not encrypted, held to the same strength. Error: invalid_input. */
finq_error *finq_signer_read(finq_signer **signer, finq_algorithm algorithm, const char *pem, apr_size_t length,
                             apr_pool_t *pool);

/** The public half of a signer, named by its thumbprint. */
const finq_key *finq_signer_key(const finq_signer *signer);

/** Signs. Error: internal_server_error. */
finq_error *finq_signer_sign(finq_bytes *signature, const finq_signer *signer, finq_bytes text, apr_pool_t *pool);

#endif
