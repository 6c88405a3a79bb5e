/* The sandbox bank's ledger, as the server reads and writes it. */
#ifndef FINQ_SANDBOX_ORDERS_H
#define FINQ_SANDBOX_ORDERS_H

#include "bank/sandbox.h"
#include "bank/sandbox_order.h"
#include "httpd/request.h"

/** What the bank answers a question about an order, as JSON: it is taken into the ledger when its step is submitted. `page` is the whole
 * address of the bank's page. Errors: external_api_forbidden where the attempt is another order's; external_api_connection_error where
 * the answer is lost on its way; those of a call. */
finq_error *finq_sandbox_orders_answer(const char **text, finq_request *request, const finq_connector_question *question,
                                       const char *page);

/** What the bank answers to the question how an order stands: one that never came, never will. Errors: external_api_connection_error where
 * the answer is lost on its way; those of a call. */
finq_error *finq_sandbox_orders_state(const char **text, finq_request *request, const finq_id *attempt);

/** Authorises an order now whose user has chosen to do so later. Errors: those of a call. */
finq_error *finq_sandbox_orders_approve(finq_request *request, const finq_id *attempt);

/** An order that somebody visits. */
typedef struct finq_sandbox_visited {
    int is_decided; /**< the user has decided */
    int is_agreed;  /**< and authorised it */
} finq_sandbox_visited;

/** Looks up the order of a visit, and puts what it orders into the visit while it is open. Errors: invalid_field, for people to read,
 * where the bank has no such order or its page is over; those of a call. */
finq_error *finq_sandbox_orders_look(finq_sandbox_visited *visited, finq_sandbox_visit *visit, finq_request *request);

/** Decides on the order of a complete visit, as its user chose, unless that was done before; `visited` says how it is then. Errors: those
 * of finq_sandbox_orders_look. */
finq_error *finq_sandbox_orders_decide(finq_sandbox_visited *visited, const finq_sandbox_visit *visit, finq_request *request);

#endif
