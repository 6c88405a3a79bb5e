/* PDFs that open to nobody without a password. Those of tests/unit/data/papers were locked by qpdf, in each way that there is; the
 * names begin with "open" or "locked". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "documents/paper.h"

#define PAPERS "tests/unit/data/papers"
#define LARGEST 131072

typedef struct {
    char bytes[LARGEST];
    size_t n;
} memory;

static memory file;

static int memory_read(void *baton, void *to, apr_size_t n, off_t at)
{
    const memory *from = baton;
    memcpy(to, from->bytes + at, n);
    return 1;
}

/* Shown in pieces of a size. */
static int needs_password(size_t piece)
{
    finq_paper paper = {0};
    finq_source source = {memory_read, &file, (off_t)file.n};
    for (size_t at = 0; at < file.n; at += piece)
        finq_paper_look(&paper, file.bytes + at, piece < file.n - at ? piece : file.n - at);
    return finq_paper_needs_password(&paper, &source);
}

static void file_read(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, PAPERS "/%s", name);
    FILE *from = fopen(path, "rb");
    assert_non_null(from);
    file.n = fread(file.bytes, 1, sizeof file.bytes, from);
    fclose(from);
}

static void each_paper(void (*look)(int is_locked))
{
    struct dirent *entry;
    DIR *papers = opendir(PAPERS);
    int count[2] = {0, 0};
    assert_non_null(papers);
    while ((entry = readdir(papers))) {
        int is_locked = strncmp(entry->d_name, "locked", 6) == 0;
        if (!is_locked && strncmp(entry->d_name, "open", 4) != 0)
            continue;
        print_message("%s\n", entry->d_name);
        file_read(entry->d_name);
        look(is_locked);
        count[is_locked]++;
    }
    closedir(papers);
    assert_true(count[0] >= 7 && count[1] >= 7);
}

static void look_whole(int is_locked)
{
    assert_int_equal(needs_password(file.n), is_locked);
}

/* Red: each revision's branch of finq_pdf_lock_is_open; 50 rounds, 19 keys or 64 hashes one less; EncryptMetadata passed by; the key's
 * length of revision 3 always 5; octal escapes passed by; an object found by its number's end. */
static void papers_are_told_apart(void **state)
{
    (void)state;
    each_paper(look_whole);
}

static void look_in_pieces(int is_locked)
{
    static const size_t pieces[] = {1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 63, 64, 65};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        assert_int_equal(needs_password(pieces[i]), is_locked);
}

/* Red: `tail` a byte shorter, or kept of long pieces alone. */
static void pieces_may_have_any_size(void **state)
{
    (void)state;
    each_paper(look_in_pieces);
}

/* Cut anywhere, or with any byte spoilt, the look ends; a sanitizer sees that it reads nothing else. */
static void look_broken(int is_locked)
{
    size_t whole = file.n;
    (void)is_locked;
    for (file.n = 0; file.n < whole; file.n += 7)
        needs_password(64);
    for (size_t at = 0; at < whole; at += 3) {
        char was = file.bytes[at];
        file.bytes[at] = '(';
        needs_password(whole);
        file.bytes[at] = was;
    }
}

static void broken_papers_do_no_harm(void **state)
{
    (void)state;
    each_paper(look_broken);
}

static int says(const char *text)
{
    file.n = strlen(text);
    memcpy(file.bytes, text, file.n);
    return needs_password(file.n);
}

/* Red: dictionary_locks without its look at /Filter, or at /Standard; value_of without is_delimiter. */
static void words_alone_lock_nothing(void **state)
{
    (void)state;
    assert_false(says("%PDF-1.4\n(a talk of /Encrypt 5 0 R and its kin)\n5 0 obj\n<< /Type /Page >>\nendobj\n"));
    assert_false(says("%PDF-1.4\n/EncryptMetadata false /Encrypt 5 0 R\n"));
    assert_false(says("%PDF-1.4\n/Encrypt"));
    assert_false(says("%PDF-1.4\n/Encrypt "));
    assert_false(says("%PDF-1.4\n/Encrypt 5"));
    assert_false(says("%PDF-1.4\n15 0 obj << /Filter /Standard >> /Encrypt 5 0 R "));
    assert_true(says("%PDF-1.4\n15 0 obj << /Type /Page >> 5 0 obj << /Filter /Standard >> /Encrypt 5 0 R "));
    assert_true(says("%PDF-1.4\n5 0 obj\n<< /Filter /Adobe.PubSec >>\nendobj\ntrailer\n<< /Encrypt 5 0 R >>\n"));
    assert_true(says("%PDF-1.4\ntrailer\n<< /Encrypt << /Filter /Standard /R 9 >> >>\n"));
}

/* Wherever the dictionary stands against the windows that it is looked for in. Red: windows that do not overlap. */
static void a_dictionary_is_found_anywhere(void **state)
{
    static const char lock[] = "\n5 0 obj\n<< /Filter /Adobe.PubSec >>\nendobj\n", end[] = "trailer\n<< /Encrypt 5 0 R >>\n";
    (void)state;
    for (size_t at = 8; at < 20000; at += 13) {
        memset(file.bytes, 'x', at);
        memcpy(file.bytes, "%PDF-1.4", 8);
        memcpy(file.bytes + at, lock, sizeof lock - 1);
        memset(file.bytes + at + sizeof lock - 1, 'x', 30000);
        memcpy(file.bytes + at + 30000, end, sizeof end - 1);
        file.n = at + 30000 + sizeof end - 1;
        assert_true(needs_password(file.n));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(papers_are_told_apart),          cmocka_unit_test(pieces_may_have_any_size),
        cmocka_unit_test(broken_papers_do_no_harm),       cmocka_unit_test(words_alone_lock_nothing),
        cmocka_unit_test(a_dictionary_is_found_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
