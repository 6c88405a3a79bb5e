/* The way to clamd; for the scan rooms alone. */
#ifndef FINQ_SCAN_CONNECTION_H
#define FINQ_SCAN_CONNECTION_H

#include <apr_network_io.h>

#include "documents/scan.h"

/** Connects to a socket of the file system, without waiting: a queue that is full is an error. The socket does not wait either,
 * and lives in the pool. */
apr_status_t finq_scan_connect(apr_socket_t **socket, const char *path, apr_pool_t *pool);

/** Learns the limits of who is behind a connection to `path`. */
void finq_scan_limits_of(finq_scan_limits *limits, apr_socket_t *socket, const char *path, apr_pool_t *pool);

#endif
