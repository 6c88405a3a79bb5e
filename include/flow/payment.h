/* Payments: an order is written down before its bank is asked, and never sent twice; how it stands is what the bank has said since
 * (contract section 11b). */
#ifndef FINQ_PAYMENT_H
#define FINQ_PAYMENT_H

#include "flow/service.h"
#include "flow/step.h"
#include "order/order.h"

/** A payment whose bank is being asked, or has said something. */
typedef struct finq_payment {
    finq_id payment_id, session_id;
    finq_id attempt; /**< what the bank knows it by */
    json_t *book;    /**< what is known of it (order/phase.h); NULL where there is no payment */
    int version;     /**< of the book */
    const finq_data_key *key;
} finq_payment;

/** Begins the order of a submission that fits its form, before its bank is asked; the same order of the same session is found again, with its
 * attempt. Where the session has another one whose fate is not known, the bank is asked about that first, if that is due. To be called between the
 * connector's enter and leave. Errors: step_already_submitted where another order bars this one; invalid_input (unique) where another session
 * has used one of its references; those of a call. */
finq_error *finq_payment_begin(finq_payment *payment, const finq_service *service, const finq_step_submission *submission,
                               const finq_data_key *key, apr_pool_t *pool);

/** The payment of a session whose user comes back from the bank. Errors: those of a call; internal where it has none. */
finq_error *finq_payment_find(finq_payment *payment, const finq_service *service, const finq_id *session_id,
                              const finq_data_key *key, apr_pool_t *pool);

/** Keeps what a connector answered to the order or to the return. What it rejects was not ordered, and bars no other order. Errors:
 * external_api_invalid_answer where it tells of another order's transfers; service_unavailable where the order was given up meanwhile;
 * those of a call. */
finq_error *finq_payment_answered(finq_payment *payment, const finq_service *service, const finq_connector_answer *answer,
                                  apr_pool_t *pool);

/** A connector's word on the payment of one of its steps, told without being asked. `*phase` is where the payment has come to with it. Errors:
 * invalid_step_id, also where the step has no such attempt; invalid_field where it tells of another order's transfers, or does not say of
 * which attempt and the step had several orders; those of a call. */
finq_error *finq_payment_notice(const char **phase, const finq_service *service, const finq_connector_decision *told,
                                const char *connector, apr_pool_t *pool);

/** Which payment is asked about. */
typedef struct finq_payment_pursuit {
    const finq_id *session_id; /**< the session's; NULL for the one that is due first */
    const char *connectors;    /**< among those of these, with blanks between; NULL for any */
    const char *entered;       /**< the connector that the caller has entered; NULL for none */
} finq_payment_pursuit;

/** Asks the bank of one payment how it stands, if it is due. `*found` is 0 where none is.
 * Errors: external_api_*; service_unavailable; those of a call. The next question is due after a gap that grows, whatever comes of this one. */
finq_error *finq_payment_follow(int *found, const finq_service *service, const finq_payment_pursuit *pursuit, apr_pool_t *pool);

/** Whether an accepted payee_check says what was found: `vop` is match, or close_match where the data say confirmed. Error:
 * external_api_invalid_answer. */
finq_error *finq_payee_check(const finq_connector_answer *answer, const json_t *data, apr_pool_t *pool);

#endif
