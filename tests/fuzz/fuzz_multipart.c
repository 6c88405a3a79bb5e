/* The first line is a boundary, the rest a form's body: it is the same however it is cut. */
#include <apr_strings.h>

#include "documents/multipart.h"
#include "fuzz.h"

/* What came, as a sum in which each byte and each border counts. */
typedef struct {
    apr_uint64_t sum;
    int parts;
} seen;

static void add(seen *of, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        of->sum = (of->sum ^ (unsigned char)bytes[i]) * 1099511628211u;
}

static finq_error *part_begin(void *baton, const char *name, const char *filename, const char *content_type)
{
    const char *texts[] = {name, filename ? filename : "", content_type ? content_type : ""};
    for (int i = 0; i < 3; i++) {
        FUZZ_PROMISE(strcspn(texts[i], "\r\n") == strlen(texts[i]));
        add(baton, texts[i], strlen(texts[i]) + 1);
    }
    return NULL;
}

static finq_error *part_data(void *baton, const char *bytes, apr_size_t n)
{
    FUZZ_PROMISE(n > 0);
    add(baton, bytes, n);
    return NULL;
}

static finq_error *part_end(void *baton)
{
    seen *of = baton;
    add(of, "\1end", 5);
    FUZZ_PROMISE(++of->parts <= FINQ_MULTIPART_MAX_PARTS);
    return NULL;
}

static int parse(seen *of, const char *type, const char *body, size_t n, size_t step, apr_pool_t *pool)
{
    static const finq_multipart_sink sink = {part_begin, part_data, part_end};
    finq_multipart *parser;
    finq_error *error = finq_multipart_create(&parser, type, &sink, of, pool);
    if (error)
        return 0;
    for (size_t at = 0; at < n && !error; at += step)
        error = finq_multipart_push(parser, body + at, n - at < step ? n - at : step);
    return !error && !finq_multipart_end(parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    if (!end)
        return 0;
    size_t line = (size_t)(end - data), n = size - line - 1;
    char *body = apr_pmemdup(pool, end + 1, n);
    const char *type = apr_pstrcat(pool, "multipart/form-data; boundary=", apr_pstrmemdup(pool, (const char *)data, line), NULL);
    seen whole = {14695981039346656037u, 0}, pieces = whole;
    int is_form = parse(&whole, type, body, n, n ? n : 1, pool);
    FUZZ_PROMISE(parse(&pieces, type, body, n, 1 + line % 5, pool) == is_form);
    FUZZ_PROMISE(!is_form || (pieces.sum == whole.sum && pieces.parts == whole.parts));
    fuzz_successes += is_form && whole.parts > 0;
    return 0;
}
