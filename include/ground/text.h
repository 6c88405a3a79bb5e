/* Text that people read, from whom nobody answers for. */
#ifndef FINQ_TEXT_H
#define FINQ_TEXT_H

#include <apr_pools.h>

/** Text of UTF-8 without controls, in the pool: at most so many bytes of `text`, no character cut, and a question mark for each
 * byte that belongs to no character and each control (C0, DEL, C1). */
const char *finq_text_plain(const char *text, apr_size_t most, apr_pool_t *pool);

#endif
