/* Requests that no client has made: the way to connectors leads through a request, and some questions nobody waits for. */
#ifndef FINQ_ERRAND_H
#define FINQ_ERRAND_H

#include "httpd/request.h"

/** A request to a host of this server's own making, on a connection that leads nowhere; both are the pool's. Nothing can be read from
 * it or answered to it, and no log has it. NULL where this machine's own address cannot be had. */
request_rec *finq_errand_make(server_rec *server, apr_pool_t *pool);

#endif
