/* Transactions, as they are stored, page by page (contract section 11). */
#ifndef FINQ_DATA_TRANSACTION_H
#define FINQ_DATA_TRANSACTION_H

#include "crypto/digest.h"
#include "data/claim.h"
#include "json/json.h"

/** Most transactions of a page that a client asks for. */
#define FINQ_TRANSACTIONS_MAX 500

/** Which transactions, and from where on. All pages of one walk are of one moment: what a refresh changes meanwhile is in none. */
typedef struct finq_transaction_query {
    const char *filter;       /**< JSON, of finq_transaction_filter; NULL for all */
    int count;                /**< of a page */
    apr_int64_t at;           /**< the moment, as the feed counts its changes; 0 before the first page */
    const finq_id *after_id;  /**< behind which transaction; NULL for the first page */
    apr_int64_t after_booked; /**< when it was booked, in seconds since 1970; 0 where it was not */
} finq_transaction_query;

typedef struct finq_transaction {
    const finq_transaction_answer_row *row; /**< what stands in clear */
    const char *info;
    unsigned char utx_id[FINQ_DIGEST_SHA256]; /**< the key by which clients know it: finq.utx_id */
} finq_transaction;

typedef struct finq_transaction_page {
    const apr_array_header_t *transactions; /**< of finq_transaction: newest first, what is not booked before all others */
    int is_due;                             /**< the bank has not been asked with success yet */
    int is_last;
} finq_transaction_page;

/** Checks a client's filter, and gives it as the database takes it. Errors: unknown_fields; invalid_field, naming the member. */
finq_error *finq_transaction_filter(const char **filter, json_t *object, const finq_numbers *numbers, apr_pool_t *pool);

/** Reads a page, and moves the query behind it. Errors: those of finq_accounts_read. */
finq_error *finq_transactions_read(finq_transaction_page *page, finq_transaction_query *query, const finq_service *service,
                                   const finq_data_claim *claim, apr_pool_t *pool);

/** Seals where a query stands, for the client to go on from. Good for the same consent and filter alone. */
finq_error *finq_transaction_cursor(const char **cursor, const finq_transaction_query *query, const finq_service *service,
                                    const finq_data_claim *claim, apr_pool_t *pool);

/** Goes on from there. Error: invalid_field for a cursor that was not given for this consent and filter. */
finq_error *finq_transaction_resume(finq_transaction_query *query, const char *cursor, const finq_service *service,
                                    const finq_data_claim *claim, apr_pool_t *pool);

#endif
