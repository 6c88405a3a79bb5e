#include "pg_connection.h"
#include "pg_jobs.h"

#include <apr_strings.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

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
    finq_error *error =
        finq_error_internal(pool, FINQ_E_SERVICE_UNAVAILABLE, "database: %s: %s", what, finq_pg_why(connection, pool));
    error->moved = 1;
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

PGresult *pg_rows_own(PGresult *rows, apr_pool_t *pool)
{
    if (rows)
        apr_pool_cleanup_register(pool, rows, rows_clear, apr_pool_cleanup_null);
    return rows;
}

/* PQgetResult, but with a deadline. */
static finq_error *result_next(PGresult **result, PGconn *connection, const finq_pg_statement *statement, apr_time_t deadline,
                               apr_pool_t *pool)
{
    while (PQisBusy(connection)) {
        if (!socket_wait(connection, POLLIN, deadline))
            return call_timed_out(connection, statement, pool);
        if (!PQconsumeInput(connection))
            return call_lost(connection, "reading", pool);
    }
    *result = PQgetResult(connection);
    return NULL;
}

/* Reads to the end of the answer, which leaves the connection ready for the next call; keeps the first result, or the error
 * that came after it: then the rows were there, but the commit failed. */
static finq_error *answer_read(PGresult **answer, PGconn *connection, const finq_pg_statement *statement, apr_time_t deadline,
                               apr_pool_t *pool)
{
    *answer = NULL;
    for (;;) {
        PGresult *result;
        FINQ_TRY(result_next(&result, connection, statement, deadline, pool));
        if (!result)
            return *answer ? NULL : call_lost(connection, "no answer", pool);
        if (!*answer || PQresultStatus(result) == PGRES_FATAL_ERROR)
            *answer = pg_rows_own(result, pool);
        else
            PQclear(result);
    }
}

/* SQLSTATEs after which the same request may succeed: connection, rollback, resources, intervention, I/O; a database
 * that is (for now) read-only; and what a prepared statement says when it is gone or a migration has passed it by. */
static const char *const retried[] = {"08", "25006", "40", "53", "55", "57", "58", "26000", "42P05", "0A000", NULL};
/* Those that a database says that ends, starts, or has become another's standby: what leads to it is of no use any more. */
static const char *const moved[] = {"08", "25006", "57P01", "57P02", "57P03", NULL};

/* What a transaction is told that was in another's way: nothing of it is left. */
static const char *const undone[] = {"40", NULL};

static int is_of(const char *const *prefixes, const char *sqlstate)
{
    for (; *prefixes; prefixes++) {
        if (strncmp(sqlstate, *prefixes, strlen(*prefixes)) == 0)
            return 1;
    }
    return 0;
}

/* A row for which no partition stands yet breaks a check that has no name. */
static int lacks_partition(const PGresult *result, const char *sqlstate)
{
    return strcmp(sqlstate, "23514") == 0 && !PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
}

/* What a pooler makes of prepared statements that hands each transaction another connection. */
static const char *hint_for(const char *sqlstate)
{
    int is_pooled = strcmp(sqlstate, "26000") == 0 || strcmp(sqlstate, "42P05") == 0;
    return is_pooled ? " (behind a transaction pooler set FinqPreparedStatements off)" : "";
}

static finq_error *answer_check(const PGresult *result, PGconn *connection, const finq_pg_statement *statement, apr_pool_t *pool)
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
    int is_retried = is_of(retried, sqlstate) || lacks_partition(result, sqlstate);
    finq_error *error = finq_error_internal(pool, is_retried ? FINQ_E_SERVICE_UNAVAILABLE : FINQ_E_INTERNAL_SERVER_ERROR,
                                            "database: %s: SQLSTATE %s: %s%s", statement->name, sqlstate, primary ? primary : "",
                                            hint_for(sqlstate));
    error->moved = is_of(moved, sqlstate);
    error->undone = is_of(undone, sqlstate);
    return error;
}

static finq_error *answer_take(PGresult **result, PGconn *connection, const finq_pg_statement *statement, apr_time_t deadline,
                               apr_pool_t *pool)
{
    FINQ_TRY(flush(connection, statement, deadline, pool));
    FINQ_TRY(answer_read(result, connection, statement, deadline, pool));
    return answer_check(*result, connection, statement, pool);
}

static finq_error *prepare(PGconn *connection, const finq_pg_statement *statement, apr_time_t deadline, apr_pool_t *pool)
{
    PGresult *result;
    if (pg_is_prepared(connection, statement))
        return NULL;
    if (!pg_may_prepare(connection))
        return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "database: more statements than a connection remembers");
    if (!PQsendPrepare(connection, statement->name, statement->sql, 0, NULL))
        return call_lost(connection, "preparing", pool);
    FINQ_TRY(answer_take(&result, connection, statement, deadline, pool));
    pg_set_prepared(connection, statement);
    return NULL;
}

static int call_send(PGconn *connection, const finq_pg_statement *statement, const finq_pg_args *args, int named)
{
    return named
               ? PQsendQueryPrepared(connection, statement->name, args->count, args->values, args->lengths, args->formats, 1)
               : PQsendQueryParams(connection, statement->sql, args->count, NULL, args->values, args->lengths, args->formats, 1);
}

finq_error *finq_pg_call(const PGresult **rows, PGconn *connection, const finq_pg_statement *statement, const finq_pg_args *args,
                         apr_time_t deadline, int named, apr_pool_t *pool)
{
    PGresult *result;
    *rows = NULL;
    PQsetnonblocking(connection, 1);
    if (named)
        FINQ_TRY(prepare(connection, statement, deadline, pool));
    if (!call_send(connection, statement, args, named))
        return call_lost(connection, statement->name, pool);
    finq_error *error = answer_take(&result, connection, statement, deadline, pool);
    if (error)
        error->uncertain = !finq_pg_is_clean(connection); /* an error that the database reported left no effect */
    if (error && error->moved)
        finq_pg_cut(connection);
    *rows = error ? NULL : result;
    return error;
}

/* ---- several calls in one transaction ---- */

/* Among several nobody waits long for a lock: who needs to waits alone. So no two transactions of several can wait for each other, in
 * whatever order they lock. Statements for crowds say so themselves. */
static const finq_pg_statement short_waits = {"short_waits", "SELECT pg_catalog.set_config('lock_timeout', '50ms', true)", 1,
                                              NULL};

/* What is sent before one synchronisation is one transaction to the server (libpq, "Pipeline Mode"). */
static finq_error *jobs_send(finq_pg_job *const *jobs, int count, PGconn *connection, apr_time_t deadline, int named)
{
    finq_pg_args none = {0};
    int is_limited = jobs[0]->is_crowd;
    PQsetnonblocking(connection, 1);
    if (named && !is_limited)
        FINQ_TRY(prepare(connection, &short_waits, deadline, jobs[0]->pool));
    for (int i = 0; named && i < count; i++)
        FINQ_TRY(prepare(connection, jobs[i]->statement, deadline, jobs[0]->pool));
    int sent = PQenterPipelineMode(connection) && (is_limited || call_send(connection, &short_waits, &none, named));
    for (int i = 0; sent && i < count; i++)
        sent = call_send(connection, jobs[i]->statement, jobs[i]->args, named);
    if (!sent || !PQpipelineSync(connection))
        return call_lost(connection, "sending", jobs[0]->pool);
    return flush(connection, jobs[0]->statement, deadline, jobs[0]->pool);
}

/* The one result of a call, and the NULL after it; NULL where the call failed, or one before it. */
static finq_error *job_read(const PGresult **rows, PGconn *connection, const finq_pg_job *job, apr_time_t deadline)
{
    PGresult *result;
    *rows = NULL;
    FINQ_TRY(result_next(&result, connection, job->statement, deadline, job->pool));
    if (!result)
        return call_lost(connection, "no answer", job->pool);
    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        *rows = pg_rows_own(result, job->pool);
    else
        PQclear(result);
    FINQ_TRY(result_next(&result, connection, job->statement, deadline, job->pool));
    if (!result)
        return NULL;
    PQclear(result);
    return call_lost(connection, "an answer too many", job->pool);
}

/* `*failed` where one of them failed, and none has had an effect; else all of them are committed. */
static finq_error *jobs_read(int *failed, finq_pg_job *const *jobs, int count, PGconn *connection, apr_time_t deadline)
{
    PGresult *end;
    const PGresult *limit;
    *failed = 0;
    if (!jobs[0]->is_crowd)
        FINQ_TRY(job_read(&limit, connection, jobs[0], deadline));
    for (int i = 0; i < count; i++) {
        FINQ_TRY(job_read(&jobs[i]->rows, connection, jobs[i], deadline));
        *failed |= !jobs[i]->rows;
    }
    for (int i = 0; *failed && i < count; i++)
        jobs[i]->rows = NULL; /* what came before is rolled back too */
    FINQ_TRY(result_next(&end, connection, jobs[0]->statement, deadline, jobs[0]->pool));
    if (PQresultStatus(end) == PGRES_PIPELINE_SYNC && PQexitPipelineMode(connection)) {
        PQclear(end);
        return NULL;
    }
    const char *sqlstate = PQresultErrorField(end, PG_DIAG_SQLSTATE); /* no more: details may tell of data */
    finq_error *error = finq_error_internal(jobs[0]->pool, FINQ_E_SERVICE_UNAVAILABLE, "database: the commit failed: SQLSTATE %s",
                                            sqlstate ? sqlstate : "unknown");
    PQclear(end);
    finq_pg_cut(connection);
    return error;
}

/* Where a statement could not be prepared nothing has been sent, and the connection is as good as before. */
static finq_error *jobs_together(int *failed, finq_pg_job *const *jobs, int count, PGconn *connection, apr_time_t deadline,
                                 int named)
{
    *failed = 1;
    finq_error *lost = jobs_send(jobs, count, connection, deadline, named);
    if (!lost)
        return jobs_read(failed, jobs, count, connection, deadline);
    return finq_pg_is_clean(connection) ? NULL : lost;
}

void pg_job_alone(finq_pg_job *job, PGconn *connection, apr_time_t deadline, int named)
{
    job->error = finq_pg_call(&job->rows, connection, job->statement, job->args, deadline, named, job->pool);
    if (job->error && job->error->undone)
        job->error = finq_pg_call(&job->rows, connection, job->statement, job->args, deadline, named, job->pool);
}

void pg_jobs_fail(finq_pg_job *const *jobs, int count, const finq_error *lost)
{
    for (int i = 0; i < count; i++) {
        jobs[i]->rows = NULL;
        jobs[i]->error = finq_error_internal(jobs[i]->pool, lost->code, "%s", lost->cause);
        jobs[i]->error->uncertain = 1;
        jobs[i]->error->moved = lost->moved;
    }
}

void finq_pg_calls(finq_pg_job *const *jobs, int count, PGconn *connection, apr_time_t deadline, int named)
{
    int failed;
    finq_error *lost = jobs_together(&failed, jobs, count, connection, deadline, named);
    if (lost)
        pg_jobs_fail(jobs, count, lost);
    else if (failed && count == 1)
        jobs[0]->aside = 1;
    for (int i = 0; !lost && failed && count > 1 && i < count; i++)
        finq_pg_calls(&jobs[i], 1, connection, deadline, named);
}
