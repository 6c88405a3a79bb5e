/* The upload directory's layout; for the blob rooms alone. */
#ifndef FINQ_BLOB_STORE_H
#define FINQ_BLOB_STORE_H

#include <sys/stat.h>

#include "documents/blob.h"

#define FINQ_BLOB_STAGING "staging"
/* Room for the name of a day, and for any three ints, so that the compiler sees it fit. */
#define FINQ_BLOB_DAY 40

struct finq_blob_store {
    const char *dir;
    int root;    /* descriptors: DIR */
    int staging; /* and DIR/staging */
    unsigned char mark[FINQ_BLOB_MARK];
};

/** "DIR/<below>/<name>: <what the system says>", as the right kind of error for this errno. */
finq_error *finq_blob_store_error(const finq_blob_store *store, const char *below, const char *name, int errnum,
                                  apr_pool_t *pool);

/** Writes the name of the day directory of an id. Returns `day`. */
char *finq_blob_store_day(char day[FINQ_BLOB_DAY], const finq_id *id);

/** Opens a directory right below DIR, never through a symbolic link. Returns -1 and errno if that fails. */
int finq_blob_store_enter(const finq_blob_store *store, const char *name);

/** Opens the directory of a day, made if need be. Returns -1 and errno if that fails. */
int finq_blob_store_day_make(const finq_blob_store *store, const char *day);

/** Waits for the flock of an open file. Returns 0, or -1 and errno. */
int finq_blob_store_lock(int descriptor);

/** Whether an open directory, named `path`, belongs to this user, and nobody else may write there. */
finq_error *finq_blob_store_private(const finq_blob_store *store, int descriptor, const char *path, apr_pool_t *pool);

/** Unlinks the placed file of an id, if it is `only` (NULL: any). Returns 0, also where there is none, or
 * errno. */
int finq_blob_store_unplace(const finq_blob_store *store, const finq_id *id, const struct stat *only);

/** Sees one entry of a directory. What it returns ends the look. */
typedef finq_error *(*finq_blob_store_visit)(void *baton, const char *name);

/** Shows the names in a directory right below DIR, "." for DIR itself, one after the other. Errors: storage, and those of `visit`. */
finq_error *finq_blob_store_entries(const finq_blob_store *store, const char *below, finq_blob_store_visit visit, void *baton,
                                    apr_pool_t *pool);

/** Whether an entry of DIR is a day's directory by its name, and nothing else by its kind. A link passes for one: who enters it fails, and
 * says so. */
int finq_blob_store_is_day(const finq_blob_store *store, const char *name);

/** Whether `name` in the staging area still is the open file `file` tells of. */
int finq_blob_store_is_staged(const finq_blob_store *store, const char *name, const struct stat *file);

#endif
