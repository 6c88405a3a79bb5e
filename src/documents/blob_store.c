#include "blob_segment.h"
#include "blob_store.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "crypto/secrets.h"

#define ENTER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* What clients are told: to make room is the operator's; a disk that takes nothing for now may later. */
static finq_code code_of(int errnum)
{
    if (errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG)
        return FINQ_E_INSUFFICIENT_STORAGE;
    return errnum == EROFS || errnum == EIO ? FINQ_E_SERVICE_UNAVAILABLE : FINQ_E_INTERNAL_SERVER_ERROR;
}

finq_error *finq_blob_store_error(const finq_blob_store *store, const char *below, const char *name, int errnum, apr_pool_t *pool)
{
    char text[128];
    apr_strerror(errnum, text, sizeof text);
    return finq_error_internal(pool, code_of(errnum), "%s/%s/%s: %s", store->dir, below, name, text);
}

char *finq_blob_store_day(char day[FINQ_BLOB_DAY], const finq_id *id)
{
    apr_time_exp_t at;
    apr_time_exp_gmt(&at, finq_id_time(id));
    snprintf(day, FINQ_BLOB_DAY, "%04d%02d%02d", at.tm_year + 1900, at.tm_mon + 1, at.tm_mday);
    return day;
}

int finq_blob_store_enter(const finq_blob_store *store, const char *name)
{
    return openat(store->root, name, ENTER);
}

int finq_blob_store_day_make(const finq_blob_store *store, const char *day)
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

int finq_blob_store_lock(int descriptor)
{
    int result;
    while ((result = flock(descriptor, LOCK_EX)) != 0 && errno == EINTR)
        continue;
    return result;
}

/* Through one descriptor of the day, so that what was looked at is what goes. */
static int unplace_in(int day, const char *name, const struct stat *only)
{
    struct stat placed;
    if (only && fstatat(day, name, &placed, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : errno;
    if (only && (placed.st_ino != only->st_ino || placed.st_dev != only->st_dev))
        return 0;
    if (unlinkat(day, name, 0) != 0 && errno != ENOENT)
        return errno;
    return 0;
}

int finq_blob_store_unplace(const finq_blob_store *store, const finq_id *id, const struct stat *only)
{
    char day[FINQ_BLOB_DAY], name[FINQ_ID_TEXT + 1];
    int descriptor = finq_blob_store_enter(store, finq_blob_store_day(day, id));
    if (descriptor < 0)
        return errno == ENOENT ? 0 : errno;
    int errnum = unplace_in(descriptor, finq_id_write(name, id), only);
    close(descriptor);
    return errnum;
}

int finq_blob_store_is_staged(const finq_blob_store *store, const char *name, const struct stat *file)
{
    struct stat staged;
    return fstatat(store->staging, name, &staged, AT_SYMLINK_NOFOLLOW) == 0 && staged.st_ino == file->st_ino &&
           staged.st_dev == file->st_dev;
}

static finq_error *unusable(const finq_blob_store *store, const char *path, const char *why, apr_pool_t *pool)
{
    return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR,
                               "The upload directory %s cannot be used: %s: %s. Make it a directory that belongs to "
                               "the server's user (uid %ld) with mode 0700: install -d -m 700 -o USER %s",
                               store->dir, path, why, (long)geteuid(), store->dir);
}

static finq_error *unusable_errno(const finq_blob_store *store, const char *path, apr_pool_t *pool)
{
    char text[128];
    apr_strerror(errno, text, sizeof text);
    return unusable(store, path, text, pool);
}

/* Who else may write there could put a link or a file of theirs where ours are expected. */
finq_error *finq_blob_store_private(const finq_blob_store *store, int descriptor, const char *path, apr_pool_t *pool)
{
    struct stat directory;
    if (fstat(descriptor, &directory) != 0)
        return unusable_errno(store, path, pool);
    if (directory.st_uid != geteuid())
        return unusable(store, path, "belongs to another user", pool);
    if (directory.st_mode & (S_IWGRP | S_IWOTH))
        return unusable(store, path, "others may write there", pool);
    return NULL;
}

static apr_status_t store_close(void *data)
{
    finq_blob_store *store = data;
    if (store->staging >= 0)
        close(store->staging);
    if (store->root >= 0)
        close(store->root);
    return APR_SUCCESS;
}

/* DIR itself may be a link: the operator's own. */
finq_error *finq_blob_store_open_read(finq_blob_store **store, const char *dir, apr_pool_t *pool)
{
    finq_blob_store *made = apr_palloc(pool, sizeof *made);
    made->dir = apr_pstrdup(pool, dir);
    made->staging = -1;
    made->root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    apr_pool_cleanup_register(pool, made, store_close, apr_pool_cleanup_null);
    *store = made;
    if (made->root < 0)
        return unusable_errno(made, dir, pool);
    made->staging = finq_blob_store_enter(made, FINQ_BLOB_STAGING); /* none: nothing is staged */
    return NULL;
}

/* ---- the mark: the directory's own bytes, in the ids of its uploads. By it the database tells each server of those files alone that it
 * has, where servers or hosts have directories of their own. Servers that share a directory share its mark. ---- */

#define MARK_FILE "id"
#define DIGITS (2 * FINQ_BLOB_MARK)
/* Of a process that makes the mark: room for its name. */
#define OWN_FILE 64

static finq_error *mark_error(const finq_blob_store *store, apr_pool_t *pool)
{
    return finq_blob_store_error(store, ".", MARK_FILE, errno, pool);
}

/* 0 where there is none yet; what is there and no mark is none of ours. */
static int mark_read(finq_blob_store *store)
{
    char text[DIGITS + 1] = "";
    apr_size_t bytes = 0;
    int file = openat(store->root, MARK_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0)
        return 0;
    ssize_t length = read(file, text, DIGITS);
    close(file);
    errno = EINVAL;
    return length == DIGITS && apr_decode_base16_binary(store->mark, text, DIGITS, APR_ENCODE_NONE, &bytes) == APR_SUCCESS &&
           bytes == FINQ_BLOB_MARK;
}

static int own_write(int file, const unsigned char *mark)
{
    char text[DIGITS + 2];
    for (int i = 0; i < FINQ_BLOB_MARK; i++)
        snprintf(text + 2 * i, sizeof text - 2 * (apr_size_t)i, "%02x", mark[i]);
    text[DIGITS] = '\n';
    return write(file, text, DIGITS + 1) == DIGITS + 1 && fsync(file) == 0;
}

/* Of many who make one at once, the first link stands, whole. */
static finq_error *mark_make(const finq_blob_store *store, apr_pool_t *pool)
{
    unsigned char mark[FINQ_BLOB_MARK];
    char own[OWN_FILE];
    FINQ_TRY(finq_random(mark, sizeof mark, pool));
    snprintf(own, sizeof own, MARK_FILE ".%ld.%02x%02x%02x%02x", (long)getpid(), mark[0], mark[1], mark[2], mark[3]);
    int file = openat(store->root, own, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0)
        return mark_error(store, pool);
    int made = own_write(file, mark) && (linkat(store->root, own, store->root, MARK_FILE, 0) == 0 || errno == EEXIST);
    finq_error *error = made ? NULL : mark_error(store, pool);
    close(file);
    unlinkat(store->root, own, 0);
    return error;
}

finq_error *finq_blob_mark_learn(finq_blob_store *store, apr_pool_t *pool)
{
    return mark_read(store) ? NULL : mark_error(store, pool);
}

static finq_error *mark_find(finq_blob_store *store, apr_pool_t *pool)
{
    if (mark_read(store))
        return NULL;
    FINQ_TRY(errno == ENOENT ? mark_make(store, pool) : NULL);
    return finq_blob_mark_learn(store, pool);
}

finq_error *finq_blob_store_open(finq_blob_store **store, const char *dir, apr_pool_t *pool)
{
    finq_blob_store *made;
    FINQ_TRY(finq_blob_store_open_read(&made, dir, pool));
    FINQ_TRY(finq_blob_store_private(made, made->root, dir, pool));
    const char *path = apr_pstrcat(pool, dir, "/" FINQ_BLOB_STAGING, NULL);
    if (mkdirat(made->root, FINQ_BLOB_STAGING, 0700) != 0 && errno != EEXIST)
        return unusable_errno(made, path, pool);
    if (made->staging < 0)
        made->staging = finq_blob_store_enter(made, FINQ_BLOB_STAGING);
    if (made->staging < 0)
        return unusable_errno(made, path, pool);
    FINQ_TRY(finq_blob_store_private(made, made->staging, path, pool));
    FINQ_TRY(mark_find(made, pool));
    *store = made;
    return NULL;
}

static apr_status_t descriptor_close(void *descriptor)
{
    close(*(int *)descriptor);
    return APR_SUCCESS;
}

static finq_error *missing(const char *name, apr_pool_t *pool)
{
    return finq_error_make(pool, FINQ_E_NOT_FOUND, "No document has the id %s.", name);
}

/* The descriptor of a placed file, which lives in the pool. */
static finq_error *file_open(int **descriptor, off_t *length, const finq_blob_store *store, const finq_id *upload_id,
                             apr_pool_t *pool)
{
    char day[FINQ_BLOB_DAY], name[FINQ_ID_TEXT + 1];
    struct stat file;
    int directory = finq_blob_store_enter(store, finq_blob_store_day(day, upload_id)), errnum = errno;
    *descriptor = apr_palloc(pool, sizeof **descriptor);
    finq_id_write(name, upload_id);
    if (directory >= 0) {
        **descriptor = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        errnum = errno;
        close(directory);
    }
    if (directory < 0 || **descriptor < 0)
        return errnum == ENOENT ? missing(name, pool) : finq_blob_store_error(store, day, name, errnum, pool);
    apr_pool_cleanup_register(pool, *descriptor, descriptor_close, apr_pool_cleanup_null);
    if (fstat(**descriptor, &file) != 0)
        return finq_blob_store_error(store, day, name, errno, pool);
    *length = file.st_size;
    return NULL;
}

finq_error *finq_blob_open(finq_source *source, const finq_blob_store *store, const finq_id *upload_id, const finq_data_key *key,
                           apr_pool_t *pool)
{
    finq_segment segment;
    off_t length = 0, size;
    int is_one, *descriptor;
    FINQ_TRY(file_open(&descriptor, &length, store, upload_id, pool));
    FINQ_TRY(finq_segment_read(&segment, &size, &is_one, *descriptor, length, upload_id, key, pool));
    if (!is_one)
        return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR,
                                   "the file of upload %s is none that was sealed here, or was cut",
                                   finq_id_text(upload_id, pool));
    *source = finq_segment_source(*descriptor, &segment, size, pool);
    return NULL;
}

finq_error *finq_blob_remove(const finq_blob_store *store, const finq_id *upload_id, apr_pool_t *pool)
{
    char day[FINQ_BLOB_DAY], name[FINQ_ID_TEXT + 1];
    int errnum = finq_blob_store_unplace(store, upload_id, NULL);
    if (errnum == 0)
        return NULL;
    return finq_blob_store_error(store, finq_blob_store_day(day, upload_id), finq_id_write(name, upload_id), errnum, pool);
}

#define PLACE(id) ((id)->bytes + sizeof(id)->bytes - FINQ_BLOB_MARK)

void finq_blob_mark(finq_id *upload_id, const finq_blob_store *store)
{
    memcpy(PLACE(upload_id), store->mark, FINQ_BLOB_MARK);
}

int finq_blob_is_here(const finq_blob_store *store, const finq_id *upload_id)
{
    return memcmp(PLACE(upload_id), store->mark, FINQ_BLOB_MARK) == 0;
}

finq_bytes finq_blob_mark_of(const finq_blob_store *store)
{
    return (finq_bytes){store->mark, FINQ_BLOB_MARK};
}
