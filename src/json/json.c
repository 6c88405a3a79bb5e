#include "json/json.h"
#include "ground/text.h"
#include "json/compact.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

/* Most unknown members that an error names, and most bytes of one's name. */
enum { UNKNOWN_MOST = 32, UNKNOWN_NAME_MOST = 256 };

/* What is stored stands deeper in what we wrap it in. */
#define STORED_DEPTH (2 * FINQ_JSON_MAX_DEPTH)

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

int finq_json_is_line(const json_t *value, apr_size_t least, apr_size_t most)
{
    const char *text = json_string_value(value);
    if (!text || json_string_length(value) < least || json_string_length(value) > most)
        return 0;
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return 0;
    }
    return 1;
}

json_t *finq_json_own(json_t *value, apr_pool_t *pool)
{
    if (value)
        apr_pool_cleanup_register(pool, value, json_release, apr_pool_cleanup_null);
    return value;
}

/* The value of the escape of a character by its number that stands at `at`; -1 where there is none. */
static long escape_value(const char *at, const char *end)
{
    char digits[5] = "", *stop;
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    memcpy(digits, at + 2, 4);
    long value = strtol(digits, &stop, 16);
    return stop == digits + 4 ? value : -1;
}

/* Whether an escape stands for one half of a character beyond 16 bits, without the other: what JavaScript makes of a string
 * that was cut within an emoji. */
static int has_half(const char *text, apr_size_t length)
{
    const char *end = text + length;
    for (const char *at = text; (at = memchr(at, '\\', (size_t)(end - at))); at += 2) {
        long value = escape_value(at, end);
        if (value < 0xd800 || value > 0xdfff) {
            if (end - at < 2)
                return 0;
            continue;
        }
        long other = value <= 0xdbff && end - at >= 12 ? escape_value(at + 6, end) : -1;
        if (other < 0xdc00 || other > 0xdfff)
            return 1;
        at += 10;
    }
    return 0;
}

/* Of the many ways not to be JSON, those that programs take without seeing them. `position` is behind where it stopped. */
static const char *syntax_fault(finq_bytes text, int position)
{
    const char *bytes = (const char *)text.data;
    if (text.length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        return "begins with a byte order mark, which JSON may not";
    if (position > 0 && (apr_size_t)position <= text.length && bytes[position - 1] == '\'')
        return "has a single quote where JSON has a double one";
    return has_half(bytes, text.length) ? "has an escape for half a character, such as \\ud83d alone" : "is not a JSON object";
}

static const char *json_fault(const json_error_t *error, finq_bytes text)
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
        return syntax_fault(text, error->position);
    }
}

/* How a document is read, beside its text. */
typedef struct {
    const char *what; /* begins the error's message */
    int depth;        /* deepest nesting */
    finq_numbers *numbers;
} reading;

static json_t *text_load(const reading *how, finq_bytes text, json_error_t *error, apr_pool_t *pool)
{
    finq_numbers_text prepared = {(const char *)text.data, NULL};
    if (how->numbers)
        prepared = finq_numbers_prepare(prepared.text, text.length, pool);
    json_t *value = finq_json_own(json_loadb(prepared.text, text.length, JSON_REJECT_DUPLICATES, error), pool);
    if (value && how->numbers)
        finq_numbers_note(how->numbers, &prepared, value);
    return value;
}

static finq_error *document_read(json_t **object, const reading *how, finq_bytes text, apr_pool_t *pool)
{
    json_error_t error;
    if (json_depth((const char *)text.data, text.length) > how->depth)
        return finq_error_make(pool, FINQ_E_INVALID_BODY, "%s is nested deeper than %d.", how->what, how->depth);
    if (memchr(text.data, '\0', text.length)) /* jansson passes one over that ends a number or a word */
        return finq_error_make(pool, FINQ_E_INVALID_BODY, "%s has a NUL in it.", how->what);
    json_t *value = text_load(how, text, &error, pool);
    if (!value && json_error_code(&error) == json_error_out_of_memory)
        return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "jansson: out of memory");
    if (!value)
        return finq_error_make(pool, FINQ_E_INVALID_BODY, "%s %s (line %d, column %d).", how->what, json_fault(&error, text),
                               error.line, error.column);
    if (!json_is_object(value))
        return finq_error_make(pool, FINQ_E_INVALID_BODY, "%s is JSON but not an object.", how->what);
    *object = value;
    return NULL;
}

finq_error *finq_json_read(json_t **object, const char *what, finq_bytes text, apr_pool_t *pool)
{
    const reading how = {what, FINQ_JSON_MAX_DEPTH, NULL};
    return document_read(object, &how, text, pool);
}

finq_error *finq_json_parse(json_t **object, finq_numbers *numbers, const char *text, apr_size_t length, apr_pool_t *pool)
{
    const reading how = {"The body", FINQ_JSON_MAX_DEPTH, numbers};
    return document_read(object, &how, (finq_bytes){(const unsigned char *)text, length}, pool);
}

finq_error *finq_json_stored(json_t **object, finq_numbers *numbers, const char *text, apr_pool_t *pool)
{
    const reading how = {"What is stored", STORED_DEPTH, numbers};
    finq_error *error = document_read(object, &how, (finq_bytes){(const unsigned char *)text, strlen(text)}, pool);
    return error ? finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "%s", error->message) : NULL;
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
    case FINQ_JSON_ANY:
        return 1;
    }
    return 0;
}

static const char *kind_name(finq_json_kind kind)
{
    static const char *const names[] = {"a string", "an object", "an integer", "an array"};
    return names[kind];
}

/* PHP writes an object without members as []. */
static void object_mend(json_t *parent, const char *name)
{
    const json_t *value = json_object_get(parent, name);
    if (json_is_array(value) && json_array_size(value) == 0)
        json_object_set_new(parent, name, json_object());
}

/* Takes other ways of saying the same for what they say: null for a member that may be absent, [] for an object without
 * members. */
static void members_mend(json_t *object, const finq_json_member *members)
{
    for (; members->name; members++) {
        if (!members->required && json_is_null(json_object_get(object, members->name)))
            json_object_del(object, members->name);
        if (members->kind == FINQ_JSON_OBJECT)
            object_mend(object, members->name);
    }
}

/* The message shows them harmlessly for a log; `fields` has them as they were sent, cut where they are long. */
static finq_error *unknown_check(const json_t *object, const finq_json_member *members, apr_pool_t *pool)
{
    apr_array_header_t *shown = apr_array_make(pool, 4, sizeof(const char *)), *fields = apr_array_copy(pool, shown);
    const char *name;
    json_t *value;
    int count = 0;
    json_object_foreach((json_t *)object, name, value)
    {
        if (member_find(members, name) || count++ >= UNKNOWN_MOST)
            continue;
        APR_ARRAY_PUSH(shown, const char *) = finq_text_show(name, pool);
        APR_ARRAY_PUSH(fields, const char *) = finq_text_plain(name, UNKNOWN_NAME_MOST, pool);
    }
    if (count == 0)
        return NULL;
    finq_error *error = finq_error_make(pool, FINQ_E_UNKNOWN_FIELDS, "Unknown: %s%s.", finq_text_join(shown, pool),
                                        count > UNKNOWN_MOST ? ", and more" : "");
    return finq_error_tell_texts(error, "fields", fields, pool);
}

static finq_error *missing_check(const json_t *object, const finq_json_member *members, apr_pool_t *pool)
{
    apr_array_header_t *missing = apr_array_make(pool, 4, sizeof(const char *));
    for (; members->name; members++) {
        if (members->required && !json_object_get(object, members->name))
            APR_ARRAY_PUSH(missing, const char *) = members->name;
    }
    return missing->nelts > 0 ? finq_error_missing(missing, pool) : NULL;
}

finq_error *finq_json_members(json_t *object, const finq_json_member *members, apr_pool_t *pool)
{
    const json_t *value;
    members_mend(object, members);
    FINQ_TRY(unknown_check(object, members, pool));
    FINQ_TRY(missing_check(object, members, pool));
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
