/* FinqRateLimit and FinqFailureLimit: a client that asks too often is refused before its body is read or a database is asked. */
#ifndef FINQ_LIMITS_H
#define FINQ_LIMITS_H

#include "httpd/request.h"

/** Bytes of the tables, and their making in that many zeroed bytes, when the server starts. */
apr_size_t finq_limits_size(server_rec *main_server);
finq_error *finq_limits_make(void *block, server_rec *main_server, apr_pool_t *pconf);

/** May this request's address ask at all? Whoever looks at a request first asks this first; a second question about the same
 * request does not count. Error: too_many_requests, with its headers set. */
finq_error *finq_limits_admit(finq_request *request);

/** May this tenant ask? To be called when its client_id has been read. Error: too_many_requests, with its headers set. */
finq_error *finq_limits_tenant(finq_request *request, const finq_id *client_id);

/** Learns how the request ended: what was refused before anything was proven does not count against the tenant that it named,
 * and a failed authentication counts against its address. `error` is NULL where it succeeded. */
void finq_limits_settle(finq_request *request, const finq_error *error);

/** A number for the address that asks on this host, never 0; of IPv6, for its /64. Who does not know the server's secret cannot
 * make two addresses have the same. */
apr_uint64_t finq_limits_address(const finq_request *request);

/** Lets a refusal that a limit makes have a line in the log only if its address has had none this second: a flood of refusals
 * is not to fill the disk. */
void finq_limits_tell_once(finq_request *request);

/* The directives. */
const char *finq_limits_set_rate(cmd_parms *cmd, void *dummy, int count, char *const words[]);
const char *finq_limits_set_failures(cmd_parms *cmd, void *dummy, int count, char *const words[]);

#endif
