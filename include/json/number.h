/* Numbers as JSON means them: decimal, exact, one value however it was spelt. */
#ifndef FINQ_NUMBER_H
#define FINQ_NUMBER_H

#include <apr_pools.h>
#include <jansson.h>

/** digits * 10^exponent. The digits have no zero at either end, and zero has none. Lives as long as what it was read from. */
typedef struct finq_number {
    const char *far; /**< the digits, where they are more than `own` holds; else NULL */
    char own[20];
    int count; /**< of digits */
    int exponent;
    int negative;
} finq_number;

/** The number in a JSON integer or real, as far as jansson keeps it: a real stands for the decimal of 15 digits (else 16, else
 * 17) that reads back as it, which is the one that was sent where that had up to 15. */
finq_number finq_number_plain(const json_t *value);

/** The number that a spelling means, in the pool. */
finq_number finq_number_spelt(const char *text, apr_pool_t *pool);

/** The digits of a number, `count` of them. */
const char *finq_number_digits(const finq_number *number);

/** Less than, equal to or greater than zero, as a is to b. */
int finq_number_compare(const finq_number *a, const finq_number *b);

/** Whether it has no fraction: 1.0 and 1e300 have none. */
int finq_number_whole(const finq_number *number);

/** Whether `number` is `unit` times a whole number. `unit` must not be zero, and has at most 19 digits. */
int finq_number_multiple(const finq_number *number, const finq_number *unit);

#endif
