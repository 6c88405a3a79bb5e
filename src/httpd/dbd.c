#include "finq_dbd.h"

#include <apr_atomic.h>
#include <apr_dbd.h>
#include <apr_optional.h>
#include <apr_optional_hooks.h>
#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <http_log.h>
#include <mod_dbd.h>
#include <string.h>

APLOG_USE_MODULE(finq);

/* The oldest schema that these calls fit. */
#define SCHEMA_NEEDED 8
/* After a connection could not be had, requests are refused at once for so long. */
#define BREAK_TIME (apr_time_from_sec(1) / 2)

/* This part of FinqDatabaseTimeout is not waited away: a call that began with less would be cut off, and its connection with
 * it, although the database works. */
#define WORK_SHARE 2
/* More connections than this may be in use, but are counted on as idle ones no more. */
#define IDLE_MAX 256

/* mod_dbd waits for a connection without limit, and makes connections one after another under a lock. So its queue is kept
 * empty: we count what is in use, wait here with a deadline, and let one thread at a time go where a connection may have
 * to be made. After that has failed, one request a BREAK_TIME tries again, and the others are refused at once. */
struct finq_gate {
    const dbd_cfg_t *pool;  /* which of mod_dbd's pools this is; known once a connection was had from it */
    int most;              /* its DBDMax; 1 until known */
    int in_use;
    int idle;              /* given back in good order: to be had without connecting */
    apr_time_t idle_since[IDLE_MAX]; /* of each of these; the last is what mod_dbd hands out next */
    int connecting;
    apr_time_t failed_at;   /* when a connection could not be had, or gave no answer; 0 once one was made */
    apr_time_t answered_at; /* when a connection was last given back in good order */
    apr_thread_cond_t *changed;
    const finq_meter *meter; /* of the host that this was made for */
    finq_gate *same;       /* the gate of another host that uses the same pool; NULL where there is none */
    finq_gate *next;
};

static apr_thread_mutex_t *lock; /* over all gates of this child: held for a few instructions */
static finq_gate *gates;

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

apr_status_t finq_dbd_child_init(apr_pool_t *pchild)
{
    gates = NULL;
    return apr_thread_mutex_create(&lock, APR_THREAD_MUTEX_DEFAULT, pchild);
}

/* What an operator sees of it. A gate that has joined another has nothing of its own any more. */
static void gate_show(const finq_gate *gate)
{
    finq_gauges *shown = gate->meter->gauges;
    apr_atomic_set32(&shown->in_use, gate->same ? 0 : (apr_uint32_t)gate->in_use);
    apr_atomic_set32(&shown->idle, gate->same ? 0 : (apr_uint32_t)gate->idle);
    apr_atomic_set32(&shown->most, gate->same ? 0 : (apr_uint32_t)gate->most);
}

finq_gate *finq_gate_create(const finq_meter *meter, apr_pool_t *pchild)
{
    finq_gate *gate = apr_pcalloc(pchild, sizeof *gate);
    if (apr_thread_cond_create(&gate->changed, pchild) != APR_SUCCESS)
        return NULL;
    gate->most = 1;
    gate->meter = meter;
    gate_show(gate);
    gate->next = gates;
    gates = gate;
    return gate;
}

/* ---- the gate; all with the lock held ---- */

static finq_gate *gate_resolve(finq_gate *gate)
{
    while (gate->same)
        gate = gate->same;
    return gate;
}

/* A connection was had: now the gate knows its pool, and joins the gate that stands before the same one. */
static finq_gate *gate_learn(finq_gate *gate, const dbd_cfg_t *pool)
{
    if (gate->pool || !pool)
        return gate;
    for (finq_gate *other = gates; other; other = other->next) {
        if (other->pool == pool && other != gate) {
            gate->same = other;
            gate_show(gate);
            other->in_use += gate->in_use;
            apr_thread_cond_broadcast(gate->changed); /* who waited here waits there */
            return other;
        }
    }
    gate->pool = pool;
    gate->most = pool->nmax > 0 ? pool->nmax : 1;
    return gate;
}

/* mod_dbd drops what has lain unused for DBDExptime, and would then connect where we think that it need not. */
static int has_idle(finq_gate *gate, apr_time_t now)
{
    if (gate->idle > 0 && gate->pool && gate->pool->exptime > 0 &&
        now - gate->idle_since[gate->idle - 1] >= apr_time_from_sec(gate->pool->exptime))
        gate->idle = 0; /* the others have lain longer */
    return gate->idle > 0;
}

/* Whether there is no use in waiting: connecting failed a moment ago, and nobody has had an answer since. Where somebody
 * has, the database lives and is only short of connections. */
static int is_broken(const finq_gate *gate, apr_time_t now)
{
    if (!gate->failed_at || (gate->in_use > gate->connecting && gate->answered_at > gate->failed_at))
        return 0;
    return gate->connecting || now < gate->failed_at + BREAK_TIME;
}

static int may_connect(const finq_gate *gate, apr_time_t now)
{
    return !gate->connecting && gate->in_use < gate->most && (!gate->failed_at || now >= gate->failed_at + BREAK_TIME);
}

typedef enum { ENTER_IDLE, ENTER_CONNECT, ENTER_BROKEN, ENTER_LATE } entry;

static entry gate_enter(finq_gate **gate, apr_time_t deadline)
{
    for (;;) {
        apr_time_t now = apr_time_now();
        finq_gate *g = *gate = gate_resolve(*gate);
        if (has_idle(g, now)) {
            g->idle--;
            g->in_use++;
            return ENTER_IDLE;
        }
        if (may_connect(g, now)) {
            g->connecting = 1;
            g->in_use++;
            return ENTER_CONNECT;
        }
        if (is_broken(g, now))
            return ENTER_BROKEN;
        if (now >= deadline)
            return ENTER_LATE;
        apr_thread_cond_timedwait(g->changed, lock, deadline - now);
    }
}

static void gate_leave(finq_gate *gate, int clean, int late)
{
    apr_thread_mutex_lock(lock);
    gate = gate_resolve(gate);
    gate->in_use--;
    if (late)
        gate->failed_at = apr_time_now();
    if (clean) {
        gate->answered_at = apr_time_now();
        if (gate->answered_at >= gate->failed_at + BREAK_TIME)
            gate->failed_at = 0;
        if (gate->idle < IDLE_MAX)
            gate->idle_since[gate->idle++] = gate->answered_at;
    }
    gate_show(gate);
    if (clean && !gate->failed_at)
        apr_thread_cond_signal(gate->changed); /* one connection for one of those that wait, not for them all */
    else
        apr_thread_cond_broadcast(gate->changed);
    apr_thread_mutex_unlock(lock);
}

/* ---- borrowing a connection ---- */

typedef struct {
    finq_db db; /* first: a finq_db is one of these */
    server_rec *server;
    finq_gate *gate;
    const finq_meter *meter;
    apr_time_t deadline; /* 0 before the first call */
} request_db;

typedef struct {
    ap_dbd_t *dbd;
    PGconn *connection;
    finq_gate *gate;
} borrowed;

static finq_error *unavailable(apr_pool_t *pool, const char *why)
{
    return finq_error_internal(pool, FINQ_E_SERVICE_UNAVAILABLE, "database: %s", why);
}

/* mod_dbd hands out what lies on top and makes it anew only if libpq knows that it is dead; so that is found out here. */
static PGconn *connection_take(borrowed *loan, request_db *self, apr_pool_t *pool)
{
    for (int again = 0; again < 2; again++) {
        loan->dbd = dbd_open(pool, self->server);
        PGconn *connection = connection_of(loan->dbd);
        if (!connection || (finq_pg_is_alive(connection) && finq_pg_adopt(connection)))
            return connection;
        finq_pg_cut(connection);
        dbd_close(self->server, loan->dbd);
        loan->dbd = NULL;
    }
    return NULL;
}

/* Opens, with the gate's leave; the gate learns how it went. */
static void connection_open(borrowed *loan, request_db *self, int connecting, apr_pool_t *pool)
{
    loan->connection = connection_take(loan, self, pool);
    if (loan->connection && !connecting && loan->gate->pool)
        return;
    apr_thread_mutex_lock(lock);
    loan->gate = gate_resolve(loan->gate);
    if (connecting)
        loan->gate->connecting = 0;
    if (connecting || !loan->connection)
        loan->gate->failed_at = loan->connection ? 0 : apr_time_now();
    if (loan->connection)
        loan->gate = self->gate = gate_learn(loan->gate, finq_pg_owner(loan->connection));
    gate_show(loan->gate);
    apr_thread_cond_broadcast(loan->gate->changed);
    apr_thread_mutex_unlock(lock);
}

/* What a connection is like when it comes back: another tenant's request is its next user. */
static void give_back(borrowed *loan, request_db *self)
{
    int late = loan->connection && apr_time_now() >= self->deadline;
    int clean = loan->connection && finq_pg_is_clean(loan->connection);
    if (loan->connection && !clean)
        finq_pg_cut(loan->connection);
    if (loan->dbd)
        dbd_close(self->server, loan->dbd);
    gate_leave(loan->gate, clean, late && !clean);
}

static entry wait_for_gate(borrowed *loan, const request_db *self, apr_time_t until)
{
    apr_time_t since = apr_time_now();
    apr_thread_mutex_lock(lock);
    entry entered = gate_enter(&loan->gate, until);
    gate_show(loan->gate);
    apr_thread_mutex_unlock(lock);
    finq_metrics_wait(self->meter, apr_time_now() - since);
    return entered;
}

static finq_error *refused(const request_db *self, finq_event event, const char *why, apr_pool_t *pool)
{
    finq_metrics_event(self->meter, event);
    return unavailable(pool, why);
}

static finq_error *borrow(borrowed *loan, request_db *self, apr_pool_t *pool)
{
    apr_time_t timeout = apr_time_from_sec(finq_config_of(self->server)->database_timeout);
    if (!self->deadline)
        self->deadline = apr_time_now() + timeout;
    loan->gate = self->gate;
    entry entered = wait_for_gate(loan, self, self->deadline - timeout / WORK_SHARE);
    if (entered == ENTER_BROKEN)
        return refused(self, FINQ_EVENT_DATABASE_UNREACHABLE, "no connection or no answer was to be had a moment ago", pool);
    if (entered == ENTER_LATE)
        return refused(self, FINQ_EVENT_DATABASE_BUSY, "no connection became free in time; DBDMax may be too small", pool);
    connection_open(loan, self, entered == ENTER_CONNECT, pool);
    if (loan->connection)
        return NULL;
    give_back(loan, self);
    return refused(self, FINQ_EVENT_DATABASE_UNREACHABLE, "no connection could be made", pool);
}

static const finq_pg_statement schema_version = {"finq_schema_version", "SELECT finq.schema_version()"};

/* The first call on a new connection: does the schema fit? */
static finq_error *schema_check(PGconn *connection, apr_time_t deadline, int named, apr_pool_t *pool)
{
    const PGresult *rows;
    finq_pg_args none = {0};
    if (finq_pg_is_checked(connection))
        return NULL;
    finq_error *error = finq_pg_call(&rows, connection, &schema_version, &none, deadline, named, pool);
    if (error && error->code == FINQ_E_INTERNAL_SERVER_ERROR) /* it answered, and knows no such function */
        return unavailable(pool, apr_psprintf(pool, "%s: its schema is not there, or its user is no member of finq_server; "
                                              "run: finqctl db migrate", error->cause));
    if (!error && finq_pg_number(rows, 0, 0) < SCHEMA_NEEDED)
        error = unavailable(pool, "its schema is older than this module; run: finqctl db migrate");
    if (!error)
        finq_pg_set_checked(connection);
    return error;
}

static finq_error *request_call(finq_db *db, const PGresult **rows, const finq_pg_statement *statement,
                                const finq_pg_args *args, apr_pool_t *pool)
{
    request_db *self = (request_db *)db;
    int named = finq_config_of(self->server)->prepared_statements;
    borrowed loan = {0};
    FINQ_TRY(borrow(&loan, self, pool));
    finq_error *error = schema_check(loan.connection, self->deadline, named, pool);
    if (!error)
        error = finq_pg_call(rows, loan.connection, statement, args, self->deadline, named, pool);
    give_back(&loan, self);
    return error;
}

finq_db *finq_dbd_of(server_rec *server, finq_gate *gate, apr_pool_t *pool)
{
    request_db *self = apr_pcalloc(pool, sizeof *self);
    self->db.call = request_call;
    self->server = server;
    self->gate = gate;
    self->meter = gate->meter;
    return &self->db;
}

finq_error *finq_dbd_check(finq_db *db, apr_pool_t *pool)
{
    const PGresult *rows;
    finq_pg_args none = {0};
    return db->call(db, &rows, &schema_version, &none, pool);
}
