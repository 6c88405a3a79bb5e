#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "blob_store.h"

/* Small pieces are gathered to this size; larger ones pass it by. */
#define BUFFER_SIZE (64 * 1024)
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
    apr_off_t size;    /* written to the file */
    apr_off_t started; /* of that, on its way to the disk */
    size_t used;
    char buffer[BUFFER_SIZE];
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

static int lock_wait(int descriptor)
{
    int result;
    while ((result = flock(descriptor, LOCK_EX)) != 0 && errno == EINTR)
        continue;
    return result;
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
    if (lock_wait(descriptor) != 0 || fstat(descriptor, &file) != 0) {
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

finq_error *finq_blob_begin(finq_blob **blob, const finq_blob_store *store, const finq_id *upload_id, apr_pool_t *pool)
{
    finq_blob *made = apr_palloc(pool, sizeof *made);
    memset(made, 0, offsetof(finq_blob, buffer));
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
    return NULL;
}

/* A hint: a file system that knows it not has lost nothing. */
static void start_writeback(finq_blob *blob)
{
    if (blob->size - blob->started < WRITEBACK_SIZE)
        return;
    sync_file_range(blob->descriptor, blob->started, blob->size - blob->started, SYNC_FILE_RANGE_WRITE);
    blob->started = blob->size;
}

static finq_error *write_out(finq_blob *blob, const char *bytes, size_t n)
{
    finq_digest_update(blob->digest, bytes, n);
    while (n > 0) {
        ssize_t written = write(blob->descriptor, bytes, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return staged_error(blob, errno);
        bytes += written;
        n -= (size_t)written;
        blob->size += written;
    }
    start_writeback(blob);
    return NULL;
}

static finq_error *flush(finq_blob *blob)
{
    size_t n = blob->used;
    blob->used = 0;
    return write_out(blob, blob->buffer, n);
}

finq_error *finq_blob_write(finq_blob *blob, const void *bytes, apr_size_t n)
{
    const char *from = bytes;
    while (n > 0) {
        if (blob->used == 0 && n >= BUFFER_SIZE)
            return write_out(blob, from, n);
        size_t room = BUFFER_SIZE - blob->used, taken = n < room ? n : room;
        memcpy(blob->buffer + blob->used, from, taken);
        blob->used += taken;
        from += taken;
        n -= taken;
        if (blob->used == BUFFER_SIZE)
            FINQ_TRY(flush(blob));
    }
    return NULL;
}

finq_error *finq_blob_finish(unsigned char sha256[FINQ_DIGEST_SHA256], apr_off_t *size, finq_blob *blob)
{
    FINQ_TRY(flush(blob));
    if (fdatasync(blob->descriptor) != 0)
        return staged_error(blob, errno);
    finq_digest_final(sha256, blob->digest);
    *size = blob->size;
    return NULL;
}

finq_source finq_blob_source(const finq_blob *blob)
{
    return finq_source_of_file(&blob->descriptor, blob->size);
}

/* Opens the day's directory, made if need be. Returns -1 and errno if that fails. */
static int day_enter(const finq_blob_store *store, const char *day)
{
    int descriptor = finq_blob_store_enter(store, day);
    if (descriptor >= 0 || errno != ENOENT)
        return descriptor;
    if (mkdirat(store->root, day, 0700) != 0 && errno != EEXIST)
        return -1;
    if (fsync(store->root) != 0)
        return -1;
    return finq_blob_store_enter(store, day);
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
    int descriptor = day_enter(blob->store, finq_blob_store_day(day, &blob->id));
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
