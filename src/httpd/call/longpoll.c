#include "httpd/longpoll.h"

#include <apr_atomic.h>
#include <apr_portable.h>
#include <apr_ring.h>
#include <apr_strings.h>
#include <fcntl.h>
#include <http_config.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_main.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <util_cfgtree.h>

#include "flow/waiting.h"
#include "ground/clock.h"
#include "httpd/dbd.h"
#include "httpd/mpm.h"

/* How a client waits, and what of httpd's would not do: src/httpd/README.md. */

/* How often the sessions are looked at, all those of a host at once. */
#define LOOK_EVERY (APR_USEC_PER_SEC / 2)
/* Of AsyncRequestWorkerFactor's connections a child lets this part wait; of its file descriptors that: two each, and as many
 * are left for others. */
#define CONNECTION_SHARE 2
#define DESCRIPTOR_SHARE 4

typedef struct held {
    APR_RING_ENTRY(held) link;
    finq_request *request; /* not the watch's to look at */
    server_rec *server;
    finq_waiting_session session;
    apr_uint64_t number; /* rises along the ring */
    apr_time_t due;
    int socket; /* a descriptor of our own: no other connection can get its number while we may call it */
    int called;
} held;

/* Of a connection; in its conn_config. */
typedef struct {
    held *held;   /* NULL where no answer is held back */
    int attended; /* finq_longpoll_attend is on the stack */
} connection;

/* All of this child. The lock is no pool's: requests may outlive the child's pool while it exits. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static struct {
    APR_RING_HEAD(held_ring, held) ring;
    int count, most;
    apr_uint64_t numbers;
    pthread_t watch;
    int is_watched, ends;
} hall;

/* ---- the watch ---- */

/* With the lock held. */
static void call_back(held *one)
{
    if (!one->called)
        shutdown(one->socket, SHUT_RD);
    one->called = 1;
}

static void call_due(int all)
{
    apr_time_t now = finq_clock_steady();
    held *one;
    APR_RING_FOREACH(one, &hall.ring, held, link)
    {
        if (all || one->due <= now)
            call_back(one);
    }
}

typedef struct {
    apr_array_header_t *sessions; /* of finq_waiting_session */
    apr_array_header_t *numbers;  /* of apr_uint64_t: whose they are */
} waited;

static waited waited_of(const server_rec *server, apr_pool_t *pool)
{
    waited all = {apr_array_make(pool, 16, sizeof(finq_waiting_session)), apr_array_make(pool, 16, sizeof(apr_uint64_t))};
    held *one;
    pthread_mutex_lock(&lock);
    APR_RING_FOREACH(one, &hall.ring, held, link)
    {
        if (one->server != server || one->called)
            continue;
        APR_ARRAY_PUSH(all.sessions, finq_waiting_session) = one->session;
        APR_ARRAY_PUSH(all.numbers, apr_uint64_t) = one->number;
    }
    pthread_mutex_unlock(&lock);
    return all;
}

/* `settled` are indices into `all`. The numbers rise there as along the ring, where some may be gone by now: so one pass through
 * both will do. */
static void call_settled(const waited *all, const apr_array_header_t *settled)
{
    held *one;
    int i = 0;
    pthread_mutex_lock(&lock);
    APR_RING_FOREACH(one, &hall.ring, held, link)
    {
        while (i < settled->nelts && APR_ARRAY_IDX(all->numbers, APR_ARRAY_IDX(settled, i, int), apr_uint64_t) < one->number)
            i++;
        if (i < settled->nelts && APR_ARRAY_IDX(all->numbers, APR_ARRAY_IDX(settled, i, int), apr_uint64_t) == one->number)
            call_back(one);
    }
    pthread_mutex_unlock(&lock);
}

/* A look that fails leaves everybody waiting: the database may be back at the next. */
static void look(server_rec *server, apr_pool_t *pool)
{
    const finq_config *config = finq_config_of(server);
    apr_array_header_t *settled;
    waited all = waited_of(server, pool);
    if (all.sessions->nelts == 0)
        return;
    finq_db *db = finq_dbd_of(server, config->runtime->gate, pool);
    if (!finq_waiting_settled(&settled, db, all.sessions, pool))
        call_settled(&all, settled);
}

static void look_at_all(void)
{
    apr_pool_t *pool;
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return;
    for (server_rec *server = ap_server_conf; server; server = server->next)
        look(server, pool);
    apr_pool_destroy(pool);
}

/* With the lock held. */
static void sleep_until_look(void)
{
    apr_time_t then = finq_clock_steady() + LOOK_EVERY;
    struct timespec until = {then / APR_USEC_PER_SEC, then % APR_USEC_PER_SEC * 1000};
    while (!hall.ends && finq_clock_steady() < then)
        pthread_cond_timedwait(&changed, &lock, &until);
}

static void *watch(void *unused)
{
    pthread_mutex_lock(&lock);
    while (!hall.ends) {
        if (hall.count == 0) {
            pthread_cond_wait(&changed, &lock);
            continue;
        }
        sleep_until_look();
        call_due(finq_mpm_is_stopping());
        pthread_mutex_unlock(&lock);
        look_at_all();
        pthread_mutex_lock(&lock);
    }
    pthread_mutex_unlock(&lock);
    return unused;
}

/* Begins with the first who waits; with the lock held. Signals are for httpd's own threads. */
static void watch_begin(void)
{
    sigset_t all, before;
    if (hall.is_watched || hall.ends)
        return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    hall.is_watched = pthread_create(&hall.watch, NULL, watch, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Before anything goes that it uses. */
static apr_status_t watch_end(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    hall.ends = 1;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    if (hall.is_watched)
        pthread_join(hall.watch, NULL);
    return APR_SUCCESS;
}

/* ---- a child's start ---- */

static double factor_find(const ap_directive_t *at, double factor)
{
    for (; at; at = at->next) {
        if (strcasecmp(at->directive, "AsyncRequestWorkerFactor") == 0)
            factor = strtod(at->args, NULL);
        factor = factor_find(at->first_child, factor);
    }
    return factor;
}

/* A child of mod_mpm_event takes threads + AsyncRequestWorkerFactor x idle threads connections, and then no more. */
static int most_held(void)
{
    struct rlimit files = {1024, 1024};
    if (!finq_mpm_can_wait())
        return 0;
    getrlimit(RLIMIT_NOFILE, &files);
    double connections = factor_find(ap_conftree, 2) * finq_mpm_threads() / CONNECTION_SHARE;
    double descriptors = (double)files.rlim_cur / DESCRIPTOR_SHARE;
    return (int)(connections < descriptors ? connections : descriptors);
}

void finq_longpoll_child_init(apr_pool_t *pchild)
{
    pthread_condattr_t attributes;
    APR_RING_INIT(&hall.ring, held, link);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &attributes);
    pthread_condattr_destroy(&attributes);
    hall.most = most_held();
    apr_pool_pre_cleanup_register(pchild, NULL, watch_end);
}

/* ---- requests ---- */

static connection *connection_of(const conn_rec *c)
{
    return ap_get_module_config(c->conn_config, &finq_module);
}

/* An HTTP/1 request of the client's own, on a connection that the MPM watches: not one of HTTP/2's, which have a master; not
 * with a filter that makes httpd stay in its loop over the connection's requests. */
int finq_longpoll_suits(const finq_request *request)
{
    const request_rec *r = request->r;
    const connection *own = connection_of(r->connection);
    return own && own->attended && !r->main && !r->prev && !r->connection->clogging_input_filters;
}

static apr_status_t leave(void *data)
{
    held *one = data;
    pthread_mutex_lock(&lock);
    APR_RING_REMOVE(one, link);
    hall.count--;
    pthread_mutex_unlock(&lock);
    close(one->socket);
    connection_of(one->request->r->connection)->held = NULL;
    apr_atomic_dec32(&one->request->config->runtime->meter.gauges->waiting);
    return APR_SUCCESS;
}

/* Returns whether there was room. */
static int enter(held *one)
{
    pthread_mutex_lock(&lock);
    watch_begin();
    int room = hall.is_watched && hall.count < hall.most;
    if (room) {
        one->number = ++hall.numbers;
        APR_RING_INSERT_TAIL(&hall.ring, one, held, link);
        if (hall.count++ == 0)
            pthread_cond_signal(&changed);
    }
    pthread_mutex_unlock(&lock);
    if (!room)
        return 0;
    apr_atomic_inc32(&one->request->config->runtime->meter.gauges->waiting);
    connection_of(one->request->r->connection)->held = one;
    apr_pool_cleanup_register(one->request->r->pool, one, leave, apr_pool_cleanup_null);
    return 1;
}

/* The MPM closes a connection that is silent for Timeout, without an answer. */
static apr_interval_time_t wait_most(const request_rec *r)
{
    apr_interval_time_t own = r->server->timeout, base = r->connection->base_server->timeout;
    return (own < base ? own : base) / 2;
}

int finq_longpoll_hold(finq_request *request, apr_interval_time_t wait)
{
    request_rec *r = request->r;
    held *one = apr_pcalloc(r->pool, sizeof *one);
    apr_os_sock_t client;
    if (finq_mpm_is_stopping() || apr_os_sock_get(&client, ap_get_conn_socket(r->connection)) != APR_SUCCESS)
        return 0;
    one->request = request;
    one->server = r->server;
    one->session.session_id = request->pass->token.session_id;
    one->session.generation = request->pass->token.generation;
    one->due = finq_clock_steady() + (wait < wait_most(r) ? wait : wait_most(r));
    one->socket = fcntl(client, F_DUPFD_CLOEXEC, 0);
    if (one->socket >= 0 && enter(one))
        return 1;
    if (one->socket >= 0)
        close(one->socket);
    return 0;
}

/* ---- connections ---- */

finq_request *finq_longpoll_take(conn_rec *c)
{
    connection *own = connection_of(c);
    if (!own || !own->held)
        return NULL;
    held *one = own->held;
    apr_pool_cleanup_run(one->request->r->pool, one, leave);
    if (one->called)
        c->keepalive = AP_CONN_CLOSE;
    return one->request;
}

int finq_longpoll_attend(conn_rec *c)
{
    connection *own = connection_of(c);
    if (hall.most == 0 || c->master || !c->cs || (own && own->attended))
        return DECLINED;
    if (!own) {
        own = apr_pcalloc(c->pool, sizeof *own);
        ap_set_module_config(c->conn_config, &finq_module, own);
    }
    own->attended = 1;
    int result = ap_run_process_connection(c);
    own->attended = 0;
    if (own->held) {
        c->cs->state = CONN_STATE_ASYNC_WAITIO;
        c->cs->sense = CONN_SENSE_WANT_READ;
    }
    return result;
}
