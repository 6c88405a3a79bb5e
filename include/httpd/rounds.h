/* Work that no request asks for: rounds over the hosts, each FinqJanitorInterval, by mod_watchdog. */
#ifndef FINQ_ROUNDS_H
#define FINQ_ROUNDS_H

#include <httpd.h>
#include <pthread.h>

#include "httpd/settings.h"

/** One kind of rounds. It lives outside of any pool, since mod_watchdog's thread outlives the child's. */
typedef struct finq_rounds {
    const char *name;                         /**< for mod_watchdog */
    int in_each_child;                        /**< or in one of them */
    int (*is_for)(const finq_config *config); /**< whether a host is visited */
    int (*visit)(server_rec *, apr_pool_t *); /**< what is done there, in turns; whether there may be more */
    server_rec *main_server;                  /**< set by finq_rounds_start */
    pthread_mutex_t working;                  /**< held during a round */
    int is_over;                              /**< the child's end has come */
} finq_rounds;

/** For a post_config hook: has mod_watchdog call for the rounds, if there is a host that they are for. Answers as such a hook does; FINQ13 where
 * mod_watchdog is not there. */
int finq_rounds_start(finq_rounds *rounds, apr_pool_t *pconf, server_rec *main_server);

/** For a child_init hook: the child's end waits for a round that is under way, before anything goes that it uses. mod_watchdog itself waits
 * for its thread only when the process ends. */
void finq_rounds_end_with(finq_rounds *rounds, apr_pool_t *pchild);

#endif
