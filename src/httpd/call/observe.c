#include "httpd/observe.h"

#include <apr_atomic.h>
#include <apr_strings.h>
#include <errno.h>
#include <http_config.h>
#include <http_log.h>
#include <http_main.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "httpd/mpm.h"

APLOG_USE_MODULE(finq);

#define CACHE_LINE 64

/* The shared memory, as the parent laid it out: who runs, what each child has under way on each host, counters. */
static struct {
    int children, hosts; /* most of them; each child has a slot */
    apr_uint32_t *pids;  /* of a slot's child; 0 where there is none */
    finq_gauges *gauges; /* children x hosts */
} shared;

static int slot; /* this child's; -1 where there was none left */

/* ---- when the server starts ---- */

static int hosts_count(const server_rec *main_server)
{
    int count = 0;
    for (const server_rec *server = main_server; server; server = server->next)
        count++;
    return count;
}

static apr_size_t pids_size(void)
{
    return APR_ALIGN(sizeof(apr_uint32_t) * (apr_size_t)finq_mpm_children(), CACHE_LINE);
}

static apr_size_t gauges_size(int hosts)
{
    return APR_ALIGN(sizeof(finq_gauges) * (apr_size_t)hosts * (apr_size_t)finq_mpm_children(), CACHE_LINE);
}

apr_size_t finq_observe_size(server_rec *main_server)
{
    int hosts = hosts_count(main_server);
    return pids_size() + gauges_size(hosts) + (apr_size_t)hosts * finq_metrics_size();
}

static apr_status_t shared_forget(void *unused)
{
    (void)unused;
    memset(&shared, 0, sizeof shared);
    return APR_SUCCESS;
}

void finq_observe_make(void *block, server_rec *main_server, apr_pool_t *pconf)
{
    char *at = block;
    shared.children = finq_mpm_children();
    shared.hosts = hosts_count(main_server);
    shared.pids = (apr_uint32_t *)at;
    shared.gauges = (finq_gauges *)(at += pids_size());
    at += gauges_size(shared.hosts);
    for (server_rec *server = main_server; server; server = server->next) {
        finq_config_of(server)->metrics = (finq_metrics *)at;
        at += finq_metrics_size();
    }
    apr_pool_cleanup_register(pconf, NULL, shared_forget, apr_pool_cleanup_null);
}

/* ---- when a child starts ---- */

static int is_gone(apr_uint32_t pid)
{
    return pid == 0 || (kill((pid_t)pid, 0) != 0 && errno == ESRCH);
}

static apr_status_t slot_leave(void *unused)
{
    (void)unused;
    apr_atomic_set32(&shared.pids[slot], 0);
    return APR_SUCCESS;
}

/* A child that crashed has left its gauges as they were: they are shown no more, and its slot is the next one's. */
void finq_observe_child_init(apr_pool_t *pchild)
{
    slot = -1;
    for (int i = 0; i < shared.children && slot < 0; i++) {
        apr_uint32_t pid = apr_atomic_read32(&shared.pids[i]);
        if (is_gone(pid) && apr_atomic_cas32(&shared.pids[i], (apr_uint32_t)getpid(), pid) == pid)
            slot = i;
    }
    if (slot < 0)
        return;
    memset(&shared.gauges[slot * shared.hosts], 0, sizeof *shared.gauges * (apr_size_t)shared.hosts);
    apr_pool_cleanup_register(pchild, NULL, slot_leave, apr_pool_cleanup_null);
}

finq_meter finq_observe_meter(const finq_config *config, apr_pool_t *pchild)
{
    finq_meter meter = {config->metrics, slot < 0 ? 0 : slot, NULL};
    if (slot < 0)
        meter.gauges = apr_pcalloc(pchild, sizeof *meter.gauges);
    else
        meter.gauges = &shared.gauges[slot * shared.hosts + config->host_number];
    return meter;
}

/* ---- requests ---- */

void finq_observe_recognised(finq_request *request, const finq_id *client_id, const finq_published *published, const char *step)
{
    apr_table_t *notes = request->r->notes;
    apr_table_setn(notes, "finq-tenant", finq_id_text(client_id, request->r->pool));
    if (published)
        apr_table_setn(notes, "finq-skill", published->skill->name);
    if (step)
        apr_table_setn(notes, "finq-step", step);
}

static const finq_meter *meter_of(const finq_request *request)
{
    return request->config->runtime ? &request->config->runtime->meter : NULL;
}

void finq_observe_session(finq_request *request, const finq_published *published, finq_progress progress)
{
    finq_metrics_session(meter_of(request), (apr_uint32_t)published->skill_id, published->skill->name, progress);
    finq_observe_tell(request, "progress", finq_metrics_progress_name(progress));
}

void finq_observe_nonce(finq_request *request, finq_nonce_state state)
{
    static const finq_event events[] = {
        [FINQ_NONCE_FORGED] = FINQ_EVENT_NONCE_FORGED,
        [FINQ_NONCE_OTHER_CLIENT] = FINQ_EVENT_NONCE_OTHER_CLIENT,
        [FINQ_NONCE_EXPIRED] = FINQ_EVENT_NONCE_EXPIRED,
    };
    if (state != FINQ_NONCE_GOOD)
        finq_observe_event(request, events[state]);
}

void finq_observe_event(finq_request *request, finq_event event)
{
    const char *label, *value;
    finq_metrics_event(meter_of(request), event);
    finq_metrics_event_names(&label, &value, event);
    finq_observe_tell(request, label, value);
}

/* What the business rooms tell, of a request. */
typedef struct {
    finq_witness witness; /* first: a finq_witness is one of these */
    finq_request *request;
} request_witness;

static void payment_seen(finq_witness *witness, finq_phase phase)
{
    static const finq_event events[FINQ_PHASE_COUNT] = {
#define X(enumerator, name, rank, final) [FINQ_PHASE_##enumerator] = FINQ_EVENT_PAYMENT_##enumerator,
        FINQ_PHASES(X)
#undef X
    };
    finq_observe_event(((request_witness *)witness)->request, events[phase]);
}

finq_witness *finq_observe_witness(finq_request *request)
{
    request_witness *self = apr_palloc(request->r->pool, sizeof *self);
    *self = (request_witness){{payment_seen}, request};
    return &self->witness;
}

void finq_observe_tell(finq_request *request, const char *name, const char *value)
{
    apr_pool_t *pool = request->r->pool;
    if (APLOG_R_IS_LEVEL(request->r, APLOG_DEBUG))
        request->told = apr_pstrcat(pool, request->told ? request->told : "", " ", name, "=", value, NULL);
}

void finq_observe_tell_id(finq_request *request, const char *name, const finq_id *id)
{
    char text[FINQ_ID_TEXT + 1];
    finq_observe_tell(request, name, finq_id_write(text, id));
}

/* The route's path, with the id in it where that is one. */
static const char *path_told(const finq_request *request)
{
    const char *route = request->route == FINQ_ROUTE_OTHER ? "no route" : finq_routes[request->route].path,
               *star = strchr(route, '*');
    finq_id id;
    if (!star || !finq_id_parse(&id, request->path_id))
        return route;
    return apr_psprintf(request->r->pool, "%.*s%s%s", (int)(star - route), route, finq_id_text(&id, request->r->pool), star + 1);
}

static const char *signature_told(const finq_request *request, int outcome)
{
    if (outcome == FINQ_E_INVALID_SIGNATURE || outcome == FINQ_E_EXPIRED_SIGNATURE || outcome == FINQ_E_INVALID_DIGEST)
        return " signature=refused";
    return request->proof ? " signature=good" : "";
}

static const char *note_told(const finq_request *request, const char *name, const char *note)
{
    const char *value = apr_table_get(request->r->notes, note);
    return value ? apr_pstrcat(request->r->pool, " ", name, "=", value, NULL) : "";
}

/* The one line that says what was decided. */
static void line_log(const finq_request *request, int outcome)
{
    if (!APLOG_R_IS_LEVEL(request->r, APLOG_DEBUG)) /* nothing is written together that nobody reads */
        return;
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, request->r, "FINQ10: [%s] %s: %s%s%s%s%s%s", request->id, path_told(request),
                  finq_outcome_name(outcome), note_told(request, "tenant", "finq-tenant"),
                  note_told(request, "skill", "finq-skill"), note_told(request, "step", "finq-step"),
                  signature_told(request, outcome), request->told ? request->told : "");
}

void finq_observe_answer(finq_request *request, int outcome)
{
    const finq_meter *meter = meter_of(request);
    apr_table_setn(request->r->notes, "finq-outcome", finq_outcome_name(outcome));
    line_log(request, outcome);
    if (meter)
        finq_metrics_answer(meter, (int)request->route, outcome, apr_time_now() - request->r->request_time);
}

/* ---- showing ---- */

static void gauges_add(finq_gauges *sum, const finq_gauges *gauges)
{
    apr_uint32_t *from = (apr_uint32_t *)gauges;
    for (apr_size_t i = 0; i < sizeof *sum / sizeof *from; i++)
        ((apr_uint32_t *)sum)[i] += apr_atomic_read32(&from[i]);
}

static finq_gauges gauges_sum(int host)
{
    finq_gauges sum = {0};
    for (int i = 0; i < shared.children; i++) {
        if (!is_gone(apr_atomic_read32(&shared.pids[i])))
            gauges_add(&sum, &shared.gauges[i * shared.hosts + host]);
    }
    return sum;
}

/* As ServerName says; hosts that say the same are numbered, because Prometheus takes a name only once. */
static const char *host_name(const server_rec *server, const finq_metrics_source *sources, int count, apr_pool_t *pool)
{
    unsigned port = server->port ? server->port : server->addrs ? server->addrs->host_port : 0;
    const char *base = apr_psprintf(pool, "%s:%u", server->server_hostname ? server->server_hostname : "", port), *name = base;
    for (int i = 0, number = 2; i < count; i++) {
        if (strcmp(sources[i].host, name) != 0)
            continue;
        name = apr_psprintf(pool, "%s#%d", base, number++);
        i = -1;
    }
    return name;
}

finq_metrics_view finq_observe_view(const char *const *names, apr_pool_t *pool)
{
    finq_metrics_source *sources = apr_pcalloc(pool, sizeof *sources * (apr_size_t)(shared.hosts + 1));
    finq_metrics_view view = {sources, 0, names};
    for (server_rec *server = ap_server_conf; server && view.count < shared.hosts; server = server->next) {
        const finq_config *config = finq_config_of(server);
        if (!finq_config_serves(config))
            continue;
        finq_metrics_source *source = &sources[view.count];
        source->host = host_name(server, sources, view.count, pool);
        source->metrics = config->metrics;
        source->gauges = gauges_sum(config->host_number);
        view.count++;
    }
    return view;
}
