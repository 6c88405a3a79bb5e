/* What the client of a session that waited is told, by what the database says of it, over a scripted database.
 *
 * Seen red: tokens_seal without its look at the last step's uploads, or without `late`; `held` not looked at; next_step told
 * of a session that waits; a connector's word passed on as it is. */
#include "flow_fixture.h"

#include "flow/waiting.h"

static finq_id step_id = {{7}};

/* A session as the database has it; `expires_at` 0 is NULL. */
static finq_error *status_of(finq_waiting_answer *answer, const char *status, int waits, int held, int place,
                             apr_int64_t expires_at)
{
    finq_session_pass pass = pass_at(1);
    cell until = expires_at ? number_cell("expires_at", expires_at) : text_cell("nothing", "");
    SCRIPT({"finq_session_status",
            {text_cell("outcome", "ok"), text_cell("status", status), id_cell("step_id", &step_id),
             number_cell("secret_id", finq_secret_id(finq_secrets_first(service.secrets))), bool_cell("waits", waits),
             bool_cell("held", held), number_cell("ordinal", 2), number_cell("place", place), number_cell("previous", 1),
             number_cell("generation", 3), number_cell("skill_id", 7), until, number_cell("step_place", place),
             text_cell("uploaded", "{\"id_front 20480\"}"), bytes_cell("data_key", data_key),
             sealed_cell("tenant_user_id", FINQ_SEALED_USER, &session_id, "ana"),
             sealed_cell("reasons", FINQ_SEALED_REASONS, &step_id, "[\"why\"]"),
             sealed_cell("told", FINQ_SEALED_ANSWER, &step_id, "{\"a\":1}")}});
    finq_error *error = finq_waiting_status(answer, &service, &pass, pool);
    assert_int_equal(database.made, 1);
    return error;
}

static void each_status_tells_what_follows(void **state)
{
    static const struct {
        const char *status;
        int waits, held, place, expires;
        int nonce, temp_token;
        const char *next_step;
    } rows[] = {
        {"SESSION_IN_PROGRESS", 0, 0, 2, 1, 1, 0, "look"}, /* the waiting is over: the nonce of the step that follows */
        {"SESSION_IN_PROGRESS", 0, 1, 2, 1, 0, 0, "look"}, /* whose nonce asks */
        {"SESSION_IN_PROGRESS", 1, 1, 1, 1, 0, 0, NULL},   /* at the bank */
        {"SESSION_IN_PROGRESS", 1, 0, 1, 1, 1, 0, NULL},   /* resumed there: the nonce of the step that waits */
        {"SESSION_PENDING", 1, 1, 2, 1, 0, 0, NULL},       {"SESSION_PENDING", 1, 0, 2, 1, 1, 0, NULL},
        {"SESSION_COMPLETED", 0, 0, 1, 1, 0, 1, NULL}, /* nothing is left to send */
        {"SESSION_COMPLETED", 0, 0, 4, 1, 1, 1, NULL}, /* its last step has documents */
        {"SESSION_COMPLETED", 0, 1, 4, 1, 0, 0, NULL}, /* exchanged */
        {"SESSION_FAILED", 0, 0, 1, 0, 0, 0, NULL},        {"SESSION_EXPIRED", 0, 0, 1, 0, 0, 0, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        finq_waiting_answer answer;
        apr_int64_t until = rows[i].expires ? apr_time_sec(apr_time_now()) + 60 : 0;
        assert_null(status_of(&answer, rows[i].status, rows[i].waits, rows[i].held, rows[i].place, until));
        assert_string_equal(finq_status_name(answer.status), rows[i].status);
        assert_int_equal(answer.waits, rows[i].waits);
        assert_int_equal(answer.expires_at, until);
        assert_int_equal(answer.nonce != NULL, rows[i].nonce);
        assert_int_equal(answer.temp_token != NULL, rows[i].temp_token);
        assert_string_equal(answer.next_step ? answer.next_step : "", rows[i].next_step ? rows[i].next_step : "");
        assert_true(finq_id_equal(&answer.step_id, &step_id));
        assert_ptr_equal(answer.step, &published->skill->steps[rows[i].place - 1]);
        assert_true(finq_waiting_upload_find(answer.uploaded, "id_front")->size == 20480);
        assert_null(finq_waiting_upload_find(answer.uploaded, "id_back"));
        assert_string_equal(answer.tenant_user_id, "ana");
        assert_int_equal(json_array_size(answer.reasons), 1);
    }
}

static void tokens_hold_what_the_row_says(void **state)
{
    finq_waiting_answer answer;
    apr_int64_t until = apr_time_sec(apr_time_now()) + 60;
    (void)state;
    assert_null(status_of(&answer, "SESSION_COMPLETED", 0, 0, 4, until));
    finq_token nonce = opened(FINQ_TOKEN_NONCE, answer.nonce), temp = opened(FINQ_TOKEN_TEMP, answer.temp_token);
    assert_int_equal(nonce.late, 1);
    assert_int_equal(temp.late, 0);
    assert_int_equal(nonce.ordinal, 2);
    assert_int_equal(nonce.place, 4);
    assert_int_equal(nonce.previous, 1);
    assert_int_equal(nonce.generation, 3);
    assert_int_equal(nonce.expires_at, until);
    assert_true(finq_id_equal(&nonce.session_id, &session_id));
}

static void a_session_that_nobody_stored_stands_in_its_nonce(void **state)
{
    finq_waiting_answer answer;
    finq_session_pass pass = pass_at(1);
    (void)state;
    SCRIPT({"finq_session_status", {text_cell("outcome", "created")}});
    assert_null(finq_waiting_status(&answer, &service, &pass, pool));
    assert_int_equal(answer.status, FINQ_STATUS_CREATED);
    assert_null(answer.step);
    assert_ptr_equal(answer.published, published);
    assert_string_equal(answer.next_step, "consent");
    SCRIPT({"finq_session_status", {text_cell("outcome", "expired_nonce")}});
    assert_int_equal(finq_waiting_status(&answer, &service, &pass, pool)->code, FINQ_E_EXPIRED_NONCE);
    assert_int_equal(status_of(&answer, "SESSION_ELSEWHERE", 0, 0, 1, 1)->code, FINQ_E_INTERNAL_SERVER_ERROR);
}

static void decisions_are_carried_out_in_one_vocabulary(void **state)
{
    static const char *const words[][2] = {{"accepted", "approve"}, {"resubmit", "resubmit"}, {"failed", "reject"}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        finq_connector_decision decision = {
            .step_id = step_id, .decision = words[i][0], .reasons = apr_array_make(pool, 1, sizeof(char *))};
        finq_status status;
        SCRIPT({"finq_step_decide", {text_cell("outcome", "ok"), text_cell("status", "SESSION_IN_PROGRESS")}});
        assert_null(finq_waiting_decide(&status, &service, &decision, "bank", pool));
        assert_int_equal(status, FINQ_STATUS_IN_PROGRESS);
        assert_string_equal(given(&database, "p_decision"), words[i][1]);
        assert_null(given_sealed(&database, "p_reasons", FINQ_SEALED_REASONS, &step_id));
        SCRIPT({"finq_step_decide", {text_cell("outcome", "step_already_submitted")}});
        assert_int_equal(finq_waiting_decide(&status, &service, &decision, "bank", pool)->code, FINQ_E_STEP_ALREADY_SUBMITTED);
    }
}

static void the_reasons_of_a_decision_are_sealed(void **state)
{
    finq_connector_decision decision = {
        .step_id = step_id, .decision = "failed", .reasons = apr_array_make(pool, 1, sizeof(char *))};
    finq_status status;
    (void)state;
    APR_ARRAY_PUSH(decision.reasons, const char *) = "no";
    SCRIPT({"finq_step_key", {id_cell("session_id", &session_id), bytes_cell("data_key", data_key)}},
           {"finq_step_decide", {text_cell("outcome", "ok"), text_cell("status", "SESSION_FAILED")}});
    assert_null(finq_waiting_decide(&status, &service, &decision, "bank", pool));
    assert_string_equal(given_sealed(&database, "p_reasons", FINQ_SEALED_REASONS, &step_id), "[\"no\"]");
    SCRIPT({"finq_step_key", {{NULL, NULL, 0}}}, {"finq_step_decide", {text_cell("outcome", "invalid_step_id")}});
    assert_int_equal(finq_waiting_decide(&status, &service, &decision, "bank", pool)->code, FINQ_E_INVALID_STEP_ID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_status_tells_what_follows),
        cmocka_unit_test(tokens_hold_what_the_row_says),
        cmocka_unit_test(a_session_that_nobody_stored_stands_in_its_nonce),
        cmocka_unit_test(decisions_are_carried_out_in_one_vocabulary),
        cmocka_unit_test(the_reasons_of_a_decision_are_sealed),
    };
    return cmocka_run_group_tests(tests, flow_setup, flow_teardown);
}
