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
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/data_key.h"
#include "flow/token.h"

#define A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define B "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"

static apr_pool_t *pool;

static finq_error *load_from(finq_secrets **secrets, const char *directory, const char *text, mode_t mode)
{
    char *path = apr_pstrcat(pool, directory, "/finq_secret_XXXXXX", NULL);
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    fchmod(fd, mode);
    close(fd);
    finq_error *error = finq_secrets_load(secrets, path, pool);
    unlink(path);
    return error;
}

static finq_error *load(finq_secrets **secrets, const char *text, mode_t mode)
{
    return load_from(secrets, "/tmp", text, mode);
}

static finq_token sample(void)
{
    static const finq_id renewed = {{7, 8, 9}};
    static const unsigned char wrapped[FINQ_DATA_KEY_WRAPPED] = {1, 2, 3};
    finq_token token = {
        FINQ_TOKEN_NONCE,         300, 2, 1, 3, 1, 1900000000, {{1, 2, 3}}, {{4, 5, 6}}, 77, 1234567890123, "user-1", &renewed,
        {wrapped, sizeof wrapped}};
    return token;
}

/* Red when: the permission, length or emptiness check in secrets.c is taken out. */
static void secret_files_that_are_refused(void **state)
{
    static const struct {
        const char *text;
        mode_t mode;
        const char *says;
    } rows[] = {
        {A "\n", 0640, "chmod 600"},           {A "\n", 0604, "chmod 600"}, {"", 0600, "is empty"},
        {"# only a comment\n", 0600, "empty"}, {"0011\n", 0600, "64 hexa"}, {A "0\n", 0600, "64 hexa"},
        {"zz" A "\n", 0600, "64 hexa"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        finq_secrets *secrets;
        finq_error *error = load(&secrets, rows[i].text, rows[i].mode);
        assert_non_null(error);
        assert_non_null(strstr(error->cause, rows[i].says));
        assert_null(strstr(error->cause, "0011"));
    }
    finq_secrets *secrets;
    assert_non_null(finq_secrets_load(&secrets, "/nonexistent/secret", pool));
    assert_non_null(finq_secrets_load(&secrets, "/dev/zero", pool));
}

/* systemd (254 and later) shows a group's right to read, which is its access control list's mask. Red when: is_credential answers 0, or
 * 1; the slash behind the directory, or one behind that, is not looked for; a right of the group's other than to read passes. */
static void a_service_reads_its_credentials(void **state)
{
    static const struct {
        const char *credentials, *directory;
        mode_t mode;
        int is_read;
    } rows[] = {
        {"/tmp", "/tmp", 0440, 1},          {"/tmp", "/tmp", 0400, 1}, {"/tmp", "/tmp", 0460, 0},
        {"/tmp", "/tmp", 0450, 0},          {"/tmp", "/tmp", 0444, 0}, {"/tmp", "/tmp/../tmp", 0440, 0},
        {"/tmp/finq_sec", "/tmp", 0440, 0}, {"/var", "/tmp", 0440, 0}, {NULL, "/tmp", 0440, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        finq_secrets *secrets;
        if (rows[i].credentials)
            setenv("CREDENTIALS_DIRECTORY", rows[i].credentials, 1);
        else
            unsetenv("CREDENTIALS_DIRECTORY");
        finq_error *error = load_from(&secrets, rows[i].directory, A "\n", rows[i].mode);
        assert_int_equal(error == NULL, rows[i].is_read);
    }
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void what_is_sealed_opens_the_same(void **state)
{
    finq_secrets *secrets;
    finq_token token = sample(), opened = {.kind = FINQ_TOKEN_NONCE};
    const finq_secret *by;
    const char *text, *again;
    (void)state;
    assert_null(load(&secrets, "# newest first\n" A "\n\n" B "\n", 0600));
    assert_null(finq_token_seal(&text, &token, finq_secrets_first(secrets), pool));
    assert_null(finq_token_seal(&again, &token, finq_secrets_first(secrets), pool));
    assert_string_equal(text, again);
    assert_null(finq_token_open(&opened, &by, text, secrets, pool));
    assert_ptr_equal(by, finq_secrets_first(secrets));
    assert_string_equal(opened.tenant_user_id, "user-1");
    assert_memory_equal(opened.data_key.data, token.data_key.data, token.data_key.length);
    assert_null(finq_token_seal(&again, &opened, by, pool));
    assert_string_equal(text, again);
    assert_null(strstr(text, "user"));
    assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), strlen(text));
}

/* Red with two bytes for either of them. */
static void counts_do_not_wrap(void **state)
{
    static const int counts[] = {0, 1, 65535, 65536, 65537, 0x7fffffff};
    finq_secrets *secrets;
    const finq_secret *by;
    const char *text;
    (void)state;
    assert_null(load(&secrets, A, 0600));
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        finq_token token = sample(), opened = {.kind = FINQ_TOKEN_NONCE};
        finq_id one, other;
        token.ordinal = token.generation = counts[i];
        assert_null(finq_token_seal(&text, &token, finq_secrets_first(secrets), pool));
        assert_null(finq_token_open(&opened, &by, text, secrets, pool));
        assert_int_equal(opened.ordinal, counts[i]);
        assert_int_equal(opened.generation, counts[i]);
        assert_null(finq_secret_step_id(&one, by, &token.session_id, counts[i], pool));
        assert_null(finq_secret_step_id(&other, by, &token.session_id, counts[i] ^ 0x10000, pool));
        assert_false(finq_id_equal(&one, &other));
    }
}

static void every_secret_of_the_file_opens_and_no_other(void **state)
{
    finq_secrets *old, *both, *new;
    finq_token token = sample(), opened = {.kind = FINQ_TOKEN_NONCE};
    const finq_secret *by;
    const char *text;
    (void)state;
    assert_null(load(&old, B, 0600));
    assert_null(load(&both, A "\n" B, 0600));
    assert_null(load(&new, A, 0600));
    assert_null(finq_token_seal(&text, &token, finq_secrets_first(old), pool));
    assert_null(finq_token_open(&opened, &by, text, both, pool));
    assert_int_equal(finq_secret_id(by), finq_secret_id(finq_secrets_first(old)));
    assert_null(finq_token_open(&opened, &by, text, new, pool));
    assert_null(by);
}

/* Red when: the tag comparison, the kind check, or the decode-and-compare of the text is taken out. */
static void nothing_else_opens(void **state)
{
    finq_secrets *secrets;
    finq_token token = sample(), opened = {.kind = FINQ_TOKEN_NONCE};
    const finq_secret *by;
    const char *text;
    (void)state;
    assert_null(load(&secrets, A, 0600));
    assert_null(finq_token_seal(&text, &token, finq_secrets_first(secrets), pool));
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++) { /* any one character changed, and any prefix */
        char *changed = apr_pstrdup(pool, text);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_null(finq_token_open(&opened, &by, changed, secrets, pool));
        assert_null(by);
        assert_null(finq_token_open(&opened, &by, apr_pstrndup(pool, text, i), secrets, pool));
        assert_null(by);
    }
    const char *odd[] = {NULL,
                         "",
                         "=",
                         "A",
                         "AAAA",
                         apr_pstrcat(pool, text, "=", NULL),
                         apr_pstrcat(pool, text, "\n", NULL),
                         apr_pstrcat(pool, " ", text, NULL),
                         apr_pstrcat(pool, text, "A", NULL)};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        assert_null(finq_token_open(&opened, &by, odd[i], secrets, pool));
        assert_null(by);
    }
    char *huge = apr_palloc(pool, 70001);
    memset(huge, 'A', 70000);
    huge[70000] = '\0';
    assert_null(finq_token_open(&opened, &by, huge, secrets, pool));
    assert_null(by);
    opened.kind = FINQ_TOKEN_TEMP;
    assert_null(finq_token_open(&opened, &by, text, secrets, pool));
    assert_null(by);
}

/* Red where the states are told in another order than they are asked, or a kind is taken for another. */
static void the_operator_is_told_why(void **state)
{
    static const finq_token_kind kinds[] = {FINQ_TOKEN_NONCE, FINQ_TOKEN_TEMP, FINQ_TOKEN_STATE};
    finq_secrets *old, *both, *new;
    finq_token token = sample(), opened;
    finq_seal seal;
    const char *text;
    (void)state;
    assert_null(load(&old, B, 0600));
    assert_null(load(&both, A "\n" B, 0600));
    assert_null(load(&new, A, 0600));
    for (int i = 0; i < 3; i++) {
        token.kind = kinds[i];
        assert_null(finq_token_seal(&text, &token, finq_secrets_first(old), pool));
        assert_null(finq_token_explain(&opened, &seal, text, both, pool));
        assert_int_equal(seal.state, FINQ_SEAL_INTACT);
        assert_int_equal(finq_secrets_place(both, seal.secret), 2);
        assert_int_equal(opened.kind, kinds[i]);
        assert_int_equal(opened.expires_at, token.expires_at);
    }
    assert_null(finq_token_explain(&opened, &seal, text, new, pool));
    assert_int_equal(seal.state, FINQ_SEAL_UNKNOWN_SECRET);
    assert_null(finq_token_explain(&opened, &seal, apr_pstrcat(pool, text, "\n", NULL), both, pool));
    assert_int_equal(seal.state, FINQ_SEAL_MALFORMED);
    char *changed = apr_pstrdup(pool, text);
    changed[40] = changed[40] == 'A' ? 'B' : 'A';
    assert_null(finq_token_explain(&opened, &seal, changed, both, pool));
    assert_int_equal(seal.state, FINQ_SEAL_FORGED);
    assert_null(seal.secret);
}

static void derived_values_depend_on_all_their_parts(void **state)
{
    finq_secrets *a, *b;
    finq_id session = finq_id_v7(apr_time_from_sec(1800000000), (const unsigned char *)"0123456789"), other = session, ids[4];
    (void)state;
    other.bytes[15] ^= 1;
    assert_null(load(&a, A, 0600));
    assert_null(load(&b, B, 0600));
    assert_null(finq_secret_step_id(&ids[0], finq_secrets_first(a), &session, 1, pool));
    assert_null(finq_secret_step_id(&ids[1], finq_secrets_first(a), &session, 2, pool));
    assert_null(finq_secret_step_id(&ids[2], finq_secrets_first(a), &other, 1, pool));
    assert_null(finq_secret_step_id(&ids[3], finq_secrets_first(b), &session, 1, pool));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(finq_id_time(&ids[i]), finq_id_time(&session));
        for (int j = 0; j < i; j++)
            assert_false(finq_id_equal(&ids[i], &ids[j]));
    }
}

static void ids_as_text(void **state)
{
    static const char *const bad[] = {NULL,
                                      "",
                                      "0190a6e0-1234-7abc-8def-0123456789a",
                                      "0190a6e0-1234-7abc-8def-0123456789abc",
                                      "0190a6e0x1234-7abc-8def-0123456789ab",
                                      "0190a6e0-1234-7abc-8def-0123456789ag",
                                      "{190a6e0-1234-7abc-8def-0123456789a}",
                                      "0190a6e012347abc8def0123456789ab----"};
    finq_id id;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(finq_id_parse(&id, bad[i]));
    assert_true(finq_id_parse(&id, "0190A6E0-1234-7abc-8def-0123456789ab"));
    assert_string_equal(finq_id_text(&id, pool), "0190a6e0-1234-7abc-8def-0123456789ab");
    assert_null(finq_id_new(&id, pool));
    assert_int_equal(id.bytes[6] >> 4, 7);
    assert_int_equal(id.bytes[8] >> 6, 2);
}

/* Red when: --drawn.left becomes drawn.left - 1 (all ids of a draw alike), or the check of the owner is taken out (a
 * forked process goes on with its parent's randomness). */
static void ids_share_no_randomness(void **state)
{
    enum { MANY = 200 };
    finq_id ids[MANY], of_child;
    int ends[2];
    (void)state;
    for (int i = 0; i < MANY; i++)
        assert_null(finq_id_new(&ids[i], pool));
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(finq_id_new(&of_child, pool) != NULL || write(ends[1], &of_child, sizeof of_child) != sizeof of_child);
    assert_null(finq_id_new(&ids[0], pool));
    assert_int_equal(read(ends[0], &of_child, sizeof of_child), sizeof of_child);
    ids[1] = of_child;
    assert_int_equal(waitpid(child, NULL, 0), child);
    for (int i = 0; i < MANY; i++) {
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(ids[i].bytes + 9, ids[j].bytes + 9, 7); /* without the time */
    }
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secret_files_that_are_refused),
        cmocka_unit_test(a_service_reads_its_credentials),
        cmocka_unit_test(what_is_sealed_opens_the_same),
        cmocka_unit_test(counts_do_not_wrap),
        cmocka_unit_test(every_secret_of_the_file_opens_and_no_other),
        cmocka_unit_test(nothing_else_opens),
        cmocka_unit_test(the_operator_is_told_why),
        cmocka_unit_test(derived_values_depend_on_all_their_parts),
        cmocka_unit_test(ids_as_text),
        cmocka_unit_test(ids_share_no_randomness),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_pool_destroy(pool);
    apr_terminate();
    return failed;
}
