/* Frames: bytes of any length sealed piece by piece (AES-256-GCM), so that they can be written in constant memory and read from
 * anywhere. Each frame is bound to the upload and the segment that it is of, to its number, and to whether it is the last: so what is
 * cut, swapped, appended, reordered or mixed with others does not open.
 *
 * The key of a segment is derived from a data key and the segment's own salt: no two segments have the same, so the number of a frame
 * is its nonce. A frame is sealed once. */
#ifndef FINQ_FRAMES_H
#define FINQ_FRAMES_H

#include <apr_pools.h>

#include "crypto/data_key.h"

/** Bytes of a whole frame, before and after sealing; the last of a segment may hold fewer, and of an empty segment none. */
#define FINQ_FRAME_BYTES 65536
#define FINQ_FRAME_OVERHEAD 16
#define FINQ_FRAME_SEALED (FINQ_FRAME_BYTES + FINQ_FRAME_OVERHEAD)
/** Bytes of a segment's salt. */
#define FINQ_FRAMES_SALT 32

/** Which segment frames are of. */
typedef struct finq_segment_id {
    finq_id upload_id;
    apr_int32_t number; /**< of the upload's segments, from 0 */
} finq_segment_id;

/** The frames of one segment. Belongs to one thread; wiped with its pool. */
typedef struct finq_frames finq_frames;

/** Prepares to seal or open. Where `key` is NULL they are of a key that nobody has. Error: internal_server_error. */
finq_error *finq_frames_make(finq_frames **frames, const finq_data_key *key, const unsigned char salt[FINQ_FRAMES_SALT],
                             const finq_segment_id *segment, apr_pool_t *pool);

/** Seals frame `number`: FINQ_FRAME_OVERHEAD bytes more come out. Error: internal_server_error. */
finq_error *finq_frames_seal(finq_frames *frames, unsigned char *sealed, apr_uint64_t number, int is_last, finq_bytes bytes);

/** Opens one. `*intact` is 0 for what is not that frame of that segment; `bytes` is then of no use. Error: internal_server_error. */
finq_error *finq_frames_open(int *intact, finq_frames *frames, unsigned char *bytes, apr_uint64_t number, int is_last,
                             finq_bytes sealed);

#endif
