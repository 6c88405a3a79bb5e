#include "httpd/router.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <scoreboard.h>
#include <string.h>

#include "httpd/access.h"
#include "httpd/api.h"
#include "httpd/cors.h"
#include "httpd/limits.h"
#include "httpd/longpoll.h"
#include "httpd/paths.h"
#include "httpd/reply.h"
#include "httpd/service.h"

APLOG_USE_MODULE(finq);

static const finq_endpoint endpoints[FINQ_ROUTES] = {
    [FINQ_ROUTE_SESSIONS] = finq_api_session_start,
    [FINQ_ROUTE_STEPS] = finq_api_step_submit,
    [FINQ_ROUTE_STATUS] = finq_api_session_status,
    [FINQ_ROUTE_RESUME] = finq_api_session_resume,
    [FINQ_ROUTE_BACK] = finq_api_session_back,
    [FINQ_ROUTE_CANCEL] = finq_api_session_cancel,
    [FINQ_ROUTE_UPLOAD] = finq_api_upload,
    [FINQ_ROUTE_UPLOAD_ADDRESS] = finq_api_upload_address,
    [FINQ_ROUTE_REDIRECTS] = finq_api_redirect_return,
    [FINQ_ROUTE_DECISIONS] = finq_api_decision,
    [FINQ_ROUTE_TOKENS] = finq_api_token_exchange,
    [FINQ_ROUTE_TOKEN] = finq_api_token_exchange,
    [FINQ_ROUTE_CONSENT_GET] = finq_api_consent_get,
    [FINQ_ROUTE_CONSENT_DELETE] = finq_api_consent_delete,
    [FINQ_ROUTE_CONSENT_LIST] = finq_api_consent_list,
    [FINQ_ROUTE_CONSENT_RENEW] = finq_api_consent_renew,
    [FINQ_ROUTE_ACCOUNTS_GET] = finq_api_accounts,
    [FINQ_ROUTE_ACCOUNTS] = finq_api_accounts,
    [FINQ_ROUTE_BALANCES_GET] = finq_api_balances,
    [FINQ_ROUTE_TRANSACTIONS_GET] = finq_api_transactions,
    [FINQ_ROUTE_TRANSACTIONS] = finq_api_transactions,
    [FINQ_ROUTE_TRANSACTIONS_SYNC] = finq_api_transactions_sync,
    [FINQ_ROUTE_PAYMENTS_GET] = finq_api_payment,
    [FINQ_ROUTE_SKILLS] = finq_api_catalog_skills,
    [FINQ_ROUTE_SERVICERS] = finq_api_catalog_servicers,
    [FINQ_ROUTE_PAGES] = finq_api_page_create,
    [FINQ_ROUTE_PAGES_RENEW] = finq_api_page_renew,
    [FINQ_ROUTE_USERS_EXPORT] = finq_api_user_export,
    [FINQ_ROUTE_USERS_ERASE] = finq_api_user_erase,
    [FINQ_ROUTE_KEYS] = finq_api_keys,
    [FINQ_ROUTE_OPENAPI] = finq_api_describe,
};

static int route_find(finq_request *request, const char *path)
{
    request->route = finq_paths_route(&request->path_id, path, request->r->pool);
    return request->route != FINQ_ROUTE_OTHER;
}

static finq_error *route_run(finq_request *request, const char *path, finq_json_writer *reply)
{
    apr_pool_t *pool = request->r->pool;
    int found = route_find(request, path);
    const finq_route *route = &finq_routes[request->route];
    FINQ_TRY(finq_limits_admit(request));
    if (!found)
        return finq_error_make(pool, FINQ_E_NOT_FOUND, "There is nothing at this path.");
    if ((route->methods | route->also) &
        FINQ_PATHS_METHOD(request->r->method_number)) /* HEAD is a GET to httpd, which leaves the body out */
        return endpoints[request->route](request, reply);
    const char *methods = finq_paths_methods(request->route);
    const char *name = strcmp(methods, "GET, HEAD") == 0 ? "GET" : methods;
    return finq_request_wrong_method(request->r, apr_pstrcat(pool, methods, ", OPTIONS", NULL),
                                     apr_psprintf(pool, "This call is %s.", name));
}

static finq_json_writer *reply_begin(apr_pool_t *pool)
{
    finq_json_writer *reply = finq_json_write(pool);
    finq_json_open(reply, NULL, '{');
    return reply;
}

static int finish(finq_request *request, finq_error *error, finq_json_writer *reply)
{
    finq_limits_settle(request, error);
    if (request->is_flowing)
        return error ? finq_reply_cut(request, error) : OK;
    if (error)
        return finq_reply_error(request, error);
    if (request->empty_status)
        return finq_reply_empty(request);
    if (request->location)
        return finq_reply_redirect(request, request->location);
    finq_json_close(reply, '}');
    return finq_reply_json(request, request->answer_text ? request->answer_text : finq_json_written(reply));
}

/* An answer is no file that could be had in parts: httpd's own filter would cut it, or answer 416 after the effect. */
static void answer_whole(request_rec *r)
{
    static const char *const headers[] = {"Range", "Request-Range", "If-Range"};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        apr_table_unset(r->headers_in, headers[i]);
}

int finq_router_handler(request_rec *r)
{
    if (!r->handler || strcmp(r->handler, "finq") != 0)
        return DECLINED;
    finq_request *request = finq_service_begin(r);
    const char *base = finq_paths_base(finq_config_of(r->server), r->uri);
    if (!request || !base)
        return HTTP_SERVICE_UNAVAILABLE; /* the child's start logged why; or an internal redirect led here */
    answer_whole(r);
    finq_cors_apply(request);
    if (finq_cors_is_preflight(r) && route_find(request, r->uri + strlen(base)))
        return finq_reply_preflight(request);
    const finq_error *unproven = finq_access_demand(request);
    if (unproven)
        return finq_reply_error(request, unproven);
    finq_json_writer *reply = reply_begin(r->pool);
    finq_error *error = route_run(request, r->uri + strlen(base), reply);
    if (!error && request->continuation)
        return SUSPENDED;
    int sent = finish(request, error, reply);
    if (!error && request->afterwards) {
        finq_reply_end(r);
        request->afterwards(request, request->afterwards_of);
    }
    return sent;
}

/* Whoever answers a suspended request does what httpd does behind a handler that answers at once. */
static void held_finish(finq_request *request)
{
    request_rec *r = request->r;
    conn_rec *c = r->connection;
    finq_json_writer *reply = reply_begin(r->pool);
    c->cs->state = CONN_STATE_HANDLER;
    ap_update_child_status(c->sbh, SERVER_BUSY_WRITE, r);
    ap_die(finish(request, request->continuation(request, reply), reply), r);
    ap_process_request_after_handler(r);
}

int finq_router_connection(conn_rec *c)
{
    finq_request *held = finq_longpoll_take(c);
    if (!held)
        return finq_longpoll_attend(c);
    held_finish(held);
    return OK;
}

int finq_router_keep(request_rec *r)
{
    int is_led_away =
        (r->filename && strncmp(r->filename, "proxy:", 6) == 0) || (r->handler && strncmp(r->handler, "proxy", 5) == 0);
    if (!is_led_away || !finq_paths_base(finq_config_of(r->server), r->uri))
        return DECLINED;
    finq_error *error = finq_error_internal(r->pool, FINQ_E_INTERNAL_SERVER_ERROR,
                                            "a ProxyPass, RewriteRule or SetHandler leads %s to"
                                            " another server, which is not to see its keys: take it out of the API's Location",
                                            r->uri);
    return finq_reply_refuse(finq_request_of(r), error);
}

int finq_router_translate(request_rec *r)
{
    const finq_config *config = finq_config_of(r->server);
    int is_api = finq_paths_base(config, r->uri) != NULL;
    if (!is_api && !finq_paths_page(config, r->uri) && !finq_paths_reading(config, r->uri))
        return DECLINED;
    if (is_api)
        finq_request_claim(r);
    r->filename = apr_pstrcat(r->pool, "finq:", r->uri, NULL);
    return OK;
}

int finq_router_map(request_rec *r)
{
    return r->filename && strncmp(r->filename, "finq:", 5) == 0 ? OK : DECLINED;
}
