/* Patterns: ECMA-262 regular expressions with a price. The one room that knows PCRE2. */
#ifndef FINQ_PATTERN_H
#define FINQ_PATTERN_H

#include <apr_pools.h>

#include "ground/error.h"

/** Longest pattern, in bytes of UTF-8. */
#define FINQ_PATTERN_MAX 512
/** Most work that one search may cost, in steps of one to three nanoseconds. It decides "^[^<>]*$" on any
 * text and a pattern that may start anywhere on texts of about 1 KiB; backtracking on long texts is what it
 * does not decide. */
#define FINQ_PATTERN_WORK 4000000

/** A compiled pattern. Immutable: any number of threads may search with it at once. */
typedef struct finq_pattern finq_pattern;

typedef enum {
    FINQ_PATTERN_FOUND,
    FINQ_PATTERN_ABSENT,
    FINQ_PATTERN_UNDECIDED, /**< the search would have cost more than it may */
} finq_pattern_answer;

/** Compiles a pattern of ECMA-262 (with its `u` flag): what ECMA-262 does not know (possessive quantifiers,
 * atomic groups, recursion, verbs, inline options, \A, \Z, \K, \C ...) is refused. Look-behind must be of
 * fixed length. Error: invalid_input, whose message says what is wrong and starts in lower case. */
finq_error *finq_pattern_compile(finq_pattern **pattern, const char *text, apr_size_t length, apr_pool_t *pool);

/** Searches `text` (UTF-8) for the pattern, anywhere in it. What the search cost is taken from `*work`; it is
 * not begun, and not continued, at a price above `*work` or FINQ_PATTERN_WORK. Leaves nothing in the pool. */
finq_pattern_answer finq_pattern_match(const finq_pattern *pattern, const char *text, apr_size_t length, apr_int64_t *work,
                                       apr_pool_t *pool);

#endif
