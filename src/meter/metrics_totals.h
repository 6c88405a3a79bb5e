/* The counters themselves, for those who count and those who show. */
#ifndef FINQ_METRICS_TOTALS_H
#define FINQ_METRICS_TOTALS_H

#include "meter/metrics.h"

/* Upper bounds in microseconds; one more bucket has none. */
#define BOUNDS 14
extern const apr_uint64_t finq_metrics_bounds[BOUNDS];

typedef struct {
    apr_uint64_t buckets[BOUNDS + 1]; /* not cumulative */
    apr_uint64_t sum;                 /* microseconds */
} time_histogram;

/* Nothing but apr_uint64_t, so that all of it can be added up as an array. */
typedef struct {
    apr_uint64_t answers[FINQ_METRICS_ENDPOINTS][FINQ_OUTCOMES];
    time_histogram took[FINQ_METRICS_ENDPOINTS];
    time_histogram waits;
    apr_uint64_t events[FINQ_EVENT_COUNT];
    apr_uint64_t sessions[FINQ_METRICS_SKILLS + 1][FINQ_PROGRESS_COUNT]; /* the last is "other" */
} totals;

/** What finq_metrics_janitor_seen noted last. */
void finq_metrics_janitor(apr_uint64_t *lag, apr_uint64_t *last_run, const finq_metrics *metrics);
void finq_metrics_refreshes(apr_uint64_t *behind, apr_uint64_t *oldest, const finq_metrics *metrics);

/** What finq_metrics_weeks_seen noted last. */
void finq_metrics_weeks(finq_weeks *weeks, const finq_metrics *metrics);

/** Adds the stripes up. Each number only ever grows from one call to the next. */
void finq_metrics_sum(totals *sum, const finq_metrics *metrics);

/** The name in a place of `sessions`; NULL where the place is empty. */
const char *finq_metrics_skill(const finq_metrics *metrics, int place);

#endif
