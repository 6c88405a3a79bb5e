/* Places: so many of a child's threads, and no more, may be held by one thing that is slow, whichever the host. */
#ifndef FINQ_PLACES_H
#define FINQ_PLACES_H

#include <apr.h>

/** Takes one of `most` places; `taken` counts them in this child. Where one was left, `gauge`, a host's, counts it too, and it is
 * to be left again. Returns whether one was. */
int finq_places_take(apr_uint32_t *taken, int most, apr_uint32_t *gauge);

void finq_places_leave(apr_uint32_t *taken, apr_uint32_t *gauge);

#endif
