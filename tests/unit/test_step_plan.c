/* What a submission leads to, by what a connector says and what the skill wants, over a scripted database.
 *
 * Seen red: plan_settle without `review`, or over a connector's verdict; seen.repeated not looked at (the connector is
 * asked again); redirect_plan without the look at the link; attempt_id without the body's hash; a claim that is kept when the
 * connector could not be asked. */
#include "flow_fixture.h"

#include "flow/step.h"

static unsigned char body_hash[32] = {9};

static finq_step_submission submission_of(const finq_session_pass *pass, const char *data)
{
    json_t *parsed;
    assert_null(finq_json_parse(&parsed, NULL, data, strlen(data), pool));
    return (finq_step_submission){
        .pass = pass, .skill = pass->published->skill->name, .step = pass->step->name, .data = parsed, .body_hash = body_hash};
}

static scripted_answer context(const char *outcome)
{
    return (scripted_answer){"finq_step_context",
                             {text_cell("outcome", outcome), text_cell("steps", "[]"), text_cell("documents", "[]"),
                              text_cell("missing", "id_front")}};
}

#define LINK "{\"psu_redirect_link\": \"https://app.example/\"}"

/* The plan of a step, its session being as the database says, with what a connector answers. */
static finq_error *plan_of(finq_step_plan *plan, int place, const char *data, const char *outcome, const char *says)
{
    finq_session_pass *pass = apr_pmemdup(pool, &(finq_session_pass){0}, sizeof *pass);
    *pass = pass_at(place);
    finq_step_submission submission = submission_of(pass, data);
    scripted_answer answers[] = {context(outcome), {"finq_step_release", {bool_cell("was_held", 1)}}};
    script(apr_pmemdup(pool, answers, sizeof answers), pass->step->connector ? 2 : 0);
    connector.says = says;
    connector.asked = 0;
    finq_error *error = finq_step_plan_make(plan, &service, &submission, pool);
    int is_given_back = error && strcmp(outcome, "ok") == 0; /* what was claimed */
    assert_int_equal(database.made, pass->step->connector ? 1 + is_given_back : 0);
    return error;
}

static void verdicts_become_plans(void **state)
{
    static const struct {
        int place;
        const char *says;
        finq_status status;
        finq_waits waits;
        int next;
        const char *reply, *reasons;
    } rows[] = {
        {1, "{\"verdict\": \"accepted\"}", FINQ_STATUS_IN_PROGRESS, FINQ_WAITS_FOR_NOBODY, 2, NULL, NULL},
        {1, "{\"verdict\": \"accepted\", \"data\": {\"a\": 1}}", FINQ_STATUS_IN_PROGRESS, FINQ_WAITS_FOR_NOBODY, 2, "{\"a\":1}",
         NULL},
        {1, "{\"verdict\": \"pending\", \"reasons\": [\"later\"]}", FINQ_STATUS_PENDING, FINQ_WAITS_FOR_DECISION, 2, NULL,
         "[\"later\"]"},
        {1, "{\"verdict\": \"failed\", \"reasons\": [\"no\"]}", FINQ_STATUS_FAILED, FINQ_WAITS_FOR_NOBODY, 2, NULL, "[\"no\"]"},
        {2, NULL, FINQ_STATUS_PENDING, FINQ_WAITS_FOR_DECISION, 3, NULL, NULL},
        {3, "{\"verdict\": \"accepted\"}", FINQ_STATUS_PENDING, FINQ_WAITS_FOR_DECISION, 4, NULL, NULL},
        {3, "{\"verdict\": \"failed\"}", FINQ_STATUS_FAILED, FINQ_WAITS_FOR_NOBODY, 4, NULL, NULL},
        {4, NULL, FINQ_STATUS_COMPLETED, FINQ_WAITS_FOR_NOBODY, 0, NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        finq_step_plan plan;
        finq_error *error = plan_of(&plan, rows[i].place, "{}", "ok", rows[i].says);
        if (error)
            fail_msg("row %zu: %s", i, finq_error_why(error));
        assert_int_equal(plan.status, rows[i].status);
        assert_int_equal(plan.waits, rows[i].waits);
        assert_int_equal(plan.next, rows[i].next);
        assert_int_equal(connector.asked, rows[i].says != NULL);
        assert_string_equal(plan.reply ? plan.reply : "", rows[i].reply ? rows[i].reply : "");
        assert_string_equal(plan.reasons ? plan.reasons : "", rows[i].reasons ? rows[i].reasons : "");
    }
}

static const char *visit(void)
{
    char until[APR_RFC822_DATE_LEN + 8];
    apr_time_exp_t at;
    apr_size_t length;
    apr_time_exp_gmt(&at, apr_time_now() + apr_time_from_sec(300));
    apr_strftime(until, &length, sizeof until, "%Y-%m-%dT%H:%M:%SZ", &at);
    return apr_psprintf(
        pool, "{\"verdict\": \"redirect\", \"method\": \"GET\", \"url\": \"https://bank.example/x\", \"expires_at\": \"%s\"}",
        until);
}

static void a_visit_to_a_bank_is_waited_for(void **state)
{
    finq_step_plan plan;
    (void)state;
    for (int place = 1; place <= 3; place += 2) { /* a person looks when the bank has sent the user back */
        assert_null(plan_of(&plan, place, LINK, "ok", visit()));
        assert_int_equal(plan.status, FINQ_STATUS_IN_PROGRESS);
        assert_int_equal(plan.waits, FINQ_WAITS_FOR_BANK);
        assert_string_equal(plan.return_link, "https://app.example/");
        assert_string_equal(given(&database, "p_return_link"), "https://app.example/");
        assert_non_null(strstr(plan.reply, "https://bank.example/x"));
    }
    finq_token sealed = opened(FINQ_TOKEN_STATE, connector.question.state);
    assert_int_equal(sealed.place, 3);
    assert_string_equal(connector.question.redirect_uri, "https://finq.example/v1/redirects/both");
}

static void without_a_link_there_is_no_visit(void **state)
{
    finq_step_plan plan;
    (void)state;
    finq_error *error = plan_of(&plan, 1, "{}", "ok", visit());
    assert_int_equal(error->code, FINQ_E_EXTERNAL_API_INVALID_ANSWER);
    assert_non_null(strstr(error->cause, "psu_redirect_link"));
    assert_null(connector.question.state);
}

static void what_the_session_refuses_is_asked_of_nobody(void **state)
{
    static const struct {
        const char *outcome;
        finq_code code;
    } rows[] = {
        {"missing_uploads", FINQ_E_MISSING_UPLOADS}, {"invalid_step", FINQ_E_INVALID_STEP},
        {"expired_session", FINQ_E_EXPIRED_SESSION}, {"link_not_allowed", FINQ_E_INVALID_FIELD},
        {"invalid_nonce", FINQ_E_INVALID_NONCE},     {"elsewhere", FINQ_E_INTERNAL_SERVER_ERROR},
    };
    finq_step_plan plan;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        finq_error *error = plan_of(&plan, 1, LINK, rows[i].outcome, "{\"verdict\": \"accepted\"}");
        assert_non_null(error);
        assert_int_equal(error->code, rows[i].code);
        assert_int_equal(connector.asked, 0);
    }
    assert_null(plan_of(&plan, 1, "{}", "repeat", "{\"verdict\": \"failed\"}"));
    assert_int_equal(connector.asked, 0);
}

static void a_rejection_changes_nothing(void **state)
{
    finq_step_plan plan;
    (void)state;
    finq_error *error = plan_of(&plan, 1, "{\"a\": 1}", "ok",
                                "{\"verdict\": \"rejected\", \"details\": [{\"field\": \"/a\", \"message\": \"is one\"}]}");
    assert_int_equal(error->code, FINQ_E_INVALID_INPUT);
    assert_int_equal(error->details->nelts, 1);
    error = plan_of(&plan, 1, "{}", "ok", NULL);
    assert_int_equal(error->code, FINQ_E_EXTERNAL_API_CONNECTION_ERROR);
}

static void the_same_request_is_the_same_attempt(void **state)
{
    finq_step_plan plan;
    (void)state;
    assert_null(plan_of(&plan, 1, "{}", "ok", "{\"verdict\": \"accepted\"}"));
    finq_id first = connector.question.attempt;
    assert_null(plan_of(&plan, 1, "{}", "ok", "{\"verdict\": \"accepted\"}"));
    assert_true(finq_id_equal(&first, &connector.question.attempt));
    body_hash[0]++;
    assert_null(plan_of(&plan, 1, "{}", "ok", "{\"verdict\": \"accepted\"}"));
    assert_false(finq_id_equal(&first, &connector.question.attempt));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_become_plans),
        cmocka_unit_test(a_visit_to_a_bank_is_waited_for),
        cmocka_unit_test(without_a_link_there_is_no_visit),
        cmocka_unit_test(what_the_session_refuses_is_asked_of_nobody),
        cmocka_unit_test(a_rejection_changes_nothing),
        cmocka_unit_test(the_same_request_is_the_same_attempt),
    };
    return cmocka_run_group_tests(tests, flow_setup, flow_teardown);
}
