#include <apr_strings.h>

#include "httpd/ask.h"
#include "httpd/limits.h"
#include "httpd/mpm.h"
#include "httpd/paths.h"
#include "httpd/permits.h"

/* How often one who waits for another looks. */
#define PAUSE (APR_USEC_PER_SEC / 4)

/* Connectors, as the business rooms see them. */
typedef struct {
    finq_connectors connectors; /* first: a finq_connectors is one of these */
    finq_request *request;
} request_connectors;

/* However long a connector thinks, the database has its full time afterwards. */
static finq_error *request_ask(finq_connectors *connectors, finq_connector_answer *answer, const char *name,
                               const finq_connector_question *question, apr_pool_t *pool)
{
    finq_request *request = ((request_connectors *)connectors)->request;
    finq_error *error = finq_ask(answer, request, name, question);
    finq_request_database(request, pool);
    return error;
}

static finq_error *request_ask_data(finq_connectors *connectors, finq_bank_page *page, const char *name,
                                    const finq_bank_question *question, apr_pool_t *pool)
{
    finq_request *request = ((request_connectors *)connectors)->request;
    finq_error *error = finq_ask_data(page, request, name, question, pool);
    finq_request_database(request, request->r->pool);
    return error;
}

static finq_error *request_ask_payment(finq_connectors *connectors, finq_payment_answer *answer, const char *name,
                                       const finq_payment_question *question, apr_pool_t *pool)
{
    finq_request *request = ((request_connectors *)connectors)->request;
    finq_error *error = finq_ask_payment(answer, request, name, question, pool);
    finq_request_database(request, request->r->pool);
    return error;
}

/* A quarter of a child's threads may wait for what others are asking, and whoever comes then is answered at once. */
static int request_pause(finq_connectors *connectors)
{
    static apr_uint32_t waiting;
    finq_request *request = ((request_connectors *)connectors)->request;
    apr_uint32_t *gauge = &request->config->runtime->meter.gauges->waiting;
    if (finq_mpm_is_stopping() || !finq_permits_take(&waiting, finq_mpm_quarter_of_threads(), gauge))
        return 0;
    apr_sleep(PAUSE);
    finq_permits_release(&waiting, gauge);
    finq_request_database(request, request->r->pool);
    return 1;
}

static finq_error *request_enter(finq_connectors *connectors, const char *name)
{
    finq_request *request = ((request_connectors *)connectors)->request;
    const finq_connector *connector = finq_config_connector(request->config, name);
    if (!connector) /* that, who asks it will be told */
        return NULL;
    int most = connector->limit ? connector->limit : finq_mpm_quarter_of_threads();
    if (finq_permits_take(connector->asked, most, &request->config->runtime->meter.gauges->asking))
        return NULL;
    finq_limits_tell_once(request);
    return finq_error_internal(request->r->pool, FINQ_E_SERVICE_UNAVAILABLE,
                               "connector %s: %d threads of this child are asking it already (FinqConnector's limit)", name,
                               most);
}

static void request_leave(finq_connectors *connectors, const char *name)
{
    finq_request *request = ((request_connectors *)connectors)->request;
    const finq_connector *connector = finq_config_connector(request->config, name);
    if (connector)
        finq_permits_release(connector->asked, &request->config->runtime->meter.gauges->asking);
}

/* Where a bank sends the browser; that of a page, which is under no base, to the first base of its host. */
static const char *request_return_uri(finq_connectors *connectors, apr_pool_t *pool)
{
    request_rec *r = ((request_connectors *)connectors)->request->r;
    const finq_config *config = finq_config_of(r->server);
    const char *base = finq_paths_base(config, r->uri);
    if (!base && config->bases->nelts > 0)
        base = APR_ARRAY_IDX(config->bases, 0, const char *);
    return apr_pstrcat(pool, finq_request_address(r, pool), base ? base : "", FINQ_PATHS_RETURNS, NULL);
}

finq_connectors *finq_ask_of(finq_request *request)
{
    request_connectors *self = apr_pcalloc(request->r->pool, sizeof *self);
    self->connectors.ask = request_ask;
    self->connectors.ask_data = request_ask_data;
    self->connectors.ask_payment = request_ask_payment;
    self->connectors.enter = request_enter;
    self->connectors.leave = request_leave;
    self->connectors.pause = request_pause;
    self->connectors.return_uri = request_return_uri;
    self->request = request;
    return &self->connectors;
}
