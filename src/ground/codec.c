#include "ground/codec.h"

#include <apr_strings.h>
#include <string.h>

static const char *const digits[] = {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

const char *finq_codec_encode(finq_alphabet alphabet, const unsigned char *bytes, apr_size_t length, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, (length + 2) / 3 * 4 + 1), *to = text;
    unsigned long bits = 0;
    int held = 0;
    for (apr_size_t i = 0; i < length; i++) {
        bits = bits << 8 | bytes[i];
        for (held += 8; held >= 6; held -= 6)
            *to++ = digits[alphabet][bits >> (held - 6) & 63];
    }
    if (held)
        *to++ = digits[alphabet][bits << (6 - held) & 63];
    while (alphabet != FINQ_BASE64URL && (to - text) % 4)
        *to++ = '=';
    *to = '\0';
    return text;
}

/* A digit's value and one more; 0 for what is no digit. A table, since every signed request decodes half a
 * kilobyte. */
#define DIGIT(c, v) [c] = (v) + 1
#define DIGITS_2(c, v) DIGIT(c, v), DIGIT((c) + 1, (v) + 1)
#define DIGITS_8(c, v) DIGITS_2(c, v), DIGITS_2((c) + 2, (v) + 2), DIGITS_2((c) + 4, (v) + 4), DIGITS_2((c) + 6, (v) + 6)
#define DIGITS_26(c, v) DIGITS_8(c, v), DIGITS_8((c) + 8, (v) + 8), DIGITS_8((c) + 16, (v) + 16), DIGITS_2((c) + 24, (v) + 24)
#define ALPHANUMERIC DIGITS_26('A', 0), DIGITS_26('a', 26), DIGITS_8('0', 52), DIGITS_2('8', 60)

static const unsigned char values[][256] = {
    {ALPHANUMERIC, DIGIT('+', 62), DIGIT('/', 63)},
    {ALPHANUMERIC, DIGIT('-', 62), DIGIT('_', 63)},
    {ALPHANUMERIC, DIGIT('-', 62), DIGIT('_', 63)},
};

/* Length without padding; 0 with `*fits` 0 where the padding is not what it must be. */
static apr_size_t digit_count(int *fits, finq_alphabet alphabet, const char *text, apr_size_t length)
{
    *fits = alphabet == FINQ_BASE64URL || length % 4 == 0;
    if (!*fits || alphabet == FINQ_BASE64URL)
        return length;
    for (int most = 2; most > 0 && length && text[length - 1] == '='; most--)
        length--;
    return length;
}

/* Whole groups of four digits, up to the first that has something else. Returns how many digits were read. */
static apr_size_t groups_decode(unsigned char *to, const unsigned char *table, const char *text, apr_size_t count)
{
    apr_size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        unsigned int a = table[(unsigned char)text[i]], b = table[(unsigned char)text[i + 1]];
        unsigned int c = table[(unsigned char)text[i + 2]], d = table[(unsigned char)text[i + 3]];
        unsigned int bits = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
        if (bits >> 24) /* one of them is no digit: 0 - 1 has every bit */
            break;
        *to++ = (unsigned char)(bits >> 16);
        *to++ = (unsigned char)(bits >> 8);
        *to++ = (unsigned char)bits;
    }
    return i;
}

int finq_codec_decode(finq_bytes *bytes, finq_alphabet alphabet, const char *text, apr_size_t length, apr_pool_t *pool)
{
    int fits, held = 0;
    apr_size_t count = digit_count(&fits, alphabet, text, length);
    if (!fits || count % 4 == 1)
        return 0;
    unsigned char *data = apr_palloc(pool, count / 4 * 3 + 3);
    apr_size_t whole = groups_decode(data, values[alphabet], text, count);
    unsigned char *to = data + whole / 4 * 3;
    unsigned long bits = 0;
    for (apr_size_t i = whole; i < count; i++) {
        int value = values[alphabet][(unsigned char)text[i]] - 1;
        if (value < 0)
            return 0;
        bits = (bits << 6 | (unsigned long)value) & 0xffff;
        held += 6;
        if (held >= 8)
            *to++ = (unsigned char)(bits >> (held -= 8));
    }
    if (bits & ((1ul << held) - 1))
        return 0;
    *to = '\0';
    *bytes = (finq_bytes){data, (apr_size_t)(to - data)};
    return 1;
}

apr_uint64_t finq_codec_number(const unsigned char *bytes, apr_size_t length)
{
    apr_uint64_t number = 0;
    for (apr_size_t i = 0; i < length; i++)
        number = number << 8 | bytes[i];
    return number;
}

void finq_codec_number_put(unsigned char *to, apr_uint64_t number, apr_size_t length)
{
    for (; length > 0; length--, number >>= 8)
        to[length - 1] = (unsigned char)number;
}

apr_uint64_t finq_codec_number_little(const unsigned char *bytes, apr_size_t length)
{
    apr_uint64_t number = 0;
    while (length-- > 0)
        number = number << 8 | bytes[length];
    return number;
}
