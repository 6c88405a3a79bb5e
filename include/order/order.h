/* Orders: what a payment_intent asks a bank to pay, in the names of ISO 20022's pain.001.001.03, and what is wrong with it before any
 * bank is asked (contract section 11b). */
#ifndef FINQ_ORDER_H
#define FINQ_ORDER_H

#include <apr_tables.h>

#include "form/form.h"

/** The steps that are about payments, of skills of type payment_initiation. */
#define FINQ_ORDER_STEP "payment_intent"
#define FINQ_ORDER_PAYEE_STEP "payee_check"

/** A credit transfer of an order. Its texts live as long as the step's data. */
typedef struct finq_order_transfer {
    int payment, place;        /**< which one of which payment_info, from 0 */
    const char *end_to_end_id; /**< unique in the order */
    const char *creditor_name, *creditor_iban;
} finq_order_transfer;

/** An order that may be shown to a bank. There is no other way to come by one than to read it. */
typedef struct finq_order {
    const char *message_id;        /**< NULL where it has none */
    apr_array_header_t *payments;  /**< of const char *: each payment_info's payment_information_id, unique in the order */
    apr_array_header_t *transfers; /**< of finq_order_transfer, in their order */
    const char *execution_date;    /**< the latest that is requested, YYYY-MM-DD; NULL for none */
} finq_order;

/** The form of a step's data whose name is one of those above, compiled; NULL for another name. Error: internal. */
finq_error *finq_order_form(const finq_form **form, const char *step, apr_pool_t *pool);

/** Reads an order from data that fit its form: amounts are more than nothing, in whole minor units of a currency that exists, and
 * their sum has 18 digits at most; txs_no counts the transfers; references are unique, and one that begins with RF is as ISO 11649
 * has it; dates lie from yesterday (UTC: somewhere it still is) to a year from now. `now` are seconds since 1970. Error: invalid_input
 * with its details. */
finq_error *finq_order_read(finq_order *order, const json_t *data, apr_int64_t now, apr_pool_t *pool);

/** Whether each payee of an order is the one whom a payee_check's data name; NULL data name nobody. Error: invalid_input with its
 * details. */
finq_error *finq_order_payees_check(const finq_order *order, const json_t *payee, apr_pool_t *pool);

#endif
