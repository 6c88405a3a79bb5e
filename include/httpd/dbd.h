/* The database as requests see it: mod_dbd's connections, borrowed for one call, never waited for past a deadline. */
#ifndef FINQ_DBD_H
#define FINQ_DBD_H

#include <httpd.h>

#include "httpd/settings.h"
#include "httpd/gate.h"

/** Registers with mod_dbd; for the register_hooks function. */
void finq_dbd_register(void);

/** A request's access to its host's database. Each call borrows a connection, waits for it and for the answer, and gives it
 * back before it returns: FinqDatabaseTimeout at most, all calls together, whatever passes between them. Calls that wait for a
 * connection and lock no more than a session share the transaction of the next that has one. Error of a call, beside
 * those of finq_pg_call: service_unavailable where no connection could be had. */
finq_db *finq_dbd_of(server_rec *server, finq_gate *gate, apr_pool_t *pool);

/** Asks the database something that every database of ours answers, and whether it can be written to. Errors: those of a call;
 * service_unavailable where it is read-only. */
finq_error *finq_dbd_check(finq_db *db, apr_pool_t *pool);

#endif
