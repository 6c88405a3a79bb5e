/* The sandbox bank: which visits are taken, what the page holds, where they lead.
 *
 * Seen red: each row of `refused` by taking out its check; the escaping of `customer`; the state left out of
 * a location. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <string.h>

#include "bank/sandbox.h"

#define HOME "https://localhost:8443/v1/redirects/"
#define LINK "state=st-1._~&redirect_uri=https%3A%2F%2Flocalhost%3A8443%2Fv1%2Fredirects%2Fsca"
#define COUNT(array) (sizeof(array) / sizeof *(array))

static apr_pool_t *pool;

static finq_error *read_form(finq_sandbox_visit *visit, const char *form)
{
    apr_array_header_t *homes = apr_array_make(pool, 2, sizeof(const char *));
    APR_ARRAY_PUSH(homes, const char *) = "https://localhost:8443/other/redirects/";
    APR_ARRAY_PUSH(homes, const char *) = HOME;
    return finq_sandbox_read(visit, form, homes, pool);
}

static finq_sandbox_visit visit_of(const char *form)
{
    finq_sandbox_visit visit;
    finq_error *error = read_form(&visit, form);
    if (error)
        fail_msg("%s: %s", form, error->message);
    return visit;
}

static void visits_that_are_taken(void **state)
{
    finq_sandbox_visit visit = visit_of(LINK "&scenario=deny&customer=A+B%20%26%C3%A9&pin=1&other=x&flag");
    (void)state;
    assert_string_equal(visit.state, "st-1._~");
    assert_string_equal(visit.redirect_uri, HOME "sca");
    assert_string_equal(visit.choice, "deny");
    assert_string_equal(visit.customer, "A B &\xc3\xa9");
    assert_true(finq_sandbox_is_complete(&visit));
    visit = visit_of(LINK);
    assert_false(finq_sandbox_is_complete(&visit));
    visit = visit_of(LINK "&customer=a&pin=&choice=approve");
    assert_false(finq_sandbox_is_complete(&visit));
    visit = visit_of(LINK "&customer=&pin=a&choice=approve");
    assert_false(finq_sandbox_is_complete(&visit));
    visit = visit_of(LINK "&customer=a&pin=a");
    assert_false(finq_sandbox_is_complete(&visit));
}

#define URI "state=s&redirect_uri="

static void visits_that_are_refused(void **state)
{
    static const char *const refused[] = {
        "",
        "state=s",
        "redirect_uri=" HOME "sca",
        "state=&redirect_uri=" HOME "sca",
        "state=a%20b&redirect_uri=" HOME "sca",
        "state=a%22&redirect_uri=" HOME "sca",
        "state=a%26code=x&redirect_uri=" HOME "sca",
        "state=a%0d%0aX:y&redirect_uri=" HOME "sca",
        "state=%zz&redirect_uri=" HOME "sca",
        "state=a%00&redirect_uri=" HOME "sca",
        "state=a&state=b&redirect_uri=" HOME "sca",
        LINK "&redirect_uri=x",
        LINK "&choice=steal",
        LINK "&scenario=deny&choice=approve",
        URI HOME,
        URI HOME "sca/",
        URI HOME "sca/x",
        URI HOME "..",
        URI HOME "../sessions",
        URI HOME "sca?x=1",
        URI HOME "sca%23x",
        URI HOME "sca%0d%0aX:y",
        URI HOME "s%C3%A9",
        URI "https://evil.example/v1/redirects/sca",
        URI "https://localhost:8443.evil.example/v1/redirects/sca",
        URI "https://localhost:8443@evil.example/v1/redirects/sca",
        URI "http://localhost:8443/v1/redirects/sca",
        URI "https://localhost/v1/redirects/sca",
        URI "//localhost:8443/v1/redirects/sca",
        URI "/v1/redirects/sca",
        URI "javascript:alert(1)",
        URI "https://localhost:8443/v1/sessions",
        URI "HTTPS://localhost:8443/v1/redirects/sca",
        URI " " HOME "sca",
        URI HOME "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        finq_sandbox_visit visit;
        finq_error *error = read_form(&visit, refused[i]);
        if (!error)
            fail_msg("taken: %s", refused[i]);
        assert_int_equal(error->code, FINQ_E_INVALID_FIELD);
    }
}

static void where_a_visit_leads(void **state)
{
    static const struct {
        const char *choice, *begins;
        apr_size_t random;
    } rows[] = {
        {"approve", HOME "sca?state=st-1._~&code=approve-", 32},
        {"later", HOME "sca?state=st-1._~&code=later-", 32},
        {"slow", HOME "sca?state=st-1._~&code=slow-", 32},
        {"deny", HOME "sca?state=st-1._~&error=access_denied&error_description=The+user+refused.", 0},
        {"fail", HOME "sca?state=st-1._~&error=server_error&error_description=The+bank+failed.", 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        finq_sandbox_visit visit = visit_of(apr_pstrcat(pool, LINK "&customer=a&pin=1&choice=", rows[i].choice, NULL));
        const char *first, *second;
        assert_null(finq_sandbox_location(&first, &visit, pool));
        assert_null(finq_sandbox_location(&second, &visit, pool));
        assert_int_equal(strncmp(first, rows[i].begins, strlen(rows[i].begins)), 0);
        assert_int_equal(strlen(first), strlen(rows[i].begins) + rows[i].random);
        assert_int_equal(strcmp(first, second) == 0, rows[i].random == 0); /* red: `random` left as it is */
    }
}

static void what_was_typed_is_text(void **state)
{
    finq_sandbox_visit visit = visit_of(LINK "&customer=%22%3E%3Cscript%3E%27%26&pin=%22secret");
    const char *page = finq_sandbox_page(&visit, 1, pool);
    (void)state;
    assert_non_null(strstr(page, "value=\"&quot;&gt;&lt;script&gt;"));
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "secret")); /* a PIN is never written back */
    assert_null(strstr(finq_sandbox_refusal("<script>", pool), "<script"));
}

static apr_size_t count_of(const char *page, const char *what)
{
    apr_size_t n = 0;
    for (; (page = strstr(page, what)) != NULL; page++)
        n++;
    return n;
}

/* Names what is missing, and only that. Red: either condition of problem() or field() turned round. */
static void what_is_missing_is_said(void **state)
{
    finq_sandbox_visit nothing = visit_of(LINK), some = visit_of(LINK "&customer=a&choice=later");
    const char *page = finq_sandbox_page(&nothing, 0, pool);
    (void)state;
    assert_int_equal(count_of(page, "role=\"alert\"") + count_of(page, " aria-invalid=") + count_of(page, " checked"), 0);
    page = finq_sandbox_page(&nothing, 1, pool);
    assert_int_equal(count_of(page, "<li>"), 3);
    assert_int_equal(count_of(page, " aria-invalid="), 2);
    page = finq_sandbox_page(&some, 1, pool);
    assert_int_equal(count_of(page, "<li>"), 1);
    assert_non_null(strstr(page, "href=\"#pin\""));
    assert_non_null(strstr(page, "aria-describedby=\"later-hint\" checked"));
    assert_int_equal(count_of(page, " checked"), 1);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(visits_that_are_taken),   cmocka_unit_test(visits_that_are_refused),
        cmocka_unit_test(where_a_visit_leads),     cmocka_unit_test(what_was_typed_is_text),
        cmocka_unit_test(what_is_missing_is_said),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
