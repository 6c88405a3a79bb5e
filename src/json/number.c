#include "json/number.h"

#include <apr_lib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned __int128 wide;

/* Sums of an exponent and of counts of digits stay far within an int. */
#define EXPONENT_MAX 1000000000

const char *finq_number_digits(const finq_number *number)
{
    return number->far ? number->far : number->own;
}

/* From digits without their point; those of zero are dropped to the last. */
static finq_number number_normal(const char *digits, int count, int exponent, int negative)
{
    finq_number number = {0};
    for (; count > 0 && *digits == '0'; count--)
        digits++;
    for (; count > 0 && digits[count - 1] == '0'; count--)
        exponent++;
    if (count == 0)
        return number;
    number = (finq_number){.count = count, .exponent = exponent, .negative = negative};
    if ((apr_size_t)count > sizeof number.own)
        number.far = digits;
    else
        memcpy(number.own, digits, (apr_size_t)count);
    return number;
}

static int exponent_read(const char *text)
{
    long exponent = *text ? strtol(text + 1, NULL, 10) : 0;
    if (exponent > EXPONENT_MAX)
        return EXPONENT_MAX;
    return exponent < -EXPONENT_MAX ? -EXPONENT_MAX : (int)exponent;
}

/* Reads "-ddd.ddde+xx" whatever the locale's decimal point is. `digits` has room for as many as there are. */
static finq_number number_of_text(const char *text, char *digits)
{
    int negative = *text == '-', count = 0, fraction = 0, seen = 0;
    for (text += negative; *text && *text != 'e' && *text != 'E'; text++) {
        if (!apr_isdigit(*text)) {
            seen = 1;
            continue;
        }
        digits[count++] = *text;
        fraction += seen;
    }
    return number_normal(digits, count, exponent_read(text) - fraction, negative);
}

static finq_number number_of_real(double real)
{
    char text[40], digits[40];
    for (int precision = 14; precision <= 16; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, real);
        if (strtod(text, NULL) == real)
            break;
    }
    return number_of_text(text, digits);
}

static finq_number number_of_integer(json_int_t integer)
{
    char digits[20], *first = digits + sizeof digits;
    apr_uint64_t size = integer < 0 ? 0 - (apr_uint64_t)integer : (apr_uint64_t)integer;
    for (; size; size /= 10)
        *--first = (char)('0' + size % 10);
    return number_normal(first, (int)(digits + sizeof digits - first), 0, integer < 0);
}

finq_number finq_number_plain(const json_t *value)
{
    return json_is_real(value) ? number_of_real(json_real_value(value)) : number_of_integer(json_integer_value(value));
}

finq_number finq_number_spelt(const char *text, apr_pool_t *pool)
{
    return number_of_text(text, apr_palloc(pool, strlen(text)));
}

static int order(int a, int b)
{
    return (a > b) - (a < b);
}

/* Without their signs: first by the place of the first digit, then digit by digit. */
static int compare_sizes(const finq_number *a, const finq_number *b)
{
    int places_a = a->count + a->exponent, places_b = b->count + b->exponent;
    if (!a->count || !b->count)
        return order(a->count, b->count);
    if (places_a != places_b)
        return order(places_a, places_b);
    int shorter = a->count < b->count ? a->count : b->count;
    int digits = memcmp(finq_number_digits(a), finq_number_digits(b), (apr_size_t)shorter);
    return digits ? order(digits, 0) : order(a->count, b->count);
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

static apr_uint64_t digits_modulo(const finq_number *number, apr_uint64_t m)
{
    const char *digits = finq_number_digits(number);
    wide rest = 0;
    for (int i = 0; i < number->count; i++)
        rest = (rest * 10 + (wide)(digits[i] - '0')) % m;
    return (apr_uint64_t)rest;
}

/* 10^exponent modulo m, by squaring. */
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
    apr_uint64_t m = digits_modulo(unit, APR_UINT64_MAX);
    if (number->count == 0 || m == 0)
        return number->count == 0; /* of zero, zero alone is a multiple */
    if (shift < 0)
        return 0; /* the digits would have to end in a zero */
    return (wide)digits_modulo(number, m) * power_modulo(shift, m) % m == 0;
}
