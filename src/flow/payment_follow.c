#include <string.h>

#include "db/calls.h"
#include "db/outcome.h"
#include "payment_book.h"

/* ---- told without being asked ---- */

finq_error *finq_payment_notice(const char **phase, const finq_service *service, const finq_connector_decision *told,
                                const char *connector, apr_pool_t *pool)
{
    finq_payment_of_step_in in = {
        .step_id = &told->step_id, .attempt = told->attempt, .tenant = service->tenant, .connector = connector};
    finq_payment_of_step_out row;
    finq_data_key *key;
    FINQ_TRY(finq_call_payment_of_step(&row, service->db, &in, pool));
    if (!row.payment_id)
        return finq_outcome_error("invalid_step_id", NULL, NULL, pool);
    if (row.orders > 1)
        return finq_error_make(pool, FINQ_E_INVALID_FIELD, "attempt is missing: the step had several orders.");
    FINQ_TRY(finq_data_key_unwrap(&key, service->data_keys, row.data_key, pool));
    finq_payment payment = {.payment_id = *row.payment_id, .session_id = *row.session_id, .version = row.version, .key = key};
    FINQ_TRY(payment_book_open(&payment, row.book, pool));
    FINQ_TRY(payment_book_tell(&payment, service, &(payment_news){.state = told->payment, .source = "notice"}, pool));
    *phase = finq_phase_name(finq_phase_of(payment.book));
    return NULL;
}

/* ---- asked ---- */

static finq_error *question_make(finq_payment_question *question, const finq_service *service, const finq_payment *payment,
                                 const finq_payment_claim_out *claim, apr_pool_t *pool)
{
    const finq_published *published;
    FINQ_TRY(finq_directory_skill(&published, service->directory, service->db, claim->skill_id, pool));
    *question = (finq_payment_question){
        .attempt = *claim->attempt,
        .payment_id = payment->payment_id,
        .session_id = payment->session_id,
        .step_id = *claim->step_id,
        .skill = published->skill->name,
        .environment = published->skill->environment,
    };
    return finq_data_key_open(&question->reference, payment->key,
                              FINQ_DATA_PLACE(PAYMENT_SEALED_REFERENCE, &payment->session_id, &payment->payment_id),
                              claim->reference, pool);
}

/* A bank that has told of a payment, or taken it, can't say that it never had it. */
static finq_error *answer_take(finq_payment *payment, const finq_service *service, const finq_payment_answer *answer,
                               apr_pool_t *pool)
{
    finq_payment_release_in in = {.payment_id = &payment->payment_id};
    finq_payment_release_out row;
    finq_error *error;
    if (!answer->is_never) {
        error = payment_book_tell(payment, service, &(payment_news){.state = &answer->state, .source = "inquiry"}, pool);
        return error && error->code == FINQ_E_INVALID_FIELD ? finq_connector_unusable(pool, error->message) : error;
    }
    if (json_array_size(json_object_get(payment->book, "history")) > 0 || payment_book_is_taken(payment->book))
        return finq_connector_unusable(pool, "it says that it never had a payment that it has taken, or of which it has told");
    return finq_call_payment_release(&row, service->db, &in, pool);
}

static finq_error *ask(finq_payment *payment, const finq_service *service, const finq_payment_claim_out *claim,
                       const char *entered, apr_pool_t *pool)
{
    finq_connectors *connectors = service->connectors;
    finq_payment_question question;
    finq_payment_answer answer;
    FINQ_TRY(question_make(&question, service, payment, claim, pool));
    int is_inside = entered && strcmp(entered, claim->connector) == 0; /* a second place may never come free */
    if (!is_inside)
        FINQ_TRY(connectors->enter(connectors, claim->connector));
    finq_error *error = connectors->ask_payment(connectors, &answer, claim->connector, &question, pool);
    if (!is_inside)
        connectors->leave(connectors, claim->connector);
    FINQ_TRY(error);
    return answer_take(payment, service, &answer, pool);
}

finq_error *finq_payment_follow(int *found, const finq_service *service, const finq_payment_pursuit *pursuit, apr_pool_t *pool)
{
    finq_payment_claim_in in = {.session_id = pursuit->session_id, .tenant = service->tenant, .connectors = pursuit->connectors};
    finq_payment_claim_out claim;
    finq_data_key *key;
    FINQ_TRY(finq_call_payment_claim(&claim, service->db, &in, pool));
    *found = claim.payment_id != NULL;
    if (!*found)
        return NULL;
    FINQ_TRY(finq_data_key_unwrap(&key, service->data_keys, claim.data_key, pool));
    finq_payment payment = {
        .payment_id = *claim.payment_id, .session_id = *claim.session_id, .version = claim.version, .key = key};
    FINQ_TRY(payment_book_open(&payment, claim.book, pool));
    return ask(&payment, service, &claim, pursuit->entered, pool);
}
