/* What httpd's MPM says of this child and of its fellows. */
#ifndef FINQ_MPM_H
#define FINQ_MPM_H

#include <ap_mpm.h>

#ifndef AP_MPMQ_CAN_WAITIO /* httpd before 2.4.63: its MPMs do not know the question */
#define AP_MPMQ_CAN_WAITIO 19
#define CONN_STATE_ASYNC_WAITIO CONN_STATE_SUSPENDED
#endif

/** Whether this child is to end: what waits is to be answered now. */
int finq_mpm_is_stopping(void);
/** Whether a connection may wait without a thread (CONN_STATE_ASYNC_WAITIO). */
int finq_mpm_can_wait(void);
/** The threads of a child that handle requests; 0 where a child is one process. */
int finq_mpm_threads(void);
/** Half of them, or a quarter, rounded down: so many may be held by what is slow. A quarter is at least 1. */
int finq_mpm_half_of_threads(void);
int finq_mpm_quarter_of_threads(void);
/** The most children at once, those included that are on their way out; at least 1. */
int finq_mpm_children(void);
/** The most children that serve at once: of these none is on its way out; at least 1. */
int finq_mpm_serving(void);
/** A child's part of a number that is for the whole server, at least 1; of what serves at once, none is on its way out. */
int finq_mpm_share(int number);

#endif
