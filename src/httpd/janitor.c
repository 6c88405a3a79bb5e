#include "httpd/janitor.h"

#include <apr_strings.h>
#include <http_log.h>
#include <string.h>

#include "db/calls.h"
#include "flow/upload.h"
#include "ground/clock.h"
#include "ground/process.h"
#include "httpd/dbd.h"
#include "httpd/mpm.h"
#include "httpd/rounds.h"
#include "httpd/runtime.h"
#include "httpd/settings.h"

APLOG_USE_MODULE(finq);

/* The clocks of a run and of the next tell its beginnings apart by a little less than the interval. */
#define DUE_SHARE(interval) ((interval) - (interval) / 10)

/* A run over one host. */
typedef struct {
    server_rec *server;
    const finq_config *config;
    apr_int64_t epoch;
    char job[32];      /* the next batch's; empty before the first and after the last */
    apr_int64_t count; /* of rows that it has done */
    const char *told;  /* what was done, for the log */
    apr_pool_t *pool, *batch_pool;
} janitor;

/* One for each call: the time of a request is that of its calls together. */
static finq_db *db_of(const janitor *j)
{
    return finq_dbd_of(j->server, j->config->runtime->gate, j->batch_pool);
}

static void failed(const janitor *j, const char *what, const char *why)
{
    finq_metrics_event(&j->config->runtime->meter, FINQ_EVENT_JANITOR_FAILED);
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, j->server, "FINQ11: janitor: %s: %s; the next run tries again", what, why);
}

static void job_done(janitor *j, const char *job)
{
    if (j->count > 0)
        j->told = apr_psprintf(j->pool, "%s %s %" APR_INT64_T_FMT, j->told, job, j->count);
    j->count = 0;
}

/* The events of jobs bear their names. */
static void done(janitor *j, const char *job, apr_int64_t count)
{
    const char *label, *name;
    for (int event = FINQ_EVENT_JANITOR_SESSIONS_EXPIRED; event < FINQ_EVENT_JANITOR_FAILED; event++) {
        finq_metrics_event_names(&label, &name, (finq_event)event);
        if (strcmp(name, job) == 0)
            finq_metrics_events(&j->config->runtime->meter, (finq_event)event, (apr_uint64_t)count);
    }
    j->count += count;
}

/* `*is_ours`: nobody else is at it, and it is time. */
static finq_error *begin(int *is_ours, janitor *j)
{
    finq_janitor_begin_out row;
    finq_janitor_begin_in in = {.holder = finq_process_name(j->pool),
                                .every = DUE_SHARE(j->config->janitor_interval),
                                .session_retention = j->config->session_retention,
                                .event_retention = j->config->event_retention,
                                .audit_retention = j->config->audit_retention};
    FINQ_TRY(finq_call_janitor_begin(&row, db_of(j), &in, j->pool));
    finq_metrics_janitor_seen(&j->config->runtime->meter, row.lag, row.last_run);
    finq_weeks weeks = {row.weeks_ahead, row.weeks_missing, row.weeks_pinned, row.weeks_contended};
    finq_metrics_weeks_seen(&j->config->runtime->meter, &weeks);
    j->epoch = row.epoch;
    *is_ours = row.epoch > 0;
    return NULL;
}

static finq_error *batch(janitor *j)
{
    finq_janitor_batch_out row;
    finq_janitor_batch_in in = {.epoch = j->epoch,
                                .job = *j->job ? j->job : NULL,
                                .session_retention = j->config->session_retention,
                                .event_retention = j->config->event_retention,
                                .audit_retention = j->config->audit_retention};
    FINQ_TRY(finq_call_janitor_batch(&row, db_of(j), &in, j->batch_pool));
    if (row.problem)
        failed(j, row.job, row.problem);
    if (strcmp(row.outcome, "lost") == 0)
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, j->server, "FINQ12: janitor: the lease was lost; another goes on");
    done(j, row.job, row.done);
    if (!row.next_job || strcmp(row.next_job, row.job) != 0)
        job_done(j, row.job);
    apr_cpystrn(j->job, row.next_job ? row.next_job : "", sizeof j->job);
    return NULL;
}

static finq_error *batches(janitor *j)
{
    for (;;) {
        apr_time_t since = finq_clock_steady();
        apr_pool_clear(j->batch_pool);
        FINQ_TRY(batch(j));
        if (!*j->job || finq_mpm_is_stopping())
            return NULL;
        finq_clock_rest(since);
    }
}

/* The head of the audit trail, with a key that is not in the database. */
static finq_error *head_sign(janitor *j, const finq_janitor_end_out *head)
{
    unsigned char signature[FINQ_HEAD_BYTES];
    const finq_secret *secret = finq_secrets_first(j->config->secrets);
    finq_janitor_sign_in in = {.place = head->place,
                               .hash = head->hash,
                               .secret_id = finq_secret_id(secret),
                               .signature = {signature, sizeof signature}};
    finq_janitor_sign_out row;
    FINQ_TRY(finq_secret_sign_head(signature, secret, head->hash.data, j->pool));
    return finq_call_janitor_sign(&row, db_of(j), &in, j->pool);
}

static finq_error *end(janitor *j)
{
    finq_janitor_end_out row;
    finq_janitor_end_in in = {.epoch = j->epoch};
    FINQ_TRY(finq_call_janitor_end(&row, db_of(j), &in, j->pool));
    return row.hash.length == FINQ_HEAD_BYTES ? head_sign(j, &row) : NULL;
}

/* The lease goes back even where a batch could not be made: who comes next need not wait for its end. */
static finq_error *run(janitor *j)
{
    int is_ours;
    FINQ_TRY(begin(&is_ours, j));
    if (!is_ours)
        return NULL;
    finq_error *error = batches(j), *at_end = end(j);
    return error ? error : at_end;
}

static void files_tidy(janitor *j)
{
    finq_upload_tidied tidied = {0};
    const char *refusal = NULL;
    finq_error *error;
    do {
        apr_pool_clear(j->batch_pool);
        error = finq_upload_tidy(&tidied, j->config->runtime->store, db_of(j), j->batch_pool);
        done(j, "files_removed", tidied.removed);
        if (tidied.refusal && !refusal)
            refusal = apr_pstrdup(j->pool, finq_error_why(tidied.refusal));
    } while (!error && !tidied.is_done && !finq_mpm_is_stopping());
    job_done(j, "files_removed");
    if (refusal)
        failed(j, apr_psprintf(j->pool, "%d files could not be removed", tidied.refused), refusal);
    if (error)
        failed(j, "the upload directory", finq_error_why(error));
}

/* All that is due. */
static int host_run(server_rec *server, apr_pool_t *parent)
{
    janitor j = {.server = server, .config = finq_config_of(server), .told = ""};
    if (!j.config->runtime || finq_mpm_is_stopping())
        return 0;
    apr_pool_create(&j.pool, parent);
    apr_pool_create(&j.batch_pool, j.pool);
    finq_error *error = run(&j);
    if (error)
        failed(&j, "the database", finq_error_why(error));
    else if (j.config->runtime->store)
        files_tidy(&j);
    if (*j.told)
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, server, "FINQ12: janitor:%s", j.told);
    apr_pool_destroy(j.pool);
    return 0;
}

static int has_base(const finq_config *config)
{
    return config->bases->nelts > 0;
}

static finq_rounds rounds = {
    .name = "_finq_janitor_", .is_for = has_base, .visit = host_run, .working = PTHREAD_MUTEX_INITIALIZER};

void finq_janitor_child_init(apr_pool_t *pchild)
{
    finq_rounds_end_with(&rounds, pchild);
}

int finq_janitor_start(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server)
{
    (void)plog;
    (void)ptemp;
    return finq_rounds_start(&rounds, pconf, main_server);
}
