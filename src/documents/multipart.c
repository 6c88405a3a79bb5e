#include "documents/multipart.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>
#include <strings.h>

#include "multipart_headers.h"

#define BOUNDARY_MAX 70
#define PADDING_MAX 64

typedef enum { PREAMBLE, TAIL, HEADERS, DATA, EPILOGUE } multipart_state;

struct finq_multipart {
    apr_pool_t *pool;
    const finq_multipart_sink *sink;
    void *baton;
    finq_error *error; /* the first one, for good */
    multipart_state state;
    int parts;
    int in_part;
    size_t preamble;

    /* CR LF "--" boundary. Its only CR is the first byte (a boundary has none), so a match that fails can
     * begin anew at the failing byte only, and the bytes held back are always the delimiter's own: no copy of
     * them is needed. */
    char delimiter[4 + BOUNDARY_MAX + 1];
    size_t length;
    size_t matched; /* how much of it ends what has been pushed */
    size_t implied; /* how much of that was never in the data: the line end that came before it */

    char tail; /* the byte before, behind a delimiter */
    int padding;

    finq_multipart_headers headers;
    int lines;
    size_t line; /* where in the block the line under way begins */
    size_t used;
    char block[FINQ_MULTIPART_MAX_BLOCK];
};

static finq_error *wrong(finq_multipart *parser, const char *what)
{
    return finq_error_make(parser->pool, FINQ_E_INVALID_BODY, "The multipart body %s", what);
}

static finq_error *wrong_part(finq_multipart *parser, const char *what)
{
    return finq_error_make(parser->pool, FINQ_E_INVALID_BODY, "Part %d of the multipart body %s", parser->parts, what);
}

/* At the start of the body and of a part's data, a delimiter needs no line end of its own. */
static void scan_from_line_start(finq_multipart *parser, multipart_state state)
{
    parser->state = state;
    parser->matched = parser->implied = 2;
}

static finq_error *pass_on(finq_multipart *parser, const char *bytes, size_t n)
{
    if (n == 0)
        return NULL;
    if (parser->state == DATA)
        return parser->sink->part_data(parser->baton, bytes, n);
    parser->preamble += n;
    if (parser->preamble > FINQ_MULTIPART_MAX_PREAMBLE)
        return wrong(parser, "does not begin with the boundary that Content-Type names.");
    return NULL;
}

static size_t match_length(const char *at, const char *end, const char *delimiter, size_t length)
{
    size_t n = 0;
    while (n < length && at + n < end && at[n] == delimiter[n])
        n++;
    return n;
}

static void delimiter_found(finq_multipart *parser)
{
    parser->matched = parser->implied = 0;
    parser->tail = '\0';
    parser->padding = 0;
    parser->state = TAIL;
}

/* Goes on with a match that the last push ended in. */
static finq_error *scan_on(finq_multipart *parser, const char **at, const char *end)
{
    size_t n = match_length(*at, end, parser->delimiter + parser->matched, parser->length - parser->matched);
    *at += n;
    parser->matched += n;
    if (parser->matched == parser->length) {
        delimiter_found(parser);
        return NULL;
    }
    if (*at == end)
        return NULL;
    const char *from = parser->delimiter + parser->implied;
    size_t held = parser->matched - parser->implied;
    parser->matched = parser->implied = 0;
    return pass_on(parser, from, held);
}

static finq_error *scan(finq_multipart *parser, const char **at, const char *end)
{
    if (parser->matched > 0)
        return scan_on(parser, at, end);
    const char *from = *at, *stop = from;
    size_t n = 0;
    while ((stop = memchr(stop, '\r', (size_t)(end - stop)))) {
        n = match_length(stop, end, parser->delimiter, parser->length);
        if (n == parser->length || stop + n == end)
            break;
        stop += n;
    }
    if (!stop) {
        *at = end;
        return pass_on(parser, from, (size_t)(end - from));
    }
    *at = stop + n;
    finq_error *error = pass_on(parser, from, (size_t)(stop - from));
    parser->matched = n;
    if (n == parser->length)
        delimiter_found(parser);
    return error;
}

static finq_error *part_close(finq_multipart *parser)
{
    if (!parser->in_part)
        return NULL;
    parser->in_part = 0;
    return parser->sink->part_end(parser->baton);
}

static finq_error *part_open(finq_multipart *parser)
{
    FINQ_TRY(part_close(parser));
    if (++parser->parts > FINQ_MULTIPART_MAX_PARTS)
        return wrong(parser, "has more than " APR_STRINGIFY(FINQ_MULTIPART_MAX_PARTS) " parts.");
    memset(&parser->headers, 0, sizeof parser->headers);
    parser->lines = 0;
    parser->line = parser->used = 0;
    parser->state = HEADERS;
    return NULL;
}

/* Behind a delimiter: "--" for the last one, else blanks (a gateway's padding) and the line's end. A longer
 * word that begins with the boundary is no data either (RFC 2046, 5.1.1), so it is refused and not guessed
 * at. */
static finq_error *tail(finq_multipart *parser, const char **at, const char *end)
{
    char before = parser->tail, c = *(*at)++;
    (void)end;
    parser->tail = c;
    if (before == '-' && c == '-') {
        parser->state = EPILOGUE;
        return part_close(parser);
    }
    if (before == '\r' && c == '\n')
        return part_open(parser);
    int padded = (c == ' ' || c == '\t') && ++parser->padding <= PADDING_MAX;
    if (before != '-' && before != '\r' && (padded || c == '\r' || (c == '-' && before == '\0')))
        return NULL;
    return wrong(parser, "has a delimiter line that does not end in CR LF right after the boundary.");
}

static finq_error *headers_done(finq_multipart *parser)
{
    const char *what = finq_multipart_headers_end(&parser->headers);
    if (what)
        return wrong_part(parser, what);
    parser->in_part = 1;
    scan_from_line_start(parser, DATA);
    return parser->sink->part_begin(parser->baton, parser->headers.name, parser->headers.filename, parser->headers.type);
}

static finq_error *header_line(finq_multipart *parser)
{
    char *line = parser->block + parser->line;
    size_t n = parser->used - parser->line;
    if (n < 2 || line[n - 2] != '\r')
        return wrong_part(parser, "has a header line that does not end in CR LF.");
    line[n - 2] = '\0';
    if (strlen(line) != n - 2)
        return wrong_part(parser, "has a NUL in a header.");
    parser->line = parser->used;
    if (n == 2)
        return headers_done(parser);
    if (++parser->lines > FINQ_MULTIPART_MAX_HEADERS)
        return wrong_part(parser, "has more than " APR_STRINGIFY(FINQ_MULTIPART_MAX_HEADERS) " headers.");
    const char *what = finq_multipart_headers_line(&parser->headers, line);
    return what ? wrong_part(parser, what) : NULL;
}

static finq_error *headers(finq_multipart *parser, const char **at, const char *end)
{
    const char *line_end = memchr(*at, '\n', (size_t)(end - *at));
    size_t n = (size_t)((line_end ? line_end + 1 : end) - *at);
    if (n > sizeof parser->block - parser->used)
        return wrong_part(parser, "has headers of more than " APR_STRINGIFY(FINQ_MULTIPART_MAX_BLOCK) " bytes.");
    memcpy(parser->block + parser->used, *at, n);
    parser->used += n;
    *at += n;
    return line_end ? header_line(parser) : NULL;
}

static finq_error *epilogue(finq_multipart *parser, const char **at, const char *end)
{
    (void)parser;
    *at = end;
    return NULL;
}

finq_error *finq_multipart_push(finq_multipart *parser, const char *bytes, apr_size_t n)
{
    static finq_error *(*const steps[])(finq_multipart *, const char **, const char *) = {
        [PREAMBLE] = scan, [TAIL] = tail, [HEADERS] = headers, [DATA] = scan, [EPILOGUE] = epilogue};
    const char *at = bytes, *end = bytes + n;
    while (!parser->error && at < end)
        parser->error = steps[parser->state](parser, &at, end);
    return parser->error;
}

finq_error *finq_multipart_end(finq_multipart *parser)
{
    if (!parser->error && parser->state == PREAMBLE)
        parser->error = wrong(parser, "holds no delimiter with the boundary that Content-Type names.");
    else if (!parser->error && parser->state != EPILOGUE)
        parser->error = wrong(parser, "is cut short: its closing delimiter has not come.");
    return parser->error;
}

static int is_boundary(const char *text)
{
    size_t n = strlen(text);
    if (n < 1 || n > BOUNDARY_MAX || text[n - 1] == ' ')
        return 0;
    for (; *text; text++) {
        if (!apr_isalnum(*text) && !strchr("'()+_,-./:=? ", *text))
            return 0;
    }
    return 1;
}

static const char *boundary_read(const char **boundary, char *content_type)
{
    char *at = finq_multipart_headers_split(content_type), *name, *value;
    int read = at ? 1 : -1;
    while (at && (read = finq_multipart_headers_parameter(&at, &name, &value)) > 0) {
        if (strcasecmp(name, "boundary") != 0)
            continue;
        if (*boundary)
            return "has two boundaries.";
        *boundary = value;
    }
    if (read < 0)
        return "is malformed.";
    if (!*boundary)
        return "names no boundary.";
    return is_boundary(*boundary) ? NULL : "has a boundary that is not 1 to 70 legal characters.";
}

finq_error *finq_multipart_create(finq_multipart **parser, const char *content_type, const finq_multipart_sink *sink, void *baton,
                                  apr_pool_t *pool)
{
    const char *boundary = NULL;
    const char *what = boundary_read(&boundary, apr_pstrdup(pool, content_type));
    if (what)
        return finq_error_make(pool, FINQ_E_INVALID_BODY, "The Content-Type of the multipart body %s", what);
    finq_multipart *made = apr_pcalloc(pool, sizeof *made);
    made->pool = pool;
    made->sink = sink;
    made->baton = baton;
    apr_cpystrn(apr_cpystrn(made->delimiter, "\r\n--", 5), boundary, BOUNDARY_MAX + 1);
    made->length = strlen(made->delimiter);
    scan_from_line_start(made, PREAMBLE);
    *parser = made;
    return NULL;
}
