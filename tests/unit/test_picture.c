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

/* Decoders pass over what stands between segments. Red: a bound on how much; a marker without a segment that is taken for one
 * with. */
static void what_stands_before_a_frame_is_passed_over(void **state)
{
    static const struct {
        const char *bytes;
        size_t n, times;
    } before[] = {{"", 0, 0},
                  {"x", 1, 1},
                  {"x", 1, 70000},
                  {"\xff", 1, 5000},
                  {"\xff\0", 2, 3},
                  {"\xff\xd0", 2, 9},
                  {"\xff\x01", 2, 1},
                  {"\0", 1, 4096},
                  {"\xff\xe0\0\2", 4, 20000},
                  {"\xff\xe1\0\2", 4, 20000},
                  {"\xff\xe0\0\0", 4, 2},
                  {"\xff\xe0\0\1", 4, 2},
                  {"\xff\xe0\xff\xfe", 4, 1}};
    static const char frame[] = "\xff\xc0\0\x0b\x08\xea\x60\xea\x61\1\1\x11\0";
    static unsigned char bytes[100000];
    (void)state;
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        unsigned char *end = bytes + 2;
        memset(bytes, 0, sizeof bytes);
        memcpy(bytes, "\xff\xd8", 2);
        for (size_t j = 0; j < before[i].times; j++, end += before[i].n)
            memcpy(end, before[i].bytes, before[i].n);
        if (i + 1 == sizeof before / sizeof *before)
            end += 0xfffc; /* what the last says it holds */
        memcpy(end, frame, sizeof frame);
        memory file = {bytes, sizeof bytes};
        finq_picture picture = measured(&file, "image/jpeg");
        expect(&picture, 60001, 60000, 1);
    }
}

/* A frame of no size is the last that is looked at, and behind the picture's own bytes there is none. */
static void a_jpeg_without_a_frame_says_nothing(void **state)
{
    static const char *const first[] = {"\xff\xda\0\2", "\xff\xc0\0\0", "\xff\xd9xx"};
    (void)state;
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        unsigned char bytes[40] = "\xff\xd8";
        memcpy(bytes + 2, first[i], 4);
        memcpy(bytes + 20, "\xff\xc0\0\x0b\x08\0\7\0\7\1\1\x11\0", 13);
        memory file = {bytes, sizeof bytes};
        finq_picture picture = measured(&file, "image/jpeg");
        expect(&picture, 0, 0, 1);
    }
}

/* However many segments there are, and wherever they stand. Red: a read for each byte, or for each segment; a
 * segment whose length is cut and not taken for two (no end). */
static void each_byte_is_read_once(void **state)
{
    static const char *const fills[] = {"\xff\xff\xff\xff", "xxxx", "\xff\xe0\0\2", "\xff\xe1\0\2", "\xff\xd0\xff\xd0"};
    static unsigned char bytes[400000];
    (void)state;
    for (size_t i = 0; i < sizeof fills / sizeof *fills; i++) {
        memory file = {bytes, 0};
        finq_source source = {counted, &file, sizeof bytes};
        finq_picture picture;
        for (size_t at = 0; at < sizeof bytes; at += 4)
            memcpy(bytes + at, fills[i], 4);
        memcpy(bytes + sizeof bytes - 2, "\xff\xe0", 2);
        finq_picture_measure(&picture, &source, "image/jpeg");
        expect(&picture, 0, 0, 1);
        assert_true(file.n < 5000);
    }
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
        cmocka_unit_test(what_stands_before_a_frame_is_passed_over),
        cmocka_unit_test(a_jpeg_without_a_frame_says_nothing),
        cmocka_unit_test(each_byte_is_read_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
