/* Places: so many of a child's threads, and no more, may be held by one thing that is slow, whichever the host. */
#ifndef FINQ_PLACES_H
#define FINQ_PLACES_H

#include <apr_pools.h>

/** Takes one of `most` places; `taken` counts them in this child. Where one was left, `gauge`, a host's, counts it too, and it is
 * to be left again. Returns whether one was. */
int finq_places_take(apr_uint32_t *taken, int most, apr_uint32_t *gauge);

void finq_places_leave(apr_uint32_t *taken, apr_uint32_t *gauge);

/** The places of those who have shown nothing yet: a quarter of the child's threads, two an address. The first is for the
 * child_init hook. Taking answers 0 where none is left, else a place that is to be left again. `address` is not 0. */
void finq_places_child_init(apr_pool_t *pchild);
int finq_places_take_stranger(apr_uint64_t address);
void finq_places_leave_stranger(int place);

#endif
