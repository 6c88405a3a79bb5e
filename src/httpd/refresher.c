#include "httpd/refresher.h"

#include <apr_optional.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <mod_watchdog.h>
#include <pthread.h>

#include "data/revocation.h"
#include "db/calls.h"
#include "flow/payment.h"
#include "httpd/account_data.h"
#include "httpd/errand.h"
#include "httpd/mpm.h"
#include "httpd/service.h"

APLOG_USE_MODULE(finq);

#define NAME "_finq_refresher_"
/* So long a consent that was taken is nobody else's: until its refresh has claimed it. */
#define TAKEN_SECONDS 120

/* The names of a host's connectors, with blanks between. */
static const char *names_of(const finq_config *config, apr_pool_t *pool)
{
    const char *names = "";
    for (int i = 0; i < config->connectors->nelts; i++)
        names = apr_pstrcat(pool, names, *names ? " " : "", APR_ARRAY_IDX(config->connectors, i, finq_connector).name, NULL);
    return names;
}

/* At error the janitor says that the database is away. */
static void failed(const finq_request *request, const char *tag, const char *what, const finq_error *error)
{
    int is_banks = finq_code_http(error->code) < 500;
    ap_log_rerror(APLOG_MARK, is_banks ? APLOG_WARNING : APLOG_INFO, 0, request->r, "%s: [%s] %s: %s", tag, request->id, what,
                  finq_error_why(error));
}

/* Refreshes the consent that is due first. Whether there was one. */
static int refresh_next(finq_request *request, const char *connectors)
{
    finq_feed_due_out row;
    finq_feed_due_in in = {.connectors = connectors, .seconds = TAKEN_SECONDS};
    finq_error *error = finq_call_feed_due(&row, request->service.db, &in, request->r->pool);
    if (error) {
        failed(request, "FINQ18", "account data", error);
        return 0;
    }
    finq_metrics_refreshes_seen(&request->config->runtime->meter, row.behind, row.oldest);
    if (row.credentials_id)
        finq_data_refresh_due(request, row.credentials_id);
    return row.credentials_id != NULL;
}

/* Asks the bank of the payment that is due first how it stands. Whether there was one. */
static int follow_next(finq_request *request, const char *connectors)
{
    int found = 0;
    finq_error *error = finq_payment_follow(&found, &request->service, NULL, connectors, request->r->pool);
    if (error)
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, request->r, "FINQ19: [%s] how a payment stands: %s", request->id,
                      finq_error_why(error));
    return found;
}

static int revoke_next(finq_request *request, const char *connectors)
{
    int was_due;
    finq_error *error = finq_revocation_next(&was_due, &request->service, connectors, request->r->pool);
    if (error)
        failed(request, "FINQ20", "a consent's end", error);
    return was_due;
}

/* Each thing has a request of its own, whose memory goes with it. */
static int do_next(server_rec *server, int (*next)(finq_request *request, const char *connectors), apr_pool_t *pool)
{
    request_rec *r = finq_errand_make(server, pool);
    finq_request *request = r ? finq_service_begin(r) : NULL;
    int was_due = request && next(request, names_of(request->config, pool));
    apr_pool_clear(pool);
    return was_due;
}

static void host_run(server_rec *server, apr_pool_t *parent)
{
    const finq_config *config = finq_config_of(server);
    apr_pool_t *pool;
    if (!finq_config_serves(config) || !config->runtime || config->connectors->nelts == 0)
        return;
    apr_pool_create(&pool, parent);
    while (!finq_mpm_is_stopping() && (do_next(server, revoke_next, pool) || do_next(server, refresh_next, pool)))
        ;
    while (!finq_mpm_is_stopping() && do_next(server, follow_next, pool))
        ;
    apr_pool_destroy(pool);
}

/* Held while the refresher works: outside of any pool, since mod_watchdog's thread outlives the child's. */
static pthread_mutex_t working = PTHREAD_MUTEX_INITIALIZER;
static int is_over; /* the child's end has come */

static apr_status_t tick(int state, void *main_server, apr_pool_t *pool)
{
    if (state != AP_WATCHDOG_STATE_RUNNING)
        return APR_SUCCESS;
    pthread_mutex_lock(&working);
    for (server_rec *server = is_over ? NULL : main_server; server; server = server->next)
        host_run(server, pool);
    pthread_mutex_unlock(&working);
    return APR_SUCCESS;
}

static apr_status_t child_end(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&working);
    is_over = 1;
    pthread_mutex_unlock(&working);
    return APR_SUCCESS;
}

void finq_refresher_child_init(apr_pool_t *pchild, server_rec *main_server)
{
    (void)main_server;
    apr_pool_pre_cleanup_register(pchild, NULL, child_end);
}

static int asks(const server_rec *server)
{
    while (server && !(finq_config_serves(finq_config_of(server)) && finq_config_of(server)->connectors->nelts > 0))
        server = server->next;
    return server != NULL;
}

/* Where mod_watchdog is not there the janitor says so. */
int finq_refresher_start(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get = APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *callback = APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback);
    apr_interval_time_t interval = apr_time_from_sec(finq_config_of(main_server)->janitor_interval);
    ap_watchdog_t *watchdog;
    (void)plog;
    (void)ptemp;
    if (!asks(main_server) || !get || !callback || ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
        return OK;
    if (get(&watchdog, NAME, 0, 0, pconf) != APR_SUCCESS || callback(watchdog, interval, main_server, tick) != APR_SUCCESS)
        return HTTP_INTERNAL_SERVER_ERROR;
    return OK;
}
