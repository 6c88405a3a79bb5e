#include "httpd/reply.h"

#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <string.h>
#include <util_filter.h>

#include "httpd/body.h"
#include "httpd/cors.h"
#include "httpd/keep_alive.h"
#include "httpd/observe.h"
#include "httpd/page.h"

APLOG_USE_MODULE(finq);

#define ERROR_FILTER "FINQ_ERROR"
#define JSON_TYPE "application/json"
#define CHECKSUM_MISMATCH 460

/* Headers of every answer; in err_headers_out, which errors keep too. */
static void headers_set(finq_request *request)
{
    const char *cache_control = request->cache_control;
    apr_table_t *headers = request->r->err_headers_out;
    apr_table_setn(headers, "Cache-Control", cache_control ? cache_control : "no-store");
    apr_table_setn(headers, "X-Request-Id", request->id);
    apr_table_setn(headers, "X-Content-Type-Options", "nosniff");
    apr_table_unset(request->r->headers_out, "Cache-Control");
}

/* After a body that nobody understood nobody knows whether its sender and we agree on where it ends. */
static int is_understood(const finq_request *request, int outcome)
{
    return request->body_ended && outcome != FINQ_E_INVALID_BODY;
}

static void answer_begin(finq_request *request, int outcome, const char *type)
{
    request_rec *r = request->r;
    headers_set(request);
    finq_observe_answer(request, outcome);
    request->answered = 1;
    r->status = outcome == FINQ_OUTCOME_OK ? HTTP_OK : finq_code_http((finq_code)outcome);
    r->status_line = r->status == CHECKSUM_MISMATCH ? "460 Checksum Mismatch" : NULL; /* httpd knows none by itself */
    ap_set_content_type(r, type);
}

static int body_send(finq_request *request, int outcome, const char *type, const char *text)
{
    request_rec *r = request->r;
    answer_begin(request, outcome, type);
    if (r->status == HTTP_BAD_REQUEST && is_understood(request, outcome) && !r->connection->master)
        finq_keep_alive(r);
    ap_set_content_length(r, (apr_off_t)strlen(text));
    ap_rputs(text, r);
    return OK;
}

int finq_reply_json(finq_request *request, const char *text)
{
    return body_send(request, FINQ_OUTCOME_OK, JSON_TYPE, text);
}

/* httpd writes an answer's headers to its log at trace4; a link with a temp_token, an upload's address, are not for that. */
static void traces_end(request_rec *r)
{
    const struct ap_logconf *log = r->log ? r->log : &r->server->log;
    struct ap_logconf *quiet = ap_new_log_config(r->pool, NULL);
    quiet->level = log->level < APLOG_INFO ? log->level : APLOG_INFO;
    r->log = quiet;
}

static int empty_send(finq_request *request, int outcome, int status)
{
    headers_set(request);
    finq_observe_answer(request, outcome);
    request->answered = 1;
    request->r->status = status;
    if (apr_table_get(request->r->err_headers_out, "Location"))
        traces_end(request->r); /* httpd writes the headers after the handler, and our own line has been written */
    return OK;
}

int finq_reply_preflight(finq_request *request)
{
    return empty_send(request, FINQ_OUTCOME_PREFLIGHT, HTTP_NO_CONTENT);
}

int finq_reply_empty(finq_request *request)
{
    int sent = empty_send(request, FINQ_OUTCOME_OK, request->empty_status);
    if (request->empty_status != HTTP_NO_CONTENT)
        ap_set_content_length(request->r, 0);
    return sent;
}

int finq_reply_redirect(finq_request *request, const char *location)
{
    apr_table_t *headers = request->r->err_headers_out;
    apr_table_setn(headers, "Location", location);
    apr_table_setn(headers, "Referrer-Policy", "no-referrer"); /* the address that is left holds a state */
    return empty_send(request, FINQ_OUTCOME_OK, HTTP_MOVED_TEMPORARILY);
}

void finq_reply_end(request_rec *r)
{
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, alloc);
    ap_finalize_request_protocol(r);
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_flush_create(alloc));
    ap_pass_brigade(r->connection->output_filters, brigade);
}

/* ---- errors ---- */

static void put_details(finq_json_writer *to, const apr_array_header_t *details)
{
    finq_json_open(to, "details", '[');
    for (int i = 0; i < details->nelts; i++) {
        const finq_detail *detail = &APR_ARRAY_IDX(details, i, finq_detail);
        finq_json_open(to, NULL, '{');
        finq_json_put(to, "field", detail->field);
        finq_json_put_or_null(to, "keyword", detail->keyword);
        finq_json_put_text(to, "limit", detail->limit ? detail->limit : "null");
        finq_json_put(to, "message", detail->message);
        finq_json_close(to, '}');
    }
    finq_json_close(to, ']');
}

static void put_texts(finq_json_writer *to, const finq_fact *fact)
{
    finq_json_open(to, fact->name, '[');
    for (int i = 0; i < fact->texts->nelts; i++)
        finq_json_put(to, NULL, APR_ARRAY_IDX(fact->texts, i, const char *));
    finq_json_close(to, ']');
}

static void put_fact(finq_json_writer *to, const finq_fact *fact)
{
    switch (fact->kind) {
    case FINQ_FACT_TEXT:
        finq_json_put_or_null(to, fact->name, fact->text);
        break;
    case FINQ_FACT_NUMBER:
        finq_json_put_integer(to, fact->name, fact->number);
        break;
    case FINQ_FACT_TEXTS:
        put_texts(to, fact);
        break;
    }
}

static const char *error_text(const finq_request *request, const finq_error *error)
{
    finq_json_writer *to = finq_json_write(request->r->pool);
    finq_json_open(to, NULL, '{');
    finq_json_put(to, "id", request->id);
    finq_json_put(to, "type", finq_code_type(error->code));
    finq_json_put_integer(to, "http", finq_code_http(error->code));
    finq_json_put(to, "code", finq_code_name(error->code));
    finq_json_put(to, "message", error->message);
    if (error->details)
        put_details(to, error->details);
    for (const finq_fact *fact = error->facts; fact; fact = fact->next)
        put_fact(to, fact);
    finq_json_close(to, '}');
    return finq_json_written(to);
}

/* A program gets JSON, and a person a page. */
static const char *error_body(const char **type, finq_request *request, const finq_error *error)
{
    int is_page = finq_page_suits(request);
    *type = is_page ? "text/html; charset=utf-8" : JSON_TYPE;
    return is_page ? finq_page_of(request, error) : error_text(request, error);
}

/* One line a refusal, or none where its client has had one this second. What the client did is worth a line at info; what
 * the operator must mend, and what a connector did, at error. */
static void error_log(const finq_request *request, const finq_error *error)
{
    int http = finq_code_http(error->code), level = APLOG_ERR;
    const char *tag = http >= 500 ? "FINQ03" : "FINQ08";
    if (request->is_told)
        return;
    if (http < 500 && strcmp(finq_code_type(error->code), "external_api_error") != 0) {
        tag = "FINQ04";
        level = APLOG_INFO;
    }
    ap_log_rerror(APLOG_MARK, level, 0, request->r, "%s: [%s] %d %s: %s", tag, request->id, http, finq_code_name(error->code),
                  finq_error_why(error));
}

static void error_headers(finq_request *request, const finq_error *error)
{
    apr_table_t *headers = request->r->err_headers_out;
    int said = apr_table_get(headers, "Retry-After") || apr_table_get(request->r->headers_out, "Retry-After"); /* by a limit */
    if ((error->code == FINQ_E_SERVICE_UNAVAILABLE || error->code == FINQ_E_TOO_MANY_REQUESTS) && !said)
        apr_table_setn(headers, "Retry-After", "1");
    if (error->code == FINQ_E_METHOD_NOT_ALLOWED) {
        if (!apr_table_get(headers, "Allow")) /* a route has said which */
            apr_table_setn(headers, "Allow", "POST, OPTIONS");
        apr_table_unset(request->r->headers_out, "Allow"); /* httpd's own list would be joined to it */
    }
}

/* A body of which not all was read is read and thrown away by httpd before the next request, if it is small; a client
 * that goes on sending a large one is cut off instead. */
static void rest_of_body(finq_request *request)
{
    request_rec *r = request->r;
    const char *length = apr_table_get(r->headers_in, "Content-Length");
    if (apr_table_get(r->headers_in, "Transfer-Encoding") || (length && apr_atoi64(length) > request->config->max_body))
        r->connection->keepalive = AP_CONN_CLOSE;
}

/* Over HTTP/2 an answer that comes before the body was read ends with a reset, and clients such as curl 7.88 show that in its
 * place. So what is no larger than JSON may be is read first. */
static void body_drain(finq_request *request)
{
    char piece[8192];
    apr_size_t n = 1, left = (apr_size_t)request->config->max_body;
    const char *length = apr_table_get(request->r->headers_in, "Content-Length");
    if (!request->r->connection->master || (length && apr_atoi64(length) > request->config->max_body))
        return;
    while (n > 0 && left >= n && !request->body_ended) {
        if (finq_body_read(request, piece, sizeof piece, &n) != NULL)
            return;
        left -= n < left ? n : left;
    }
}

void finq_reply_flow(finq_request *request)
{
    answer_begin(request, FINQ_OUTCOME_OK, JSON_TYPE);
    request->is_flowing = 1;
}

int finq_reply_write(finq_request *request, const char *text, apr_size_t length)
{
    return ap_rwrite(text, (int)length, request->r) >= 0 && ap_rflush(request->r) >= 0 && !request->r->connection->aborted;
}

/* httpd sends no last chunk behind such a bucket (mod_proxy's own way). */
int finq_reply_cut(finq_request *request, const finq_error *error)
{
    request_rec *r = request->r;
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, alloc);
    error_log(request, error);
    r->connection->keepalive = AP_CONN_CLOSE;
    APR_BRIGADE_INSERT_TAIL(brigade, ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, r->pool, alloc));
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(alloc));
    ap_pass_brigade(r->output_filters, brigade);
    return OK;
}

int finq_reply_error(finq_request *request, const finq_error *error)
{
    error_log(request, error);
    if (!request->body_ended && !request->answered)
        body_drain(request);
    if (request->answered)
        return AP_FILTER_ERROR;
    error_headers(request, error);
    if (!request->body_ended)
        rest_of_body(request);
    const char *type, *text = error_body(&type, request, error);
    return body_send(request, (int)error->code, type, text);
}

int finq_reply_page(finq_request *request, const finq_error *error, const char *html)
{
    if (error)
        error_log(request, error);
    if (!request->body_ended && !request->answered)
        body_drain(request);
    if (request->answered)
        return AP_FILTER_ERROR;
    if (error)
        error_headers(request, error);
    if (error && !request->body_ended)
        rest_of_body(request);
    return body_send(request, error ? (int)error->code : FINQ_OUTCOME_OK, "text/html; charset=utf-8", html);
}

int finq_reply_refuse(finq_request *request, const finq_error *error)
{
    request->refusal = error;
    body_drain(request);
    rest_of_body(request);
    return finq_code_http(error->code);
}

/* ---- errors that httpd makes ---- */

static const struct {
    int status;
    finq_code code;
    const char *message;
} httpd_errors[] = {
    {400, FINQ_E_INVALID_HEADERS, "The request line, a header or the body's framing is malformed."},
    {404, FINQ_E_NOT_FOUND, "There is nothing at this path."},
    {405, FINQ_E_METHOD_NOT_ALLOWED, "Every call is POST."},
    {408, FINQ_E_REQUEST_TIMEOUT, "The request did not arrive in time."},
    {413, FINQ_E_PAYLOAD_TOO_LARGE, "The request is too large."},
    {414, FINQ_E_INVALID_HEADERS, "The request line is too long."},
    {415, FINQ_E_UNSUPPORTED_MEDIA_TYPE, "The media type is not supported."},
    {417, FINQ_E_INVALID_HEADERS, "The Expect header cannot be met."},
    {421, FINQ_E_MISDIRECTED_REQUEST, "The Host header names another server than TLS was asked for; connect anew for it."},
    {429, FINQ_E_TOO_MANY_REQUESTS, "Too many requests."},
    {431, FINQ_E_INVALID_HEADERS, "The headers are too large."},
    {503, FINQ_E_SERVICE_UNAVAILABLE, "The service is unavailable for the moment; send the same request again."},
};

/* A request whose path was taken for the API's was sound: who says that it is not, before its body is read here, is a rule of
 * httpd's, or of a module's such as mod_security. The body's framing is httpd's to judge while it is read. */
static finq_error *error_of_status(request_rec *r)
{
    int status = r->status, is_sound = r->filename && strncmp(r->filename, "finq:", 5) == 0 && !finq_request_of(r)->brigade;
    apr_pool_t *pool = r->pool;
    if (status == 403 || (status == 400 && is_sound))
        return finq_error_make(pool, FINQ_E_FORBIDDEN, "A rule of the server before the API refuses this request (HTTP %d).",
                               status);
    for (apr_size_t i = 0; i < sizeof httpd_errors / sizeof *httpd_errors; i++) {
        if (httpd_errors[i].status == status)
            return finq_error_make(pool, httpd_errors[i].code, "%s", httpd_errors[i].message);
    }
    if (status == 401)
        return finq_error_make(pool, FINQ_E_INVALID_API_KEYS, "The server's access rules ask for keys of their own.");
    if (status < 500)
        return finq_error_make(pool, FINQ_E_INVALID_HEADERS, "The request was refused (HTTP %d).", status);
    return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "httpd answered %d", status);
}

/* What a hook of ours refused the request with, an ErrorDocument's redirect or not. */
static const finq_error *refusal_of(request_rec *r)
{
    for (; r; r = r->prev) {
        if (finq_request_of(r)->refusal)
            return finq_request_of(r)->refusal;
    }
    return NULL;
}

void finq_reply_insert_filter(request_rec *r)
{
    if (ap_is_HTTP_ERROR(r->status) && (finq_request_is_ours(r) || refusal_of(r)) && !finq_request_of(r)->answered)
        ap_add_output_filter(ERROR_FILTER, finq_request_of(r), r, r->connection);
}

/* Puts our answer in the place of httpd's page. */
static apr_status_t error_filter(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    finq_request *request = filter->ctx;
    request_rec *r = filter->r;
    apr_bucket_brigade *ours;
    const finq_error *error;
    if (request->answered) { /* the rest of the page */
        apr_brigade_cleanup(brigade);
        return APR_SUCCESS;
    }
    error = refusal_of(r);
    if (!error)
        error = error_of_status(r);
    error_log(request, error);
    error_headers(request, error);
    finq_cors_apply(request);
    headers_set(request);
    finq_observe_answer(request, (int)error->code);
    request->answered = 1;
    r->status = finq_code_http(error->code);
    r->status_line = NULL;
    const char *type, *text = error_body(&type, request, error);
    ap_set_content_type(r, type);
    ap_set_content_length(r, (apr_off_t)strlen(text));
    ours = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    APR_BRIGADE_INSERT_TAIL(ours, apr_bucket_pool_create(text, strlen(text), r->pool, r->connection->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(ours, apr_bucket_eos_create(r->connection->bucket_alloc));
    apr_brigade_cleanup(brigade);
    return ap_pass_brigade(filter->next, ours);
}

void finq_reply_register(void)
{
    ap_register_output_filter(ERROR_FILTER, error_filter, NULL, AP_FTYPE_CONTENT_SET);
    finq_keep_alive_register();
}
