/* FinqAllowOrigin: pages of other origins that may call the API. */
#ifndef FINQ_CORS_H
#define FINQ_CORS_H

#include "httpd/request.h"

/** Adds what a browser on another origin asks for; to be called before any answer. */
void finq_cors_apply(finq_request *request);
/** Whether this is a preflight. */
int finq_cors_is_preflight(request_rec *r);
/** Reads FinqAllowOrigin. */
const char *finq_cors_set_origin(cmd_parms *cmd, void *dummy, const char *value);
/** Reads FinqAllowHeaders. */
const char *finq_cors_set_header(cmd_parms *cmd, void *dummy, const char *value);

#endif
