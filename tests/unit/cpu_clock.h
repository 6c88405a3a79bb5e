/* The time that this thread has spent on a processor: what a machine does besides is not counted. */
#ifndef CPU_CLOCK_H
#define CPU_CLOCK_H

#include <apr_time.h>
#include <time.h>

static inline apr_time_t cpu_time(void)
{
    struct timespec spent;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return apr_time_from_sec(spent.tv_sec) + spent.tv_nsec / 1000;
}

#endif
