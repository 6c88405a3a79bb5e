#include "page/html.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>
#include <strings.h>

#include "ground/text.h"

#define FIRST_ROOM 4096
#define DEEPEST 64

struct finq_html {
    char *text;
    apr_size_t length, room;
    apr_pool_t *pool;
    const char *open[DEEPEST]; /* the tags that are open */
    int depth;
    int in_tag; /* whether the last of them still takes attributes */
};

finq_html *finq_html_write(apr_pool_t *pool)
{
    finq_html *to = apr_pcalloc(pool, sizeof *to);
    to->text = apr_palloc(pool, FIRST_ROOM);
    to->room = FIRST_ROOM;
    to->pool = pool;
    return to;
}

static void append(finq_html *to, const char *bytes, apr_size_t size)
{
    if (to->length + size + 1 > to->room) {
        to->room = 2 * (to->length + size + 1);
        char *larger = apr_palloc(to->pool, to->room);
        to->text = memcpy(larger, to->text, to->length);
    }
    memcpy(to->text + to->length, bytes, size);
    to->length += size;
}

static void append_text(finq_html *to, const char *text)
{
    append(to, text, strlen(text));
}

/* ---- what is put ---- */

static const char *escape_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* How much of a text, most of it as a rule, are printable characters of ASCII that stand for themselves. */
static apr_size_t plain_length(const char *text)
{
    const char *at = text;
    while (*at >= ' ' && *at < 0x7f && !escape_of(*at))
        at++;
    return (apr_size_t)(at - text);
}

static void append_escaped(finq_html *to, const char *text)
{
    const char *end = text + strlen(text);
    while (text < end) {
        apr_size_t plain = plain_length(text);
        append(to, text, plain);
        text += plain;
        if (text == end)
            break;
        apr_size_t length = finq_text_character(text, (apr_size_t)(end - text));
        const char *escape = escape_of(*text);
        if (escape)
            append_text(to, escape);
        else if (length == 0 || (finq_text_is_control(text) && !strchr("\t\n\r", *text)))
            append_text(to, "\xef\xbf\xbd");
        else
            append(to, text, length);
        text += length ? length : 1;
    }
}

/* ---- elements ---- */

/* From here on the last element takes no attributes. */
static void tag_end(finq_html *to)
{
    if (to->in_tag)
        append_text(to, ">");
    to->in_tag = 0;
}

void finq_html_open(finq_html *to, const char *element)
{
    tag_end(to);
    append_text(to, "<");
    append_text(to, element);
    to->in_tag = 1;
    if (to->depth < DEEPEST)
        to->open[to->depth] = element;
    to->depth++;
}

static int is_never_put(const char *name)
{
    return strncasecmp(name, "on", 2) == 0 || strcasecmp(name, "style") == 0;
}

static int is_address(const char *name)
{
    return strcmp(name, "href") == 0 || strcmp(name, "src") == 0 || strcmp(name, "action") == 0 ||
           strcmp(name, "formaction") == 0;
}

/* Browsers pass over blanks and controls before a scheme, and over line ends within it. */
static int runs(const char *address)
{
    static const char *const schemes[] = {"javascript:", "data:", "vbscript:"};
    char scheme[16];
    size_t length = 0;
    for (const char *c = address; *c && length < sizeof scheme - 1; c++) {
        if ((unsigned char)*c > ' ' && *c != 0x7f)
            scheme[length++] = (char)apr_tolower(*c);
    }
    scheme[length] = '\0';
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (strncmp(scheme, schemes[i], strlen(schemes[i])) == 0)
            return 1;
    }
    return 0;
}

void finq_html_put(finq_html *to, const char *name, const char *value)
{
    if (!value || !to->in_tag || is_never_put(name) || (is_address(name) && runs(value)))
        return;
    append_text(to, " ");
    append_text(to, name);
    append_text(to, "=\"");
    append_escaped(to, value);
    append_text(to, "\"");
}

void finq_html_put_integer(finq_html *to, const char *name, apr_int64_t value)
{
    finq_html_put(to, name, apr_psprintf(to->pool, "%" APR_INT64_T_FMT, value));
}

void finq_html_put_flag(finq_html *to, const char *name, int truth)
{
    if (!truth || !to->in_tag || is_never_put(name))
        return;
    append_text(to, " ");
    append_text(to, name);
}

void finq_html_text(finq_html *to, const char *text)
{
    tag_end(to);
    if (text)
        append_escaped(to, text);
}

void finq_html_markup(finq_html *to, const char *markup, apr_size_t length)
{
    tag_end(to);
    append(to, markup, length);
}

void finq_html_piece(finq_html *to, const finq_html *piece)
{
    finq_html_markup(to, piece->text, piece->length);
}

static int is_empty_element(const char *element)
{
    static const char *const tags[] = {"input", "meta", "link", "img", "br", "hr"};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        if (strcmp(tags[i], element) == 0)
            return 1;
    }
    return 0;
}

void finq_html_close(finq_html *to)
{
    tag_end(to);
    to->depth--;
    if (to->depth >= DEEPEST || is_empty_element(to->open[to->depth]))
        return;
    append_text(to, "</");
    append_text(to, to->open[to->depth]);
    append_text(to, ">");
}

void finq_html_element(finq_html *to, const char *element, const char *class_name, const char *text)
{
    finq_html_open(to, element);
    finq_html_put(to, "class", class_name);
    finq_html_text(to, text);
    finq_html_close(to);
}

const char *finq_html_written(const finq_html *to)
{
    to->text[to->length] = '\0';
    return to->text;
}
