#include "json/number.h"

#include <stdio.h>
#include <stdlib.h>

typedef unsigned __int128 wide;

/* 10^19 is the largest power of ten in 64 bits, and 2^64 * 10^19 still fits a wide. */
enum { POWER_MAX = 19 };

static finq_number number_normal(apr_uint64_t digits, int exponent, int negative)
{
    if (digits == 0)
        return (finq_number){0, 0, 0};
    while (digits % 10 == 0) {
        digits /= 10;
        exponent++;
    }
    return (finq_number){digits, exponent, negative};
}

/* Reads "-d.ddde+xx" whatever the locale's decimal point is: at most 17 digits, so no overflow. */
static finq_number number_of_text(const char *text)
{
    apr_uint64_t digits = 0;
    int negative = *text == '-', fraction = 0, seen = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9')
            continue;
        digits = digits * 10 + (apr_uint64_t)(*text - '0');
        fraction += seen++ ? 1 : 0;
    }
    return number_normal(digits, (*text ? atoi(text + 1) : 0) - fraction, negative);
}

static finq_number number_of_real(double real)
{
    char text[40];
    for (int precision = 14; precision <= 16; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, real);
        if (strtod(text, NULL) == real)
            break;
    }
    return number_of_text(text);
}

finq_number finq_number_read(const json_t *value)
{
    if (json_is_real(value))
        return number_of_real(json_real_value(value));
    json_int_t integer = json_integer_value(value);
    apr_uint64_t size = integer < 0 ? 0 - (apr_uint64_t)integer : (apr_uint64_t)integer;
    return number_normal(size, 0, integer < 0);
}

static wide power(int exponent)
{
    wide result = 1;
    while (exponent-- > 0)
        result *= 10;
    return result;
}

static int digit_count(apr_uint64_t digits)
{
    int count = 0;
    for (; digits; digits /= 10)
        count++;
    return count;
}

static int order(wide a, wide b)
{
    return (a > b) - (a < b);
}

/* Numbers with equally many places before the point differ in exponent by at most 19, so scaling cannot
 * overflow. */
static int compare_sizes(const finq_number *a, const finq_number *b)
{
    int places_a = digit_count(a->digits) + a->exponent, places_b = digit_count(b->digits) + b->exponent;
    if (!a->digits || !b->digits)
        return order(a->digits, b->digits);
    if (places_a != places_b)
        return places_a < places_b ? -1 : 1;
    if (a->exponent >= b->exponent)
        return order(a->digits * power(a->exponent - b->exponent), b->digits);
    return order(a->digits, b->digits * power(b->exponent - a->exponent));
}

int finq_number_compare(const finq_number *a, const finq_number *b)
{
    if (a->negative != b->negative)
        return a->negative ? -1 : 1;
    return a->negative ? compare_sizes(b, a) : compare_sizes(a, b);
}

int finq_number_whole(const finq_number *number)
{
    return number->exponent >= 0;
}

/* 10^exponent modulo m, by squaring: the exponent of a double reaches 600. */
static apr_uint64_t power_modulo(int exponent, apr_uint64_t m)
{
    wide result = 1 % m, base = 10 % m;
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1)
            result = result * base % m;
        base = base * base % m;
    }
    return (apr_uint64_t)result;
}

int finq_number_multiple(const finq_number *number, const finq_number *unit)
{
    int shift = number->exponent - unit->exponent;
    if (number->digits == 0)
        return 1;
    if (shift >= 0)
        return (wide)(number->digits % unit->digits) * power_modulo(shift, unit->digits) % unit->digits == 0;
    if (-shift > POWER_MAX)
        return 0; /* the digits would need more than 19 trailing zeros */
    return number->digits % (unit->digits * power(-shift)) == 0;
}
