#include "httpd/sandbox_handler.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include <string.h>

#include "httpd/body.h"
#include "httpd/paths.h"
#include "bank/sandbox.h"
#include "db/calls.h"
#include "flow/service.h"
#include "httpd/sandbox_orders.h"

static int page_send(request_rec *r, int status, const char *html)
{
    apr_table_t *headers = r->err_headers_out;
    apr_table_setn(headers, "Cache-Control", "no-store");
    apr_table_setn(headers, "Content-Security-Policy", finq_sandbox_policy(r->pool));
    apr_table_setn(headers, "Referrer-Policy", "no-referrer"); /* the page's address holds the state */
    apr_table_setn(headers, "X-Content-Type-Options", "nosniff");
    r->status = status;
    ap_set_content_type(r, "text/html; charset=utf-8");
    ap_set_content_length(r, (apr_off_t)strlen(html));
    ap_rputs(html, r);
    return OK;
}

/* The API's own addresses for returning browsers, on the host that was asked. */
static apr_array_header_t *homes_of(request_rec *r)
{
    const finq_config *config = finq_config_of(r->server);
    apr_array_header_t *homes = apr_array_make(r->pool, 2, sizeof(const char *));
    for (int i = 0; i < config->bases->nelts; i++) {
        const char *path = apr_pstrcat(r->pool, APR_ARRAY_IDX(config->bases, i, const char *), FINQ_PATHS_RETURNS, NULL);
        APR_ARRAY_PUSH(homes, const char *) = ap_construct_url(r->pool, path, r);
    }
    return homes;
}

static const char *language_of(request_rec *r)
{
    return finq_sandbox_language(apr_table_get(r->headers_in, "Accept-Language"), r->pool);
}

static int is_form_type(const char *type)
{
    return type && strcmp(type, "application/x-www-form-urlencoded") == 0;
}

static finq_error *form_read(const char **form, finq_request *request)
{
    char *text = apr_palloc(request->r->pool, FINQ_SANDBOX_MOST + 1);
    apr_size_t length = 0, n;
    static const char *const accepted[] = {"application/x-www-form-urlencoded", NULL};
    FINQ_TRY(finq_body_precheck(request, FINQ_SANDBOX_MOST, &(finq_body_types){is_form_type, accepted}));
    do {
        FINQ_TRY(finq_body_read(request, text + length, FINQ_SANDBOX_MOST + 1 - length, &n));
        length += n;
        if (length > FINQ_SANDBOX_MOST)
            return finq_error_too_large("The form", FINQ_SANDBOX_MOST, request->r->pool);
    } while (n > 0);
    text[length] = '\0';
    *form = text;
    return NULL;
}

/* A bank knows by its own books who asks, whatever the link says: the state is of a client that this host serves. */
static void tenant_find(finq_sandbox_visit *visit, finq_request *request)
{
    apr_pool_t *pool = request->r->pool;
    finq_token token = {.kind = FINQ_TOKEN_STATE};
    const finq_secret *secret = NULL;
    finq_sandbox_asker_out row;
    finq_sandbox_asker_in in = {.client_id = &token.client_id};
    const finq_service host = {.secrets = request->config->secrets, .tenant = request->config->tenant};
    if (!request->config->runtime || finq_service_open(&token, &secret, visit->state, &host, pool) || !secret)
        return;
    finq_request_database(request, pool);
    if (!finq_call_sandbox_asker(&row, request->service.db, &in, pool))
        visit->tenant = row.asker;
}

static finq_error *visit_read(finq_sandbox_visit *visit, finq_request *request)
{
    request_rec *r = request->r;
    const char *form = r->args ? r->args : "";
    if (r->method_number == M_POST)
        FINQ_TRY(form_read(&form, request));
    else if (strlen(form) > FINQ_SANDBOX_MOST)
        return finq_error_make(r->pool, FINQ_E_INVALID_FIELD, "The link to this page is too long.");
    FINQ_TRY(finq_sandbox_read(visit, form, homes_of(r), r->pool));
    visit->language = language_of(r);
    tenant_find(visit, request);
    return NULL;
}

static int leave(request_rec *r, const finq_sandbox_visit *visit)
{
    const char *location;
    if (finq_sandbox_location(&location, visit, r->pool) != NULL)
        return HTTP_INTERNAL_SERVER_ERROR;
    apr_table_setn(r->err_headers_out, "Location", location);
    return page_send(r, HTTP_SEE_OTHER, "");
}

/* Of an order that is decided, whatever this visit chose. */
static int decided_send(request_rec *r, finq_sandbox_visit *visit, int is_agreed)
{
    const char *location;
    visit->cancel = is_agreed ? "" : "1";
    visit->choice = is_agreed && !finq_sandbox_is_agreed(visit) ? "approve" : visit->choice;
    if (finq_sandbox_location(&location, visit, r->pool) != NULL)
        return HTTP_INTERNAL_SERVER_ERROR;
    return page_send(r, HTTP_OK, finq_sandbox_decided(is_agreed, location, visit->language, r->pool));
}

/* HEAD is a GET too. */
static finq_error *method_check(const request_rec *r)
{
    if (r->method_number == M_GET || r->method_number == M_POST)
        return NULL;
    return finq_request_wrong_method(r, "GET, HEAD, POST", "The bank's page is read by GET and sent by POST.");
}

static int error_send(request_rec *r, const finq_error *error)
{
    if (finq_request_of(r)->answered)
        return AP_FILTER_ERROR; /* httpd has answered a body that it would not read */
    return page_send(r, finq_code_http(error->code), finq_sandbox_refusal(error->message, language_of(r), r->pool));
}

/* Leaves with an order as its user chose. A bank that fails decides nothing, and who decided in another tab has decided. */
static int order_leave(request_rec *r, finq_sandbox_visit *visit)
{
    finq_sandbox_visited visited;
    int is_agreed = finq_sandbox_is_agreed(visit);
    if (strcmp(visit->choice, "fail") == 0 && !*visit->cancel)
        return leave(r, visit);
    finq_error *error = finq_sandbox_orders_decide(&visited, visit, finq_request_of(r));
    if (error)
        return error_send(r, error);
    return visited.is_agreed == is_agreed ? leave(r, visit) : decided_send(r, visit, visited.is_agreed);
}

int finq_sandbox_handler(request_rec *r)
{
    finq_sandbox_visit visit;
    finq_sandbox_visited visited = {0, 0};
    if (!r->handler || strcmp(r->handler, "finq-sandbox") != 0)
        return DECLINED;
    finq_error *error = method_check(r);
    if (!error)
        error = visit_read(&visit, finq_request_of(r));
    int submitted = r->method_number == M_POST;
    if (!error && *visit.order)
        error = finq_sandbox_orders_look(&visited, &visit, finq_request_of(r));
    if (error)
        return error_send(r, error);
    if (submitted && finq_sandbox_is_complete(&visit))
        return *visit.order ? order_leave(r, &visit) : leave(r, &visit);
    if (visited.is_decided)
        return decided_send(r, &visit, visited.is_agreed);
    return page_send(r, submitted ? HTTP_UNPROCESSABLE_ENTITY : HTTP_OK, finq_sandbox_page(&visit, submitted, r->pool));
}
