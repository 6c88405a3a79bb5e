/* Connectors: what is asked, which answers and decisions are taken, who is believed.
 *
 * Seen red: every row marked below, by taking out what it names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bank/connector.h"
#include "json/json.h"

#define A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define B "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define ID "018f2b6e-7c1a-7000-8000-0123456789ab"
#define COUNT(array) (sizeof(array) / sizeof *(array))

static apr_pool_t *pool;

static char *filled(apr_size_t length)
{
    char *text = apr_palloc(pool, length + 1);
    memset(text, 'x', length);
    text[length] = '\0';
    return text;
}

static finq_mac_keys *keys_of(const char *text)
{
    char path[] = "/tmp/finq_connector_XXXXXX"; /* made with mode 0600 */
    finq_mac_keys *keys;
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    finq_error *error = finq_mac_keys_load(&keys, path, pool);
    unlink(path);
    if (error)
        fail_msg("%s", error->cause);
    return keys;
}

/* ---- signatures ---- */

static const char verdict_pending[] = "{\"verdict\":\"pending\"}";

static finq_connector_message old_message(finq_connector_kind kind, const char *signature)
{
    return (finq_connector_message){kind, "bank", ID, "1700000000", signature, verdict_pending, strlen(verdict_pending)};
}

static const char *verdict_on(const finq_connector_message *message, const finq_mac_keys *keys)
{
    finq_error *error = finq_connector_verify(message, keys, pool);
    return error ? finq_code_name(error->code) : "good";
}

/* Tags from Python's hmac. The time of these has passed: expired_signature says that the tag was right. Red:
 * the kind, the name, the id, the time or the body left out of signed_text; verifying under the first key
 * alone. */
static void known_tags(void **state)
{
    static const char *const tags[2][3] = {{"v1=894ae893b9a61eecdd22a0f968f6bbf0d77291abe2613d5abfdab601e76d240f",
                                            "v1=1a28a27eaf6cbf8eedce0e0d3599ed7ad28dce7112c1ac576964d9e834e30684",
                                            "v1=abf7ca5affff98a7ff57255e35fddd6da4e7fb5b8ee023a40b33fb67feb013aa"},
                                           {"v1=a6e58018cb5a4d7c018c734c903c947812866cc0ebbd332a41b7739ed9cebe54",
                                            "v1=934fe41a2d78e1dff018ee1829505c80b120a4ca3f86532267dff301d2808edf",
                                            "v1=c12cee020efeed5bb0e0e311e03b1bbb343d738933e481c7cf75715087af9c96"}};
    const finq_mac_keys *both = keys_of(A "\n" B "\n"), *first = keys_of(A "\n");
    (void)state;
    for (int key = 0; key < 2; key++) {
        for (int kind = 0; kind < 3; kind++) {
            finq_connector_message message = old_message((finq_connector_kind)kind, tags[key][kind]);
            assert_string_equal(verdict_on(&message, both), "expired_signature");
            assert_string_equal(verdict_on(&message, first), key ? "invalid_signature" : "expired_signature");
            message.kind = (finq_connector_kind)((kind + 1) % 3);
            assert_string_equal(verdict_on(&message, both), "invalid_signature");
        }
    }
}

/* Red: any part left out of signed_text; `valid` not asked; the form of a header not checked. */
static void what_is_signed_is_believed_and_nothing_else(void **state)
{
    const finq_mac_keys *keys = keys_of(A "\n"), *other = keys_of(B "\n");
    finq_connector_message good = {
        .kind = FINQ_CONNECTOR_ANSWER, .connector = "bank", .id = ID, .body = "{\"a\":1}", .length = 7};
    (void)state;
    assert_null(finq_connector_sign(&good, keys, pool));
    assert_string_equal(verdict_on(&good, keys), "good");
    assert_string_equal(verdict_on(&good, other), "invalid_signature");
    const struct {
        const char *connector, *id, *timestamp, *signature, *body;
    } changed[] = {
        {"bang", good.id, good.timestamp, good.signature, good.body},
        {good.connector, "018f2b6e-7c1a-7000-8000-0123456789ac", good.timestamp, good.signature, good.body},
        {good.connector, good.id, apr_pstrcat(pool, "0", good.timestamp, NULL), good.signature, good.body},
        {good.connector, good.id, good.timestamp, good.signature, "{\"a\":2}"},
        {NULL, good.id, good.timestamp, good.signature, good.body},
        {good.connector, NULL, good.timestamp, good.signature, good.body},
        {good.connector, good.id, NULL, good.signature, good.body},
        {good.connector, good.id, good.timestamp, NULL, good.body},
        {"Bank", good.id, good.timestamp, good.signature, good.body},
        {"b.ank", good.id, good.timestamp, good.signature, good.body},
        {good.connector, "1", good.timestamp, good.signature, good.body},
        {good.connector, good.id, "", good.signature, good.body},
        {good.connector, good.id, "-1", good.signature, good.body},
        {good.connector, good.id, "1e9", good.signature, good.body},
        {good.connector, good.id, "99999999999999999999999", good.signature, good.body},
        {good.connector, good.id, good.timestamp, "", good.body},
        {good.connector, good.id, good.timestamp, "v1=", good.body},
        {good.connector, good.id, good.timestamp, good.signature + 3, good.body},
        {good.connector, good.id, good.timestamp, apr_pstrcat(pool, good.signature, "00", NULL), good.body},
        {good.connector, good.id, good.timestamp, apr_pstrcat(pool, good.signature, "z", NULL), good.body},
        {good.connector, good.id, good.timestamp, apr_pstrndup(pool, good.signature, 65), good.body},
        {good.connector, good.id, good.timestamp, apr_pstrcat(pool, "v2", good.signature + 2, NULL), good.body},
    };
    for (size_t i = 0; i < COUNT(changed); i++) {
        finq_connector_message bad = {
            good.kind, changed[i].connector, changed[i].id, changed[i].timestamp, changed[i].signature, changed[i].body, 7};
        if (strcmp(verdict_on(&bad, keys), "invalid_signature") != 0)
            fail_msg("row %d was believed", (int)i);
    }
}

/* Every bit of the tag counts. Red: compare fewer bytes in finq_mac_verify. */
static void every_digit_of_a_tag_counts(void **state)
{
    const finq_mac_keys *keys = keys_of(A "\n");
    finq_connector_message message = {.connector = "bank", .id = ID, .body = "{}", .length = 2};
    (void)state;
    assert_null(finq_connector_sign(&message, keys, pool));
    char *signature = apr_pstrdup(pool, message.signature);
    message.signature = signature;
    for (size_t i = 3; signature[i]; i++) {
        char was = signature[i];
        signature[i] = was == '0' ? '1' : '0';
        assert_string_equal(verdict_on(&message, keys), "invalid_signature");
        signature[i] = was;
    }
    assert_string_equal(verdict_on(&message, keys), "good");
}

static finq_connector_message signed_text_at(const finq_mac_keys *keys, const char *timestamp)
{
    unsigned char tag[FINQ_MAC_BYTES];
    finq_connector_message message = {.kind = FINQ_CONNECTOR_DECISION, .connector = "bank", .id = ID, .body = "{}", .length = 2};
    message.timestamp = timestamp;
    const char *text = apr_pstrcat(pool, "decision.bank." ID ".", message.timestamp, ".{}", NULL);
    finq_mac_piece piece = {text, strlen(text)};
    finq_mac_text whole = {&piece, 1};
    char *hex = apr_pcalloc(pool, 4 + 2 * sizeof tag);
    assert_null(finq_mac_sign(tag, keys, &whole, pool));
    strcpy(hex, "v1=");
    for (size_t i = 0; i < sizeof tag; i++)
        sprintf(hex + 3 + 2 * i, "%02x", tag[i]);
    message.signature = hex;
    return message;
}

static finq_connector_message signed_at(const finq_mac_keys *keys, apr_int64_t offset)
{
    return signed_text_at(keys, apr_psprintf(pool, "%" APR_INT64_T_FMT, apr_time_sec(apr_time_now()) + offset));
}

/* Red: either half of the window's condition. */
static void the_window_has_two_ends(void **state)
{
    static const struct {
        int offset;
        const char *verdict;
    } rows[] = {{0, "good"},
                {-295, "good"},
                {295, "good"},
                {-306, "expired_signature"},
                {306, "expired_signature"},
                {-86400, "expired_signature"},
                {86400 * 365, "expired_signature"}};
    const finq_mac_keys *keys = keys_of(A "\n");
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        finq_connector_message message = signed_at(keys, rows[i].offset);
        assert_string_equal(verdict_on(&message, keys), rows[i].verdict);
    }
}

/* Parts that could run into each other are refused even where they are signed. Red: a check of form_check. */
static void malformed_though_signed(void **state)
{
    const finq_mac_keys *keys = keys_of(A "\n");
    const char *const rows[][2] = {{"b.ank", ID}, {"Bank", ID}, {"", ID}, {filled(65), ID}, {"bank", "1"}, {"bank", ""}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        finq_connector_message message = {.connector = rows[i][0], .id = rows[i][1], .body = "{}", .length = 2};
        assert_null(finq_connector_sign(&message, keys, pool));
        assert_string_equal(verdict_on(&message, keys), "invalid_signature");
    }
    finq_connector_message huge = signed_text_at(keys, "99999999999999999999");
    assert_string_equal(verdict_on(&huge, keys), "invalid_signature");
}

/* ---- questions ---- */

static void a_question_says_all(void **state)
{
    const char *text;
    finq_connector_question question = {.event = FINQ_CONNECTOR_SUBMIT,
                                        .session_id = {{1}},
                                        .step_id = {{2}},
                                        .attempt = {{3}},
                                        .skill = "xyz_aisp_sbx_#2.0",
                                        .step = "sca",
                                        .environment = "sandbox",
                                        .data = finq_json_own(json_pack("{s:s}", "iban", "x\"y"), pool)};
    (void)state;
    assert_null(finq_connector_question_text(&text, &question, pool));
    assert_string_equal(text, "{\"event\":\"submit\",\"session_id\":\"01000000-0000-0000-0000-000000000000\","
                              "\"step_id\":\"02000000-0000-0000-0000-000000000000\","
                              "\"attempt\":\"03000000-0000-0000-0000-000000000000\",\"skill\":\"xyz_aisp_sbx_#2.0\","
                              "\"step\":\"sca\",\"environment\":\"sandbox\",\"tenant_user_id\":null,"
                              "\"data\":{\"iban\":\"x\\\"y\"},\"documents\":[],\"state\":null,\"redirect_uri\":null,"
                              "\"code\":null}");
    question.event = FINQ_CONNECTOR_RETURN;
    question.tenant_user_id = "u1";
    question.documents = finq_json_own(json_pack("[{s:s}]", "document", "id_front"), pool);
    question.state = "s", question.redirect_uri = "https://h/v1/redirects/sca", question.code = "c";
    assert_null(finq_connector_question_text(&text, &question, pool));
    assert_non_null(strstr(text, "{\"event\":\"return\","));
    assert_non_null(strstr(text, "\"tenant_user_id\":\"u1\""));
    assert_non_null(strstr(text, "\"documents\":[{\"document\":\"id_front\"}],\"state\":\"s\","
                                 "\"redirect_uri\":\"https://h/v1/redirects/sca\",\"code\":\"c\"}"));
}

/* ---- answers ---- */

static const char *time_in(apr_int64_t seconds)
{
    apr_time_exp_t t;
    apr_time_exp_gmt(&t, apr_time_now() + apr_time_from_sec(seconds));
    return apr_psprintf(pool, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min,
                        t.tm_sec);
}

static const char *redirect_with(const char *url, const char *expires_at, const char *more)
{
    return apr_psprintf(pool, "{\"verdict\":\"redirect\",\"method\":\"GET\",\"url\":\"%s\",\"expires_at\":\"%s\"%s}", url,
                        expires_at, more);
}

static finq_error *read_text(finq_connector_answer *answer, const char *text, int sandbox)
{
    return finq_connector_read(answer, text, strlen(text), sandbox, pool);
}

static void good_answers(void **state)
{
    finq_connector_answer answer;
    (void)state;
    assert_null(read_text(&answer, "{\"verdict\":\"accepted\"}", 0));
    assert_int_equal(answer.verdict, FINQ_CONNECTOR_ACCEPTED);
    assert_null(answer.data);
    assert_null(read_text(&answer, " {\"verdict\":\"accepted\",\"data\":{\"offer\":{\"rate\":\"4.1\"}}}\n", 0));
    assert_non_null(strstr(answer.data, "\"offer\":"));
    assert_null(read_text(&answer,
                          "{\"verdict\":\"rejected\",\"details\":[{\"field\":\"\",\"message\":\"m\"},"
                          "{\"field\":\"/a~1b/0\",\"message\":\"\xc3\xa9\"}]}",
                          0));
    assert_int_equal(answer.verdict, FINQ_CONNECTOR_REJECTED);
    assert_int_equal(answer.details->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(answer.details, 1, finq_detail).field, "/a~1b/0");
    assert_null(read_text(&answer, verdict_pending, 0));
    assert_int_equal(answer.verdict, FINQ_CONNECTOR_PENDING);
    assert_int_equal(answer.reasons->nelts, 0);
    assert_null(read_text(&answer, "{\"verdict\":\"failed\",\"reasons\":[\"no\",\"never\"]}", 0));
    assert_int_equal(answer.verdict, FINQ_CONNECTOR_FAILED);
    assert_string_equal(APR_ARRAY_IDX(answer.reasons, 1, const char *), "never");
    assert_null(answer.data);
    assert_non_null(answer.headers);
}

static void good_redirects(void **state)
{
    static const char *const urls[] = {"https://bank.example/login?state=a%20b&c=d#e", "https://bank.example:8443",
                                       "https://127.0.0.1/x", "https://[2001:db8::1]:444/"};
    static const char *const sandbox_urls[] = {"http://localhost:8080/sandbox?x=1", "http://127.0.0.1/", "http://[::1]:9/x"};
    finq_connector_answer answer;
    (void)state;
    for (size_t i = 0; i < COUNT(urls); i++) {
        assert_null(read_text(&answer, redirect_with(urls[i], time_in(600), ",\"headers\":{\"X-A\":\"b\"}"), 0));
        assert_string_equal(answer.url, urls[i]);
        assert_string_equal(answer.method, "GET");
        assert_true(answer.expires_at - apr_time_sec(apr_time_now()) > 590);
        assert_string_equal(finq_json_string(answer.headers, "X-A"), "b");
    }
    for (size_t i = 0; i < COUNT(sandbox_urls); i++) {
        assert_null(read_text(&answer, redirect_with(sandbox_urls[i], time_in(86390), ""), 1));
        assert_non_null(read_text(&answer, redirect_with(sandbox_urls[i], time_in(86390), ""), 0)); /* red: sandbox ignored */
    }
}

static void assert_refused(const char *text)
{
    finq_connector_answer answer;
    finq_error *error = read_text(&answer, text, 1);
    if (!error)
        fail_msg("taken: %s", text);
    assert_int_equal(error->code, FINQ_E_EXTERNAL_API_INVALID_ANSWER);
    assert_non_null(error->cause);
    assert_null(strstr(error->message, error->cause)); /* the client is not told what the connector said */
}

/* Each row is red when the check that refuses it is taken out of connector_answer.c. */
static void bad_answers(void **state)
{
    static const char *const rows[] = {
        "",
        "null",
        "[]",
        "<html></html>",
        "{",
        "{}",
        "{\"verdict\":null}",
        "{\"verdict\":1}",
        "{\"verdict\":\"\"}",
        "{\"verdict\":\"Accepted\"}",
        "{\"verdict\":\"accepted\"}{\"verdict\":\"accepted\"}",
        "{\"verdict\":\"failed\",\"verdict\":\"accepted\"}",
        "{\"verdict\":\"accepted\",\"data\":[]}",
        "{\"verdict\":\"accepted\",\"data\":null}",
        "{\"verdict\":\"accepted\",\"url\":\"https://a\"}",
        "{\"verdict\":\"accepted\",\"data\":{},\"x\":1}",
        "{\"verdict\":\"pending\",\"data\":{}}",
        "{\"verdict\":\"accepted\",\"data\":{\"a\":\"\\u0000\"}}",
        "{\"verdict\":\"accepted\",\"data\":{\"a\":\"\xff\"}}",
        "{\"verdict\":\"rejected\"}",
        "{\"verdict\":\"rejected\",\"details\":{}}",
        "{\"verdict\":\"rejected\",\"details\":[]}",
        "{\"verdict\":\"rejected\",\"details\":[1]}",
        "{\"verdict\":\"rejected\",\"details\":[{\"field\":\"\"}]}",
        "{\"verdict\":\"rejected\",\"details\":[{\"field\":\"a\",\"message\":\"m\"}]}",
        "{\"verdict\":\"rejected\",\"details\":[{\"field\":\"/~2\",\"message\":\"m\"}]}",
        "{\"verdict\":\"rejected\",\"details\":[{\"field\":\"/~\",\"message\":\"m\"}]}",
        "{\"verdict\":\"rejected\",\"details\":[{\"field\":\"/a\",\"message\":\"\"}]}",
        "{\"verdict\":\"rejected\",\"details\":[{\"field\":\"/a\",\"message\":1}]}",
        "{\"verdict\":\"rejected\",\"details\":[{\"field\":\"/a\\n\",\"message\":\"m\"}]}",
        "{\"verdict\":\"rejected\",\"details\":[{\"field\":\"/a\",\"message\":\"\\u001b[2J\"}]}",
        "{\"verdict\":\"rejected\",\"details\":[{\"field\":\"/a\",\"message\":\"m\",\"x\":1}]}",
        "{\"verdict\":\"failed\",\"reasons\":\"no\"}",
        "{\"verdict\":\"failed\",\"reasons\":[1]}",
        "{\"verdict\":\"failed\",\"reasons\":[\"\"]}",
        "{\"verdict\":\"failed\",\"reasons\":[\"a\\u007f\"]}",
        "{\"verdict\":\"failed\",\"reasons\":null}",
        "{\"verdict\":\"failed\",\"reasons\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\","
        "\"11\",\"12\",\"13\","
        "\"14\",\"15\",\"16\",\"17\"]}",
        "{\"verdict\":\"redirect\"}",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_refused(rows[i]);
}

/* Times within the day ahead that no clock shows: the 24th hour, the 60th minute and second, and today as a
 * day of the month before. Red: each comparison of time_read. */
static void times_that_do_not_exist(void **state)
{
    static const int before_days[] = {31, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30};
    apr_time_exp_t t;
    (void)state;
    apr_time_exp_gmt(&t, apr_time_now() + apr_time_from_sec(3600));
    assert_refused(redirect_with("https://b/", apr_pstrcat(pool, apr_pstrndup(pool, time_in(0), 10), "T24:00:00Z", NULL), ""));
    const char *hour = apr_pstrndup(pool, time_in(t.tm_hour == 23 ? 7200 : 3600), 13);
    assert_refused(redirect_with("https://b/", apr_pstrcat(pool, hour, ":60:00Z", NULL), ""));
    assert_refused(redirect_with("https://b/", apr_pstrcat(pool, hour, ":00:60Z", NULL), ""));
    int leap = t.tm_mon == 2 && t.tm_year % 4 == 0, year = 1900 + t.tm_year - (t.tm_mon == 0), month = (t.tm_mon + 11) % 12;
    const char *before = apr_psprintf(pool, "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month + 1,
                                      t.tm_mday + before_days[t.tm_mon] + leap, t.tm_hour, t.tm_min, t.tm_sec);
    assert_refused(redirect_with("https://b/", before, ""));
}

static void bad_redirects(void **state)
{
    static const char *const urls[] = {
        "",
        "bank",
        "/login",
        "//bank.example/",
        "https:",
        "https://",
        "https:///x",
        "https:bank",
        "ftp://bank/",
        "javascript:alert(1)",
        "data:text/html,x",
        "http://bank.example/",
        "http://localhost.evil.example/",
        "http://localhost@evil.example/",
        "https://user@bank.example/",
        "https://u:p@bank.example/",
        "https://@bank.example/",
        "https://bank.example/a b",
        "https://bank.example\\\\@evil/",
        "https://bank.example/\\u00e9",
        "https://bank.example/\\n",
        "https://bank.example/\x7f",
        "https://bank.example/<x>",
        "https://bank.example/\\\"",
        "https://:80/",
        "HTTPS://bank.example/",
    };
    static const char *const times[] = {"",
                                        "now",
                                        "1900000000",
                                        "2026-02-28",
                                        "2026-02-28T12:00:00+00:00",
                                        "2026-13-01T00:00:00Z",
                                        "2026-02-30T00:00:00Z",
                                        "2026-02-28T24:00:00Z",
                                        "2026-02-28T12:60:00Z",
                                        "2026-00-10T00:00:00Z",
                                        "0000-00-00T00:00:00Z",
                                        "1969-12-31T23:59:59Z",
                                        "2001-01-01T00:00:00Z",
                                        "9999-12-31T23:59:59Z"};
    static const char *const more[] = {",\"headers\":[]",
                                       ",\"headers\":null",
                                       ",\"headers\":{\"X-A\":1}",
                                       ",\"headers\":{\"\":\"a\"}",
                                       ",\"headers\":{\"X A\":\"a\"}",
                                       ",\"headers\":{\"X:\":\"a\"}",
                                       ",\"headers\":{\"X\":\"a\\r\\nB: c\"}",
                                       ",\"data\":{}",
                                       ",\"state\":\"s\""};
    (void)state;
    for (size_t i = 0; i < COUNT(urls); i++)
        assert_refused(redirect_with(urls[i], time_in(600), ""));
    for (size_t i = 0; i < COUNT(times); i++)
        assert_refused(redirect_with("https://bank.example/", times[i], ""));
    for (size_t i = 0; i < COUNT(more); i++)
        assert_refused(redirect_with("https://bank.example/", time_in(600), more[i]));
    assert_refused(redirect_with("https://bank.example/", time_in(-2), ""));
    assert_refused(redirect_with("https://bank.example/", time_in(86500), ""));
    assert_refused(apr_psprintf(
        pool, "{\"verdict\":\"redirect\",\"method\":\"POST\",\"url\":\"https://a\",\"expires_at\":\"%s\"}", time_in(600)));
    assert_refused(apr_psprintf(pool, "{\"verdict\":\"redirect\",\"url\":\"https://a\",\"expires_at\":\"%s\"}", time_in(600)));
}

/* Red: each of the limits. */
static void lengths(void **state)
{
    finq_connector_answer answer;
    (void)state;
    assert_null(read_text(&answer, apr_psprintf(pool, "{\"verdict\":\"failed\",\"reasons\":[\"%s\"]}", filled(500)), 0));
    assert_refused(apr_psprintf(pool, "{\"verdict\":\"failed\",\"reasons\":[\"%s\"]}", filled(501)));
    const char *rejected = "{\"verdict\":\"rejected\",\"details\":[{\"field\":\"/%s\",\"message\":\"%s\"}]}";
    assert_null(read_text(&answer, apr_psprintf(pool, rejected, filled(511), filled(500)), 0));
    assert_refused(apr_psprintf(pool, rejected, filled(512), "m"));
    assert_refused(apr_psprintf(pool, rejected, "", filled(501)));
    assert_null(read_text(&answer, redirect_with(apr_pstrcat(pool, "https://b/", filled(2038), NULL), time_in(60), ""), 0));
    assert_refused(redirect_with(apr_pstrcat(pool, "https://b/", filled(2039), NULL), time_in(60), ""));
    const char *header = ",\"headers\":{\"%s\":\"%s\"}";
    assert_null(
        read_text(&answer, redirect_with("https://b/", time_in(60), apr_psprintf(pool, header, filled(64), filled(1024))), 0));
    assert_refused(redirect_with("https://b/", time_in(60), apr_psprintf(pool, header, filled(65), "v")));
    assert_refused(redirect_with("https://b/", time_in(60), apr_psprintf(pool, header, "N", filled(1025))));
    apr_size_t frame = strlen("{\"verdict\":\"accepted\",\"data\":{\"a\":\"\"}}");
    const char *accepted = "{\"verdict\":\"accepted\",\"data\":{\"a\":\"%s\"}}";
    assert_null(read_text(&answer, apr_psprintf(pool, accepted, filled(FINQ_CONNECTOR_MOST - frame)), 0));
    assert_refused(apr_psprintf(pool, accepted, filled(FINQ_CONNECTOR_MOST - frame + 1)));
}

/* ---- decisions ---- */

static void decisions(void **state)
{
    static const struct {
        const char *text, *code;
    } rows[] = {
        {"{\"step_id\":\"" ID "\",\"decision\":\"accepted\"}", NULL},
        {"{\"step_id\":\"" ID "\",\"decision\":\"resubmit\",\"reasons\":[\"The picture is dark.\"]}", NULL},
        {"{\"step_id\":\"" ID "\",\"decision\":\"failed\",\"reasons\":[]}", NULL},
        {"[]", "invalid_body"},
        {"{\"step_id\":\"" ID "\"}", "missing_fields"},
        {"{\"decision\":\"failed\"}", "missing_fields"},
        {"{\"step_id\":\"" ID "\",\"decision\":\"failed\",\"verdict\":\"failed\"}", "unknown_fields"},
        {"{\"step_id\":\"1\",\"decision\":\"failed\"}", "invalid_field"},
        {"{\"step_id\":\"" ID "\",\"decision\":\"redirect\"}", "invalid_field"},
        {"{\"step_id\":\"" ID "\",\"decision\":\"pending\"}", "invalid_field"},
        {"{\"step_id\":\"" ID "\",\"decision\":\"failed\",\"reasons\":\"no\"}", "invalid_field"},
        {"{\"step_id\":\"" ID "\",\"decision\":\"failed\",\"reasons\":[\"\\n\"]}", "invalid_field"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        finq_connector_decision decision;
        finq_error *error = finq_connector_decision_read(&decision, rows[i].text, strlen(rows[i].text), pool);
        assert_string_equal(error ? finq_code_name(error->code) : "taken", rows[i].code ? rows[i].code : "taken");
        if (!error)
            assert_string_equal(finq_id_text(&decision.step_id, pool), ID);
    }
}

/* ---- mutations ---- */

static uint64_t seed = 5;

static unsigned roll(unsigned sides)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(seed >> 33) % sides;
}

static void mutate(char *text, apr_size_t length)
{
    static const char bytes[] = "\"\\{}[]:,/~@#?%0129azAZ \n\x1f\x7f\xc3\xa9\xff";
    for (unsigned n = 1 + roll(4); n > 0; n--)
        text[roll((unsigned)length)] = bytes[roll(sizeof bytes)]; /* its NUL included */
}

static void assert_sound(const finq_connector_answer *answer)
{
    assert_true((!answer->data || answer->data[0] == '{') && json_is_object(answer->headers) && answer->reasons);
    assert_int_equal(answer->verdict == FINQ_CONNECTOR_REDIRECT, answer->url != NULL);
    assert_int_equal(answer->verdict == FINQ_CONNECTOR_REJECTED, answer->details != NULL);
    if (answer->url)
        assert_true(strncmp(answer->url, "https://", 8) == 0 || strncmp(answer->url, "http://", 7) == 0);
}

/* Whatever comes: taken, and then sound, or refused with that one code. Worth most under the sanitizers. */
static void mutations(void **state)
{
    const char *const seeds[] = {
        "{\"verdict\":\"accepted\",\"data\":{\"a\":[1,2]}}",
        "{\"verdict\":\"rejected\",\"details\":[{\"field\":\"/a~1b\",\"message\":\"m\"}]}",
        "{\"verdict\":\"failed\",\"reasons\":[\"no\"]}",
        verdict_pending,
        redirect_with("https://bank.example:443/a?b=c", time_in(600), ",\"headers\":{\"X-A\":\"b\"}"),
        redirect_with("http://[::1]:80/", time_in(600), ""),
    };
    apr_pool_t *outer = pool;
    int taken = 0;
    (void)state;
    for (int round = 0; round < 40000; round++) {
        const char *seed_text = seeds[roll(COUNT(seeds))];
        apr_size_t length = strlen(seed_text);
        finq_connector_answer answer;
        apr_pool_create(&pool, outer);
        char *text = apr_pstrdup(pool, seed_text);
        mutate(text, length);
        finq_error *error = finq_connector_read(&answer, text, length, 1, pool);
        if (error)
            assert_int_equal(error->code, FINQ_E_EXTERNAL_API_INVALID_ANSWER);
        else
            assert_sound(&answer);
        taken += !error;
        apr_pool_destroy(pool);
    }
    pool = outer;
    assert_in_range(taken, 200, 39800); /* it does try both sides */
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_tags),
        cmocka_unit_test(what_is_signed_is_believed_and_nothing_else),
        cmocka_unit_test(every_digit_of_a_tag_counts),
        cmocka_unit_test(the_window_has_two_ends),
        cmocka_unit_test(malformed_though_signed),
        cmocka_unit_test(a_question_says_all),
        cmocka_unit_test(good_answers),
        cmocka_unit_test(good_redirects),
        cmocka_unit_test(bad_answers),
        cmocka_unit_test(bad_redirects),
        cmocka_unit_test(times_that_do_not_exist),
        cmocka_unit_test(lengths),
        cmocka_unit_test(decisions),
        cmocka_unit_test(mutations),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
