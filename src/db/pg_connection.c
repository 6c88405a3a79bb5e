#include "pg_connection.h"

#include <apr_strings.h>
#include <libpq-events.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Room for every function that finq_server may execute. */
#define PREPARED_MAX 96
/* How often an idle connection may have something to say before it is taken for a broken one. */
#define UNASKED_MAX 16
/* More reads than the answer to any call of ours could take. */
#define CUT_READS 1000

/* What we know of a connection; libpq keeps it beside the connection and tells of its reset and its end. */
typedef struct {
    const finq_pg_statement *prepared[PREPARED_MAX];
    int count;
    int checked;
    apr_uint32_t generation;
    void *owner; /* outlives a reset */
} connection_state;

static int connection_event(PGEventId event, void *info, void *pass)
{
    (void)pass;
    if (event == PGEVT_CONNRESET) {
        connection_state *state = PQinstanceData(((PGEventConnReset *)info)->conn, connection_event);
        if (state) {
            state->count = state->checked = 0;
            state->generation = 0;
        }
    } else if (event == PGEVT_CONNDESTROY)
        free(PQinstanceData(((PGEventConnDestroy *)info)->conn, connection_event));
    return 1;
}

int finq_pg_adopt(PGconn *connection)
{
    if (PQinstanceData(connection, connection_event))
        return 1;
    /* Errors go to the log: of a statement's context, and what parameters it quotes, nothing is to stand there. */
    PQsetErrorVerbosity(connection, PQERRORS_TERSE);
    PQsetErrorContextVisibility(connection, PQSHOW_CONTEXT_NEVER);
    connection_state *state = calloc(1, sizeof *state);
    if (state && PQregisterEventProc(connection, connection_event, "finq", NULL) &&
        PQsetInstanceData(connection, connection_event, state))
        return 1;
    free(state);
    return 0;
}

int finq_pg_is_alive(PGconn *connection)
{
    /* A server that ends says why first, and what it says hides the end: so all that waits is read. */
    for (int i = 0; i < UNASKED_MAX && PQstatus(connection) == CONNECTION_OK; i++) {
        struct pollfd fd = {PQsocket(connection), POLLIN, 0};
        if (poll(&fd, 1, 0) == 0)
            return 1;
        if (!PQconsumeInput(connection))
            return 0;
    }
    return 0;
}

int finq_pg_is_checked(PGconn *connection)
{
    return ((connection_state *)PQinstanceData(connection, connection_event))->checked;
}

void finq_pg_set_checked(PGconn *connection)
{
    ((connection_state *)PQinstanceData(connection, connection_event))->checked = 1;
}

apr_uint32_t finq_pg_generation(PGconn *connection)
{
    return ((connection_state *)PQinstanceData(connection, connection_event))->generation;
}

void finq_pg_set_generation(PGconn *connection, apr_uint32_t generation)
{
    ((connection_state *)PQinstanceData(connection, connection_event))->generation = generation;
}

void *finq_pg_owner(PGconn *connection)
{
    return ((connection_state *)PQinstanceData(connection, connection_event))->owner;
}

void finq_pg_set_owner(PGconn *connection, void *owner)
{
    ((connection_state *)PQinstanceData(connection, connection_event))->owner = owner;
}

int finq_pg_is_clean(PGconn *connection)
{
    return PQstatus(connection) == CONNECTION_OK && PQtransactionStatus(connection) == PQTRANS_IDLE;
}

void finq_pg_cut(PGconn *connection)
{
    int fd = PQsocket(connection);
    if (fd >= 0)
        shutdown(fd, SHUT_RDWR);
    /* What had come before is read first; only then does libpq notice, and the next user's check of the connection fail. */
    for (int i = 0; i < CUT_READS && PQconsumeInput(connection) && PQstatus(connection) == CONNECTION_OK; i++)
        ;
}

const char *finq_pg_why(const PGconn *connection, apr_pool_t *pool)
{
    char *why = apr_pstrdup(pool, PQerrorMessage(connection));
    for (char *c = why; *c; c++) {
        if (*c == '\n')
            *c = c[1] ? ' ' : '\0';
    }
    return why;
}

int pg_is_prepared(PGconn *connection, const finq_pg_statement *statement)
{
    const connection_state *state = PQinstanceData(connection, connection_event);
    for (int i = 0; i < state->count; i++) {
        if (state->prepared[i] == statement)
            return 1;
    }
    return 0;
}

int pg_may_prepare(PGconn *connection)
{
    return ((connection_state *)PQinstanceData(connection, connection_event))->count < PREPARED_MAX;
}

void pg_set_prepared(PGconn *connection, const finq_pg_statement *statement)
{
    connection_state *state = PQinstanceData(connection, connection_event);
    state->prepared[state->count++] = statement;
}
