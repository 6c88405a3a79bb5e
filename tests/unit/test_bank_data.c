/* Account data of connectors: what is asked, which pages are taken, and what the sandbox bank says.
 *
 * Seen red: see each test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <string.h>

#include "bank/data.h"
#include "bank/sandbox.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define ACCOUNT(members)                                                                                                                         \
    "{\"accounts\":[{\"account\":\"a\",\"account_schemes\":[{\"scheme_name\":\"IBAN\",\"identification\":\"RO1\"}],\"currency\":\"RON\"" members \
    "}]}"
#define BALANCE(members) "{\"balances\":[{\"account\":\"a\",\"credit_debit_indicator\":\"credit\"," members "}]}"
#define MOVED(members) "{\"transactions\":[{\"account\":\"a\",\"credit_debit_indicator\":\"debit\"," members "}]}"
#define BOOKED "\"status\":\"booked\",\"booking_date_time\":\"2026-02-28T00:00:00Z\",\"currency\":\"RON\","

static apr_pool_t *pool;

static finq_bank_page page_of(finq_bank_kind kind, const char *text)
{
    finq_bank_page page;
    finq_error *error = finq_bank_page_read(&page, kind, text, strlen(text), pool);
    if (error)
        fail_msg("%s: %s", text, error->cause);
    return page;
}

static void pages_that_are_taken(void **state)
{
    static const struct {
        finq_bank_kind kind;
        const char *text;
        int rows;
    } rows[] = {
        {FINQ_BANK_ACCOUNTS, "{\"accounts\":[]}", 0},
        {FINQ_BANK_ACCOUNTS, ACCOUNT(""), 1},
        {FINQ_BANK_ACCOUNTS, ACCOUNT(",\"name\":null,\"product\":\"\""), 1},
        {FINQ_BANK_BALANCES,
         BALANCE("\"type\":\"Expected\",\"amount\":\"0\",\"currency\":\"JPY\",\"native_date\":\"2024-02-29\""), 1},
        {FINQ_BANK_TRANSACTIONS, MOVED(BOOKED "\"amount\":\"123456789012345678.12345\",\"balance\":\"-0.5\""), 1},
        {FINQ_BANK_TRANSACTIONS, MOVED("\"status\":\"pending\",\"amount\":\"1\",\"currency\":\"EUR\",\"booking_date_time\":null"),
         1},
        {FINQ_BANK_TRANSACTIONS, "{\"error\":\"consent_withdrawn\"}", 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(page_of(rows[i].kind, rows[i].text).rows->nelts, rows[i].rows);
    finq_bank_page page = page_of(FINQ_BANK_ACCOUNTS,
                                  "{\"accounts\":[],\"declares\":{\"reference_is_stable\":true,\"frequency\":9},\"next\":\"n\"}");
    assert_int_equal(page.declared.frequency, 9);
    assert_true(page.declared.reference_is_stable);
    assert_string_equal(page.next, "n");
    assert_int_equal(page_of(FINQ_BANK_ACCOUNTS, "{\"accounts\":[]}").declared.frequency, 4);
    assert_true(page_of(FINQ_BANK_BALANCES, "{\"error\":\"consent_withdrawn\"}").is_withdrawn);
}

/* Each by taking out the check that it names. */
static void pages_that_are_refused(void **state)
{
    static const struct {
        finq_bank_kind kind;
        const char *text;
    } refused[] = {
        {FINQ_BANK_ACCOUNTS, ""},
        {FINQ_BANK_ACCOUNTS, "[]"},
        {FINQ_BANK_ACCOUNTS, "{}"},
        {FINQ_BANK_ACCOUNTS, "{\"balances\":[]}"},
        {FINQ_BANK_ACCOUNTS, "{\"accounts\":{}}"},
        {FINQ_BANK_ACCOUNTS, "{\"accounts\":[1]}"},
        {FINQ_BANK_ACCOUNTS, "{\"accounts\":[],\"more\":1}"},
        {FINQ_BANK_ACCOUNTS, "{\"accounts\":[],\"declares\":[]}"},
        {FINQ_BANK_ACCOUNTS, "{\"accounts\":[],\"declares\":{\"frequency\":-1}}"},
        {FINQ_BANK_ACCOUNTS, "{\"accounts\":[],\"declares\":{\"more\":1}}"},
        {FINQ_BANK_BALANCES, "{\"balances\":[],\"declares\":{}}"},
        {FINQ_BANK_ACCOUNTS, "{\"accounts\":[],\"error\":\"consent_withdrawn\"}"},
        {FINQ_BANK_ACCOUNTS, "{\"error\":\"other\"}"},
        {FINQ_BANK_ACCOUNTS, ACCOUNT(",\"more\":1")},
        {FINQ_BANK_ACCOUNTS, ACCOUNT(",\"name\":\"a\\tb\"")},
        {FINQ_BANK_ACCOUNTS, ACCOUNT(",\"name\":\"\\ud800\"")},
        {FINQ_BANK_ACCOUNTS, ACCOUNT(",\"name\":\"\\u0000\"")},
        {FINQ_BANK_ACCOUNTS, "{\"accounts\":[{\"account\":\"a\",\"account_schemes\":[],\"currency\":\"RON\"}]}"},
        {FINQ_BANK_ACCOUNTS,
         "{\"accounts\":[{\"account\":\"\",\"account_schemes\":[{\"scheme_name\":\"I\",\"identification\":\"1\"}],\"currency\":\"RON\"}]}"},
        {FINQ_BANK_ACCOUNTS,
         "{\"accounts\":[{\"account\":\"a\",\"account_schemes\":[{\"scheme_name\":\"I\"}],\"currency\":\"RON\"}]}"},
        {FINQ_BANK_BALANCES, BALANCE("\"type\":\"Other\",\"amount\":\"0\",\"currency\":\"EUR\"")},
        {FINQ_BANK_BALANCES,
         BALANCE("\"type\":\"Expected\",\"amount\":\"0\",\"currency\":\"EUR\",\"native_date\":\"2026-02-29\"")},
        {FINQ_BANK_BALANCES,
         BALANCE("\"type\":\"Expected\",\"amount\":\"0\",\"currency\":\"EUR\",\"credit_limit_included\":\"no\"")},
        {FINQ_BANK_TRANSACTIONS, MOVED(BOOKED "\"amount\":NaN")},
        {FINQ_BANK_TRANSACTIONS, MOVED(BOOKED "\"amount\":1")},
        {FINQ_BANK_TRANSACTIONS, MOVED(BOOKED "\"amount\":\"1e3\"")},
        {FINQ_BANK_TRANSACTIONS, MOVED(BOOKED "\"amount\":\"-0\"")},
        {FINQ_BANK_TRANSACTIONS, MOVED(BOOKED "\"amount\":\"-1\"")},
        {FINQ_BANK_TRANSACTIONS, MOVED(BOOKED "\"amount\":\"007\"")},
        {FINQ_BANK_TRANSACTIONS, MOVED(BOOKED "\"amount\":\"1.\"")},
        {FINQ_BANK_TRANSACTIONS, MOVED(BOOKED "\"amount\":\".5\"")},
        {FINQ_BANK_TRANSACTIONS, MOVED(BOOKED "\"amount\":\"1,5\"")},
        {FINQ_BANK_TRANSACTIONS, MOVED(BOOKED "\"amount\":\"1.123456\"")},
        {FINQ_BANK_TRANSACTIONS, MOVED(BOOKED "\"amount\":\"1234567890123456789\"")},
        {FINQ_BANK_TRANSACTIONS, MOVED(BOOKED "\"amount\":\"1234567890123456789012345678901234567890\"")},
        {FINQ_BANK_TRANSACTIONS, MOVED(BOOKED "\"amount\":\"1\",\"balance\":\"--1\"")},
        {FINQ_BANK_TRANSACTIONS, MOVED("\"status\":\"booked\",\"amount\":\"1\",\"currency\":\"EUR\"")},
        {FINQ_BANK_TRANSACTIONS,
         MOVED("\"status\":\"pending\",\"amount\":\"1\",\"currency\":\"EUR\",\"booking_date_time\":\"2026-02-28T00:00:00Z\"")},
        {FINQ_BANK_TRANSACTIONS,
         MOVED("\"status\":\"booked\",\"amount\":\"1\",\"currency\":\"EUR\",\"booking_date_time\":\"2026-02-30T00:00:00Z\"")},
        {FINQ_BANK_TRANSACTIONS, MOVED("\"status\":\"other\",\"amount\":\"1\",\"currency\":\"EUR\"")},
        {FINQ_BANK_TRANSACTIONS, MOVED("\"status\":\"pending\",\"amount\":\"1\",\"currency\":\"XXX\"")},
        {FINQ_BANK_TRANSACTIONS, MOVED("\"status\":\"pending\",\"amount\":\"1\",\"currency\":\"eur\"")},
        {FINQ_BANK_TRANSACTIONS, MOVED("\"status\":\"pending\",\"amount\":\"1\",\"currency\":\"R A\"")},
        {FINQ_BANK_TRANSACTIONS, MOVED("\"status\":\"pending\",\"amount\":\"1\",\"currency\":\"EUR\",\"amount\":\"2\"")},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        finq_bank_page page;
        finq_error *error = finq_bank_page_read(&page, refused[i].kind, refused[i].text, strlen(refused[i].text), pool);
        if (!error)
            fail_msg("taken: %s", refused[i].text);
        assert_int_equal(error->code, FINQ_E_EXTERNAL_API_INVALID_ANSWER);
    }
}

/* ---- the sandbox bank ---- */

static const unsigned char seed[32] = "a seed of thirty-two bytes, more";

static const char *said_with(finq_sandbox_memory *memory, finq_bank_kind ask, const char *customer, int today, const char *next,
                             apr_int64_t since)
{
    finq_bank_question question = {.ask = ask, .skill = "a", .environment = "sandbox", .next = next, .since = since};
    finq_sandbox_world world = {{seed, sizeof seed}, today, 0, 1, 0, memory};
    const char *text = NULL;
    question.reference = apr_psprintf(pool, "approve-%s.0-current-savings-at0", customer);
    finq_error *error = finq_sandbox_data(&text, &question, &world, pool);
    if (error)
        fail_msg("%s", error->message);
    return text;
}

static const char *said(finq_bank_kind ask, const char *customer, int today, const char *next)
{
    return said_with(finq_sandbox_memory_new(pool), ask, customer, today, next, 0);
}

/* 20786 is 2026-11-29; customers are in hexadecimal. The same world gives the same, and each page is one that is taken. */
static void the_same_world_gives_the_same(void **state)
{
    static const char *const customers[] = {"31303030", "31303031", "31303036", "61"};
    (void)state;
    for (size_t i = 0; i < COUNT(customers); i++) {
        for (int kind = 0; kind < FINQ_BANK_KINDS; kind++) {
            const char *text = said((finq_bank_kind)kind, customers[i], 20786, NULL);
            assert_string_equal(text, said((finq_bank_kind)kind, customers[i], 20786, NULL));
            assert_true(page_of((finq_bank_kind)kind, text).rows->nelts > 1);
        }
    }
    assert_string_not_equal(said(FINQ_BANK_ACCOUNTS, "61", 20786, NULL), said(FINQ_BANK_ACCOUNTS, "62", 20786, NULL));
}

/* What a refresh's answers have in common changes none of them. Red where a page begins a day later than the one before has noted. */
static void a_memory_changes_nothing(void **state)
{
    static const char *const customers[] = {"31303030", "31303034", "31303035", "31303037"};
    (void)state;
    for (size_t i = 0; i < COUNT(customers); i++) {
        for (apr_int64_t since = 0; since <= 20700 * 86400LL; since += 20700 * 86400LL) {
            finq_sandbox_memory *memory = finq_sandbox_memory_new(pool);
            const char *next = NULL;
            assert_string_equal(said_with(memory, FINQ_BANK_BALANCES, customers[i], 20786, NULL, 0),
                                said(FINQ_BANK_BALANCES, customers[i], 20786, NULL));
            do {
                const char *text = said_with(memory, FINQ_BANK_TRANSACTIONS, customers[i], 20786, next, since);
                assert_string_equal(
                    text, said_with(finq_sandbox_memory_new(pool), FINQ_BANK_TRANSACTIONS, customers[i], 20786, next, since));
                next = page_of(FINQ_BANK_TRANSACTIONS, text).next;
            } while (next);
        }
    }
}

/* What was booked is so on every later day, with the balance behind it. */
static void days_only_add(void **state)
{
    finq_bank_page before = page_of(FINQ_BANK_TRANSACTIONS, said(FINQ_BANK_TRANSACTIONS, "31303030", 20700, NULL));
    finq_bank_page after = page_of(FINQ_BANK_TRANSACTIONS, said(FINQ_BANK_TRANSACTIONS, "31303030", 20702, NULL));
    int found = 0;
    (void)state;
    for (int i = 0; i < before.rows->nelts; i++) {
        const finq_bank_transaction *one = &APR_ARRAY_IDX(before.rows, i, finq_bank_transaction);
        for (int j = 0; j < after.rows->nelts; j++) {
            const finq_bank_transaction *other = &APR_ARRAY_IDX(after.rows, j, finq_bank_transaction);
            found += strcmp(one->reference, other->reference) == 0 && strcmp(one->account, other->account) == 0 &&
                     strcmp(one->amount, other->amount) == 0 && strcmp(one->balance, other->balance) == 0;
        }
    }
    assert_true(found > before.rows->nelts - 20 && found <= before.rows->nelts); /* the oldest two days have gone */
}

/* And of 1007 what a page ends with is changed when the next begins with it: counted once. */
static void pages_are_the_whole(void **state)
{
    const char *next = NULL, *last = NULL;
    int rows = 0, pages = 0;
    (void)state;
    do {
        finq_bank_page page = page_of(FINQ_BANK_TRANSACTIONS, said(FINQ_BANK_TRANSACTIONS, "31303037", 20786, next));
        const finq_bank_transaction *one = &APR_ARRAY_IDX(page.rows, 0, finq_bank_transaction);
        if (last) {
            assert_string_equal(one->reference, last);
            assert_non_null(strstr(one->info, ", settled"));
        }
        last = APR_ARRAY_IDX(page.rows, page.rows->nelts - 1, finq_bank_transaction).reference;
        rows += page.rows->nelts - (next != NULL);
        next = page.next;
        pages++;
    } while (next);
    assert_int_equal(pages, rows / 1000 + 1);
    assert_in_range(rows, 19000, 22000);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_that_are_taken),
        cmocka_unit_test(pages_that_are_refused),
        cmocka_unit_test(the_same_world_gives_the_same),
        cmocka_unit_test(a_memory_changes_nothing),
        cmocka_unit_test(days_only_add),
        cmocka_unit_test(pages_are_the_whole),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
