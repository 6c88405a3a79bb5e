#include "pattern_ecma.h"
#include "pattern_property.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

/* Everything is spelt out anew, so that nothing reaches PCRE2 that ECMA-262 does not know, and nothing means
 * something else there (PCRE2 itself sees to parentheses that do not pair). ECMA's white space is not
 * PCRE2's, its "." stops at four line ends, its \v is one character. */
#define SPACES                                                                                             \
    "\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}" \
    "\\x{feff}"
#define NO_SPACES                                                                                       \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}" \
    "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}"
#define NO_LINE_END "[^\\n\\r\\x{2028}\\x{2029}]"

enum { OUT_MAX = 8192, NAME_LENGTH_MAX = 31 };

typedef struct {
    const char *in, *end;
    char *out;
    apr_size_t length;
    apr_size_t class_start; /* where the open class's items begin in `out`; 0 outside a class */
    apr_uint64_t groups;    /* of each open group, the last in the lowest bit, whether it is an assertion */
    int is_assertion;       /* whether the term before is one: nothing to repeat */
    const char *fault;
} translation;

/* Ends the reading: `in` never passes `end`, and whoever emits has moved `in` already. */
static void fail(translation *t, const char *fault)
{
    if (!t->fault)
        t->fault = fault;
    t->in = t->end;
}

static void emit(translation *t, const char *bytes, apr_size_t count)
{
    if (t->length + count >= OUT_MAX) {
        fail(t, "is too large");
        return;
    }
    memcpy(t->out + t->length, bytes, count);
    t->length += count;
}

static void emit_text(translation *t, const char *text)
{
    emit(t, text, strlen(text));
}

static void emit_code(translation *t, unsigned code)
{
    char text[16];
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        fail(t, "names a character that there is not");
        return;
    }
    apr_snprintf(text, sizeof text, "\\x{%x}", code);
    emit_text(t, text);
}

static int peek(const translation *t, apr_size_t ahead)
{
    return (apr_size_t)(t->end - t->in) > ahead ? (unsigned char)t->in[ahead] : -1;
}

static int hex_digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Reads exactly `count` hexadecimal digits. */
static unsigned read_hex(translation *t, int count)
{
    unsigned code = 0;
    for (; count > 0; count--, t->in++) {
        int digit = hex_digit(peek(t, 0));
        if (digit < 0) {
            fail(t, "has an unfinished \\x or \\u");
            return 0;
        }
        code = code << 4 | (unsigned)digit;
    }
    return code;
}

static void escape_braced_code(translation *t)
{
    unsigned code = 0;
    int digits = 0;
    for (t->in++; hex_digit(peek(t, 0)) >= 0 && code <= 0x10ffff; t->in++, digits++)
        code = code << 4 | (unsigned)hex_digit(peek(t, 0));
    if (!digits || peek(t, 0) != '}') {
        fail(t, "has an unfinished \\u{");
        return;
    }
    t->in++;
    emit_code(t, code);
}

static void escape_unicode(translation *t)
{
    if (peek(t, 0) == '{') {
        escape_braced_code(t);
        return;
    }
    unsigned code = read_hex(t, 4);
    if (code >= 0xd800 && code <= 0xdbff && peek(t, 0) == '\\' && peek(t, 1) == 'u') {
        t->in += 2;
        unsigned low = read_hex(t, 4);
        code = low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : code;
    }
    if (!t->fault)
        emit_code(t, code);
}

static void escape_space(translation *t, int is_space)
{
    if (t->class_start)
        emit_text(t, is_space ? SPACES : NO_SPACES);
    else
        emit_text(t, is_space ? "[" SPACES "]" : "[^" SPACES "]");
}

static int is_name_byte(int c)
{
    return c == '_' || (c > 0 && c < 0x80 && apr_isalnum(c));
}

/* Copies "<name>" or "{name}", with what came before it. */
static void copy_name(translation *t, const char *before, char close)
{
    const char *start = t->in++;
    while (is_name_byte(peek(t, 0)) || (close == '}' && peek(t, 0) == '='))
        t->in++;
    apr_size_t length = (apr_size_t)(t->in - start - 1);
    if (length == 0 || length > NAME_LENGTH_MAX || peek(t, 0) != close) {
        fail(t, "has a name that is none");
        return;
    }
    t->in++;
    emit_text(t, before);
    emit(t, start, length + 2);
}

static void escape_reference(translation *t)
{
    char text[16];
    unsigned group = (unsigned)(t->in[-1] - '0');
    for (; peek(t, 0) >= '0' && peek(t, 0) <= '9' && group < 1000; t->in++)
        group = group * 10 + (unsigned)(peek(t, 0) - '0');
    apr_snprintf(text, sizeof text, "\\g{%u}", group);
    emit_text(t, text);
}

static void escape_control(translation *t)
{
    int c = peek(t, 0);
    if (c < 0 || c > 0x7f || !apr_isalpha(c)) {
        fail(t, "has a \\c without its letter");
        return;
    }
    t->in++;
    emit_code(t, (unsigned)c & 31);
}

static void escape_property(translation *t, int letter)
{
    const char *name = t->in + 1;
    if (peek(t, 0) != '{') {
        fail(t, "has a \\p without its braces");
        return;
    }
    copy_name(t, letter == 'p' ? "\\p" : "\\P", '}');
    apr_size_t length = (apr_size_t)(t->in - name - 1);
    if (!t->fault && !pattern_property_known(name, length))
        fail(t, "has a \\p of a property that ECMA-262 does not know");
}

/* Escapes that mean one character. Returns 0 for any other. */
static int escape_character(translation *t, int c)
{
    static const char letters[] = "tnvfr", codes[] = "\t\n\v\f\r";
    const char *found = c > 0 ? strchr(letters, c) : NULL;
    if (found)
        emit_code(t, (unsigned)codes[found - letters]);
    else if (c == 'x')
        emit_code(t, read_hex(t, 2));
    else if (c == 'u')
        escape_unicode(t);
    else if (c == 'c')
        escape_control(t);
    else if (c == '0' && !(peek(t, 0) >= '0' && peek(t, 0) <= '9'))
        emit_code(t, 0);
    else if (c > 0 && (strchr("^$\\.*+?()[]{}|/", c) || (t->class_start && c == '-')))
        emit(t, t->in - 2, 2);
    else
        return 0;
    return 1;
}

/* Escapes that mean a place or an earlier group: none of them may stand in a class. */
static int escape_outside(translation *t, int c)
{
    if (t->class_start)
        return 0;
    if (c == 'b' || c == 'B') {
        emit(t, t->in - 2, 2);
        t->is_assertion = 1;
    } else if (c >= '1' && c <= '9')
        escape_reference(t);
    else if (c == 'k' && peek(t, 0) == '<')
        copy_name(t, "\\k", '>');
    else
        return 0;
    return 1;
}

/* Whether a range has been begun in the class and waits for its end. */
static int in_range(const translation *t)
{
    const char *last = t->out + t->length - 1;
    return t->class_start && t->length - 1 > t->class_start && *last == '-' && last[-1] != '\\';
}

/* A set of characters: \d, \s, \w, \p and their opposites. In a class it is no end of a range. */
static void escape_set(translation *t, int c)
{
    int after_range = in_range(t);
    if (c == 's' || c == 'S')
        escape_space(t, c == 's');
    else if (c == 'p' || c == 'P')
        escape_property(t, c);
    else
        emit(t, t->in - 2, 2);
    if (after_range || (t->class_start && peek(t, 0) == '-' && peek(t, 1) != ']'))
        fail(t, "has a range that ends in a class");
}

static void escape(translation *t)
{
    int c = peek(t, 1);
    t->in += c < 0 ? 1 : 2;
    if (c > 0 && strchr("dDwWsSpP", c))
        escape_set(t, c);
    else if (c == 'b' && t->class_start)
        emit_code(t, '\b');
    else if (!escape_outside(t, c) && !escape_character(t, c))
        fail(t, "has an escape that ECMA-262 does not know");
}

static void class_item(translation *t)
{
    if (peek(t, 0) == '\\') {
        escape(t);
        return;
    }
    if (peek(t, 0) == '[') /* keeps PCRE2 from seeing [:alpha:] and the like */
        emit_text(t, "\\");
    emit(t, t->in++, 1);
}

static void class(translation *t)
{
    emit(t, t->in++, 1);
    if (peek(t, 0) == '^')
        emit(t, t->in++, 1);
    t->class_start = t->length;
    while (t->in < t->end && peek(t, 0) != ']')
        class_item(t);
    t->class_start = 0;
    if (peek(t, 0) == ']')
        emit(t, t->in++, 1);
    else
        fail(t, "has a class without its end");
}

/* What stands between parentheses, once they close: a group, which can be repeated, or an assertion. */
static void group_open(translation *t, int is_assertion)
{
    t->groups = t->groups << 1 | (apr_uint64_t)is_assertion;
}

static void group_close(translation *t)
{
    t->is_assertion = (int)(t->groups & 1);
    t->groups >>= 1;
    emit(t, t->in++, 1);
}

static void group(translation *t)
{
    static const char *const openings[] = {"(?:", "(?=", "(?!", "(?<=", "(?<!"};
    for (apr_size_t i = 0; i < sizeof openings / sizeof *openings; i++) {
        apr_size_t length = strlen(openings[i]);
        if ((apr_size_t)(t->end - t->in) >= length && memcmp(t->in, openings[i], length) == 0) {
            t->in += length;
            emit(t, t->in - length, length);
            group_open(t, i > 0);
            return;
        }
    }
    group_open(t, 0);
    if (peek(t, 1) == '?' && peek(t, 2) == '<') {
        t->in += 2;
        copy_name(t, "(?", '>');
    } else if (peek(t, 1) == '?' || peek(t, 1) == '*') {
        fail(t, "has a group that ECMA-262 does not know");
    } else {
        emit(t, t->in++, 1);
    }
}

/* The length of a quantifier that starts here, without its "?"; 0 where there is none. */
static apr_size_t quantifier_length(const translation *t)
{
    apr_size_t i = 1;
    if (peek(t, 0) == '*' || peek(t, 0) == '+' || peek(t, 0) == '?')
        return 1;
    if (peek(t, 0) != '{' || !(peek(t, 1) >= '0' && peek(t, 1) <= '9'))
        return 0;
    while (peek(t, i) >= '0' && peek(t, i) <= '9')
        i++;
    if (peek(t, i) == ',')
        i++;
    while (peek(t, i) >= '0' && peek(t, i) <= '9')
        i++;
    return peek(t, i) == '}' ? i + 1 : 0;
}

static void quantifier(translation *t, apr_size_t length)
{
    t->in += length;
    emit(t, t->in - length, length);
    if (peek(t, 0) == '?')
        emit(t, t->in++, 1);
    if (quantifier_length(t) || t->is_assertion) /* "a++" is possessive in PCRE2 and an error in ECMA-262 */
        fail(t, "has a quantifier with nothing to repeat");
}

static void plain(translation *t, int c)
{
    const char *at = t->in++;
    if (c == '.') {
        emit_text(t, NO_LINE_END);
        return;
    }
    if (c == '{' || c == '}' || c == ']')
        fail(t, "has a brace or bracket that is alone: escape it");
    else
        emit(t, at, 1);
    t->is_assertion = c == '^' || c == '$';
}

static void term(translation *t)
{
    apr_size_t repeat = quantifier_length(t);
    int c = peek(t, 0);
    if (repeat) {
        quantifier(t, repeat);
        return;
    }
    t->is_assertion = 0;
    if (c == '\\')
        escape(t);
    else if (c == '[')
        class(t);
    else if (c == '(')
        group(t);
    else if (c == ')')
        group_close(t);
    else
        plain(t, c);
}

const char *pattern_ecma_translate(const char **fault, const char *text, apr_size_t length, apr_pool_t *pool)
{
    translation t = {.in = text, .end = text + length, .out = apr_palloc(pool, OUT_MAX)};
    while (t.in < t.end)
        term(&t);
    *fault = t.fault;
    t.out[t.length] = '\0';
    return t.fault ? NULL : t.out;
}
