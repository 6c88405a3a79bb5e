/* The sandbox bank on httpd: SetHandler finq-sandbox. */
#ifndef FINQ_SANDBOX_HTTP_H
#define FINQ_SANDBOX_HTTP_H

#include "httpd/request.h"

/** The content handler of SetHandler finq-sandbox: the bank's page, and the way back to the API of the same
 * host. */
int finq_sandbox_handler(request_rec *r);

#endif
