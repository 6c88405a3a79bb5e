#include "ground/id.h"

#include <string.h>

#include "ground/codec.h"

finq_id finq_id_v7(apr_time_t at, const unsigned char random[10])
{
    finq_id id;
    apr_uint64_t ms = (apr_uint64_t)apr_time_as_msec(at);
    for (int i = 0; i < 6; i++)
        id.bytes[i] = (unsigned char)(ms >> (8 * (5 - i)));
    memcpy(id.bytes + 6, random, 10);
    id.bytes[6] = (unsigned char)(0x70 | (id.bytes[6] & 0x0f));
    id.bytes[8] = (unsigned char)(0x80 | (id.bytes[8] & 0x3f));
    return id;
}

apr_time_t finq_id_time(const finq_id *id)
{
    return (apr_time_t)finq_codec_number(id->bytes, 6) * 1000;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int is_dash_place(int i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

int finq_id_parse(finq_id *id, const char *text)
{
    if (!text || strnlen(text, FINQ_ID_TEXT + 1) != FINQ_ID_TEXT)
        return 0;
    for (int i = 0, n = 0; i < FINQ_ID_TEXT;) {
        if (is_dash_place(i)) {
            if (text[i++] != '-')
                return 0;
            continue;
        }
        int high = hex_value(text[i]), low = hex_value(text[i + 1]);
        if (high < 0 || low < 0)
            return 0;
        id->bytes[n++] = (unsigned char)(high << 4 | low);
        i += 2;
    }
    return 1;
}

char *finq_id_write(char text[FINQ_ID_TEXT + 1], const finq_id *id)
{
    static const char hex[] = "0123456789abcdef";
    char *to = text;
    for (int n = 0; n < 16; n++) {
        if (is_dash_place((int)(to - text)))
            *to++ = '-';
        *to++ = hex[id->bytes[n] >> 4];
        *to++ = hex[id->bytes[n] & 15];
    }
    *to = '\0';
    return text;
}

const char *finq_id_text(const finq_id *id, apr_pool_t *pool)
{
    return finq_id_write(apr_palloc(pool, FINQ_ID_TEXT + 1), id);
}

int finq_id_equal(const finq_id *a, const finq_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}
