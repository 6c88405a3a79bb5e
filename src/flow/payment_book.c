#include "payment_book.h"

#include <string.h>

#include "db/calls.h"
#include "ground/clock.h"

/* The member of a book whose order the bank has taken. */
#define TAKEN "taken"
/* So often a book is read anew, because another has added to it. */
#define AGAIN_MOST 5

static finq_data_place place_of(const finq_payment *payment, const char *kind)
{
    return FINQ_DATA_PLACE(kind, &payment->session_id, &payment->payment_id);
}

finq_error *payment_book_seal(finq_bytes *sealed, const finq_payment *payment, apr_pool_t *pool)
{
    const char *text = finq_json_text(payment->book, pool);
    if (!text)
        return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "writing a payment's book: out of memory");
    return finq_data_key_seal(sealed, payment->key, place_of(payment, FINQ_SEALED_PAYMENT), text, pool);
}

finq_error *payment_book_open(finq_payment *payment, finq_bytes sealed, apr_pool_t *pool)
{
    const char *text;
    FINQ_TRY(finq_data_key_open(&text, payment->key, place_of(payment, FINQ_SEALED_PAYMENT), sealed, pool));
    return finq_json_stored(&payment->book, NULL, text, pool);
}

int payment_book_is_taken(const json_t *book)
{
    return json_object_get(book, TAKEN) || finq_phase_rank(finq_phase_of(book)) >= finq_phase_rank(FINQ_PHASE_ACCEPTED);
}

static finq_error *book_keep(finq_payment_tell_out *row, const finq_payment *payment, const finq_service *service,
                             const char *reference, apr_pool_t *pool)
{
    finq_phase phase = finq_phase_of(payment->book);
    finq_payment_tell_in in = {
        .payment_id = &payment->payment_id,
        .version = payment->version,
        .phase = finq_phase_name(phase),
        .status = finq_json_string(payment->book, "status"),
        .is_final = finq_phase_is_final(phase),
        .is_released = finq_phase_is_released(payment->book),
    };
    FINQ_TRY(payment_book_seal(&in.book, payment, pool));
    FINQ_TRY(finq_data_key_seal(&in.reference, payment->key, place_of(payment, PAYMENT_SEALED_REFERENCE), reference, pool));
    return finq_call_payment_tell(row, service->db, &in, pool);
}

static finq_error *news_add(finq_payment *payment, const payment_news *news, apr_pool_t *pool)
{
    if (news->state && finq_phase_tell(payment->book, news->state, news->source, finq_clock_seconds(), pool) < 0)
        return finq_error_make(pool, FINQ_E_INVALID_FIELD, "payment tells of a transfer that this order does not have.");
    if (news->is_taken)
        json_object_set_new(payment->book, TAKEN, json_true());
    return NULL;
}

void payment_phase_witness(const finq_service *service, finq_phase before, finq_phase after)
{
    if (service->witness && after != before)
        service->witness->payment(service->witness, after);
}

finq_error *payment_book_tell(finq_payment *payment, const finq_service *service, const payment_news *news, apr_pool_t *pool)
{
    finq_payment_tell_out row;
    finq_phase before;
    for (int i = 0; i < AGAIN_MOST; i++) {
        before = finq_phase_of(payment->book);
        FINQ_TRY(news_add(payment, news, pool));
        FINQ_TRY(book_keep(&row, payment, service, news->reference, pool));
        if (strcmp(row.outcome, "again") != 0)
            break;
        payment->version = row.version;
        FINQ_TRY(payment_book_open(payment, row.book, pool));
    }
    if (strcmp(row.outcome, "ok") == 0) {
        payment_phase_witness(service, before, finq_phase_of(payment->book));
        return NULL;
    }
    return finq_error_make(pool, FINQ_E_SERVICE_UNAVAILABLE, "The order was given up meanwhile; send it again.");
}
