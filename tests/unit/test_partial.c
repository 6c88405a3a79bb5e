/* Partials: cut anywhere, gone on with by anyone, killed at any moment; what is read back is what was appended.
 *
 * Seen red, each by the test that names what it guards: end_find that counts frames which were tried and not proven; segment_begin without
 * ftruncate; is_own always 1 (who was overtaken appends); frame_open that takes what is not intact; frame_open with another number than the
 * place. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "blob_fixture.h"
#include "crypto/frames.h"
#include "documents/partial.h"

#define FRAME FINQ_FRAME_BYTES
#define SIZE (3 * FRAME + 1000)
#define WORD 4
#define SEGMENT (WORD + FINQ_FRAMES_SALT)

static char document[SIZE];
static finq_id id;

static int begin(void **state)
{
    setup(state);
    for (size_t i = 0; i < sizeof document; i++)
        document[i] = (char)(i * 11 + i / 253);
    id = id_of(1);
    assert_null(finq_partial_create(store, &id, pool));
    return 0;
}

static finq_partial *take_as(int is_tried)
{
    finq_partial *partial;
    assert_null(finq_partial_take(&partial, store, &id, key, is_tried, pool));
    return partial;
}

static finq_partial *take(void)
{
    return take_as(0);
}

static apr_int64_t offset_now(void)
{
    return finq_partial_offset(take());
}

/* Appends what comes next of the document. */
static void append(finq_partial *partial, size_t n)
{
    assert_null(finq_partial_append(partial, document + finq_partial_offset(partial), n));
}

static void append_settled(size_t n)
{
    finq_partial *partial = take();
    append(partial, n);
    assert_null(finq_partial_settle(partial));
}

typedef struct {
    char bytes[SIZE];
    size_t length;
} read_back;

static finq_error *keep(void *baton, const char *bytes, apr_size_t n)
{
    read_back *to = baton;
    assert_true(to->length + n <= sizeof to->bytes);
    memcpy(to->bytes + to->length, bytes, n);
    to->length += n;
    return NULL;
}

static void expect_document(size_t length)
{
    static read_back back;
    back.length = 0;
    assert_null(finq_partial_read(take(), keep, &back));
    assert_int_equal(back.length, length);
    assert_memory_equal(back.bytes, document, length);
}

static void expect_code(const finq_error *error, finq_code code)
{
    assert_non_null(error);
    assert_int_equal(error->code, code);
}

/* ---- whole ---- */

static void it_is_cut_at_every_kind_of_place(void **state)
{
    static const size_t cuts[] = {1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME - 1, 2 * FRAME, SIZE - 1};
    (void)state;
    for (unsigned i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        id = id_of(10 + i);
        assert_null(finq_partial_create(store, &id, pool));
        append_settled(cuts[i]);
        assert_int_equal(offset_now(), cuts[i]);
        expect_document(cuts[i]);
        append_settled(SIZE - cuts[i]);
        expect_document(SIZE);
    }
}

static void it_comes_in_many_pieces(void **state)
{
    size_t piece = 1, left = SIZE;
    (void)state;
    for (; left > 0; piece = piece * 2 + 1) {
        piece = piece < left ? piece : left;
        append_settled(piece);
        left -= piece;
    }
    expect_document(SIZE);
}

static void an_empty_one_reads_as_nothing(void **state)
{
    struct stat before, after;
    (void)state;
    offset_now();
    assert_int_equal(stat(path_of(DAY, &id), &before), 0);
    assert_int_equal(before.st_mode & 07777, 0600);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(offset_now(), 0);
        assert_null(finq_partial_prove(take_as(1)));
    }
    expect_document(0);
    assert_int_equal(stat(path_of(DAY, &id), &after), 0);
    assert_int_equal(after.st_size, before.st_size); /* who only asks leaves nothing, nor who proves nothing */
}

/* A file with so many segments, whose frames nobody reads here. */
static void it_comes_in_so_many_pieces_and_no_more(void **state)
{
    static char record[SEGMENT + WORD + 1 + FINQ_FRAME_OVERHEAD];
    int file = open(path_of(DAY, &id), O_WRONLY | O_APPEND);
    (void)state;
    record[0] = (char)0x80;
    record[SEGMENT + WORD - 1] = 1;
    for (int i = 0; i < FINQ_PARTIAL_SEGMENTS - 1; i++)
        assert_int_equal(write(file, record, sizeof record), sizeof record);
    close(file);
    assert_null(finq_partial_append(take(), document, 1));
    append_settled(1);
    expect_code(finq_partial_append(take(), document, 1), FINQ_E_INVALID_BODY);
    assert_int_equal(offset_now(), FINQ_PARTIAL_SEGMENTS);
}

/* ---- two at once ---- */

static void who_takes_it_ends_the_one_before(void **state)
{
    finq_partial *first = take(), *second;
    (void)state;
    append(first, 100);
    assert_null(finq_partial_settle(first));
    append(first, FRAME + 50); /* of this, less than a frame waits in memory */
    second = take();
    assert_int_equal(finq_partial_offset(second), FRAME + 100); /* what was written counts */
    expect_code(finq_partial_append(first, document, 1), FINQ_E_OFFSET_MISMATCH);
    expect_code(finq_partial_settle(first), FINQ_E_OFFSET_MISMATCH);
    append(second, SIZE - FRAME - 100);
    assert_null(finq_partial_settle(second));
    expect_code(finq_partial_settle(first), FINQ_E_OFFSET_MISMATCH);
    expect_document(SIZE);
}

static void who_has_written_nothing_is_ended_too(void **state)
{
    finq_partial *first = take(), *second = take();
    (void)state;
    expect_code(finq_partial_append(first, document, 1), FINQ_E_OFFSET_MISMATCH);
    append(second, 10);
    assert_null(finq_partial_settle(second));
    expect_code(finq_partial_settle(first), FINQ_E_OFFSET_MISMATCH);
    expect_document(10);
}

static void a_removed_one_is_gone(void **state)
{
    finq_partial *partial = take();
    (void)state;
    append(partial, 10);
    assert_null(finq_blob_remove(store, &id, pool));
    expect_code(finq_partial_settle(partial), FINQ_E_UPLOAD_GONE);
    expect_code(finq_partial_take(&partial, store, &id, key, 0, pool), FINQ_E_UPLOAD_GONE);
    finq_id other = id_of(2);
    expect_code(finq_partial_take(&partial, store, &other, key, 0, pool), FINQ_E_UPLOAD_GONE);
}

static void an_id_is_used_once(void **state)
{
    (void)state;
    append_settled(10);
    expect_code(finq_partial_create(store, &id, pool), FINQ_E_INTERNAL_SERVER_ERROR);
    expect_document(10);
}

/* ---- tried ---- */

static void what_was_tried_counts_once_proven(void **state)
{
    finq_partial *tried;
    (void)state;
    append_settled(100);
    tried = take_as(1);
    append(tried, FRAME + 5);
    assert_null(finq_partial_settle(tried));
    assert_int_equal(finq_partial_offset(tried), 100 + FRAME + 5);
    assert_int_equal(offset_now(), 100);
    tried = take_as(1);
    append(tried, FRAME + 5);
    assert_null(finq_partial_prove(tried));
    assert_int_equal(offset_now(), 100 + FRAME + 5);
    append_settled(1);
    expect_document(100 + FRAME + 6);
}

/* ---- crashes and thieves ---- */

/* A child that is killed once it has written so much: what counts is what it had written in whole records. */
static void a_killed_sender_leaves_what_it_wrote(void **state)
{
    int status, ready[2];
    char byte;
    (void)state;
    append_settled(77);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        append(take(), 2 * FRAME + 500);
        if (write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    assert_int_equal(offset_now(), 77 + 2 * FRAME);
    expect_document(77 + 2 * FRAME);
    append_settled(SIZE - 77 - 2 * FRAME);
    expect_document(SIZE);
}

/* The file cut around the ends of its records, and within: who goes on does so from a true offset. */
static void a_torn_end_is_cut_off(void **state)
{
    static const off_t frame = WORD + 1000 + FINQ_FRAME_OVERHEAD;
    const char *path = path_of(DAY, &id);
    struct stat file;
    (void)state;
    append_settled(1000);
    append_settled(1000);
    assert_int_equal(stat(path, &file), 0);
    for (off_t cut = 1; cut<frame + SEGMENT + 3; cut += cut> 20 && cut < frame - 100 ? 97 : 1) {
        assert_int_equal(truncate(path, file.st_size - cut), 0);
        assert_int_equal(offset_now(), cut < frame + SEGMENT + 1 ? 1000 : 0);
        if (cut > frame + SEGMENT)
            break;
        expect_document(1000);
        append_settled(1000);
        assert_int_equal(offset_now(), 2000);
        expect_document(2000);
    }
}

static void file_read(char *bytes, size_t length, const char *path)
{
    int file = open(path, O_RDONLY);
    assert_int_equal(read(file, bytes, length), length);
    close(file);
}

static void file_write(const char *path, const char *bytes, size_t length)
{
    int file = open(path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(file, bytes, length), length);
    close(file);
}

static void expect_altered(const char *path, const char *bytes, size_t length)
{
    static read_back back;
    back.length = 0;
    file_write(path, bytes, length);
    finq_partial *partial;
    assert_null(finq_partial_take(&partial, store, &id, key, 0, pool));
    expect_code(finq_partial_read(partial, keep, &back), FINQ_E_INTERNAL_SERVER_ERROR);
}

/* Two segments of two frames each, the small ones of a thief's choice. */
static void what_was_altered_is_noticed(void **state)
{
    enum { FRAME_FILE = WORD + 500 + FINQ_FRAME_OVERHEAD, HEAD = 4 + SEGMENT, SECOND = HEAD + 2 * FRAME_FILE };
    static char file[SECOND + SEGMENT + 2 * FRAME_FILE], changed[sizeof file];
    const char *path = path_of(DAY, &id);
    (void)state;
    for (int i = 0; i < 2; i++) {
        finq_partial *partial = take();
        append(partial, 500);
        assert_null(finq_partial_settle(partial));
        append(partial, 500);
        assert_null(finq_partial_settle(partial));
    }
    file_read(file, sizeof file, path);

    memcpy(changed, file, sizeof file); /* a bit */
    changed[HEAD + WORD + 3] ^= 1;
    expect_altered(path, changed, sizeof file);
    memcpy(changed, file, sizeof file); /* a salt */
    changed[4 + WORD] ^= 1;
    expect_altered(path, changed, sizeof file);
    memcpy(changed, file, HEAD); /* swapped */
    memcpy(changed + HEAD, file + HEAD + FRAME_FILE, FRAME_FILE);
    memcpy(changed + HEAD + FRAME_FILE, file + HEAD, FRAME_FILE);
    memcpy(changed + SECOND, file + SECOND, sizeof file - SECOND);
    expect_altered(path, changed, sizeof file);
    memcpy(changed, file, HEAD + FRAME_FILE); /* the end of the first segment taken out */
    memcpy(changed + HEAD + FRAME_FILE, file + SECOND, sizeof file - SECOND);
    expect_altered(path, changed, sizeof file - FRAME_FILE);
    memcpy(changed, file, 4); /* the first segment taken out */
    memcpy(changed + 4, file + SECOND, sizeof file - SECOND);
    expect_altered(path, changed, sizeof file - SECOND + 4);

    file_write(path, file, sizeof file);
    expect_document(2000);
}

static void another_session_or_upload_opens_nothing(void **state)
{
    static read_back back;
    finq_partial *partial;
    finq_id other = id_of(2);
    (void)state;
    append_settled(1000);
    assert_null(finq_partial_take(&partial, store, &id, data_key_new(pool), 0, pool));
    expect_code(finq_partial_read(partial, keep, &back), FINQ_E_INTERNAL_SERVER_ERROR);
    assert_int_equal(rename(path_of(DAY, &id), path_of(DAY, &other)), 0);
    assert_null(finq_partial_take(&partial, store, &other, key, 0, pool));
    expect_code(finq_partial_read(partial, keep, &back), FINQ_E_INTERNAL_SERVER_ERROR);
    assert_int_equal(back.length, 0);
}

static void nothing_of_it_is_plain(void **state)
{
    static char file[SIZE + 1000];
    static const char canary[] = "a passport's number";
    struct stat it;
    (void)state;
    memcpy(document + 10, canary, sizeof canary);
    append_settled(60);
    append_settled(FRAME);
    assert_int_equal(stat(path_of(DAY, &id), &it), 0);
    file_read(file, (size_t)it.st_size, path_of(DAY, &id));
    assert_null(memmem(file, (size_t)it.st_size, canary, sizeof canary - 1));
    expect_document(60 + FRAME);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, teardown)

int main(void)
{
    apr_initialize();
    const struct CMUnitTest tests[] = {
        TEST(it_is_cut_at_every_kind_of_place),
        TEST(it_comes_in_many_pieces),
        TEST(an_empty_one_reads_as_nothing),
        TEST(it_comes_in_so_many_pieces_and_no_more),
        TEST(who_takes_it_ends_the_one_before),
        TEST(who_has_written_nothing_is_ended_too),
        TEST(a_removed_one_is_gone),
        TEST(an_id_is_used_once),
        TEST(what_was_tried_counts_once_proven),
        TEST(a_killed_sender_leaves_what_it_wrote),
        TEST(a_torn_end_is_cut_off),
        TEST(what_was_altered_is_noticed),
        TEST(another_session_or_upload_opens_nothing),
        TEST(nothing_of_it_is_plain),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
