#include "flow/step.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <string.h>

#include "bank/link.h"
#include "crypto/digest.h"
#include "db/calls.h"
#include "db/outcome.h"
#include "flow/feed.h"
#include "flow/payment.h"
#include "flow/sealed.h"
#include "flow/token.h"
#include "ground/clock.h"

/* What the database tells of the session before the step is taken. */
typedef struct {
    const char *tenant_user_id;
    json_t *data; /* of the steps so far, this one included, by name */
    json_t *documents;
    int repeated; /* the request was answered before: nobody needs to be asked again */
} context;

/* How long a submission waits for another one of its step. */
#define AWAIT_MOST apr_time_from_sec(10)

static const char *link_of(const finq_step_submission *submission)
{
    return json_string_value(json_object_get(submission->data, "psu_redirect_link"));
}

/* ---- the session so far ---- */

static finq_error *context_call(finq_step_context_out *row, const finq_step_plan *plan, const finq_service *service,
                                const finq_step_submission *submission, apr_pool_t *pool)
{
    const finq_session_pass *pass = submission->pass;
    const char *link = pass->step->connector && !submission->comes_home ? link_of(submission) : NULL;
    finq_step_context_in in = {
        .client_id = &pass->token.client_id,
        .session_id = &pass->token.session_id,
        .skill_id = pass->token.skill_id,
        .ordinal = pass->token.ordinal,
        .app_key_id = pass->token.app_key_id,
        .generation = pass->token.generation,
        .body_hash = {submission->body_hash, FINQ_DIGEST_SHA256},
        .required = finq_session_required_before(pass, pool),
        .started_at = apr_time_sec(finq_id_time(&pass->token.session_id)),
        .session_ttl = service->session_ttl,
        .return_link = link ? finq_link_folded(link, pool) : NULL,
        .attempt = pass->step->connector ? &plan->attempt : NULL,
        .renews = pass->token.renews,
        .request_id = &plan->request_id,
        .claim = FINQ_STEP_CLAIM,
    };
    FINQ_TRY(finq_session_user_mac(&in.user_mac, pass, service, pool));
    return finq_call_step_context(row, service->db, &in, pool);
}

/* A look at a time, while another attempt has the step; what was seen before is forgotten. */
static finq_error *context_await(finq_step_context_out *row, const finq_step_plan *plan, const finq_service *service,
                                 const finq_step_submission *submission, apr_pool_t *pool)
{
    apr_time_t until = finq_clock_steady() + AWAIT_MOST;
    apr_pool_t *look;
    apr_pool_create(&look, pool);
    FINQ_TRY(context_call(row, plan, service, submission, look));
    while (strcmp(row->outcome, "step_claimed") == 0 && finq_clock_steady() < until &&
           service->connectors->pause(service->connectors)) {
        apr_pool_clear(look);
        FINQ_TRY(context_call(row, plan, service, submission, look));
    }
    return NULL;
}

/* One of the steps so far, as the database has it: {name, step_id, data}, the latter sealed, in hexadecimal digits. */
static finq_error *step_open(json_t *data, const json_t *step, const finq_data_key *key, const finq_step_submission *submission,
                             apr_pool_t *pool)
{
    const finq_id *of = &submission->pass->token.session_id;
    const char *text, *digits = finq_json_string(step, "data");
    finq_bytes sealed;
    finq_id step_id;
    json_t *opened;
    sealed.data = apr_pdecode_base16_binary(pool, digits, APR_ENCODE_STRING, APR_ENCODE_NONE, &sealed.length);
    finq_id_parse(&step_id, finq_json_string(step, "step_id"));
    FINQ_TRY(finq_data_key_open(&text, key, FINQ_DATA_PLACE(FINQ_SEALED_STEP, of, &step_id), sealed, pool));
    FINQ_TRY(finq_json_stored(&opened, submission->numbers, text, pool));
    json_object_set(data, finq_json_string(step, "name"), opened);
    return NULL;
}

static finq_error *context_parse(context *seen, const finq_step_context_out *row, const finq_data_key *key,
                                 const finq_step_submission *submission, apr_pool_t *pool)
{
    json_t *wrapped, *step;
    size_t i;
    const char *text = apr_pstrcat(pool, "{\"steps\":", row->steps, ",\"documents\":", row->documents, "}", NULL);
    FINQ_TRY(finq_json_stored(&wrapped, NULL, text, pool));
    FINQ_TRY(finq_sealed_user_open(&seen->tenant_user_id, key, &submission->pass->token.client_id, row->tenant_user_id, pool));
    seen->data = finq_json_own(json_object(), pool);
    seen->documents = json_object_get(wrapped, "documents");
    json_array_foreach(json_object_get(wrapped, "steps"), i, step) FINQ_TRY(step_open(seen->data, step, key, submission, pool));
    return NULL;
}

static finq_error *context_read(context *seen, finq_step_plan *plan, const finq_service *service,
                                const finq_step_submission *submission, apr_pool_t *pool)
{
    const finq_session_pass *pass = submission->pass;
    finq_step_context_out row;
    plan->claimed = pass->step->connector != NULL; /* or may be, where the answer was lost */
    FINQ_TRY(context_await(&row, plan, service, submission, pool));
    plan->claimed = plan->claimed && strcmp(row.outcome, "ok") == 0;
    seen->repeated = strcmp(row.outcome, "repeat") == 0;
    if (seen->repeated)
        return NULL;
    if (strcmp(row.outcome, "link_not_allowed") == 0)
        return finq_error_make(pool, FINQ_E_INVALID_FIELD,
                               "data.psu_redirect_link is not one that this tenant's users may be sent back to.");
    if (strcmp(row.outcome, "ok") != 0)
        return finq_outcome_error(row.outcome, row.missing, pass->step->name, pool);
    FINQ_TRY(context_parse(seen, &row, plan->key, submission, pool));
    if (pass->token.ordinal == 1) /* no row yet: it stands in the nonce */
        seen->tenant_user_id = pass->token.tenant_user_id;
    json_object_set(seen->data, pass->step->name, (json_t *)submission->data);
    return NULL;
}

/* ---- the connector ---- */

/* The same for a request that is sent again, so that a connector can tell a retry from something new. */
static finq_id attempt_id(const finq_step_submission *submission)
{
    unsigned char hash[FINQ_DIGEST_SHA256], text[16 + FINQ_DIGEST_SHA256];
    memcpy(text, submission->pass->step_id.bytes, 16);
    memcpy(text + 16, submission->body_hash, FINQ_DIGEST_SHA256);
    finq_digest_sha256(hash, text, sizeof text);
    return finq_id_v7(finq_id_time(&submission->pass->token.session_id), hash);
}

/* What the bank sends back: sealed, so that only a state that we gave is ever looked up. */
static finq_error *state_seal(const char **state, const finq_service *service, const finq_session_pass *pass, apr_pool_t *pool)
{
    finq_token token = pass->token;
    token.kind = FINQ_TOKEN_STATE;
    token.app_key_id = 0;
    token.tenant_user_id = NULL;
    token.data_key = (finq_bytes){NULL, 0};
    /* no bank's page lasts longer than a day, and the database knows how long this one does; the same at each attempt */
    token.expires_at = pass->token.expires_at + FINQ_CONNECTOR_REDIRECT_MOST;
    return finq_token_seal(state, &token, finq_secrets_first(service->secrets), pool);
}

static finq_error *question_make(finq_connector_question *question, const finq_step_plan *plan, const finq_service *service,
                                 const context *seen, const finq_step_submission *submission, apr_pool_t *pool)
{
    const finq_session_pass *pass = submission->pass;
    question->event = FINQ_CONNECTOR_SUBMIT;
    question->session_id = pass->token.session_id;
    question->step_id = pass->step_id;
    question->attempt = plan->attempt;
    question->skill = pass->published->skill->name;
    question->environment = pass->published->skill->environment;
    question->step = pass->step->name;
    question->tenant_user_id = seen->tenant_user_id;
    question->data = submission->data;
    question->numbers = submission->numbers;
    question->documents = seen->documents;
    question->payee_check = pass->step->is_payment ? json_object_get(seen->data, FINQ_ORDER_PAYEE_STEP) : NULL;
    if (!link_of(submission))
        return NULL;
    question->redirect_uri =
        apr_pstrcat(pool, service->connectors->return_uri(service->connectors, pool), pass->step->name, NULL);
    return state_seal(&question->state, service, pass, pool);
}

static finq_error *redirect_plan(finq_step_plan *plan, const finq_connector_answer *answer,
                                 const finq_step_submission *submission, apr_pool_t *pool)
{
    if (!link_of(submission))
        return finq_connector_unusable(pool, "the connector answers redirect, but the step has no psu_redirect_link");
    json_t *reply = json_pack("{s:s, s:s, s:O}", "method", answer->method, "url", answer->url, "headers", answer->headers);
    plan->waits = FINQ_WAITS_FOR_BANK;
    plan->reply = finq_json_text(finq_json_own(reply, pool), pool);
    plan->return_link = link_of(submission);
    plan->return_until = answer->expires_at;
    return NULL;
}

static finq_error *rejection(const finq_connector_answer *answer, apr_pool_t *pool)
{
    finq_error *error = finq_error_make(pool, FINQ_E_INVALID_INPUT, "The data was not accepted: see details.");
    error->details = answer->details;
    return error;
}

/* A verdict, as a plan; what is accepted may still wait for a person. */
static finq_error *verdict_plan(finq_step_plan *plan, const finq_connector_answer *answer, const finq_step_submission *submission,
                                apr_pool_t *pool)
{
    switch (answer->verdict) {
    case FINQ_CONNECTOR_ACCEPTED:
        plan->reply = answer->data;
        return NULL;
    case FINQ_CONNECTOR_REJECTED:
        return rejection(answer, pool);
    case FINQ_CONNECTOR_REDIRECT:
        return redirect_plan(plan, answer, submission, pool);
    case FINQ_CONNECTOR_PENDING:
        plan->waits = FINQ_WAITS_FOR_DECISION;
        break;
    case FINQ_CONNECTOR_FAILED:
        plan->status = FINQ_STATUS_FAILED;
        break;
    }
    plan->reasons = finq_json_texts(answer->reasons, pool);
    return NULL;
}

/* An order is written down before its bank hears of it, and what the bank says of it before anything else comes of that. */
static finq_error *order_ask(finq_connector_answer *answer, const finq_connector_question *of_step, const finq_step_plan *plan,
                             const finq_service *service, const finq_step_submission *submission, apr_pool_t *pool)
{
    finq_connector_question question = *of_step;
    finq_payment payment;
    FINQ_TRY(finq_payment_begin(&payment, service, submission, plan->key, pool));
    question.attempt = payment.attempt;
    question.payment_id = &payment.payment_id;
    FINQ_TRY(service->connectors->ask(service->connectors, answer, submission->pass->step->connector, &question, pool));
    return finq_payment_answered(&payment, service, answer, pool);
}

static finq_error *connector_ask(finq_connector_answer *answer, const finq_step_plan *plan, const finq_service *service,
                                 const context *seen, const finq_step_submission *submission, apr_pool_t *pool)
{
    const finq_skill_step *step = submission->pass->step;
    finq_connectors *connectors = service->connectors;
    finq_connector_question question = {0};
    FINQ_TRY(question_make(&question, plan, service, seen, submission, pool));
    FINQ_TRY(connectors->enter(connectors, step->connector));
    finq_error *error = step->is_payment ? order_ask(answer, &question, plan, service, submission, pool)
                                         : connectors->ask(connectors, answer, step->connector, &question, pool);
    connectors->leave(connectors, step->connector);
    return error || !step->order || step->is_payment ? error : finq_payee_check(answer, submission->data, pool);
}

/* Where a skill checks payees, an order pays those alone that this session has checked. */
static finq_error *order_check(const context *seen, const finq_step_submission *submission, apr_pool_t *pool)
{
    const finq_session_pass *pass = submission->pass;
    finq_order order;
    if (!pass->step->is_payment)
        return NULL;
    FINQ_TRY(finq_order_read(&order, submission->data, finq_clock_seconds(), pool));
    if (finq_skill_step_find(pass->published->skill, FINQ_ORDER_PAYEE_STEP) < 0)
        return NULL;
    return finq_order_payees_check(&order, json_object_get(seen->data, FINQ_ORDER_PAYEE_STEP), pool);
}

/* What it is to be asked for account data with. */
static finq_error *reference_keep(const finq_service *service, const finq_connector_answer *answer,
                                  const finq_step_submission *submission, apr_pool_t *pool)
{
    const finq_session_pass *pass = submission->pass;
    const finq_feed_visit seen = {&pass->token, pass->published, pass->step->connector, answer->reference};
    return finq_feed_keep(service, &seen, pool);
}

/* ---- the plan ---- */

/* A skill may want a person to look at what nobody else decides later. */
static void plan_settle(finq_step_plan *plan, const finq_skill_step *step)
{
    if (finq_status_is_final(plan->status)) /* the connector has ended it */
        return;
    if (step->review && plan->waits == FINQ_WAITS_FOR_NOBODY)
        plan->waits = FINQ_WAITS_FOR_DECISION;
    plan->status = finq_status_after(plan->waits, plan->next);
}

static finq_error *plan_fill(finq_step_plan *plan, const finq_service *service, const finq_step_submission *submission,
                             apr_pool_t *pool)
{
    const finq_session_pass *pass = submission->pass;
    finq_connector_answer answer;
    context seen = {0};
    if (pass->step->connector || pass->step->branch_count > 0)
        FINQ_TRY(context_read(&seen, plan, service, submission, pool));
    if (seen.repeated)
        return NULL; /* the session's row has the answer */
    plan->next = finq_skill_next(pass->published->skill, pass->token.place, seen.data, submission->numbers, pool);
    if (pass->step->connector) {
        FINQ_TRY(order_check(&seen, submission, pool));
        FINQ_TRY(connector_ask(&answer, plan, service, &seen, submission, pool));
        FINQ_TRY(reference_keep(service, &answer, submission, pool));
        FINQ_TRY(verdict_plan(plan, &answer, submission, pool));
    }
    plan_settle(plan, pass->step);
    return NULL;
}

finq_error *finq_step_plan_make(finq_step_plan *plan, const finq_service *service, const finq_step_submission *submission,
                                apr_pool_t *pool)
{
    *plan = (finq_step_plan){.status = FINQ_STATUS_IN_PROGRESS, .attempt = attempt_id(submission)};
    FINQ_TRY(finq_session_data_key(&plan->key, submission->pass, service, pool));
    if (submission->pass->step->connector && link_of(submission))
        FINQ_TRY(finq_link_check(link_of(submission), pool));
    FINQ_TRY(finq_id_new(&plan->request_id, pool));
    finq_error *error = plan_fill(plan, service, submission, pool);
    if (error)
        finq_step_plan_give_up(plan, service, submission, pool);
    return error;
}

void finq_step_plan_give_up(const finq_step_plan *plan, const finq_service *service, const finq_step_submission *submission,
                            apr_pool_t *pool)
{
    const finq_token *token = &submission->pass->token;
    finq_step_release_out row;
    finq_step_release_in in = {.session_id = &token->session_id, .ordinal = token->ordinal, .attempt = &plan->attempt};
    if (plan->claimed)
        finq_call_step_release(&row, service->db, &in, pool);
}
