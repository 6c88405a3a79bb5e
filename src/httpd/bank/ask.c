#include "httpd/ask.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <string.h>
#include <util_filter.h>

#include "documents/media.h"
#include "flow/step.h"
#include "ground/clock.h"
#include "httpd/body.h"
#include "httpd/sandbox_bank.h"

APLOG_USE_MODULE(finq);

#define QUESTION_FILTER "FINQ_QUESTION"
#define ANSWER_FILTER "FINQ_ANSWER"
/* A connector that sends a little at a time holds a thread no longer than that: as long as a step is kept for its attempt. */
#define ANSWER_SECONDS FINQ_STEP_CLAIM

/* One question and what comes back. */
typedef struct {
    finq_request *request;
    const finq_connector *connector;
    finq_connector_message question;
    apr_bucket_brigade *body; /* the question's, as the proxy reads it */
    char *text;               /* the answer's */
    apr_size_t length, most;
    apr_time_t until; /* of the steady clock: by then the answer is whole, or none */
    int too_large, is_late, cut;
} exchange;

/* ---- what went wrong ---- */

static const struct {
    finq_code code;
    const char *message;
} failures[] = {
    {FINQ_E_EXTERNAL_API_CONNECTION_ERROR, "The service behind this step cannot be reached; send the same request again."},
    {FINQ_E_EXTERNAL_API_TIMEOUT, "The service behind this step did not answer in time; send the same request again."},
    {FINQ_E_EXTERNAL_API_TOO_MANY_REQUESTS,
     "The service behind this step has too much to do; send the same request again later."},
    {FINQ_E_EXTERNAL_API_UNAUTHORIZED, "The service behind this step does not know this server."},
    {FINQ_E_EXTERNAL_API_FORBIDDEN, "The service behind this step does not serve this server."},
    {FINQ_E_EXTERNAL_API_INVALID_ANSWER, "The service behind this step gave an answer that cannot be used."},
};

static finq_error *failure(finq_request *request, const char *name, finq_code code, const char *cause)
{
    apr_size_t i = 0;
    while (failures[i].code != code)
        i++;
    finq_error *error = finq_error_make(request->r->pool, code, "%s", failures[i].message);
    error->cause = apr_psprintf(request->r->pool, "connector %s: %s", name, cause);
    return error;
}

static finq_error *failed(const exchange *of, finq_code code, const char *cause)
{
    return failure(of->request, of->connector->name, code, cause);
}

/* What mod_proxy says of a back end that it could not use, and what a connector says itself. */
static const struct {
    int status;
    finq_code code;
    const char *cause;
} statuses[] = {
    {401, FINQ_E_EXTERNAL_API_UNAUTHORIZED, "HTTP 401: it does not accept this server's signature"},
    {403, FINQ_E_EXTERNAL_API_FORBIDDEN, "HTTP 403"},
    {429, FINQ_E_EXTERNAL_API_TOO_MANY_REQUESTS, "HTTP 429"},
    {502, FINQ_E_EXTERNAL_API_CONNECTION_ERROR, "HTTP 502: the connection broke before an answer, or it was no HTTP"},
    {503, FINQ_E_EXTERNAL_API_CONNECTION_ERROR, "HTTP 503: no connection could be made"},
    {504, FINQ_E_EXTERNAL_API_TIMEOUT, "HTTP 504: no answer within ProxyPass's timeout"},
};

static finq_error *status_check(const exchange *of, int status)
{
    if (status == HTTP_OK)
        return NULL;
    for (apr_size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        if (statuses[i].status == status)
            return failed(of, statuses[i].code, statuses[i].cause);
    }
    return failed(of, FINQ_E_EXTERNAL_API_INVALID_ANSWER, apr_psprintf(of->request->r->pool, "HTTP %d", status));
}

/* ---- the way there and back ---- */

static apr_status_t question_filter(ap_filter_t *filter, apr_bucket_brigade *brigade, ap_input_mode_t mode, apr_read_type_e block,
                                    apr_off_t most)
{
    exchange *of = filter->ctx;
    (void)block;
    return mode == AP_MODE_READBYTES ? finq_body_give(brigade, of->body, most) : APR_ENOTIMPL;
}

static apr_status_t answer_take(exchange *of, apr_bucket *bucket)
{
    const char *data;
    apr_size_t n;
    if (AP_BUCKET_IS_ERROR(bucket))
        of->cut = 1;
    if (APR_BUCKET_IS_METADATA(bucket))
        return APR_SUCCESS;
    apr_status_t status = apr_bucket_read(bucket, &data, &n, APR_BLOCK_READ);
    if (status != APR_SUCCESS)
        return status;
    of->too_large |= n > of->most - of->length;
    of->is_late |= finq_clock_steady() > of->until; /* ProxyPass's timeout is that of each read */
    if (of->too_large || of->is_late)
        return APR_ENOSPC; /* the proxy stops reading, and closes that connection */
    memcpy(of->text + of->length, data, n);
    of->length += n;
    return APR_SUCCESS;
}

/* The end of the line: nothing of an answer goes on to the client. */
static apr_status_t answer_filter(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    apr_status_t status = APR_SUCCESS;
    while (status == APR_SUCCESS && !APR_BRIGADE_EMPTY(brigade)) {
        status = answer_take(filter->ctx, APR_BRIGADE_FIRST(brigade));
        apr_bucket_delete(APR_BRIGADE_FIRST(brigade));
    }
    apr_brigade_cleanup(brigade);
    return status;
}

void finq_ask_register(void)
{
    ap_register_input_filter(QUESTION_FILTER, question_filter, NULL, AP_FTYPE_RESOURCE);
    ap_register_output_filter(ANSWER_FILTER, answer_filter, NULL, AP_FTYPE_RESOURCE);
}

static apr_bucket_brigade *question_brigade(const exchange *of)
{
    request_rec *r = of->request->r;
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, alloc);
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_immortal_create(of->question.body, of->question.length, alloc));
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(alloc));
    return brigade;
}

/* A connector hears nothing of the client's own headers: no key, no cookie, no condition. */
static apr_table_t *question_headers(const exchange *of)
{
    apr_pool_t *pool = of->request->r->pool;
    apr_table_t *headers = apr_table_make(pool, 10);
    const char *host = apr_table_get(of->request->r->headers_in, "Host");
    if (host)
        apr_table_setn(headers, "Host", host);
    apr_table_setn(headers, "Content-Type", "application/json");
    apr_table_setn(headers, "Content-Length", apr_psprintf(pool, "%" APR_SIZE_T_FMT, of->question.length));
    apr_table_setn(headers, "Accept", "application/json");
    apr_table_setn(headers, "X-Finq-Connector", of->question.connector);
    apr_table_setn(headers, "X-Finq-Id", of->question.id);
    apr_table_setn(headers, "X-Finq-Timestamp", of->question.timestamp);
    apr_table_setn(headers, "X-Finq-Signature", of->question.signature);
    return headers;
}

static int is_proxied(const request_rec *sub)
{
    return sub->status == HTTP_OK && sub->filename && strncmp(sub->filename, "proxy:", 6) == 0;
}

/* Runs the subrequest. mod_proxy drops the body of one that has no kept_body; it reads the body from our
 * filter, which is nearer to it than mod_request's. */
static int exchange_run(exchange *of, request_rec *sub)
{
    conn_rec *connection = of->request->r->connection;
    sub->headers_in = question_headers(of);
    sub->kept_body = apr_brigade_create(of->request->r->pool, connection->bucket_alloc);
    of->body = question_brigade(of);
    ap_add_input_filter(QUESTION_FILTER, of, sub, connection);
    ap_add_output_filter(ANSWER_FILTER, of, sub, connection);
    int result = ap_run_sub_req(sub);
    if (result == HTTP_BAD_GATEWAY && apr_table_get(sub->notes, "proxy_timedout"))
        return HTTP_GATEWAY_TIME_OUT; /* mod_proxy_http tells the two apart in a note alone */
    return result == OK ? sub->status : result;
}

/* ---- asking ---- */

static finq_error *answer_check(const exchange *of, request_rec *sub, int status)
{
    apr_pool_t *pool = of->request->r->pool;
    if (of->too_large)
        return failed(of, FINQ_E_EXTERNAL_API_INVALID_ANSWER,
                      apr_psprintf(pool, "its answer is larger than %" APR_SIZE_T_FMT " KiB", of->most / 1024));
    if (of->is_late)
        return failed(of, FINQ_E_EXTERNAL_API_TIMEOUT,
                      apr_psprintf(pool, "its answer did not come to an end within %d seconds", ANSWER_SECONDS));
    if (of->cut)
        return failed(of, FINQ_E_EXTERNAL_API_CONNECTION_ERROR, "the connection broke within its answer");
    FINQ_TRY(status_check(of, status));
    const char *type = finq_media_base(sub->content_type, pool);
    if (!type || strcmp(type, "application/json") != 0)
        return failed(of, FINQ_E_EXTERNAL_API_INVALID_ANSWER, "its answer is not application/json");
    return NULL;
}

/* The answer is to this question and no other: it is signed over the question's id. */
static finq_error *answer_verify(const exchange *of, const request_rec *sub)
{
    finq_connector_message answer = of->question;
    answer.kind = FINQ_CONNECTOR_ANSWER;
    answer.timestamp = apr_table_get(sub->headers_out, "X-Finq-Timestamp");
    answer.signature = apr_table_get(sub->headers_out, "X-Finq-Signature");
    answer.body = of->text;
    answer.length = of->length;
    finq_error *error = finq_connector_verify(&answer, of->connector->keys, of->request->r->pool);
    if (!error || finq_code_http(error->code) >= 500)
        return error;
    return failed(of, FINQ_E_EXTERNAL_API_INVALID_ANSWER, error->message);
}

static finq_error *exchange_finish(exchange *of)
{
    request_rec *sub = ap_sub_req_method_uri("POST", of->connector->path, of->request->r, NULL);
    finq_error *error;
    if (is_proxied(sub)) {
        int status = exchange_run(of, sub);
        error = answer_check(of, sub, status);
        if (!error)
            error = answer_verify(of, sub);
    } else
        error = finq_error_internal(of->request->r->pool, FINQ_E_INTERNAL_SERVER_ERROR,
                                    "connector %s: nothing is proxied at %s (HTTP %d): ProxyPass it, and let its"
                                    " Location grant access",
                                    of->connector->name, of->connector->path, sub->status);
    ap_destroy_sub_req(sub);
    return error;
}

/* Takes the question along as it is, under an id, and leaves the answer's text in the pool. */
static finq_error *exchange_ask(exchange *of, const char *question, const char *id, apr_pool_t *pool)
{
    of->question.kind = FINQ_CONNECTOR_QUESTION;
    of->question.connector = of->connector->name;
    of->question.id = id;
    of->question.body = question;
    of->question.length = strlen(question);
    of->text = apr_palloc(pool, of->most);
    of->until = finq_clock_steady() + apr_time_from_sec(ANSWER_SECONDS);
    FINQ_TRY(finq_connector_sign(&of->question, of->connector->keys, of->request->r->pool));
    of->request->asking = of->connector->path;
    finq_error *error = exchange_finish(of);
    of->request->asking = NULL;
    return error;
}

static finq_error *exchange_make(exchange *of, finq_request *request, const char *name, apr_size_t most)
{
    *of = (exchange){.request = request, .connector = finq_config_connector(request->config, name), .most = most};
    if (of->connector)
        return NULL;
    return finq_error_internal(request->r->pool, FINQ_E_INTERNAL_SERVER_ERROR,
                               "connector %s: this host has none of that name: set FinqConnector %s /path SECRETFILE", name,
                               name);
}

/* What the sandbox bank says: no proxy and no signature are between, for the bank is this server's own. */
static finq_error *sandbox_said(exchange *of, const char *text, finq_error *error)
{
    if (error)
        return finq_code_http(error->code) < 500 ? failed(of, error->code, finq_error_why(error)) : error;
    of->text = (char *)text;
    of->length = strlen(text);
    return NULL;
}

finq_error *finq_ask(finq_connector_answer *answer, finq_request *request, const char *name,
                     const finq_connector_question *question)
{
    apr_pool_t *pool = request->r->pool;
    const char *text;
    exchange of;
    FINQ_TRY(exchange_make(&of, request, name, FINQ_CONNECTOR_MOST));
    if (of.connector->page) {
        finq_error *said = finq_sandbox_bank_ask(&text, request, of.connector, question);
        FINQ_TRY(sandbox_said(&of, text, said));
    } else {
        FINQ_TRY(finq_connector_question_text(&text, question, pool));
        FINQ_TRY(exchange_ask(&of, text, request->id, pool));
    }
    finq_error *error = finq_connector_read(answer, of.text, of.length, strcmp(question->environment, "sandbox") == 0, pool);
    return error ? failed(&of, error->code, error->cause) : NULL;
}

/* A request asks many such questions, each under an id of its own: an answer is one to no other. */
finq_error *finq_ask_data(finq_bank_page *page, finq_request *request, const char *name, const finq_bank_question *question,
                          apr_pool_t *pool)
{
    const char *text;
    exchange of;
    finq_id id;
    FINQ_TRY(exchange_make(&of, request, name, FINQ_BANK_DATA_MOST));
    if (of.connector->page) {
        finq_error *said = finq_sandbox_bank_ask_data(&text, request, question, pool);
        FINQ_TRY(sandbox_said(&of, text, said));
    } else {
        FINQ_TRY(finq_id_new(&id, pool));
        FINQ_TRY(exchange_ask(&of, finq_bank_question_text(question, pool), finq_id_text(&id, pool), pool));
    }
    finq_error *error = finq_bank_page_read(page, question->ask, of.text, of.length, pool);
    return error ? failed(&of, error->code, error->cause) : NULL;
}

finq_error *finq_ask_payment(finq_payment_answer *answer, finq_request *request, const char *name,
                             const finq_payment_question *question, apr_pool_t *pool)
{
    const char *text;
    exchange of;
    finq_id id;
    FINQ_TRY(exchange_make(&of, request, name, FINQ_CONNECTOR_MOST));
    if (of.connector->page) {
        finq_error *said = finq_sandbox_bank_ask_payment(&text, request, question);
        FINQ_TRY(sandbox_said(&of, text, said));
    } else {
        FINQ_TRY(finq_id_new(&id, pool));
        FINQ_TRY(exchange_ask(&of, finq_payment_question_text(question, pool), finq_id_text(&id, pool), pool));
    }
    finq_error *error = finq_payment_answer_read(answer, of.text, of.length, pool);
    return error ? failed(&of, error->code, error->cause) : NULL;
}
