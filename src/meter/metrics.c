#include "metrics_totals.h"

#include <apr_atomic.h>
#include <apr_strings.h>
#include <string.h>

/* A counter is spread over so many copies; a process adds to one of them. */
#define STRIPES 4
#define CACHE_LINE 64
#define SKILL_NAME 72 /* a skill's name has at most 64 characters */

const apr_uint64_t finq_metrics_bounds[BOUNDS] = {500,    1000,   2500,   5000,    10000,   25000,    50000,
                                                  100000, 250000, 500000, 1000000, 2500000, 10000000, 30000000};

typedef struct {
    apr_uint32_t id;    /* 0: free */
    apr_uint32_t named; /* whether `name` can be read */
    char name[SKILL_NAME];
} skill_place;

typedef union {
    totals counters;
    char lines[(sizeof(totals) / CACHE_LINE + 1) * CACHE_LINE];
} stripe;

struct finq_metrics {
    stripe stripes[STRIPES];
    skill_place skills[FINQ_METRICS_SKILLS];
    apr_uint64_t janitor_lag, janitor_last_run, refreshes_behind, refreshes_oldest;
    finq_weeks weeks;
};

apr_size_t finq_metrics_size(void)
{
    return (sizeof(finq_metrics) / CACHE_LINE + 1) * CACHE_LINE;
}

/* ---- counting ---- */

static totals *counters_of(const finq_meter *meter)
{
    return &meter->metrics->stripes[(unsigned)meter->stripe % STRIPES].counters;
}

static void histogram_add(time_histogram *histogram, apr_time_t time)
{
    apr_uint64_t length = time > 0 ? (apr_uint64_t)time : 0;
    int i = 0;
    while (i < BOUNDS && length > finq_metrics_bounds[i])
        i++;
    apr_atomic_inc64(&histogram->buckets[i]);
    apr_atomic_add64(&histogram->sum, length);
}

void finq_metrics_answer(const finq_meter *meter, int endpoint, int outcome, apr_time_t took)
{
    totals *counters = counters_of(meter);
    if (endpoint < 0 || endpoint >= FINQ_METRICS_ENDPOINTS)
        endpoint = 0;
    apr_atomic_inc64(&counters->answers[endpoint][outcome]);
    histogram_add(&counters->took[endpoint], took);
}

void finq_metrics_events(const finq_meter *meter, finq_event event, apr_uint64_t count)
{
    apr_atomic_add64(&counters_of(meter)->events[event], count);
}

void finq_metrics_event(const finq_meter *meter, finq_event event)
{
    finq_metrics_events(meter, event, 1);
}

void finq_metrics_janitor_seen(const finq_meter *meter, apr_int64_t lag, apr_int64_t last_run)
{
    apr_atomic_set64(&meter->metrics->janitor_lag, (apr_uint64_t)lag);
    apr_atomic_set64(&meter->metrics->janitor_last_run, (apr_uint64_t)last_run);
}

void finq_metrics_janitor(apr_uint64_t *lag, apr_uint64_t *last_run, const finq_metrics *metrics)
{
    *lag = apr_atomic_read64((apr_uint64_t *)&metrics->janitor_lag);
    *last_run = apr_atomic_read64((apr_uint64_t *)&metrics->janitor_last_run);
}

void finq_metrics_refreshes_seen(const finq_meter *meter, apr_int64_t behind, apr_int64_t oldest)
{
    apr_atomic_set64(&meter->metrics->refreshes_behind, (apr_uint64_t)behind);
    apr_atomic_set64(&meter->metrics->refreshes_oldest, (apr_uint64_t)oldest);
}

void finq_metrics_refreshes(apr_uint64_t *behind, apr_uint64_t *oldest, const finq_metrics *metrics)
{
    *behind = apr_atomic_read64((apr_uint64_t *)&metrics->refreshes_behind);
    *oldest = apr_atomic_read64((apr_uint64_t *)&metrics->refreshes_oldest);
}

void finq_metrics_weeks_seen(const finq_meter *meter, const finq_weeks *weeks)
{
#define X(member, figure) apr_atomic_set64(&meter->metrics->weeks.member, weeks->member);
    FINQ_WEEKS(X)
#undef X
}

void finq_metrics_weeks(finq_weeks *weeks, const finq_metrics *metrics)
{
#define X(member, figure) weeks->member = apr_atomic_read64((apr_uint64_t *)&metrics->weeks.member);
    FINQ_WEEKS(X)
#undef X
}

void finq_metrics_wait(const finq_meter *meter, apr_time_t waited)
{
    histogram_add(&counters_of(meter)->waits, waited);
}

/* Places are taken from the front, so that two who bring the same skill at once meet in the same place. The name is always
 * the same for an id: whoever finds it unwritten writes it. */
static int place_of(finq_metrics *metrics, apr_uint32_t skill_id, const char *name)
{
    for (int i = 0; i < FINQ_METRICS_SKILLS; i++) {
        skill_place *place = &metrics->skills[i];
        apr_uint32_t id = apr_atomic_read32(&place->id);
        if (id == 0)
            id = apr_atomic_cas32(&place->id, skill_id, 0);
        if (id != 0 && id != skill_id)
            continue;
        if (!apr_atomic_read32(&place->named)) {
            apr_cpystrn(place->name, name, sizeof place->name);
            apr_atomic_set32(&place->named, 1);
        }
        return i;
    }
    return FINQ_METRICS_SKILLS;
}

void finq_metrics_session(const finq_meter *meter, apr_uint32_t skill_id, const char *skill, finq_progress progress)
{
    int place = place_of(meter->metrics, skill_id, skill);
    apr_atomic_inc64(&counters_of(meter)->sessions[place][progress]);
}

/* ---- reading ---- */

void finq_metrics_sum(totals *sum, const finq_metrics *metrics)
{
    apr_uint64_t *to = (apr_uint64_t *)sum;
    memset(sum, 0, sizeof *sum);
    for (int s = 0; s < STRIPES; s++) {
        apr_uint64_t *from = (apr_uint64_t *)&metrics->stripes[s].counters;
        for (apr_size_t i = 0; i < sizeof *sum / sizeof *to; i++)
            to[i] += apr_atomic_read64(&from[i]);
    }
}

const char *finq_metrics_skill(const finq_metrics *metrics, int place)
{
    if (place == FINQ_METRICS_SKILLS)
        return "other";
    return apr_atomic_read32((apr_uint32_t *)&metrics->skills[place].named) ? metrics->skills[place].name : NULL;
}

const char *finq_outcome_name(int outcome)
{
    if (outcome == FINQ_OUTCOME_OK)
        return "ok";
    return outcome == FINQ_OUTCOME_PREFLIGHT ? "preflight" : finq_code_name((finq_code)outcome);
}
