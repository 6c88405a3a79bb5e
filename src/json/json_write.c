#include "json/json.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

/* jansson's own writer spends most of its time on guarding against cycles, which values that were parsed, or built by our
 * own code, do not have. */

#define FIRST_ROOM 512
#define NUMBER_ROOM 64

struct finq_json_writer {
    char *text;
    apr_size_t length, room;
    apr_pool_t *pool;
    const finq_numbers *numbers; /* how numbers were spelt; NULL where nobody knows */
    int is_sorted;               /* whether members are written in the order of their names */
};

/* Room for so many bytes more, and the NUL. */
static char *text_room(finq_json_writer *to, apr_size_t size)
{
    if (to->length + size + 1 > to->room) {
        apr_size_t room = 2 * (to->length + size + 1);
        char *larger = apr_palloc(to->pool, room);
        memcpy(larger, to->text, to->length);
        to->text = larger;
        to->room = room;
    }
    return to->text + to->length;
}

static void text_append(finq_json_writer *to, const char *bytes, apr_size_t size)
{
    memcpy(text_room(to, size), bytes, size);
    to->length += size;
}

/* The escape of a byte that may not stand in a string; returns its length. */
static apr_size_t escape_write(char escape[7], unsigned char byte)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *short_form = byte ? strchr(from, byte) : NULL;
    escape[0] = '\\';
    escape[1] = short_form ? to[short_form - from] : 'u';
    return short_form ? 2 : (apr_size_t)apr_snprintf(escape, 7, "\\u%04X", byte);
}

static void text_string(finq_json_writer *to, const char *bytes, apr_size_t length)
{
    apr_size_t plain = 0;
    char escape[7];
    text_append(to, "\"", 1);
    for (apr_size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte >= ' ' && byte != '"' && byte != '\\')
            continue;
        text_append(to, bytes + plain, i - plain);
        text_append(to, escape, escape_write(escape, byte));
        plain = i + 1;
    }
    text_append(to, bytes + plain, length - plain);
    text_append(to, "\"", 1);
}

/* What stands before the next value of an object, which has a name, or of an array. */
static void text_next(finq_json_writer *to, const char *name)
{
    char before = to->length > 0 ? to->text[to->length - 1] : '{';
    if (before != '{' && before != '[')
        text_append(to, ",", 1);
    if (name) {
        text_string(to, name, strlen(name));
        text_append(to, ":", 1);
    }
}

static void text_value(finq_json_writer *to, const json_t *value);

static int name_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void text_members_sorted(finq_json_writer *to, const json_t *object)
{
    apr_size_t count = 0;
    const char **names = apr_palloc(to->pool, sizeof *names * (json_object_size(object) + 1)), *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value) names[count++] = name;
    qsort(names, count, sizeof *names, name_order);
    for (apr_size_t i = 0; i < count; i++) {
        text_next(to, names[i]);
        text_value(to, json_object_get(object, names[i]));
    }
}

static void text_members(finq_json_writer *to, const json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        text_next(to, name);
        text_value(to, value);
    }
}

static void text_object(finq_json_writer *to, const json_t *object)
{
    text_append(to, "{", 1);
    if (to->is_sorted)
        text_members_sorted(to, object);
    else
        text_members(to, object);
    text_append(to, "}", 1);
}

static void text_array(finq_json_writer *to, const json_t *array)
{
    text_append(to, "[", 1);
    for (apr_size_t i = 0; i < json_array_size(array); i++) {
        text_next(to, NULL);
        text_value(to, json_array_get(array, i));
    }
    text_append(to, "]", 1);
}

/* Numbers and the three words: jansson knows how, and they are short. */
static void text_scalar(finq_json_writer *to, const json_t *value)
{
    const char *spelling = finq_numbers_spelling(to->numbers, value);
    if (spelling) {
        text_append(to, spelling, strlen(spelling));
        return;
    }
    char *number = text_room(to, NUMBER_ROOM);
    apr_size_t length = json_dumpb(value, number, NUMBER_ROOM, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    number[length] = '\0';
    if (json_is_real(value) && strtod(number, NULL) != json_real_value(value)) /* 15 digits do not tell it from its neighbours */
        length = json_dumpb(value, number, NUMBER_ROOM, JSON_ENCODE_ANY);
    to->length += length;
}

static void text_value(finq_json_writer *to, const json_t *value)
{
    if (json_is_object(value))
        text_object(to, value);
    else if (json_is_array(value))
        text_array(to, value);
    else if (json_is_string(value))
        text_string(to, json_string_value(value), json_string_length(value));
    else
        text_scalar(to, value);
}

/* ---- an object, member by member ---- */

finq_json_writer *finq_json_write(apr_pool_t *pool)
{
    finq_json_writer *to = apr_palloc(pool, sizeof *to);
    *to = (finq_json_writer){.text = apr_palloc(pool, FIRST_ROOM), .room = FIRST_ROOM, .pool = pool};
    return to;
}

void finq_json_open(finq_json_writer *to, const char *name, char bracket)
{
    text_next(to, name);
    text_append(to, &bracket, 1);
}

void finq_json_close(finq_json_writer *to, char bracket)
{
    text_append(to, &bracket, 1);
}

void finq_json_put(finq_json_writer *to, const char *name, const char *value)
{
    if (!value)
        return;
    text_next(to, name);
    text_string(to, value, strlen(value));
}

void finq_json_put_or_null(finq_json_writer *to, const char *name, const char *value)
{
    if (value)
        finq_json_put(to, name, value);
    else
        finq_json_put_text(to, name, "null");
}

void finq_json_put_integer(finq_json_writer *to, const char *name, apr_int64_t value)
{
    text_next(to, name);
    to->length += (apr_size_t)apr_snprintf(text_room(to, NUMBER_ROOM), NUMBER_ROOM, "%" APR_INT64_T_FMT, value);
}

void finq_json_put_bool(finq_json_writer *to, const char *name, int truth)
{
    text_next(to, name);
    text_append(to, truth ? "true" : "false", truth ? 4 : 5);
}

void finq_json_put_value(finq_json_writer *to, const char *name, const json_t *value)
{
    if (!value)
        return;
    text_next(to, name);
    text_value(to, value);
}

void finq_json_put_text(finq_json_writer *to, const char *name, const char *text)
{
    if (!text)
        return;
    text_next(to, name);
    text_append(to, text, strlen(text));
}

apr_size_t finq_json_length(const finq_json_writer *to)
{
    return to->length;
}

const char *finq_json_written(const finq_json_writer *to)
{
    to->text[to->length] = '\0';
    return to->text;
}

static const char *text_whole(finq_json_writer *to, const json_t *value)
{
    if (!value)
        return NULL;
    text_value(to, value);
    return finq_json_written(to);
}

const char *finq_json_texts(const apr_array_header_t *texts, apr_pool_t *pool)
{
    json_t *list = finq_json_own(json_array(), pool);
    for (int i = 0; i < texts->nelts; i++)
        json_array_append_new(list, json_string(APR_ARRAY_IDX(texts, i, const char *)));
    return texts->nelts > 0 ? finq_json_text(list, pool) : NULL;
}

const char *finq_json_text(const json_t *value, apr_pool_t *pool)
{
    return text_whole(finq_json_write(pool), value);
}

const char *finq_json_text_spelt(const json_t *value, const finq_numbers *numbers, apr_pool_t *pool)
{
    finq_json_writer *to = finq_json_write(pool);
    to->numbers = numbers;
    return text_whole(to, value);
}

const char *finq_json_meaning(const json_t *value, const finq_numbers *numbers, apr_pool_t *pool)
{
    finq_json_writer *to = finq_json_write(pool);
    to->numbers = numbers;
    to->is_sorted = 1;
    return text_whole(to, value);
}
