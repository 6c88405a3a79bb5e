#include "httpd/dbd.h"

#include <apr_dbd.h>
#include <apr_optional.h>
#include <apr_optional_hooks.h>
#include <apr_strings.h>
#include <http_log.h>
#include <mod_dbd.h>
#include <string.h>

#include "db/calls.h"
#include "ground/clock.h"

APLOG_USE_MODULE(finq);

/* This part of FinqDatabaseTimeout is not waited away: a call that began with less would be cut off, and its connection with
 * it, although the database works. */
#define WORK_SHARE 2

static APR_OPTIONAL_FN_TYPE(ap_dbd_open) * dbd_open;
static APR_OPTIONAL_FN_TYPE(ap_dbd_close) * dbd_close;

/* libpq's handle; NULL where DBDriver is another. */
static PGconn *connection_of(const ap_dbd_t *dbd)
{
    return dbd && strcmp(apr_dbd_name(dbd->driver), "pgsql") == 0 ? apr_dbd_native_handle(dbd->driver, dbd->handle) : NULL;
}

/* mod_dbd tells of each new connection; of which of its pools it is, nothing else says. */
static apr_status_t dbd_connected(apr_pool_t *pool, dbd_cfg_t *config, ap_dbd_t *dbd)
{
    PGconn *connection = connection_of(dbd);
    (void)pool;
    if (connection && finq_pg_adopt(connection))
        finq_pg_set_owner(connection, config);
    return APR_SUCCESS;
}

static void find_functions(void)
{
    dbd_open = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);
    dbd_close = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_close);
}

void finq_dbd_register(void)
{
    ap_hook_optional_fn_retrieve(find_functions, NULL, NULL, APR_HOOK_MIDDLE);
    APR_OPTIONAL_HOOK(dbd, post_connect, dbd_connected, NULL, NULL, APR_HOOK_MIDDLE);
}

/* ---- borrowing a connection ---- */

typedef struct {
    finq_db db; /* first: a finq_db is one of these */
    server_rec *server;
    finq_gate *gate;
    const finq_meter *meter;
    apr_time_t deadline;       /* of the call under way */
    apr_interval_time_t spent; /* in calls so far */
    apr_uint32_t generation;   /* of the last call's connection */
} request_db;

typedef struct {
    ap_dbd_t *dbd;
    PGconn *connection;
    finq_gate *gate;
    apr_time_t deadline; /* of all calls that it is lent for */
    int is_new;          /* connected for this call */
} borrowed;

static finq_error *unavailable(apr_pool_t *pool, const char *why)
{
    return finq_error_internal(pool, FINQ_E_SERVICE_UNAVAILABLE, "database: %s", why);
}

/* mod_dbd hands out what lies on top, and the driver connects anew only where libpq knows that it is dead; so that is found
 * out here. What was connected before the database moved is as good as dead. */
static PGconn *connection_take(borrowed *loan, request_db *self, const finq_gate_call *call)
{
    loan->dbd = dbd_open(call->job.pool, self->server);
    PGconn *connection = connection_of(loan->dbd);
    if (!connection || !finq_pg_adopt(connection))
        return NULL;
    loan->is_new = finq_pg_generation(connection) == 0;
    if (finq_pg_is_alive(connection) && (loan->is_new || finq_pg_generation(connection) == call->generation))
        return connection;
    finq_pg_cut(connection);
    loan->is_new = apr_dbd_check_conn(loan->dbd->driver, call->job.pool, loan->dbd->handle) == APR_SUCCESS;
    return loan->is_new ? connection : NULL;
}

/* What a connection is like when it comes back: another tenant's request is its next user. A new one that leads to where
 * nothing can be written tells of no better place: then it is as if none could be had. */
static void give_back(borrowed *loan, request_db *self, const finq_gate_call *call)
{
    int moved = call->job.error && call->job.error->moved && apr_time_now() < loan->deadline; /* else it was cut, being late */
    int late = loan->connection && (apr_time_now() >= loan->deadline || (moved && loan->is_new));
    if (moved && !loan->is_new)
        finq_gate_moved(loan->gate, call->generation);
    int clean = loan->connection && finq_pg_is_clean(loan->connection);
    if (loan->connection && !clean)
        finq_pg_cut(loan->connection);
    if (loan->dbd)
        dbd_close(self->server, loan->dbd);
    finq_gate_leave(loan->gate, clean, late && !clean);
}

static finq_gate_entry wait_for_gate(borrowed *loan, const request_db *self, finq_gate_call *call)
{
    apr_time_t since = apr_time_now();
    finq_gate_entry entry = finq_gate_enter(&loan->gate, call);
    finq_metrics_wait(self->meter, (call->taken_at ? call->taken_at : apr_time_now()) - since);
    return entry;
}

static finq_error *refused(const request_db *self, finq_event event, const char *why, apr_pool_t *pool)
{
    finq_metrics_event(self->meter, event);
    return unavailable(pool, why);
}

static apr_interval_time_t timeout_of(const request_db *self)
{
    return apr_time_from_sec(finq_config_of(self->server)->database_timeout);
}

/* Borrows a connection, unless another call takes this one along meanwhile. */
static finq_error *borrow(borrowed *loan, request_db *self, finq_gate_call *call)
{
    apr_pool_t *pool = call->job.pool;
    loan->deadline = call->deadline = self->deadline;
    call->until = self->deadline - timeout_of(self) / WORK_SHARE;
    loan->gate = self->gate;
    finq_gate_entry entry = wait_for_gate(loan, self, call);
    if (entry == FINQ_GATE_SERVED)
        return NULL;
    if (entry == FINQ_GATE_BROKEN)
        return refused(self, FINQ_EVENT_DATABASE_UNREACHABLE, "no connection or no answer was to be had a moment ago", pool);
    if (entry == FINQ_GATE_LATE)
        return refused(self, FINQ_EVENT_DATABASE_BUSY,
                       "no connection became free in time; DBDMax or FinqDatabaseConcurrency may be too small", pool);
    loan->connection = connection_take(loan, self, call);
    dbd_cfg_t *owner = loan->connection ? finq_pg_owner(loan->connection) : NULL;
    loan->gate = finq_gate_opened(loan->gate, entry, loan->connection != NULL, owner);
    if (loan->connection) {
        finq_pg_set_generation(loan->connection, call->generation);
        if (loan->is_new && owner)
            finq_gate_prefer(loan->gate, owner, loan->connection);
        self->generation = call->generation;
        self->gate = loan->gate;
        return NULL;
    }
    const PGconn *dead = connection_of(loan->dbd); /* none where mod_dbd could not connect, which logs why itself */
    const char *why =
        dead ? apr_psprintf(pool, "no connection could be made: %s", finq_pg_why(dead, pool)) : "no connection could be made";
    give_back(loan, self, call);
    return refused(self, FINQ_EVENT_DATABASE_UNREACHABLE, why, pool);
}

/* A connection that is in hand already, as somewhere to send calls. */
typedef struct {
    finq_db db; /* first: a finq_db is one of these */
    PGconn *connection;
    apr_time_t deadline;
    int named;
} held_db;

static finq_error *held_call(finq_db *db, const PGresult **rows, const finq_pg_statement *statement, const finq_pg_args *args,
                             apr_pool_t *pool)
{
    held_db *self = (held_db *)db;
    return finq_pg_call(rows, self->connection, statement, args, self->deadline, self->named, pool);
}

/* The first call on a new connection: does the schema fit? */
static finq_error *schema_check(PGconn *connection, apr_time_t deadline, int named, apr_pool_t *pool)
{
    held_db held = {{held_call}, connection, deadline, named};
    finq_schema_version_out row;
    if (finq_pg_is_checked(connection))
        return NULL;
    finq_error *error = finq_call_schema_version(&row, &held.db, pool);
    if (error && error->code == FINQ_E_INTERNAL_SERVER_ERROR) /* it answered, and knows no such function */
        return unavailable(pool, apr_psprintf(pool,
                                              "%s: its schema is not there, or its user is no member of finq_server; "
                                              "run: finqctl db migrate",
                                              error->cause));
    if (!error && row.schema_version < FINQ_SCHEMA) /* the newest migration of this build */
        error = unavailable(pool, "its schema is older than this module; run: finqctl db migrate");
    if (!error)
        finq_pg_set_checked(connection);
    return error;
}

/* The transaction ends by the earliest deadline among its calls; that one has waited longest, and still has half of
 * FinqDatabaseTimeout. */
static int call_together(borrowed *loan, finq_gate_call *call, finq_gate_call *together[FINQ_GATE_TOGETHER])
{
    finq_pg_job *jobs[FINQ_GATE_TOGETHER];
    int count = finq_gate_gather(loan->gate, call, together);
    for (int i = 0; i < count; i++) {
        jobs[i] = &together[i]->job;
        if (together[i]->deadline < loan->deadline)
            loan->deadline = together[i]->deadline;
    }
    finq_pg_together(jobs, count, loan->connection, loan->deadline, call->named);
    return count;
}

static finq_gate_call call_of(finq_pg_job job, int named, int alone)
{
    return (finq_gate_call){
        .job = {.statement = job.statement, .args = job.args, .pool = job.pool}, .named = named, .alone = alone};
}

static finq_error *call_once(request_db *self, finq_gate_call *call)
{
    borrowed loan = {0};
    finq_gate_call *together[FINQ_GATE_TOGETHER];
    int count = 0;
    FINQ_TRY(borrow(&loan, self, call));
    if (!call->served) {
        call->job.error = schema_check(loan.connection, self->deadline, call->named, call->job.pool);
        if (!call->job.error)
            count = call_together(&loan, call, together);
        give_back(&loan, self, call); /* first: the database works for the next while these are woken */
        finq_gate_served(together, count, call);
    }
    if (!call->job.aside)
        return call->job.error;
    *call = call_of(call->job, call->named, 1);
    return call_once(self, call);
}

/* Whether a call may be made again on a new connection: its first time had no effect, or the second is known as the same. */
static int may_repeat(const request_db *self, const finq_gate_call *call)
{
    const finq_error *error = call->job.error;
    return error && error->moved && (call->job.statement->repeatable || !error->uncertain) && apr_time_now() < self->deadline;
}

static finq_error *call_repeated(request_db *self, const PGresult **rows, const finq_pg_statement *statement,
                                 const finq_pg_args *args, apr_pool_t *pool)
{
    finq_gate_call call = call_of((finq_pg_job){.statement = statement, .args = args, .pool = pool},
                                  finq_config_of(self->server)->prepared_statements, 0);
    finq_gate_call again = call;
    finq_error *error = call_once(self, &call);
    *rows = call.job.rows;
    if (!may_repeat(self, &call))
        return error;
    finq_error *first = error;
    error = call_once(self, &again);
    if (error) {
        error->uncertain |= first->uncertain;
        error->cause = apr_psprintf(pool, "%s; once more: %s", finq_error_why(first), finq_error_why(error));
    }
    *rows = again.job.rows;
    return error;
}

/* What passes between two calls is no time of the database's: a slow client's, a bank's, a scanner's. */
static finq_error *request_call(finq_db *db, const PGresult **rows, const finq_pg_statement *statement, const finq_pg_args *args,
                                apr_pool_t *pool)
{
    request_db *self = (request_db *)db;
    apr_time_t since = finq_clock_steady();
    self->deadline = apr_time_now() + timeout_of(self) - self->spent;
    finq_error *error = call_repeated(self, rows, statement, args, pool);
    self->spent += finq_clock_steady() - since;
    return error;
}

finq_db *finq_dbd_of(server_rec *server, finq_gate *gate, apr_pool_t *pool)
{
    request_db *self = apr_pcalloc(pool, sizeof *self);
    self->db.call = request_call;
    self->server = server;
    self->gate = gate;
    self->meter = finq_gate_meter(gate);
    return &self->db;
}

finq_error *finq_dbd_check(finq_db *db, apr_pool_t *pool)
{
    finq_schema_version_out schema;
    finq_is_read_only_out now;
    const request_db *self = (const request_db *)db;
    FINQ_TRY(finq_call_schema_version(&schema, db, pool));
    FINQ_TRY(finq_call_is_read_only(&now, db, pool));
    if (now.is_read_only) { /* as it may have become since it was connected to: a new connection leads to another */
        finq_gate_moved(self->gate, self->generation);
        FINQ_TRY(finq_call_is_read_only(&now, db, pool));
    }
    return now.is_read_only ? unavailable(pool, "it is read-only: a standby, or default_transaction_read_only is on") : NULL;
}
