/* Cursors: places that are sealed for clients, between the files of this room. */
#ifndef DATA_CURSOR_H
#define DATA_CURSOR_H

#include "data/claim.h"

/* What a cursor is of: unlike each other, and unlike the kinds of tokens and of consents' cursors. */
#define CURSOR_TRANSACTIONS 'T'
#define CURSOR_CHANGES 'S'

/* Seals a place of a walk; good for the same kind, consent and `filter` (NULL for none) alone. */
finq_error *finq_data_cursor_seal(const char **cursor, char kind, finq_bytes place, const char *filter,
                                  const finq_service *service, const finq_data_claim *claim, apr_pool_t *pool);

/* Opens it into `place`, which has as many bytes as were sealed. Error: invalid_field where it is no such cursor. */
finq_error *finq_data_cursor_open(unsigned char *place, apr_size_t length, char kind, const char *cursor, const char *filter,
                                  const finq_service *service, const finq_data_claim *claim, apr_pool_t *pool);

/* Numbers in places: 8 bytes, the largest first. */
void finq_data_cursor_put(unsigned char to[8], apr_int64_t number);
apr_int64_t finq_data_cursor_get(const unsigned char from[8]);

#endif
