#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <stdio.h>
#include <string.h>

#include "crypto/digest.h"

static apr_pool_t *pool;

static const char *hex(const unsigned char digest[FINQ_DIGEST_SHA256])
{
    static char text[2 * FINQ_DIGEST_SHA256 + 1];
    for (int i = 0; i < FINQ_DIGEST_SHA256; i++)
        sprintf(text + 2 * i, "%02x", digest[i]);
    return text;
}

/* FIPS 180-4's own examples. Red: EVP_sha512_256 in place of EVP_sha256. */
static const char *const vectors[][2] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void check_vectors(void)
{
    unsigned char digest[FINQ_DIGEST_SHA256];
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        size_t n = strlen(vectors[i][0]);
        finq_digest_sha256(digest, vectors[i][0], n);
        assert_string_equal(hex(digest), vectors[i][1]);
        for (size_t split = 0; split <= n; split++) {
            finq_digest *pieces = finq_digest_new(pool);
            finq_digest_update(pieces, vectors[i][0], split);
            finq_digest_update(pieces, vectors[i][0] + split, n - split);
            finq_digest_final(digest, pieces);
            assert_string_equal(hex(digest), vectors[i][1]);
        }
    }
}

static void known_answers(void **state)
{
    (void)state;
    check_vectors();
}

/* As at a graceful restart: prepared, released with its pool, prepared again. Red (AddressSanitizer): leave
 * `prepared` as it is in prepared_release. */
static void prepared_and_released(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        apr_pool_t *life;
        apr_pool_create(&life, NULL);
        finq_digest_prepare(life);
        finq_digest_prepare(life);
        check_vectors();
        apr_pool_destroy(life);
        check_vectors();
    }
}

/* Red: compare n - 1 bytes. */
static void equality_sees_every_byte(void **state)
{
    unsigned char a[FINQ_DIGEST_SHA256] = {0}, b[FINQ_DIGEST_SHA256] = {0};
    (void)state;
    assert_true(finq_digest_equal(a, b, sizeof a));
    for (size_t i = 0; i < sizeof a; i++) {
        b[i] = 1;
        assert_false(finq_digest_equal(a, b, sizeof a));
        b[i] = 0;
    }
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(prepared_and_released),
        cmocka_unit_test(equality_sees_every_byte),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
