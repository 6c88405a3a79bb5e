#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

static apr_pool_t *pool;

static finq_code parse(const char *text, size_t length)
{
    json_t *object;
    finq_error *error = finq_json_parse(&object, NULL, text, length, pool);
    return error ? error->code : FINQ_E_COUNT;
}

static void compaction_touches_whitespace_outside_strings_only(void **state)
{
    static const char *const rows[][2] = {
        {"{\"key1\":\"value1\", \"key2\":\"value2\"}", "{\"key1\":\"value1\",\"key2\":\"value2\"}"},
        {" {\t\"a\\\" b\" :\r\n 1.0E2 , \"\\\\\" : \" \\u0041 \" } ", "{\"a\\\" b\":1.0E2,\"\\\\\":\" \\u0041 \"}"},
        {"", ""},
        {"\"\\", "\"\\"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char buffer[128];
        size_t n = finq_json_compact(buffer, rows[i][0], strlen(rows[i][0]));
        buffer[n] = '\0';
        assert_string_equal(buffer, rows[i][1]);
    }
}

static void refuses_what_the_contract_refuses(void **state)
{
    static const char *const rows[] = {"",
                                       "[]",
                                       "1",
                                       "{\"a\":1,\"a\":2}",
                                       "{\"a\":\"\\u0000\"}",
                                       "{} x",
                                       "{\"a\":1e999}",
                                       "{\"\\u0061\":1,\"a\":2}",
                                       "{\"a\":\"\xff\"}"};
    char deep[256] = "{\"a\":";
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(parse(rows[i], strlen(rows[i])), FINQ_E_INVALID_BODY);
    assert_int_equal(parse("{\"a\":\"b\0c\"}", 11), FINQ_E_INVALID_BODY);
    assert_int_equal(parse("{\"a\":123\0}", 10), FINQ_E_INVALID_BODY);
    assert_int_equal(parse("{\"a\":[true\0 ]}", 15), FINQ_E_INVALID_BODY);
    assert_int_equal(parse("{\"a\":1}\0", 9), FINQ_E_INVALID_BODY);
    assert_int_equal(parse("\0{\"a\":1}", 9), FINQ_E_INVALID_BODY);
    for (int depth = 31; depth <= 32; depth++) { /* 1 for the object and `depth` for the arrays */
        memset(deep + 5, '[', (size_t)depth);
        memset(deep + 5 + depth, ']', (size_t)depth);
        strcpy(deep + 5 + 2 * depth, "}");
        assert_int_equal(parse(deep, strlen(deep)), depth == 31 ? FINQ_E_COUNT : FINQ_E_INVALID_BODY);
    }
}

static void members_are_named(void **state)
{
    static const finq_json_member members[] = {
        {"skill", FINQ_JSON_STRING, 1}, {"data", FINQ_JSON_OBJECT, 1}, {"note", FINQ_JSON_STRING, 0}, {NULL, 0, 0}};
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"{\"skill\":\"a\",\"data\":{}}", NULL},
        {"{\"skill\":\"a\",\"data\":{},\"x\":1,\"y\\n\":2}", "Unknown: x, y?."},
        {"{}", "Missing: skill, data."},
        {"{\"skill\":1,\"data\":{}}", "skill must be a string."},
        {"{\"skill\":\"a\",\"data\":{},\"note\":null}", NULL},
        {"{\"skill\":\"a\",\"data\":[]}", NULL},
        {"{\"skill\":\"a\",\"data\":[1]}", "data must be an object."},
        {"{\"skill\":null,\"data\":{}}", "skill must be a string."},
        {"{\"skill\":\"a\",\"data\":null}", "data must be an object."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *object;
        assert_null(finq_json_parse(&object, NULL, rows[i].text, strlen(rows[i].text), pool));
        finq_error *error = finq_json_members(object, members, pool);
        if (rows[i].message)
            assert_string_equal(error->message, rows[i].message);
        else
            assert_null(error);
    }
}

/* jansson's own compact writer is the measure. Red: an escape left out of the short ones (\b), %04x for %04X, a comma after
 * an object's last member, the growth of the text left out (under the sanitizer). */
static void text_is_what_jansson_would_write(void **state)
{
    static const char *const rows[] = {
        "{}",
        "{\"a\":{},\"b\":[],\"c\":[{}],\"d\":[[],{\"e\":\"\"}]}",
        "{\"z\":1,\"a\":-9223372036854775808,\"m\":9223372036854775807,\"n\":0}",
        "{\"words\":[true,false,null]}",
        "{\"s\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f \\u00e9\\u20ac\\ud83d\\ude00\"}",
        "{\"\\\"\\n\\u0002\":\"name\",\"\":\"no name\"}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *value = finq_json_own(json_loads(rows[i], 0, NULL), pool);
        char *wanted = json_dumps(value, JSON_COMPACT);
        assert_non_null(wanted);
        assert_string_equal(finq_json_text(value, pool), wanted);
        free(wanted);
    }
    /* but for reals: the shorter spelling, where it reads back as the same */
    const char *reals = "{\"r\":[0.1,1e300,-2.5e-7,1.0,123456789.12345679]}";
    assert_string_equal(finq_json_text(finq_json_own(json_loads(reals, 0, NULL), pool), pool), reals);
    assert_null(finq_json_text(NULL, pool));
}

static void text_grows(void **state)
{
    (void)state;
    json_t *array = finq_json_own(json_array(), pool);
    for (int i = 0; i < 2000; i++)
        json_array_append_new(array, json_pack("{s:s, s:i}", "\tname", "a \"quoted\" value", "i", i));
    char *wanted = json_dumps(array, JSON_COMPACT);
    assert_string_equal(finq_json_text(array, pool), wanted);
    free(wanted);
}

/* Red when: a comma is forgotten or set after an opening bracket, a name is not escaped, NULL is written. */
static void members_are_written_in_order(void **state)
{
    json_t *value = finq_json_own(json_pack("{s:[i, n]}", "in\"side", 1), pool);
    finq_json_writer *to = finq_json_write(pool);
    (void)state;
    finq_json_open(to, NULL, '{');
    finq_json_open(to, "nothing", '{');
    finq_json_close(to, '}');
    finq_json_put(to, "t\next", "ends with {");
    finq_json_put(to, "absent", NULL);
    finq_json_put_value(to, "absent", NULL);
    finq_json_open(to, "list", '[');
    finq_json_put(to, NULL, "");
    finq_json_put_integer(to, NULL, APR_INT64_MIN);
    finq_json_put_bool(to, NULL, 0);
    finq_json_put_value(to, NULL, value);
    finq_json_open(to, NULL, '[');
    finq_json_close(to, ']');
    finq_json_close(to, ']');
    finq_json_put_bool(to, "last", 7);
    finq_json_close(to, '}');
    assert_string_equal(finq_json_written(to),
                        "{\"nothing\":{},\"t\\next\":\"ends with {\",\"list\":[\"\",-9223372036854775808,false,"
                        "{\"in\\\"side\":[1,null]},[]],\"last\":true}");
}

/* Red: a number that is not in its place among the tree's, a token that jansson would refuse, "-0" taken for plain. */
static void numbers_keep_their_spelling(void **state)
{
    static const char *const same[] = {
        "{\"a\":19.99,\"b\":[12345678901234567.89,-0,-0.0,1e2,1E+02,0.10],\"c\":{\"d\":1e30,\"e\":7}}",
        "{\"a\":123456789012345678901234567890,\"b\":-9223372036854775809,\"c\":9223372036854775808}",
        "{\"1.5\":\"2.50\",\"a\":\"\\\"3.50\",\"b\":4.50}",
        "{\"a\":1e999,\"b\":-1e-999,\"c\":1E+400}",
        "{\"a\":1,\"b\":[],\"c\":null}",
        "{\"a\":[[1.0],{\"x\":2.0}],\"b\":3.00}",
    };
    static const char *const bad[] = {"{\"a\":01234567890123456789}",
                                      "{\"a\":1.}",
                                      "{\"a\":.5}",
                                      "{\"a\":1e}",
                                      "{\"a\":--1}",
                                      "{\"a\":1.5.5}",
                                      "{\"a\":00.5}",
                                      "{\"a\":-}",
                                      "{\"a\":1e+}",
                                      "{\"a\":12345678901234567890x}",
                                      "{\"a\":1.5,\"a\":2.5}"};
    json_t *object;
    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        finq_numbers *numbers = finq_numbers_make(pool);
        assert_null(finq_json_parse(&object, numbers, same[i], strlen(same[i]), pool));
        assert_string_equal(finq_json_text_spelt(object, numbers, pool), same[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_non_null(finq_json_parse(&object, finq_numbers_make(pool), bad[i], strlen(bad[i]), pool));
}

static const char *meaning_of(const char *text)
{
    finq_numbers *numbers = finq_numbers_make(pool);
    json_t *object;
    assert_null(finq_json_parse(&object, numbers, text, strlen(text), pool));
    return finq_json_meaning(object, numbers, pool);
}

static void what_a_document_means(void **state)
{
    const char *meaning = meaning_of("{\"b\":[1,{\"y\":1.50,\"x\":\"\xc3\xa9\"}],\"a\":{}}");
    (void)state;
    assert_string_equal(meaning, "{\"a\":{},\"b\":[1,{\"x\":\"\xc3\xa9\",\"y\":1.50}]}");
    assert_string_equal(meaning_of(" {\"a\":{} ,\"b\":[1,{\"x\":\"\\u00e9\",\"y\":1.50}]}"), meaning);
    assert_string_not_equal(meaning_of("{\"a\":{},\"b\":[1,{\"x\":\"\xc3\xa9\",\"y\":1.5}]}"), meaning);
    assert_string_not_equal(meaning_of("{\"a\":{},\"b\":[{\"x\":\"\xc3\xa9\",\"y\":1.50},1]}"), meaning);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_keep_their_spelling),
        cmocka_unit_test(what_a_document_means),
        cmocka_unit_test(compaction_touches_whitespace_outside_strings_only),
        cmocka_unit_test(refuses_what_the_contract_refuses),
        cmocka_unit_test(members_are_named),
        cmocka_unit_test(text_is_what_jansson_would_write),
        cmocka_unit_test(text_grows),
        cmocka_unit_test(members_are_written_in_order),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
