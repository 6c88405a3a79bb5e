/* A refresh of account data without a server: what a bank is asked, for how long, and what becomes of a refresh that was not made.
 *
 * Seen red: see each test. */
#include "flow_fixture.h"

#include <sys/syscall.h>
#include <time.h>

#include "data/refresh.h"
#include "flow/feed.h"
#include "ground/clock.h"

#define DAY 86400

/* Seconds by which the steady clock is ahead. */
static time_t ahead;

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    now->tv_sec += clock == CLOCK_MONOTONIC ? ahead : 0;
    return result;
}

/* ---- a bank ---- */

static struct {
    const char *pages[FINQ_BANK_KINDS]; /* what it says of each kind */
    time_t seconds;                     /* that it takes to say so */
    apr_int64_t since;                  /* that it was asked for transactions with */
    int asked;
} bank;

static finq_error *bank_ask(finq_connectors *connectors, finq_bank_page *page, const char *name,
                            const finq_bank_question *question, apr_pool_t *owner)
{
    const char *text = bank.pages[question->ask];
    (void)connectors;
    assert_string_equal(name, "bank");
    assert_string_equal(question->reference, "its word");
    bank.asked++;
    bank.since = question->since;
    ahead += bank.seconds;
    return finq_bank_page_read(page, question->ask, text, strlen(text), owner);
}

#define HELD                        \
    {                               \
        "finq_feed_tell",           \
        {                           \
            bool_cell("is_held", 1) \
        }                           \
    }
#define CLAIMED(since, visited_at)                                                                                            \
    {                                                                                                                         \
        "finq_feed_claim",                                                                                                    \
        {                                                                                                                     \
            text_cell("outcome", "ok"), id_cell("credentials_id", &session_id), id_cell("client_id", &client_id),             \
                id_cell("session_id", &session_id), number_cell("skill_id", 7), id_cell("servicer_id", &client_id),           \
                text_cell("connector", "bank"), sealed_cell("reference", FINQ_SEALED_REFERENCE, &client_id, "its word"),      \
                bytes_cell("reference_key", data_key), bytes_cell("data_key", data_key), bytes_cell("account_key", data_key), \
                number_cell("since", since), number_cell("visited_at", visited_at)                                            \
        }                                                                                                                     \
    }
#define FAILED                       \
    {                                \
        "finq_feed_fail",            \
        {                            \
            bool_cell("was_held", 1) \
        }                            \
    }

static const finq_refresh_wish wish = {.credentials_id = &session_id};

static int bank_reset(void **state)
{
    (void)state;
    memset(&bank, 0, sizeof bank);
    bank.pages[FINQ_BANK_ACCOUNTS] = "{\"accounts\":[]}";
    bank.pages[FINQ_BANK_BALANCES] = "{\"balances\":[]}";
    bank.pages[FINQ_BANK_TRANSACTIONS] = "{\"transactions\":[]}";
    connector.connectors.ask_data = bank_ask;
    connector.is_full = 0;
    return 0;
}

/* ---- tests ---- */

static finq_refresh_end ended;

/* Red where the limit of a bank's history is met to the second: of a day that was told half, what nothing tells apart is lost. */
static void a_limited_history_begins_with_a_day(void **state)
{
    apr_int64_t now = finq_clock_seconds();
    (void)state;
    bank.pages[FINQ_BANK_ACCOUNTS] = "{\"accounts\":[],\"declares\":{\"max_history_days\":90}}";
    SCRIPT(CLAIMED(0, now - DAY), {"finq_feed_store", {text_cell("outcome", "ok")}});
    assert_null(finq_refresh(&ended, &service, &wish, pool));
    assert_int_equal(ended, FINQ_REFRESH_STORED);
    assert_int_equal(bank.since % DAY, 0);
    assert_in_range(bank.since, now - 90 * DAY + 1, now - 89 * DAY + 120);
    SCRIPT(CLAIMED(now / DAY * DAY - 30 * DAY, now - DAY), {"finq_feed_store", {text_cell("outcome", "ok")}});
    assert_null(finq_refresh(&ended, &service, &wish, pool));
    assert_int_equal(bank.since, now / DAY * DAY - 30 * DAY);
}

/* Red without the look at the clock between pages. */
static void a_bank_that_does_not_come_to_an_end(void **state)
{
    (void)state;
    bank.pages[FINQ_BANK_BALANCES] = "{\"balances\":[],\"next\":\"more\"}";
    bank.seconds = 100;
    SCRIPT(CLAIMED(0, 0), HELD, HELD, FAILED);
    finq_error *error = finq_refresh(&ended, &service, &wish, pool);
    assert_non_null(error);
    assert_int_equal(error->code, FINQ_E_EXTERNAL_API_TIMEOUT);
    assert_string_equal(error->message, "The bank's data did not come to an end in time.");
    assert_int_equal(ended, FINQ_REFRESH_FAILED);
    assert_string_equal(given(&database, "p_error"), "external_api_timeout");
    assert_int_equal(bank.asked, 3);
    assert_int_equal(connector.entered, 0);
}

/* What the last call gave for a parameter that is true or false. */
static int given_bool(const char *parameter)
{
    return ((const char *)database.bytes[place_of(&database, parameter)].data)[0];
}

/* Red where it is counted as one that the bank was asked for, and where one that a person attends is given back, which was not counted. */
static void a_refresh_that_was_not_made_is_given_back(void **state)
{
    finq_refresh_wish attended = {.credentials_id = &session_id, .is_attended = 1};
    (void)state;
    connector.is_full = 1;
    SCRIPT(CLAIMED(0, 0), FAILED);
    assert_int_equal(finq_refresh(&ended, &service, &wish, pool)->code, FINQ_E_SERVICE_UNAVAILABLE);
    assert_true(given_bool("p_gives_back"));
    SCRIPT(CLAIMED(0, 0), FAILED);
    assert_int_equal(finq_refresh(&ended, &service, &attended, pool)->code, FINQ_E_SERVICE_UNAVAILABLE);
    assert_false(given_bool("p_gives_back"));
    assert_int_equal(ended, FINQ_REFRESH_NONE);
    assert_int_equal(bank.asked, 0);
}

#define OTHER(outcome, is_first, error)                                                                 \
    {                                                                                                   \
        "finq_feed_claim",                                                                              \
        {                                                                                               \
            text_cell("outcome", outcome), bool_cell("is_first", is_first), number_cell("ended_at", 5), \
                text_cell("error", error)                                                               \
        }                                                                                               \
    }

/* Red where who waits asks anew, or is not told the other's fault; and where a bank that is being asked first passes for one without data. */
static void the_end_of_another_is_ones_own(void **state)
{
    finq_refresh_wish waits = {.credentials_id = &session_id, .until = finq_clock_steady() + apr_time_from_sec(100)};
    (void)state;
    SCRIPT(OTHER("claimed", 0, "external_api_forbidden"), OTHER("ended", 0, "external_api_timeout"));
    assert_int_equal(finq_refresh(&ended, &service, &waits, pool)->code, FINQ_E_EXTERNAL_API_TIMEOUT);
    assert_int_equal(ended, FINQ_REFRESH_NONE);
    SCRIPT(OTHER("claimed", 0, "external_api_timeout"), OTHER("ended", 0, "service_unavailable"));
    assert_int_equal(finq_refresh(&ended, &service, &waits, pool)->code, FINQ_E_SERVICE_UNAVAILABLE);
    SCRIPT(OTHER("claimed", 0, "external_api_timeout"), OTHER("ended", 0, "consent_withdrawn"));
    assert_null(finq_refresh(&ended, &service, &waits, pool));
    SCRIPT(OTHER("claimed", 1, ""));
    assert_null(finq_refresh(&ended, &service, &wish, pool));
    assert_int_equal(ended, FINQ_REFRESH_BEGUN);
    assert_int_equal(bank.asked, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_limited_history_begins_with_a_day, bank_reset),
        cmocka_unit_test_setup(a_bank_that_does_not_come_to_an_end, bank_reset),
        cmocka_unit_test_setup(a_refresh_that_was_not_made_is_given_back, bank_reset),
        cmocka_unit_test_setup(the_end_of_another_is_ones_own, bank_reset),
    };
    return cmocka_run_group_tests(tests, flow_setup, flow_teardown);
}
