#include "httpd/gate.h"

#include <apr_atomic.h>
#include <apr_thread_mutex.h>
#include <string.h>

#include "httpd/mpm.h"

/* After a connection could not be had, requests are refused at once for so long. */
#define BREAK_TIME (apr_time_from_sec(1) / 2)

/* More connections than this may be in use, but are counted on as idle ones no more. */
#define IDLE_MAX 256

/* Why there is one: src/httpd/README.md. After connecting has failed, one request a BREAK_TIME tries again. */
struct finq_gate {
    const dbd_cfg_t *pool; /* which of mod_dbd's pools this is; known once a connection was had from it */
    int concurrency;       /* this child's part of FinqDatabaseConcurrency; 0 for no limit */
    int most;              /* its DBDMax, or that part where it is less; 1 until known */
    int has_several;       /* hosts to connect to: after one has failed the next may be tried */
    const char *params;    /* the pool's DBDParams, as they were written */
    int host;              /* which of the hosts is tried first */
    apr_pool_t *memory;    /* for what is tried first */
    int in_use;
    int idle;                        /* given back in good order: to be had without connecting */
    apr_time_t idle_since[IDLE_MAX]; /* of each of these; the last is what mod_dbd hands out next */
    int connecting;
    apr_uint32_t generation; /* of its connections; older ones lead to where the database is no more */
    apr_time_t failed_at;    /* when a connection could not be had, or gave no answer; 0 once one was made */
    apr_time_t answered_at;  /* when a connection was last given back in good order */
    APR_RING_HEAD(gate_ring, finq_gate_call) waiting; /* first come, first served */
    const finq_meter *meter;                          /* of the host that this was made for */
    finq_gate *same; /* the gate of another host that uses the same pool; NULL where there is none */
    finq_gate *next;
};

static apr_thread_mutex_t *lock; /* over all gates of this child: held for a few instructions */
static finq_gate *gates;

/* What a thread waits by, as long as it lives: who has let go of the lock can still ring it, and who is woken takes no lock that others
 * are after. It may be rung for a call that is over: whoever is woken looks, and waits on. */
struct finq_gate_bell {
    apr_thread_mutex_t *mutex; /* the last to be taken */
    apr_thread_cond_t *rung;
    int is_rung;
};

static apr_pool_t *memory; /* for the threads' bells; this child's */
static _Thread_local finq_gate_bell *own;
static _Thread_local const apr_pool_t *own_memory; /* that it is in: a process that has served as a child may do so again */

apr_status_t finq_gate_child_init(apr_pool_t *pchild)
{
    gates = NULL;
    apr_pool_create(&memory, pchild);
    return apr_thread_mutex_create(&lock, APR_THREAD_MUTEX_DEFAULT, pchild);
}

/* With the lock held. NULL where there is no memory for one. */
static finq_gate_bell *bell_of_thread(void)
{
    if (own_memory == memory)
        return own;
    finq_gate_bell *made = apr_pcalloc(memory, sizeof *made);
    if (apr_thread_mutex_create(&made->mutex, APR_THREAD_MUTEX_DEFAULT, memory) != APR_SUCCESS ||
        apr_thread_cond_create(&made->rung, memory) != APR_SUCCESS)
        return NULL;
    own_memory = memory;
    return own = made;
}

/* Rings for a call that another has served, if there is one; it is the caller's no more then. */
static void bell_ring(finq_gate_bell *bell, finq_gate_call *served)
{
    apr_thread_mutex_lock(bell->mutex);
    bell->is_rung = 1;
    if (served)
        served->served = 1;
    apr_thread_mutex_unlock(bell->mutex);
    apr_thread_cond_signal(bell->rung);
}

/* Waits until the call's bell is rung, or the call would wait no longer; answers whether another has served it. */
static int bell_wait(const finq_gate_call *call)
{
    finq_gate_bell *bell = call->bell;
    apr_interval_time_t left;
    apr_thread_mutex_lock(bell->mutex);
    while (!bell->is_rung && (left = call->until - apr_time_now()) > 0)
        apr_thread_cond_timedwait(bell->rung, bell->mutex, left);
    bell->is_rung = 0;
    int is_served = call->served;
    apr_thread_mutex_unlock(bell->mutex);
    return is_served;
}

/* A call that another has taken along waits without a limit of its own: the other has one. */
static void bell_wait_served(const finq_gate_call *call)
{
    apr_thread_mutex_lock(call->bell->mutex);
    while (!call->served)
        apr_thread_cond_wait(call->bell->rung, call->bell->mutex);
    call->bell->is_rung = 0;
    apr_thread_mutex_unlock(call->bell->mutex);
}

/* What an operator sees of it. A gate that has joined another has nothing of its own any more. */
static void gate_show(const finq_gate *gate)
{
    finq_gauges *shown = gate->meter->gauges;
    apr_atomic_set32(&shown->in_use, gate->same ? 0 : (apr_uint32_t)gate->in_use);
    apr_atomic_set32(&shown->idle, gate->same ? 0 : (apr_uint32_t)gate->idle);
    apr_atomic_set32(&shown->most, gate->same ? 0 : (apr_uint32_t)gate->most);
}

finq_gate *finq_gate_create(const finq_meter *meter, int concurrency, apr_pool_t *pchild)
{
    finq_gate *gate = apr_pcalloc(pchild, sizeof *gate);
    gate->concurrency = concurrency ? finq_mpm_share(concurrency) : 0;
    APR_RING_INIT(&gate->waiting, finq_gate_call, link);
    gate->most = gate->generation = 1;
    gate->meter = meter;
    apr_pool_create(&gate->memory, pchild);
    gate_show(gate);
    gate->next = gates;
    gates = gate;
    return gate;
}

const finq_meter *finq_gate_meter(const finq_gate *gate)
{
    return gate->meter;
}

/* ---- all with the lock held ---- */

static finq_gate *gate_resolve(finq_gate *gate)
{
    while (gate->same)
        gate = gate->same;
    return gate;
}

/* One connection is for one of those that wait, not for them all; who takes one while there are more wakes the next. Answers whom
 * to wake, once the lock is let go; NULL for nobody. */
static finq_gate_bell *next_of(const finq_gate *gate)
{
    return gate->idle > 0 && !APR_RING_EMPTY(&gate->waiting, finq_gate_call, link) ? APR_RING_FIRST(&gate->waiting)->bell : NULL;
}

static void wake_all(finq_gate *gate)
{
    finq_gate_call *call;
    APR_RING_FOREACH(call, &gate->waiting, finq_gate_call, link)
    bell_ring(call->bell, NULL);
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
            APR_RING_CONCAT(&other->waiting, &gate->waiting, finq_gate_call, link); /* who waited here waits there */
            wake_all(other);
            return other;
        }
    }
    gate->pool = pool;
    gate->most = pool->nmax > 0 ? pool->nmax : 1;
    if (gate->concurrency && gate->concurrency < gate->most)
        gate->most = gate->concurrency;
    gate->params = pool->params ? pool->params : "";
    gate->has_several = finq_pg_hosts(gate->params) > 1;
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
 * has, the database lives and is only short of connections; while one of several hosts is tried, it may be the next. */
static int is_broken(const finq_gate *gate, apr_time_t now)
{
    if (!gate->failed_at || (gate->in_use > gate->connecting && gate->answered_at > gate->failed_at))
        return 0;
    return gate->connecting ? !gate->has_several : now < gate->failed_at + BREAK_TIME;
}

static int may_connect(const finq_gate *gate, apr_time_t now)
{
    return !gate->connecting && gate->in_use < gate->most && (!gate->failed_at || now >= gate->failed_at + BREAK_TIME);
}

static finq_gate_entry gate_try(finq_gate *gate, const finq_gate_call *call, apr_time_t now)
{
    if (has_idle(gate, now)) {
        gate->idle--;
        gate->in_use++;
        return FINQ_GATE_IDLE;
    }
    if (may_connect(gate, now)) {
        gate->connecting = 1;
        gate->in_use++;
        return FINQ_GATE_CONNECT;
    }
    return is_broken(gate, now) ? FINQ_GATE_BROKEN : now >= call->until ? FINQ_GATE_LATE : FINQ_GATE_WAIT;
}

/* Lets go of the lock while it waits; who was served by another has no need of it any more, and comes back without. */
static finq_gate_entry gate_wait(finq_gate **gate, finq_gate_call *call)
{
    finq_gate_entry entry;
    call->bell = bell_of_thread();
    if (!call->bell)
        return FINQ_GATE_LATE;
    APR_RING_INSERT_TAIL(&(*gate)->waiting, call, finq_gate_call, link);
    do {
        apr_thread_mutex_unlock(lock);
        if (bell_wait(call))
            return FINQ_GATE_SERVED;
        apr_thread_mutex_lock(lock);
        *gate = gate_resolve(*gate);
        if (call->taken_at) { /* and so it is in the ring no more */
            apr_thread_mutex_unlock(lock);
            bell_wait_served(call);
            return FINQ_GATE_SERVED;
        }
        entry = gate_try(*gate, call, apr_time_now());
    } while (entry == FINQ_GATE_WAIT);
    APR_RING_REMOVE(call, link);
    return entry;
}

/* Lets go of the lock, then wakes whoever is to be woken. */
static void unlock_and_wake(finq_gate_bell *next)
{
    apr_thread_mutex_unlock(lock);
    if (next)
        bell_ring(next, NULL);
}

/* ---- entering and leaving ---- */

finq_gate_entry finq_gate_enter(finq_gate **gate, finq_gate_call *call)
{
    apr_thread_mutex_lock(lock);
    *gate = gate_resolve(*gate);
    finq_gate_entry entry = gate_try(*gate, call, apr_time_now());
    if (entry == FINQ_GATE_WAIT)
        entry = gate_wait(gate, call);
    if (entry == FINQ_GATE_SERVED)
        return entry;
    call->generation = (*gate)->generation;
    gate_show(*gate);
    unlock_and_wake(entry == FINQ_GATE_IDLE ? next_of(*gate) : NULL);
    return entry;
}

finq_gate *finq_gate_opened(finq_gate *gate, finq_gate_entry entry, int had, const dbd_cfg_t *pool)
{
    if (had && entry == FINQ_GATE_IDLE && gate->pool)
        return gate;
    apr_thread_mutex_lock(lock);
    gate = gate_resolve(gate);
    if (entry == FINQ_GATE_CONNECT)
        gate->connecting = 0;
    if (entry == FINQ_GATE_CONNECT || !had)
        gate->failed_at = had ? 0 : apr_time_now();
    if (had)
        gate = gate_learn(gate, pool);
    gate_show(gate);
    wake_all(gate);
    apr_thread_mutex_unlock(lock);
    return gate;
}

void finq_gate_moved(finq_gate *gate, apr_uint32_t generation)
{
    apr_thread_mutex_lock(lock);
    gate = gate_resolve(gate);
    if (gate->generation == generation)
        gate->generation++;
    apr_thread_mutex_unlock(lock);
}

/* A host that is silent would cost each new connection its connect_timeout. */
void finq_gate_prefer(finq_gate *gate, dbd_cfg_t *pool, PGconn *connection)
{
    apr_thread_mutex_lock(lock);
    gate = gate_resolve(gate);
    int index = gate->has_several ? finq_pg_host_index(gate->params, connection) : -1;
    if (index >= 0 && index != gate->host) {
        pool->params = finq_pg_host_first(gate->params, index, gate->memory);
        gate->host = index;
    }
    apr_thread_mutex_unlock(lock);
}

void finq_gate_leave(finq_gate *gate, int clean, int late)
{
    apr_thread_mutex_lock(lock);
    gate = gate_resolve(gate);
    gate->in_use--;
    if (late && !gate->has_several)
        gate->failed_at = apr_time_now();
    if (clean) {
        gate->answered_at = apr_time_now();
        if (gate->answered_at >= gate->failed_at + BREAK_TIME)
            gate->failed_at = 0;
        if (gate->idle < IDLE_MAX && gate->in_use + gate->idle < gate->most) /* a host that joined may have brought one more */
            gate->idle_since[gate->idle++] = gate->answered_at;
    }
    gate_show(gate);
    if (!clean || gate->failed_at)
        wake_all(gate);
    unlock_and_wake(next_of(gate));
}

/* ---- calls that go together ---- */

/* A host with less patience would cut the others' connection. */
static int goes_with(const finq_gate_call *other, const finq_gate_call *call)
{
    return other->job.statement->crowd && !other->alone && other->named == call->named &&
           other->deadline - other->until == call->deadline - call->until;
}

static int goes_before(const finq_gate_call *call, const finq_gate_call *other)
{
    const finq_id *its = call->job.args->session, *others = other->job.args->session;
    return its && (!others || memcmp(its->bytes, others->bytes, sizeof its->bytes) < 0);
}

/* By session, which is what they lock; behind them those that do not say what they lock. */
static void put_in_order(finq_gate_call **together, int count, finq_gate_call *call)
{
    for (; count > 0 && goes_before(call, together[count - 1]); count--)
        together[count] = together[count - 1];
    together[count] = call;
}

int finq_gate_gather(finq_gate *gate, finq_gate_call *call, finq_gate_call *together[FINQ_GATE_TOGETHER])
{
    finq_gate_call *other, *next;
    int count = 1;
    together[0] = call;
    if (!call->job.statement->crowd || call->alone || apr_time_now() >= call->until)
        return count;
    apr_thread_mutex_lock(lock);
    gate = gate_resolve(gate);
    APR_RING_FOREACH_SAFE(other, next, &gate->waiting, finq_gate_call, link)
    {
        if (count == FINQ_GATE_TOGETHER)
            break;
        if (!goes_with(other, call))
            continue;
        APR_RING_REMOVE(other, link);
        other->taken_at = apr_time_now();
        put_in_order(together, count++, other);
    }
    unlock_and_wake(next_of(gate)); /* one of those may have been woken for another */
    return count;
}

void finq_gate_served(finq_gate_call *const *together, int count, const finq_gate_call *call)
{
    for (int i = 0; i < count; i++) {
        if (together[i] != call)
            bell_ring(together[i]->bell, together[i]);
    }
}
