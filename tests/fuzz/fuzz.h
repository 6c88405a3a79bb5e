/* What each fuzz target shares: a pool emptied after every input, and a count of inputs that got all the way
 * through, by which the replay tells a corpus that still means something. */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <apr_general.h>
#include <apr_pools.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern unsigned long fuzz_successes;
unsigned long fuzz_successes;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stops the run where a promise is broken. */
#define FUZZ_PROMISE(condition) \
    do {                        \
        if (!(condition))       \
            abort();            \
    } while (0)

static inline apr_pool_t *fuzz_pool(void)
{
    static apr_pool_t *pool;
    if (!pool) {
        apr_initialize();
        atexit(apr_terminate); /* so that what pools own is released before a sanitizer looks for leaks */
        apr_pool_create(&pool, NULL);
    }
    apr_pool_clear(pool);
    return pool;
}

#endif
