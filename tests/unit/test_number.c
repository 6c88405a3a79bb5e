/* Numbers. Seen red: the shift limit of finq_number_multiple dropped; always 17 digits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "json/number.h"

static finq_number number(const char *text)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(json);
    finq_number read = finq_number_read(json);
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
    static const char *const rows[][2] = {
        {"1", "1.0"}, {"100", "1e2"}, {"0", "-0.0"}, {"0", "0e9"}, {"-25", "-2.5E1"}};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_ordered_by_value),
        cmocka_unit_test(spelling_makes_no_difference),
        cmocka_unit_test(multiples_are_decimal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
