/* Counters: what a server did, in a block of memory that its processes share, and how an operator reads it. */
#ifndef FINQ_METRICS_H
#define FINQ_METRICS_H

#include <apr_pools.h>
#include <apr_time.h>

#include "ground/error.h"

/** Endpoints that can be told apart: numbers below this. 0 is what is no endpoint's. */
#define FINQ_METRICS_ENDPOINTS 40
/** Skills that can be told apart; more are counted together, as "other". */
#define FINQ_METRICS_SKILLS 64

/** How a request ended: a finq_code, or one of these. */
enum { FINQ_OUTCOME_OK = FINQ_E_COUNT, FINQ_OUTCOME_PREFLIGHT, FINQ_OUTCOMES };

/** The name of an outcome: "ok", "preflight", or the error's code. */
const char *finq_outcome_name(int outcome);

/* Things counted one by one: X(enumerator, family, label, value). */
#define FINQ_EVENTS(X)                                                                    \
    X(LIMIT_ADDRESS, "finq_limits_hit_total", "limit", "address")                         \
    X(LIMIT_TENANT, "finq_limits_hit_total", "limit", "tenant")                           \
    X(LIMIT_FAILURE, "finq_limits_hit_total", "limit", "failure")                         \
    X(NONCE_FORGED, "finq_nonce_failures_total", "cause", "forged")                       \
    X(NONCE_OTHER_CLIENT, "finq_nonce_failures_total", "cause", "other_client")           \
    X(NONCE_EXPIRED, "finq_nonce_failures_total", "cause", "expired")                     \
    X(DATABASE_BUSY, "finq_database_refusals_total", "cause", "busy")                     \
    X(DATABASE_UNREACHABLE, "finq_database_refusals_total", "cause", "unreachable")       \
    X(JANITOR_SESSIONS_EXPIRED, "finq_janitor_done_total", "job", "sessions_expired")     \
    X(JANITOR_CONSENTS_EXPIRED, "finq_janitor_done_total", "job", "consents_expired")     \
    X(JANITOR_CONSENTS_ANNOUNCED, "finq_janitor_done_total", "job", "consents_announced") \
    X(JANITOR_SESSIONS_REMOVED, "finq_janitor_done_total", "job", "sessions_removed")     \
    X(JANITOR_DATA_REMOVED, "finq_janitor_done_total", "job", "data_removed")             \
    X(JANITOR_CONSENTS_REMOVED, "finq_janitor_done_total", "job", "consents_removed")     \
    X(JANITOR_REPLAYS_REMOVED, "finq_janitor_done_total", "job", "replays_removed")       \
    X(JANITOR_CLAIMS_REMOVED, "finq_janitor_done_total", "job", "claims_removed")         \
    X(JANITOR_FEEDS_REMOVED, "finq_janitor_done_total", "job", "feeds_removed")           \
    X(JANITOR_STORAGE_COUNTED, "finq_janitor_done_total", "job", "storage_counted")       \
    X(JANITOR_PARTIALS_REMOVED, "finq_janitor_done_total", "job", "partials_removed")     \
    X(JANITOR_PAGES_REMOVED, "finq_janitor_done_total", "job", "pages_removed")           \
    X(JANITOR_HANDOFFS_REMOVED, "finq_janitor_done_total", "job", "handoffs_removed")     \
    X(JANITOR_EVENTS_REMOVED, "finq_janitor_done_total", "job", "events_removed")         \
    X(JANITOR_ERASURES_REMOVED, "finq_janitor_done_total", "job", "erasures_removed")     \
    X(JANITOR_PAYMENTS_GIVEN_UP, "finq_janitor_done_total", "job", "payments_given_up")   \
    X(JANITOR_PAYMENTS_REMOVED, "finq_janitor_done_total", "job", "payments_removed")     \
    X(JANITOR_AUDIT_REMOVED, "finq_janitor_done_total", "job", "audit_removed")           \
    X(JANITOR_AUDIT_CHAINED, "finq_janitor_done_total", "job", "audit_chained")           \
    X(JANITOR_WEEKS_MADE, "finq_janitor_done_total", "job", "weeks_made")                 \
    X(JANITOR_SESSIONS_KEPT, "finq_janitor_done_total", "job", "sessions_kept")           \
    X(JANITOR_EVENTS_KEPT, "finq_janitor_done_total", "job", "events_kept")               \
    X(JANITOR_WEEKS_DETACHED, "finq_janitor_done_total", "job", "weeks_detached")         \
    X(JANITOR_WEEKS_DROPPED, "finq_janitor_done_total", "job", "weeks_dropped")           \
    X(JANITOR_FILES_REMOVED, "finq_janitor_done_total", "job", "files_removed")           \
    X(JANITOR_FAILED, "finq_janitor_failures_total", "", "")                              \
    X(REFRESH_STORED, "finq_refreshes_total", "outcome", "stored")                        \
    X(REFRESH_FAILED, "finq_refreshes_total", "outcome", "failed")                        \
    X(REFRESH_WITHDRAWN, "finq_refreshes_total", "outcome", "withdrawn")                  \
    X(PAYMENT_CREATED, "finq_payments_total", "phase", "created")                         \
    X(PAYMENT_AUTHORISING, "finq_payments_total", "phase", "authorising")                 \
    X(PAYMENT_SUBMITTED, "finq_payments_total", "phase", "submitted")                     \
    X(PAYMENT_ACCEPTED, "finq_payments_total", "phase", "accepted")                       \
    X(PAYMENT_SETTLED, "finq_payments_total", "phase", "settled")                         \
    X(PAYMENT_CREDITED, "finq_payments_total", "phase", "credited")                       \
    X(PAYMENT_REJECTED, "finq_payments_total", "phase", "rejected")                       \
    X(PAYMENT_CANCELLED, "finq_payments_total", "phase", "cancelled")

typedef enum {
#define X(enumerator, family, label, value) FINQ_EVENT_##enumerator,
    FINQ_EVENTS(X)
#undef X
        FINQ_EVENT_COUNT
} finq_event;

/* What an answer told its client of a session: X(enumerator, name). */
#define FINQ_PROGRESS(X)          \
    X(CREATED, "created")         \
    X(IN_PROGRESS, "in_progress") \
    X(PENDING, "pending")         \
    X(COMPLETED, "completed")     \
    X(FAILED, "failed")           \
    X(EXCHANGED, "exchanged")

typedef enum {
#define X(enumerator, name) FINQ_PROGRESS_##enumerator,
    FINQ_PROGRESS(X)
#undef X
        FINQ_PROGRESS_COUNT
} finq_progress;

/** What is under way in one process. Written by that process alone; it goes with it. */
typedef struct finq_gauges {
    apr_uint32_t uploads;            /**< under way; atomic, as are the others */
    apr_uint32_t in_use, idle, most; /**< connections to the database */
    apr_uint32_t waiting;            /**< clients whose answer is held back until their session goes on */
    apr_uint32_t asking;             /**< steps and returns whose connector is being asked */
    apr_uint32_t strangers;          /**< forms under way that have shown no nonce yet */
} finq_gauges;

/** One virtual host's counters. */
typedef struct finq_metrics finq_metrics;

/** A process's way to them. */
typedef struct finq_meter {
    finq_metrics *metrics;
    int stripe; /**< any number; processes with different ones do not wait for each other's cache lines */
    finq_gauges *gauges;
} finq_meter;

/** An event's label and the value that it has there: limit and address, cause and forged. */
void finq_metrics_event_names(const char **label, const char **value, finq_event event);
/** The name of a progress: "created", "pending". */
const char *finq_metrics_progress_name(finq_progress progress);

/** Bytes of a host's counters. They begin zeroed, aligned to a cache line. */
apr_size_t finq_metrics_size(void);

/** Counts an answer and the time that it took. */
void finq_metrics_answer(const finq_meter *meter, int endpoint, int outcome, apr_time_t took);
/** Counts an event. */
void finq_metrics_event(const finq_meter *meter, finq_event event);
/** Counts an event so many times. */
void finq_metrics_events(const finq_meter *meter, finq_event event, apr_uint64_t count);
/** Notes how far behind the janitor is, in seconds, and when a run last ended on whatever server, in seconds since 1970. */
void finq_metrics_janitor_seen(const finq_meter *meter, apr_int64_t lag, apr_int64_t last_run);
/** Notes for how long the refresh that is due first has been due, and how old the oldest account data are that are refreshed, in seconds. */
void finq_metrics_refreshes_seen(const finq_meter *meter, apr_int64_t behind, apr_int64_t oldest);

/** How the weeks of the database's tables stand: X(member, name on the status page). */
#define FINQ_WEEKS(X)          \
    X(ahead, "WeeksAhead")     \
    X(missing, "WeeksMissing") \
    X(pinned, "WeeksPinned")   \
    X(contended, "WeeksContended")

typedef struct {
#define X(member, figure) apr_uint64_t member;
    FINQ_WEEKS(X)
#undef X
} finq_weeks;

/** Notes how they stand. */
void finq_metrics_weeks_seen(const finq_meter *meter, const finq_weeks *weeks);
/** Counts a wait for a connection to the database. */
void finq_metrics_wait(const finq_meter *meter, apr_time_t waited);
/** Counts what was told of a session. `skill_id` is not 0. */
void finq_metrics_session(const finq_meter *meter, apr_uint32_t skill_id, const char *skill, finq_progress progress);

/** A host as it is shown. Names are unique. */
typedef struct finq_metrics_source {
    const char *host;
    const finq_metrics *metrics;
    finq_gauges gauges; /**< summed over the living processes */
} finq_metrics_source;

/** All that is shown at once. */
typedef struct finq_metrics_view {
    const finq_metrics_source *sources;
    int count;
    const char *const *endpoints; /**< names by number, ends with NULL; the first is that of number 0 */
} finq_metrics_view;

/** Prometheus' text format, version 0.0.4. */
const char *finq_metrics_text(const finq_metrics_view *view, apr_pool_t *pool);

/** A number for people, of a few that say how a host does. */
typedef struct finq_metrics_figure {
    const char *name; /**< one word */
    apr_uint64_t value;
} finq_metrics_figure;

/** The figures of a host; the array ends with a NULL name, and is as long for every host. */
const finq_metrics_figure *finq_metrics_figures(const finq_metrics_source *source, apr_pool_t *pool);

#endif
