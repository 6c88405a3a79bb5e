/* The formats that finq_picture_measure reads, one file each or a few; for the picture rooms alone. What they cannot read they
 * leave as it is. */
#ifndef FINQ_PICTURE_FORMATS_H
#define FINQ_PICTURE_FORMATS_H

#include "documents/picture.h"

/** Most places of a file that are looked at: segments, chunks, boxes, entries. */
#define FINQ_PICTURE_PLACES 4096

void finq_picture_jpeg(finq_picture *picture, const finq_source *source);
void finq_picture_png(finq_picture *picture, const finq_source *source);
void finq_picture_webp(finq_picture *picture, const finq_source *source);
void finq_picture_boxes(finq_picture *picture, const finq_source *source);
void finq_picture_tiff(finq_picture *picture, const finq_source *source);

/** Takes a side of a picture: where it stands twice, decoders differ in which they take, and the longer one counts. */
static inline void finq_picture_side(apr_uint32_t *side, apr_uint64_t said)
{
    if (said > *side)
        *side = (apr_uint32_t)said;
}

/** Takes the size of what a decoder may open in the picture's place. */
static inline void finq_picture_other(finq_picture *picture, apr_uint32_t width, apr_uint32_t height)
{
    if ((apr_uint64_t)width * height <= finq_picture_pixels(picture))
        return;
    picture->most_width = width;
    picture->most_height = height;
}

/** The orientation alone, of the TIFF structure that begins at `at` and is called Exif there. */
void finq_picture_exif(finq_picture *picture, const finq_source *source, off_t at);

#endif
