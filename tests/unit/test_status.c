/* Statuses: one table, of which all functions tell. What may follow what, and what SQL does beside it, tests/integration/test_status.py
 * looks at.
 *
 * Seen red: TO(IN_PROGRESS) after FAILED; TEMP_TOKEN for FAILED; finq_status_onward that does not look at `waits`;
 * finq_status_after with BANK as PENDING; two words of decisions changed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <string.h>

#include "flow/status.h"

static apr_pool_t *pool;

static void names_are_read_back(void **state)
{
    finq_status status;
    (void)state;
    for (int i = 0; i < FINQ_STATUS_COUNT; i++) {
        assert_null(finq_status_read(&status, finq_status_name((finq_status)i), pool));
        assert_int_equal(status, i);
        assert_memory_equal(finq_status_name(status), "SESSION_", 8);
    }
    finq_error *error = finq_status_read(&status, "SESSION_ELSEWHERE", pool);
    assert_int_equal(error->code, FINQ_E_INTERNAL_SERVER_ERROR);
}

static void some_statuses_are_final(void **state)
{
    (void)state;
    assert_false(finq_status_is_final(FINQ_STATUS_CREATED));
    assert_false(finq_status_is_final(FINQ_STATUS_IN_PROGRESS));
    assert_false(finq_status_is_final(FINQ_STATUS_PENDING));
    assert_false(finq_status_is_final(FINQ_STATUS_COMPLETED)); /* its temp_token has a time */
    assert_true(finq_status_is_final(FINQ_STATUS_FAILED));
    assert_true(finq_status_is_final(FINQ_STATUS_EXPIRED));
}

static void who_waits_is_given_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < FINQ_STATUS_COUNT; i++)
        assert_int_equal(finq_status_onward((finq_status)i, 1), FINQ_ONWARD_NOTHING);
    assert_int_equal(finq_status_onward(FINQ_STATUS_CREATED, 0), FINQ_ONWARD_NONCE);
    assert_int_equal(finq_status_onward(FINQ_STATUS_IN_PROGRESS, 0), FINQ_ONWARD_NONCE);
    assert_int_equal(finq_status_onward(FINQ_STATUS_COMPLETED, 0), FINQ_ONWARD_TEMP_TOKEN);
    assert_int_equal(finq_status_onward(FINQ_STATUS_FAILED, 0), FINQ_ONWARD_NOTHING);
    assert_int_equal(finq_status_onward(FINQ_STATUS_EXPIRED, 0), FINQ_ONWARD_NOTHING);
}

static void a_step_leads_on(void **state)
{
    (void)state;
    assert_int_equal(finq_status_after(FINQ_WAITS_FOR_NOBODY, 2), FINQ_STATUS_IN_PROGRESS);
    assert_int_equal(finq_status_after(FINQ_WAITS_FOR_NOBODY, 0), FINQ_STATUS_COMPLETED);
    assert_int_equal(finq_status_after(FINQ_WAITS_FOR_BANK, 0), FINQ_STATUS_IN_PROGRESS);
    assert_int_equal(finq_status_after(FINQ_WAITS_FOR_DECISION, 2), FINQ_STATUS_PENDING);
    assert_null(finq_waits_name(FINQ_WAITS_FOR_NOBODY));
    assert_string_equal(finq_waits_name(FINQ_WAITS_FOR_BANK), "BANK");
    assert_string_equal(finq_waits_name(FINQ_WAITS_FOR_DECISION), "DECISION");
}

static void a_connectors_words_are_decisions(void **state)
{
    (void)state;
    assert_int_equal(finq_decision_of("accepted"), FINQ_DECISION_APPROVE);
    assert_int_equal(finq_decision_of("resubmit"), FINQ_DECISION_RESUBMIT);
    assert_int_equal(finq_decision_of("failed"), FINQ_DECISION_REJECT);
    assert_string_equal(finq_decision_name(FINQ_DECISION_APPROVE), "approve");
    assert_string_equal(finq_decision_name(FINQ_DECISION_REJECT), "reject");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read_back),
        cmocka_unit_test(some_statuses_are_final),
        cmocka_unit_test(who_waits_is_given_nothing),
        cmocka_unit_test(a_step_leads_on),
        cmocka_unit_test(a_connectors_words_are_decisions),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_pool_destroy(pool);
    apr_terminate();
    return failed;
}
