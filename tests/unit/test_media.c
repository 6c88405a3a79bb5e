#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "documents/media.h"

static apr_pool_t *pool;

static void base_strips_and_lowers(void **state)
{
    static const char *const rows[][2] = {
        {"image/jpeg", "image/jpeg"},
        {" Image/JPEG ; charset=x", "image/jpeg"},
        {"", ""},
        {"\tAPPLICATION/pdf\t", "application/pdf"},
        {";image/png", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(finq_media_base(rows[i][0], pool), rows[i][1]);
    assert_null(finq_media_base(NULL, pool));
}

static void reads_what_clients_write(void **state)
{
    static const char *const rows[][2] = {
        {"image/jpeg", "image/jpeg"}, {"image/JPG; q=1", "image/jpeg"},         {"image/pjpeg", "image/jpeg"},
        {"image/x-png", "image/png"}, {"application/x-pdf", "application/pdf"}, {"image/gif", "image/gif"},
        {"text/plain", "text/plain"},
    };
    static const char *const nothing[] = {"", " ", "application/octet-stream", "binary/octet-stream", "image/*", "*/*"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(finq_media_claimed(rows[i][0], pool), rows[i][1]);
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++)
        assert_null(finq_media_claimed(nothing[i], pool));
    assert_null(finq_media_claimed(NULL, pool));
}

static void knows_what_it_can_verify(void **state)
{
    static const char *const unknown[] = {"image/gif", "text/html", "image/jpeg2", "image/jpe", "", "image/svg+xml"};
    (void)state;
    assert_true(finq_media_known("image/jpeg"));
    assert_true(finq_media_known("image/png"));
    assert_true(finq_media_known("application/pdf"));
    assert_false(finq_media_known(NULL));
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_false(finq_media_known(unknown[i]));
}

#define JPEG "\xff\xd8\xff\xe0 rest of it..."
#define PNG "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"

static const char *sniff(const char *bytes, size_t n)
{
    return finq_media_sniff((const unsigned char *)bytes, n);
}

/* Red: compare one byte less of a magic, or leave out the length check (AddressSanitizer). */
static void sniffs_whole_magics_at_offset_zero(void **state)
{
    static const struct {
        const char *bytes;
        size_t n, needed;
        const char *type;
    } rows[] = {
        {JPEG, sizeof JPEG - 1, 3, "image/jpeg"},
        {PNG, sizeof PNG - 1, 16, "image/png"},
        {"%PDF-1.7 and the rest", 21, 5, "application/pdf"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t n = 0; n <= rows[i].n; n++) {
            char *head = test_malloc(n + 1);
            memcpy(head + 1, rows[i].bytes, n);
            const char *type = sniff(head + 1, n);
            if (n < rows[i].needed)
                assert_null(type);
            else
                assert_string_equal(type, rows[i].type);
            test_free(head);
        }
    }
    assert_null(sniff(" \xff\xd8\xff\xe0", 5));
    assert_null(sniff(" " PNG, 17));
    assert_null(sniff("MZ\x90\0 is a program", 17));
    assert_null(sniff("PK\3\4 is an archive", 18));
    assert_null(sniff("<html><body>.....", 17));
    assert_null(sniff("\x89PNG\r\n\x1a\n\0\0\0\x0dIDAT", 16));
}

/* Red: a reach of 1,023 or 1,025 bytes. */
static void sniffs_a_pdf_among_its_first_1024_bytes(void **state)
{
    char head[2048];
    (void)state;
    memset(head, ' ', sizeof head);
    memcpy(head + 1019, "%PDF-", 5);
    assert_string_equal(sniff(head, sizeof head), "application/pdf");
    assert_null(sniff(head, 1023));
    memcpy(head + 1019, " %PDF-", 6);
    assert_null(sniff(head, sizeof head));
}

/* An archive of one empty file: its directory entry (47 bytes) and the end record, with a comment of some
 * length. */
static size_t archive(char *to, unsigned comment)
{
    static const char entry[47] = "PK\1\2", record[] = "PK\5\6\0\0\0\0\1\0\1\0\x2f\0\0\0\0\0\0\0";
    memcpy(to, entry, sizeof entry - 1);
    to[46] = 'a';
    memcpy(to + 47, record, 20);
    to[67] = (char)(comment & 255);
    to[68] = (char)(comment >> 8);
    memset(to + 69, '.', comment);
    return 69 + comment;
}

static int hides_in(const char *type, const char *bytes, size_t n)
{
    int fd = memfd_create("media", MFD_CLOEXEC);
    assert_int_equal(write(fd, bytes, n), n);
    int found = finq_media_hides_archive(fd, (off_t)n, type);
    close(fd);
    return found;
}

static int hides(const char *bytes, size_t n)
{
    return hides_in("image/jpeg", bytes, n);
}

#define LARGE 70000

/* Wherever the record stands against the windows it is read in, and however long its comment. Red: windows
 * that overlap by a byte less; a scan of 65,556 bytes. */
static void finds_archives_behind_a_picture(void **state)
{
    static char file[LARGE + 65535 + 100];
    (void)state;
    memset(file, 'P', sizeof file);
    memcpy(file, JPEG, sizeof JPEG - 1);
    for (unsigned comment = 0; comment < 8300; comment++)
        assert_true(hides(file, LARGE + archive(file + LARGE, comment)));
    assert_true(hides(file, LARGE + archive(file + LARGE, 65535)));
    assert_true(hides(file + LARGE, archive(file + LARGE, 0)));
}

/* Programs that open archives do not mind bytes behind the record. Red: is_zip_end without
 * directory_stands_before. */
static void finds_archives_with_bytes_behind_them(void **state)
{
    static char file[300] = "%PDF-1.7\n";
    (void)state;
    size_t n = 100 + archive(file + 100, 3);
    memcpy(file + n, "\n%%EOF\n", 7);
    assert_true(hides_in("application/pdf", file, n + 7));
}

/* Red: stream_ends answering 1, or without a look at the type. */
static void leaves_attachments_of_a_pdf_alone(void **state)
{
    static char file[300] = "%PDF-1.7\n";
    static const char *const ends[] = {"\nendstream\nend", "\r\nendstream\nend", "\rendstream\nend", "endstream\nendobj"};
    (void)state;
    size_t n = 100 + archive(file + 100, 3);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        memcpy(file + n, ends[i], strlen(ends[i]));
        assert_false(hides_in("application/pdf", file, n + strlen(ends[i])));
        assert_true(hides_in("image/jpeg", file, n + strlen(ends[i])));
    }
    memcpy(file + n, " \nendstream", 11);
    assert_true(hides_in("application/pdf", file, n + 11));
    assert_true(hides_in("application/pdf", file, n));
}

/* Red: is_zip_end answering 1. */
static void leaves_honest_files_alone(void **state)
{
    static char file[LARGE];
    (void)state;
    memset(file, 'P', sizeof file);
    assert_false(hides(file, sizeof file));
    assert_false(hides(file, 21));
    assert_false(hides(file, 0));
    memcpy(file + LARGE - 100, "PK\5\6 by chance, in the data of a picture", 40); /* a comment too long for the file */
    assert_false(hides(file, sizeof file));
    memcpy(file + LARGE - 100, "PK\5\6\0\0\0\0\1\0\1\0\x2f\0\0\0\0\0\0\0\0\0", 22); /* no directory before it */
    assert_false(hides(file, sizeof file));
    memcpy(file + LARGE - 3, "PK\5", 3);
    assert_false(hides(file, sizeof file));
}

static void a_file_that_cannot_be_read_is_refused(void **state)
{
    (void)state;
    assert_true(finq_media_hides_archive(-1, 1000, "application/pdf"));
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base_strips_and_lowers),
        cmocka_unit_test(reads_what_clients_write),
        cmocka_unit_test(knows_what_it_can_verify),
        cmocka_unit_test(sniffs_whole_magics_at_offset_zero),
        cmocka_unit_test(sniffs_a_pdf_among_its_first_1024_bytes),
        cmocka_unit_test(finds_archives_behind_a_picture),
        cmocka_unit_test(finds_archives_with_bytes_behind_them),
        cmocka_unit_test(leaves_attachments_of_a_pdf_alone),
        cmocka_unit_test(leaves_honest_files_alone),
        cmocka_unit_test(a_file_that_cannot_be_read_is_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
