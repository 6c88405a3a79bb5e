/* Identifiers: UUIDs of version 4 and 7 (RFC 9562), as 16 bytes inside and as text at the edges. */
#ifndef FINQ_ID_H
#define FINQ_ID_H

#include <apr_pools.h>
#include <apr_time.h>

/** Length of the text form, without its NUL. */
#define FINQ_ID_TEXT 36

typedef struct finq_id {
    unsigned char bytes[16];
} finq_id;

/** Builds a version 7 id from a time and 10 bytes of randomness (of which 74 bits are used). */
finq_id finq_id_v7(apr_time_t at, const unsigned char random[10]);

/** The time in a version 7 id, to the millisecond. */
apr_time_t finq_id_time(const finq_id *id);

/** Reads the text form, either case. Returns 0 if `text` (may be NULL) is anything else. */
int finq_id_parse(finq_id *id, const char *text);

/** Writes the lower-case text form into `text`, NUL included. Returns `text`. */
char *finq_id_write(char text[FINQ_ID_TEXT + 1], const finq_id *id);

/** The lower-case text form, in the pool. */
const char *finq_id_text(const finq_id *id, apr_pool_t *pool);

/** Whether two ids are the same. */
int finq_id_equal(const finq_id *a, const finq_id *b);

#endif
