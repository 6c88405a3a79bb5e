#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "crypto/secret_file.h"
#include "blob_segment.h"
#include "blob_store.h"

/* The disk is set to work after each of these, so that finish waits for the last one only. */
#define WRITEBACK_SIZE (4 * 1024 * 1024)
#define BEGIN_ATTEMPTS 100

typedef enum { STAGED, PLACED, DONE } blob_state;

struct finq_blob {
    const finq_blob_store *store;
    apr_pool_t *pool;
    finq_id id;
    char name[FINQ_ID_TEXT + 1];
    int descriptor;
    blob_state state;
    finq_digest *digest;
    apr_off_t size;    /* of what was given */
    apr_off_t written; /* to the file */
    apr_off_t started; /* of that, on its way to the disk */
    finq_segment segment;
    apr_uint64_t number; /* of the next frame */
    size_t used;         /* of it */
    unsigned char plain[FINQ_FRAME_BYTES], sealed[FINQ_FRAME_SEALED];
};

static finq_error *staged_error(const finq_blob *blob, int errnum)
{
    return finq_blob_store_error(blob->store, FINQ_BLOB_STAGING, blob->name, errnum, blob->pool);
}

/* Closing releases the lock: what is still staged is the sweep's from here on. */
static void blob_close(finq_blob *blob)
{
    if (blob->state != DONE)
        close(blob->descriptor);
    blob->state = DONE;
}

static apr_status_t blob_cleanup(void *data)
{
    finq_blob *blob = data;
    if (blob->state == STAGED)
        finq_blob_discard(blob);
    else if (blob->state == PLACED)
        finq_blob_leave(blob);
    return APR_SUCCESS;
}

/* Creates and locks the staged file. A sweep that comes between the two takes it for a dead upload and
 * removes it:
 * `*swept` says so. Returns the descriptor, or -1 and errno. */
static int stage_once(int *swept, const finq_blob *blob)
{
    struct stat file;
    int descriptor = openat(blob->store->staging, blob->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return -1;
    if (finq_blob_store_lock(descriptor) != 0 || fstat(descriptor, &file) != 0) {
        int errnum = errno;
        unlinkat(blob->store->staging, blob->name, 0);
        close(descriptor);
        errno = errnum;
        return -1;
    }
    *swept = file.st_nlink == 0;
    if (*swept)
        close(descriptor);
    return descriptor;
}

static finq_error *write_out(finq_blob *blob, const unsigned char *bytes, size_t n);

/* Plain bytes are never left in memory that others get. */
static apr_status_t blob_wipe(void *data)
{
    finq_blob *blob = data;
    finq_wipe(blob->plain, sizeof blob->plain);
    return APR_SUCCESS;
}

finq_error *finq_blob_begin(finq_blob **blob, const finq_blob_store *store, const finq_id *upload_id, const finq_data_key *key,
                            apr_pool_t *pool)
{
    finq_blob *made = apr_palloc(pool, sizeof *made);
    memset(made, 0, offsetof(finq_blob, plain));
    made->store = store;
    made->pool = pool;
    made->id = *upload_id;
    finq_id_write(made->name, upload_id);
    int swept = 1;
    for (int i = 0; swept && i < BEGIN_ATTEMPTS; i++) {
        made->descriptor = stage_once(&swept, made);
        if (made->descriptor < 0)
            return staged_error(made, errno);
    }
    if (swept)
        return staged_error(made, EBUSY);
    apr_pool_cleanup_register(pool, made, blob_cleanup, apr_pool_cleanup_null);
    made->digest = finq_digest_new(pool);
    *blob = made;
    apr_pool_cleanup_register(pool, made, blob_wipe, apr_pool_cleanup_null);
    FINQ_TRY(finq_segment_make(&made->segment, upload_id, key, pool));
    return write_out(made, made->segment.head, sizeof made->segment.head);
}

/* A hint: a file system that knows it not has lost nothing. */
static void start_writeback(finq_blob *blob)
{
    if (blob->written - blob->started < WRITEBACK_SIZE)
        return;
    sync_file_range(blob->descriptor, blob->started, blob->written - blob->started, SYNC_FILE_RANGE_WRITE);
    blob->started = blob->written;
}

static finq_error *write_out(finq_blob *blob, const unsigned char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t written = write(blob->descriptor, bytes, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return staged_error(blob, errno);
        bytes += written;
        n -= (size_t)written;
        blob->written += written;
    }
    start_writeback(blob);
    return NULL;
}

/* Each frame is sealed once: one that could still grow waits in `plain`. */
static finq_error *frame_out(finq_blob *blob, const unsigned char *bytes, size_t n, int is_last)
{
    FINQ_TRY(finq_frames_seal(blob->segment.frames, blob->sealed, blob->number++, is_last, (finq_bytes){bytes, n}));
    return write_out(blob, blob->sealed, n + FINQ_FRAME_OVERHEAD);
}

/* What comes in large pieces is sealed where it lies. */
static finq_error *frames_out(finq_blob *blob, const unsigned char **bytes, size_t *n)
{
    if (blob->used == FINQ_FRAME_BYTES) {
        FINQ_TRY(frame_out(blob, blob->plain, FINQ_FRAME_BYTES, 0));
        blob->used = 0;
    }
    while (blob->used == 0 && *n > FINQ_FRAME_BYTES) {
        FINQ_TRY(frame_out(blob, *bytes, FINQ_FRAME_BYTES, 0));
        *bytes += FINQ_FRAME_BYTES;
        *n -= FINQ_FRAME_BYTES;
    }
    return NULL;
}

finq_error *finq_blob_write(finq_blob *blob, const void *bytes, apr_size_t n)
{
    const unsigned char *from = bytes;
    finq_digest_update(blob->digest, bytes, n);
    blob->size += (apr_off_t)n;
    while (n > 0) {
        FINQ_TRY(frames_out(blob, &from, &n));
        size_t room = FINQ_FRAME_BYTES - blob->used, taken = n < room ? n : room;
        memcpy(blob->plain + blob->used, from, taken);
        blob->used += taken;
        from += taken;
        n -= taken;
    }
    return NULL;
}

finq_error *finq_blob_finish(unsigned char sha256[FINQ_DIGEST_SHA256], apr_off_t *size, finq_blob *blob)
{
    FINQ_TRY(frame_out(blob, blob->plain, blob->used, 1));
    if (fdatasync(blob->descriptor) != 0)
        return staged_error(blob, errno);
    finq_digest_final(sha256, blob->digest);
    *size = blob->size;
    return NULL;
}

finq_source finq_blob_source(const finq_blob *blob)
{
    return finq_segment_source(blob->descriptor, &blob->segment, blob->size, blob->pool);
}

/* The marker must be durable before the place is, or a power cut could leave a placed file that no sweep
 * sees. */
static int link_into(const finq_blob *blob, int day)
{
    if (fsync(blob->store->staging) != 0 || linkat(blob->store->staging, blob->name, day, blob->name, 0) != 0)
        return errno;
    if (fsync(day) == 0)
        return 0;
    int errnum = errno;
    unlinkat(day, blob->name, 0);
    return errnum;
}

finq_error *finq_blob_place(finq_blob *blob)
{
    char day[FINQ_BLOB_DAY];
    int descriptor = finq_blob_store_day_make(blob->store, finq_blob_store_day(day, &blob->id));
    int errnum = descriptor < 0 ? errno : link_into(blob, descriptor);
    if (descriptor >= 0)
        close(descriptor);
    if (errnum)
        return finq_blob_store_error(blob->store, day, blob->name, errnum, blob->pool);
    blob->state = PLACED;
    return NULL;
}

void finq_blob_keep(finq_blob *blob)
{
    unlinkat(blob->store->staging, blob->name, 0); /* if that fails, a sweep will ask and settle it */
    blob_close(blob);
}

/* The place first: if the process dies in between, one link is left, and the sweep removes it. */
void finq_blob_discard(finq_blob *blob)
{
    if (blob->state == PLACED && finq_blob_store_unplace(blob->store, &blob->id, NULL) != 0) {
        finq_blob_leave(blob); /* without the marker, nobody would find the placed file again */
        return;
    }
    unlinkat(blob->store->staging, blob->name, 0);
    blob_close(blob);
}

void finq_blob_leave(finq_blob *blob)
{
    blob_close(blob);
}
