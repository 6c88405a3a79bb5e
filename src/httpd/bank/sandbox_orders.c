#include "httpd/sandbox_orders.h"

#include <apr_strings.h>
#include <string.h>

#include "crypto/secrets.h"
#include "db/calls.h"

/* What stands before what is sealed: nothing that is sealed for another purpose opens as this. */
#define SEALED_ORDER 'O'
/* How late an answer of a slow bank is. */
#define SLOW apr_time_from_sec(3)
/* Within how many seconds a user approves who does so later, and never comes back. */
#define LATER 60

/* ---- what is sealed ---- */

static finq_error *order_seal(finq_bytes *sealed, const char *text, const finq_request *request)
{
    apr_pool_t *pool = request->r->pool;
    const char *plain = apr_psprintf(pool, "%c%s", SEALED_ORDER, text);
    unsigned char *bytes = apr_palloc(pool, strlen(plain) + FINQ_SEAL_OVERHEAD);
    FINQ_TRY(finq_secret_seal(finq_secrets_first(request->config->secrets), bytes, plain, strlen(plain), pool));
    *sealed = (finq_bytes){bytes, strlen(plain) + FINQ_SEAL_OVERHEAD};
    return NULL;
}

static finq_error *order_open(const json_t **ordered, finq_bytes sealed, const finq_request *request)
{
    apr_pool_t *pool = request->r->pool;
    apr_size_t length = sealed.length > FINQ_SEAL_OVERHEAD ? sealed.length - FINQ_SEAL_OVERHEAD : 0;
    char *plain = apr_pcalloc(pool, length + 1);
    finq_seal seal;
    FINQ_TRY(finq_secrets_open(&seal, request->config->secrets, (unsigned char *)plain, sealed, pool));
    if (!seal.secret || plain[0] != SEALED_ORDER)
        return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR,
                                   "the sandbox bank's order was sealed with a secret that is not in this server's file");
    return finq_sandbox_ordered(ordered, plain + 1, pool);
}

/* ---- the ledger ---- */

static finq_error *order_read(finq_sandbox_order *order, const finq_sandbox_order_answer_row *row, const finq_id *attempt,
                              apr_pool_t *pool)
{
    *order = (finq_sandbox_order){.attempt = *attempt,
                                  .decision = row->decision,
                                  .authorised_at = row->authorised_at,
                                  .now = row->now,
                                  .is_first = row->is_first};
    return finq_sandbox_order_read(order, row->transfers, pool);
}

static finq_error *order_take(finq_sandbox_order_answer_row *row, finq_request *request, const finq_connector_question *question,
                              const finq_id *request_id)
{
    apr_pool_t *pool = request->r->pool;
    finq_sandbox_telling telling;
    finq_sandbox_order_tell(&telling, question, pool);
    finq_sandbox_order_take_in in = {
        .attempt = &question->attempt,
        .session_id = &question->session_id,
        .message_id = telling.message_id,
        .body_hash = {telling.hash, sizeof telling.hash},
        .transfers = telling.transfers,
        .seconds = question->state ? FINQ_SANDBOX_PAGE_SECONDS : 0,
        .request_id = request_id,
    };
    FINQ_TRY(order_seal(&in.sealed, telling.text, request));
    return finq_call_sandbox_order_take(row, request->service.db, &in, pool);
}

static finq_error *order_look(finq_sandbox_order_answer_row *row, finq_request *request, const finq_id *attempt,
                              const char *event, const finq_id *request_id)
{
    finq_sandbox_order_look_in in = {.attempt = attempt, .event = event, .request_id = request_id};
    return finq_call_sandbox_order_look(row, request->service.db, &in, request->r->pool);
}

/* What becomes of an answer on its way. */
static finq_error *order_pass(const finq_sandbox_order *order, apr_pool_t *pool)
{
    switch (finq_sandbox_order_manner(order)) {
    case FINQ_SANDBOX_SLOW:
        apr_sleep(SLOW);
        return NULL;
    case FINQ_SANDBOX_LOSES:
    case FINQ_SANDBOX_SILENT:
        return finq_error_make(pool, FINQ_E_EXTERNAL_API_CONNECTION_ERROR, "its answer about a payment is lost");
    default:
        return NULL;
    }
}

finq_error *finq_sandbox_orders_answer(const char **text, finq_request *request, const finq_connector_question *question,
                                       const char *page)
{
    apr_pool_t *pool = request->r->pool;
    finq_sandbox_order_answer_row row;
    finq_sandbox_order order;
    finq_id request_id;
    const char *address = NULL;
    finq_id_parse(&request_id, request->id);
    if (question->event == FINQ_CONNECTOR_RETURN)
        FINQ_TRY(order_look(&row, request, &question->attempt, "return", &request_id));
    else {
        FINQ_TRY(order_take(&row, request, question, &request_id));
        address = finq_sandbox_address(question, page, pool);
    }
    if (strcmp(row.outcome, "ok") != 0)
        return finq_error_make(pool, FINQ_E_EXTERNAL_API_FORBIDDEN, "it has another order of that attempt, or none");
    FINQ_TRY(order_read(&order, &row, &question->attempt, pool));
    FINQ_TRY(order_pass(&order, pool));
    *text = finq_sandbox_order_answer(&order, address, pool);
    return NULL;
}

finq_error *finq_sandbox_orders_state(const char **text, finq_request *request, const finq_id *attempt)
{
    apr_pool_t *pool = request->r->pool;
    finq_sandbox_order_answer_row row;
    finq_sandbox_order order;
    finq_id request_id;
    finq_id_parse(&request_id, request->id);
    FINQ_TRY(order_look(&row, request, attempt, "payment", &request_id));
    FINQ_TRY(order_read(&order, &row, attempt, pool));
    FINQ_TRY(order_pass(&order, pool));
    *text = finq_sandbox_order_state(&order, pool);
    return NULL;
}

finq_error *finq_sandbox_orders_approve(finq_request *request, const finq_id *attempt)
{
    finq_sandbox_order_answer_row row;
    return order_look(&row, request, attempt, "later", NULL);
}

/* ---- visits ---- */

static finq_error *visit_begin(finq_id *attempt, const finq_sandbox_visit *visit, finq_request *request)
{
    if (!request->config->runtime)
        return finq_error_make(request->r->pool, FINQ_E_INVALID_FIELD, "This bank takes no payments.");
    finq_request_database(request, request->r->pool);
    finq_id_parse(attempt, visit->order);
    return NULL;
}

static finq_error *visited_read(finq_sandbox_visited *visited, const finq_sandbox_order_answer_row *row, apr_pool_t *pool)
{
    if (strcmp(row->outcome, "ok") != 0)
        return finq_error_make(pool, FINQ_E_INVALID_FIELD,
                               "The link to this page is about a payment that this bank does not know.");
    if (!row->is_open && !row->decision)
        return finq_error_make(pool, FINQ_E_INVALID_FIELD, "This page has waited too long. Nothing was paid.");
    visited->is_decided = row->decision != NULL;
    visited->is_agreed = row->decision && strcmp(row->decision, "authorised") == 0;
    return NULL;
}

finq_error *finq_sandbox_orders_look(finq_sandbox_visited *visited, finq_sandbox_visit *visit, finq_request *request)
{
    finq_sandbox_order_answer_row row;
    finq_id attempt;
    FINQ_TRY(visit_begin(&attempt, visit, request));
    FINQ_TRY(order_look(&row, request, &attempt, "page", NULL));
    FINQ_TRY(visited_read(visited, &row, request->r->pool));
    return visited->is_decided ? NULL : order_open(&visit->ordered, row.sealed, request);
}

finq_error *finq_sandbox_orders_decide(finq_sandbox_visited *visited, const finq_sandbox_visit *visit, finq_request *request)
{
    int is_agreed = finq_sandbox_is_agreed(visit);
    finq_sandbox_order_answer_row row;
    finq_id attempt;
    finq_sandbox_order_decide_in in = {.attempt = &attempt,
                                       .decision = is_agreed ? "authorised" : "cancelled",
                                       .seconds = strcmp(visit->choice, "later") == 0 ? LATER : 0,
                                       .account = *visit->account ? visit->account : NULL};
    FINQ_TRY(visit_begin(&attempt, visit, request));
    FINQ_TRY(finq_call_sandbox_order_decide(&row, request->service.db, &in, request->r->pool));
    return visited_read(visited, &row, request->r->pool);
}
