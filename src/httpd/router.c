#include "httpd/api.h"

#include "httpd/access.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <scoreboard.h>
#include <string.h>

#include "httpd/limits.h"
#include "httpd/longpoll.h"

APLOG_USE_MODULE(finq);

/* Paths below a base; * is one segment, an id. The first is no path: it stands for what fits none. */
typedef struct {
    const char *path;
    int method;
    finq_endpoint endpoint;
    int goes_unsigned; /* no tenant signs it: it is public, or has a sealed state or a connector's signature for its proof */
} route;

static const route routes[] = {
    {"other", 0, NULL, 0},
    {"/sessions", M_POST, finq_api_session_start, 0},
    {"/sessions/*/steps", M_POST, finq_api_step_submit, 0},
    {"/sessions/*/status", M_POST, finq_api_session_status, 0},
    {"/sessions/*/resume", M_POST, finq_api_session_resume, 0},
    {"/steps/*/upload", M_POST, finq_api_upload, 0},
    {"/redirects/*", M_GET, finq_api_redirect_return, 1},
    {"/decisions", M_POST, finq_api_decision, 1},
    {"/tokens", M_POST, finq_api_token_exchange, 0},
    {"/token", M_POST, finq_api_token_exchange, 0},
    {"/catalogs/skills", M_POST, finq_api_catalog_skills, 0},
    {"/catalogs/servicers", M_POST, finq_api_catalog_servicers, 0},
    {"/openapi.json", M_GET, finq_api_describe, 1},
};
#define ROUTES (sizeof routes / sizeof *routes)
_Static_assert(ROUTES <= FINQ_METRICS_ENDPOINTS, "counters tell as many endpoints apart as there are");

const char *const *finq_router_endpoints(apr_pool_t *pool)
{
    const char **names = apr_pcalloc(pool, sizeof *names * (ROUTES + 1));
    for (apr_size_t i = 0; i < ROUTES; i++)
        names[i] = routes[i].path;
    return names;
}

/* Whether a path fits a pattern to its end; what stands in the place of * comes out in `id`. */
static int path_fits(const char *pattern, const char *path, const char **id, apr_pool_t *pool)
{
    *id = NULL;
    while (*pattern) {
        if (*pattern == '*') {
            apr_size_t length = strcspn(path, "/");
            if (length == 0)
                return 0;
            *id = apr_pstrmemdup(pool, path, length);
            path += length;
            pattern++;
        } else if (*pattern++ != *path++)
            return 0;
    }
    return *path == '\0';
}

static const route *route_find(finq_request *request, const char *path)
{
    for (apr_size_t i = 1; i < ROUTES && !request->endpoint; i++) {
        if (path_fits(routes[i].path, path, &request->path_id, request->r->pool))
            request->endpoint = (int)i;
    }
    return request->endpoint ? &routes[request->endpoint] : NULL;
}

int finq_router_goes_unsigned(request_rec *r)
{
    const char *base = finq_config_base(finq_config_of(r->server), r->uri), *id;
    for (apr_size_t i = 1; base && i < ROUTES; i++) {
        if (routes[i].goes_unsigned && path_fits(routes[i].path, r->uri + strlen(base), &id, r->pool))
            return 1;
    }
    return 0;
}

static finq_error *route_run(finq_request *request, const char *path, finq_json_writer *reply)
{
    apr_pool_t *pool = request->r->pool;
    const route *found = route_find(request, path);
    FINQ_TRY(finq_limits_admit(request));
    if (!found)
        return finq_error_make(pool, FINQ_E_NOT_FOUND, "There is nothing at this path.");
    if (request->r->method_number == found->method) /* HEAD is a GET to httpd, which leaves the body out */
        return found->endpoint(request, reply);
    int is_post = found->method == M_POST;
    apr_table_setn(request->r->err_headers_out, "Allow", is_post ? "POST, OPTIONS" : "GET, HEAD, OPTIONS");
    return finq_error_make(pool, FINQ_E_METHOD_NOT_ALLOWED, "This call is %s.", is_post ? "POST" : "GET");
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
    if (error)
        return finq_reply_error(request, error);
    if (request->is_empty)
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
    finq_request *request = finq_request_begin(r);
    const char *base = finq_config_base(finq_config_of(r->server), r->uri);
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
    return !error && request->rest ? SUSPENDED : finish(request, error, reply);
}

/* What httpd does after a handler, it leaves to who answers a suspended request. */
static void held_finish(finq_request *request)
{
    request_rec *r = request->r;
    conn_rec *c = r->connection;
    finq_json_writer *reply = reply_begin(r->pool);
    c->cs->state = CONN_STATE_HANDLER;
    ap_update_child_status(c->sbh, SERVER_BUSY_WRITE, r);
    ap_die(finish(request, request->rest(request, reply), reply), r);
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

int finq_router_translate(request_rec *r)
{
    if (!finq_config_base(finq_config_of(r->server), r->uri))
        return DECLINED;
    finq_request_claim(r);
    r->filename = apr_pstrcat(r->pool, "finq:", r->uri, NULL);
    return OK;
}

int finq_router_map(request_rec *r)
{
    return r->filename && strncmp(r->filename, "finq:", 5) == 0 ? OK : DECLINED;
}
