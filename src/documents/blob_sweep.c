#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "blob_store.h"

typedef enum { GONE, ALIVE, FOREIGN, HELD } staged_kind;

static finq_error *staged_error(const finq_blob_store *store, const char *name, apr_pool_t *pool)
{
    return finq_blob_store_error(store, FINQ_BLOB_STAGING, name, errno, pool);
}

/* What an open that failed with this errno says of a staged name; HELD: nothing, it is a fault. */
static staged_kind kind_of_errno(int errnum)
{
    switch (errnum) {
    case ENOENT:
        return GONE;
    case ELOOP:
    case EISDIR:
    case ENXIO:
    case EACCES:
    case EPERM:
        return FOREIGN;
    default:
        return HELD;
    }
}

/* A staged file under inspection. */
typedef struct {
    finq_id id;
    char name[FINQ_ID_TEXT + 1];
    int descriptor;
    struct stat file;
} staged;

/* The name is looked at again once the lock is held: between the two, the owner or another sweep may have
 * finished with the file, and what was opened is then one that is kept or gone. */
static staged_kind lock_and_look(staged *it, const finq_blob_store *store)
{
    if (fstat(it->descriptor, &it->file) != 0 || !S_ISREG(it->file.st_mode))
        return FOREIGN;
    if (flock(it->descriptor, LOCK_EX | LOCK_NB) != 0)
        return ALIVE;
    if (!finq_blob_store_is_staged(store, it->name, &it->file) || fstat(it->descriptor, &it->file) != 0)
        return GONE;
    return HELD;
}

/* Takes over the staged file of a dead owner. Its descriptor is to be closed where `*kind` is HELD. It is
 * open for writing, though nothing is written, since NFS locks no others. */
static finq_error *staged_hold(staged_kind *kind, staged *it, const finq_blob_store *store, apr_pool_t *pool)
{
    it->descriptor = openat(store->staging, it->name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (it->descriptor < 0) {
        *kind = kind_of_errno(errno);
        return *kind == HELD ? staged_error(store, it->name, pool) : NULL;
    }
    *kind = lock_and_look(it, store);
    if (*kind != HELD)
        close(it->descriptor);
    return NULL;
}

static finq_error *unstage(const staged *it, const finq_blob_store *store, apr_pool_t *pool)
{
    if (unlinkat(store->staging, it->name, 0) != 0 && errno != ENOENT)
        return staged_error(store, it->name, pool);
    return NULL;
}

static finq_error *sweep_held(finq_blob_swept *swept, const staged *it, const finq_blob_store *store, apr_pool_t *pool)
{
    if (it->file.st_nlink > 1) {
        APR_ARRAY_PUSH(swept->undecided, finq_id) = it->id;
        return NULL;
    }
    FINQ_TRY(unstage(it, store, pool));
    swept->removed++;
    return NULL;
}

/* Only names that this room writes are its own: the lower-case text form. */
static int is_own_name(staged *it, const char *name)
{
    return finq_id_parse(&it->id, name) && strcmp(finq_id_write(it->name, &it->id), name) == 0;
}

static finq_error *sweep_entry(finq_blob_swept *swept, const finq_blob_store *store, const char *name, apr_pool_t *pool)
{
    staged it;
    staged_kind kind = FOREIGN;
    if (is_own_name(&it, name))
        FINQ_TRY(staged_hold(&kind, &it, store, pool));
    if (kind == HELD) {
        finq_error *error = sweep_held(swept, &it, store, pool);
        close(it.descriptor);
        return error;
    }
    swept->alive += kind == ALIVE;
    swept->foreign += kind == FOREIGN;
    return NULL;
}

static finq_error *sweep_entries(finq_blob_swept *swept, DIR *entries, const finq_blob_store *store, apr_pool_t *pool)
{
    struct dirent *entry;
    while ((errno = 0, entry = readdir(entries))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            FINQ_TRY(sweep_entry(swept, store, entry->d_name, pool));
    }
    return errno ? staged_error(store, ".", pool) : NULL;
}

finq_error *finq_blob_sweep(finq_blob_swept *swept, const finq_blob_store *store, apr_pool_t *pool)
{
    memset(swept, 0, sizeof *swept);
    swept->undecided = apr_array_make(pool, 8, sizeof(finq_id));
    int descriptor = openat(store->staging, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* a position of its own */
    DIR *entries = descriptor < 0 ? NULL : fdopendir(descriptor);
    if (!entries) {
        finq_error *error = staged_error(store, ".", pool);
        if (descriptor >= 0)
            close(descriptor);
        return error;
    }
    finq_error *error = sweep_entries(swept, entries, store, pool);
    closedir(entries);
    return error;
}

/* The place first: if the process dies in between, one link is left, and the next sweep removes it. */
static finq_error *settle_held(const staged *it, const finq_blob_store *store, int recorded, apr_pool_t *pool)
{
    int errnum = recorded ? 0 : finq_blob_store_unplace(store, &it->id, &it->file);
    if (errnum) {
        char day[FINQ_BLOB_DAY];
        return finq_blob_store_error(store, finq_blob_store_day(day, &it->id), it->name, errnum, pool);
    }
    return unstage(it, store, pool);
}

finq_error *finq_blob_settle(const finq_blob_store *store, const finq_id *upload_id, int recorded, apr_pool_t *pool)
{
    staged it = {.id = *upload_id};
    staged_kind kind;
    finq_id_write(it.name, upload_id);
    FINQ_TRY(staged_hold(&kind, &it, store, pool));
    if (kind != HELD)
        return NULL;
    finq_error *error = it.file.st_nlink > 1 ? settle_held(&it, store, recorded, pool) : NULL;
    close(it.descriptor);
    return error;
}
