#include "httpd/rounds.h"

#include <apr_optional.h>
#include <http_core.h>
#include <http_log.h>
#include <mod_watchdog.h>

APLOG_USE_MODULE(finq);

/* Whether there may be more to do at any. */
static int hosts_visit(const finq_rounds *rounds, apr_pool_t *pool)
{
    int is_more = 0;
    for (server_rec *server = rounds->main_server; server; server = server->next) {
        if (rounds->is_for(finq_config_of(server)) && rounds->visit(server, pool))
            is_more = 1;
    }
    return is_more;
}

static apr_status_t round_make(int state, void *data, apr_pool_t *pool)
{
    finq_rounds *rounds = data;
    if (state != AP_WATCHDOG_STATE_RUNNING)
        return APR_SUCCESS;
    pthread_mutex_lock(&rounds->working);
    while (!rounds->is_over && hosts_visit(rounds, pool))
        ;
    pthread_mutex_unlock(&rounds->working);
    return APR_SUCCESS;
}

static apr_status_t rounds_end(void *data)
{
    finq_rounds *rounds = data;
    pthread_mutex_lock(&rounds->working);
    rounds->is_over = 1;
    pthread_mutex_unlock(&rounds->working);
    return APR_SUCCESS;
}

void finq_rounds_end_with(finq_rounds *rounds, apr_pool_t *pchild)
{
    apr_pool_pre_cleanup_register(pchild, rounds, rounds_end);
}

static int is_for_any(const finq_rounds *rounds)
{
    const server_rec *server = rounds->main_server;
    while (server && !rounds->is_for(finq_config_of(server)))
        server = server->next;
    return server != NULL;
}

int finq_rounds_start(finq_rounds *rounds, apr_pool_t *pconf, server_rec *main_server)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get = APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *callback = APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback);
    apr_interval_time_t interval = apr_time_from_sec(finq_config_of(main_server)->janitor_interval);
    ap_watchdog_t *watchdog;
    rounds->main_server = main_server;
    if (!is_for_any(rounds) || ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
        return OK;
    if (!get || !callback || get(&watchdog, rounds->name, 0, !rounds->in_each_child, pconf) != APR_SUCCESS ||
        callback(watchdog, interval, rounds, round_make) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, main_server, "FINQ13: mod_watchdog is not there: a2enmod watchdog, or load it");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}
