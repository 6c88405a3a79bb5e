#include "metrics_totals.h"

#include <apr_strings.h>
#include <stddef.h>
#include <string.h>

#include "ground/version.h"

static const struct {
    const char *family, *label, *value;
} events[FINQ_EVENT_COUNT] = {
#define X(enumerator, family, label, value) {family, label, value},
    FINQ_EVENTS(X)
#undef X
};

static const char *const progress_names[FINQ_PROGRESS_COUNT] = {
#define X(enumerator, name) name,
    FINQ_PROGRESS(X)
#undef X
};

void finq_metrics_event_names(const char **label, const char **value, finq_event event)
{
    *label = events[event].label;
    *value = events[event].value;
}

const char *finq_metrics_progress_name(finq_progress progress)
{
    return progress_names[progress];
}

/* A page being written. */
typedef struct {
    const finq_metrics_view *view;
    totals *sums;               /* one a source */
    const char **hosts;         /* escaped */
    apr_array_header_t *pieces; /* of const char * */
    apr_pool_t *pool;
} text_page;

static void put(text_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(text_page *page, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    APR_ARRAY_PUSH(page->pieces, const char *) = apr_pvsprintf(page->pool, format, args);
    va_end(args);
}

/* A label's value: \, " and line ends are escaped. */
static const char *escaped(const char *text, apr_pool_t *pool)
{
    char *to = apr_palloc(pool, 2 * strlen(text) + 1), *out = to;
    for (; *text; text++) {
        if (*text == '\\' || *text == '"' || *text == '\n')
            *to++ = '\\';
        *to++ = *text == '\n' ? 'n' : *text;
    }
    *to = '\0';
    return out;
}

static void family(text_page *page, const char *name, const char *type, const char *help)
{
    put(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_number(text_page *page, apr_uint64_t number)
{
    put(page, "} %" APR_UINT64_T_FMT "\n", number);
}

/* Microseconds as seconds, exactly. */
static const char *seconds(apr_uint64_t time, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%" APR_UINT64_T_FMT ".%06u", time / 1000000, (unsigned)(time % 1000000));
}

static apr_uint64_t histogram_count(const time_histogram *histogram)
{
    apr_uint64_t count = 0;
    for (int i = 0; i <= BOUNDS; i++)
        count += histogram->buckets[i];
    return count;
}

/* `labels` is what stands before `le`. */
static void put_histogram(text_page *page, const char *name, const char *labels, const time_histogram *histogram)
{
    apr_uint64_t count = 0;
    for (int i = 0; i <= BOUNDS; i++) {
        count += histogram->buckets[i];
        put(page, "%s_bucket{%s,le=\"%s\"", name, labels, i < BOUNDS ? seconds(finq_metrics_bounds[i], page->pool) : "+Inf");
        put_number(page, count);
    }
    put(page, "%s_sum{%s} %s\n%s_count{%s", name, labels, seconds(histogram->sum, page->pool), name, labels);
    put_number(page, count);
}

/* ---- the families ---- */

static void put_build(text_page *page)
{
    family(page, "finq_build_info", "gauge", "The version of mod_finq; always 1.");
    put(page, "finq_build_info{version=\"%s\"} 1\n", FINQ_VERSION);
}

/* The status tells codes apart that the contract lists under two types. */
static int outcome_status(int outcome)
{
    if (outcome == FINQ_OUTCOME_OK)
        return 200;
    return outcome == FINQ_OUTCOME_PREFLIGHT ? 204 : finq_code_http((finq_code)outcome);
}

static void put_host_answers(text_page *page, int host, int endpoint)
{
    for (int outcome = 0; outcome < FINQ_OUTCOMES; outcome++) {
        apr_uint64_t number = page->sums[host].answers[endpoint][outcome];
        if (number == 0)
            continue;
        put(page, "finq_requests_total{host=\"%s\",endpoint=\"%s\",outcome=\"%s\",status=\"%d\"", page->hosts[host],
            page->view->endpoints[endpoint], finq_outcome_name(outcome), outcome_status(outcome));
        put_number(page, number);
    }
}

static void put_answers(text_page *page)
{
    family(page, "finq_requests_total", "counter", "Requests answered, by endpoint and outcome.");
    for (int host = 0; host < page->view->count; host++) {
        for (int i = 0; i < FINQ_METRICS_ENDPOINTS && page->view->endpoints[i]; i++)
            put_host_answers(page, host, i);
    }
}

static void put_took(text_page *page)
{
    family(page, "finq_request_duration_seconds", "histogram",
           "Time from a request's first line to its answer, bodies included.");
    for (int host = 0; host < page->view->count; host++) {
        for (int i = 0; i < FINQ_METRICS_ENDPOINTS && page->view->endpoints[i]; i++) {
            const time_histogram *took = &page->sums[host].took[i];
            if (histogram_count(took))
                put_histogram(
                    page, "finq_request_duration_seconds",
                    apr_psprintf(page->pool, "host=\"%s\",endpoint=\"%s\"", page->hosts[host], page->view->endpoints[i]), took);
        }
    }
}

static void put_host_sessions(text_page *page, int host, int place)
{
    const char *skill = finq_metrics_skill(page->view->sources[host].metrics, place);
    for (int i = 0; skill && i < FINQ_PROGRESS_COUNT; i++) {
        apr_uint64_t number = page->sums[host].sessions[place][i];
        if (number == 0)
            continue;
        put(page, "finq_sessions_total{host=\"%s\",skill=\"%s\",state=\"%s\"", page->hosts[host], escaped(skill, page->pool),
            progress_names[i]);
        put_number(page, number);
    }
}

static void put_sessions(text_page *page)
{
    family(page, "finq_sessions_total", "counter",
           "Answers that told of a session's state, by skill; an answer that is repeated counts again.");
    for (int host = 0; host < page->view->count; host++) {
        for (int place = 0; place <= FINQ_METRICS_SKILLS; place++)
            put_host_sessions(page, host, place);
    }
}

static const char *event_help(const char *name)
{
    static const char *const help[][2] = {
        {"finq_limits_hit_total", "Requests refused by FinqRateLimit and FinqFailureLimit."},
        {"finq_nonce_failures_total", "Nonces refused without asking the database, by cause."},
        {"finq_database_refusals_total", "Calls that got no connection, by cause."},
        {"finq_janitor_done_total", "What the janitor of this server expired, told or removed, by job."},
        {"finq_refreshes_total", "Refreshes of consents' account data that this server made, by outcome."},
        {"finq_payments_total", "Payments that came to a phase, as this server learnt it."},
        {"finq_janitor_failures_total", "Batches, calls and files that failed; the next run tries again."},
    };
    for (apr_size_t i = 0; i < sizeof help / sizeof *help; i++) {
        if (strcmp(help[i][0], name) == 0)
            return help[i][1];
    }
    return "Events.";
}

/* A family's events stand together in the table. */
static void put_events(text_page *page)
{
    for (int i = 0; i < FINQ_EVENT_COUNT; i++) {
        if (i == 0 || strcmp(events[i].family, events[i - 1].family) != 0)
            family(page, events[i].family, "counter", event_help(events[i].family));
        for (int host = 0; host < page->view->count; host++) {
            put(page, "%s{host=\"%s\"", events[i].family, page->hosts[host]);
            if (*events[i].label)
                put(page, ",%s=\"%s\"", events[i].label, events[i].value);
            put_number(page, page->sums[host].events[i]);
        }
    }
}

static void put_waits(text_page *page)
{
    family(page, "finq_database_wait_seconds", "histogram", "Waits for a connection to the database.");
    for (int host = 0; host < page->view->count; host++)
        put_histogram(page, "finq_database_wait_seconds", apr_psprintf(page->pool, "host=\"%s\"", page->hosts[host]),
                      &page->sums[host].waits);
}

static void put_gauges(text_page *page)
{
    static const struct {
        const char *name, *labels, *help; /* a help text begins a family */
        apr_size_t offset;
    } rows[] = {
        {"finq_uploads_in_progress", "", "Uploads under way.", offsetof(finq_gauges, uploads)},
        {"finq_database_connections", ",state=\"in_use\"", "Connections to the database that are open.",
         offsetof(finq_gauges, in_use)},
        {"finq_database_connections", ",state=\"idle\"", NULL, offsetof(finq_gauges, idle)},
        {"finq_database_connections_most", "",
         "Connections that there may be: DBDMax of each process that has connected, or its part of FinqDatabaseConcurrency; 1 of one that has not.",
         offsetof(finq_gauges, most)},
        {"finq_waiting_clients", "",
         "Clients that wait for a session's status to change, or for a bank that is asked for account data.",
         offsetof(finq_gauges, waiting)},
        {"finq_forms_unproven", "", "Uploads as forms whose nonce has not come yet.", offsetof(finq_gauges, strangers)},
        {"finq_connector_questions", "", "Questions that connectors have not answered yet.", offsetof(finq_gauges, asking)},
    };
    for (apr_size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].help)
            family(page, rows[i].name, "gauge", rows[i].help);
        for (int host = 0; host < page->view->count; host++) {
            const char *gauges = (const char *)&page->view->sources[host].gauges;
            put(page, "%s{host=\"%s\"%s", rows[i].name, page->hosts[host], rows[i].labels);
            put_number(page, *(const apr_uint32_t *)(gauges + rows[i].offset));
        }
    }
}

/* A pair of a host's figures. */
typedef void pair_read(apr_uint64_t *first, apr_uint64_t *second, const finq_metrics *metrics);

static void put_pair(text_page *page, pair_read *read, const char *const names[2], const char *const help[2])
{
    apr_uint64_t figures[2];
    for (int i = 0; i < 2; i++) {
        family(page, names[i], "gauge", help[i]);
        for (int host = 0; host < page->view->count; host++) {
            read(&figures[0], &figures[1], page->view->sources[host].metrics);
            put(page, "%s{host=\"%s\"", names[i], page->hosts[host]);
            put_number(page, figures[i]);
        }
    }
}

static void put_background(text_page *page)
{
    static const char *const janitor[] = {"finq_janitor_lag_seconds", "finq_janitor_last_run_timestamp_seconds"};
    static const char *const janitor_help[] = {
        "How long the oldest session or consent that was due was left, when last looked at.",
        "When the janitor of whatever server last came to its end."};
    static const char *const refreshes[] = {"finq_refreshes_behind_seconds", "finq_account_data_oldest_seconds"};
    static const char *const refreshes_help[] = {
        "How long the refresh that was due first had been due, when last looked at.",
        "How old the oldest account data were of the consents that are refreshed, when last looked at."};
    put_pair(page, finq_metrics_janitor, janitor, janitor_help);
    put_pair(page, finq_metrics_refreshes, refreshes, refreshes_help);
}

static void put_weeks(text_page *page)
{
    finq_weeks weeks;
    family(page, "finq_weeks", "gauge",
           "Weeks of the database's tables: ready ahead, of the table with fewest; missing; past ones that rows or locks hold.");
    for (int host = 0; host < page->view->count; host++) {
        finq_metrics_weeks(&weeks, page->view->sources[host].metrics);
#define X(member, figure)                                                         \
    put(page, "finq_weeks{host=\"%s\",state=\"%s\"", page->hosts[host], #member); \
    put_number(page, weeks.member);
        FINQ_WEEKS(X)
#undef X
    }
}

const char *finq_metrics_text(const finq_metrics_view *view, apr_pool_t *pool)
{
    text_page page = {view, NULL, NULL, NULL, pool};
    page.pieces = apr_array_make(pool, 256, sizeof(const char *));
    page.sums = apr_palloc(pool, sizeof *page.sums * (apr_size_t)(view->count + 1));
    page.hosts = apr_palloc(pool, sizeof *page.hosts * (apr_size_t)(view->count + 1));
    for (int i = 0; i < view->count; i++) {
        finq_metrics_sum(&page.sums[i], view->sources[i].metrics);
        page.hosts[i] = escaped(view->sources[i].host, pool);
    }
    put_build(&page);
    put_answers(&page);
    put_took(&page);
    put_sessions(&page);
    put_events(&page);
    put_waits(&page);
    put_gauges(&page);
    put_background(&page);
    put_weeks(&page);
    return apr_array_pstrcat(pool, page.pieces, 0);
}

/* ---- figures ---- */

static apr_uint64_t answers_from(const totals *sum, int low, int high)
{
    apr_uint64_t number = 0;
    for (int i = 0; i < FINQ_METRICS_ENDPOINTS; i++) {
        for (int outcome = 0; outcome < FINQ_OUTCOMES; outcome++) {
            if (outcome_status(outcome) >= low && outcome_status(outcome) < high)
                number += sum->answers[i][outcome];
        }
    }
    return number;
}

static apr_uint64_t sessions_of(const totals *sum, finq_progress progress)
{
    apr_uint64_t number = 0;
    for (int i = 0; i <= FINQ_METRICS_SKILLS; i++)
        number += sum->sessions[i][progress];
    return number;
}

static apr_uint64_t events_of(const totals *sum, const char *name)
{
    apr_uint64_t number = 0;
    for (int i = 0; i < FINQ_EVENT_COUNT; i++)
        number += strcmp(events[i].family, name) == 0 ? sum->events[i] : 0;
    return number;
}

const finq_metrics_figure *finq_metrics_figures(const finq_metrics_source *source, apr_pool_t *pool)
{
    totals sum;
    apr_uint64_t lag, last_run;
    finq_weeks weeks;
    finq_metrics_sum(&sum, source->metrics);
    finq_metrics_janitor(&lag, &last_run, source->metrics);
    finq_metrics_weeks(&weeks, source->metrics);
    const finq_metrics_figure figures[] = {
        {"Requests", answers_from(&sum, 0, 600)},
        {"ClientErrors", answers_from(&sum, 400, 500)},
        {"ServerErrors", answers_from(&sum, 500, 600)},
        {"SessionsCreated", sessions_of(&sum, FINQ_PROGRESS_CREATED)},
        {"SessionsCompleted", sessions_of(&sum, FINQ_PROGRESS_COMPLETED)},
        {"SessionsExchanged", sessions_of(&sum, FINQ_PROGRESS_EXCHANGED)},
        {"PaymentsCreated", sum.events[FINQ_EVENT_PAYMENT_CREATED]},
        {"PaymentsSettled", sum.events[FINQ_EVENT_PAYMENT_SETTLED]},
        {"PaymentsRejected", sum.events[FINQ_EVENT_PAYMENT_REJECTED]},
        {"NonceFailures", events_of(&sum, "finq_nonce_failures_total")},
        {"LimitsHit", events_of(&sum, "finq_limits_hit_total")},
        {"DatabaseRefusals", events_of(&sum, "finq_database_refusals_total")},
        {"DatabaseWaits", histogram_count(&sum.waits)},
        {"DatabaseWaitMilliseconds", sum.waits.sum / 1000},
        {"ConnectionsInUse", source->gauges.in_use},
        {"ConnectionsIdle", source->gauges.idle},
        {"ConnectionsMost", source->gauges.most},
        {"UploadsInProgress", source->gauges.uploads},
        {"WaitingClients", source->gauges.waiting},
        {"ConnectorQuestions", source->gauges.asking},
        {"JanitorDone", events_of(&sum, "finq_janitor_done_total")},
        {"JanitorFailures", events_of(&sum, "finq_janitor_failures_total")},
        {"JanitorLagSeconds", lag},
        {"JanitorLastRun", last_run},
#define X(member, figure) {figure, weeks.member},
        FINQ_WEEKS(X)
#undef X
            {NULL, 0},
    };
    return apr_pmemdup(pool, figures, sizeof figures);
}
