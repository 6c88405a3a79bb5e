/* The sandbox bank's payments: what becomes of an amount, of an order over its days, of a payee's name; what the page shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <string.h>

#include "bank/sandbox.h"
#include "bank/sandbox_order.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define DAY 86400
#define NOON (20000 * (apr_int64_t)DAY + DAY / 2) /* 2024-10-04 */

static apr_pool_t *pool;

static const json_t *parsed(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);
    if (!json)
        fail_msg("%s: %s", text, error.text);
    return finq_json_own(json, pool);
}

/* An order of one transfer for each amount, after so many days. */
static finq_sandbox_order order_of(const char *const *amounts, const char *on, int days)
{
    finq_sandbox_order order = {.decision = "authorised", .authorised_at = NOON, .now = NOON + days * (apr_int64_t)DAY};
    json_t *transfers = finq_json_own(json_array(), pool);
    for (int i = 0; amounts[i]; i++)
        json_array_append_new(transfers, json_pack("{s:s, s:s, s:s, s:s*}", "end_to_end_id", apr_psprintf(pool, "e%d", i + 1),
                                                   "amount", amounts[i], "currency", "EUR", "on", on));
    order.transfers = transfers;
    return order;
}

/* How an order stands: "STATUS", "STATUS reason". */
static const char *standing(const finq_sandbox_order *order)
{
    const json_t *payment = json_object_get(parsed(finq_sandbox_order_state(order, pool)), "payment");
    const char *reason = finq_json_string(json_object_get(payment, "reason"), "code");
    return apr_pstrcat(pool, finq_json_string(payment, "status"), reason ? " " : "", reason ? reason : "", NULL);
}

/* Red: the loop over outcomes that ends one row early; RJCT's reason told of ACSP. */
static void what_becomes_of_an_amount(void **state)
{
    static const struct {
        const char *amount, *days[4];
    } rows[] = {
        {"1.01", {"ACSC", "ACSC", "ACSC", "ACSC"}},
        {"1.02", {"ACSP", "ACSC", "ACSC", "ACSC"}},
        {"1000000.03", {"RJCT AM04", "RJCT AM04", "RJCT AM04", "RJCT AM04"}},
        {"1.04", {"ACSC", "ACSC", "ACSC", "ACSC"}},
        {"1.05", {"BLCK", "BLCK", "BLCK", "BLCK"}},
        {"1.06", {"RJCT AC01", "RJCT AC01", "RJCT AC01", "RJCT AC01"}},
        {"1.07", {"ACSC", "ACCC", "ACCC", "ACCC"}},
        {"1.08", {"ACSP", "ACSP", "ACSP", "ACSP"}},
        {"1.09", {"ACSP", "RJCT AC04", "RJCT AC04", "RJCT AC04"}},
        {"1.10", {"ACSC", "ACSC", "ACSC", "ACSC"}},
        {"1.1", {"ACSC", "ACSC", "ACSC", "ACSC"}},
        {"1.11", {"ACSC", "ACSP", "ACCC", "ACCC"}},
        {"1.12", {"WXYZ", "ACSC", "ACSC", "ACSC"}},
        {"1.15", {"ACSC", "RJCT AC04", "RJCT AC04", "RJCT AC04"}},
        {"1.16", {"settled", "ACSC", "ACSC", "ACSC"}},
        {"1.50", {"ACSC", "ACSC", "ACSC", "ACSC"}},
        {"102", {"ACSC", "ACSC", "ACSC", "ACSC"}},   /* no cents */
        {"1.002", {"ACSC", "ACSC", "ACSC", "ACSC"}}, /* none of two digits */
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int day = 0; day < 4; day++) {
            finq_sandbox_order order = order_of((const char *const[]){rows[i].amount, NULL}, NULL, day);
            assert_string_equal(standing(&order), rows[i].days[day]);
        }
    }
}

/* Red: common_standing that takes the last one's. */
static void of_several_transfers(void **state)
{
    static const struct {
        const char *amounts[4], *status;
    } rows[] = {
        {{"1.01", "2.50", NULL}, "ACSC"},      {{"1.01", "2.06", "3.01", NULL}, "PART"}, {{"1.02", "1.01", NULL}, "PART"},
        {{"1.06", "2.06", NULL}, "RJCT AC01"}, {{"1.03", "2.01", NULL}, "PART"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        finq_sandbox_order order = order_of(rows[i].amounts, NULL, 0);
        assert_string_equal(standing(&order), rows[i].status);
    }
    finq_sandbox_order order = order_of(rows[1].amounts, NULL, 0);
    const json_t *second = json_array_get(
        json_object_get(json_object_get(parsed(finq_sandbox_order_state(&order, pool)), "payment"), "transactions"), 1);
    assert_string_equal(finq_json_text(second, pool),
                        "{\"end_to_end_id\":\"e2\",\"status\":\"RJCT\",\"reason\":{\"code\":\"AC01\"}}");
}

/* An order waits for its day, and its days count from there. Red: `from` left at the authorisation. */
static void before_its_day(void **state)
{
    static const char *const days[] = {"ACCP", "ACCP", "ACSP", "ACSC"};
    (void)state;
    for (int day = 0; day < 4; day++) {
        finq_sandbox_order order = order_of((const char *const[]){"1.02", NULL}, "2024-10-06", day);
        assert_string_equal(standing(&order), days[day]);
    }
    finq_sandbox_order past = order_of((const char *const[]){"1.02", NULL}, "2024-10-04", 0);
    assert_string_equal(standing(&past), "ACSP");
}

/* What is not authorised has no transactions, and is not paid. */
static void before_it_is_authorised(void **state)
{
    finq_sandbox_order order = order_of((const char *const[]){"1.03", NULL}, NULL, 0);
    (void)state;
    order.decision = NULL;
    assert_string_equal(finq_sandbox_order_state(&order, pool), "{\"payment\":{\"status\":\"RCVD\"}}");
    order.decision = "cancelled";
    assert_string_equal(finq_sandbox_order_state(&order, pool), "{\"payment\":{\"status\":\"CANC\"}}");
    order.decision = "never";
    assert_string_equal(finq_sandbox_order_state(&order, pool), "{\"payment\":null}");
    order.decision = "authorised";
    order.authorised_at = order.now + 1;
    assert_string_equal(finq_sandbox_order_state(&order, pool), "{\"payment\":{\"status\":\"PATC\"}}");
}

static const char *verdict_of(const finq_sandbox_order *order, const char *page)
{
    const json_t *answer = parsed(finq_sandbox_order_answer(order, page, pool));
    assert_true(json_object_get(answer, "payment") || strcmp(order->decision, "never") == 0);
    return finq_json_string(answer, "verdict");
}

static void verdicts(void **state)
{
    finq_sandbox_order order = order_of((const char *const[]){"1.03", NULL}, NULL, 0);
    (void)state;
    assert_string_equal(verdict_of(&order, "https://x/"), "accepted");
    order.authorised_at = order.now + 1;
    assert_string_equal(verdict_of(&order, NULL), "pending");
    order.decision = NULL;
    assert_string_equal(verdict_of(&order, "https://x/"), "redirect");
    assert_string_equal(verdict_of(&order, NULL), "failed");
    order.decision = "cancelled";
    assert_string_equal(verdict_of(&order, "https://x/"), "failed");
    order.decision = "never";
    assert_string_equal(verdict_of(&order, "https://x/"), "failed");
}

/* Red: is_first not looked at; a manner told before the authorisation. */
static void manners(void **state)
{
    finq_sandbox_order order = order_of((const char *const[]){"2.01", "1.10", NULL}, NULL, 0);
    (void)state;
    assert_int_equal(finq_sandbox_order_manner(&order), FINQ_SANDBOX_HONEST);
    order.is_first = 1;
    assert_int_equal(finq_sandbox_order_manner(&order), FINQ_SANDBOX_LOSES);
    order.decision = NULL;
    assert_int_equal(finq_sandbox_order_manner(&order), FINQ_SANDBOX_HONEST);
    order = order_of((const char *const[]){"1.100", NULL}, NULL, 0); /* three digits are no cents */
    order.is_first = 1;
    assert_int_equal(finq_sandbox_order_manner(&order), FINQ_SANDBOX_HONEST);
    order = order_of((const char *const[]){"1.14", NULL}, NULL, 5);
    assert_int_equal(finq_sandbox_order_manner(&order), FINQ_SANDBOX_SILENT);
    order = order_of((const char *const[]){"1.13", NULL}, NULL, 0);
    assert_int_equal(finq_sandbox_order_manner(&order), FINQ_SANDBOX_SLOW);
}

/* ---- payees ---- */

static const char *payee_answer(const char *data)
{
    finq_connector_question question = {.step = "payee_check", .data = parsed(data)};
    return finq_sandbox_payee_answer(&question, pool);
}

/* Red: the look at `confirmed` left out, or taken for a match; a name told where there is none. */
static void payees(void **state)
{
    static const struct {
        const char *data, *answer;
    } rows[] = {
        {"{\"creditor\":{\"name\":\"Ana\"}}", "{\"verdict\":\"accepted\",\"data\":{\"vop\":\"match\"}}"},
        {"{\"creditor\":{\"name\":\"Ana\"},\"instructed_amount\":{\"amount\":\"5.01\"}}",
         "{\"verdict\":\"accepted\",\"data\":{\"vop\":\"match\"}}"},
        {"{\"creditor\":{\"name\":\"Ana\"},\"instructed_amount\":{\"amount\":\"5.04\"}}",
         "{\"verdict\":\"rejected\",\"details\":[{\"field\":\"/creditor/name\",\"message\":\"The account belongs to Ana SRL.\"}]}"},
        {"{\"creditor\":{\"name\":\"Ana\"},\"instructed_amount\":{\"amount\":\"5.04\"},\"confirmed\":true}",
         "{\"verdict\":\"accepted\",\"data\":{\"vop\":\"close_match\"}}"},
        {"{\"creditor\":{\"name\":\"Ana SRL\"},\"instructed_amount\":{\"amount\":\"5.04\"}}",
         "{\"verdict\":\"accepted\",\"data\":{\"vop\":\"match\"}}"},
        {"{\"creditor\":{\"name\":\"nobody\"},\"confirmed\":true}",
         "{\"verdict\":\"rejected\",\"details\":[{\"field\":\"/creditor/name\",\"message\":\"The account belongs to somebody with another "
         "name.\"}]}"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(payee_answer(rows[i].data), rows[i].answer);
}

/* ---- the order and its page ---- */

#define TRANSFER(id, name, amount)                                                                          \
    "{\"end_to_end_id\":\"" id "\",\"instructed_amount\":{\"amount\":\"" amount "\",\"currency\":\"EUR\"}," \
    "\"creditor\":{\"name\":\"" name "\"},\"creditor_account\":{\"iban\":\"DE89370400440532013000\"},"      \
    "\"remittance_information\":{\"unstructured\":\"Rent <b>\"}}"
#define PAYMENT(debtor, transfers)                                                                                 \
    "{\"psu_redirect_link\":\"https://app.example/\",\"group_header\":{\"message_id\":\"M1\"},\"payment_info\":[{" \
    "\"payment_information_id\":\"P1\"," debtor "\"credit_transfers\":[" transfers "]}]}"
#define DEBTOR "\"debtor_account\":{\"iban\":\"RO49AAAA1B31007593840000\"},"

static finq_sandbox_telling telling_of(const char *data)
{
    finq_connector_question question = {.step = "payment_intent", .data = parsed(data)};
    finq_sandbox_telling telling;
    finq_sandbox_order_tell(&telling, &question, pool);
    return telling;
}

static finq_sandbox_visit visit_of(const char *data)
{
    apr_array_header_t *homes = apr_array_make(pool, 1, sizeof(const char *));
    finq_sandbox_visit visit;
    APR_ARRAY_PUSH(homes, const char *) = "https://localhost/v1/redirects/";
    const char *form = "state=s&redirect_uri=https://localhost/v1/redirects/sca&purpose=payment&customer=1&pin=1&choice=approve"
                       "&order=01890a5d-ac96-774b-bcce-b302099a8057";
    assert_null(finq_sandbox_read(&visit, form, homes, pool));
    assert_null(finq_sandbox_ordered(&visit.ordered, telling_of(data).text, pool));
    return visit;
}

/* The link is no part of an order: sent again with another one, it is the same. Nor is how it is spelt. */
static void what_is_ordered(void **state)
{
    finq_sandbox_telling first = telling_of(PAYMENT(DEBTOR, TRANSFER("E1", "Ana", "5.01")));
    finq_sandbox_telling again =
        telling_of("{\"group_header\":{\"message_id\":\"M1\"},\"payment_info\":[{" DEBTOR
                   "\"payment_information_id\":\"P\\u0031\",\"credit_transfers\":[" TRANSFER("E1", "Ana", "5.01") "]}]}");
    finq_sandbox_telling other = telling_of(PAYMENT(DEBTOR, TRANSFER("E1", "Ana", "5.02")));
    (void)state;
    assert_null(strstr(first.text, "psu_redirect_link"));
    assert_string_equal(first.message_id, "M1");
    assert_string_equal(first.transfers, "[{\"payment_information_id\":\"P1\",\"end_to_end_id\":\"E1\","
                                         "\"amount\":\"5.01\",\"currency\":\"EUR\"}]");
    assert_memory_equal(first.hash, again.hash, sizeof first.hash);
    assert_memory_not_equal(first.hash, other.hash, sizeof first.hash);
}

/* Red: each of these rows left out of transfer_list or payment_list; the escaping left out of row(). */
static void the_page_shows_the_order(void **state)
{
    finq_sandbox_visit visit = visit_of(PAYMENT(DEBTOR, TRANSFER("E1", "Ana & Ion", "5.01")));
    const char *page = finq_sandbox_page(&visit, 0, pool);
    static const char *const shown[] = {
        "Ana &amp; Ion", "DE89 3704 0044 0532 0130 00",  "RO49 AAAA 1B31 0075 9384 0000", "5.01 EUR",         "Rent &lt;b&gt;",
        "0.50 EUR",      "The account is this payee's.", "You order the payment.",        "Check and approve"};
    (void)state;
    for (size_t i = 0; i < COUNT(shown); i++) {
        if (!strstr(page, shown[i]))
            fail_msg("the page lacks %s", shown[i]);
    }
    assert_null(strstr(page, "Pay from"));
    visit = visit_of(PAYMENT("", TRANSFER("E1", "Ana", "5.04")));
    page = finq_sandbox_page(&visit, 0, pool);
    assert_non_null(strstr(page, "Close match: the account belongs to Ana SRL."));
    assert_non_null(strstr(page, "Pay from"));
    visit = visit_of(PAYMENT(DEBTOR, TRANSFER("E1", "Nobody", "5.01")));
    assert_non_null(strstr(finq_sandbox_page(&visit, 0, pool), "No match: "));
}

static void a_long_order_is_counted(void **state)
{
    const char *transfers = TRANSFER("E1", "Ana", "5.01");
    (void)state;
    for (int i = 0; i < 11; i++)
        transfers = apr_pstrcat(pool, transfers, "," TRANSFER("E2", "Payee", "1.01"), NULL);
    finq_sandbox_visit visit = visit_of(apr_pstrcat(
        pool, "{\"payment_info\":[{\"debtor_account\":{\"iban\":\"RO1\"},\"credit_transfers\":[", transfers, "]}]}", NULL));
    const char *page = finq_sandbox_page(&visit, 0, pool);
    int shown = 0;
    for (const char *at = page; (at = strstr(at, "<dt>To</dt>")) != NULL; at++)
        shown++;
    assert_int_equal(shown, 10);
    assert_non_null(strstr(page, "Your payments: 12"));
    assert_non_null(strstr(page, "More transfers: 2"));
    assert_non_null(strstr(page, "<dd class=\"amount\">16.12 EUR</dd>"));
    assert_non_null(strstr(page, "<dd>6.00 EUR</dd>"));
}

/* Red: sandbox_order_lacks_account not asked for in sandbox_are_accounts_chosen. */
static void who_pays_says_from_what(void **state)
{
    finq_sandbox_visit visit = visit_of(PAYMENT("", TRANSFER("E1", "Ana", "5.01")));
    (void)state;
    assert_false(finq_sandbox_is_complete(&visit));
    visit.account = "savings";
    assert_true(finq_sandbox_is_complete(&visit));
    visit.account = "";
    visit.choice = "deny";
    assert_true(finq_sandbox_is_complete(&visit));
    assert_false(finq_sandbox_is_agreed(&visit));
}

/* So that a return that is made again is the same one. */
static void the_way_back_is_the_same_each_time(void **state)
{
    finq_sandbox_visit visit = visit_of(PAYMENT(DEBTOR, TRANSFER("E1", "Ana", "5.01")));
    const char *first, *second;
    (void)state;
    assert_null(finq_sandbox_location(&first, &visit, pool));
    visit.customer = "somebody else";
    assert_null(finq_sandbox_location(&second, &visit, pool));
    assert_string_equal(first, "https://localhost/v1/redirects/sca?state=s&code=approve-.01890a5dac96774bbcceb302099a8057");
    assert_string_equal(first, second);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_becomes_of_an_amount),
        cmocka_unit_test(of_several_transfers),
        cmocka_unit_test(before_its_day),
        cmocka_unit_test(before_it_is_authorised),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(manners),
        cmocka_unit_test(payees),
        cmocka_unit_test(what_is_ordered),
        cmocka_unit_test(the_page_shows_the_order),
        cmocka_unit_test(a_long_order_is_counted),
        cmocka_unit_test(who_pays_says_from_what),
        cmocka_unit_test(the_way_back_is_the_same_each_time),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
