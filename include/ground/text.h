/* Texts that people read, from whom nobody answers for, and lists of names. */
#ifndef FINQ_TEXT_H
#define FINQ_TEXT_H

#include <apr_pools.h>

/** Text of UTF-8 without controls, in the pool: at most so many bytes of `text`, no character cut, and a question mark for each
 * byte that belongs to no character and each control (C0, DEL, C1). */
const char *finq_text_plain(const char *text, apr_size_t most, apr_pool_t *pool);

/** What a client sent, for a message: at most 64 characters, `?` for each that is not printable ASCII. */
const char *finq_text_show(const char *text, apr_pool_t *pool);

/** A list with one more name: "a, b". An empty one is NULL or "". Names must live as long as the list. */
const char *finq_text_list(const char *list, const char *name, apr_pool_t *pool);

#endif
