/* What pictures say of themselves. Those of tests/unit/data/pictures were written by the programs that people use; their names say
 * what must be found: format, width, height, orientation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "documents/media.h"
#include "documents/picture.h"

#define PICTURES "tests/unit/data/pictures"
#define LARGEST 65536

typedef struct {
    unsigned char *bytes;
    size_t n;
} memory;

static int memory_read(void *baton, void *to, apr_size_t n, off_t at)
{
    const memory *from = baton;
    memcpy(to, from->bytes + at, n);
    return 1;
}

static int unreadable(void *baton, void *to, apr_size_t n, off_t at)
{
    (void)baton, (void)to, (void)n, (void)at;
    return 0;
}

static finq_picture measured(memory *file, const char *type)
{
    finq_source source = {memory_read, file, (off_t)file->n};
    finq_picture picture;
    finq_picture_measure(&picture, &source, type);
    return picture;
}

static void expect(const finq_picture *picture, unsigned width, unsigned height, int orientation)
{
    assert_int_equal(picture->width, width);
    assert_int_equal(picture->height, height);
    assert_int_equal(picture->orientation, orientation);
}

static const char *type_of(const memory *file)
{
    return finq_media_sniff(file->bytes, file->n < FINQ_MEDIA_HEAD ? file->n : FINQ_MEDIA_HEAD);
}

/* Calls `look` for each file, with what its name says: jpeg-exif-64x40-6.jpg. Returns how many there are. */
static int each_picture(void (*look)(memory *file, const char *name, unsigned width, unsigned height, int orientation))
{
    static unsigned char bytes[LARGEST];
    struct dirent *entry;
    DIR *pictures = opendir(PICTURES);
    int count = 0, orientation;
    assert_non_null(pictures);
    while ((entry = readdir(pictures))) {
        char path[512];
        unsigned width, height;
        const char *said = strchr(entry->d_name, '_');
        if (!said || sscanf(said, "_%ux%u_%d", &width, &height, &orientation) != 3)
            continue;
        snprintf(path, sizeof path, PICTURES "/%s", entry->d_name);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        memory found = {bytes, fread(bytes, 1, sizeof bytes, file)};
        fclose(file);
        look(&found, entry->d_name, width, height, orientation);
        count++;
    }
    closedir(pictures);
    return count;
}

static void look_whole(memory *file, const char *name, unsigned width, unsigned height, int orientation)
{
    finq_picture picture = measured(file, type_of(file));
    print_message("%s: %ux%u, %d\n", name, picture.width, picture.height, picture.orientation);
    expect(&picture, width, height, orientation);
}

/* Red: any format's row left out; the bytes of a number the other way round; irot or imir counted the other way. */
static void pictures_say_their_size_and_turn(void **state)
{
    (void)state;
    assert_true(each_picture(look_whole) > 20);
}

/* A prefix says what the whole says, or nothing. */
static void look_cut(memory *file, const char *name, unsigned width, unsigned height, int orientation)
{
    (void)name;
    const char *type = type_of(file);
    for (size_t n = 0, whole = file->n; n < whole; n++) {
        unsigned char *copy = test_malloc(n + 1); /* so that a sanitizer sees what is read behind the end */
        memcpy(copy, file->bytes, n);
        memory cut = {copy, n};
        finq_picture picture = measured(&cut, type);
        assert_true(picture.width == 0 || (picture.width == width && picture.height == height));
        assert_true(picture.orientation >= 1 && picture.orientation <= 8);
        test_free(copy);
    }
    (void)orientation;
}

static void cut_pictures_say_nothing_else(void **state)
{
    (void)state;
    assert_true(each_picture(look_cut) > 20);
}

/* Whatever a byte is, the look ends, and says something possible. Red: FINQ_PICTURE_PLACES not counted in box_read (a box of no
 * length is looked at for ever). */
static void look_spoilt(memory *file, const char *name, unsigned width, unsigned height, int orientation)
{
    static const unsigned char values[] = {0, 1, 0x7f, 0x80, 0xff};
    const char *type = type_of(file);
    (void)name, (void)width, (void)height, (void)orientation;
    for (size_t at = 0; at < file->n && at < 1024; at++) {
        for (size_t i = 0; i < sizeof values; i++) {
            unsigned char was = file->bytes[at];
            file->bytes[at] = values[i];
            finq_picture picture = measured(file, type);
            assert_true((picture.width == 0) == (picture.height == 0));
            assert_true(picture.orientation >= 1 && picture.orientation <= 8);
            file->bytes[at] = was;
        }
    }
}

static void spoilt_pictures_say_something_possible(void **state)
{
    (void)state;
    assert_true(each_picture(look_spoilt) > 20);
}

/* Red: `settle` without each of its two. */
static void what_is_impossible_is_nothing(void **state)
{
    unsigned char flat[] = "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\1\0\0\0\0";
    unsigned char tiff[] = "II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x09\0\0\0";
    memory files[] = {{flat, sizeof flat - 1}, {tiff, sizeof tiff - 1}};
    finq_picture picture;
    (void)state;
    for (int i = 0; i < 2; i++) {
        picture = measured(&files[i], i < 1 ? "image/png" : "image/tiff");
        expect(&picture, 0, 0, 1);
    }
}

/* So that it can be refused. */
static void what_is_too_large_is_told(void **state)
{
    unsigned char png[] = "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\xff\xff\xff\xff\0\0\0\1";
    memory file = {png, sizeof png - 1};
    finq_picture picture;
    (void)state;
    picture = measured(&file, "image/png");
    expect(&picture, 0xffffffff, 1, 1);
}

/* A picture of one colour needs no more. Red: 10 bytes asked for of each chunk. */
static void a_short_webp_says_its_size(void **state)
{
    unsigned char webp[] = "RIFF\x12\0\0\0WEBPVP8L\5\0\0\0\x2f\xff\xff\xff\x0f";
    memory file = {webp, sizeof webp - 1};
    finq_picture picture;
    (void)state;
    picture = measured(&file, "image/webp");
    expect(&picture, 16384, 16384, 1);
    file.n--;
    picture = measured(&file, "image/webp");
    expect(&picture, 0, 0, 1);
}

static void what_is_no_picture_has_no_orientation(void **state)
{
    unsigned char pdf[] = "%PDF-1.7";
    memory file = {pdf, sizeof pdf - 1};
    (void)state;
    finq_picture picture = measured(&file, "application/pdf");
    expect(&picture, 0, 0, 0);
}

static void a_file_that_cannot_be_read_says_nothing(void **state)
{
    static const char *const types[] = {"image/jpeg", "image/png", "image/webp", "image/tiff", "image/heic", "image/avif"};
    finq_source source = {unreadable, NULL, 100000};
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        finq_picture picture;
        finq_picture_measure(&picture, &source, types[i]);
        expect(&picture, 0, 0, 1);
    }
}

static int counted(void *baton, void *to, apr_size_t n, off_t at)
{
    memory *from = baton;
    from->n++;
    memcpy(to, from->bytes + at, n);
    return 1;
}

/* Any number of 0xff may stand before a marker, but so many for the whole file. Red: a budget of its own for each marker. */
static void fill_is_read_once(void **state)
{
    enum { SEGMENT = 1000, COUNT = 100 };
    static unsigned char bytes[2 + SEGMENT * COUNT] = "\xff\xd8";
    memory file = {bytes, 0};
    finq_source source = {counted, &file, sizeof bytes};
    finq_picture picture;
    (void)state;
    memset(bytes + 2, 0xff, sizeof bytes - 2);
    for (unsigned char *end = bytes + 2 + SEGMENT; end <= bytes + sizeof bytes; end += SEGMENT)
        memcpy(end - 3, "\xe0\0\2", 3); /* a segment without content */
    finq_picture_measure(&picture, &source, "image/jpeg");
    expect(&picture, 0, 0, 1);
    assert_true(file.n < 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_say_their_size_and_turn),
        cmocka_unit_test(cut_pictures_say_nothing_else),
        cmocka_unit_test(spoilt_pictures_say_something_possible),
        cmocka_unit_test(what_is_impossible_is_nothing),
        cmocka_unit_test(what_is_too_large_is_told),
        cmocka_unit_test(a_short_webp_says_its_size),
        cmocka_unit_test(what_is_no_picture_has_no_orientation),
        cmocka_unit_test(a_file_that_cannot_be_read_says_nothing),
        cmocka_unit_test(fill_is_read_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
