/* The gate before a pool of mod_dbd's: who may take a connection, who waits, and whose calls go together. */
#ifndef FINQ_GATE_H
#define FINQ_GATE_H

#include <httpd.h>

#include <apr_dbd.h>
#include <apr_ring.h>
#include <apr_thread_cond.h>
#include <mod_dbd.h>

#include "meter/metrics.h"
#include "db/pg.h"

/** Most calls that share a transaction. */
#define FINQ_GATE_TOGETHER 32

/** What a thread waits by. */
typedef struct finq_gate_bell finq_gate_bell;

/** One call on its way to the database; it lives until finq_gate_enter's caller has its answer. */
typedef struct finq_gate_call {
    APR_RING_ENTRY(finq_gate_call) link;
    finq_pg_job job;
    apr_time_t until;        /**< when it waits for a connection no longer */
    apr_time_t deadline;     /**< for its answer */
    int alone;               /**< it neither takes others along nor is taken along */
    int named;               /**< whether its statement is prepared: only calls alike in this go together */
    apr_uint32_t generation; /**< of the connections that are of use, once it has entered */
    finq_gate_bell *bell;    /**< by which it is woken; NULL before it waited */
    apr_time_t taken_at;     /**< when another call took it along; 0 where none did */
    int served;              /**< that one is done */
} finq_gate_call;

typedef struct finq_gate finq_gate;

/** What came of entering. IDLE, CONNECT: the call may have a connection, and finq_gate_leave gives it back; in the second case
 * it has to be made. BROKEN: there is no use in waiting. LATE: none came in time. SERVED: another call took this
 * one along, and its job says what came of it. (WAIT is the gate's own.) */
typedef enum {
    FINQ_GATE_IDLE,
    FINQ_GATE_CONNECT,
    FINQ_GATE_BROKEN,
    FINQ_GATE_LATE,
    FINQ_GATE_SERVED,
    FINQ_GATE_WAIT,
} finq_gate_entry;

/** Sets up this child's gates, before any request. */
apr_status_t finq_gate_child_init(apr_pool_t *pchild);
/** The gate of one virtual host; hosts that share a pool of mod_dbd's come to share it. What passes it is counted by
 * `meter`, which must live as long. Of `concurrency` connections in use at once, in all children, it lets this child have its
 * part; 0 for as many as its pool has. */
finq_gate *finq_gate_create(const finq_meter *meter, int concurrency, apr_pool_t *pchild);
/** The meter that counts what passes a gate. */
const finq_meter *finq_gate_meter(const finq_gate *gate);
/** Waits until the call may have a connection. `*gate` becomes the one that was entered. */
finq_gate_entry finq_gate_enter(finq_gate **gate, finq_gate_call *call);
/** Tells what came of opening: whether a connection was `had`, and of which `pool` it is. Returns the gate that the
 * connection belongs to from now on: hosts that turn out to share a pool share a gate. */
finq_gate *finq_gate_opened(finq_gate *gate, finq_gate_entry entry, int had, const dbd_cfg_t *pool);
/** Takes along those that wait and may share a transaction with `call`, in the order in which they must lock: none where
 * that one has no time left to wait itself, and so each has from `until` to `deadline` for its answer. Returns how
 * many `together` are, `call` one of them; until finq_gate_served the others' jobs belong to this thread. */
int finq_gate_gather(finq_gate *gate, finq_gate_call *call, finq_gate_call *together[FINQ_GATE_TOGETHER]);
/** Wakes the others: their jobs are done. */
void finq_gate_served(finq_gate_call *const *together, int count, const finq_gate_call *call);
/** Whatever was connected up to now leads to a database that has ended, or has become a standby: connections of this
 * generation are of no use any more. Says so once for all that find it out. */
void finq_gate_moved(finq_gate *gate, apr_uint32_t generation);
/** The host that a new connection of the gate's `pool` has reached is the one that mod_dbd tries first from now on. */
void finq_gate_prefer(finq_gate *gate, dbd_cfg_t *pool, PGconn *connection);
/** Gives the connection back: `clean`, the connection can be used again; `late`, the database did not answer in time. */
void finq_gate_leave(finq_gate *gate, int clean, int late);

#endif
