/* Numbers as JSON means them: decimal, exact, one value however it was spelt. */
#ifndef FINQ_NUMBER_H
#define FINQ_NUMBER_H

#include <apr.h>
#include <jansson.h>

/** digits * 10^exponent. `digits` has no trailing zero, and zero is all zeros, so equal numbers are equal
 * structs. */
typedef struct finq_number {
    apr_uint64_t digits;
    int exponent;
    int negative;
} finq_number;

/** The number in a JSON integer or real; a real stands for the decimal of 15 digits (else 16, else 17) that
 * reads back as it, which is the one that was sent where that had up to 15. `value` must be a number. */
finq_number finq_number_read(const json_t *value);

/** Less than, equal to or greater than zero, as a is to b. */
int finq_number_compare(const finq_number *a, const finq_number *b);

/** Whether it has no fraction: 1.0 and 1e300 have none. */
int finq_number_whole(const finq_number *number);

/** Whether `number` is `unit` times a whole number. `unit` must not be zero. */
int finq_number_multiple(const finq_number *number, const finq_number *unit);

#endif
