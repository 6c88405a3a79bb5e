/* The janitor in the server: what the passing of time ends and removes, each FinqJanitorInterval, by mod_watchdog. */
#ifndef FINQ_JANITOR_H
#define FINQ_JANITOR_H

#include <httpd.h>

/** For the post_config hook: has mod_watchdog call the janitor in one child of this server. Of all servers one at a time works
 * on a database, under its lease; each removes the files of its own FinqUploadDir. Without a host that has a base there is none. */
int finq_janitor_start(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server);

/** For the child_init hook: the child's end waits for a call that the janitor has out, by FinqDatabaseTimeout at most. */
void finq_janitor_child_init(apr_pool_t *pchild);

#endif
