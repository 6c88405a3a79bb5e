#include "finq_json.h"
#include "finq_compact.h"

#include <apr_strings.h>
#include <string.h>

apr_size_t finq_json_compact(char *compact, const char *text, apr_size_t length)
{
    finq_compact whole = {0, 0};
    return finq_compact_push(&whole, text, length, compact);
}

/* Counted before parsing, so that a deep document costs one pass over its bytes and no stack. */
static int json_depth(const char *text, apr_size_t length)
{
    int depth = 0, deepest = 0, in_string = 0;
    for (apr_size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '"')
            in_string = !in_string;
        else if (in_string && c == '\\')
            i++;
        else if (!in_string && (c == '{' || c == '[')) {
            if (++depth > deepest)
                deepest = depth;
        } else if (!in_string && (c == '}' || c == ']'))
            depth--;
    }
    return deepest;
}

static apr_status_t json_release(void *value)
{
    json_decref(value);
    return APR_SUCCESS;
}

json_t *finq_json_own(json_t *value, apr_pool_t *pool)
{
    if (value)
        apr_pool_cleanup_register(pool, value, json_release, apr_pool_cleanup_null);
    return value;
}

static const char *json_fault(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_duplicate_key:
        return "names a member twice";
    case json_error_invalid_utf8:
        return "is not UTF-8";
    case json_error_null_character:
        return "has a NUL in a string";
    case json_error_numeric_overflow:
        return "has a number out of range";
    default:
        return "is not a JSON object";
    }
}

finq_error *finq_json_read(json_t **object, const char *what, finq_bytes text, apr_pool_t *pool)
{
    if (json_depth((const char *)text.data, text.length) > FINQ_JSON_MAX_DEPTH)
        return finq_error_make(pool, FINQ_E_INVALID_BODY, "%s is nested deeper than %d.", what,
                               FINQ_JSON_MAX_DEPTH);
    json_error_t error;
    json_t *value =
        finq_json_own(json_loadb((const char *)text.data, text.length, JSON_REJECT_DUPLICATES, &error), pool);
    if (!value && json_error_code(&error) == json_error_out_of_memory)
        return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "jansson: out of memory");
    if (!value)
        return finq_error_make(pool, FINQ_E_INVALID_BODY, "%s %s (line %d, column %d).", what,
                               json_fault(&error), error.line, error.column);
    if (!json_is_object(value))
        return finq_error_make(pool, FINQ_E_INVALID_BODY, "%s is JSON but not an object.", what);
    *object = value;
    return NULL;
}

finq_error *finq_json_parse(json_t **object, const char *text, apr_size_t length, apr_pool_t *pool)
{
    return finq_json_read(object, "The body", (finq_bytes){(const unsigned char *)text, length}, pool);
}

static const finq_json_member *member_find(const finq_json_member *members, const char *name)
{
    for (; members->name; members++) {
        if (strcmp(members->name, name) == 0)
            return members;
    }
    return NULL;
}

static int kind_fits(finq_json_kind kind, const json_t *value)
{
    switch (kind) {
    case FINQ_JSON_STRING:
        return json_is_string(value);
    case FINQ_JSON_OBJECT:
        return json_is_object(value);
    case FINQ_JSON_INTEGER:
        return json_is_integer(value);
    case FINQ_JSON_ARRAY:
        return json_is_array(value);
    }
    return 0;
}

static const char *kind_name(finq_json_kind kind)
{
    static const char *const names[] = {"a string", "an object", "an integer", "an array"};
    return names[kind];
}

/* Appends a name that a client chose: shortened, and without what would break a line of text. */
static const char *name_list(apr_pool_t *pool, const char *list, const char *name)
{
    char shown[65];
    apr_cpystrn(shown, name, sizeof shown);
    for (char *c = shown; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f || (*c & 0x80))
            *c = '?';
    }
    return list ? apr_pstrcat(pool, list, ", ", shown, NULL) : apr_pstrdup(pool, shown);
}

finq_error *finq_json_members(const json_t *object, const finq_json_member *members, apr_pool_t *pool)
{
    const char *unknown = NULL, *missing = NULL, *name;
    json_t *value;
    int shown = 0;
    json_object_foreach((json_t *)object, name, value)
    {
        if (!member_find(members, name) && shown++ < 32)
            unknown = name_list(pool, unknown, name);
    }
    if (unknown)
        return finq_error_make(pool, FINQ_E_UNKNOWN_FIELDS, "Unknown: %s%s.", unknown,
                               shown > 32 ? ", and more" : "");
    for (const finq_json_member *m = members; m->name; m++) {
        if (m->required && !json_object_get(object, m->name))
            missing = name_list(pool, missing, m->name);
    }
    if (missing)
        return finq_error_make(pool, FINQ_E_MISSING_FIELDS, "Missing: %s.", missing);
    for (const finq_json_member *m = members; m->name; m++) {
        value = json_object_get(object, m->name);
        if (value && !kind_fits(m->kind, value))
            return finq_error_make(pool, FINQ_E_INVALID_FIELD, "%s must be %s.", m->name, kind_name(m->kind));
    }
    return NULL;
}

const char *finq_json_string(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* ---- writing ----
 * jansson's own writer spends most of its time on guarding against cycles, which values that were parsed, or built by the
 * code above, do not have. */

typedef struct {
    char *text;
    apr_size_t length, room;
    apr_pool_t *pool;
} text_sink;

/* Room for so many bytes more, and the NUL. */
static char *text_room(text_sink *sink, apr_size_t size)
{
    if (sink->length + size + 1 > sink->room) {
        apr_size_t room = 2 * (sink->length + size + 1);
        char *larger = apr_palloc(sink->pool, room);
        memcpy(larger, sink->text, sink->length);
        sink->text = larger;
        sink->room = room;
    }
    return sink->text + sink->length;
}

static void text_append(text_sink *sink, const char *bytes, apr_size_t size)
{
    memcpy(text_room(sink, size), bytes, size);
    sink->length += size;
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

static void text_string(text_sink *sink, const char *bytes, apr_size_t length)
{
    apr_size_t plain = 0;
    char escape[7];
    text_append(sink, "\"", 1);
    for (apr_size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte >= ' ' && byte != '"' && byte != '\\')
            continue;
        text_append(sink, bytes + plain, i - plain);
        text_append(sink, escape, escape_write(escape, byte));
        plain = i + 1;
    }
    text_append(sink, bytes + plain, length - plain);
    text_append(sink, "\"", 1);
}

static void text_value(text_sink *sink, const json_t *value);

static void text_object(text_sink *sink, const json_t *object)
{
    const char *name, *before = "{";
    json_t *value;
    if (json_object_size(object) == 0)
        text_append(sink, "{", 1);
    json_object_foreach((json_t *)object, name, value)
    {
        text_append(sink, before, 1);
        text_string(sink, name, strlen(name));
        text_append(sink, ":", 1);
        text_value(sink, value);
        before = ",";
    }
    text_append(sink, "}", 1);
}

static void text_array(text_sink *sink, const json_t *array)
{
    text_append(sink, "[", 1);
    for (apr_size_t i = 0; i < json_array_size(array); i++) {
        if (i > 0)
            text_append(sink, ",", 1);
        text_value(sink, json_array_get(array, i));
    }
    text_append(sink, "]", 1);
}

/* Numbers and the three words: jansson knows how, and they are short. */
static void text_scalar(text_sink *sink, const json_t *value)
{
    char *to = text_room(sink, 64);
    sink->length += json_dumpb(value, to, 64, JSON_ENCODE_ANY);
}

static void text_value(text_sink *sink, const json_t *value)
{
    if (json_is_object(value))
        text_object(sink, value);
    else if (json_is_array(value))
        text_array(sink, value);
    else if (json_is_string(value))
        text_string(sink, json_string_value(value), json_string_length(value));
    else
        text_scalar(sink, value);
}

const char *finq_json_text(const json_t *value, apr_pool_t *pool)
{
    text_sink sink = {apr_palloc(pool, 512), 0, 512, pool};
    if (!value)
        return NULL;
    text_value(&sink, value);
    sink.text[sink.length] = '\0';
    return sink.text;
}
