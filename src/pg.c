#include "finq_pg.h"

#include <apr_strings.h>
#include <errno.h>
#include <libpq-events.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- parameters ---- */

static void arg_add(finq_pg_args *args, const void *value, apr_size_t length, int format)
{
    args->values[args->count] = value;
    args->lengths[args->count] = (int)length;
    args->formats[args->count++] = format;
}

static void arg_number(finq_pg_args *args, apr_uint64_t number, int bytes)
{
    unsigned char *to = args->numbers[args->count];
    for (int i = bytes - 1; i >= 0; i--, number >>= 8)
        to[i] = (unsigned char)number;
    arg_add(args, to, (apr_size_t)bytes, 1);
}

void finq_pg_arg_id(finq_pg_args *args, const finq_id *id)
{
    arg_add(args, id ? id->bytes : NULL, sizeof id->bytes, 1);
}

void finq_pg_arg_text(finq_pg_args *args, const char *text)
{
    arg_add(args, text, 0, 0);
}

void finq_pg_arg_bytes(finq_pg_args *args, const void *bytes, apr_size_t length)
{
    arg_add(args, bytes, length, 1);
}

void finq_pg_arg_int(finq_pg_args *args, apr_int32_t number)
{
    arg_number(args, (apr_uint64_t)number, 4);
}

void finq_pg_arg_long(finq_pg_args *args, apr_int64_t number)
{
    arg_number(args, (apr_uint64_t)number, 8);
}

void finq_pg_arg_bool(finq_pg_args *args, int truth)
{
    arg_number(args, truth != 0, 1);
}

const char *finq_pg_array(const char *const *elements, int count, apr_pool_t *pool)
{
    apr_array_header_t *quoted = apr_array_make(pool, count, sizeof(const char *));
    for (int i = 0; i < count; i++)
        APR_ARRAY_PUSH(quoted, const char *) = apr_pstrcat(pool, "\"", elements[i], "\"", NULL);
    return apr_pstrcat(pool, "{", apr_array_pstrcat(pool, quoted, ','), "}", NULL);
}

/* ---- connections ---- */

#define PREPARED_MAX 32
/* How often an idle connection may have something to say before it is taken for a broken one. */
#define UNASKED_MAX 16
/* More reads than the answer to any call of ours could take. */
#define CUT_READS 1000

/* What we know of a connection; libpq keeps it beside the connection and tells of its reset and its end. */
typedef struct {
    const finq_pg_statement *prepared[PREPARED_MAX];
    int count;
    int checked;
    const void *owner; /* outlives a reset */
} connection_state;

static int connection_event(PGEventId event, void *info, void *pass)
{
    (void)pass;
    if (event == PGEVT_CONNRESET) {
        connection_state *state = PQinstanceData(((PGEventConnReset *)info)->conn, connection_event);
        if (state)
            state->count = state->checked = 0;
    } else if (event == PGEVT_CONNDESTROY)
        free(PQinstanceData(((PGEventConnDestroy *)info)->conn, connection_event));
    return 1;
}

int finq_pg_adopt(PGconn *connection)
{
    if (PQinstanceData(connection, connection_event))
        return 1;
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

const void *finq_pg_owner(PGconn *connection)
{
    return ((connection_state *)PQinstanceData(connection, connection_event))->owner;
}

void finq_pg_set_owner(PGconn *connection, const void *owner)
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

/* ---- calls ---- */

/* Waits until the socket is ready, at most to the deadline; 0 if that passed. */
static int socket_wait(PGconn *connection, short events, apr_time_t deadline)
{
    for (;;) {
        apr_time_t left = deadline - apr_time_now();
        struct pollfd fd = {PQsocket(connection), events, 0};
        int n = left > 0 ? poll(&fd, 1, (int)apr_time_as_msec(left) + 1) : 0;
        if (n > 0 || (n < 0 && errno != EINTR))
            return 1;
        if (n == 0 && apr_time_now() >= deadline)
            return 0;
    }
}

static finq_error *call_lost(PGconn *connection, const char *what, apr_pool_t *pool)
{
    finq_error *error = finq_error_internal(pool, FINQ_E_SERVICE_UNAVAILABLE, "database: %s: %s", what,
                                            PQerrorMessage(connection));
    finq_pg_cut(connection);
    return error;
}

static finq_error *call_timed_out(PGconn *connection, const finq_pg_statement *statement, apr_pool_t *pool)
{
    finq_pg_cut(connection);
    return finq_error_internal(pool, FINQ_E_SERVICE_UNAVAILABLE, "database: %s got no answer in time; connection closed",
                               statement->name);
}

static finq_error *flush(PGconn *connection, const finq_pg_statement *statement, apr_time_t deadline, apr_pool_t *pool)
{
    int pending;
    while ((pending = PQflush(connection)) > 0) {
        if (!socket_wait(connection, POLLIN | POLLOUT, deadline))
            return call_timed_out(connection, statement, pool);
        if (!PQconsumeInput(connection))
            return call_lost(connection, "sending", pool);
    }
    return pending < 0 ? call_lost(connection, "sending", pool) : NULL;
}

static apr_status_t rows_clear(void *rows)
{
    PQclear(rows);
    return APR_SUCCESS;
}

/* Reads to the end of the answer, which leaves the connection ready for the next call; keeps the first result. */
static finq_error *answer_read(PGresult **first, PGconn *connection, const finq_pg_statement *statement,
                               apr_time_t deadline, apr_pool_t *pool)
{
    *first = NULL;
    for (;;) {
        while (PQisBusy(connection)) {
            if (!socket_wait(connection, POLLIN, deadline))
                return call_timed_out(connection, statement, pool);
            if (!PQconsumeInput(connection))
                return call_lost(connection, "reading", pool);
        }
        PGresult *result = PQgetResult(connection);
        if (!result)
            return *first ? NULL : call_lost(connection, "no answer", pool);
        if (*first)
            PQclear(result);
        else {
            *first = result;
            apr_pool_cleanup_register(pool, result, rows_clear, apr_pool_cleanup_null);
        }
    }
}

/* SQLSTATEs after which the same request may succeed: connection, rollback, resources, intervention, I/O; a database
 * that is (for now) read-only; and what a prepared statement says when it is gone or a migration has passed it by. */
static int may_be_retried(const char *sqlstate)
{
    static const char *const prefixes[] = {"08", "25006", "40", "53", "55", "57", "58", "26000", "0A000"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (strncmp(sqlstate, prefixes[i], strlen(prefixes[i])) == 0)
            return 1;
    }
    return 0;
}

static finq_error *answer_check(const PGresult *result, PGconn *connection, const finq_pg_statement *statement,
                                apr_pool_t *pool)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return NULL;
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (!sqlstate)
        return call_lost(connection, statement->name, pool);
    if (strcmp(sqlstate, "26000") == 0 || strcmp(sqlstate, "0A000") == 0)
        finq_pg_cut(connection); /* only a new connection prepares again */
    return finq_error_internal(pool, may_be_retried(sqlstate) ? FINQ_E_SERVICE_UNAVAILABLE : FINQ_E_INTERNAL_SERVER_ERROR,
                               "database: %s: SQLSTATE %s: %s", statement->name, sqlstate, primary ? primary : "");
}

static finq_error *answer_take(PGresult **result, PGconn *connection, const finq_pg_statement *statement,
                               apr_time_t deadline, apr_pool_t *pool)
{
    FINQ_TRY(flush(connection, statement, deadline, pool));
    FINQ_TRY(answer_read(result, connection, statement, deadline, pool));
    return answer_check(*result, connection, statement, pool);
}

static finq_error *prepare(PGconn *connection, const finq_pg_statement *statement, apr_time_t deadline, apr_pool_t *pool)
{
    connection_state *state = PQinstanceData(connection, connection_event);
    PGresult *result;
    for (int i = 0; i < state->count; i++) {
        if (state->prepared[i] == statement)
            return NULL;
    }
    if (state->count == PREPARED_MAX)
        return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "more than %d statements", PREPARED_MAX);
    if (!PQsendPrepare(connection, statement->name, statement->sql, 0, NULL))
        return call_lost(connection, "preparing", pool);
    FINQ_TRY(answer_take(&result, connection, statement, deadline, pool));
    state->prepared[state->count++] = statement;
    return NULL;
}

finq_error *finq_pg_call(const PGresult **rows, PGconn *connection, const finq_pg_statement *statement,
                         const finq_pg_args *args, apr_time_t deadline, int named, apr_pool_t *pool)
{
    PGresult *result;
    int sent;
    PQsetnonblocking(connection, 1);
    if (named) {
        FINQ_TRY(prepare(connection, statement, deadline, pool));
        sent = PQsendQueryPrepared(connection, statement->name, args->count, args->values, args->lengths, args->formats, 1);
    } else
        sent = PQsendQueryParams(connection, statement->sql, args->count, NULL, args->values, args->lengths,
                                 args->formats, 1);
    if (!sent)
        return call_lost(connection, statement->name, pool);
    finq_error *error = answer_take(&result, connection, statement, deadline, pool);
    if (error)
        error->uncertain = !finq_pg_is_clean(connection); /* an error that the database reported left no effect */
    *rows = error ? NULL : result;
    return error;
}

/* ---- columns ---- */

int finq_pg_rows(const PGresult *rows)
{
    return PQntuples(rows);
}

int finq_pg_is_null(const PGresult *rows, int row, int column)
{
    return PQgetisnull(rows, row, column);
}

const char *finq_pg_text(const PGresult *rows, int row, int column, apr_pool_t *pool)
{
    if (PQgetisnull(rows, row, column))
        return NULL;
    return apr_pstrmemdup(pool, PQgetvalue(rows, row, column), (apr_size_t)PQgetlength(rows, row, column));
}

apr_int64_t finq_pg_number(const PGresult *rows, int row, int column)
{
    const unsigned char *from = (const unsigned char *)PQgetvalue(rows, row, column);
    int length = PQgetlength(rows, row, column);
    apr_uint64_t number = length > 0 && (from[0] & 0x80) ? ~(apr_uint64_t)0 : 0;
    for (int i = 0; i < length; i++)
        number = number << 8 | from[i];
    return (apr_int64_t)number;
}

int finq_pg_bool(const PGresult *rows, int row, int column)
{
    return PQgetlength(rows, row, column) == 1 && PQgetvalue(rows, row, column)[0] == 1;
}

finq_id finq_pg_id(const PGresult *rows, int row, int column)
{
    finq_id id = {{0}};
    if (PQgetlength(rows, row, column) == (int)sizeof id.bytes)
        memcpy(id.bytes, PQgetvalue(rows, row, column), sizeof id.bytes);
    return id;
}

const unsigned char *finq_pg_bytes(const PGresult *rows, int row, int column, apr_size_t *length)
{
    *length = (apr_size_t)PQgetlength(rows, row, column);
    return (const unsigned char *)PQgetvalue(rows, row, column);
}
