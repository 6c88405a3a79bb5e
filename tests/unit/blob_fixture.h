/* What the programs that test blobs share: a directory of its own for each test, and blobs at their stages.
 */
#ifndef BLOB_FIXTURE_H
#define BLOB_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data_keys.h"
#include "documents/blob.h"

#define DAY "20240229"
#define DAY_TIME apr_time_from_sec(1709164800 + 86399) /* 2024-02-29 23:59:59 UTC */

static apr_pool_t *pool;
static char dir[64];
static finq_blob_store *store;
static finq_data_key *key;

static int remove_one(const char *path, const struct stat *file, int kind, struct FTW *walk)
{
    (void)file, (void)kind, (void)walk;
    return remove(path);
}

static int setup(void **state)
{
    (void)state;
    apr_pool_create(&pool, NULL);
    mkdir("build", 0755);
    strcpy(dir, "build/blob-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_null(finq_blob_store_open(&store, dir, pool));
    key = data_key_new(pool);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static finq_id id_of(unsigned n)
{
    unsigned char random[10] = {0};
    memcpy(random + 6, &n, sizeof n);
    return finq_id_v7(DAY_TIME, random);
}

static const char *path_of(const char *below, const finq_id *id)
{
    return apr_pstrcat(pool, dir, "/", below, "/", finq_id_text(id, pool), NULL);
}

static int exists(const char *below, const finq_id *id)
{
    struct stat file;
    return lstat(path_of(below, id), &file) == 0;
}

#define STAGED "staging"

static inline void expect_places(const finq_id *id, int staged, int placed)
{
    assert_int_equal(exists(STAGED, id), staged);
    assert_int_equal(exists(DAY, id), placed);
}

static inline finq_blob *begun(const finq_id *id)
{
    finq_blob *blob;
    assert_null(finq_blob_begin(&blob, store, id, key, pool));
    assert_null(finq_blob_write(blob, "abc", 3));
    return blob;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
