#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <string.h>

#include "bank/link.h"

#define COUNT(of) (sizeof(of) / sizeof *(of))

static apr_pool_t *pool;

static const char *of_length(apr_size_t length)
{
    char *link = apr_palloc(pool, length + 1);
    memset(link, 'x', length);
    memcpy(link, "https://h.example/", 18);
    link[length] = '\0';
    return link;
}

static void clients_pages(void **state)
{
    static const char *const good[] = {
        "https://app.example/done", "HTTPS://app.example", "http://localhost:3000/x?y#z", "http://127.0.0.1/",
        "http://[::1]:8080/x",      "myapp://done",        "https://h.example/a..b/.c",   "com.example.app:/oauth2redirect",
        "com.example.app:/"};
    static const char *const bad[] = {"",
                                      "/done",
                                      "app.example/done",
                                      "http://app.example/",
                                      "http://[::2]/",
                                      "http://localhost.example/",
                                      "https:///done",
                                      "https://user@app.example/",
                                      "http://user@localhost/",
                                      "javascript://app.example/",
                                      "Data://x",
                                      "javascript:/x",
                                      "data:/text/html,x",
                                      "https:/app.example",
                                      "http:/localhost/x",
                                      "com.example.app:done",
                                      "com.example.app:",
                                      "com.example.app:/a/../b",
                                      "https://app.example/a b",
                                      "https://app.example/\\x",
                                      "https://app.example/\xc3\xa4",
                                      "https://app.example/a/../b",
                                      "https://app.example/.%2E?x",
                                      "https://app.example/%2e"};
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        assert_null(finq_link_check(good[i], pool));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(finq_link_check(bad[i], pool)->code, FINQ_E_INVALID_FIELD);
    assert_null(finq_link_check(of_length(2000), pool));
    assert_non_null(finq_link_check(of_length(2001), pool));
}

static void what_has_no_case(void **state)
{
    static const char *const rows[][2] = {
        {"HTTPS://App.Example/Done?X=Y#Z", "https://app.example/Done?X=Y#Z"},
        {"https://APP.example?Q", "https://app.example?Q"},
        {"Com.Example.App:/Done", "com.example.app:/Done"},
        {"MyApp://Done/X", "myapp://done/X"},
        {"nothing", "nothing"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(finq_link_folded(rows[i][0], pool), rows[i][1]);
}

static void banks_pages(void **state)
{
    static const char *const local[] = {"http://localhost:8080/", "http://127.0.0.1/", "http://[::1]:9/x"};
    static const char *const bad[] = {"http://bank.example/",
                                      "http://[::2]/",
                                      "https://user@bank.example/",
                                      "https://@bank.example/",
                                      "https:///x",
                                      "myapp://x",
                                      "bank.example",
                                      "https://bank.example/a b"};
    (void)state;
    assert_true(finq_link_is_bank("https://bank.example/?x=1", 0, pool));
    assert_true(finq_link_is_bank(of_length(2048), 0, pool));
    assert_false(finq_link_is_bank(of_length(2049), 0, pool));
    assert_false(finq_link_is_bank(NULL, 1, pool));
    for (size_t i = 0; i < COUNT(local); i++) {
        assert_true(finq_link_is_bank(local[i], 1, pool));
        assert_false(finq_link_is_bank(local[i], 0, pool));
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(finq_link_is_bank(bad[i], 1, pool));
}

static void what_is_added(void **state)
{
    (void)state;
    assert_string_equal(finq_link_add("a://b", "n", "v w+x ", pool), "a://b?n=v%20w%2bx%20");
    assert_string_equal(finq_link_add("a://b?", "n", "v", pool), "a://b?n=v");
    assert_string_equal(finq_link_add("a://b?c=d", "n", "v&", pool), "a://b?c=d&n=v%26");
    assert_string_equal(finq_link_add("a://b?c=d&", "n", "v", pool), "a://b?c=d&n=v");
    assert_string_equal(finq_link_add("a://b#f?g", "n", "v", pool), "a://b?n=v#f?g");
    assert_string_equal(finq_link_error("a://b", "e", "why", pool), "a://b?error=e&error_description=why");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_pages),
        cmocka_unit_test(what_has_no_case),
        cmocka_unit_test(banks_pages),
        cmocka_unit_test(what_is_added),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
