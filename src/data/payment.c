#include "data/payment.h"

#include <string.h>

#include "db/calls.h"
#include "db/outcome.h"
#include "flow/sealed.h"

static finq_error *book_open(finq_payment_standing *standing, const finq_payment_get_out *row, const finq_service *service,
                             apr_pool_t *pool)
{
    const char *text;
    finq_data_key *key;
    json_t *book;
    FINQ_TRY(finq_data_key_unwrap(&key, service->data_keys, row->data_key, pool));
    FINQ_TRY(
        finq_data_key_open(&text, key, FINQ_DATA_PLACE(FINQ_SEALED_PAYMENT, row->session_id, row->payment_id), row->book, pool));
    FINQ_TRY(finq_json_stored(&book, NULL, text, pool));
    standing->book = book;
    return NULL;
}

finq_error *finq_payment_read(finq_payment_standing *standing, const finq_service *service, const finq_data_claim *claim,
                              apr_pool_t *pool)
{
    finq_payment_get_out row;
    finq_payment_get_in in = {
        .client_id = &claim->client_id,
        .secret_hash = {claim->hashes.secret, sizeof claim->hashes.secret},
        .credentials_id = &claim->credentials_id,
        .access_token_hash = {claim->hashes.token, sizeof claim->hashes.token},
    };
    FINQ_TRY(finq_call_payment_get(&row, service->db, &in, pool));
    if (strcmp(row.outcome, "ok") != 0)
        return finq_outcome_error(row.outcome, NULL, "", pool);
    if (!row.payment_id)
        return finq_error_make(pool, FINQ_E_NOT_FOUND, "This consent has no payment.");
    *standing = (finq_payment_standing){
        .payment_id = *row.payment_id,
        .session_id = *row.session_id,
        .phase = row.phase,
        .is_final = row.is_final,
        .is_due = row.is_due,
        .told_at = row.told_at,
    };
    return book_open(standing, &row, service, pool);
}
