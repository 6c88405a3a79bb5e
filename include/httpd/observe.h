/* What an operator sees: counters over all children, notes for access logs. */
#ifndef FINQ_OBSERVE_H
#define FINQ_OBSERVE_H

#include "meter/metrics.h"
#include "httpd/request.h"
#include "flow/service.h"
#include "flow/session.h"

/** Bytes of the counters, and their making in that many zeroed bytes, when the server starts. */
apr_size_t finq_observe_size(server_rec *main_server);
void finq_observe_make(void *block, server_rec *main_server, apr_pool_t *pconf);

/** Takes one of the slots that children have among the gauges; before finq_observe_meter. */
void finq_observe_child_init(apr_pool_t *pchild);
/** This child's way to a host's counters. */
finq_meter finq_observe_meter(const finq_config *config, apr_pool_t *pchild);

/** Notes for the access log whose request this is, once that is proven. `step` may be NULL. */
void finq_observe_recognised(finq_request *request, const finq_id *client_id, const finq_published *published, const char *step);
/** Counts what a client is told of its session. */
void finq_observe_session(finq_request *request, const finq_published *published, finq_progress progress);
/** Counts a nonce that was refused; one that was not is none. */
void finq_observe_nonce(finq_request *request, finq_nonce_state state);
/** Counts an event, such as a limit that was reached. */
void finq_observe_event(finq_request *request, finq_event event);
/** Who counts what the business rooms tell of a request. As long as the request. */
finq_witness *finq_observe_witness(finq_request *request);
/** Adds to what the log's line at debug will tell of a request: ids and words of the program's own, nothing that a client wrote
 * and nothing that authorises. */
void finq_observe_tell(finq_request *request, const char *name, const char *value);
void finq_observe_tell_id(finq_request *request, const char *name, const finq_id *id);
/** Counts, notes and logs how a request ended, as its answer is sent. */
void finq_observe_answer(finq_request *request, int outcome);

/** Every host with counters, as it is shown; `names` are what the routes are called in them (finq_paths_names). */
finq_metrics_view finq_observe_view(const char *const *names, apr_pool_t *pool);

#endif
