#include "flow/step.h"

#include <apr_strings.h>
#include <string.h>

#include "crypto/digest.h"
#include "db/calls.h"
#include "db/outcome.h"
#include "flow/sealed.h"

static finq_error *submission_check(const finq_step_submission *submission, apr_pool_t *pool)
{
    const finq_session_pass *pass = submission->pass;
    if (strcmp(submission->skill, pass->published->skill->name) != 0)
        return finq_error_make(pool, FINQ_E_INVALID_SKILL_NAME, "skill is not the session's, which is %s.",
                               pass->published->skill->name);
    if (strcmp(submission->step, pass->step->name) != 0)
        return finq_error_tell(finq_error_make(pool, FINQ_E_INVALID_STEP, "The step expected now is %s.", pass->step->name),
                               "expected_step", pass->step->name, pool);
    FINQ_TRY(finq_form_check(pass->step->form, submission->data, submission->numbers, pool));
    return pass->step->order ? finq_form_check(pass->step->order, submission->data, submission->numbers, pool) : NULL;
}

static finq_error *values_seal(finq_submit_step_in *in, const finq_step_submission *submission, const finq_step_plan *plan,
                               apr_pool_t *pool)
{
    const finq_id *of = &submission->pass->token.session_id, *step_id = &submission->pass->step_id;
    const char *data = finq_json_text_spelt(submission->data, submission->numbers, pool);
    if (!data)
        return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "writing data: out of memory");
    FINQ_TRY(finq_data_key_seal(&in->data, plan->key, FINQ_DATA_PLACE(FINQ_SEALED_STEP, of, step_id), data, pool));
    FINQ_TRY(finq_data_key_seal(&in->reply, plan->key, FINQ_DATA_PLACE(FINQ_SEALED_ANSWER, of, step_id), plan->reply, pool));
    FINQ_TRY(finq_data_key_seal(&in->reasons, plan->key, FINQ_DATA_PLACE(FINQ_SEALED_REASONS, of, step_id), plan->reasons, pool));
    FINQ_TRY(
        finq_data_key_seal(&in->return_link, plan->key, FINQ_DATA_PLACE(FINQ_SEALED_LINK, of, step_id), plan->return_link, pool));
    return finq_sealed_user(&in->tenant_user_id, plan->key, in->client_id, submission->pass->token.tenant_user_id, pool);
}

/* How long the token is good that leads on from a session that stands so. */
static int answer_ttl(const finq_service *service, finq_status status)
{
    return finq_status_onward(status, 0) == FINQ_ONWARD_TEMP_TOKEN ? service->temp_token_ttl : service->nonce_ttl;
}

static finq_error *submit_call(finq_submit_step_out *row, const finq_service *service, const finq_step_submission *submission,
                               const finq_step_plan *plan, apr_pool_t *pool)
{
    const finq_session_pass *pass = submission->pass;
    const finq_token *token = &pass->token;
    finq_submit_step_in in = {
        .client_id = &token->client_id,
        .session_id = &token->session_id,
        .skill_id = token->skill_id,
        .ordinal = token->ordinal,
        .app_key_id = token->app_key_id,
        .started_at = apr_time_sec(finq_id_time(&token->session_id)),
        .nonce_expires_at = token->expires_at,
        .step_id = &pass->step_id,
        .step_name = pass->step->name,
        .body_hash = {submission->body_hash, FINQ_DIGEST_SHA256},
        .required = finq_session_required_before(pass, pool),
        .status = finq_status_name(plan->status),
        .secret_id = finq_secret_id(finq_secrets_first(service->secrets)),
        .answer_ttl = answer_ttl(service, plan->status),
        .session_ttl = service->session_ttl,
        .generation = token->generation,
        .place = token->place,
        .next_place = plan->next,
        .waits_for = finq_waits_name(plan->waits),
        .return_until = plan->return_until,
        .attempt = plan->claimed ? &plan->attempt : NULL,
        .renews = token->renews,
        .data_key = token->data_key,
    };
    FINQ_TRY(values_seal(&in, submission, plan, pool));
    FINQ_TRY(finq_session_user_mac(&in.user_mac, pass, service, pool));
    return finq_call_submit_step(row, service->db, &in, pool);
}

/* The token that the answer carries is made from what the row says, so that it is the same each time. */
static finq_error *answer_seal(finq_step_answer *answer, const finq_service *service, const finq_session_pass *pass,
                               const finq_submit_step_out *row, apr_pool_t *pool)
{
    const finq_secret *secret = finq_secrets_find(service->secrets, row->secret_id);
    finq_onward onward = finq_status_onward(answer->status, row->waits_for != NULL);
    int completed = onward == FINQ_ONWARD_TEMP_TOKEN;
    finq_token token = {
        .kind = completed ? FINQ_TOKEN_TEMP : FINQ_TOKEN_NONCE,
        .ordinal = pass->token.ordinal + !completed,
        .place = completed ? pass->token.place : row->next_place,
        .previous = completed ? 0 : pass->token.place,
        .generation = pass->token.generation,
        .expires_at = answer->expires_at,
        .client_id = pass->token.client_id,
        .session_id = pass->token.session_id,
        .skill_id = pass->token.skill_id,
        .data_key = completed ? (finq_bytes){NULL, 0} : pass->token.data_key,
    };
    if (onward == FINQ_ONWARD_NOTHING)
        return NULL;
    if (!secret)
        return finq_error_internal(pool, FINQ_E_SERVICE_UNAVAILABLE,
                                   "the secret that sealed an earlier answer is not in this server's secret file");
    if (!completed)
        answer->next_step = pass->published->skill->steps[row->next_place - 1].name;
    return finq_token_seal(completed ? &answer->temp_token : &answer->nonce, &token, secret, pool);
}

static finq_error *answer_open(finq_step_answer *answer, const finq_data_key *key, const finq_id *of,
                               const finq_submit_step_out *row, apr_pool_t *pool)
{
    const char *reasons;
    FINQ_TRY(finq_data_key_open(&answer->data, key, FINQ_DATA_PLACE(FINQ_SEALED_ANSWER, of, row->step_id), row->reply, pool));
    FINQ_TRY(finq_data_key_open(&reasons, key, FINQ_DATA_PLACE(FINQ_SEALED_REASONS, of, row->step_id), row->reasons, pool));
    return finq_sealed_reasons(&answer->reasons, reasons, pool);
}

finq_error *finq_step_submit(finq_step_answer *answer, const finq_service *service, const finq_step_submission *submission,
                             apr_pool_t *pool)
{
    const finq_session_pass *pass = submission->pass;
    finq_submit_step_out row;
    finq_step_plan plan;
    FINQ_TRY(submission_check(submission, pool));
    FINQ_TRY(finq_step_plan_make(&plan, service, submission, pool));
    finq_error *error = submit_call(&row, service, submission, &plan, pool);
    if (error) {
        finq_step_plan_give_up(&plan, service, submission, pool);
        return error;
    }
    if (strcmp(row.outcome, "ok") != 0)
        return finq_outcome_error(row.outcome, row.missing, pass->step->name, pool);
    *answer = (finq_step_answer){.step_id = *row.step_id, .expires_at = row.expires_at};
    FINQ_TRY(finq_status_read(&answer->status, row.status, pool));
    answer->submitted_at = row.expires_at - answer_ttl(service, answer->status);
    FINQ_TRY(answer_open(answer, plan.key, &pass->token.session_id, &row, pool));
    return answer_seal(answer, service, pass, &row, pool);
}
