#include "data/transaction.h"

#include <apr_strings.h>
#include <string.h>

#include "cursor.h"
#include "db/outcome.h"
#include "rows.h"

/* What stands in a cursor: the moment, and the time and id of the last transaction, the time being 0 of one that is not booked. */
#define PLACE (8 + 8 + sizeof(finq_id))

static finq_error *page_call(apr_array_header_t **rows, const finq_transaction_query *query, const finq_service *service,
                             const finq_data_claim *claim, apr_pool_t *pool)
{
    finq_transactions_page_in in = {
        .client_id = &claim->client_id,
        .secret_hash = {claim->hashes.secret, sizeof claim->hashes.secret},
        .credentials_id = &claim->credentials_id,
        .access_token_hash = {claim->hashes.token, sizeof claim->hashes.token},
        .filter = query->filter,
        .at = query->at,
        .after_booked = query->after_booked,
        .after_id = query->after_id,
        .count = query->count,
    };
    return finq_call_transactions_page(rows, service->db, &in, pool);
}

finq_error *finq_transactions_read(finq_transaction_page *page, finq_transaction_query *query, const finq_service *service,
                                   const finq_data_claim *claim, apr_pool_t *pool)
{
    apr_array_header_t *rows, *transactions;
    FINQ_TRY(page_call(&rows, query, service, claim, pool));
    const finq_transaction_answer_row *told = &APR_ARRAY_IDX(rows, 0, finq_transaction_answer_row);
    if (strcmp(told->outcome, "ok") != 0)
        return finq_outcome_error(told->outcome, NULL, "", pool);
    FINQ_TRY(rows_open(&transactions, rows, service->data_keys, claim, pool));
    *page = (finq_transaction_page){transactions, told->is_due, transactions->nelts < query->count};
    query->at = told->at;
    if (transactions->nelts > 0) {
        const finq_transaction_answer_row *last = APR_ARRAY_IDX(transactions, transactions->nelts - 1, finq_transaction).row;
        query->after_id = last->transaction_id;
        query->after_booked = last->booked_at;
    }
    return NULL;
}

/* ---- cursors ---- */

finq_error *finq_transaction_cursor(const char **cursor, const finq_transaction_query *query, const finq_service *service,
                                    const finq_data_claim *claim, apr_pool_t *pool)
{
    unsigned char place[PLACE];
    finq_data_cursor_put(place, query->at);
    finq_data_cursor_put(place + 8, query->after_booked);
    memcpy(place + 16, query->after_id->bytes, sizeof query->after_id->bytes);
    return finq_data_cursor_seal(cursor, CURSOR_TRANSACTIONS, (finq_bytes){place, sizeof place}, query->filter, service, claim,
                                 pool);
}

finq_error *finq_transaction_resume(finq_transaction_query *query, const char *cursor, const finq_service *service,
                                    const finq_data_claim *claim, apr_pool_t *pool)
{
    unsigned char place[PLACE];
    FINQ_TRY(finq_data_cursor_open(place, sizeof place, CURSOR_TRANSACTIONS, cursor, query->filter, service, claim, pool));
    query->at = finq_data_cursor_get(place);
    query->after_booked = finq_data_cursor_get(place + 8);
    query->after_id = apr_pmemdup(pool, place + 16, sizeof(finq_id));
    return NULL;
}
