/* Changes of transactions: what a client must do to hold what the bank says, round by round (contract section 11, sync). */
#ifndef FINQ_DATA_CHANGE_H
#define FINQ_DATA_CHANGE_H

#include "data/transaction.h"

/** Where a client is: it holds all up to `from`, and of the round after that, which ends with `upto`, all up to `after`. All 0 at the
 * beginning; `upto` is 0 between rounds; `from` is -1 in a round that is a reset. */
typedef struct finq_change_place {
    apr_int64_t from, after, upto;
} finq_change_place;

typedef struct finq_change_page {
    const apr_array_header_t *changes; /**< of finq_transaction, in the order of their numbers; their rows say what has changed */
    finq_change_place next;            /**< where the client is once it has applied them */
    int has_more;                      /**< of this round */
    int is_due;                        /**< the bank has not been asked with success yet */
    int is_reset;                      /**< drop what is held, then apply */
    const char *as_of;                 /**< when the bank was asked last; NULL for never */
    const char *access;                /**< JSON: how often it was asked, and how often it may be */
} finq_change_page;

/** Reads the changes behind a place, `count` at most. The same place gives the same page, until the next refresh at the earliest where
 * it is between rounds. Errors: those of finq_accounts_read. */
finq_error *finq_changes_read(finq_change_page *page, const finq_change_place *place, int count, const finq_service *service,
                              const finq_data_claim *claim, apr_pool_t *pool);

/** Seals a place for the client, and opens it, for the same consent alone. Error: invalid_field. */
finq_error *finq_change_cursor(const char **cursor, const finq_change_place *place, const finq_service *service,
                               const finq_data_claim *claim, apr_pool_t *pool);
finq_error *finq_change_resume(finq_change_place *place, const char *cursor, const finq_service *service,
                               const finq_data_claim *claim, apr_pool_t *pool);

#endif
