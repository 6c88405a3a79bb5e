#include "ground/clock.h"

#include <apr_date.h>
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

/* A second, minute, hour or day too many would move the next larger one. */
int finq_clock_read(apr_int64_t *seconds, const char *text)
{
    static const int places[] = {0, 5, 8, 11, 14, 17};
    apr_time_exp_t parts = {0}, again;
    apr_time_t time;
    int n[6];
    if (!apr_date_checkmask(text, "####-##-##T##:##:##Z"))
        return 0;
    for (int i = 0; i < 6; i++)
        n[i] = (int)apr_atoi64(text + places[i]);
    parts.tm_year = n[0] - 1900, parts.tm_mon = n[1] - 1, parts.tm_mday = n[2];
    parts.tm_hour = n[3], parts.tm_min = n[4], parts.tm_sec = n[5];
    if (apr_time_exp_gmt_get(&time, &parts) != APR_SUCCESS)
        return 0;
    apr_time_exp_gmt(&again, time);
    *seconds = apr_time_sec(time);
    return again.tm_mday == parts.tm_mday && again.tm_min == parts.tm_min;
}
