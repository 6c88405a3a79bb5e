/* Numbers. Seen red: the shift limit of finq_number_multiple dropped; always 17 digits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>

#include "json/number.h"

static apr_pool_t *pool;

static finq_number number(const char *text)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(json);
    finq_number read = finq_number_plain(json);
    json_decref(json);
    return read;
}

static void numbers_are_ordered_by_value(void **state)
{
    static const char *const rising[] = {"-1.7976931348623157e308",
                                         "-9223372036854775808",
                                         "-9223372036854775807",
                                         "-1e18",
                                         "-10.5",
                                         "-10",
                                         "-1e-5",
                                         "0",
                                         "5e-324",
                                         "1e-300",
                                         "0.1",
                                         "0.10000000000000002",
                                         "0.3",
                                         "1",
                                         "1.5",
                                         "9",
                                         "10",
                                         "99.5",
                                         "100",
                                         "9007199254740992",
                                         "9007199254740993",
                                         "9223372036854775807",
                                         "1e19",
                                         "1e308"};
    size_t count = sizeof rising / sizeof *rising;
    (void)state;
    for (size_t i = 0; i < count * count; i++) {
        finq_number a = number(rising[i / count]), b = number(rising[i % count]);
        int expected = (i / count > i % count) - (i / count < i % count);
        assert_int_equal(finq_number_compare(&a, &b), expected);
    }
}

static void spelling_makes_no_difference(void **state)
{
    static const char *const rows[][2] = {{"1", "1.0"}, {"100", "1e2"}, {"0", "-0.0"}, {"0", "0e9"}, {"-25", "-2.5E1"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        finq_number a = number(rows[i][0]), b = number(rows[i][1]);
        assert_int_equal(finq_number_compare(&a, &b), 0);
        assert_true(finq_number_whole(&b));
    }
    finq_number half = number("0.5");
    assert_false(finq_number_whole(&half));
}

static void multiples_are_decimal(void **state)
{
    static const struct {
        const char *value, *unit;
        int is;
    } rows[] = {
        {"0.0075", "0.0001", 1},
        {"0.00751", "0.0001", 0},
        {"10", "2", 1},
        {"7", "2", 0},
        {"4.5", "1.5", 1},
        {"35", "1.5", 0},
        {"0", "0.3", 1},
        {"0.3", "0.1", 1},
        {"19.99", "0.01", 1},
        {"1e308", "0.123456789", 0},
        {"1e308", "0.5", 1},
        {"1e308", "1e308", 1},
        {"1e-300", "1e308", 0},
        {"1e308", "1e-300", 1},
        {"-9", "3", 1},
        {"-9.5", "3", 0},
        {"9223372036854775807", "7", 1},
        {"9223372036854775806", "7", 0},
        {"3", "1e-30", 1},
        {"1e-30", "3", 0},
        {"9223372036854775807", "9223372036854775807", 1},
        {"9007199254740993", "2", 0},
        {"1e19", "3", 0},
        {"1.1", "10000000000000000000.0", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        finq_number value = number(rows[i].value), unit = number(rows[i].unit);
        if (finq_number_multiple(&value, &unit) != rows[i].is)
            fail_msg("%s of %s", rows[i].value, rows[i].unit);
    }
}

/* Red: digits beyond the nineteenth dropped, the exponent not held within its bounds. */
static void spelt_numbers_are_exact(void **state)
{
    static const char *const rising[] = {"-1e1000",
                                         "-123456789012345678901234567891",
                                         "-123456789012345678901234567890.5",
                                         "-1e-999",
                                         "0",
                                         "1e-99999999999",
                                         "0.12345678901234567891",
                                         "0.12345678901234567892",
                                         "12345678901234567.88",
                                         "12345678901234567.89",
                                         "123456789012345678901234567890",
                                         "123456789012345678901234567890.1",
                                         "1e999",
                                         "1e99999999999"};
    size_t count = sizeof rising / sizeof *rising;
    (void)state;
    for (size_t i = 0; i < count * count; i++) {
        finq_number a = finq_number_spelt(rising[i / count], pool), b = finq_number_spelt(rising[i % count], pool);
        int expected = (i / count > i % count) - (i / count < i % count);
        assert_int_equal(finq_number_compare(&a, &b), expected);
    }
    finq_number cent = number("0.01"), sum = finq_number_spelt("123456789012345678901234567890.12", pool),
                part = finq_number_spelt("123456789012345678901234567890.123", pool);
    assert_true(finq_number_multiple(&sum, &cent));
    assert_false(finq_number_multiple(&part, &cent));
    assert_false(finq_number_whole(&sum));
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_ordered_by_value),
        cmocka_unit_test(spelling_makes_no_difference),
        cmocka_unit_test(multiples_are_decimal),
        cmocka_unit_test(spelt_numbers_are_exact),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
