/* The router: from a path below a base to its endpoint, and back with the answer. */
#ifndef FINQ_ROUTER_H
#define FINQ_ROUTER_H

#include <httpd.h>

/** The content handler of SetHandler finq. */
int finq_router_handler(request_rec *r);
/** The process_connection hook: an answer that was held back is given on its connection's next turn. */
int finq_router_connection(conn_rec *c);
/** The handler hook that runs before all others: what a ProxyPass or a rewrite would lead to another server is not to see the
 * keys of the API's requests. */
int finq_router_keep(request_rec *r);
/** The translate_name and map_to_storage hooks: an API path is no file, so no directory is walked for it. */
int finq_router_translate(request_rec *r);
int finq_router_map(request_rec *r);

#endif
