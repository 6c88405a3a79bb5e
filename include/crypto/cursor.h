/* Cursors: places of a walk through a list, sealed for the client that walks. */
#ifndef FINQ_CURSOR_H
#define FINQ_CURSOR_H

#include "crypto/digest.h"
#include "crypto/secrets.h"

/** Longest place. */
#define FINQ_CURSOR_PLACE_MOST 64

/** Seals a place. It opens for the same kind, which no token and no other walk has, and for the same query alone: a hash of
 * all that tells one walk from another. */
finq_error *finq_cursor_seal(const char **cursor, char kind, finq_bytes place, const unsigned char query[FINQ_DIGEST_SHA256],
                             const finq_secrets *secrets, apr_pool_t *pool);

/** Opens a cursor into `place`, which has as many bytes as were sealed. `*is_good` tells whether it is one of this kind and
 * query; where it is not, nothing is in `place`. */
finq_error *finq_cursor_open(int *is_good, unsigned char *place, apr_size_t length, char kind, const char *cursor,
                             const unsigned char query[FINQ_DIGEST_SHA256], const finq_secrets *secrets, apr_pool_t *pool);

#endif
