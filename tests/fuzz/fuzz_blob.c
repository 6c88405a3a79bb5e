/* What may come to a sealed document on its disk: bytes that are altered, cut off or added, blocks that change places, and blocks of another
 * document of the same session. The first two bytes tell how long it is, each four behind them are one such event. Nothing is ever read but
 * what was written there; what is as it was is read whole, and what is not never is. */
#include "fuzz_store.h"

#define LARGEST (65535 * 5)
#define ROOM (LARGEST * 2)

/* A file on its disk. */
typedef struct sealed {
    unsigned char bytes[ROOM];
    size_t size;
} sealed;

static sealed other, now, before;

static void store_document(size_t length, const finq_id *its, int is_other, apr_pool_t *pool)
{
    unsigned char sha256[FINQ_DIGEST_SHA256], *bytes = apr_palloc(pool, length + 1);
    apr_off_t size;
    finq_blob *blob;
    for (size_t i = 0; i < length; i++)
        bytes[i] = (unsigned char)(byte_at((apr_int64_t)i) + is_other);
    assert_null(finq_blob_remove(store, its, pool));
    assert_null(finq_blob_begin(&blob, store, its, key, pool));
    assert_null(finq_blob_write(blob, bytes, length));
    assert_null(finq_blob_finish(sha256, &size, blob));
    assert_null(finq_blob_place(blob));
    finq_blob_keep(blob);
}

static void file_read(sealed *to, const char *from)
{
    FILE *file = fopen(from, "rb");
    FUZZ_PROMISE(file);
    to->size = fread(to->bytes, 1, sizeof to->bytes, file);
    fclose(file);
}

static void file_write(const sealed *from)
{
    FILE *file = fopen(path, "wb");
    FUZZ_PROMISE(file && fwrite(from->bytes, 1, from->size, file) == from->size);
    fclose(file);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void swap(size_t a, size_t b, size_t n)
{
    for (size_t i = 0; i < n && a + i < now.size && b + i < now.size; i++) {
        unsigned char kept = now.bytes[a + i];
        now.bytes[a + i] = now.bytes[b + i];
        now.bytes[b + i] = kept;
    }
}

static void happen(const uint8_t event[4])
{
    size_t place = now.size ? (size_t)(event[1] * 256 + event[2]) * 5 % now.size : 0, n = event[3] + 1u;
    switch (event[0] % 5) {
    case 0:
        now.bytes[place] ^= event[3];
        return;
    case 1:
        now.size = place;
        return;
    case 2:
        n = least(n, ROOM - now.size);
        memmove(now.bytes + now.size, now.bytes + least(place, now.size - least(n, now.size)), n);
        now.size += n;
        return;
    case 3:
        swap(place, place + n * 256, n * 256);
        return;
    default:
        memcpy(now.bytes + place, other.bytes + place, least(n * 256, now.size - place));
    }
}

/* Whether all could be read of what it says to have. What could is what was written. */
static int read_whole(const finq_source *source, size_t length)
{
    static unsigned char bytes[10007];
    int is_whole = 1;
    for (size_t at = 0; at < (size_t)source->size; at += sizeof bytes) {
        size_t n = least(sizeof bytes, (size_t)source->size - at);
        int is_read = finq_source_read(source, bytes, n, (off_t)at);
        FUZZ_PROMISE(!is_read || at + n <= length);
        for (size_t i = 0; is_read && i < n; i++)
            FUZZ_PROMISE(bytes[i] == byte_at((apr_int64_t)(at + i)));
        is_whole &= is_read;
    }
    return is_whole;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    finq_source source;
    enter();
    apr_pool_t *pool = fuzz_pool();
    if (size < 2)
        return 0;
    if (!other.size) {
        store_document(LARGEST, &other_id, 1, pool);
        file_read(&other, other_path);
    }
    size_t length = (size_t)(data[0] * 256 + data[1]) * 5;
    store_document(length, &id, 0, pool);
    file_read(&before, path);
    now = before;
    for (size_t i = 2; i + 3 < size && i < 40; i += 4)
        happen(data + i);
    file_write(&now);
    int is_same = now.size == before.size && memcmp(now.bytes, before.bytes, now.size) == 0;
    finq_error *error = finq_blob_open(&source, store, &id, key, pool);
    int is_whole = !error && read_whole(&source, length);
    FUZZ_PROMISE(is_whole == is_same);
    fuzz_successes += (unsigned long)is_whole;
    return 0;
}
