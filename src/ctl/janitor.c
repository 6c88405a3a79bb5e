/* finqctl janitor run: what servers do each FinqJanitorInterval, at once and to the end. */
#include "ctl.h"

#include <apr_strings.h>
#include <stdio.h>
#include <string.h>

#include "ground/clock.h"
#include "ground/process.h"
#include "json/json.h"

typedef struct {
    ctl_command *command;
    const char *epoch;
    json_t *totals; /* rows by job */
    int failed;     /* batches */
} janitor;

static ctl_exit call(json_t **answer, ctl_command *command, const char *sql, const char *const *values, int count)
{
    const char *json;
    ctl_exit code = ctl_db_call(&json, command, sql, values, count);
    if (code != CTL_OK)
        return code;
    finq_error *error = finq_json_parse(answer, NULL, json, strlen(json), command->pool);
    return error ? ctl_fail_with(error) : CTL_OK;
}

/* A batch ends before the lease does that it holds (60 s), or two would be at it: one that takes longer has failed. */
static ctl_exit limit(janitor *j)
{
    const char *said;
    return ctl_db_call(&said, j->command, "SELECT to_json(set_config('statement_timeout', '30s', false))", NULL, 0);
}

static ctl_exit begin(janitor *j)
{
    const char *values[1] = {finq_process_name(j->command->pool)};
    json_t *answer;
    ctl_exit code = limit(j);
    if (code == CTL_OK)
        code = call(&answer, j->command,
                    "SELECT to_json(b) FROM finq.janitor_begin(p_holder => $1, p_every => 0,"
                    " p_session_retention => NULL, p_event_retention => NULL, p_audit_retention => NULL) b",
                    values, 1);
    if (code != CTL_OK)
        return code;
    json_t *epoch = json_object_get(answer, "epoch");
    if (!json_is_integer(epoch))
        return ctl_fail(CTL_DATABASE, "another is at it: %s", finq_json_string(answer, "holder"));
    j->epoch = apr_psprintf(j->command->pool, "%" APR_INT64_T_FMT, (apr_int64_t)json_integer_value(epoch));
    return CTL_OK;
}

/* Progress goes to standard error, a line a batch that did something. */
static ctl_exit batch_tell(janitor *j, const json_t *answer)
{
    const char *outcome = finq_json_string(answer, "outcome"), *job = finq_json_string(answer, "job");
    json_int_t done = json_integer_value(json_object_get(answer, "done"));
    if (strcmp(outcome, "lost") == 0)
        return ctl_fail(CTL_DATABASE, "the lease was lost to another, who goes on");
    if (strcmp(outcome, "failed") == 0) {
        j->failed++;
        return ctl_fail(CTL_OK, "%s: %s", job, finq_json_string(answer, "problem"));
    }
    json_int_t total = json_integer_value(json_object_get(j->totals, job)) + done;
    json_object_set_new(j->totals, job, json_integer(total));
    if (done > 0)
        fprintf(stderr, "%s %" JSON_INTEGER_FORMAT "\n", job, total);
    return CTL_OK;
}

static ctl_exit batches(janitor *j)
{
    const char *values[5] = {j->epoch, NULL, ctl_value(j->command, "--session-retention"),
                             ctl_value(j->command, "--event-retention"), ctl_value(j->command, "--audit-retention")};
    for (;;) {
        apr_time_t since = finq_clock_steady();
        json_t *answer;
        ctl_exit code = call(&answer, j->command,
                             "SELECT to_json(b) FROM finq.janitor_batch(p_epoch => $1, p_job => $2,"
                             " p_session_retention => $3, p_event_retention => $4, p_audit_retention => $5) b",
                             values, 5);
        if (code == CTL_OK)
            code = batch_tell(j, answer);
        if (code == CTL_OK)
            values[1] = finq_json_string(answer, "next_job");
        if (code != CTL_OK || !values[1])
            return code;
        finq_clock_rest(since);
    }
}

ctl_exit ctl_janitor_run(ctl_command *command)
{
    janitor j = {.command = command, .totals = finq_json_own(json_object(), command->pool)};
    const char *ended;
    json_t *weeks;
    ctl_exit code = begin(&j);
    if (code == CTL_OK)
        code = batches(&j);
    if (code != CTL_OK)
        return code;
    code = ctl_db_call(&ended, command, "SELECT to_json(e.was_held) FROM finq.janitor_end(p_epoch => $1) e", &j.epoch, 1);
    if (code != CTL_OK)
        return code;
    code = call(&weeks, command, "SELECT to_json(w) FROM finq.week_report() w", NULL, 0);
    if (code != CTL_OK)
        return code;
    json_object_set(j.totals, "weeks", weeks);
    ctl_print(command, finq_json_text(j.totals, command->pool));
    return j.failed ? CTL_FAILED : CTL_OK;
}
