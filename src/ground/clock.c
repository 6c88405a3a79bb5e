#include "ground/clock.h"

#include <apr_strings.h>
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

const char *finq_clock_text(apr_int64_t seconds, apr_pool_t *pool)
{
    apr_time_exp_t t;
    apr_time_exp_gmt(&t, apr_time_from_sec(seconds));
    return apr_psprintf(pool, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min,
                        t.tm_sec);
}
