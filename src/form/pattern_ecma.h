/* ECMA-262's spelling of regular expressions, told in PCRE2's: inside the room `pattern`. */
#ifndef PATTERN_ECMA_H
#define PATTERN_ECMA_H

#include <apr_pools.h>

/* The PCRE2 spelling of `text`, in the pool, or NULL and `*fault` says why there is none. */
const char *pattern_ecma_translate(const char **fault, const char *text, apr_size_t length, apr_pool_t *pool);

#endif
