#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blob_store.h"
#include "crypto/secrets.h"

static int is_same(const struct stat *one, const struct stat *other)
{
    return one->st_ino == other->st_ino && one->st_dev == other->st_dev;
}

/* What was opened at the start is written to for ever, though the path may lead elsewhere since. */
static finq_error *place_check(const finq_blob_store *store, apr_pool_t *pool)
{
    struct stat opened, found, staging, staged;
    int is_there = fstat(store->root, &opened) == 0 && stat(store->dir, &found) == 0 && is_same(&opened, &found) &&
                   fstat(store->staging, &staging) == 0 &&
                   fstatat(store->root, FINQ_BLOB_STAGING, &staged, AT_SYMLINK_NOFOLLOW) == 0 && is_same(&staging, &staged);
    if (is_there)
        return NULL;
    return finq_error_internal(pool, FINQ_E_SERVICE_UNAVAILABLE,
                               "the upload directory %s is no more what this process opened: it was replaced, or a file system"
                               " was mounted over it; restart httpd",
                               store->dir);
}

typedef struct {
    const finq_blob_store *store;
    apr_pool_t *pool;
} checking;

static finq_error *day_check(void *baton, const char *day)
{
    const checking *of = baton;
    if (!finq_blob_store_is_day(of->store, day))
        return NULL;
    int descriptor = finq_blob_store_enter(of->store, day);
    if (descriptor < 0)
        return errno == ENOENT ? NULL : finq_blob_store_error(of->store, day, "", errno, of->pool);
    finq_error *error = finq_blob_store_private(of->store, descriptor, day, of->pool);
    close(descriptor);
    return error;
}

/* The whole way of an upload, and back. */
static finq_error *file_check(const finq_blob_store *store, apr_pool_t *pool)
{
    unsigned char digest[FINQ_DIGEST_SHA256];
    struct stat left;
    apr_off_t size;
    finq_blob *blob;
    finq_id id;
    FINQ_TRY(finq_id_new(&id, pool));
    FINQ_TRY(finq_blob_begin(&blob, store, &id, NULL, pool));
    FINQ_TRY(finq_blob_write(blob, "", 1));
    FINQ_TRY(finq_blob_finish(digest, &size, blob));
    FINQ_TRY(finq_blob_place(blob));
    finq_blob_discard(blob);
    char name[FINQ_ID_TEXT + 1];
    if (fstatat(store->staging, finq_id_write(name, &id), &left, AT_SYMLINK_NOFOLLOW) == 0)
        return finq_blob_store_error(store, FINQ_BLOB_STAGING, name, EBUSY, pool);
    return NULL;
}

finq_error *finq_blob_store_check(const finq_blob_store *store, apr_pool_t *pool)
{
    FINQ_TRY(place_check(store, pool));
    FINQ_TRY(finq_blob_store_entries(store, ".", day_check, &(checking){store, pool}, pool));
    return file_check(store, pool);
}
