/* What may come to a partial: pieces, crashes that tear the end of its file, and strangers who alter it. Each three bytes are one such event.
 * Nothing is ever read but what was appended; and what no stranger had is read to its end. */
#include "documents/partial.h"

#include "fuzz_store.h"

#define LARGEST 200000

static finq_partial *take(int is_tried, apr_pool_t *pool)
{
    finq_partial *partial;
    assert_null(finq_partial_take(&partial, store, &id, key, is_tried, pool));
    return partial;
}

/* A second one who takes it ends the first. */
static void append(size_t n, int is_tried, int is_proven, int is_overtaken, apr_pool_t *pool)
{
    finq_partial *partial = take(is_tried, pool);
    apr_int64_t at = finq_partial_offset(partial);
    unsigned char *bytes = apr_palloc(pool, n + 1);
    for (size_t i = 0; i < n; i++)
        bytes[i] = byte_at(at + (apr_int64_t)i);
    if (at + (apr_int64_t)n > LARGEST)
        return;
    if (is_overtaken)
        FUZZ_PROMISE(finq_partial_offset(take(0, pool)) == at && finq_partial_append(partial, bytes, n));
    if (is_overtaken)
        return;
    assert_null(finq_partial_append(partial, bytes, n));
    FUZZ_PROMISE(finq_partial_offset(partial) == at + (apr_int64_t)n);
    assert_null(is_proven ? finq_partial_prove(partial) : finq_partial_settle(partial));
}

static void tear(size_t at)
{
    struct stat file;
    FUZZ_PROMISE(stat(path, &file) == 0);
    FUZZ_PROMISE(truncate(path, 4 + (off_t)at % (file.st_size - 3)) == 0);
}

static void alter(size_t at, unsigned char how)
{
    FILE *file = fopen(path, "r+b");
    FUZZ_PROMISE(file && fseek(file, 0, SEEK_END) == 0);
    long place = (long)(at % (size_t)ftell(file));
    fseek(file, place, SEEK_SET);
    int old = fgetc(file);
    fseek(file, place, SEEK_SET);
    fputc(old ^ how, file);
    fclose(file);
}

static finq_error *look(void *baton, const char *bytes, apr_size_t n)
{
    apr_int64_t *at = baton;
    for (apr_size_t i = 0; i < n; i++)
        FUZZ_PROMISE((unsigned char)bytes[i] == byte_at(*at + (apr_int64_t)i));
    *at += (apr_int64_t)n;
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int is_altered = 0;
    apr_int64_t read = 0;
    enter();
    apr_pool_t *pool = fuzz_pool();
    assert_null(finq_blob_remove(store, &id, pool));
    assert_null(finq_partial_create(store, &id, pool));
    for (size_t i = 0; i + 2 < size && i < 60; i += 3) {
        size_t n = data[i + 1] * 256u + data[i + 2];
        is_altered |= data[i] % 8 == 7;
        if (data[i] % 8 == 7)
            alter(n, (unsigned char)(data[i] / 8 + 1));
        else if (data[i] % 8 > 4)
            tear(n * 5);
        else
            append(n + data[i] / 128u, data[i] % 8 > 1, data[i] % 8 == 2, data[i] % 8 == 4, pool);
    }
    finq_partial *partial = take(0, pool);
    finq_error *error = finq_partial_read(partial, look, &read);
    FUZZ_PROMISE(error ? is_altered : read == finq_partial_offset(partial));
    fuzz_successes += read > 0;
    return 0;
}
