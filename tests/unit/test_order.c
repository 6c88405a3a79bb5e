/* Orders and phases: what is wrong with an order before any bank is asked, and that no sequence of a bank's codes takes a phase back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <string.h>

#include "json/json.h"
#include "order/phase.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define NOW 1790000000 /* 2026-09-21 */

static apr_pool_t *pool;

/* ---- orders ---- */

#define HEADER "\"group_header\":{\"message_id\":\"M-1\",\"txs_no\":1}"
#define TRANSFER(id, amount, currency, more)                                                                         \
    "{\"end_to_end_id\":\"" id "\",\"instructed_amount\":{\"amount\":\"" amount "\",\"currency\":\"" currency "\"}," \
    "\"creditor\":{\"name\":\"Imobiliare SRL\"},\"creditor_account\":{\"iban\":\"RO09BCYP0000001234567890\"}" more "}"
#define PAYMENT(id, more, transfers) \
    "{\"payment_information_id\":\"" id "\",\"payment_method\":\"TRF\"" more ",\"credit_transfers\":[" transfers "]}"
#define ORDER(payments) "{" HEADER ",\"payment_info\":[" payments "]}"
#define ONE(amount, currency, more) ORDER(PAYMENT("P-1", "", TRANSFER("E-1", amount, currency, more)))
#define DATED(date) ORDER(PAYMENT("P-1", ",\"requested_execution_date\":\"" date "\"", TRANSFER("E-1", "1", "EUR", "")))

static json_t *json_of(const char *text)
{
    json_t *json;
    assert_null(finq_json_parse(&json, NULL, text, strlen(text), pool));
    return json;
}

/* The first place at fault, "" for none. */
static const char *fault_of(const char *text)
{
    const finq_form *form;
    finq_order order;
    json_t *data = json_of(text);
    assert_null(finq_order_form(&form, FINQ_ORDER_STEP, pool));
    finq_error *error = finq_form_check(form, data, NULL, pool);
    if (!error)
        error = finq_order_read(&order, data, NOW, pool);
    return error ? APR_ARRAY_IDX(error->details, 0, finq_detail).field : "";
}

#define TRANSFER_AT "/payment_info/0/credit_transfers/0"
#define AMOUNT_AT TRANSFER_AT "/instructed_amount/amount"

/* Red without each row's check in src/order. */
static void what_is_wrong_with_an_order(void **state)
{
    static const char *const rows[][2] = {
        {ONE("1.00", "EUR", ""), ""},
        {ONE("12345678901234.99", "EUR", ""), ""},
        {ONE("1234567890123", "JPY", ""), ""},
        {ONE("1.234", "BHD", ""), ""},
        {ONE("0", "EUR", ""), AMOUNT_AT},
        {ONE("0.00", "EUR", ""), AMOUNT_AT},
        {ONE("-1", "EUR", ""), AMOUNT_AT},
        {ONE("1e3", "EUR", ""), AMOUNT_AT},
        {ONE("01", "EUR", ""), AMOUNT_AT},
        {ONE("1.001", "EUR", ""), AMOUNT_AT},
        {ONE("1.0", "JPY", ""), AMOUNT_AT},
        {ONE("1.2345", "BHD", ""), AMOUNT_AT},
        {ONE("123456789012345", "EUR", ""), AMOUNT_AT},
        {ONE("1", "EUX", ""), TRANSFER_AT "/instructed_amount/currency"},
        {ONE("1", "eur", ""), TRANSFER_AT "/instructed_amount/currency"},
        {DATED("2026-09-21"), ""},
        {DATED("2026-09-20"), ""},
        {DATED("2026-09-19"), "/payment_info/0/requested_execution_date"},
        {DATED("2027-02-30"), "/payment_info/0/requested_execution_date"},
        {DATED("2027-09-20"), ""},
        {DATED("2029-09-21"), "/payment_info/0/requested_execution_date"},
        {ONE("1", "EUR", ",\"creditor_agent\":{\"bic\":\"BTRLRO22\"}"), ""},
        {ONE("1", "EUR", ",\"creditor_agent\":{\"bic\":\"BTRLRO22XX\"}"), TRANSFER_AT "/creditor_agent/bic"},
        {ONE("1", "EUR", ",\"creditor_agent\":{\"bic\":\"BTRL0022\"}"), TRANSFER_AT "/creditor_agent/bic"},
        {ONE("1", "EUR", ",\"remittance_information\":{\"creditor_reference\":\"RF18539007547034\"}"), ""},
        {ONE("1", "EUR", ",\"remittance_information\":{\"creditor_reference\":\"RF19539007547034\"}"),
         TRANSFER_AT "/remittance_information/creditor_reference"},
        {ONE("1", "EUR", ",\"remittance_information\":{\"unstructured\":\"a\\u0007b\"}"),
         TRANSFER_AT "/remittance_information/unstructured"},
        {ONE("1", "EUR", ",\"remittance_information\":{}"), TRANSFER_AT "/remittance_information"},
        {ONE("1", "EUR", ",\"purpose\":\"sala\""), TRANSFER_AT "/purpose"},
        {ONE("1", "EUR", ",\"else\":1"), TRANSFER_AT "/else"},
        {"{\"group_header\":{\"message_id\":\"M\",\"txs_no\":2},\"payment_info\":[" PAYMENT("P", "",
                                                                                            TRANSFER("E", "1", "EUR", "")) "]}",
         "/group_header/txs_no"},
        {"{\"payment_info\":[" PAYMENT("P", "", TRANSFER("E", "1", "EUR", "") "," TRANSFER("E", "1", "EUR", "")) "]}",
         "/payment_info/0/credit_transfers/1/end_to_end_id"},
        {"{\"payment_info\":[" PAYMENT("P", "", TRANSFER("E", "1", "EUR", "")) "," PAYMENT("P", "",
                                                                                           TRANSFER("F", "1", "EUR", "")) "]}",
         "/payment_info/1/payment_information_id"},
        {"{\"payment_info\":[" PAYMENT("P", "",
                                       TRANSFER("E", "99999999999999.9999", "CLF", "") "," TRANSFER("F", "1", "CLF", "")) "]}",
         "/payment_info/0/credit_transfers/1/instructed_amount/amount"},
        {"{\"payment_info\":[" PAYMENT(" P", "", TRANSFER("E", "1", "EUR", "")) "]}", "/payment_info/0/payment_information_id"},
        {"{\"payment_info\":[]}", "/payment_info"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *fault = fault_of(rows[i][0]);
        if (strcmp(fault, rows[i][1]) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", rows[i][0], fault, rows[i][1]);
    }
}

static const char *times(int count, const char *text)
{
    apr_array_header_t *pieces = apr_array_make(pool, count, sizeof(char *));
    for (int i = 0; i < count; i++)
        APR_ARRAY_PUSH(pieces, const char *) = apr_psprintf(pool, text, i);
    return apr_array_pstrcat(pool, pieces, ',');
}

/* How many there may be, of each. */
static void too_many(void **state)
{
    const char *transfer = TRANSFER("E-%d", "1", "EUR", ""), *payment = PAYMENT("P-%d", "", TRANSFER("E", "1", "EUR", ""));
    (void)state;
    assert_string_equal(fault_of(apr_pstrcat(pool, "{\"payment_info\":[", times(101, payment), "]}", NULL)), "/payment_info");
    assert_string_equal(fault_of(apr_pstrcat(pool,
                                             "{\"payment_info\":[{\"payment_information_id\":\"P\",\"payment_method\":\"TRF\","
                                             "\"credit_transfers\":[",
                                             times(501, transfer), "]}]}", NULL)),
                        "/payment_info/0/credit_transfers");
    assert_string_equal(fault_of(apr_pstrcat(pool,
                                             "{\"payment_info\":[{\"payment_information_id\":\"P\",\"payment_method\":\"TRF\","
                                             "\"credit_transfers\":[",
                                             times(500, transfer), "]}]}", NULL)),
                        "");
}

static const char *named(const char *name)
{
    return fault_of(
        apr_pstrcat(pool,
                    "{\"payment_info\":[{\"payment_information_id\":\"P\",\"payment_method\":\"TRF\",\"credit_transfers\":"
                    "[{\"end_to_end_id\":\"E\",\"instructed_amount\":{\"amount\":\"1\",\"currency\":\"EUR\"},\"creditor\":"
                    "{\"name\":\"",
                    name, "\"},\"creditor_account\":{\"iban\":\"RO09BCYP0000001234567890\"}}]}]}", NULL));
}

static void names_of_payees(void **state)
{
    char name[142];
    const char *at = TRANSFER_AT "/creditor/name";
    (void)state;
    memset(name, 'x', sizeof name);
    name[141] = '\0';
    assert_string_equal(named(name), at);
    name[140] = '\0';
    assert_string_equal(named(name), "");
    assert_string_equal(named("\\u015etefan \\u0130"), "");
    assert_string_equal(named(""), at);
    assert_string_equal(named("   "), at);
    assert_string_equal(named("a\\nb"), at);
    assert_string_equal(named("a\\u0085b"), at);
    assert_string_equal(named("Ana\\u202eLRS"), at);
    assert_string_equal(named("\\u2066Ana"), at);
    assert_string_equal(named("a\\u2028b"), at);
}

/* ---- phases ---- */

static const char *const words[] = {"RCVD", "ACTC", "PATC", "PDNG", "ACCP", "ACFC", "ACSP", "ACWC",
                                    "ACWP", "ACSC", "ACCC", "RJCT", "BLCK", "CANC", "PART", "XXXX"};
#define WORDS COUNT(words)

static json_t *book_of(int transfers)
{
    finq_order order = {.transfers = apr_array_make(pool, 2, sizeof(finq_order_transfer))};
    for (int i = 0; i < transfers; i++)
        APR_ARRAY_PUSH(order.transfers, finq_order_transfer) =
            (finq_order_transfer){.end_to_end_id = apr_psprintf(pool, "E%d", i)};
    return finq_json_own(finq_phase_book(&order), pool);
}

static int tell(json_t *book, const char *text)
{
    finq_payment_state state;
    const char *fault = finq_payment_state_read(&state, json_of(text), pool);
    if (fault)
        fail_msg("%s: %s", text, fault);
    return finq_phase_tell(book, &state, "notice", NOW, pool);
}

/* An ended one stays, a rank never falls, and what was settled is never taken back. */
static void look(finq_phase before, finq_phase after, const char *sequence)
{
    int was_over = finq_phase_rank(before) < 0, is_over = finq_phase_rank(after) < 0;
    if ((was_over && after != before) || (!was_over && !is_over && finq_phase_rank(after) < finq_phase_rank(before)) ||
        (!was_over && is_over && finq_phase_is_final(before)))
        fail_msg("%s: %s, then %s", sequence, finq_phase_name(before), finq_phase_name(after));
}

/* Each state is what all sequences that lead to it have in common: so a sequence is told once, word by word, as a tree. */
static void tell_all(const json_t *book, int depth, const char *sequence)
{
    apr_pool_t *outer = pool;
    for (size_t i = 0; i < WORDS && depth > 0; i++) {
        apr_pool_create(&pool, outer);
        json_t *next = finq_json_own(json_deep_copy(book), pool);
        const char *here = apr_pstrcat(pool, sequence, " ", words[i], NULL);
        tell(next, apr_pstrcat(pool, "{\"status\":\"", words[i], "\"}", NULL));
        look(finq_phase_of(book), finq_phase_of(next), here);
        tell_all(next, depth - 1, here);
        apr_pool_destroy(pool);
        pool = outer;
    }
}

/* 69,904 sequences. Red with >= 0 in the place of the rank before, and without the look at what is final, in may_follow. */
static void every_sequence_of_codes(void **state)
{
    (void)state;
    tell_all(book_of(1), 4, "");
}

static void phases_of_codes(void **state)
{
    static const char *const phases[WORDS] = {"authorising", "authorising", "authorising", "submitted", "submitted", "submitted",
                                              "accepted",    "accepted",    "accepted",    "settled",   "credited",  "rejected",
                                              "rejected",    "cancelled",   "created",     "created"};
    (void)state;
    for (size_t i = 0; i < WORDS; i++) {
        json_t *book = book_of(1);
        tell(book, apr_pstrcat(pool, "{\"status\":\"", words[i], "\"}", NULL));
        assert_string_equal(finq_phase_name(finq_phase_of(book)), phases[i]);
        assert_int_equal(finq_phase_is_released(book), i == 11 || i == 13);
    }
}

#define PART(a, b)                                                                     \
    "{\"status\":\"PART\",\"transactions\":[{\"end_to_end_id\":\"E0\",\"status\":\"" a \
    "\"},{\"end_to_end_id\":\"E1\",\"status\":\"" b "\"}]}"

/* Red where phase_of_parts counts what was rejected, or takes the most advanced. */
static void parts(void **state)
{
    static const char *const rows[][3] = {
        {PART("ACSC", "ACSP"), "accepted", "PART"},  {PART("RJCT", "ACSC"), "settled", "PART"},
        {PART("RJCT", "PDNG"), "submitted", "PART"}, {PART("RJCT", "CANC"), "rejected", "PART"},
        {PART("CANC", "CANC"), "cancelled", "PART"}, {PART("ACCC", "ACSC"), "settled", "PART"},
        {PART("XXXX", "ACSC"), "created", "PART"},   {"{\"status\":\"PART\"}", "created", "PART"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *book = book_of(2);
        tell(book, rows[i][0]);
        assert_string_equal(finq_phase_name(finq_phase_of(book)), rows[i][1]);
        assert_string_equal(finq_json_string(book, "status"), rows[i][2]);
        assert_false(finq_phase_is_released(book));
    }
}

/* Red without is_any_paid. */
static void what_was_paid_in_part(void **state)
{
    json_t *book = book_of(2), *other = book_of(2);
    (void)state;
    tell(book, PART("ACSC", "ACSP"));
    tell(book, "{\"status\":\"RJCT\"}");
    assert_string_equal(finq_phase_name(finq_phase_of(book)), "rejected");
    assert_false(finq_phase_is_released(book));
    tell(other, PART("RJCT", "ACSP"));
    tell(other, "{\"status\":\"CANC\"}");
    assert_true(finq_phase_is_released(other));
}

/* A code for the whole reaches each part of which nothing else is said; a lower rank that comes late is history alone. */
static void what_comes_late(void **state)
{
    json_t *book = book_of(2);
    (void)state;
    assert_int_equal(tell(book, "{\"status\":\"ACSC\",\"reason\":{\"code\":\"NARR\",\"text\":\"All right\"}}"), 1);
    assert_int_equal(tell(book, "{\"status\":\"ACSC\",\"reason\":{\"code\":\"NARR\",\"text\":\"All right\"}}"), 0);
    assert_int_equal(tell(book, "{\"status\":\"PDNG\"}"), 1);
    assert_string_equal(finq_json_string(book, "status"), "ACSC");
    assert_int_equal(json_array_size(json_object_get(book, "history")), 2);
    assert_string_equal(finq_json_string(json_array_get(json_object_get(book, "transactions"), 1), "status"), "ACSC");
    assert_string_equal(finq_json_string(json_object_get(book, "reason"), "code"), "NARR");
    assert_int_equal(tell(book, "{\"status\":\"ACSC\",\"transactions\":[{\"end_to_end_id\":\"E9\",\"status\":\"ACSC\"}]}"), -1);
    for (int i = 0; i < 300; i++)
        tell(book, i % 2 ? "{\"status\":\"PDNG\"}" : "{\"status\":\"ACSP\"}");
    assert_int_equal(json_array_size(json_object_get(book, "history")), 100);
}

/* ---- what a bank may say ---- */

static void states_that_are_none(void **state)
{
    static const char *const rows[] = {
        "{}",
        "{\"status\":\"acsc\"}",
        "{\"status\":\"ACS\"}",
        "{\"status\":\"ACSCX\"}",
        "{\"status\":1}",
        "{\"status\":\"ACSC\",\"a\":1}",
        "{\"status\":\"ACSC\",\"reason\":\"AM04\"}",
        "{\"status\":\"ACSC\",\"reason\":{}}",
        "{\"status\":\"ACSC\",\"reason\":{\"code\":\"am04\"}}",
        "{\"status\":\"ACSC\",\"reason\":{\"code\":\"AM04\",\"text\":\"a\\u0000b\"}}",
        "{\"status\":\"ACSC\",\"reason\":{\"code\":\"AM04\",\"x\":1}}",
        "{\"status\":\"ACSC\",\"transactions\":{}}",
        "{\"status\":\"ACSC\",\"transactions\":[{\"status\":\"ACSC\"}]}",
        "{\"status\":\"ACSC\",\"transactions\":[{\"end_to_end_id\":\"E\",\"status\":\"ACSC\"},{\"end_to_end_id\":\"E\",\"status\":\"ACSC\"}]}",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *text = apr_pstrcat(pool, "{\"payment\":", rows[i], "}", NULL);
        finq_payment_answer answer;
        finq_error *error = finq_payment_answer_read(&answer, text, strlen(text), pool);
        if (!error || error->code != FINQ_E_EXTERNAL_API_INVALID_ANSWER)
            fail_msg("%s is taken", text);
    }
}

static int setup(void **state)
{
    (void)state;
    apr_initialize();
    return apr_pool_create(&pool, NULL);
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
        cmocka_unit_test(what_is_wrong_with_an_order),
        cmocka_unit_test(names_of_payees),
        cmocka_unit_test(too_many),
        cmocka_unit_test(phases_of_codes),
        cmocka_unit_test(every_sequence_of_codes),
        cmocka_unit_test(parts),
        cmocka_unit_test(what_was_paid_in_part),
        cmocka_unit_test(what_comes_late),
        cmocka_unit_test(states_that_are_none),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
