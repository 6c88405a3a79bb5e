/* Message authentication: HMAC-SHA-256 under the keys of a secret file, the first of which signs and all
 * verify. */
#ifndef FINQ_MAC_H
#define FINQ_MAC_H

#include <apr_pools.h>

#include "ground/error.h"

/** Length of a tag. */
#define FINQ_MAC_BYTES 32

/** The keys of a file. Immutable, so threads may share it; wiped with its pool. */
typedef struct finq_mac_keys finq_mac_keys;

/** What is authenticated, in pieces: the tag is that of their bytes in a row. */
typedef struct finq_mac_piece {
    const void *bytes;
    apr_size_t length;
} finq_mac_piece;
typedef struct finq_mac_text {
    const finq_mac_piece *pieces;
    int count;
} finq_mac_text;

/** Reads a secret file, whose secrets are the keys as they stand. Errors: those of finq_secret_file_read. */
finq_error *finq_mac_keys_load(finq_mac_keys **keys, const char *path, apr_pool_t *pool);

/** The tag under the first key. Error: internal. */
finq_error *finq_mac_sign(unsigned char tag[FINQ_MAC_BYTES], const finq_mac_keys *keys, const finq_mac_text *text,
                          apr_pool_t *pool);

/** Whether `tag` is that of the text under any of the keys. Error: internal. */
finq_error *finq_mac_verify(int *valid, const unsigned char tag[FINQ_MAC_BYTES], const finq_mac_keys *keys,
                            const finq_mac_text *text, apr_pool_t *pool);

/** A key that no file holds, for many tags, one after the other: to begin with a key costs several times what a tag does. Of one
 * thread at a time; wiped with its pool. Error: internal. */
typedef struct finq_mac_key finq_mac_key;
finq_error *finq_mac_key_make(finq_mac_key **key, finq_mac_piece bytes, apr_pool_t *pool);

/** The tag under it. Error: internal. */
finq_error *finq_mac_key_sign(unsigned char tag[FINQ_MAC_BYTES], finq_mac_key *key, finq_mac_piece text, apr_pool_t *pool);

/** One tag under a key that no file holds. Error: internal. */
finq_error *finq_mac_with(unsigned char tag[FINQ_MAC_BYTES], finq_mac_piece key, finq_mac_piece text, apr_pool_t *pool);

#endif
