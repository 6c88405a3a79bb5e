/* TIFF 6.0, which Exif is written in too: a directory of entries. */
#include "picture_formats.h"

#include <string.h>

#include "ground/codec.h"

#define ENTRY 12

enum { TAG_WIDTH = 0x100, TAG_HEIGHT = 0x101, TAG_ORIENTATION = 0x112 };

typedef struct {
    const finq_source *source;
    off_t base; /* where the structure begins, from which it counts */
    apr_uint64_t (*number)(const unsigned char *bytes, apr_size_t length);
} tiff;

static int tiff_begin(tiff *file, const finq_source *source, off_t base, off_t *directory)
{
    unsigned char head[8];
    file->source = source;
    file->base = base;
    if (!finq_source_read(source, head, sizeof head, base))
        return 0;
    if (memcmp(head, "II*\0", 4) == 0)
        file->number = finq_codec_number_little;
    else if (memcmp(head, "MM\0*", 4) == 0)
        file->number = finq_codec_number;
    else
        return 0;
    *directory = base + (off_t)file->number(head + 4, 4);
    return 1;
}

/* A value of one SHORT (3) or LONG (4), which stands in its entry; 0 for any other, which some decoders take as well. */
static apr_uint32_t entry_value(const tiff *file, const unsigned char *entry)
{
    apr_uint64_t kind = file->number(entry + 2, 2), count = file->number(entry + 4, 4);
    if (count != 1 || (kind != 3 && kind != 4))
        return 0;
    return (apr_uint32_t)file->number(entry + 8, kind == 3 ? 2 : 4);
}

/* Takes what the directory at a place says. Returns the place of the next one; 0 behind the last, or where this one cannot be read. */
static off_t directory_take(finq_picture *picture, const tiff *file, off_t at, int *places)
{
    unsigned char entry[ENTRY];
    if (!finq_source_read(file->source, entry, 2, at))
        return 0;
    int count = (int)file->number(entry, 2);
    at += 2;
    *places -= count > 0 ? count : 1;
    for (; count > 0 && *places >= 0 && finq_source_read(file->source, entry, ENTRY, at); count--, at += ENTRY) {
        apr_uint64_t tag = file->number(entry, 2);
        apr_uint32_t value = entry_value(file, entry);
        if (tag == TAG_WIDTH)
            finq_picture_side(&picture->width, value);
        else if (tag == TAG_HEIGHT)
            finq_picture_side(&picture->height, value);
        else if (tag == TAG_ORIENTATION)
            picture->orientation = (int)value;
        picture->is_unread |= value == 0 && (tag == TAG_WIDTH || tag == TAG_HEIGHT);
    }
    picture->is_unread |= *places < 0;
    if (count > 0 || !finq_source_read(file->source, entry, 4, at))
        return 0;
    return file->base + (off_t)file->number(entry, 4);
}

/* Each directory is a page. A chain of them that comes back to itself is too long. */
void finq_picture_tiff(finq_picture *picture, const finq_source *source)
{
    tiff file;
    off_t at;
    int places = FINQ_PICTURE_PLACES;
    if (!tiff_begin(&file, source, 0, &at))
        return;
    at = directory_take(picture, &file, at, &places);
    while (at > 0 && !picture->is_unread) {
        finq_picture page = {0};
        at = directory_take(&page, &file, at, &places);
        finq_picture_other(picture, page.width, page.height);
        picture->is_unread = page.is_unread;
    }
}

void finq_picture_exif(finq_picture *picture, const finq_source *source, off_t at)
{
    finq_picture said = *picture; /* of the size it may speak of a picture within */
    tiff file;
    int places = FINQ_PICTURE_PLACES;
    if (tiff_begin(&file, source, at, &at))
        directory_take(&said, &file, at, &places);
    picture->orientation = said.orientation;
}
