#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "documents/archive.h"

#define JPEG "\xff\xd8\xff\xe0 rest of it..."

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
    finq_source source = finq_source_of_file(&fd, (off_t)n);
    int found = finq_archive_hides(&source, type);
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

/* Nor do they mind a comment that is cut. Red: an end behind the file's taken for none. */
static void finds_archives_whose_comment_is_cut(void **state)
{
    static char file[LARGE];
    (void)state;
    for (size_t left = 0; left <= 100; left += 50) {
        memset(file, 'P', sizeof file);
        memcpy(file, JPEG, sizeof JPEG - 1);
        size_t n = 100 + archive(file + 100, 1000) - 1000;
        assert_true(hides(file, n + left));
        assert_true(hides_in("application/pdf", file, n + left));
    }
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
    int fd = -1;
    finq_source source = finq_source_of_file(&fd, 1000);
    (void)state;
    assert_true(finq_archive_hides(&source, "application/pdf"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_archives_behind_a_picture),     cmocka_unit_test(finds_archives_with_bytes_behind_them),
        cmocka_unit_test(finds_archives_whose_comment_is_cut), cmocka_unit_test(leaves_attachments_of_a_pdf_alone),
        cmocka_unit_test(leaves_honest_files_alone),           cmocka_unit_test(a_file_that_cannot_be_read_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
