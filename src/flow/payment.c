#include "flow/payment.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <string.h>

#include "db/calls.h"
#include "db/outcome.h"
#include "flow/sealed.h"
#include "flow/session.h"
#include "flow/tenant_mac.h"
#include "ground/clock.h"
#include "ground/fault.h"
#include "payment_book.h"

/* ---- the order ---- */

/* An order, as it is begun. */
typedef struct {
    const finq_service *service;
    const finq_step_submission *submission;
    finq_order order;
    unsigned char key[FINQ_MAC_BYTES]; /* the tenant's */
    apr_pool_t *pool;
} beginning;

/* All that is ordered; where the browser goes afterwards is not. */
static finq_error *order_mac(unsigned char mac[FINQ_MAC_BYTES], const beginning *of)
{
    json_t *ordered = finq_json_own(json_copy((json_t *)of->submission->data), of->pool);
    json_object_del(ordered, "psu_redirect_link");
    const char *meaning = finq_json_meaning(ordered, of->submission->numbers, of->pool);
    return finq_mac_with(mac, (finq_mac_piece){of->key, sizeof of->key}, (finq_mac_piece){meaning, strlen(meaning)}, of->pool);
}

/* (message_id, payment_information_id) of each payment, as an array of SQL's. Without a message_id they are the session's own, in which an
 * order stands once anyway. */
static finq_error *references_mac(const char **array, const beginning *of)
{
    unsigned char mac[FINQ_MAC_BYTES];
    const char *list = "", *message_id = of->order.message_id;
    for (int i = 0; message_id && i < of->order.payments->nelts; i++) {
        const char *id = APR_ARRAY_IDX(of->order.payments, i, const char *);
        const char *text = apr_pstrcat(of->pool, "reference\n", message_id, "\n", id, NULL);
        FINQ_TRY(finq_mac_with(mac, (finq_mac_piece){of->key, sizeof of->key}, (finq_mac_piece){text, strlen(text)}, of->pool));
        list = apr_pstrcat(of->pool, list, i > 0 ? "," : "", "\"\\\\x",
                           apr_pencode_base16_binary(of->pool, mac, sizeof mac, APR_ENCODE_LOWER, NULL), "\"", NULL);
    }
    *array = apr_pstrcat(of->pool, "{", list, "}", NULL);
    return NULL;
}

/* Nothing is told of the other session. */
static finq_error *not_unique(int place, apr_pool_t *pool)
{
    static const finq_path payments = {NULL, "payment_info", 0};
    const finq_path item = {&payments, NULL, (apr_size_t)place - 1}, path = {&item, "payment_information_id", 0};
    finq_faults faults = {pool, NULL};
    finq_fault_note(&faults, &path, "was used with this message_id before")->keyword = "unique";
    return finq_fault_error(&faults, "The order is wrong");
}

static finq_error *begin_call(finq_payment_begin_out *row, finq_payment *payment, const beginning *of)
{
    const finq_session_pass *pass = of->submission->pass;
    unsigned char mac[FINQ_MAC_BYTES];
    finq_payment_begin_in in = {
        .client_id = &pass->token.client_id,
        .session_id = &pass->token.session_id,
        .skill_id = pass->token.skill_id,
        .step_id = &pass->step_id,
        .connector = pass->step->connector,
        .payment_id = &payment->payment_id,
        .attempt = &payment->attempt,
        .order_mac = {mac, sizeof mac},
        .data_key = pass->token.data_key,
        .started_at = apr_time_sec(finq_id_time(&pass->token.session_id)),
        .execution_date = of->order.execution_date,
    };
    FINQ_TRY(order_mac(mac, of));
    FINQ_TRY(references_mac(&in.references, of));
    FINQ_TRY(payment_book_seal(&in.book, payment, of->pool));
    FINQ_TRY(finq_sealed_user(&in.tenant_user_id, payment->key, in.client_id, pass->token.tenant_user_id, of->pool));
    FINQ_TRY(finq_session_user_mac(&in.user_mac, pass, of->service, of->pool));
    return finq_call_payment_begin(row, of->service->db, &in, of->pool);
}

/* Another order of the session bars this one: what has become of that one may be known by now. */
static finq_error *begin_again(finq_payment_begin_out *row, finq_payment *payment, const beginning *of)
{
    int found;
    const finq_payment_pursuit other = {.session_id = &payment->session_id, .entered = of->submission->pass->step->connector};
    finq_error *error = finq_payment_follow(&found, of->service, &other, of->pool);
    if (error || !found)
        return NULL; /* it stands as it stood */
    return begin_call(row, payment, of);
}

static finq_error *begin_refusal(const finq_payment_begin_out *row, apr_pool_t *pool)
{
    if (strcmp(row->outcome, "ok") == 0)
        return NULL;
    if (strcmp(row->outcome, "unique") == 0)
        return not_unique(row->place, pool);
    if (strcmp(row->outcome, "step_already_submitted") != 0)
        return finq_outcome_error(row->outcome, NULL, NULL, pool);
    return finq_error_make(
        pool, FINQ_E_STEP_ALREADY_SUBMITTED,
        "The bank may have this session's order already: send the same again, or wait until it is known what became of it.");
}

finq_error *finq_payment_begin(finq_payment *payment, const finq_service *service, const finq_step_submission *submission,
                               const finq_data_key *key, apr_pool_t *pool)
{
    beginning of = {.service = service, .submission = submission, .pool = pool};
    const finq_id *client_id = &submission->pass->token.client_id;
    finq_payment_begin_out row;
    *payment = (finq_payment){.session_id = submission->pass->token.session_id, .key = key};
    FINQ_TRY(finq_order_read(&of.order, submission->data, finq_clock_seconds(), pool));
    FINQ_TRY(finq_tenant_mac(of.key, service, client_id, (finq_bytes){NULL, 0}, "payments", pool));
    FINQ_TRY(finq_id_new(&payment->payment_id, pool));
    FINQ_TRY(finq_id_new(&payment->attempt, pool));
    payment->book = finq_json_own(finq_phase_book(&of.order), pool);
    FINQ_TRY(begin_call(&row, payment, &of));
    if (strcmp(row.outcome, "step_already_submitted") == 0)
        FINQ_TRY(begin_again(&row, payment, &of));
    FINQ_TRY(begin_refusal(&row, pool));
    if (finq_id_equal(row.payment_id, &payment->payment_id)) /* as it was offered: it is new */
        payment_phase_witness(service, FINQ_PHASE_COUNT, FINQ_PHASE_CREATED);
    payment->payment_id = *row.payment_id;
    payment->attempt = *row.attempt;
    payment->version = row.version;
    return payment_book_open(payment, row.book, pool);
}

finq_error *finq_payment_find(finq_payment *payment, const finq_service *service, const finq_id *session_id,
                              const finq_data_key *key, apr_pool_t *pool)
{
    finq_payment_of_session_out row;
    finq_payment_of_session_in in = {.session_id = session_id};
    FINQ_TRY(finq_call_payment_of_session(&row, service->db, &in, pool));
    if (!row.payment_id)
        return finq_error_make(pool, FINQ_E_TPP_REDIRECT_ERROR, "The order was given up meanwhile.");
    *payment = (finq_payment){*row.payment_id, *session_id, *row.attempt, NULL, row.version, key};
    return payment_book_open(payment, row.book, pool);
}

/* ---- what the bank answers ---- */

finq_error *finq_payment_answered(finq_payment *payment, const finq_service *service, const finq_connector_answer *answer,
                                  apr_pool_t *pool)
{
    finq_payment_release_in in = {.payment_id = &payment->payment_id};
    finq_payment_release_out row;
    finq_error *error = NULL;
    int is_taken = answer->verdict == FINQ_CONNECTOR_ACCEPTED;
    if (answer->verdict == FINQ_CONNECTOR_REJECTED && payment_book_is_taken(payment->book))
        return finq_connector_unusable(pool, "it rejects an order that it has taken");
    if (answer->verdict == FINQ_CONNECTOR_REJECTED)
        return finq_call_payment_release(&row, service->db, &in, pool);
    if (answer->payment || answer->reference || is_taken)
        error =
            payment_book_tell(payment, service, &(payment_news){answer->payment, answer->reference, "answer", is_taken}, pool);
    if (error && error->code == FINQ_E_INVALID_FIELD)
        return finq_connector_unusable(pool, error->message);
    return error;
}

finq_error *finq_payee_check(const finq_connector_answer *answer, const json_t *data, apr_pool_t *pool)
{
    const char *vop = NULL;
    json_t *told;
    if (answer->verdict != FINQ_CONNECTOR_ACCEPTED)
        return NULL;
    if (answer->data) {
        FINQ_TRY(finq_json_stored(&told, NULL, answer->data, pool));
        vop = finq_json_string(told, "vop");
    }
    int is_confirmed = json_is_true(json_object_get(data, "confirmed"));
    if (vop && (strcmp(vop, "match") == 0 || (is_confirmed && strcmp(vop, "close_match") == 0)))
        return NULL;
    return finq_connector_unusable(pool, "a payee is accepted, and vop is not match, nor close_match of one that is confirmed");
}
