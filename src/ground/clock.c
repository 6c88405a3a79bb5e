#include "ground/clock.h"

#include <time.h>

apr_int64_t finq_clock_seconds(void)
{
    return apr_time_sec(apr_time_now());
}

apr_time_t finq_clock_steady(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (apr_time_t)now.tv_sec * APR_USEC_PER_SEC + now.tv_nsec / 1000;
}
