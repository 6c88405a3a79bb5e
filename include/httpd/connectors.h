/* Connectors on httpd: their directive, the guard that keeps others out, and the decisions that they send. */
#ifndef FINQ_CONNECTOR_HTTP_H
#define FINQ_CONNECTOR_HTTP_H

#include "bank/connector.h"
#include "httpd/request.h"

/** Takes FinqConnector NAME PATH SECRETFILE [limit=N]. */
const char *finq_connector_configure(cmd_parms *cmd, void *dummy, int count, char *const words[]);

/** Whether the connectors of all hosts can be reached, and none lies under the API; says what is missing.
 * Fills `guarded` of every host. */
int finq_connector_check(server_rec *main_server, apr_pool_t *pconf);

/** The handler hook that runs before all others: what leads to a connector and is not ours to ask does not
 * exist. As the handler hook it cannot be passed by: neither Satisfy, nor rewrites, nor a subrequest of
 * another module go round it. */
int finq_connector_guard(request_rec *r);

/** Reads the request's body as a decision that a connector has signed; `*name` is the connector. Errors:
 * those of finq_connector_verify and finq_connector_decision_read, and of the body. */
finq_error *finq_connector_receive(finq_connector_decision *decision, const char **name, finq_request *request);

#endif
