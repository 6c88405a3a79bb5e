#include "httpd/sandbox_bank.h"

#include <apr_strings.h>
#include <http_log.h>
#include <string.h>

#include "bank/sandbox.h"
#include "db/calls.h"
#include "flow/payment.h"
#include "flow/waiting.h"
#include "httpd/sandbox_orders.h"

APLOG_USE_MODULE(finq);

/* How slow a slow bank is, and how much later one approves later. */
#define SLOW apr_time_from_sec(3)
#define LATER apr_time_from_sec(2)

/* A decision over a step that waits. */
typedef struct {
    finq_connector_decision decision;
    const char *connector;
    const finq_id *order; /* the attempt, where the step orders a payment; else NULL */
} later;

/* The user approves the order, and how it stands then is told without being asked. */
static finq_error *order_tell(finq_request *request, const later *of)
{
    apr_pool_t *pool = request->r->pool;
    finq_payment_answer answer;
    const char *text, *phase;
    FINQ_TRY(finq_sandbox_orders_approve(request, of->order));
    FINQ_TRY(finq_sandbox_orders_state(&text, request, of->order));
    FINQ_TRY(finq_payment_answer_read(&answer, text, strlen(text), pool));
    const finq_connector_decision told = {.step_id = of->decision.step_id, .payment = &answer.state, .attempt = of->order};
    return finq_payment_notice(&phase, &request->service, &told, of->connector, pool);
}

/* The client has its answer; only this thread waits. */
static void decide(finq_request *request, void *afterwards)
{
    const later *of = afterwards;
    apr_pool_t *pool = request->r->pool;
    finq_status status;
    apr_sleep(LATER);
    finq_request_database(request, pool);
    finq_error *error = of->order ? order_tell(request, of) : NULL;
    if (!error)
        error = finq_waiting_decide(&status, &request->service, &of->decision, of->connector, pool);
    if (error) /* its user has gone back, or the session has ended */
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, request->r, "FINQ17: the sandbox bank's decision: %s", finq_error_why(error));
}

static void decide_later(finq_request *request, const finq_connector *connector, const finq_connector_question *question)
{
    later *of = apr_palloc(request->r->pool, sizeof *of);
    of->connector = connector->name;
    of->decision = (finq_connector_decision){
        .step_id = question->step_id, .decision = "accepted", .reasons = apr_array_make(request->r->pool, 1, sizeof(char *))};
    of->order =
        finq_sandbox_is_order(question) ? apr_pmemdup(request->r->pool, &question->attempt, sizeof question->attempt) : NULL;
    request->afterwards = decide;
    request->afterwards_of = of;
}

finq_error *finq_sandbox_bank_ask(const char **text, finq_request *request, const finq_connector *connector,
                                  const finq_connector_question *question)
{
    apr_pool_t *pool = request->r->pool;
    const char *choice = finq_sandbox_code_read(question->code, pool).choice;
    if (strcmp(question->environment, "sandbox") != 0)
        return finq_error_make(pool, FINQ_E_EXTERNAL_API_FORBIDDEN, "it serves skills of environment sandbox alone");
    if (strcmp(choice, "slow") == 0)
        apr_sleep(SLOW);
    if (strcmp(choice, "later") == 0)
        decide_later(request, connector, question);
    const char *page = apr_pstrcat(pool, finq_request_address(request->r, pool), connector->page, NULL);
    if (finq_sandbox_is_order(question))
        return finq_sandbox_orders_answer(text, request, question, page);
    *text = finq_sandbox_answer(question, page, pool);
    return NULL;
}

/* The world as a refresh has found it: it stands still until its end. */
typedef struct {
    finq_id attempt;
    finq_sandbox_world world;
} refreshed;

/* A refresh begins with the first page of accounts. */
static finq_error *world_look(finq_sandbox_world *world, finq_request *request, const finq_bank_question *question)
{
    apr_pool_t *pool = request->r->pool;
    finq_sandbox_look_out row;
    finq_sandbox_look_in in = {.customer = finq_sandbox_code_read(question->reference, pool).customer,
                               .attempt = &question->attempt,
                               .counts = question->ask == FINQ_BANK_ACCOUNTS && !question->next,
                               .is_attended = question->is_attended};
    FINQ_TRY(finq_call_sandbox_look(&row, request->service.db, &in, pool));
    *world = (finq_sandbox_world){row.seed, row.today, row.days, row.reads, row.unattended, finq_sandbox_memory_new(pool)};
    return NULL;
}

static finq_error *world_find(const finq_sandbox_world **world, finq_request *request, const finq_bank_question *question)
{
    static const char key[] = "finq sandbox world";
    apr_pool_t *pool = request->r->pool;
    void *kept;
    apr_pool_userdata_get(&kept, key, pool);
    refreshed *of = kept;
    if (!of || memcmp(&of->attempt, &question->attempt, sizeof of->attempt) != 0) {
        of = apr_palloc(pool, sizeof *of);
        of->attempt = question->attempt;
        FINQ_TRY(world_look(&of->world, request, question));
        apr_pool_userdata_setn(of, key, NULL, pool);
    }
    *world = &of->world;
    return NULL;
}

finq_error *finq_sandbox_bank_ask_data(const char **text, finq_request *request, const finq_bank_question *question,
                                       apr_pool_t *pool)
{
    const finq_sandbox_world *world;
    if (strcmp(question->environment, "sandbox") != 0)
        return finq_error_make(pool, FINQ_E_EXTERNAL_API_FORBIDDEN, "it serves skills of environment sandbox alone");
    if (question->ask == FINQ_BANK_REVOCATION) { /* its references hold all that it knows of a consent */
        *text = "{\"revoked\":true}";
        return NULL;
    }
    FINQ_TRY(world_find(&world, request, question));
    apr_sleep(apr_time_from_sec(finq_sandbox_pause(question, world, pool)));
    return finq_sandbox_data(text, question, world, pool);
}

finq_error *finq_sandbox_bank_ask_payment(const char **text, finq_request *request, const finq_payment_question *question)
{
    if (strcmp(question->environment, "sandbox") != 0)
        return finq_error_make(request->r->pool, FINQ_E_EXTERNAL_API_FORBIDDEN, "it serves skills of environment sandbox alone");
    return finq_sandbox_orders_state(text, request, &question->attempt);
}
