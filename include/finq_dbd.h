/* The database as requests see it: mod_dbd's connections, borrowed for one call, never waited for past a deadline. */
#ifndef FINQ_DBD_H
#define FINQ_DBD_H

#include <httpd.h>

#include "finq_config.h"
#include "finq_metrics.h"
#include "finq_pg.h"

/** Registers with mod_dbd; for the register_hooks function. */
void finq_dbd_register(void);

/** Sets up this child's gates, before any request. */
apr_status_t finq_dbd_child_init(apr_pool_t *pchild);

/** What stands before a server's connections: how many are in use, and whether the database answered lately. */
typedef struct finq_gate finq_gate;

/** The gate of one virtual host; hosts that share a pool of mod_dbd's come to share it. What passes it is counted by
 * `meter`, which must live as long. NULL if memory ran out. */
finq_gate *finq_gate_create(const finq_meter *meter, apr_pool_t *pchild);

/** A request's access to its host's database. Each call borrows a connection, waits for it and for the answer at most
 * until FinqDatabaseTimeout has passed since the first, and gives it back before it returns. Error of a call, beside
 * those of finq_pg_call: service_unavailable where no connection could be had. */
finq_db *finq_dbd_of(server_rec *server, finq_gate *gate, apr_pool_t *pool);

/** Asks the database something that every database of ours answers. Errors: those of a call. */
finq_error *finq_dbd_check(finq_db *db, apr_pool_t *pool);

#endif
