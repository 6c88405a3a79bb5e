#include "httpd/sandbox_bank.h"

#include <apr_strings.h>
#include <http_log.h>
#include <string.h>

#include "bank/sandbox.h"
#include "flow/waiting.h"
#include "httpd/dbd.h"

APLOG_USE_MODULE(finq);

/* How slow a slow bank is, and how much later one approves later. */
#define SLOW apr_time_from_sec(3)
#define LATER apr_time_from_sec(2)

/* A decision over a step that waits. */
typedef struct {
    finq_connector_decision decision;
    const char *connector;
} later;

/* The client has its answer; only this thread waits. */
static void decide(finq_request *request, void *afterwards)
{
    const later *of = afterwards;
    apr_pool_t *pool = request->r->pool;
    finq_status status;
    apr_sleep(LATER);
    request->service.db = finq_dbd_of(request->r->server, request->config->runtime->gate, pool);
    finq_error *error = finq_waiting_decide(&status, &request->service, &of->decision, of->connector, pool);
    if (error) /* its user has gone back, or the session has ended */
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, request->r, "FINQ17: the sandbox bank's decision: %s", finq_error_why(error));
}

static void decide_later(finq_request *request, const finq_connector *connector, const finq_connector_question *question)
{
    later *of = apr_palloc(request->r->pool, sizeof *of);
    of->connector = connector->name;
    of->decision = (finq_connector_decision){question->step_id, "accepted", apr_array_make(request->r->pool, 1, sizeof(char *))};
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
    *text = finq_sandbox_answer(question, apr_pstrcat(pool, finq_request_address(request->r, pool), connector->page, NULL), pool);
    return NULL;
}
