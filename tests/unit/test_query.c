#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <string.h>

#include "bank/query.h"

#define COUNT(of) (sizeof(of) / sizeof *(of))

static apr_pool_t *pool;

static const char *read_into(const char **a, const char **b, const char *query)
{
    const finq_query_parameter parameters[] = {{"a", a}, {"b", b}, {NULL, NULL}};
    *a = *b = NULL;
    return finq_query_read(parameters, query, pool);
}

static void as_a_form(void **state)
{
    static const char *const rows[][3] = {
        {"a=1&b=2", "1", "2"},
        {"b=x+y%20z%2B&a=%C8%9B", "\xc8\x9b", "x y z+"},
        {"%61=1&c=3&&b", "1", NULL},
        {"a=&b=2", NULL, "2"},
        {"", NULL, NULL},
        {"a=b=c", "b=c", NULL},
        {"a=&a=1", "1", NULL},
        {"=x&a=1", "1", NULL},
        {"c=%zz&a=1", "1", NULL},
    };
    const char *a, *b;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_null(read_into(&a, &b, rows[i][0]));
        assert_true(rows[i][1] ? a && strcmp(a, rows[i][1]) == 0 : !a);
        assert_true(rows[i][2] ? b && strcmp(b, rows[i][2]) == 0 : !b);
    }
    assert_null(read_into(&a, &b, NULL));
}

static void what_is_refused(void **state)
{
    static const char *const rows[][2] = {{"a=1&a=1", "names something twice"},
                                          {"a=%00", "is damaged"},
                                          {"a=x%00y", "is damaged"},
                                          {"a=%", "is damaged"},
                                          {"a=%z1", "is damaged"},
                                          {"a%00=1", "is damaged"}};
    const char *a, *b;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(read_into(&a, &b, rows[i][0]), rows[i][1]);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_a_form), cmocka_unit_test(what_is_refused)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
