/* The refresher: banks are asked for the account data of consents that are due, and how payments stand, while nobody waits for it. */
#ifndef FINQ_REFRESHER_H
#define FINQ_REFRESHER_H

#include <httpd.h>

/** For the post_config hook: has mod_watchdog call the refresher in each child, each FinqJanitorInterval. The children of all servers
 * share what is due, by claims in the database: each consent is asked for once, on a host that has its connector. */
int finq_refresher_start(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server);

/** The child_init hook, to be called behind mod_proxy's: the child's end waits for the question that the refresher has out, as for one of
 * a request, before mod_proxy's own end takes the connection away. */
void finq_refresher_child_init(apr_pool_t *pchild, server_rec *main_server);

#endif
