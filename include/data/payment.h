/* Payments, as they stand (contract section 11b). */
#ifndef FINQ_DATA_PAYMENT_H
#define FINQ_DATA_PAYMENT_H

#include "data/claim.h"
#include "json/json.h"

/** How the payment of a consent stands. */
typedef struct finq_payment_standing {
    finq_id payment_id, session_id;
    const char *phase;    /**< or "unknown" */
    int is_final, is_due; /**< due: its bank may be asked how it stands */
    const char *told_at;
    const json_t *book; /**< {status?, reason?, history, transactions [{end_to_end_id, status?, reason?, phase}]} */
} finq_payment_standing;

/** Reads it. Errors: those of finq_consent_read; inactive_credentials; unauthorized_tenant where the consent is for something else than
 * payments; not_found where it has none. */
finq_error *finq_payment_read(finq_payment_standing *standing, const finq_service *service, const finq_data_claim *claim,
                              apr_pool_t *pool);

#endif
