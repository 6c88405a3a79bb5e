/* The files of blobs on the disk: what is in them, and what happens to who alters them. */
#include <fcntl.h>

#include "blob_fixture.h"
#include "crypto/frames.h"

#define HEAD 36
#define CANARY "a canary that nobody finds on a disk"
#define LARGE (5 * FINQ_FRAME_BYTES + 1234)

static unsigned char bytes[LARGE], file[LARGE + HEAD + 7 * FINQ_FRAME_OVERHEAD], back[LARGE];

static void place_bytes(const finq_id *id, size_t n, const finq_data_key *under)
{
    unsigned char sha256[FINQ_DIGEST_SHA256];
    apr_off_t size;
    finq_blob *blob;
    assert_null(finq_blob_begin(&blob, store, id, under, pool));
    for (size_t at = 0, piece = 7; at < n; at += piece, piece = piece * 5 + 1) {
        piece = piece < n - at ? piece : n - at;
        assert_null(finq_blob_write(blob, bytes + at, piece));
    }
    assert_null(finq_blob_finish(sha256, &size, blob));
    assert_int_equal(size, n);
    assert_null(finq_blob_place(blob));
    finq_blob_keep(blob);
}

static void place_under(const finq_id *id, size_t n, const finq_data_key *under)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (unsigned char)CANARY[i % (sizeof CANARY - 1)];
    place_bytes(id, n, under);
}

static size_t load(const finq_id *id)
{
    int fd = open(path_of(DAY, id), O_RDONLY);
    ssize_t n = read(fd, file, sizeof file);
    close(fd);
    assert_true(n > 0);
    return (size_t)n;
}

static void save(const finq_id *id, size_t n)
{
    int fd = open(path_of(DAY, id), O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, file, n), n);
    close(fd);
}

/* Whether a blob can be read to its end, and how long it is then; whatever can be read is as it was. */
static int reads_on(off_t *size, const finq_id *id)
{
    finq_source source;
    apr_pool_t *life;
    apr_pool_create(&life, pool);
    int whole = finq_blob_open(&source, store, id, key, life) == NULL;
    for (off_t at = 0; whole && at < source.size; at += FINQ_FRAME_BYTES) {
        apr_size_t piece = source.size - at < FINQ_FRAME_BYTES ? (apr_size_t)(source.size - at) : FINQ_FRAME_BYTES;
        if (!finq_source_read(&source, back, piece, at))
            whole = 0;
        else
            assert_memory_equal(back, bytes + at, piece);
    }
    *size = whole ? source.size : -1;
    apr_pool_destroy(life);
    return whole;
}

static int reads(const finq_id *id, size_t n)
{
    off_t size;
    return reads_on(&size, id) && size == (off_t)n;
}

/* Not to its end, and not to what would be another end. */
static void expect_noticed(const finq_id *id)
{
    off_t size;
    assert_false(reads_on(&size, id));
}

static void each_size_is_read_back(void **state)
{
    static const size_t sizes[] = {0,
                                   1,
                                   15,
                                   16,
                                   17,
                                   FINQ_FRAME_BYTES - 1,
                                   FINQ_FRAME_BYTES,
                                   FINQ_FRAME_BYTES + 1,
                                   2 * FINQ_FRAME_BYTES - 1,
                                   2 * FINQ_FRAME_BYTES,
                                   2 * FINQ_FRAME_BYTES + 1,
                                   LARGE};
    (void)state;
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        finq_id id = id_of(i);
        place_under(&id, sizes[i], key);
        assert_true(reads(&id, sizes[i]));
        size_t frames = sizes[i] == 0 ? 1 : (sizes[i] + FINQ_FRAME_BYTES - 1) / FINQ_FRAME_BYTES;
        assert_int_equal(load(&id), HEAD + sizes[i] + frames * FINQ_FRAME_OVERHEAD);
    }
}

/* Red: frame_out that writes `plain`. */
static void plain_bytes_are_on_no_disk(void **state)
{
    finq_id id = id_of(1), again = id_of(2);
    (void)state;
    place_under(&id, LARGE, key);
    size_t n = load(&id);
    for (size_t at = 0; at + 8 <= sizeof CANARY - 1; at++)
        assert_null(memmem(file, n, &CANARY[at], 8));
    unsigned char *first = test_malloc(n);
    memcpy(first, file, n);
    place_under(&again, LARGE, key);
    load(&again);
    assert_memory_not_equal(first + 4, file + 4, 32); /* salts */
    for (size_t at = HEAD; at + 16 <= n; at += 4096)
        assert_memory_not_equal(first + at, file + at, 16);
    test_free(first);
}

/* So that frames tell nothing of each other. Red: the frame's number left out of the nonce. */
static void equal_frames_are_sealed_unlike(void **state)
{
    finq_id id = id_of(1);
    (void)state;
    memset(bytes, 'x', sizeof bytes);
    place_bytes(&id, 3 * FINQ_FRAME_BYTES, key);
    load(&id);
    for (int i = 0; i < 3; i++)
        assert_memory_not_equal(file + HEAD + i * FINQ_FRAME_SEALED, file + HEAD + (i + 1) % 3 * FINQ_FRAME_SEALED, 16);
}

/* Any piece of it, and no frame that it does not touch. Red: frame_load that reads the whole file. */
static void any_piece_is_read_by_itself(void **state)
{
    finq_id id = id_of(1);
    finq_source source;
    (void)state;
    place_under(&id, LARGE, key);
    assert_null(finq_blob_open(&source, store, &id, key, pool));
    for (off_t at = 0; at < LARGE; at += 7919) {
        apr_size_t n = (apr_size_t)(at % 70000);
        int fits = n <= (apr_size_t)(LARGE - at);
        assert_int_equal(finq_source_read(&source, back, n, at), fits);
        if (fits)
            assert_memory_equal(back, bytes + at, n);
    }
    size_t length = load(&id);
    file[HEAD + 2 * FINQ_FRAME_SEALED + 5] ^= 1;
    save(&id, length);
    assert_null(finq_blob_open(&source, store, &id, key, pool));
    assert_true(finq_source_read(&source, back, 2 * FINQ_FRAME_BYTES, 0));
    assert_true(finq_source_read(&source, back, 1234, 5 * FINQ_FRAME_BYTES));
    assert_true(finq_source_read(&source, back, 100, 3 * FINQ_FRAME_BYTES));
    assert_false(finq_source_read(&source, back, 1, 2 * FINQ_FRAME_BYTES));
    assert_false(finq_source_read(&source, back, 1, 3 * FINQ_FRAME_BYTES - 1));
    assert_false(finq_source_read(&source, back, 2, 2 * FINQ_FRAME_BYTES - 1));
}

/* Red: the last frame's mark left out of what is authenticated (a cut at a frame's end reads as a shorter file); nothing_check left
 * out (what is cut behind the head and 16 bytes reads as an empty one). */
static void a_cut_is_noticed(void **state)
{
    finq_id id = id_of(1);
    (void)state;
    place_under(&id, LARGE, key);
    size_t n = load(&id);
    for (size_t frames = 0; frames <= 5; frames++) {
        for (int more = -1; more <= 17; more++) {
            save(&id, HEAD + frames * FINQ_FRAME_SEALED + (size_t)more);
            expect_noticed(&id);
        }
    }
    save(&id, 0);
    expect_noticed(&id);
    save(&id, n - 1);
    expect_noticed(&id);
    save(&id, n);
    assert_true(reads(&id, LARGE));
}

static void what_is_appended_is_noticed(void **state)
{
    finq_id id = id_of(1);
    (void)state;
    place_under(&id, 2 * FINQ_FRAME_BYTES, key);
    size_t n = load(&id);
    for (size_t more = 1; more < 40; more++) {
        save(&id, n + more);
        expect_noticed(&id);
    }
    memcpy(file + n, file + HEAD, FINQ_FRAME_SEALED);
    save(&id, n + FINQ_FRAME_SEALED);
    expect_noticed(&id);
}

/* Red: the frame's number left out of nonce and place. */
static void reordered_and_doubled_frames_are_noticed(void **state)
{
    static unsigned char frame[FINQ_FRAME_SEALED];
    finq_id id = id_of(1);
    unsigned char *first = file + HEAD, *second = first + FINQ_FRAME_SEALED;
    (void)state;
    place_under(&id, LARGE, key);
    size_t n = load(&id);
    memcpy(frame, first, sizeof frame);
    memcpy(first, second, sizeof frame);
    save(&id, n);
    expect_noticed(&id); /* the second twice */
    memcpy(second, frame, sizeof frame);
    save(&id, n);
    expect_noticed(&id); /* swapped */
    memmove(first, second, n - HEAD - FINQ_FRAME_SEALED);
    save(&id, n - FINQ_FRAME_SEALED);
    expect_noticed(&id); /* the first left out */
}

static void each_bit_counts(void **state)
{
    finq_id id = id_of(1);
    (void)state;
    place_under(&id, 100, key);
    size_t n = load(&id);
    for (size_t bit = 0; bit < 8 * n; bit++) {
        file[bit / 8] ^= (unsigned char)(1 << bit % 8);
        save(&id, n);
        expect_noticed(&id);
        file[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}

/* Red: the upload's id left out of what is authenticated (a file under another's name), or the data key out of the derivation. */
static void files_are_not_mixed(void **state)
{
    finq_id one = id_of(1), other = id_of(2), foreign = id_of(3);
    (void)state;
    place_under(&one, 1000, key);
    place_under(&other, 1000, key);
    place_under(&foreign, 1000, data_key_new(pool));
    size_t n = load(&one);
    save(&other, n);
    assert_true(reads(&one, 1000));
    assert_false(reads(&other, 1000));
    assert_false(reads(&foreign, 1000));
    place_under(&(finq_id){{0}}, 10, NULL); /* under a key that nobody has */
}

int main(void)
{
    apr_initialize();
    const struct CMUnitTest tests[] = {
        TEST(each_size_is_read_back),
        TEST(plain_bytes_are_on_no_disk),
        TEST(any_piece_is_read_by_itself),
        TEST(equal_frames_are_sealed_unlike),
        TEST(a_cut_is_noticed),
        TEST(what_is_appended_is_noticed),
        TEST(reordered_and_doubled_frames_are_noticed),
        TEST(each_bit_counts),
        TEST(files_are_not_mixed),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
