/* The sandbox bank as a connector of this server: asked without a proxy, in the request's own thread. */
#ifndef FINQ_SANDBOX_BANK_H
#define FINQ_SANDBOX_BANK_H

#include "bank/connector.h"
#include "bank/data.h"
#include "httpd/request.h"

/** What the bank answers, as JSON. It takes its time where its user chose so, and decides after the request's answer where its
 * user approves later. Error: external_api_forbidden for a question of production. */
finq_error *finq_sandbox_bank_ask(const char **text, finq_request *request, const finq_connector *connector,
                                  const finq_connector_question *question);

/** What it answers to a question about account data. Errors: those of finq_sandbox_data; those of a call. */
finq_error *finq_sandbox_bank_ask_data(const char **text, finq_request *request, const finq_bank_question *question,
                                       apr_pool_t *pool);

/** How a payment stands, as the sandbox bank says it, in the pool of the request. Errors: external_api_forbidden for a question of
 * production; those of finq_sandbox_orders_state. */
finq_error *finq_sandbox_bank_ask_payment(const char **text, finq_request *request, const finq_payment_question *question);

#endif
