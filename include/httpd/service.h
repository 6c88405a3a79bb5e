/* What endpoints ask the business rooms with. */
#ifndef FINQ_HTTPD_SERVICE_H
#define FINQ_HTTPD_SERVICE_H

#include "httpd/request.h"

/** The state of a request (finq_request_of), its `service` filled in; NULL if the child could not be set up (it logged why). */
finq_request *finq_service_begin(request_rec *r);

#endif
