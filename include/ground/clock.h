/* The two clocks: one that the world agrees on, one that nobody sets. */
#ifndef FINQ_CLOCK_H
#define FINQ_CLOCK_H

#include <apr_pools.h>
#include <apr_time.h>

/** Seconds since 1970. Whoever sets the machine's clock moves it. */
apr_int64_t finq_clock_seconds(void);

/** So many seconds two machines' clocks may be apart: a signer's may be as far behind. */
#define FINQ_CLOCK_APART 10

/** "5 s ahead of" or "5 s behind": how this machine's clock stands beside another's `seconds`. *apart: 5. In the pool. */
const char *finq_clock_beside(apr_int64_t *apart, apr_int64_t seconds, apr_pool_t *pool);

/** Microseconds since some moment before this process, as POSIX's CLOCK_MONOTONIC has them: for spans of time alone. */
apr_time_t finq_clock_steady(void);

/** Rests as long as its caller has worked since then (finq_clock_steady), a second at most: so work that nobody waits for takes a half
 * of what is there at most, however much of it there is. */
void finq_clock_rest(apr_time_t since);

/** "YYYY-MM-DDTHH:MM:SSZ" of the seconds since 1970, in the pool. */
const char *finq_clock_text(apr_int64_t seconds, apr_pool_t *pool);

/** Reads that form, of a time that exists. Returns 0 for what is none. */
int finq_clock_read(apr_int64_t *seconds, const char *text);

#endif
