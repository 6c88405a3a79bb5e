#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <string.h>

#include "../../src/sign/jws_members.h"

enum { ALG, KID, IAT, AUD, MEMBERS };

static apr_pool_t *pool, *scratch;

static void names_set(finq_member members[MEMBERS])
{
    static const finq_member named[MEMBERS] = {{.name = "alg"}, {.name = "kid"}, {.name = "iat"}, {.name = "aud"}};
    memcpy(members, named, sizeof named);
}

static int is_plain(finq_member members[MEMBERS], const char *text, size_t length)
{
    char *copy = apr_pstrmemdup(scratch, text, length);
    names_set(members);
    return finq_members_plain(members, MEMBERS, copy, copy + length);
}

static finq_error *parse(finq_member members[MEMBERS], const char *text, size_t length)
{
    names_set(members);
    return finq_members_parse(members, MEMBERS, "It", (finq_bytes){(const unsigned char *)text, length}, scratch);
}

/* As finqctl, PyJWT and jose write, and as google-auth does. Red where the plain reader takes less: nothing else would show
 * it, but that each signed request takes longer. */
static void what_signers_write_is_plain(void **state)
{
    static const char *const rows[] = {
        "{\"alg\":\"RS256\",\"kid\":\"k-1\",\"aud\":\"api.finqware.com\",\"iat\":1700000000}",
        "{\"alg\": \"RS256\", \"kid\": \"k-1\", \"aud\": \"api.finqware.com\", \"iat\": 1700000000}"};
    finq_member members[MEMBERS];
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_true(is_plain(members, rows[i], strlen(rows[i])));
        assert_string_equal(members[KID].text, "k-1");
        assert_string_equal(members[AUD].text, "api.finqware.com");
        assert_int_equal(members[IAT].kind, FINQ_MEMBER_INTEGER);
        assert_int_equal(members[IAT].integer, 1700000000);
    }
}

/* Red where the plain reader guesses instead of leaving it. */
static void the_rest_is_left_to_jansson(void **state)
{
    static const char *const rows[] = {"{\"kid\":\"a\",\"kid\":\"a\"}",
                                       "{\"kid\":\"\\u0061\"}",
                                       "{\"kid\":\"\xc3\xa9\"}",
                                       "{\"kid\":\"a\tb\"}",
                                       "{\"x\":1}",
                                       "{\"iat\":1234567890123456789}",
                                       "{\"iat\":01}",
                                       "{\"iat\":-1}",
                                       "{\"iat\":1.0}",
                                       "{\"iat\":1e3}",
                                       "{\"iat\":true}",
                                       "{\"aud\":[\"a\"]}",
                                       "{\"kid\":\"a\"} x",
                                       "{\"kid\":\"a\"}}",
                                       "{\"kid\":\"a\",}",
                                       "{\"kid\":\"a\"",
                                       "{\"iat\":}",
                                       "[]",
                                       ""};
    finq_member members[MEMBERS];
    (void)state;
    for (int i = 0; i < (int)(sizeof rows / sizeof *rows); i++) {
        if (is_plain(members, rows[i], strlen(rows[i])))
            fail_msg("row %d: %s", i, rows[i]);
    }
    assert_false(is_plain(members, "{\"kid\":\"a\"}\0", 12));
    assert_true(is_plain(members, "{\"iat\":123456789012345678}", 26));
}

/* ---- made-up objects ---- */

static unsigned next_random(unsigned *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    return *state ^= *state << 5;
}

/* What is right stands in the first third, and comes eleven times of twelve: objects shall be wrong in one place, if any. */
static const char *pick(const char *const *from, unsigned count, unsigned *random)
{
    unsigned among = next_random(random) % 12 ? (count + 2) / 3 : count;
    return from[next_random(random) % among];
}
#define PICK(from) pick(from, sizeof(from) / sizeof *(from), random)

static const char *object_make(unsigned *random)
{
    static const char *const names[] = {"\"alg\"",       "\"kid\"", "\"iat\"", "\"aud\"", "\"x\"",
                                        "\"\\u0061lg\"", "\"\"",    "alg",     "\"kid"};
    static const char *const values[] = {"\"a\"",
                                         "\"RS256\"",
                                         "0",
                                         "1",
                                         "1700000000",
                                         "999999999999999999",
                                         "\"\"",
                                         "\" ~\x7f\"",
                                         "\"a\"",
                                         "12",
                                         "\"b\"",
                                         "2",
                                         "9223372036854775807",
                                         "9223372036854775808",
                                         "00",
                                         "01",
                                         "-1",
                                         "-0",
                                         "1.0",
                                         "1e300",
                                         "1e999",
                                         "1.",
                                         "+1",
                                         "0x1",
                                         "null",
                                         "true",
                                         "[]",
                                         "[\"a\"]",
                                         "{\"a\":1}",
                                         "\"\\n\"",
                                         "\"\\u0000\"",
                                         "\"\\ud800\"",
                                         "\"\xc3\xa9\"",
                                         "\"\xff\"",
                                         "\"\x1f\"",
                                         "\"\\\"\"",
                                         "\"\\\"",
                                         "'a'",
                                         "",
                                         "NaN"};
    static const char *const blanks[] = {"", "", " ", "\t", "\r\n", "\f", "\v", "\xc2\xa0", "/**/", "x"};
    static const char *const colons[] = {":", ":", "=", "", "::"};
    static const char *const commas[] = {",", ",", "", ";", ",,"};
    static const char *const ends[] = {"}", "}\n", "} ", "}x", "", "]", ",}", "}}", "}{}"};
    static const char *const starts[] = {"{", "{", "", "[", "{{"};
    const char *text = PICK(starts);
    for (unsigned left = next_random(random) % 5; left; left--)
        text = apr_pstrcat(scratch, text, PICK(blanks), PICK(names), PICK(blanks), PICK(colons), PICK(blanks), PICK(values),
                           PICK(blanks), left > 1 ? PICK(commas) : "", NULL);
    return apr_pstrcat(scratch, text, PICK(ends), NULL);
}

static void must_agree(const char *text)
{
    finq_member plain[MEMBERS], parsed[MEMBERS];
    finq_error *error = parse(parsed, text, strlen(text));
    if (!is_plain(plain, text, strlen(text)))
        return;
    if (error)
        fail_msg("%s: %s", text, error->message);
    for (int i = 0; i < MEMBERS; i++) {
        const char *a = plain[i].text, *b = parsed[i].text;
        if (plain[i].kind != parsed[i].kind || plain[i].integer != parsed[i].integer || !a != !b || (a && strcmp(a, b) != 0))
            fail_msg("%s: %s is read in two ways", text, plain[i].name);
    }
}

/* Red for each of: a doubled member that is not looked for, a number that may begin with 0 or go on with a point, 19 digits, an
 * escape or a byte beyond ASCII taken as it is, and what follows the object not looked at. */
static void jansson_means_the_same(void **state)
{
    unsigned random = 1, plain = 0;
    finq_member members[MEMBERS];
    (void)state;
    for (int i = 0; i < 200000; i++) {
        const char *text = object_make(&random);
        must_agree(text);
        plain += (unsigned)is_plain(members, text, strlen(text));
        apr_pool_clear(scratch);
    }
    assert_true(plain > 20000);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    apr_pool_create(&scratch, pool);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_signers_write_is_plain),
        cmocka_unit_test(the_rest_is_left_to_jansson),
        cmocka_unit_test(jansson_means_the_same),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
