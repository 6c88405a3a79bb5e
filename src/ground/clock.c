#include "ground/clock.h"

#include <apr_date.h>
#include <apr_strings.h>
#include <time.h>

apr_int64_t finq_clock_seconds(void)
{
    return apr_time_sec(apr_time_now());
}

const char *finq_clock_beside(apr_int64_t *apart, apr_int64_t seconds, apr_pool_t *pool)
{
    apr_int64_t ahead = finq_clock_seconds() - seconds;
    *apart = ahead < 0 ? -ahead : ahead;
    return apr_psprintf(pool, "%" APR_INT64_T_FMT " s %s", *apart, ahead < 0 ? "behind" : "ahead of");
}

apr_time_t finq_clock_steady(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (apr_time_t)now.tv_sec * APR_USEC_PER_SEC + now.tv_nsec / 1000;
}

void finq_clock_rest(apr_time_t since)
{
    apr_time_t worked = finq_clock_steady() - since;
    apr_sleep(worked < APR_USEC_PER_SEC ? worked : APR_USEC_PER_SEC);
}

/* So many digits, and what stands behind them. */
static char *digits_put(char *to, int number, int count, char behind)
{
    for (int i = count - 1; i >= 0; i--, number /= 10)
        to[i] = (char)('0' + number % 10);
    to[count] = behind;
    return to + count + 1;
}

/* Long lists have two in each row: apr_psprintf would take several times as long. */
const char *finq_clock_text(apr_int64_t seconds, apr_pool_t *pool)
{
    apr_time_exp_t t;
    char *text = apr_palloc(pool, sizeof "2026-02-28T12:00:00Z"), *to = text;
    apr_time_exp_gmt(&t, apr_time_from_sec(seconds));
    to = digits_put(to, t.tm_year + 1900, 4, '-');
    to = digits_put(to, t.tm_mon + 1, 2, '-');
    to = digits_put(to, t.tm_mday, 2, 'T');
    to = digits_put(to, t.tm_hour, 2, ':');
    to = digits_put(to, t.tm_min, 2, ':');
    to = digits_put(to, t.tm_sec, 2, 'Z');
    *to = '\0';
    return text;
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
