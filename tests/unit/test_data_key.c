#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_encode.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/data_key.h"

#define A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define B "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define CANARY "{\"name\":\"Ana Popescu\"}"

static apr_pool_t *pool;
static const finq_id one = {{1, 2, 3}}, other = {{4, 5, 6}};

static finq_error *load(finq_data_keys **keys, const char *text, mode_t mode)
{
    char path[] = "/tmp/finq_data_key_XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    fchmod(fd, mode);
    close(fd);
    finq_error *error = finq_data_keys_load(keys, path, pool);
    unlink(path);
    return error;
}

static finq_data_keys *keys_of(const char *text)
{
    finq_data_keys *keys;
    assert_null(load(&keys, text, 0600));
    return keys;
}

static finq_bytes wrapped_for(const finq_data_keys *keys, const finq_id *owner)
{
    finq_bytes wrapped;
    assert_null(finq_data_key_make(&wrapped, keys, owner, pool));
    assert_int_equal(wrapped.length, FINQ_DATA_KEY_WRAPPED);
    return wrapped;
}

static finq_data_key *unwrapped(const finq_data_keys *keys, finq_bytes wrapped)
{
    finq_data_key *key;
    assert_null(finq_data_key_unwrap(&key, keys, wrapped, pool));
    return key;
}

static finq_bytes sealed_at(const finq_data_key *key, finq_data_place place, const char *text)
{
    finq_bytes sealed;
    assert_null(finq_data_key_seal(&sealed, key, place, text, pool));
    return sealed;
}

static const char *opened_at(const finq_data_key *key, finq_data_place place, finq_bytes sealed)
{
    const char *text;
    assert_null(finq_data_key_open(&text, key, place, sealed, pool));
    return text;
}

static void stays_shut(const finq_data_key *key, finq_data_place place, finq_bytes sealed)
{
    const char *text = "unset";
    finq_error *error = finq_data_key_open(&text, key, place, sealed, pool);
    assert_non_null(error);
    assert_int_equal(error->code, FINQ_E_INTERNAL_SERVER_ERROR);
    assert_null(text);
}

static finq_bytes copy_of(finq_bytes bytes)
{
    return (finq_bytes){apr_pmemdup(pool, bytes.data, bytes.length), bytes.length};
}

static void a_file_is_read_as_strictly_as_a_secret_file(void **state)
{
    finq_data_keys *keys;
    (void)state;
    assert_non_null(load(&keys, A, 0640));
    assert_non_null(load(&keys, "", 0600));
    assert_non_null(load(&keys, "0011\n", 0600));
    assert_non_null(finq_data_keys_load(&keys, "/nonexistent/key", pool));
    assert_int_equal(finq_data_keys_count(keys_of("# newest first\n" A "\n" B "\n")), 2);
}

static void a_key_is_its_sessions_and_no_other_has_it(void **state)
{
    finq_data_keys *keys = keys_of(A);
    finq_bytes wrapped = wrapped_for(keys, &one), again = wrapped_for(keys, &one);
    (void)state;
    assert_memory_not_equal(wrapped.data, again.data, wrapped.length);
    finq_data_key *key = unwrapped(keys, wrapped);
    assert_true(finq_id_equal(finq_data_key_owner(key), &one));
    finq_bytes sealed = sealed_at(key, FINQ_DATA_PLACE("step", &one, &one), CANARY);
    assert_null(memmem(sealed.data, sealed.length, "Popescu", 7));
    assert_string_equal(opened_at(unwrapped(keys, wrapped), FINQ_DATA_PLACE("step", &one, &one), sealed), CANARY);
    stays_shut(unwrapped(keys, again), FINQ_DATA_PLACE("step", &one, &one), sealed);
}

/* Red with the owner or the wrapping key's id out of what is authenticated. */
static void a_wrapped_key_is_bound_to_what_it_says(void **state)
{
    finq_data_keys *keys = keys_of(A "\n" B);
    finq_bytes wrapped = wrapped_for(keys, &one);
    (void)state;
    unsigned char altered[FINQ_DATA_KEY_WRAPPED];
    finq_bytes shown = {altered, sizeof altered};
    finq_data_key *key;
    for (apr_size_t i = 0; i < sizeof altered; i++) {
        memcpy(altered, wrapped.data, sizeof altered);
        altered[i] ^= 1;
        assert_non_null(finq_data_key_unwrap(&key, keys, shown, pool));
    }
    memcpy(altered, wrapped.data, sizeof altered);
    memcpy(altered + 1, finq_data_keys_id(keys, 1).data, FINQ_DATA_KEY_ID_BYTES);
    assert_int_equal(finq_data_key_unwrap(&key, keys, shown, pool)->code, FINQ_E_INTERNAL_SERVER_ERROR);
    for (apr_size_t length = 0; length < wrapped.length; length++)
        assert_non_null(finq_data_key_unwrap(&key, keys, (finq_bytes){wrapped.data, length}, pool));
    assert_non_null(finq_data_key_unwrap(&key, keys, (finq_bytes){NULL, 0}, pool));
}

/* Red where the first key is asked alone, and where the id does not stand in the error. */
static void every_key_of_the_file_unwraps_and_one_that_is_gone_is_named(void **state)
{
    finq_data_keys *old = keys_of(A), *both = keys_of(B "\n" A), *new = keys_of(B);
    finq_bytes wrapped = wrapped_for(old, &one), rewrapped;
    finq_data_key *key;
    (void)state;
    finq_bytes sealed = sealed_at(unwrapped(old, wrapped), FINQ_DATA_PLACE("step", &one, &one), CANARY);
    assert_string_equal(opened_at(unwrapped(both, wrapped), FINQ_DATA_PLACE("step", &one, &one), sealed), CANARY);
    finq_error *error = finq_data_key_unwrap(&key, new, wrapped, pool);
    assert_int_equal(error->code, FINQ_E_SERVICE_UNAVAILABLE);
    assert_non_null(strstr(error->cause, apr_pencode_base16_binary(pool, finq_data_keys_id(old, 0).data, FINQ_DATA_KEY_ID_BYTES,
                                                                   APR_ENCODE_LOWER, NULL)));
    assert_int_equal(finq_data_key_rewrap(&rewrapped, new, wrapped, pool)->code, FINQ_E_SERVICE_UNAVAILABLE);
    assert_null(finq_data_key_rewrap(&rewrapped, both, wrapped, pool));
    assert_memory_equal(rewrapped.data + 1, finq_data_keys_id(new, 0).data, FINQ_DATA_KEY_ID_BYTES);
    assert_string_equal(opened_at(unwrapped(new, rewrapped), FINQ_DATA_PLACE("step", &one, &one), sealed), CANARY);
    assert_non_null(finq_data_key_unwrap(&key, old, rewrapped, pool));
}

/* Red with kind, session or row out of what is authenticated, or where the kind's NUL is not. */
static void a_value_opens_at_its_place_alone(void **state)
{
    unsigned char run_on[1 + sizeof one.bytes] = "p";
    finq_data_keys *keys = keys_of(A);
    finq_data_key *key = unwrapped(keys, wrapped_for(keys, &one));
    finq_bytes sealed = sealed_at(key, FINQ_DATA_PLACE("step", &one, &one), CANARY);
    (void)state;
    memcpy(run_on + 1, one.bytes, sizeof one.bytes);
    stays_shut(key, FINQ_DATA_PLACE("step", &one, &other), sealed);
    stays_shut(key, FINQ_DATA_PLACE("step", &other, &one), sealed);
    stays_shut(key, FINQ_DATA_PLACE("reply", &one, &one), sealed);
    stays_shut(key, (finq_data_place){"ste", &one, {run_on, sizeof run_on}}, sealed);
    for (apr_size_t i = 0; i < sealed.length; i++) {
        finq_bytes altered = copy_of(sealed);
        ((unsigned char *)altered.data)[i] ^= 1;
        stays_shut(key, FINQ_DATA_PLACE("step", &one, &one), altered);
        stays_shut(key, FINQ_DATA_PLACE("step", &one, &one), (finq_bytes){sealed.data, i});
    }
}

static void what_is_empty_and_what_is_not_there(void **state)
{
    finq_data_keys *keys = keys_of(A);
    finq_data_key *key = unwrapped(keys, wrapped_for(keys, &one));
    (void)state;
    assert_string_equal(
        opened_at(key, FINQ_DATA_PLACE("link", &one, &one), sealed_at(key, FINQ_DATA_PLACE("link", &one, &one), "")), "");
    assert_null(sealed_at(key, FINQ_DATA_PLACE("link", &one, &one), NULL).data);
    assert_null(opened_at(key, FINQ_DATA_PLACE("link", &one, &one), (finq_bytes){NULL, 0}));
}

static void what_is_derived_depends_on_key_salt_and_purpose(void **state)
{
    finq_data_keys *keys = keys_of(A);
    finq_data_key *key = unwrapped(keys, wrapped_for(keys, &one)), *second = unwrapped(keys, wrapped_for(keys, &one));
    finq_bytes salt = {(const unsigned char *)"salt", 4}, no_salt = {NULL, 0};
    unsigned char made[5][32];
    (void)state;
    assert_null(finq_data_key_derive(made[0], 32, key, salt, "segment", pool));
    assert_null(finq_data_key_derive(made[1], 32, key, no_salt, "segment", pool));
    assert_null(finq_data_key_derive(made[2], 32, key, salt, "other", pool));
    assert_null(finq_data_key_derive(made[3], 32, second, salt, "segment", pool));
    for (int i = 1; i < 4; i++)
        assert_memory_not_equal(made[0], made[i], 32);
    assert_null(finq_data_key_derive(made[4], 32, key, salt, "segment", pool));
    assert_memory_equal(made[0], made[4], 32);
}

static int setup(void **state)
{
    (void)state;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_as_strictly_as_a_secret_file),
        cmocka_unit_test(a_key_is_its_sessions_and_no_other_has_it),
        cmocka_unit_test(a_wrapped_key_is_bound_to_what_it_says),
        cmocka_unit_test(every_key_of_the_file_unwraps_and_one_that_is_gone_is_named),
        cmocka_unit_test(a_value_opens_at_its_place_alone),
        cmocka_unit_test(what_is_empty_and_what_is_not_there),
        cmocka_unit_test(what_is_derived_depends_on_key_salt_and_purpose),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
