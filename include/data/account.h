/* Accounts and balances, as they are stored (contract section 11). */
#ifndef FINQ_DATA_ACCOUNT_H
#define FINQ_DATA_ACCOUNT_H

#include "data/claim.h"
#include "json/json.h"

typedef struct finq_account {
    const finq_account_answer_row *row; /**< what stands in clear */
    const json_t *details;              /**< account_schemes, name, nickname */
} finq_account;

/** The accounts of a consent. `*is_due`: its bank has not been asked with success yet. Errors: those of finq_consent_read;
 * inactive_credentials; unauthorized_tenant where the consent is for something else than account data. */
finq_error *finq_accounts_read(apr_array_header_t **accounts, int *is_due, const finq_service *service,
                               const finq_data_claim *claim, apr_pool_t *pool);

/** Which balances; NULL for any. */
typedef struct finq_balance_filter {
    const finq_id *account_id;
    const char *type, *currency;
} finq_balance_filter;

/** Balances of a consent: of const char *, each an object of JSON. Otherwise as finq_accounts_read. */
finq_error *finq_balances_read(apr_array_header_t **balances, int *is_due, const finq_service *service,
                               const finq_data_claim *claim, const finq_balance_filter *filter, apr_pool_t *pool);

#endif
