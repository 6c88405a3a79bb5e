#include "blob_segment.h"

#include <string.h>

#include "crypto/secret_file.h"
#include "crypto/secrets.h"

#define VERSION "FQS\1"
#define VERSION_BYTES 4
#define NO_FRAME (~(apr_uint64_t)0)

/* One segment's reader. */
typedef struct {
    int descriptor;
    finq_frames *frames;
    off_t size;          /* unsealed */
    apr_uint64_t number; /* of the frame that `plain` holds */
    unsigned char plain[FINQ_FRAME_BYTES], sealed[FINQ_FRAME_SEALED];
} reader;

static finq_error *frames_make(finq_segment *segment, const finq_id *upload_id, const finq_data_key *key, apr_pool_t *pool)
{
    const finq_segment_id id = {*upload_id, 0};
    return finq_frames_make(&segment->frames, key, segment->head + VERSION_BYTES, &id, pool);
}

finq_error *finq_segment_make(finq_segment *segment, const finq_id *upload_id, const finq_data_key *key, apr_pool_t *pool)
{
    memcpy(segment->head, VERSION, VERSION_BYTES);
    FINQ_TRY(finq_random(segment->head + VERSION_BYTES, FINQ_FRAMES_SALT, pool));
    return frames_make(segment, upload_id, key, pool);
}

/* Of all frames but the last the length is known, and the last is empty where it is the only one alone: so nothing can be added that
 * is not looked at. Returns -1 for what they cannot add up to. */
static off_t size_of(off_t length)
{
    off_t whole = length / FINQ_FRAME_SEALED, rest = length % FINQ_FRAME_SEALED;
    off_t least = whole > 0 ? FINQ_FRAME_OVERHEAD + 1 : FINQ_FRAME_OVERHEAD;
    if (length < FINQ_FRAME_OVERHEAD || (rest > 0 && rest < least))
        return -1;
    return length - (whole + (rest > 0)) * FINQ_FRAME_OVERHEAD;
}

/* Of what seems to hold nothing nobody reads the one frame, which is empty and says so: else a file cut there would be an empty one. */
static finq_error *nothing_check(int *is_one, const finq_segment *segment, const finq_source *file)
{
    unsigned char sealed[FINQ_FRAME_OVERHEAD], none[1];
    *is_one = finq_source_read(file, sealed, sizeof sealed, FINQ_SEGMENT_HEAD);
    return *is_one ? finq_frames_open(is_one, segment->frames, none, 0, 1, (finq_bytes){sealed, sizeof sealed}) : NULL;
}

finq_error *finq_segment_read(finq_segment *segment, off_t *size, int *is_one, int descriptor, off_t length,
                              const finq_id *upload_id, const finq_data_key *key, apr_pool_t *pool)
{
    finq_source file = finq_source_of_file(&descriptor, length);
    *size = size_of(length - FINQ_SEGMENT_HEAD);
    *is_one = *size >= 0 && finq_source_read(&file, segment->head, FINQ_SEGMENT_HEAD, 0) &&
              memcmp(segment->head, VERSION, VERSION_BYTES) == 0;
    if (!*is_one)
        return NULL;
    FINQ_TRY(frames_make(segment, upload_id, key, pool));
    return *size == 0 ? nothing_check(is_one, segment, &file) : NULL;
}

/* Brings a frame to `plain`. */
static int frame_load(reader *from, apr_uint64_t number)
{
    off_t at = (off_t)number * FINQ_FRAME_BYTES, left = from->size - at;
    int is_last = left <= FINQ_FRAME_BYTES, intact;
    apr_size_t n = (apr_size_t)(is_last ? left : FINQ_FRAME_BYTES) + FINQ_FRAME_OVERHEAD;
    off_t begins = FINQ_SEGMENT_HEAD + (off_t)number * FINQ_FRAME_SEALED;
    finq_source file = finq_source_of_file(&from->descriptor, begins + (off_t)n);
    if (from->number == number)
        return 1;
    from->number = NO_FRAME;
    if (!finq_source_read(&file, from->sealed, n, begins) ||
        finq_frames_open(&intact, from->frames, from->plain, number, is_last, (finq_bytes){from->sealed, n}) || !intact)
        return 0;
    from->number = number;
    return 1;
}

static int segment_read(void *baton, void *to, apr_size_t n, off_t at)
{
    reader *from = baton;
    for (char *bytes = to; n > 0;) {
        apr_size_t within = (apr_size_t)(at % FINQ_FRAME_BYTES), room = FINQ_FRAME_BYTES - within, taken = n < room ? n : room;
        if (!frame_load(from, (apr_uint64_t)(at / FINQ_FRAME_BYTES)))
            return 0;
        memcpy(bytes, from->plain + within, taken);
        bytes += taken;
        at += (off_t)taken;
        n -= taken;
    }
    return 1;
}

static apr_status_t reader_wipe(void *value)
{
    finq_wipe(value, sizeof(reader));
    return APR_SUCCESS;
}

finq_source finq_segment_source(int descriptor, const finq_segment *segment, off_t size, apr_pool_t *pool)
{
    reader *made = apr_palloc(pool, sizeof *made);
    made->descriptor = descriptor;
    made->frames = segment->frames;
    made->size = size;
    made->number = NO_FRAME;
    apr_pool_cleanup_register(pool, made, reader_wipe, apr_pool_cleanup_null);
    return (finq_source){segment_read, made, size};
}
