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
#define AFTER(told, since, visited_at)                                                                                        \
    {                                                                                                                         \
        "finq_feed_claim",                                                                                                    \
        {                                                                                                                     \
            text_cell("outcome", "ok"), id_cell("credentials_id", &session_id), id_cell("client_id", &client_id),             \
                id_cell("session_id", &session_id), number_cell("skill_id", 7), id_cell("servicer_id", &client_id),           \
                text_cell("connector", "bank"), sealed_cell("reference", FINQ_SEALED_REFERENCE, &client_id, "its word"),      \
                bytes_cell("reference_key", data_key), bytes_cell("data_key", data_key), bytes_cell("account_key", data_key), \
                number_cell("since", since), bytes_cell("told", told), number_cell("visited_at", visited_at)                  \
        }                                                                                                                     \
    }
#define CLAIMED(since, visited_at) AFTER(((finq_bytes){NULL, 0}), since, visited_at)
#define STORED                         \
    {                                  \
        "finq_feed_store",             \
        {                              \
            text_cell("outcome", "ok") \
        }                              \
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

/* What the last call gave for a parameter that is true or false. */
static int given_bool(const char *parameter)
{
    return ((const char *)database.bytes[place_of(&database, parameter)].data)[0];
}

/* Red without the look at the clock between pages, and where it is given back. */
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
    assert_false(given_bool("p_gives_back"));
    assert_int_equal(bank.asked, 3);
    assert_int_equal(connector.entered, 0);
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

/* Red where only a connector that has too much to do gives it back. */
static void a_refresh_that_failed_before_the_bank_is_given_back(void **state)
{
    finq_bytes wrapped = data_key;
    (void)state;
    data_key = (finq_bytes){(const unsigned char *)"none", 4};
    SCRIPT(CLAIMED(0, 0), FAILED);
    assert_non_null(finq_refresh(&ended, &service, &wish, pool));
    data_key = wrapped;
    assert_true(given_bool("p_gives_back"));
    assert_int_equal(ended, FINQ_REFRESH_FAILED);
    assert_int_equal(bank.asked, 0);
}

/* Red where the second takes the first's place: what is told of the one would be the other's. */
static void an_account_that_is_told_twice(void **state)
{
    static const char one[] = "{\"account\":\"a\",\"account_schemes\":[{\"scheme_name\":\"IBAN\",\"identification\":\"RO1\"}],"
                              "\"currency\":\"RON\"}";
    static const char other[] = "{\"account\":\"a\",\"account_schemes\":[{\"scheme_name\":\"IBAN\",\"identification\":\"RO2\"}],"
                                "\"currency\":\"EUR\"}";
    (void)state;
    bank.pages[FINQ_BANK_ACCOUNTS] = apr_pstrcat(pool, "{\"accounts\":[", one, ",", other, "]}", NULL);
    SCRIPT(CLAIMED(0, 0), FAILED);
    finq_error *error = finq_refresh(&ended, &service, &wish, pool);
    assert_non_null(error);
    assert_int_equal(error->code, FINQ_E_EXTERNAL_API_INVALID_ANSWER);
    assert_int_equal(ended, FINQ_REFRESH_FAILED);
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

/* ---- what is new beside what was told before ---- */

#define SINCE (finq_clock_seconds() / DAY * DAY - 30 * DAY)

/* Letters stand for transactions: O was booked before SINCE, A and B yesterday, X is like A but for its balance, P is pending, N new. */
static const char *transactions_of(const char *letters)
{
    apr_int64_t yesterday = finq_clock_seconds() / DAY * DAY - DAY;
    const char *text = "{\"transactions\":[";
    for (const char *letter = letters; *letter; letter++) {
        const char *when = finq_clock_text(*letter == 'O' ? yesterday - 40 * DAY : yesterday, pool);
        text = apr_psprintf(
            pool,
            "%s%s{\"account\":\"a\",\"status\":\"%s\"%s,\"amount\":\"5\",\"currency\":\"RON\",\"credit_debit_indicator\":"
            "\"debit\",\"balance\":\"%d\",\"info\":\"%c\"}",
            text, letter > letters ? "," : "", *letter == 'P' ? "pending" : "booked",
            *letter == 'P' ? "" : apr_psprintf(pool, ",\"booking_date_time\":\"%s\"", when), *letter == 'X',
            *letter == 'X' ? 'A' : *letter);
    }
    return apr_pstrcat(pool, text, "]}", NULL);
}

static const char *account_of(const char *name)
{
    return apr_psprintf(
        pool,
        "{\"accounts\":[{\"account\":\"a\",\"account_schemes\":[{\"scheme_name\":\"IBAN\",\"identification\":\"RO1\"}],"
        "\"currency\":\"RON\",\"name\":\"%s\"}]}",
        name);
}

/* What a refresh that is told of these has noted, behind one that has noted so. */
static finq_bytes notes_of(const char *letters, finq_bytes before, apr_int64_t since)
{
    bank.pages[FINQ_BANK_TRANSACTIONS] = transactions_of(letters);
    SCRIPT(AFTER(before, since, 0), STORED);
    assert_null(finq_refresh(&ended, &service, &wish, pool));
    finq_bytes notes = database.bytes[place_of(&database, "p_told")];
    return (finq_bytes){apr_pmemdup(pool, notes.data, notes.length), notes.length};
}

static int rows_given(void)
{
    int count = 0;
    for (const char *row = given(&database, "p_rows"); (row = strstr(row, "\"mac\"")) != NULL; row++)
        count++;
    return count;
}

/* Red, each of the cases, without a condition of told.c: without that a row stands where it stood, that what is left out was booked long ago,
 * that none is like one before, and that there is none left behind the last. */
static void what_is_new_is_stored_alone(void **state)
{
    static const struct {
        const char *before, *now;
        int adds, rows;
    } cases[] = {{"OABP", "OABP", 1, 0},  {"OABP", "ABP", 1, 0},   {"OABP", "NOABP", 1, 1}, {"OABP", "ABNP", 1, 1},
                 {"OABP", "OABPN", 1, 1}, {"", "AB", 1, 2},        {"OABP", "OBP", 0, 3},   {"OABP", "OAB", 0, 3},
                 {"OABP", "OBAP", 0, 4},  {"OABP", "OAXBP", 0, 5}, {"OABP", "OXBP", 0, 4},  {"OABP", "AABP", 0, 4},
                 {"OABP", "ABPO", 0, 4}};
    (void)state;
    bank.pages[FINQ_BANK_ACCOUNTS] = account_of("Current");
    for (apr_size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        finq_bytes before = notes_of(cases[i].before, (finq_bytes){NULL, 0}, 0);
        assert_false(given_bool("p_adds"));
        notes_of(cases[i].now, before, SINCE);
        if (given_bool("p_adds") != cases[i].adds || rows_given() != cases[i].rows)
            fail_msg("%s behind %s: %d, %d rows", cases[i].now, cases[i].before, given_bool("p_adds"), rows_given());
    }
}

/* Red where notes of other accounts serve, those of a shorter time, and what no notes are. */
static void notes_that_do_not_serve(void **state)
{
    (void)state;
    bank.pages[FINQ_BANK_ACCOUNTS] = account_of("Current");
    finq_bytes before = notes_of("AB", (finq_bytes){NULL, 0}, SINCE);
    notes_of("AB", before, SINCE - DAY);
    assert_false(given_bool("p_adds"));
    notes_of("AB", (finq_bytes){before.data, before.length - 1}, SINCE);
    assert_false(given_bool("p_adds"));
    notes_of("AB", before, SINCE);
    assert_true(given_bool("p_adds"));
    bank.pages[FINQ_BANK_ACCOUNTS] = account_of("Joint");
    notes_of("AB", before, SINCE);
    assert_false(given_bool("p_adds"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_limited_history_begins_with_a_day, bank_reset),
        cmocka_unit_test_setup(a_bank_that_does_not_come_to_an_end, bank_reset),
        cmocka_unit_test_setup(a_refresh_that_was_not_made_is_given_back, bank_reset),
        cmocka_unit_test_setup(a_refresh_that_failed_before_the_bank_is_given_back, bank_reset),
        cmocka_unit_test_setup(an_account_that_is_told_twice, bank_reset),
        cmocka_unit_test_setup(the_end_of_another_is_ones_own, bank_reset),
        cmocka_unit_test_setup(what_is_new_is_stored_alone, bank_reset),
        cmocka_unit_test_setup(notes_that_do_not_serve, bank_reset),
    };
    return cmocka_run_group_tests(tests, flow_setup, flow_teardown);
}
