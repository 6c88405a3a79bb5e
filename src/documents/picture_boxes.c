/* HEIF and AVIF (ISO/IEC 23008-12): boxes within boxes. The box meta names the primary picture, and iprp the properties of each:
 * its size (ispe), and by how much it is turned (irot) or mirrored (imir), one after the other. A sequence of pictures may have
 * tracks (trak) as a film has, whose heads (tkhd) say their size. */
#include "picture_formats.h"

#include <string.h>

#include "ground/codec.h"

/* What a box holds, without its head. */
typedef struct {
    off_t at, end;
} box;

typedef struct {
    const finq_source *source;
    int places;  /* that may still be looked at */
    box ipco;    /* the properties, one behind the other */
    int turns;   /* quarters, clockwise, */
    int mirrors; /* of a picture whose left and right have changed places */
} heif;

/* Reads the head of the box at `at` within `in`. Returns 0 where there is none. */
static int box_read(char name[4], box *found, heif *file, off_t at, const box *in)
{
    unsigned char head[16];
    off_t length, behind = 8;
    if (file->places-- <= 0 || in->end - at < 8 || !finq_source_read(file->source, head, 8, at))
        return 0;
    memcpy(name, head + 4, 4);
    length = (off_t)finq_codec_number(head, 4);
    if (length == 1 && finq_source_read(file->source, head, 16, at)) {
        length = (off_t)finq_codec_number(head + 8, 8);
        behind = 16;
    } else if (length == 0)
        length = in->end - at;
    if (length < behind || length > in->end - at)
        return 0;
    *found = (box){at + behind, at + length};
    return 1;
}

/* The first box of a name within another. */
static int box_find(box *found, heif *file, const char *wanted, const box *in)
{
    char name[4];
    for (off_t at = in->at; box_read(name, found, file, at, in); at = found->end) {
        if (memcmp(name, wanted, 4) == 0)
            return 1;
    }
    return 0;
}

/* The property of a number, from 1. */
static int property_find(char name[4], box *found, heif *file, apr_uint64_t number)
{
    off_t at = file->ipco.at;
    while (number > 0 && box_read(name, found, file, at, &file->ipco)) {
        at = found->end;
        number--;
    }
    return number == 0 && at > file->ipco.at;
}

static void property_take(finq_picture *picture, heif *file, apr_uint64_t number)
{
    char name[4];
    box property;
    unsigned char bytes[12];
    if (!property_find(name, &property, file, number))
        return;
    if (memcmp(name, "ispe", 4) == 0 && finq_source_read(file->source, bytes, 12, property.at)) {
        finq_picture_side(&picture->width, finq_codec_number(bytes + 4, 4));
        finq_picture_side(&picture->height, finq_codec_number(bytes + 8, 4));
    } else if (memcmp(name, "irot", 4) == 0 && finq_source_read(file->source, bytes, 1, property.at))
        file->turns += 4 - (bytes[0] & 3); /* it counts the other way round */
    else if (memcmp(name, "imir", 4) == 0 && finq_source_read(file->source, bytes, 1, property.at)) {
        file->mirrors = !file->mirrors;                             /* a mirrored turn is one the other way round */
        file->turns = 4 - file->turns % 4 + (bytes[0] & 1 ? 0 : 2); /* 1 is left and right, 0 is top and bottom */
    }
}

/* Exif's number for: mirrored or not, then turned so many quarters. */
static int orientation_of(const heif *file)
{
    static const int numbers[2][4] = {{1, 6, 3, 8}, {2, 7, 4, 5}};
    return numbers[file->mirrors][file->turns % 4];
}

/* The primary picture's number; 0 where none is named. */
static apr_uint64_t primary_of(heif *file, const box *meta)
{
    box pitm;
    unsigned char bytes[8];
    if (!box_find(&pitm, file, "pitm", meta) || !finq_source_read(file->source, bytes, 6, pitm.at))
        return 0;
    if (bytes[0] == 0)
        return finq_codec_number(bytes + 4, 2);
    return finq_source_read(file->source, bytes, 8, pitm.at) ? finq_codec_number(bytes + 4, 4) : 0;
}

/* One entry of ipma: which properties an item has. Returns the place behind it; 0 where it does not end within the box. */
static off_t entry_take(finq_picture *picture, heif *file, off_t at, const unsigned char *flags, apr_uint64_t wanted)
{
    unsigned char bytes[5];
    apr_size_t id_length = flags[0] == 0 ? 2 : 4, length = flags[3] & 1 ? 2 : 1;
    if (file->places-- <= 0 || !finq_source_read(file->source, bytes, id_length + 1, at))
        return 0;
    apr_uint64_t id = finq_codec_number(bytes, id_length);
    int count = bytes[id_length];
    at += (off_t)id_length + 1;
    for (int i = 0; i < count && id == wanted; i++) {
        if (!finq_source_read(file->source, bytes, length, at + (off_t)length * i))
            return 0;
        property_take(picture, file, finq_codec_number(bytes, length) & (length == 2 ? 0x7fff : 0x7f));
    }
    return at + (off_t)length * count;
}

static void entries_take(finq_picture *picture, heif *file, const box *ipma, apr_uint64_t wanted)
{
    unsigned char head[8];
    off_t at = ipma->at + 8;
    if (!finq_source_read(file->source, head, 8, ipma->at))
        return;
    for (apr_uint64_t count = finq_codec_number(head + 4, 4); count > 0 && at > 0 && at < ipma->end; count--)
        at = entry_take(picture, file, at, head, wanted);
}

/* Each ipma is about items of its own: one has short numbers, and one long ones. */
static void properties_take(finq_picture *picture, heif *file, box iprp, apr_uint64_t wanted)
{
    for (box ipma; box_find(&ipma, file, "ipma", &iprp); iprp.at = ipma.end)
        entries_take(picture, file, &ipma, wanted);
}

/* The head of a track, whose version says how long its times are; the two sides are in parts of 65536. */
static void track_take(finq_picture *tracks, heif *file, const box *trak)
{
    box tkhd;
    unsigned char version, sides[8];
    if (!box_find(&tkhd, file, "tkhd", trak) || !finq_source_read(file->source, &version, 1, tkhd.at) ||
        !finq_source_read(file->source, sides, sizeof sides, tkhd.at + (version == 1 ? 88 : 76)))
        return;
    finq_picture_side(&tracks->width, finq_codec_number(sides, 2));
    finq_picture_side(&tracks->height, finq_codec_number(sides + 4, 2));
}

static void tracks_take(finq_picture *tracks, heif *file, box moov)
{
    for (box trak; box_find(&trak, file, "trak", &moov); moov.at = trak.end)
        track_take(tracks, file, &trak);
}

static void meta_take(finq_picture *picture, heif *file, box meta)
{
    box iprp;
    meta.at += 4; /* its version and flags */
    apr_uint64_t primary = primary_of(file, &meta);
    if (!box_find(&iprp, file, "iprp", &meta) || !box_find(&file->ipco, file, "ipco", &iprp))
        return;
    properties_take(picture, file, iprp, primary);
    picture->orientation = orientation_of(file);
}

/* Of two metas some decoders take the first, and some the last; and some take the tracks where there is a primary picture too. */
void finq_picture_boxes(finq_picture *picture, const finq_source *source)
{
    heif file = {.source = source, .places = FINQ_PICTURE_PLACES};
    finq_picture tracks = {0};
    box part, all = {0, source->size};
    char name[4];
    int metas = 0;
    for (off_t at = 0; box_read(name, &part, &file, at, &all); at = part.end) {
        if (memcmp(name, "moov", 4) == 0)
            tracks_take(&tracks, &file, part);
        else if (memcmp(name, "meta", 4) == 0 && metas++ == 0)
            meta_take(picture, &file, part);
    }
    picture->is_unread = metas > 1 || file.places < 0;
    finq_picture_other(picture, tracks.width, tracks.height);
    if (!picture->width) {
        picture->width = tracks.width;
        picture->height = tracks.height;
    }
}
