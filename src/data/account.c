#include "data/account.h"

#include <string.h>

#include "db/outcome.h"
#include "rows.h"

static finq_error *account_open(finq_account *account, const finq_account_answer_row *row, const finq_data_key *key,
                                const finq_data_claim *claim, apr_pool_t *pool)
{
    const char *text;
    json_t *details;
    account->row = row;
    FINQ_TRY(finq_data_key_open(&text, key, (finq_data_place){FINQ_SEALED_ACCOUNT, &claim->credentials_id, row->mac},
                                row->details, pool));
    FINQ_TRY(finq_json_stored(&details, NULL, text, pool));
    account->details = details;
    return NULL;
}

finq_error *finq_accounts_read(apr_array_header_t **accounts, int *is_due, const finq_service *service,
                               const finq_data_claim *claim, apr_pool_t *pool)
{
    apr_array_header_t *rows;
    finq_data_key *key;
    finq_accounts_get_in in = {
        .client_id = &claim->client_id,
        .secret_hash = {claim->hashes.secret, sizeof claim->hashes.secret},
        .credentials_id = &claim->credentials_id,
        .access_token_hash = {claim->hashes.token, sizeof claim->hashes.token},
    };
    FINQ_TRY(finq_call_accounts_get(&rows, service->db, &in, pool));
    const finq_account_answer_row *told = &APR_ARRAY_IDX(rows, 0, finq_account_answer_row);
    if (strcmp(told->outcome, "ok") != 0)
        return finq_outcome_error(told->outcome, NULL, "", pool);
    *is_due = told->is_due;
    *accounts = apr_array_make(pool, rows->nelts, sizeof(finq_account));
    if (rows->nelts > 1)
        FINQ_TRY(finq_data_key_unwrap(&key, service->data_keys, told->data_key, pool));
    for (int i = 1; i < rows->nelts; i++)
        FINQ_TRY(account_open(apr_array_push(*accounts), &APR_ARRAY_IDX(rows, i, finq_account_answer_row), key, claim, pool));
    return NULL;
}

finq_error *finq_balances_read(apr_array_header_t **balances, int *is_due, const finq_service *service,
                               const finq_data_claim *claim, const finq_balance_filter *filter, apr_pool_t *pool)
{
    apr_array_header_t *rows;
    finq_balances_get_in in = {
        .client_id = &claim->client_id,
        .secret_hash = {claim->hashes.secret, sizeof claim->hashes.secret},
        .credentials_id = &claim->credentials_id,
        .access_token_hash = {claim->hashes.token, sizeof claim->hashes.token},
        .account_id = filter->account_id,
        .type = filter->type,
        .currency = filter->currency,
    };
    FINQ_TRY(finq_call_balances_get(&rows, service->db, &in, pool));
    const finq_balance_answer_row *told = &APR_ARRAY_IDX(rows, 0, finq_balance_answer_row);
    if (strcmp(told->outcome, "ok") != 0)
        return finq_outcome_error(told->outcome, NULL, "", pool);
    *is_due = told->is_due;
    *balances = apr_array_make(pool, rows->nelts, sizeof(const char *));
    for (int i = 1; i < rows->nelts; i++)
        APR_ARRAY_PUSH(*balances, const char *) = APR_ARRAY_IDX(rows, i, finq_balance_answer_row).balance;
    return NULL;
}
