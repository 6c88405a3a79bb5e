/* Pictures: what their files say of their size, and of how they are to be turned. Nothing is decoded. */
#ifndef FINQ_PICTURE_H
#define FINQ_PICTURE_H

#include "documents/source.h"

/** What a picture's file says. */
typedef struct finq_picture {
    apr_uint32_t width, height;           /**< in pixels, as stored, before they are turned; 0 where the file does not say */
    int orientation;                      /**< as Exif's: 1 to 8; 1 where the file does not say; 0 of what is no picture */
    int is_unread;                        /**< it may say a size, or another one, where this does not look */
    apr_uint32_t most_width, most_height; /**< of the largest of what a decoder may open: itself, another page, a track */
} finq_picture;

/** Reads what a file of this type, as finq_media_sniff told, says of itself: of a few hundred bytes, wherever they stand, and of
 * a bounded number of places; of a JPEG what stands before its frame, once. A file that says something impossible says nothing; one
 * whose size may stand behind more places is unread. Of TIFF the first page counts, of HEIF and AVIF
 * the primary picture, or else its tracks. */
void finq_picture_measure(finq_picture *picture, const finq_source *source, const char *type);

/** How many pixels a decoder may come to. */
static inline apr_uint64_t finq_picture_pixels(const finq_picture *picture)
{
    return (apr_uint64_t)picture->most_width * picture->most_height;
}

#endif
