#include "multipart_headers.h"

#include <apr_lib.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Other headers of a part mean nothing (RFC 7578, 4.8). */
static const struct {
    const char *name;
    size_t offset;
    const char *doubled;
} known[] = {
    {"Content-Disposition", offsetof(finq_multipart_headers, disposition), "has two Content-Disposition headers."},
    {"Content-Type", offsetof(finq_multipart_headers, type), "has two Content-Type headers."},
    {"Content-Transfer-Encoding", offsetof(finq_multipart_headers, encoding), "has two Content-Transfer-Encoding headers."},
};

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static int is_token(char c)
{
    return apr_isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static char *skip_blanks(char *at)
{
    while (is_blank(*at))
        at++;
    return at;
}

static char *skip_token(char *at)
{
    while (is_token(*at))
        at++;
    return at;
}

static char *trimmed(char *text)
{
    text = skip_blanks(text);
    size_t n = strlen(text);
    while (n > 0 && is_blank(text[n - 1]))
        text[--n] = '\0';
    return text;
}

/* Where the text after a value goes on: behind its semicolon, or at the end; NULL if anything else follows.
 */
static char *behind_separator(char *at)
{
    at = skip_blanks(at);
    if (*at == ';')
        return at + 1;
    return *at ? NULL : at;
}

static char *bare_value(char *value)
{
    char *end = value;
    while (*end > ' ' && *end < 0x7f && *end != ';' && *end != '"')
        end++;
    char *next = end == value ? NULL : behind_separator(end);
    *end = '\0';
    return next;
}

/* A backslash quotes a quote and itself only: old browsers send paths with single ones. */
static char *quoted_value(char *value)
{
    char *to = value, *at = value;
    for (; *at && *at != '"'; at++) {
        if (*at == '\\' && (at[1] == '"' || at[1] == '\\'))
            at++;
        *to++ = *at;
    }
    if (!*at)
        return NULL;
    char *next = behind_separator(at + 1);
    *to = '\0';
    return next;
}

char *finq_multipart_headers_split(char *value)
{
    return bare_value(value);
}

int finq_multipart_headers_parameter(char **at, char **name, char **value)
{
    char *from = *at;
    while (is_blank(*from) || *from == ';')
        from++;
    if (!*from)
        return 0;
    char *end = skip_token(from);
    if (end == from || *end != '=')
        return -1;
    *end++ = '\0';
    *name = from;
    *value = *end == '"' ? end + 1 : end;
    *at = *end == '"' ? quoted_value(end + 1) : bare_value(end);
    return *at ? 1 : -1;
}

static int has_control(const char *line)
{
    for (; *line; line++) {
        if (apr_iscntrl(*line) && *line != '\t')
            return 1;
    }
    return 0;
}

const char *finq_multipart_headers_line(finq_multipart_headers *headers, char *line)
{
    if (has_control(line))
        return "has a control character in a header.";
    char *colon = skip_token(line);
    if (colon == line || *colon != ':')
        return "has a header line that is not of the form `Name: value`.";
    *colon = '\0';
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcasecmp(line, known[i].name) != 0)
            continue;
        char **place = (char **)((char *)headers + known[i].offset);
        if (*place)
            return known[i].doubled;
        *place = trimmed(colon + 1);
    }
    return NULL;
}

static const char *disposition_parameter(finq_multipart_headers *headers, const char *name, const char *value)
{
    if (strcasecmp(name, "name") == 0) {
        if (headers->name)
            return "has two names.";
        headers->name = value;
    } else if (strcasecmp(name, "filename") == 0) {
        if (headers->filename)
            return "has two filenames.";
        headers->filename = value;
    }
    return NULL;
}

static const char *disposition_read(finq_multipart_headers *headers)
{
    static const char malformed[] = "has a malformed Content-Disposition.";
    if (!headers->disposition)
        return "has no Content-Disposition.";
    char *at = finq_multipart_headers_split(headers->disposition), *name, *value;
    if (!at)
        return malformed;
    if (strcasecmp(headers->disposition, "form-data") != 0)
        return "has a Content-Disposition other than form-data.";
    int read;
    while ((read = finq_multipart_headers_parameter(&at, &name, &value)) > 0) {
        const char *wrong = disposition_parameter(headers, name, value);
        if (wrong)
            return wrong;
    }
    if (read < 0)
        return malformed;
    return headers->name && *headers->name ? NULL : "has no name.";
}

static int encoding_is_identity(const char *encoding)
{
    return strcasecmp(encoding, "7bit") == 0 || strcasecmp(encoding, "8bit") == 0 || strcasecmp(encoding, "binary") == 0;
}

const char *finq_multipart_headers_end(finq_multipart_headers *headers)
{
    if (headers->encoding && !encoding_is_identity(headers->encoding))
        return "has a Content-Transfer-Encoding; send the bytes as they are.";
    if (headers->type && strncasecmp(headers->type, "multipart/", 10) == 0)
        return "is itself multipart; send each file as a part of its own.";
    return disposition_read(headers);
}
