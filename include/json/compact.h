/* Compaction: the form of a JSON body that its digest covers (contract section 8), made from any pieces of
 * it. */
#ifndef FINQ_COMPACT_H
#define FINQ_COMPACT_H

#include <apr.h>

/** Where in the text the last piece ended. All zero to begin with. */
typedef struct finq_compact {
    unsigned char in_string; /**< between two quotes */
    unsigned char escaped;   /**< behind a backslash in a string */
} finq_compact;

/** Removes JSON whitespace outside strings from the next piece of a text, touching nothing else: the outputs,
 * put together, are the same however the text was cut. `out` must have room for `length` bytes and may be
 * `in` itself. Returns how many bytes `out` got. */
apr_size_t finq_compact_push(finq_compact *state, const char *in, apr_size_t length, char *out);

#endif
