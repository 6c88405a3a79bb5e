#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter/metrics.h"

#define THREADS 8
#define ROUNDS 20000
#define AT_A_TIME 100 /* so that two threads count at once */

static const char *const endpoints[] = {"other", "/sessions", "/tokens", NULL};

static apr_pool_t *pool;

static apr_status_t release(void *block)
{
    free(block);
    return APR_SUCCESS;
}

static finq_metrics *metrics_new(void)
{
    void *block = NULL;
    assert_int_equal(posix_memalign(&block, 64, finq_metrics_size()), 0);
    apr_pool_cleanup_register(pool, block, release, apr_pool_cleanup_null);
    return memset(block, 0, finq_metrics_size());
}

static const char *text_of(const finq_metrics *metrics, const char *host)
{
    finq_metrics_source source = {host, metrics, {1, 2, 3, 4, 5, 6, 7}};
    finq_metrics_view view = {&source, 1, endpoints};
    return finq_metrics_text(&view, pool);
}

static void assert_line(const char *text, const char *line)
{
    const char *found = strstr(text, apr_pstrcat(pool, "\n", line, "\n", NULL));
    if (!found)
        print_message("no line %s in:\n%s", line, text);
    assert_non_null(found);
}

/* Red when: finq_metrics_sum leaves a stripe out; outcome_status says 400 of every error. */
static void answers_add_up_over_stripes(void **state)
{
    finq_metrics *metrics = metrics_new();
    (void)state;
    for (int stripe = 0; stripe < 10; stripe++) {
        finq_meter meter = {metrics, stripe, NULL};
        finq_metrics_answer(&meter, 1, FINQ_OUTCOME_OK, 1500);
        finq_metrics_answer(&meter, 1, FINQ_E_INVALID_CLIENT_ID, 99);
    }
    finq_meter meter = {metrics, 3, NULL};
    finq_metrics_answer(&meter, 1, FINQ_E_INVALID_CLIENT_ID_FORM, 40000000);
    finq_metrics_answer(&meter, 1, FINQ_OUTCOME_PREFLIGHT, -5);
    const char *text = text_of(metrics, "h:1");
    assert_line(text, "finq_requests_total{host=\"h:1\",endpoint=\"/sessions\",outcome=\"ok\",status=\"200\"} 10");
    assert_line(text, "finq_requests_total{host=\"h:1\",endpoint=\"/sessions\",outcome=\"invalid_client_id\",status=\"401\"} 10");
    assert_line(text, "finq_requests_total{host=\"h:1\",endpoint=\"/sessions\",outcome=\"invalid_client_id\",status=\"400\"} 1");
    assert_line(text, "finq_requests_total{host=\"h:1\",endpoint=\"/sessions\",outcome=\"preflight\",status=\"204\"} 1");
    assert_null(strstr(text, "invalid_nonce"));
}

/* Red when: a time that equals a bound goes to the next bucket; buckets are not cumulative; a negative time is added. */
static void histograms_are_cumulative(void **state)
{
    static const apr_time_t times[] = {500, 501, 1000, 30000000, 30000001, -7};
    finq_meter meter = {metrics_new(), 0, NULL};
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        finq_metrics_wait(&meter, times[i]);
    const char *text = text_of(meter.metrics, "h");
    assert_line(text, "finq_database_wait_seconds_bucket{host=\"h\",le=\"0.000500\"} 2");
    assert_line(text, "finq_database_wait_seconds_bucket{host=\"h\",le=\"0.001000\"} 4");
    assert_line(text, "finq_database_wait_seconds_bucket{host=\"h\",le=\"30.000000\"} 5");
    assert_line(text, "finq_database_wait_seconds_bucket{host=\"h\",le=\"+Inf\"} 6");
    assert_line(text, "finq_database_wait_seconds_sum{host=\"h\"} 60.002002");
    assert_line(text, "finq_database_wait_seconds_count{host=\"h\"} 6");
}

/* Red when: escaped() passes one of the three characters on. */
static void labels_are_escaped(void **state)
{
    finq_meter meter = {metrics_new(), 0, NULL};
    (void)state;
    finq_metrics_session(&meter, 5, "a\\b\"c\nd", FINQ_PROGRESS_CREATED);
    const char *text = text_of(meter.metrics, "x\"y");
    assert_line(text, "finq_sessions_total{host=\"x\\\"y\",skill=\"a\\\\b\\\"c\\nd\",state=\"created\"} 1");
}

/* Red when: place_of gives the last place to a 65th skill. */
static void skills_are_bounded(void **state)
{
    finq_meter meter = {metrics_new(), 0, NULL};
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 1; i <= 100; i++)
            finq_metrics_session(&meter, (apr_uint32_t)i, apr_psprintf(pool, "s%d", i), FINQ_PROGRESS_COMPLETED);
    }
    const char *text = text_of(meter.metrics, "h");
    assert_line(text, "finq_sessions_total{host=\"h\",skill=\"s1\",state=\"completed\"} 2");
    assert_line(text, "finq_sessions_total{host=\"h\",skill=\"s64\",state=\"completed\"} 2");
    assert_line(text, "finq_sessions_total{host=\"h\",skill=\"other\",state=\"completed\"} 72");
    assert_null(strstr(text, "\"s65\""));
}

/* Red when: a number out of range is counted where it points. */
static void endpoints_are_bounded(void **state)
{
    finq_meter meter = {metrics_new(), 0, NULL};
    (void)state;
    finq_metrics_answer(&meter, FINQ_METRICS_ENDPOINTS, FINQ_OUTCOME_OK, 1);
    finq_metrics_answer(&meter, -1, FINQ_OUTCOME_OK, 1);
    assert_line(text_of(meter.metrics, "h"),
                "finq_requests_total{host=\"h\",endpoint=\"other\",outcome=\"ok\",status=\"200\"} 2");
}

static void *work(void *data)
{
    char name[8];
    for (int i = 0; i < ROUNDS; i++) {
        finq_meter meter = {data, i % 2, NULL};
        for (int n = 0; n < AT_A_TIME; n++)
            finq_metrics_event(&meter, FINQ_EVENT_LIMIT_TENANT);
        snprintf(name, sizeof name, "s%d", i % 50 + 1);
        finq_metrics_session(&meter, (apr_uint32_t)(i % 50 + 1), name, FINQ_PROGRESS_CREATED);
    }
    return NULL;
}

/* Red when: events are counted with ++. */
static void threads_lose_nothing(void **state)
{
    finq_metrics *metrics = metrics_new();
    pthread_t threads[THREADS];
    char line[100];
    (void)state;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, metrics);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    const char *text = text_of(metrics, "h");
    snprintf(line, sizeof line, "finq_limits_hit_total{host=\"h\",limit=\"tenant\"} %d", THREADS * ROUNDS * AT_A_TIME);
    assert_line(text, line);
    snprintf(line, sizeof line, "finq_sessions_total{host=\"h\",skill=\"s50\",state=\"created\"} %d", THREADS * ROUNDS / 50);
    assert_line(text, line);
}

/* Each family once, its samples after it, whatever the number of hosts. */
static void families_stand_together(void **state)
{
    finq_metrics *first = metrics_new();
    finq_meter meter = {first, 1, NULL};
    finq_metrics_source sources[] = {{"a", first, {1, 2, 3, 4, 5, 6, 7}}, {"b", metrics_new(), {7, 8, 9, 10, 11, 12, 13}}};
    finq_metrics_view view = {sources, 2, endpoints};
    const char *text = finq_metrics_text(&view, pool), *at = text;
    int families = 0;
    (void)state;
    while ((at = strstr(at, "# TYPE "))) {
        char name[64];
        sscanf(at, "# TYPE %63s", name);
        at += 7;
        assert_null(strstr(at, apr_pstrcat(pool, "# TYPE ", name, " ", NULL)));
        families++;
    }
    assert_int_equal(families, 23);
    assert_line(text, "finq_uploads_in_progress{host=\"a\"} 1");
    assert_line(text, "finq_database_connections{host=\"a\",state=\"in_use\"} 2");
    assert_line(text, "finq_database_connections{host=\"b\",state=\"idle\"} 9");
    assert_line(text, "finq_database_connections_most{host=\"b\"} 10");
    assert_line(text, "finq_waiting_clients{host=\"b\"} 11");
    assert_line(text, "finq_connector_questions{host=\"b\"} 12");
    assert_line(text, "finq_forms_unproven{host=\"b\"} 13");
    finq_metrics_events(&meter, FINQ_EVENT_JANITOR_SESSIONS_REMOVED, 200);
    finq_metrics_event(&meter, FINQ_EVENT_JANITOR_SESSIONS_REMOVED);
    finq_metrics_janitor_seen(&meter, 7, 1700000000);
    text = finq_metrics_text(&view, pool);
    assert_line(text, "finq_janitor_done_total{host=\"a\",job=\"sessions_removed\"} 201");
    assert_line(text, "finq_janitor_failures_total{host=\"a\"} 0");
    assert_line(text, "finq_janitor_lag_seconds{host=\"a\"} 7");
    assert_line(text, "finq_janitor_last_run_timestamp_seconds{host=\"b\"} 0");
    finq_metrics_event(&meter, FINQ_EVENT_REFRESH_FAILED);
    finq_metrics_refreshes_seen(&meter, 8, 900);
    text = finq_metrics_text(&view, pool);
    assert_line(text, "finq_refreshes_total{host=\"a\",outcome=\"failed\"} 1");
    assert_line(text, "finq_refreshes_behind_seconds{host=\"a\"} 8");
    assert_line(text, "finq_account_data_oldest_seconds{host=\"a\"} 900");
    finq_metrics_event(&meter, FINQ_EVENT_PAYMENT_REJECTED);
    text = finq_metrics_text(&view, pool);
    assert_line(text, "finq_payments_total{host=\"a\",phase=\"rejected\"} 1");
    assert_line(text, "finq_payments_total{host=\"b\",phase=\"rejected\"} 0");
    finq_metrics_weeks_seen(&meter, &(finq_weeks){.ahead = 4, .pinned = 1});
    text = finq_metrics_text(&view, pool);
    assert_line(text, "finq_weeks{host=\"a\",state=\"ahead\"} 4");
    assert_line(text, "finq_weeks{host=\"a\",state=\"pinned\"} 1");
    assert_line(text, "finq_weeks{host=\"a\",state=\"contended\"} 0");
}

static void figures_say_how_it_goes(void **state)
{
    finq_meter meter = {metrics_new(), 0, NULL};
    finq_metrics_source source = {"h", meter.metrics, {1, 2, 3, 4, 5, 6, 7}};
    apr_uint64_t requests = 0, errors = 0, settled = 0;
    (void)state;
    finq_metrics_event(&meter, FINQ_EVENT_PAYMENT_SETTLED);
    finq_metrics_answer(&meter, 1, FINQ_OUTCOME_OK, 1);
    finq_metrics_answer(&meter, 2, FINQ_E_SERVICE_UNAVAILABLE, 1);
    for (const finq_metrics_figure *f = finq_metrics_figures(&source, pool); f->name; f++) {
        requests = strcmp(f->name, "Requests") == 0 ? f->value : requests;
        errors = strcmp(f->name, "ServerErrors") == 0 ? f->value : errors;
        settled = strcmp(f->name, "PaymentsSettled") == 0 ? f->value : settled;
    }
    assert_int_equal(requests, 2);
    assert_int_equal(errors, 1);
    assert_int_equal(settled, 1);
}

static int setup(void **state)
{
    (void)state;
    return apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS;
}

static int teardown(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_add_up_over_stripes), cmocka_unit_test(histograms_are_cumulative),
        cmocka_unit_test(labels_are_escaped),          cmocka_unit_test(skills_are_bounded),
        cmocka_unit_test(endpoints_are_bounded),       cmocka_unit_test(threads_lose_nothing),
        cmocka_unit_test(families_stand_together),     cmocka_unit_test(figures_say_how_it_goes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
