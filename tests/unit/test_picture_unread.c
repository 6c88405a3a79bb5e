/* Pictures whose size stands behind many parts, or twice: they say it, or are unread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "documents/picture.h"

static unsigned char made[200000];
static size_t made_length; /* of what was measured last */

static int made_read(void *baton, void *to, apr_size_t n, off_t at)
{
    (void)baton;
    memcpy(to, made + at, n);
    return 1;
}

static finq_picture measured(const char *type, size_t n)
{
    finq_source source = {made_read, NULL, (off_t)n};
    finq_picture picture;
    made_length = n;
    finq_picture_measure(&picture, &source, type);
    return picture;
}

static void expect(const finq_picture *picture, unsigned width, unsigned height)
{
    assert_int_equal(picture->width, width);
    assert_int_equal(picture->height, height);
    assert_false(picture->is_unread);
}

static unsigned char *put(unsigned char *at, unsigned long number, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (unsigned char)(number >> 8 * (bytes - 1 - i));
    return at + bytes;
}

/* An entry of a TIFF of the larger end first. */
static unsigned char *entry_put(unsigned char *at, unsigned tag, unsigned kind, unsigned count, unsigned value)
{
    at = put(put(put(at, tag, 2), kind, 2), count, 4);
    return kind == 3 ? put(put(at, value, 2), 0, 2) : put(at, value, 4);
}

/* A TIFF with so many entries before the two, of which the width is of a kind and a count. */
static finq_picture tiff_measured(int before, unsigned kind, unsigned count)
{
    unsigned char *at = made;
    memcpy(at, "MM\0*\0\0\0\x08", 8);
    at = put(at + 8, (unsigned long)before + 3, 2);
    for (int i = 0; i < before; i++)
        at = entry_put(at, 254, 4, 1, 0);
    at = entry_put(at, 256, 4, 1, 1);
    at = entry_put(at, 256, kind, count, 60001);
    at = entry_put(at, 257, 4, 1, 60000);
    return measured("image/tiff", (size_t)(at - made));
}

/* Red: the count not compared; the last of two that counts; a width of no number passed over. */
static void a_tiff_says_its_size_or_is_unread(void **state)
{
    finq_picture picture = tiff_measured(4093, 3, 1);
    (void)state;
    expect(&picture, 60001, 60000);
    assert_true(tiff_measured(4094, 3, 1).is_unread);
    assert_true(tiff_measured(10000, 3, 1).is_unread);
    assert_true(tiff_measured(0, 9, 1).is_unread);
    assert_true(tiff_measured(0, 3, 2).is_unread);
}

/* A TIFF of two pages, of which the second is followed by the directory at `next`. */
static finq_picture pages_measured(unsigned long next, unsigned filler)
{
    unsigned char *at = made;
    memcpy(at, "MM\0*\0\0\0\x08", 8);
    at = entry_put(entry_put(put(at + 8, 2, 2), 256, 4, 1, 10), 257, 4, 1, 7);
    at = put(put(at, 38, 4), filler + 2, 2);
    for (unsigned i = 0; i < filler; i++)
        at = entry_put(at, 254, 4, 1, 0);
    at = put(entry_put(entry_put(at, 256, 4, 1, 60001), 257, 4, 1, 60000), next, 4);
    return measured("image/tiff", (size_t)(at - made));
}

/* Red: the first page alone looked at; the largest of them stored; places that are counted for each page anew; a loop that goes on for ever. */
static void each_page_of_a_tiff_counts(void **state)
{
    static const unsigned long behind[] = {0, 999999}; /* the last page; one that cannot be read */
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        finq_picture picture = pages_measured(behind[i], 4092 - i);
        expect(&picture, 10, 7);
        assert_int_equal(finq_picture_pixels(&picture), 60001ul * 60000);
    }
    assert_true(pages_measured(0, 4093).is_unread);
    assert_true(pages_measured(8, 0).is_unread);
    memcpy(made, "MM\0*\0\0\0\x08\0\0\0\0\0\x08", 14); /* one without an entry, which follows itself */
    assert_true(measured("image/tiff", 14).is_unread);
}

static unsigned char *box_put(unsigned char *at, const char *name, unsigned long holds)
{
    memcpy(put(at, holds + 8, 4), name, 4);
    return at + 8;
}

/* A HEIF of the picture 1 and its two sizes, with so many boxes before its meta, and entries of others before its own. */
static finq_picture heif_measured(unsigned boxes, unsigned entries)
{
    unsigned char *at = put(box_put(made, "ftyp", 8), 0x68656963, 4) + 4;
    unsigned long others = 8 + 4 * entries, own = 8 + 5, ipco = 2 * 20, iprp = 8 + ipco + 8 + others + 8 + own;
    memset(made + 12, 0, sizeof made - 12);
    for (unsigned i = 0; i < boxes; i++)
        at = box_put(at, "free", 0);
    at = put(box_put(at, "meta", 4 + 8 + 6 + 8 + iprp), 0, 4);
    at = put(put(box_put(at, "pitm", 6), 0, 4), 1, 2);
    at = box_put(box_put(at, "iprp", iprp), "ipco", ipco);
    at = put(put(put(box_put(at, "ispe", 12), 0, 4), 60001, 4), 60000, 4);
    at = put(put(put(box_put(at, "ispe", 12), 0, 4), 2, 4), 2, 4);
    at = put(put(box_put(at, "ipma", others), 0, 4), entries, 4);
    for (unsigned i = 0; i < entries; i++)
        at = put(put(put(at, 2, 2), 1, 1), 2, 1);
    at = put(put(box_put(at, "ipma", own), 0, 4), 1, 4);
    at = put(put(at, 1, 2), 2, 1);
    *at++ = 1;
    *at++ = 2;
    return measured("image/heic", (size_t)(at - made));
}

/* Red: the places that were too many not told; the first ipma alone looked at; the last of two sizes that counts. */
static void a_heif_says_its_size_or_is_unread(void **state)
{
    static const unsigned many[][2] = {{5000, 0}, {0, 5000}, {2500, 2500}};
    finq_picture picture = heif_measured(2000, 2000);
    (void)state;
    expect(&picture, 60001, 60000);
    for (size_t i = 0; i < 3; i++)
        assert_true(heif_measured(many[i][0], many[i][1]).is_unread);
}

/* A sequence of pictures without a meta, of two tracks. Red: the place of the sides that hangs on no version; the first track alone looked at. */
static void a_sequence_says_the_size_of_its_tracks(void **state)
{
    (void)state;
    for (int version = 0; version < 2; version++) {
        unsigned long head = version ? 96 : 84, track = 8 + head;
        unsigned char *at = put(box_put(made, "ftyp", 8), 0x61766973, 4) + 4;
        memset(at - 4, 0, sizeof made - 16);
        at = box_put(at, "moov", 2 * (8 + track));
        for (unsigned long side = 7; side > 0; side = side == 7 ? 60000 : 0) {
            at = box_put(box_put(at, "trak", track), "tkhd", head);
            *at = (unsigned char)version;
            put(put(at + head - 8, side << 16, 4), (side + 1) << 16, 4);
            at += head;
        }
        finq_picture picture = measured("image/avif", (size_t)(at - made));
        expect(&picture, 60000, 60001);
    }
}

/* Of a file's two parts some decoders take one, and some the other. Red: tracks looked at where meta says nothing; the first moov, or the first
 * meta alone looked at. */
static void whatever_a_decoder_takes_counts(void **state)
{
    (void)state;
    for (int moovs = 1; moovs < 3; moovs++) {
        heif_measured(0, 0);
        unsigned char *at = made + made_length;
        for (int i = 0; i < moovs; i++) {
            unsigned long side = i + 1 == moovs ? 60002 : 7;
            at = box_put(box_put(box_put(at, "moov", 8 + 8 + 84), "trak", 8 + 84), "tkhd", 84);
            memset(at, 0, 84);
            put(put(at + 76, side << 16, 4), side << 16, 4);
            at += 84;
        }
        finq_picture picture = measured("image/avif", (size_t)(at - made));
        expect(&picture, 60001, 60000);
        assert_int_equal(picture.most_width, 60002);
        assert_int_equal(finq_picture_pixels(&picture), 60002ul * 60002);
    }
    finq_picture picture = heif_measured(0, 0);
    assert_int_equal(finq_picture_pixels(&picture), 60001ul * 60000);
    box_put(made + made_length, "meta", 0);
    assert_true(measured("image/heic", made_length + 8).is_unread);
}

/* What has said its size before is taken. */
static void a_webp_says_its_size_or_is_unread(void **state)
{
    unsigned char *at = made;
    (void)state;
    memcpy(at, "RIFF\0\0\0\0WEBP", 12);
    at += 12;
    for (int i = 0; i < 5000; i++, at += 14)
        memcpy(at, "JUNK\6\0\0\0xxxxxx", 14);
    memcpy(at, "VP8L\5\0\0\0\x2f\xff\xff\xff\x0f", 13);
    size_t n = (size_t)(at - made) + 13;
    assert_true(measured("image/webp", n).is_unread);
    memcpy(made + 12, "VP8L\6\0\0\0\x2f\xff\xff\xff\x0f", 13);
    finq_picture picture = measured("image/webp", n);
    expect(&picture, 16384, 16384);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tiff_says_its_size_or_is_unread), cmocka_unit_test(each_page_of_a_tiff_counts),
        cmocka_unit_test(a_heif_says_its_size_or_is_unread), cmocka_unit_test(a_sequence_says_the_size_of_its_tracks),
        cmocka_unit_test(whatever_a_decoder_takes_counts),   cmocka_unit_test(a_webp_says_its_size_or_is_unread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
