#include "documents/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "blob_store.h"
#include "crypto/frames.h"
#include "crypto/secret_file.h"
#include "crypto/secrets.h"

#define VERSION "FQP\1"
#define VERSION_BYTES 4
#define WORD 4
#define SEGMENT_BYTES (WORD + FINQ_FRAMES_SALT)

/* The marks: no frame is so long. */
#define SEGMENT 0x80000000u
#define TRIED 0x80000001u
#define PROOF 0x80000002u

/* A place between two records, and what stands before it. */
typedef struct {
    off_t at;
    apr_int64_t offset;   /* bytes of the document */
    apr_int32_t segments; /* begun */
} place;

struct finq_partial {
    const finq_blob_store *store;
    apr_pool_t *pool;
    finq_id id;
    const finq_data_key *key;
    int descriptor;
    int is_tried;
    int is_lost;  /* a write has failed: nothing is added to what it left */
    off_t begins; /* its segment */
    place end;
    finq_frames *frames;
    size_t used; /* of `plain` */
    unsigned char salt[FINQ_FRAMES_SALT];
    unsigned char plain[FINQ_FRAME_BYTES], record[WORD + FINQ_FRAME_SEALED];
};

static finq_error *failed(const finq_partial *partial, int errnum)
{
    char day[FINQ_BLOB_DAY], name[FINQ_ID_TEXT + 1];
    return finq_blob_store_error(partial->store, finq_blob_store_day(day, &partial->id), finq_id_write(name, &partial->id),
                                 errnum, partial->pool);
}

static finq_error *gone(apr_pool_t *pool)
{
    return finq_error_make(pool, FINQ_E_UPLOAD_GONE, "There is no unfinished upload at this address.");
}

/* ---- files ---- */

static apr_status_t partial_release(void *data)
{
    finq_partial *partial = data;
    close(partial->descriptor);
    finq_wipe(partial->plain, sizeof partial->plain);
    return APR_SUCCESS;
}

/* In the directory of its day. Returns the descriptor, or -1 and errno. */
static int file_open(const finq_partial *partial, int day, int flags)
{
    char name[FINQ_ID_TEXT + 1];
    int descriptor = day < 0 ? -1 : openat(day, finq_id_write(name, &partial->id), O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
    int errnum = errno;
    if (day >= 0)
        close(day);
    errno = errnum;
    return descriptor;
}

static finq_partial *partial_make(const finq_blob_store *store, const finq_id *upload_id, apr_pool_t *pool)
{
    finq_partial *made = apr_palloc(pool, sizeof *made);
    memset(made, 0, offsetof(finq_partial, plain));
    made->store = store;
    made->pool = pool;
    made->id = *upload_id;
    return made;
}

static int write_all(int descriptor, const unsigned char *bytes, size_t n, off_t at)
{
    while (n > 0) {
        ssize_t written = pwrite(descriptor, bytes, n, at);
        if (written < 0 && errno != EINTR)
            return 0;
        if (written > 0) {
            bytes += written;
            at += written;
            n -= (size_t)written;
        }
    }
    return 1;
}

finq_error *finq_partial_create(const finq_blob_store *store, const finq_id *upload_id, apr_pool_t *pool)
{
    char day[FINQ_BLOB_DAY];
    finq_partial *made = partial_make(store, upload_id, pool);
    finq_blob_store_day(day, upload_id);
    made->descriptor = file_open(made, finq_blob_store_day_make(store, day), O_CREAT | O_EXCL);
    if (made->descriptor < 0)
        return failed(made, errno);
    int is_written = write_all(made->descriptor, (const unsigned char *)VERSION, VERSION_BYTES, 0), errnum = errno;
    close(made->descriptor);
    if (is_written)
        return NULL;
    finq_blob_store_unplace(store, upload_id, NULL);
    return failed(made, errnum);
}

/* ---- the log ---- */

/* Moves to behind the next record; `*word` is what it begins with. 0 where no whole one follows. */
static int record_pass(place *to, apr_uint32_t *word, const finq_source *file)
{
    unsigned char bytes[WORD];
    off_t length = WORD;
    if (!finq_source_read(file, bytes, WORD, to->at))
        return 0;
    *word = (apr_uint32_t)finq_codec_number(bytes, WORD);
    if (*word == SEGMENT || *word == TRIED)
        length = SEGMENT_BYTES;
    else if (*word != PROOF)
        length += *word + FINQ_FRAME_OVERHEAD;
    if (*word == 0 || (*word > FINQ_FRAME_BYTES && *word < SEGMENT) || *word > PROOF || to->at + length > file->size)
        return 0;
    to->at += length;
    to->segments += *word == SEGMENT || *word == TRIED;
    to->offset += *word <= FINQ_FRAME_BYTES ? *word : 0;
    return 1;
}

/* Where what counts ends: no torn record, no segment without a frame, none that was tried and not proven. */
static place end_find(const finq_source *file)
{
    place at = {VERSION_BYTES, 0, 0}, end = at;
    apr_uint32_t word;
    int is_tried = 0;
    while (record_pass(&at, &word, file)) {
        if (word == SEGMENT || word == TRIED)
            is_tried = word == TRIED;
        else if (word == PROOF || !is_tried)
            end = at;
    }
    return end;
}

static int lock(const finq_partial *partial)
{
    return finq_blob_store_lock(partial->descriptor);
}

static void unlock(const finq_partial *partial)
{
    flock(partial->descriptor, LOCK_UN);
}

static int is_there(const finq_partial *partial, struct stat *file)
{
    return fstat(partial->descriptor, file) == 0 && file->st_nlink > 0;
}

/* Begins a segment behind what counts, in the place of all else. */
static finq_error *segment_begin(finq_partial *partial)
{
    unsigned char head[SEGMENT_BYTES];
    struct stat file;
    if (!is_there(partial, &file))
        return gone(partial->pool);
    finq_source log = finq_source_of_file(&partial->descriptor, file.st_size);
    partial->end = end_find(&log);
    partial->begins = partial->end.at;
    finq_codec_number_put(head, partial->is_tried ? TRIED : SEGMENT, WORD);
    memcpy(head + WORD, partial->salt, FINQ_FRAMES_SALT);
    if (ftruncate(partial->descriptor, partial->begins) != 0 ||
        !write_all(partial->descriptor, head, sizeof head, partial->begins))
        return failed(partial, errno);
    partial->end.at += SEGMENT_BYTES;
    partial->end.segments++;
    return NULL;
}

static finq_error *take_locked(finq_partial *partial)
{
    if (lock(partial) != 0)
        return failed(partial, errno);
    finq_error *error = segment_begin(partial);
    unlock(partial);
    return error;
}

finq_error *finq_partial_take(finq_partial **partial, const finq_blob_store *store, const finq_id *upload_id,
                              const finq_data_key *key, int is_tried, apr_pool_t *pool)
{
    char day[FINQ_BLOB_DAY];
    finq_partial *made = partial_make(store, upload_id, pool);
    made->key = key;
    made->is_tried = is_tried;
    made->descriptor = file_open(made, finq_blob_store_enter(store, finq_blob_store_day(day, upload_id)), 0);
    if (made->descriptor < 0)
        return errno == ENOENT ? gone(pool) : failed(made, errno);
    apr_pool_cleanup_register(pool, made, partial_release, apr_pool_cleanup_null);
    FINQ_TRY(finq_random(made->salt, sizeof made->salt, pool));
    FINQ_TRY(take_locked(made));
    const finq_segment_id id = {*upload_id, made->end.segments};
    *partial = made;
    return finq_frames_make(&made->frames, key, made->salt, &id, pool);
}

apr_int64_t finq_partial_offset(const finq_partial *partial)
{
    return partial->end.offset + (apr_int64_t)partial->used;
}

/* ---- appending ---- */

/* Whether the file ends where its owner has left it, in the owner's segment. */
static int is_own(const finq_partial *partial, const struct stat *file)
{
    unsigned char salt[FINQ_FRAMES_SALT];
    finq_source log = finq_source_of_file(&partial->descriptor, file->st_size);
    return file->st_size == partial->end.at && finq_source_read(&log, salt, sizeof salt, partial->begins + WORD) &&
           finq_digest_equal(salt, partial->salt, sizeof salt);
}

static finq_error *taken(const finq_partial *partial)
{
    return finq_error_make(partial->pool, FINQ_E_OFFSET_MISMATCH, "Another request has gone on with this upload.");
}

static finq_error *own_check(const finq_partial *partial)
{
    struct stat file;
    if (!is_there(partial, &file))
        return gone(partial->pool);
    return partial->is_lost || !is_own(partial, &file) ? taken(partial) : NULL;
}

/* What was written in part is torn, and who goes on cuts it off. */
static finq_error *record_add(finq_partial *partial, size_t n)
{
    FINQ_TRY(own_check(partial));
    partial->is_lost = !write_all(partial->descriptor, partial->record, n, partial->end.at);
    if (partial->is_lost)
        return failed(partial, errno);
    partial->end.at += (off_t)n;
    return NULL;
}

static finq_error *record_out(finq_partial *partial, size_t n)
{
    if (lock(partial) != 0)
        return failed(partial, errno);
    finq_error *error = record_add(partial, n);
    unlock(partial);
    return error;
}

static finq_error *frame_out(finq_partial *partial)
{
    size_t n = partial->used;
    finq_codec_number_put(partial->record, (apr_uint32_t)n, WORD);
    FINQ_TRY(finq_frames_seal(partial->frames, partial->record + WORD, (apr_uint64_t)partial->end.offset, 0,
                              (finq_bytes){partial->plain, n}));
    FINQ_TRY(record_out(partial, WORD + n + FINQ_FRAME_OVERHEAD));
    partial->end.offset += (apr_int64_t)n;
    partial->used = 0;
    return NULL;
}

finq_error *finq_partial_append(finq_partial *partial, const void *bytes, apr_size_t n)
{
    const unsigned char *from = bytes;
    FINQ_TRY(own_check(partial)); /* who was overtaken learns it now, and not at the end of a frame */
    if (partial->end.segments > FINQ_PARTIAL_SEGMENTS)
        return finq_error_make(partial->pool, FINQ_E_INVALID_BODY, "A document may come in %d pieces; begin it anew.",
                               FINQ_PARTIAL_SEGMENTS);
    while (n > 0) {
        size_t room = FINQ_FRAME_BYTES - partial->used, some = n < room ? n : room;
        memcpy(partial->plain + partial->used, from, some);
        partial->used += some;
        from += some;
        n -= some;
        if (partial->used == FINQ_FRAME_BYTES)
            FINQ_TRY(frame_out(partial));
    }
    return NULL;
}

finq_error *finq_partial_settle(finq_partial *partial)
{
    FINQ_TRY(partial->used > 0 ? frame_out(partial) : own_check(partial));
    return fdatasync(partial->descriptor) == 0 ? NULL : failed(partial, errno);
}

finq_error *finq_partial_prove(finq_partial *partial)
{
    FINQ_TRY(partial->used > 0 ? frame_out(partial) : NULL);
    if (partial->end.at > partial->begins + SEGMENT_BYTES) { /* nothing needs no proof, and makes no piece */
        finq_codec_number_put(partial->record, PROOF, WORD);
        FINQ_TRY(record_out(partial, WORD));
    }
    return finq_partial_settle(partial);
}

/* ---- reading ---- */

static finq_error *altered(const finq_partial *partial)
{
    return finq_error_internal(partial->pool, FINQ_E_INTERNAL_SERVER_ERROR,
                               "the file of the unfinished upload %s is not what was sealed here",
                               finq_id_text(&partial->id, partial->pool));
}

/* The frames of the segment whose head ends at a place. */
static finq_error *segment_open(finq_frames **frames, const finq_partial *partial, const finq_source *file, const place *at,
                                apr_pool_t *pool)
{
    unsigned char salt[FINQ_FRAMES_SALT];
    const finq_segment_id id = {partial->id, at->segments};
    if (!finq_source_read(file, salt, sizeof salt, at->at - FINQ_FRAMES_SALT))
        return altered(partial);
    return finq_frames_make(frames, partial->key, salt, &id, pool);
}

/* Brings the frame that ends at a place to `plain`. */
static finq_error *frame_open(finq_partial *partial, finq_frames *frames, const finq_source *file, const place *at, size_t n)
{
    int is_intact = 0;
    size_t sealed = n + FINQ_FRAME_OVERHEAD;
    apr_uint64_t number = (apr_uint64_t)at->offset - n;
    if (frames && finq_source_read(file, partial->record, sealed, at->at - (off_t)sealed))
        FINQ_TRY(finq_frames_open(&is_intact, frames, partial->plain, number, 0, (finq_bytes){partial->record, sealed}));
    return is_intact ? NULL : altered(partial);
}

finq_error *finq_partial_read(finq_partial *partial, finq_error *(*take)(void *baton, const char *bytes, apr_size_t n),
                              void *baton)
{
    finq_source file = finq_source_of_file(&partial->descriptor, partial->end.at);
    place at = {VERSION_BYTES, 0, 0};
    finq_frames *frames = NULL;
    apr_uint32_t word;
    apr_pool_t *pool; /* of a segment */
    apr_pool_create(&pool, partial->pool);
    while (record_pass(&at, &word, &file)) {
        if (word <= FINQ_FRAME_BYTES) {
            FINQ_TRY(frame_open(partial, frames, &file, &at, word));
            FINQ_TRY(take(baton, (const char *)partial->plain, word));
        } else if (word != PROOF) {
            apr_pool_clear(pool);
            FINQ_TRY(segment_open(&frames, partial, &file, &at, pool));
        }
    }
    apr_pool_destroy(pool);
    return at.offset == partial->end.offset ? NULL : altered(partial);
}
