/* The memory that all children share: buckets and counters. */
#ifndef FINQ_SHARED_H
#define FINQ_SHARED_H

#include <httpd.h>

/** The post_config hook: makes it anew at each start and restart. */
int finq_shared_create(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server);

#endif
