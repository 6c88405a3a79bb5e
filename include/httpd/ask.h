/* Asking a connector, by way of httpd's own proxy. */
#ifndef FINQ_ASK_H
#define FINQ_ASK_H

#include "flow/service.h"
#include "httpd/request.h"

/** Registers the filters of asking; for the register_hooks function. */
void finq_ask_register(void);

/** Asks a connector and reads its answer. Holds no database connection. Errors:
 * external_api_connection_error, _timeout, _too_many_requests, _unauthorized, _forbidden, _invalid_answer,
 * each logged with what really happened; internal. */
finq_error *finq_ask(finq_connector_answer *answer, finq_request *request, const char *name,
                     const finq_connector_question *question);

/** The same for a page of account data; its text and rows are the given pool's. */
finq_error *finq_ask_data(finq_bank_page *page, finq_request *request, const char *name, const finq_bank_question *question,
                          apr_pool_t *pool);

/** The same for how a payment stands. */
finq_error *finq_ask_payment(finq_payment_answer *answer, finq_request *request, const char *name,
                             const finq_payment_question *question, apr_pool_t *pool);

/** The connectors of a request's host, as the business rooms see them. They live as long as the request. */
finq_connectors *finq_ask_of(finq_request *request);

#endif
