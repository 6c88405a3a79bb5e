#include "documents/picture.h"

#include <string.h>

#include "ground/codec.h"
#include "picture_formats.h"

static const struct {
    const char *type;
    void (*measure)(finq_picture *picture, const finq_source *source);
} formats[] = {
    {"image/jpeg", finq_picture_jpeg},  {"image/png", finq_picture_png},    {"image/webp", finq_picture_webp},
    {"image/tiff", finq_picture_tiff},  {"image/heic", finq_picture_boxes}, {"image/heif", finq_picture_boxes},
    {"image/avif", finq_picture_boxes},
};

/* A picture without one of the two has none. */
static void settle(finq_picture *picture)
{
    if (picture->width == 0 || picture->height == 0)
        picture->width = picture->height = 0;
    finq_picture_other(picture, picture->width, picture->height);
    if (picture->orientation < 1 || picture->orientation > 8)
        picture->orientation = 1;
}

void finq_picture_measure(finq_picture *picture, const finq_source *source, const char *type)
{
    *picture = (finq_picture){0};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(formats[i].type, type) == 0) {
            formats[i].measure(picture, source);
            settle(picture);
        }
    }
}

/* ---- JPEG: segments (ITU-T T.81, annex B) ---- */

/* Its bytes in their order. Each is read once, however many of them decoders pass over on their way to the frame: a bound would let
 * through whatever hides its frame behind it. */
typedef struct {
    const finq_source *source;
    off_t at, begins; /* the next byte, and the window */
    apr_size_t n;
    unsigned char window[4096];
} stream;

/* -1 at the end. */
static int byte_next(stream *file)
{
    if (file->at < file->begins || file->at >= file->begins + (off_t)file->n) {
        file->begins = file->at;
        file->n = finq_source_peek(file->source, file->window, sizeof file->window, file->at);
    }
    return file->n > 0 ? file->window[file->at++ - file->begins] : -1;
}

/* What stands before a marker is passed over, and so are those that begin no segment. -1 at the end. */
static int marker_next(stream *file)
{
    int byte;
    do {
        do
            byte = byte_next(file);
        while (byte >= 0 && byte != 0xff);
        while (byte == 0xff)
            byte = byte_next(file);
    } while (byte == 0 || byte == 1 || (byte >= 0xd0 && byte <= 0xd7));
    return byte;
}

static int is_frame(int marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

/* The segment at a place: its length, the precision, the two. */
static void frame_take(finq_picture *picture, const finq_source *source, off_t at)
{
    unsigned char bytes[7];
    if (!finq_source_read(source, bytes, sizeof bytes, at))
        return;
    picture->height = (apr_uint32_t)finq_codec_number(bytes + 3, 2);
    picture->width = (apr_uint32_t)finq_codec_number(bytes + 5, 2);
}

static void jpeg_exif(finq_picture *picture, const finq_source *source, off_t at)
{
    unsigned char bytes[8];
    if (finq_source_read(source, bytes, sizeof bytes, at) && memcmp(bytes + 2, "Exif\0\0", 6) == 0)
        finq_picture_exif(picture, source, at + 8);
}

void finq_picture_jpeg(finq_picture *picture, const finq_source *source)
{
    stream file = {.source = source, .at = 2};
    int marker, places = FINQ_PICTURE_PLACES;
    while ((marker = marker_next(&file)) >= 0 && marker != 0xd9 && marker != 0xda) { /* the end, or the picture's own bytes */
        off_t at = file.at;
        if (is_frame(marker)) {
            frame_take(picture, source, at);
            return;
        }
        if (marker == 0xe1 && places-- > 0)
            jpeg_exif(picture, source, at);
        int length = byte_next(&file) * 256;
        length += byte_next(&file);
        file.at = at + (length > 2 ? length : 2);
    }
}

/* ---- PNG: chunks ---- */

void finq_picture_png(finq_picture *picture, const finq_source *source)
{
    unsigned char chunk[16];
    off_t at = 8; /* behind the signature: IHDR, which finq_media_sniff has seen */
    if (!finq_source_read(source, chunk, 16, at))
        return;
    picture->width = (apr_uint32_t)finq_codec_number(chunk + 8, 4);
    picture->height = (apr_uint32_t)finq_codec_number(chunk + 12, 4);
    for (int places = FINQ_PICTURE_PLACES; places > 0 && finq_source_read(source, chunk, 8, at); places--) {
        if (memcmp(chunk + 4, "eXIf", 4) == 0)
            finq_picture_exif(picture, source, at + 8);
        at += 12 + (off_t)finq_codec_number(chunk, 4);
    }
}

/* ---- WebP: chunks of a RIFF (RFC 9649) ---- */

#define DATA 8 /* behind a chunk's name and length */

static void vp8_take(finq_picture *picture, const unsigned char *data)
{
    if (memcmp(data + 3, "\x9d\x01\x2a", 3) != 0)
        return;
    picture->width = (apr_uint32_t)finq_codec_number_little(data + 6, 2) & 0x3fff;
    picture->height = (apr_uint32_t)finq_codec_number_little(data + 8, 2) & 0x3fff;
}

static void vp8l_take(finq_picture *picture, const unsigned char *data)
{
    apr_uint32_t bits = (apr_uint32_t)finq_codec_number_little(data + 1, 4);
    if (data[0] != 0x2f)
        return;
    picture->width = (bits & 0x3fff) + 1;
    picture->height = (bits >> 14 & 0x3fff) + 1;
}

static void vp8x_take(finq_picture *picture, const unsigned char *data)
{
    picture->width = (apr_uint32_t)finq_codec_number_little(data + 4, 3) + 1;
    picture->height = (apr_uint32_t)finq_codec_number_little(data + 7, 3) + 1;
}

/* Some write Exif with the head that it has in a JPEG. */
static void webp_exif(finq_picture *picture, const finq_source *source, off_t at)
{
    char head[6];
    int has_head = finq_source_read(source, head, 6, at) && memcmp(head, "Exif\0\0", 6) == 0;
    finq_picture_exif(picture, source, has_head ? at + 6 : at);
}

void finq_picture_webp(finq_picture *picture, const finq_source *source)
{
    unsigned char chunk[DATA + 10];
    off_t at = 12;
    apr_size_t n;
    int places = FINQ_PICTURE_PLACES;
    for (; places > 0 && (n = finq_source_peek(source, chunk, sizeof chunk, at)) >= DATA + 5; places--) {
        off_t length = (off_t)finq_codec_number_little(chunk + 4, 4);
        int is_first = !picture->width, is_full = n == sizeof chunk;
        if (is_first && memcmp(chunk, "VP8L", 4) == 0)
            vp8l_take(picture, chunk + DATA);
        else if (is_first && is_full && memcmp(chunk, "VP8X", 4) == 0) /* of a file that has it; what follows are its parts */
            vp8x_take(picture, chunk + DATA);
        else if (is_first && is_full && memcmp(chunk, "VP8 ", 4) == 0)
            vp8_take(picture, chunk + DATA);
        else if (memcmp(chunk, "EXIF", 4) == 0)
            webp_exif(picture, source, at + DATA);
        at += DATA + length + (length & 1);
    }
    picture->is_unread = places == 0 && !picture->width;
}
