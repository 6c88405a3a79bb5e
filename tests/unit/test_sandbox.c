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
#include "json/json.h"

#define HOME "https://localhost:8443/v1/redirects/"
#define LINK "state=st-1._~&redirect_uri=https%3A%2F%2Flocalhost%3A8443%2Fv1%2Fredirects%2Fsca"
#define LINK_ESCAPED "state=st-1&redirect_uri=https%3a%2f%2flocalhost%3a8443%2fv1%2fredirects%2fsca"
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
        {"approve", HOME "sca?state=st-1._~&code=approve-61.", 32},
        {"later", HOME "sca?state=st-1._~&code=later-61.", 32},
        {"slow", HOME "sca?state=st-1._~&code=slow-61.", 32},
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
    assert_null(strstr(finq_sandbox_refusal("<script>", "en", pool), "<script"));
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

/* ---- the connector ---- */

static const char *answer_to(const char *data, const char *state, const char *code)
{
    json_error_t error;
    finq_connector_question question = {.event = code ? FINQ_CONNECTOR_RETURN : FINQ_CONNECTOR_SUBMIT,
                                        .skill = "a_sbx_#1.0",
                                        .step = "sca",
                                        .environment = "sandbox",
                                        .state = state,
                                        .redirect_uri = HOME "sca",
                                        .code = code};
    question.data = finq_json_own(json_loads(data, 0, &error), pool);
    return finq_sandbox_answer(&question, "https://localhost:8443/sandbox", pool);
}

/* Each answer is one that connectors may give. */
static finq_connector_answer read_answer(const char *text)
{
    finq_connector_answer answer;
    finq_error *error = finq_connector_read(&answer, text, strlen(text), 1, pool);
    if (error)
        fail_msg("%s: %s", text, error->cause);
    return answer;
}

static void answers_without_a_visit(void **state)
{
    static const struct {
        const char *data;
        finq_connector_verdict verdict;
    } rows[] = {
        {"{\"scenario\":\"accept\"}", FINQ_CONNECTOR_ACCEPTED},
        {"{\"scenario\":\"reject\"}", FINQ_CONNECTOR_REJECTED},
        {"{\"scenario\":\"pend\"}", FINQ_CONNECTOR_PENDING},
        {"{\"scenario\":\"fail\"}", FINQ_CONNECTOR_FAILED},
        {"{}", FINQ_CONNECTOR_ACCEPTED},
        {"{\"scenario\":7}", FINQ_CONNECTOR_ACCEPTED},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(read_answer(answer_to(rows[i].data, NULL, NULL)).verdict, rows[i].verdict);
}

/* Red: redirect_uri not escaped; the purpose told of a link that names nobody. */
static void where_the_page_is(void **state)
{
    finq_connector_answer answer = read_answer(answer_to("{\"psu_redirect_link\":\"https://app.example/done\"}", "st-1", NULL));
    (void)state;
    assert_int_equal(answer.verdict, FINQ_CONNECTOR_REDIRECT);
    assert_string_equal(answer.url, "https://localhost:8443/sandbox?" LINK_ESCAPED "&asker=app.example&purpose=accounts");
    answer = read_answer(answer_to("{\"psu_redirect_link\":\"myapp:/done\"}", "st-1", NULL));
    assert_non_null(strstr(answer.url, "&asker=myapp&purpose=accounts"));
    answer = read_answer(answer_to("{}", "st-1", NULL));
    assert_null(strstr(answer.url, "asker"));
}

/* What the page has made of a visit is what the connector understands of it. */
static void what_a_code_tells(void **state)
{
    finq_sandbox_visit visit = visit_of(LINK "&customer=1000&pin=1&choice=approve&savings=1");
    const char *location;
    (void)state;
    assert_null(finq_sandbox_location(&location, &visit, pool));
    const char *written = strstr(location, "&code=") + 6;
    finq_sandbox_code code = finq_sandbox_code_read(written, pool);
    assert_string_equal(code.choice, "approve");
    assert_string_equal(code.customer, "1000");
    assert_true(!code.current && code.savings);
    assert_string_equal(read_answer(answer_to("{}", "st-1", written)).data, "{\"accounts\":[\"savings\"]}");
    assert_null(read_answer(answer_to("{}", "st-1", "slow-1")).data);
    assert_int_equal(read_answer(answer_to("{}", "st-1", "later-61.0")).verdict, FINQ_CONNECTOR_PENDING);
}

static void codes_of_others(void **state)
{
    static const char *const codes[] = {"", "x", "-", "steal-61.0", "approve", "approve.61"};
    (void)state;
    for (size_t i = 0; i < COUNT(codes); i++)
        assert_int_equal(read_answer(answer_to("{}", "st-1", codes[i])).verdict, FINQ_CONNECTOR_FAILED);
    assert_string_equal(finq_sandbox_code_read("approve-6z.0", pool).customer, "");
    assert_string_equal(finq_sandbox_code_read(NULL, pool).choice, "");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(visits_that_are_taken),   cmocka_unit_test(visits_that_are_refused),
        cmocka_unit_test(where_a_visit_leads),     cmocka_unit_test(what_was_typed_is_text),
        cmocka_unit_test(what_is_missing_is_said), cmocka_unit_test(answers_without_a_visit),
        cmocka_unit_test(where_the_page_is),       cmocka_unit_test(what_a_code_tells),
        cmocka_unit_test(codes_of_others),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
