/* Refreshes: a consent's bank is asked for its accounts, balances and transactions, and what it tells is stored (contract section 11).
 *
 * One at a time refreshes a consent, over all servers. Its pages are kept aside as they come, and stored together at the end or not at
 * all; so whatever a bank does, what was stored before stays. */
#ifndef FINQ_DATA_REFRESH_H
#define FINQ_DATA_REFRESH_H

#include "flow/service.h"

typedef struct finq_refresh_wish {
    const finq_id *credentials_id; /**< whose; NULL where it is what a session has led to */
    const finq_id *session_id;     /**< that session; else NULL */
    int if_due;                    /**< only where the bank was not asked since the user was there */
    int is_attended;               /**< a person waits for it: it counts against no budget */
    apr_time_t until;              /**< of the steady clock: how long another's refresh is waited for; 0 for not at all */
    int (*is_over)(void);          /**< whether no further page is to be asked for; NULL for never */
} finq_refresh_wish;

/** What became of it: the bank was not asked, for the first data another is still asking it, or it was. */
typedef enum {
    FINQ_REFRESH_NONE,
    FINQ_REFRESH_BEGUN,
    FINQ_REFRESH_STORED,
    FINQ_REFRESH_FAILED,
    FINQ_REFRESH_WITHDRAWN
} finq_refresh_end;

/** Refreshes, or waits for who is at it, whose error is then this call's. Does nothing where there is no bank to be asked, where it
 * allows no more today, and where the consent is not in force. Errors: external_api_*, service_unavailable (the connector has too much to do); those of a call. */
finq_error *finq_refresh(finq_refresh_end *end, const finq_service *service, const finq_refresh_wish *wish, apr_pool_t *pool);

#endif
