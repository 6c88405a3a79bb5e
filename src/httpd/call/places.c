#include "httpd/places.h"

#include <apr_atomic.h>

int finq_places_take(apr_uint32_t *taken, int most, apr_uint32_t *gauge)
{
    if (apr_atomic_inc32(taken) >= (apr_uint32_t)most) {
        apr_atomic_dec32(taken);
        return 0;
    }
    apr_atomic_inc32(gauge);
    return 1;
}

void finq_places_leave(apr_uint32_t *taken, apr_uint32_t *gauge)
{
    apr_atomic_dec32(gauge);
    apr_atomic_dec32(taken);
}
