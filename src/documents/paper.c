#include "documents/paper.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "crypto/pdf_lock.h"

#define NAME "/Encrypt"
#define NAME_LENGTH (sizeof NAME - 1)
/* A trailer, and an encryption dictionary, are looked at up to this length; what stands around a place, so far to both sides. */
#define DICTIONARY 8192
#define STRING_MOST 128

/* ---- looking while bytes pass ---- */

static int is_delimiter(unsigned char c)
{
    return c <= ' ' || strchr("/<>[]()%", c) != NULL;
}

/* `at` is the place of bytes[0] in the file. */
static void names_note(finq_paper *paper, const char *bytes, apr_size_t n, off_t at)
{
    const char *end = bytes + n;
    for (const char *found = bytes; (found = memmem(found, (apr_size_t)(end - found), NAME, NAME_LENGTH)); found++) {
        if (found + NAME_LENGTH == end || !is_delimiter((unsigned char)found[NAME_LENGTH]))
            continue; /* /EncryptMetadata; or the next look sees it with what follows */
        paper->last = at + (found - bytes);
        if (!paper->first)
            paper->first = paper->last;
    }
}

void finq_paper_look(finq_paper *paper, const char *bytes, apr_size_t n)
{
    char seam[2 * sizeof paper->tail];
    apr_size_t joined = n < NAME_LENGTH ? n : NAME_LENGTH, kept = paper->in_tail;
    memcpy(seam, paper->tail, kept);
    memcpy(seam + kept, bytes, joined);
    names_note(paper, seam, kept + joined, paper->seen - (off_t)kept);
    names_note(paper, bytes, n, paper->seen);
    paper->seen += (off_t)n;
    if (n >= NAME_LENGTH) {
        memcpy(paper->tail, bytes + n - NAME_LENGTH, NAME_LENGTH);
        paper->in_tail = NAME_LENGTH;
        return;
    }
    apr_size_t all = kept + joined, held = all < NAME_LENGTH ? all : NAME_LENGTH;
    memcpy(paper->tail, seam + all - held, held);
    paper->in_tail = held;
}

/* ---- the little of PDF's syntax that this takes (ISO 32000-2, 7.3); its strings are binary ---- */

typedef struct {
    const char *at, *end;
} span;

static int starts_with(const span *text, const char *what)
{
    apr_size_t length = strlen(what);
    return (apr_size_t)(text->end - text->at) >= length && memcmp(text->at, what, length) == 0;
}

static void blanks_skip(span *text)
{
    while (text->at < text->end && (unsigned char)*text->at <= ' ')
        text->at++;
}

/* What stands behind a name, which must not be the beginning of a longer one. Empty where it is not there. */
static span value_of(span text, const char *name)
{
    apr_size_t length = strlen(name);
    while ((text.at = memmem(text.at, (apr_size_t)(text.end - text.at), name, length))) {
        text.at += length;
        if (text.at < text.end && is_delimiter((unsigned char)*text.at)) {
            blanks_skip(&text);
            return text;
        }
    }
    return (span){text.end, text.end};
}

/* Reads a number, and moves behind it. Returns 0 where there is none. */
static int number_read(int *number, span *text)
{
    int sign = starts_with(text, "-") ? -1 : 1;
    apr_int64_t value = 0;
    text->at += sign < 0;
    if (text->at == text->end || !apr_isdigit(*text->at))
        return 0;
    for (; text->at < text->end && apr_isdigit(*text->at); text->at++)
        value = value > APR_INT32_MAX ? value : value * 10 + (*text->at - '0');
    *number = (int)(apr_int32_t)(apr_uint32_t)(sign * value); /* some write P without its sign */
    return 1;
}

static int number_of(span text, const char *name, int preset)
{
    span value = value_of(text, name);
    int number;
    return number_read(&number, &value) ? number : preset;
}

static int digit_of(char c)
{
    return apr_isdigit(c) ? c - '0' : apr_isxdigit(c) ? apr_tolower(c) - 'a' + 10 : -1;
}

static apr_size_t hex_read(unsigned char *to, span text)
{
    apr_size_t digits = 0;
    for (; text.at < text.end && *text.at != '>' && digits < 2 * STRING_MOST; text.at++) {
        int digit = digit_of(*text.at);
        if (digit < 0)
            continue;
        to[digits / 2] = (unsigned char)(digits % 2 ? to[digits / 2] | digit : digit << 4);
        digits++;
    }
    return (digits + 1) / 2;
}

static int octal_read(span *text)
{
    int value = 0;
    for (int digits = 0; digits < 3 && text->at < text->end && *text->at >= '0' && *text->at <= '7'; digits++)
        value = value * 8 + (*text->at++ - '0');
    return value & 0xff;
}

/* What stands behind a backslash: a letter's, octal digits', or itself; -1 for a line's end, which is none. */
static int escape_read(span *text)
{
    static const char letters[] = "nrtbf", means[] = "\n\r\t\b\f";
    int c = (unsigned char)*text->at;
    const char *letter = c ? strchr(letters, c) : NULL;
    if (c >= '0' && c <= '7')
        return octal_read(text);
    text->at++;
    if (c == '\r' && starts_with(text, "\n"))
        text->at++;
    if (letter)
        return means[letter - letters];
    return c == '\r' || c == '\n' ? -1 : c;
}

static apr_size_t literal_read(unsigned char *to, span text)
{
    apr_size_t n = 0;
    for (int depth = 1; text.at < text.end && n < STRING_MOST;) {
        int c = (unsigned char)*text.at++;
        depth += c == '(' ? 1 : c == ')' ? -1 : 0;
        if (depth == 0)
            break;
        if (c == '\\' && text.at < text.end)
            c = escape_read(&text);
        if (c >= 0)
            to[n++] = (unsigned char)c;
    }
    return n;
}

static finq_bytes string_of(unsigned char to[STRING_MOST], span text, const char *name)
{
    span value = value_of(text, name);
    apr_size_t length = 0;
    if (starts_with(&value, "[")) { /* of ID, the first of two */
        value.at++;
        blanks_skip(&value);
    }
    if (starts_with(&value, "(")) {
        value.at++;
        length = literal_read(to, value);
    } else if (starts_with(&value, "<") && !starts_with(&value, "<<")) {
        value.at++;
        length = hex_read(to, value);
    }
    return (finq_bytes){to, length};
}

/* ---- the encryption dictionary ---- */

/* Whether what stands in a text is one, and locked. */
static int dictionary_locks(span text, finq_bytes id)
{
    unsigned char owner[STRING_MOST], user[STRING_MOST];
    span filter = value_of(text, "/Filter"), metadata = value_of(text, "/EncryptMetadata");
    if (!starts_with(&filter, "/"))
        return 0;
    if (!starts_with(&filter, "/Standard"))
        return 1; /* for certificates, or a program's own */
    finq_pdf_lock lock = {.revision = number_of(text, "/R", 0),
                          .permissions = number_of(text, "/P", 0),
                          .hides_metadata = !starts_with(&metadata, "false"),
                          .owner = string_of(owner, text, "/O"),
                          .user = string_of(user, text, "/U"),
                          .id = id};
    int bits = number_of(text, "/Length", 40);
    lock.key_bytes = lock.revision == 2 ? 5 : lock.revision == 3 ? bits / 8 : 16;
    return !finq_pdf_lock_is_open(&lock);
}

static span window_read(char *window, const finq_source *source, off_t at)
{
    return (span){window, window + finq_source_peek(source, window, DICTIONARY, at)};
}

/* Moves to where an object begins, and no other whose number ends alike. `from` is where the text began. */
static int object_find(span *text, const char *object, const char *from)
{
    apr_size_t length = strlen(object);
    while ((text->at = memmem(text->at, (apr_size_t)(text->end - text->at), object, length))) {
        if (text->at == from || !apr_isdigit(text->at[-1]))
            return 1;
        text->at++;
    }
    return 0;
}

/* Whether an object of the file is a dictionary that locks it. */
static int object_locks(const finq_source *source, const char *object, finq_bytes id)
{
    char window[DICTIONARY];
    for (off_t at = 0; at < source->size; at += DICTIONARY / 2) { /* none is cut by the end of both windows that it is in */
        span text = window_read(window, source, at);
        if (!object_find(&text, object, window))
            continue;
        text = window_read(window, source, at + (text.at - window));
        text.at += strlen(object);
        blanks_skip(&text);
        if (starts_with(&text, "<<"))
            return dictionary_locks(text, id);
    }
    return 0;
}

/* Whether the /Encrypt at a place leads to a dictionary that locks. */
static int place_locks(const finq_source *source, off_t place)
{
    char window[DICTIONARY], object[64];
    unsigned char id_bytes[STRING_MOST];
    int number, generation;
    off_t from = place > DICTIONARY / 2 ? place - DICTIONARY / 2 : 0;
    span around = window_read(window, source, from);
    span value = {window + (place - from), around.end};
    if (value.at + NAME_LENGTH > value.end)
        return 0;
    finq_bytes id = string_of(id_bytes, around, "/ID");
    value = value_of(value, NAME);
    if (starts_with(&value, "<<"))
        return dictionary_locks(value, id);
    if (!number_read(&number, &value))
        return 0;
    blanks_skip(&value);
    if (!number_read(&generation, &value))
        return 0;
    apr_snprintf(object, sizeof object, "%d %d obj", number, generation);
    return object_locks(source, object, id);
}

int finq_paper_needs_password(const finq_paper *paper, const finq_source *source)
{
    if (!paper->first)
        return 0;
    return place_locks(source, paper->last) || (paper->first != paper->last && place_locks(source, paper->first));
}
