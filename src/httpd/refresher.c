#include "httpd/refresher.h"

#include <apr_strings.h>
#include <http_log.h>

#include "data/revocation.h"
#include "db/calls.h"
#include "flow/payment.h"
#include "httpd/account_data.h"
#include "httpd/errand.h"
#include "httpd/mpm.h"
#include "httpd/rounds.h"
#include "httpd/service.h"

APLOG_USE_MODULE(finq);

/* So long a consent that was taken is nobody else's: until its refresh has claimed it. */
#define TAKEN_SECONDS 120
#define TURNS_A_REVOCATION 10

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
    finq_error *error =
        finq_payment_follow(&found, &request->service, &(finq_payment_pursuit){.connectors = connectors}, request->r->pool);
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

/* One of each: a bank that hangs is waited for once before another kind has its turn. Nobody waits for what consents that have ended leave
 * behind: of that there is one in so many turns, while there is anything else. */
static int take_turn(server_rec *server, apr_pool_t *parent)
{
    finq_runtime *runtime = finq_config_of(server)->runtime;
    apr_pool_t *pool;
    if (!runtime)
        return 0;
    apr_pool_create(&pool, parent);
    int was_due = do_next(server, refresh_next, pool);
    if (!finq_mpm_is_stopping())
        was_due |= do_next(server, follow_next, pool);
    if ((!was_due || runtime->turns++ % TURNS_A_REVOCATION == 0) && !finq_mpm_is_stopping())
        was_due |= do_next(server, revoke_next, pool);
    apr_pool_destroy(pool);
    return was_due;
}

static int asks(const finq_config *config)
{
    return finq_config_serves(config) && config->connectors->nelts > 0;
}

static finq_rounds rounds = {
    .name = "_finq_refresher_", .in_each_child = 1, .is_for = asks, .visit = take_turn, .working = PTHREAD_MUTEX_INITIALIZER};

void finq_refresher_child_init(apr_pool_t *pchild, server_rec *main_server)
{
    (void)main_server;
    finq_rounds_end_with(&rounds, pchild);
}

int finq_refresher_start(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server)
{
    (void)plog;
    (void)ptemp;
    return finq_rounds_start(&rounds, pconf, main_server);
}
