/* This process, as people call it. */
#ifndef FINQ_PROCESS_H
#define FINQ_PROCESS_H

#include <apr_pools.h>

/** The machine's name and the process's number: who holds a lease, for people to find. */
const char *finq_process_name(apr_pool_t *pool);

#endif
