#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "blob_store.h"

#define DAY_DIGITS 8

/* What is in a day, as it is shown to whoever looks at all. */
typedef struct {
    const finq_blob_store *store;
    const char *day;
    finq_blob_visit visit;
    void *baton;
    apr_pool_t *pool;
} walk;

finq_error *finq_blob_store_entries(const finq_blob_store *store, const char *below, finq_blob_store_visit visit, void *baton,
                                    apr_pool_t *pool)
{
    finq_error *error = NULL;
    struct dirent *entry;
    int descriptor = openat(store->root, below, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); /* a position of its own */
    DIR *entries = descriptor < 0 ? NULL : fdopendir(descriptor);
    if (!entries) {
        error = finq_blob_store_error(store, below, "", errno, pool);
        if (descriptor >= 0)
            close(descriptor);
        return error;
    }
    while (!error && (errno = 0, entry = readdir(entries)))
        error = visit(baton, entry->d_name);
    if (!error && errno)
        error = finq_blob_store_error(store, below, "", errno, pool);
    closedir(entries);
    return error;
}

int finq_blob_store_is_day(const finq_blob_store *store, const char *name)
{
    struct stat entry;
    return strspn(name, "0123456789") == DAY_DIGITS && name[DAY_DIGITS] == '\0' &&
           fstatat(store->root, name, &entry, AT_SYMLINK_NOFOLLOW) == 0 && (S_ISDIR(entry.st_mode) || S_ISLNK(entry.st_mode));
}

static int is_regular(struct stat *file, int day, const char *name)
{
    return fstatat(day, name, file, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(file->st_mode);
}

/* One that has a second name, in staging, is not settled yet: a server or a sweep has it. Other names, of backups made by links, say
 * nothing. What is not wanted leaves its place first and staging then: so what is in its place behind that was kept. */
static int is_settled(const finq_blob_store *store, int day, const char *name, struct stat *file)
{
    return file->st_nlink == 1 || (!finq_blob_store_is_staged(store, name, file) && is_regular(file, day, name));
}

/* Whether a day has the file. */
static int file_look(int *settled, const finq_blob_store *store, const char *day, const finq_id *id)
{
    struct stat file;
    char name[FINQ_ID_TEXT + 1];
    int descriptor = finq_blob_store_enter(store, day);
    int is_there = descriptor >= 0 && is_regular(&file, descriptor, finq_id_write(name, id));
    *settled = is_there && is_settled(store, descriptor, name, &file);
    if (descriptor >= 0)
        close(descriptor);
    return is_there;
}

static finq_error *file_visit(void *baton, const char *name)
{
    walk *of = baton;
    finq_id id;
    int settled = 0;
    if (finq_id_parse(&id, name))
        file_look(&settled, of->store, of->day, &id);
    return settled ? of->visit(of->baton, &id) : NULL;
}

static finq_error *day_visit(void *baton, const char *name)
{
    walk *of = baton;
    if (!finq_blob_store_is_day(of->store, name))
        return NULL;
    of->day = name;
    return finq_blob_store_entries(of->store, name, file_visit, of, of->pool);
}

finq_error *finq_blob_each(const finq_blob_store *store, finq_blob_visit visit, void *baton, apr_pool_t *pool)
{
    walk of = {store, NULL, visit, baton, pool};
    return finq_blob_store_entries(store, ".", day_visit, &of, pool);
}

int finq_blob_is_placed(int *settled, const finq_blob_store *store, const finq_id *upload_id)
{
    char day[FINQ_BLOB_DAY];
    return file_look(settled, store, finq_blob_store_day(day, upload_id), upload_id);
}
