/* finqctl outbox: the delivery of events. */
#include "ctl.h"

#include <apr_ring.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "crypto/secrets.h"
#include "ground/process.h"
#include "event.h"

/* Most deliveries under way; how many of these a webhook may have, finq.outbox_due says. */
#define UNDER_WAY_MAX 256
#define LOOK_SECONDS 1
#define LEAD_SECONDS 5
/* One delivers at a time: who has the lease. It is over so long after it was last kept. */
#define LEASE_SECONDS "15"

static volatile sig_atomic_t stopping;

static void stop(int signal)
{
    (void)signal;
    stopping = 1;
}

/* An event on its way. */
typedef struct delivery {
    APR_RING_ENTRY(delivery) link;
    post_message message;
    apr_int64_t event_id;
    apr_pool_t *pool; /* of all this, below the worker's */
} delivery;

typedef struct {
    ctl_command *command;
    const finq_secrets *secrets;
    const char *allowed; /* addresses beside the public ones */
    char epoch[24];      /* of the lease; empty where it may be another's */
    apr_pool_t *pool;    /* of the post and of what is under way */
    ctl_post *post;
    APR_RING_HEAD(under_way, delivery) under_way;
    int count; /* of these */
} worker;

/* ---- deliveries, side by side ---- */

static delivery *delivery_make(const worker *w, const json_t *event)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, w->pool);
    delivery *made = apr_pcalloc(pool, sizeof *made);
    made->pool = pool;
    made->event_id = json_integer_value(json_object_get(event, "event_id"));
    ctl_event_message(&made->message, event, w->secrets, pool);
    made->message.baton = made;
    return made;
}

static ctl_exit result_tell(const worker *w, const delivery *of, const char *error)
{
    const char *json, *values[3] = {w->epoch, apr_psprintf(w->command->pool, "%" APR_INT64_T_FMT, of->event_id), error};
    ctl_exit code =
        ctl_db_call(&json, w->command, "SELECT finq.outbox_result(p_epoch => $1, p_event_id => $2, p_error => $3)", values, 3);
    if (code == CTL_OK)
        printf("{\"message_id\": \"%s\", \"error\": %s%s%s, \"result\": %s}\n", of->message.id, error ? "\"" : "",
               error ? error : "null", error ? "\"" : "", json);
    fflush(stdout);
    return code;
}

static ctl_exit delivery_begin(worker *w, const json_t *event)
{
    delivery *begun = delivery_make(w, event);
    if (!*begun->message.signatures) {
        ctl_exit code = result_tell(w, begun, "its secret is not in the secret file");
        apr_pool_destroy(begun->pool);
        return code;
    }
    APR_RING_INSERT_TAIL(&w->under_way, begun, delivery, link);
    w->count++;
    ctl_post_begin(w->post, &begun->message, begun->pool);
    return CTL_OK;
}

static ctl_exit delivery_end(worker *w, delivery *ended)
{
    ctl_exit code = result_tell(w, ended, ended->message.error);
    APR_RING_REMOVE(ended, link);
    w->count--;
    apr_pool_destroy(ended->pool);
    return code;
}

/* Their numbers, as an array of SQL's. */
static const char *under_way_list(const worker *w)
{
    const delivery *one;
    const char *list = "{";
    APR_RING_FOREACH(one, &w->under_way, delivery, link)
    list = apr_psprintf(w->command->pool, "%s%s%" APR_INT64_T_FMT, list, list[1] ? "," : "", one->event_id);
    return apr_pstrcat(w->command->pool, list, "}", NULL);
}

/* Nothing is under way any more: who has lost the lease delivers nothing. */
static void deliveries_drop(worker *w)
{
    apr_pool_clear(w->pool);
    APR_RING_INIT(&w->under_way, delivery, link);
    w->count = 0;
    w->post = ctl_post_open(w->allowed, w->pool);
}

/* Keeps the lease, and begins with what is due, unless it is told to stop; `*due` says how much was. */
static ctl_exit deliveries_begin(size_t *due, worker *w)
{
    apr_pool_t *pool = w->command->pool;
    const char *json,
        *values[3] = {w->epoch, apr_psprintf(pool, "%d", stopping ? 0 : UNDER_WAY_MAX - w->count), under_way_list(w)};
    json_t *turn, *event;
    size_t i;
    ctl_exit code =
        ctl_db_call(&json, w->command, "SELECT finq.outbox_turn(p_epoch => $1, p_limit => $2, p_under_way => $3)", values, 3);
    if (code != CTL_OK)
        return code;
    finq_error *error = finq_json_parse(&turn, NULL, json, strlen(json), pool);
    if (error)
        return ctl_fail(CTL_FAILED, "%s", error->message);
    if (!json_is_true(json_object_get(turn, "held"))) {
        deliveries_drop(w);
        *w->epoch = '\0';
        return CTL_OK;
    }
    *due = json_array_size(json_object_get(turn, "due"));
    json_array_foreach(json_object_get(turn, "due"), i, event)
    {
        if (code == CTL_OK)
            code = delivery_begin(w, event);
    }
    return code;
}

/* Waits until one has ended, or it is time to look again; then for no other. */
static ctl_exit deliveries_end(worker *w)
{
    ctl_exit code = CTL_OK;
    post_message *ended = ctl_post_next(w->post, apr_time_from_sec(LOOK_SECONDS));
    for (; ended && code == CTL_OK; ended = ctl_post_next(w->post, 0))
        code = delivery_end(w, ended->baton);
    return code;
}

static void rest(int seconds)
{
    for (int i = 0; i < 10 * seconds && !stopping; i++)
        apr_sleep(APR_USEC_PER_SEC / 10);
}

/* Takes the lease where nobody has it. */
static ctl_exit lead(worker *w)
{
    const char *epoch, *values[1] = {finq_process_name(w->command->pool)};
    ctl_exit code = ctl_db_call(&epoch, w->command,
                                "SELECT coalesce(to_json(finq.lease_take(p_name => 'outbox', p_holder => $1, "
                                "p_seconds => " LEASE_SECONDS ", p_every => 0)), 'null')",
                                values, 1);
    if (code == CTL_OK && strcmp(epoch, "null") != 0)
        apr_cpystrn(w->epoch, epoch, sizeof w->epoch);
    return code;
}

/* At its end the next need not wait. */
static ctl_exit unlead(worker *w)
{
    const char *given, *values[1] = {w->epoch};
    return *w->epoch
               ? ctl_db_call(&given, w->command, "SELECT to_json(finq.lease_give(p_name => 'outbox', p_epoch => $1))", values, 1)
               : CTL_OK;
}

/* One look at what is due and what has arrived. `*idle`: for so many seconds there is nothing to do. */
static ctl_exit worker_turn(int *idle, worker *w)
{
    size_t due = 0;
    ctl_exit code = *w->epoch ? CTL_OK : lead(w);
    *idle = LEAD_SECONDS;
    if (code != CTL_OK || !*w->epoch)
        return code;
    code = deliveries_begin(&due, w);
    int is_busy = w->count > 0 || due > 0; /* with the last delivery's end its session's next event is due */
    if (code == CTL_OK && w->count > 0)
        code = deliveries_end(w);
    *idle = !*w->epoch ? LEAD_SECONDS : is_busy ? 0 : LOOK_SECONDS;
    return code;
}

/* A lost database is waited for: the service is to outlive its restarts. What is under way when it is told to stop is told of. */
static ctl_exit worker_run(worker *w, int once, apr_pool_t *parent)
{
    ctl_exit code;
    int idle;
    do {
        apr_pool_t *pool;
        apr_pool_create(&pool, parent);
        w->command->pool = pool;
        code = worker_turn(&idle, w);
        if (code == CTL_DATABASE) {
            ctl_db_close(w->command);
            deliveries_drop(w);
            idle = LEAD_SECONDS;
        }
        apr_pool_destroy(pool);
        if (!once)
            rest(idle);
    } while (once ? code == CTL_OK && !idle : w->count > 0 || (!stopping && (code == CTL_OK || code == CTL_DATABASE)));
    w->command->pool = parent;
    if (code == CTL_OK)
        code = unlead(w);
    return stopping ? CTL_OK : code; /* told to stop while the database was away: that is no fault */
}

ctl_exit ctl_outbox_run(ctl_command *command)
{
    finq_secrets *secrets;
    worker w = {.command = command};
    ctl_exit code = ctl_secrets_load(&secrets, command);
    if (code != CTL_OK)
        return code;
    w.secrets = secrets;
    code = ctl_event_allowed(&w.allowed, command);
    if (code != CTL_OK)
        return code;
    apr_pool_create(&w.pool, command->pool);
    deliveries_drop(&w);
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    return worker_run(&w, ctl_value(command, "--once") != NULL, command->pool);
}

ctl_exit ctl_outbox_list(ctl_command *command)
{
    const char *values[] = {ctl_value(command, "--tenant"), ctl_value(command, "--state")};
    return ctl_db_print(command, "SELECT finq.outbox_list(p_client_id => $1, p_state => $2)", values, 2);
}

ctl_exit ctl_outbox_resend(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.outbox_resend(p_event_id => $1)", command->values, 1);
}
