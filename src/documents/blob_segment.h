/* The file of a segment: a head, which holds the form's version and the salt, then the frames; for the blob rooms alone. */
#ifndef FINQ_BLOB_SEGMENT_H
#define FINQ_BLOB_SEGMENT_H

#include "crypto/frames.h"
#include "documents/source.h"

#define FINQ_SEGMENT_HEAD (4 + FINQ_FRAMES_SALT)

typedef struct finq_segment {
    unsigned char head[FINQ_SEGMENT_HEAD]; /* what the file begins with */
    finq_frames *frames;
} finq_segment;

/* A new segment, with a salt of its own. */
finq_error *finq_segment_make(finq_segment *segment, const finq_id *upload_id, const finq_data_key *key, apr_pool_t *pool);

/* The segment that a file of `length` bytes holds, and how many bytes it holds unsealed. `*is_one` is 0 where its head or its length
 * is none of a segment's, or it was cut to hold nothing. */
finq_error *finq_segment_read(finq_segment *segment, off_t *size, int *is_one, int descriptor, off_t length,
                              const finq_id *upload_id, const finq_data_key *key, apr_pool_t *pool);

/* Its bytes. A frame is opened where it is read, and the last one is remembered. */
finq_source finq_segment_source(int descriptor, const finq_segment *segment, off_t size, apr_pool_t *pool);

#endif
