/* RSA signatures, made here from the numbers alone, so that any block of bytes can be signed. OpenSSL's own verification is what
 * ours is held to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "crypto/digest.h"
#include "sign/key.h"
#include "keys.h"

#define F4 "AQAB"
#define LENGTH_MAX 1024
#define TEXT "a text"

static apr_pool_t *pool;
static BN_CTX *numbers;

typedef struct {
    BIGNUM *n, *d;
    int length;
    const finq_key *key;
    EVP_PKEY *evp; /* the same for OpenSSL */
} pair;

static const char *base64url(const BIGNUM *number)
{
    unsigned char bytes[LENGTH_MAX];
    int length = BN_bn2bin(number, bytes);
    return finq_codec_encode(FINQ_BASE64URL, bytes, (apr_size_t)length, pool);
}

/* A modulus of exactly so many bits, of four primes or more, and their product of p - 1: small primes are found soon. */
static void modulus_make(BIGNUM *n, BIGNUM *phi, int bits)
{
    BIGNUM *p = BN_new(), *part = BN_new(), *last = BN_new();
    BN_one(part), BN_one(phi);
    while (bits - BN_num_bits(part) > 512) {
        BN_generate_prime_ex2(p, 448, 0, NULL, NULL, NULL, numbers);
        BN_mul(part, part, p, numbers);
        BN_sub_word(p, 1);
        BN_mul(phi, phi, p, numbers);
    }
    do {
        BN_generate_prime_ex2(last, bits - BN_num_bits(part), 0, NULL, NULL, NULL, numbers);
        BN_mul(n, part, last, numbers);
    } while (BN_num_bits(n) != bits);
    BN_sub_word(last, 1);
    BN_mul(phi, phi, last, numbers);
    BN_free(p), BN_free(part), BN_free(last);
}

static void pair_make(pair *made, int bits, const char *exponent)
{
    BIGNUM *phi = BN_new(), *e;
    apr_array_header_t *keys;
    finq_bytes bytes;
    finq_codec_decode(&bytes, FINQ_BASE64URL, exponent, strlen(exponent), pool);
    e = BN_bin2bn(bytes.data, (int)bytes.length, NULL);
    made->n = BN_new();
    do
        modulus_make(made->n, phi, bits);
    while (!(made->d = BN_mod_inverse(NULL, e, phi, numbers)));
    ERR_clear_error();
    const char *jwk = apr_psprintf(pool, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"}", base64url(made->n), exponent);
    assert_null(finq_key_read(&keys, FINQ_ALGORITHM_RS256, jwk, strlen(jwk), pool));
    made->key = APR_ARRAY_IDX(keys, 0, const finq_key *);
    const unsigned char *der = made->key->spki.data;
    made->evp = d2i_PUBKEY(NULL, &der, (long)made->key->spki.length);
    made->length = BN_num_bytes(made->n);
    BN_free(phi), BN_free(e);
}

static void pair_free(pair *made)
{
    BN_free(made->n), BN_free(made->d);
    EVP_PKEY_free(made->evp);
}

/* What OpenSSL says, which ours must say too. */
static int verdict(const pair *by, const unsigned char *signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, by->evp), 1);
    int good = EVP_DigestVerify(ctx, signature, (size_t)by->length, (const unsigned char *)TEXT, strlen(TEXT)) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    int ours = finq_key_verify(by->key, bytes_of(TEXT), (finq_bytes){signature, (apr_size_t)by->length});
    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(ours, good);
    return good;
}

static int verdict_of(const pair *by, const BIGNUM *signature)
{
    unsigned char bytes[LENGTH_MAX];
    assert_int_equal(BN_bn2binpad(signature, bytes, by->length), by->length);
    return verdict(by, bytes);
}

/* `block` to the power of d. */
static BIGNUM *sign(const pair *by, const unsigned char *block)
{
    BIGNUM *number = BN_bin2bn(block, by->length, NULL);
    assert_true(BN_ucmp(number, by->n) < 0);
    assert_int_equal(BN_mod_exp(number, number, by->d, by->n, numbers), 1);
    return number;
}

static int verdict_of_block(const pair *by, const unsigned char *block)
{
    BIGNUM *signature = sign(by, block);
    int good = verdict_of(by, signature);
    BN_free(signature);
    return good;
}

static const unsigned char info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                     0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
static const unsigned char info_without_null[] = {0x30, 0x2f, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48,
                                                  0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x04, 0x20};

/* 00 01 FF … 00, the DigestInfo, and `behind` bytes of nothing. */
static void block_make(unsigned char *block, int length, const void *digest_info, int info_length, int behind)
{
    unsigned char *hash = block + length - behind - 32;
    memset(block, 0xff, (size_t)length);
    block[0] = 0, block[1] = 1;
    finq_digest_sha256(hash, TEXT, strlen(TEXT));
    memcpy(hash - info_length, digest_info, (size_t)info_length);
    hash[-info_length - 1] = 0;
    memset(hash + 32, 0, (size_t)behind);
}

/* Red where a squaring is missing or the last factor is; where the other exponents are not left to OpenSSL; and where a number
 * beyond the modulus may stand for its rest. */
static void openssl_says_the_same(void **state)
{
    static const struct {
        int bits;
        const char *exponent;
    } rows[] = {{2048, F4}, {2049, F4}, {2111, F4}, {3072, F4}, {8192, F4}, {2048, "AQAD"}, {2048, "AQABAAE"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char block[LENGTH_MAX];
        pair by;
        pair_make(&by, rows[i].bits, rows[i].exponent);
        block_make(block, by.length, info, sizeof info, 0);
        BIGNUM *good = sign(&by, block), *other = BN_new();
        assert_true(verdict_of(&by, good));
        for (int bit = 0; bit < rows[i].bits; bit += 61) {
            BN_copy(other, good);
            BN_is_bit_set(other, bit) ? BN_clear_bit(other, bit) : BN_set_bit(other, bit);
            assert_false(verdict_of(&by, other));
        }
        BN_add(other, good, by.n);
        if (rows[i].bits % 8) /* else there may be no room for it */
            assert_false(verdict_of(&by, other));
        BN_sub(other, by.n, good);
        assert_false(verdict_of(&by, other));
        BN_free(good), BN_free(other);
        pair_free(&by);
    }
}

/* Numbers whose power is no surprise, and random ones. */
static void numbers_that_nobody_signed(void **state)
{
    BIGNUM *number = BN_new();
    pair by;
    (void)state;
    pair_make(&by, 2048, F4);
    for (int i = -2; i <= 2; i++) {
        BN_copy(number, by.n);
        i < 0 ? BN_sub_word(number, (BN_ULONG)-i) : BN_add_word(number, (BN_ULONG)i);
        assert_false(verdict_of(&by, number));
        BN_set_word(number, (BN_ULONG)(i + 2));
        assert_false(verdict_of(&by, number));
    }
    for (int i = 0; i < 500; i++) {
        BN_rand(number, 2048, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY);
        assert_false(verdict_of(&by, number));
    }
    BN_free(number);
    pair_free(&by);
}

/* A good signature of each wrong block. Red where any part of the block is not compared. */
static void one_encoding_passes(void **state)
{
    unsigned char block[LENGTH_MAX];
    pair by;
    (void)state;
    pair_make(&by, 2048, F4);
    block_make(block, by.length, info, sizeof info, 0);
    assert_true(verdict_of_block(&by, block));
    for (int i = 0; i < by.length; i++) {
        block[i] ^= 1;
        assert_false(verdict_of_block(&by, block));
        block[i] ^= 1;
    }
    static const int behind[] = {1, 2, 100, 256 - 2 - 8 - 1 - 19 - 32};
    for (int i = 0; i < 4; i++) {
        block_make(block, by.length, info, sizeof info, behind[i]);
        assert_false(verdict_of_block(&by, block));
    }
    block_make(block, by.length, info_without_null, sizeof info_without_null, 0);
    assert_false(verdict_of_block(&by, block));
    block_make(block, by.length, "", 0, 0);
    assert_false(verdict_of_block(&by, block));
    pair_free(&by);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    numbers = BN_CTX_new();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openssl_says_the_same),
        cmocka_unit_test(numbers_that_nobody_signed),
        cmocka_unit_test(one_encoding_passes),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    BN_CTX_free(numbers);
    apr_terminate();
    return failed;
}
