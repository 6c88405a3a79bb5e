/* AES-SIV (RFC 5297): encrypts and authenticates without a nonce. The same message always seals to the same bytes, which show
 * nothing but its length and that it is the same. */
#ifndef FINQ_SIV_H
#define FINQ_SIV_H

#include <apr_pools.h>

#include "ground/codec.h"
#include "ground/error.h"

/** Length of the key of AES-256-SIV. */
#define FINQ_SIV_KEY_BYTES 64
/** Length of the synthetic IV, which stands before what is encrypted and authenticates it. */
#define FINQ_SIV_TAG_BYTES 16

/** A key, set up. Immutable: any number of threads may use it. Lives in its pool, and is wiped with it. */
typedef struct finq_siv finq_siv;

/** Sets up a key of 32, 48 or 64 bytes, half of them for AES-128, AES-192 or AES-256 (RFC 5297, 2.1); the caller wipes his.
 * Error: internal_server_error. */
finq_error *finq_siv_make(finq_siv **siv, finq_bytes key, apr_pool_t *pool);

/** Seals `message`, at least one byte, together with `data`, at least one byte, which is authenticated alone: in one piece, each of which
 * costs as much as a short message does. `sealed` takes message.length + FINQ_SIV_TAG_BYTES bytes: the tag, then what is encrypted.
 * Error: internal_server_error. */
finq_error *finq_siv_seal(unsigned char *sealed, const finq_siv *siv, finq_bytes data, finq_bytes message, apr_pool_t *pool);

/** Opens what finq_siv_seal made into `message` (sealed.length - FINQ_SIV_TAG_BYTES bytes). `*intact` is 0, and `message` is
 * zeros, where the key, the data or the bytes are others, or `sealed` is too short to hold a message.
 * Error: internal_server_error. */
finq_error *finq_siv_open(int *intact, unsigned char *message, const finq_siv *siv, finq_bytes data, finq_bytes sealed,
                          apr_pool_t *pool);

#endif
