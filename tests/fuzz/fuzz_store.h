/* An upload directory, a data key and the id of an upload, for the fuzzers of what lies on disks. */
#ifndef FUZZ_STORE_H
#define FUZZ_STORE_H

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "documents/blob.h"
#include "fuzz.h"

#define assert_null(error) FUZZ_PROMISE((error) == NULL)
#include "../unit/data_keys.h"

static char dir[] = "/dev/shm/finq-fuzz-XXXXXX"; /* where fsync costs nothing */
static char path[128], other_path[128];          /* of the upload's file, and of another's of the same session */
static finq_blob_store *store;
static finq_data_key *key;
static finq_id id, other_id;

static inline int remove_one(const char *name, const struct stat *file, int kind, struct FTW *walk)
{
    (void)file, (void)kind, (void)walk;
    return remove(name);
}

static inline void leave(void)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void named(finq_id *made, char *at, size_t room, unsigned char random_end)
{
    const unsigned char random[10] = {[9] = random_end};
    char name[FINQ_ID_TEXT + 1];
    *made = finq_id_v7(apr_time_from_sec(1709164800), random);
    snprintf(at, room, "%s/20240229/%s", dir, finq_id_write(name, made));
}

static inline void enter(void)
{
    static apr_pool_t *pool;
    if (pool)
        return;
    fuzz_pool();
    apr_pool_create(&pool, NULL);
    key = data_key_new(pool);
    FUZZ_PROMISE(mkdtemp(dir));
    atexit(leave);
    assert_null(finq_blob_store_open(&store, dir, pool));
    named(&id, path, sizeof path, 0);
    named(&other_id, other_path, sizeof other_path, 1);
}

/* What an upload has at an offset. */
static inline unsigned char byte_at(apr_int64_t offset)
{
    return (unsigned char)(offset * 31 + (offset >> 8));
}

#endif
