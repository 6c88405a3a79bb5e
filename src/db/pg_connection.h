/* What the room of calls asks of a connection's memory beside include/db/pg.h. */
#ifndef PG_CONNECTION_H
#define PG_CONNECTION_H

#include "db/pg.h"

/** Whether a statement has been prepared on this connection since it was last made. */
int pg_is_prepared(PGconn *connection, const finq_pg_statement *statement);
/** Whether the connection remembers one more. */
int pg_may_prepare(PGconn *connection);
/** Notes one as prepared, which may be. */
void pg_set_prepared(PGconn *connection, const finq_pg_statement *statement);

#endif
