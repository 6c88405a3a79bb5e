#include "httpsig_field.h"

#include <apr_strings.h>
#include <string.h>

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

finq_field finq_field_open(const char *text, apr_pool_t *pool)
{
    finq_field field = {text, text + strlen(text), pool};
    while (field.at < field.end && is_blank(*field.at))
        field.at++;
    while (field.at < field.end && is_blank(field.end[-1]))
        field.end--;
    return field;
}

int finq_field_char(finq_field *field, char c)
{
    if (field->at == field->end || *field->at != c)
        return 0;
    field->at++;
    return 1;
}

int finq_field_spaces(finq_field *field)
{
    int count = 0;
    while (finq_field_char(field, ' '))
        count++;
    return count;
}

static int is_key_start(char c)
{
    return (c >= 'a' && c <= 'z') || c == '*';
}

const char *finq_field_key(finq_field *field)
{
    const char *start = field->at;
    if (field->at == field->end || !is_key_start(*field->at))
        return NULL;
    while (field->at < field->end &&
           (is_key_start(*field->at) || is_digit(*field->at) || (*field->at && strchr("_-.", *field->at))))
        field->at++;
    return apr_pstrmemdup(field->pool, start, (apr_size_t)(field->at - start));
}

const char *finq_field_string(finq_field *field)
{
    char *text = apr_palloc(field->pool, (apr_size_t)(field->end - field->at) + 1), *to = text;
    if (!finq_field_char(field, '"'))
        return NULL;
    while (field->at < field->end) {
        char c = *field->at++;
        if (c == '"') {
            *to = '\0';
            return text;
        }
        if (c == '\\' && (field->at == field->end || (*field->at != '"' && *field->at != '\\')))
            return NULL;
        if (c == '\\')
            c = *field->at++;
        if ((unsigned char)c < ' ' || (unsigned char)c > '~')
            return NULL;
        *to++ = c;
    }
    return NULL;
}

int finq_field_integer(finq_field *field, apr_int64_t *value)
{
    int digits = 0;
    for (*value = 0; field->at < field->end && is_digit(*field->at) && digits < 16; digits++)
        *value = *value * 10 + (*field->at++ - '0');
    return digits >= 1 && digits <= 15;
}

int finq_field_bytes(finq_field *field, finq_bytes *bytes)
{
    if (!finq_field_char(field, ':'))
        return 0;
    const char *start = field->at;
    const char *close = memchr(start, ':', (apr_size_t)(field->end - start));
    if (!close)
        return 0;
    field->at = close + 1;
    return finq_codec_decode(bytes, FINQ_BASE64, start, (apr_size_t)(close - start), field->pool);
}

int finq_field_next(finq_field *field)
{
    while (field->at < field->end && is_blank(*field->at))
        field->at++;
    if (field->at == field->end)
        return 0;
    if (!finq_field_char(field, ','))
        return -1;
    while (field->at < field->end && is_blank(*field->at))
        field->at++;
    return field->at == field->end ? -1 : 1;
}
