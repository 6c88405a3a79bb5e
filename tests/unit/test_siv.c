#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_encode.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <openssl/err.h>
#include <string.h>

#include "crypto/siv.h"

#define LARGE 8192

static apr_pool_t *pool;

static finq_bytes hex(const char *digits)
{
    apr_size_t length = strlen(digits) / 2;
    unsigned char *bytes = apr_palloc(pool, length + 1);
    if (length)
        apr_decode_base16_binary(bytes, digits, (apr_ssize_t)(length * 2), 0, &length);
    return (finq_bytes){bytes, length};
}

static const char *hex_of(const unsigned char *bytes, apr_size_t length)
{
    return apr_pencode_base16_binary(pool, bytes, (apr_ssize_t)length, APR_ENCODE_LOWER, NULL);
}

static finq_siv *siv_of(const char *key)
{
    finq_siv *siv;
    assert_null(finq_siv_make(&siv, hex(key), pool));
    return siv;
}

static int opens(const finq_siv *siv, finq_bytes data, finq_bytes sealed)
{
    unsigned char message[LARGE];
    int intact;
    memset(message, 0xff, sizeof message);
    assert_null(finq_siv_open(&intact, message, siv, data, sealed, pool));
    assert_int_equal(ERR_peek_error(), 0);
    for (apr_size_t i = FINQ_SIV_TAG_BYTES; !intact && i < sealed.length; i++)
        assert_int_equal(message[i - FINQ_SIV_TAG_BYTES], 0); /* nothing of what does not open is seen */
    return intact;
}

/* RFC 5297, A.1; A.2 has several pieces of data. Red where the tag stands behind, or where the data is left out. */
static void the_example_of_the_rfc(void **state)
{
    static const char wanted[] = "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c";
    unsigned char sealed[30], opened[14];
    finq_siv *siv = siv_of("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    finq_bytes message = hex("112233445566778899aabbccddee"), data = hex("101112131415161718191a1b1c1d1e1f2021222324252627");
    int intact;
    (void)state;
    for (int again = 0; again < 2; again++) { /* no message changes the key's state */
        assert_null(finq_siv_seal(sealed, siv, data, message, pool));
        assert_string_equal(hex_of(sealed, sizeof sealed), wanted);
        assert_null(finq_siv_open(&intact, opened, siv, data, (finq_bytes){sealed, sizeof sealed}, pool));
        assert_true(intact);
        assert_memory_equal(opened, message.data, message.length);
    }
}

#define KEY "00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210"

/* Red where what EVP says of the tag is not asked, or where what is empty is given to OpenSSL: it says yes to that. */
static void what_is_altered_does_not_open(void **state)
{
    unsigned char sealed[FINQ_SIV_TAG_BYTES + 40];
    finq_siv *siv = siv_of(KEY KEY), *other = siv_of(KEY "10112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210");
    finq_bytes data = hex("0102030405"), others[] = {hex("0102030404"), hex("01020304"), hex("010203040500")};
    finq_bytes whole = {sealed, sizeof sealed};
    (void)state;
    memset(sealed, 'm', sizeof sealed);
    assert_null(finq_siv_seal(sealed, siv, data, (finq_bytes){(const unsigned char *)apr_pstrdup(pool, KEY), 40}, pool));
    assert_true(opens(siv, data, whole));
    assert_false(opens(other, data, whole));
    assert_false(opens(siv, hex("00"), whole));
    for (int i = 0; i < 3; i++)
        assert_false(opens(siv, others[i], whole));
    for (apr_size_t i = 0; i < sizeof sealed; i++) {
        sealed[i] ^= 0x10;
        assert_false(opens(siv, data, whole));
        sealed[i] ^= 0x10;
        assert_false(opens(siv, data, (finq_bytes){sealed, i}));
    }
}

static void every_length_of_message(void **state)
{
    unsigned char text[LARGE - FINQ_SIV_TAG_BYTES], sealed[LARGE], opened[LARGE];
    finq_siv *siv = siv_of(KEY KEY);
    finq_bytes data = hex("01");
    (void)state;
    for (apr_size_t i = 0; i < sizeof text; i++)
        text[i] = (unsigned char)(i * 7);
    for (apr_size_t length = 1; length <= sizeof text; length += length < 100 ? 1 : 997) {
        int intact;
        assert_null(finq_siv_seal(sealed, siv, data, (finq_bytes){text, length}, pool));
        finq_bytes whole = {sealed, length + FINQ_SIV_TAG_BYTES};
        assert_null(finq_siv_open(&intact, opened, siv, data, whole, pool));
        assert_true(intact);
        assert_memory_equal(opened, text, length);
    }
}

static void a_key_of_another_length_is_refused(void **state)
{
    finq_siv *siv;
    (void)state;
    ERR_set_mark();
    assert_non_null(finq_siv_make(&siv, hex("00112233"), pool));
    assert_non_null(finq_siv_make(&siv, hex(""), pool));
    ERR_pop_to_mark();
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_rfc),
        cmocka_unit_test(what_is_altered_does_not_open),
        cmocka_unit_test(every_length_of_message),
        cmocka_unit_test(a_key_of_another_length_is_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_pool_destroy(pool);
    apr_terminate();
    return failed;
}
