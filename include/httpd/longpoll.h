/* Answers that are held back while a session waits: no thread and no database connection is held meanwhile. */
#ifndef FINQ_LONGPOLL_H
#define FINQ_LONGPOLL_H

#include "httpd/request.h"
#include "flow/session.h"

/** Says how many answers this child may hold back; for the child_init hook. */
void finq_longpoll_child_init(apr_pool_t *pchild);

/** Whether the answer to a request can be held back without its thread: httpd's MPM and the protocol must allow it. */
int finq_longpoll_suits(const finq_request *request);

/** Holds the answer back: the handler is to return SUSPENDED, and the request's `continuation` is called, on some
 * thread, once the session that the pass is for may have changed, `wait` is over, httpd stops, or the client sends
 * something or goes away. Returns 0 where there is no room: then the answer is due now. */
int finq_longpoll_hold(finq_request *request, apr_interval_time_t wait);

/** A connection's turn to be processed. The request whose answer was held back until now; NULL where there is none. */
finq_request *finq_longpoll_take(conn_rec *c);

/** Lets the other modules process a connection, and if an answer is held back then, leaves the connection to httpd to watch;
 * for the process_connection hook. */
int finq_longpoll_attend(conn_rec *c);

#endif
