/* Permits: so many of a child's threads, and no more, may be held by one thing that is slow, whichever the host. */
#ifndef FINQ_PERMITS_H
#define FINQ_PERMITS_H

#include <apr_pools.h>

/** Takes one of `most` permits; `taken` counts them in this child. Where one was left, `gauge`, a host's (NULL for none), counts it too, and
 * it is to be released. Returns whether one was. */
int finq_permits_take(apr_uint32_t *taken, int most, apr_uint32_t *gauge);

void finq_permits_release(apr_uint32_t *taken, apr_uint32_t *gauge);

/** What may have a quarter of the child's threads, and few of each holder. */
typedef enum {
    FINQ_PERMITS_STRANGERS, /**< those who have shown nothing yet; an address holds two */
    FINQ_PERMITS_EXPORTS,   /**< of persons' data, until they are read; a tenant holds one */
    FINQ_PERMITS_SHARED
} finq_permits_shared;

/** For the child_init hook. Taking answers 0 where none is left, else a permit that is to be released. `holder` is not 0. */
void finq_permits_child_init(apr_pool_t *pchild);
int finq_permits_take_share(finq_permits_shared what, apr_uint64_t holder);
void finq_permits_release_share(finq_permits_shared what, int permit);

#endif
