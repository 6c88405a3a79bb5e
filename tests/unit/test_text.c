#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <string.h>

#include "ground/clock.h"
#include "ground/text.h"

#define COUNT(of) (sizeof(of) / sizeof *(of))

static apr_pool_t *pool;

/* Red: a row of the table left out, C1 let through, a look behind the end (AddressSanitizer). */
static void plain_text(void **state)
{
    static const char *const same[] = {"",
                                       "The user refused.",
                                       "S-a renun\xc8\x9b"
                                       "at",
                                       "\xe0\xa0\x80\xed\x9f\xbf\xef\xbf\xbf",
                                       "\xf0\x9f\x90\xb2\xf4\x8f\xbf\xbf",
                                       "\xc2\xa0"};
    static const char *const rows[][2] = {
        {"a\r\nb\x7f", "a??b?"},
        {"\xff\xfe", "??"},
        {"\xc2\x9b", "??"},
        {"\xc3", "?"},
        {"\xc3(", "?("},
        {"\xc0\xaf", "??"},
        {"\xe0\x9f\xbf", "???"},
        {"\xed\xa0\x80", "???"},
        {"\xf0\x8f\xbf\xbf", "????"},
        {"\xf4\x90\x80\x80", "????"},
        {"\xe2\x82", "??"},
        {"\xf0\x9f\x90", "???"},
        {"\xf0\x9f\x90x", "???x"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(same); i++)
        assert_string_equal(finq_text_plain(same[i], 100, pool), same[i]);
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(finq_text_plain(rows[i][0], 100, pool), rows[i][1]);
}

static void no_character_is_cut(void **state)
{
    (void)state;
    assert_string_equal(finq_text_plain("abc", 2, pool), "ab");
    assert_string_equal(finq_text_plain("a\xc8\x9b"
                                        "b",
                                        2, pool),
                        "a");
    assert_string_equal(finq_text_plain("a\xc8\x9b"
                                        "b",
                                        3, pool),
                        "a\xc8\x9b");
    assert_string_equal(finq_text_plain("a", 0, pool), "");
}

static void shows_clients_text_harmlessly(void **state)
{
    char longer[100];
    (void)state;
    memset(longer, 'x', sizeof longer - 1);
    longer[99] = '\0';
    assert_string_equal(finq_text_show("HS256\n\x1b[31m\xff", pool), "HS256??[31m?");
    assert_int_equal(strlen(finq_text_show(longer, pool)), 64);
    assert_string_equal(finq_text_plain("~\x7f", 2, pool), "~?");
    assert_string_equal(finq_text_plain("abc", 2, pool), "ab");
}

static void lists_names(void **state)
{
    (void)state;
    assert_string_equal(finq_text_join(finq_text_array((const char *const[]){NULL}, pool), pool), "");
    assert_string_equal(finq_text_join(finq_text_array((const char *const[]){"a", "b", NULL}, pool), pool), "a, b");
}

static const char *chosen(const char *list)
{
    const char *language =
        finq_text_language(list, finq_text_array((const char *const[]){"en", "ro", "pt-BR", NULL}, pool), pool);
    return language ? language : "none";
}

/* Red without the look behind a "-", and with what follows a ";" left on. */
static void chooses_a_language(void **state)
{
    (void)state;
    assert_string_equal(chosen("fr, RO;q=0.8,en"), "ro");
    assert_string_equal(chosen("ro-Latn-MD;q=0.5"), "ro");
    assert_string_equal(chosen("pt-br"), "pt-BR");
    assert_string_equal(chosen("pt"), "none");
    assert_string_equal(chosen("rom, e, *, -, ;q=1"), "none");
    assert_string_equal(chosen(""), "none");
    assert_string_equal(chosen(NULL), "none");
}

static void the_steady_clock_never_goes_back(void **state)
{
    apr_time_t last = finq_clock_steady();
    (void)state;
    assert_true(finq_clock_seconds() > 1700000000);
    for (int i = 0; i < 1000; i++) {
        apr_time_t now = finq_clock_steady();
        assert_true(now >= last);
        last = now;
    }
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text),  cmocka_unit_test(no_character_is_cut), cmocka_unit_test(shows_clients_text_harmlessly),
        cmocka_unit_test(lists_names), cmocka_unit_test(chooses_a_language),  cmocka_unit_test(the_steady_clock_never_goes_back),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
