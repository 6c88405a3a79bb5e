#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <openssl/err.h>

#include "sign/key.h"
#include "keys.h"

static apr_pool_t *pool;
static EVP_PKEY *rsa, *p256, *p384, *ed25519;

static const char *read_text(apr_array_header_t **keys, finq_algorithm algorithm, const char *text)
{
    finq_error *error = finq_key_read(keys, algorithm, text, strlen(text), pool);
    assert_int_equal(ERR_peek_error(), 0); /* the thread's queue belongs to mod_ssl too */
    if (error)
        assert_int_equal(error->code, FINQ_E_INVALID_INPUT);
    return error ? error->message : NULL;
}

static const finq_key *only_key(finq_algorithm algorithm, const char *text)
{
    apr_array_header_t *keys;
    const char *message = read_text(&keys, algorithm, text);
    if (message)
        fail_msg("%s", message);
    assert_int_equal(keys->nelts, 1);
    return APR_ARRAY_IDX(keys, 0, const finq_key *);
}

/* The thumbprints of RFC 7638 section 3.1 and RFC 8037 appendix A.3. */
static void thumbprints_are_those_of_the_rfcs(void **state)
{
    (void)state;
    assert_string_equal(only_key(FINQ_ALGORITHM_RS256,
                                 "{\"kty\":\"RSA\",\"alg\":\"RS256\",\"e\":\"AQAB\",\"n\":"
                                 "\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFb"
                                 "WhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
                                 "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArw"
                                 "l93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"
                                 "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpb"
                                 "ISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-"
                                 "csFCur-kEgU8awapJzKnqDKgw"
                                 "\"}")
                            ->kid,
                        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_string_equal(only_key(FINQ_ALGORITHM_ED25519, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7"
                                                         "TyWQHOg7hcvPapiMlrwIaaPcHURo\"}")
                            ->kid,
                        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

/* One key in its five shapes is one key: same bytes for storage, same thumbprint. */
static void all_shapes_give_the_same_key(void **state)
{
    const char *certificate = pem_certificate(rsa, pool);
    const char *inner = apr_pstrdup(pool, certificate);
    char *escaped = apr_pstrcat(pool, "{\"first\": \"", NULL);
    for (const char *c = inner; *c; c++)
        escaped = apr_psprintf(pool, *c == '\n' ? "%s\\n" : "%s%c", escaped, *c);
    const struct {
        const char *text, *kid;
    } rows[] = {
        {pem_public(rsa, pool), NULL},
        {certificate, NULL},
        {apr_pstrcat(pool, "Subject: nobody\n\n", certificate, NULL), NULL},
        {jwk_text(rsa, "", pool), NULL},
        {jwk_text(rsa, ",\"kid\":\"k-1\",\"use\":\"sig\",\"alg\":\"RS256\",\"key_ops\":[\"verify\"],\"x5c\":[\"?\"]", pool),
         "k-1"},
        {apr_psprintf(pool, " {\"keys\": [%s]}", jwk_text(rsa, "", pool)), NULL},
        {apr_pstrcat(pool, escaped, "\"}", NULL), "first"},
    };
    const finq_key *one = only_key(FINQ_ALGORITHM_RS256, rows[0].text);
    (void)state;
    assert_string_equal(one->found, "RSA of 2048 bits");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const finq_key *key = only_key(FINQ_ALGORITHM_RS256, rows[i].text), *loaded;
        assert_string_equal(key->kid, rows[i].kid ? rows[i].kid : one->kid);
        assert_int_equal(key->spki.length, one->spki.length);
        assert_memory_equal(key->spki.data, one->spki.data, one->spki.length);
        finq_key_row row = {key->kid, key->algorithm, key->spki, 1};
        assert_null(finq_key_load(&loaded, &row, pool));
        assert_string_equal(loaded->kid, key->kid);
        assert_int_equal(loaded->revoked, 1);
    }
}

static void a_set_keeps_its_keys_apart(void **state)
{
    apr_array_header_t *keys;
    const char *set =
        apr_psprintf(pool, "{\"keys\":[%s,%s]}", jwk_text(rsa, ",\"kid\":\"a\"", pool), jwk_text(rsa, ",\"kid\":\"b\"", pool));
    (void)state;
    assert_null(read_text(&keys, FINQ_ALGORITHM_RS256, set));
    assert_int_equal(keys->nelts, 2);
    assert_string_equal(finq_key_find(keys, "b")->kid, "b");
    assert_null(finq_key_find(keys, "c"));
}

static const char *set_of(int count)
{
    const char *list = "";
    for (int i = 0; i < count; i++)
        list = apr_pstrcat(pool, list, i ? "," : "", jwk_text(rsa, apr_psprintf(pool, ",\"kid\":\"%d\"", i), pool), NULL);
    return apr_psprintf(pool, "{\"keys\":[%s]}", list);
}

/* An RSA JWK with a modulus of so many bits that ends in `last`; nobody knows its factors. */
static const char *rsa_of(int bits, unsigned char last, const char *e)
{
    unsigned char n[1100];
    int length = (bits + 7) / 8;
    memset(n, 0xa5, sizeof n);
    n[0] = (unsigned char)(bits % 8 ? 1 << (bits % 8 - 1) : 0x80);
    n[length - 1] = last;
    return apr_psprintf(pool, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"}",
                        finq_codec_encode(FINQ_BASE64URL, n, (size_t)length, pool), e);
}

/* A P-256 key whose curve is spelled out in it, and an RSA key bound to PSS. */
static EVP_PKEY *special_make(const char *type)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0),
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, "explicit", 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_keygen_init(ctx);
    if (strcmp(type, "EC") == 0)
        EVP_PKEY_CTX_set_params(ctx, params);
    EVP_PKEY_generate(ctx, &key);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* Each row turns red when its check is taken out of key_build.c or key_read.c. */
static void refuses_and_says_why(void **state)
{
    EVP_PKEY *e3 = rsa_make(2048, 3), *short_key = rsa_make(1024, 65537), *tiny = rsa_make(512, 65537);
    EVP_PKEY *explicit = special_make("EC"), *pss = special_make("RSA-PSS");
    const finq_algorithm rs256 = FINQ_ALGORITHM_RS256;
    const struct {
        finq_algorithm algorithm;
        const char *text, *says;
    } rows[] = {
        {rs256, pem_public(tiny, pool), "Found an RSA key of 512 bits"},
        {rs256, pem_public(short_key, pool), "Found an RSA key of 1024 bits"},
        {rs256, pem_certificate(short_key, pool), "Found an RSA key of 1024 bits"},
        {rs256, rsa_of(2047, 1, "AQAB"), "Found an RSA key of 2047 bits"},
        {rs256, rsa_of(8193, 1, "AQAB"), "Found an RSA key of 8193 bits"},
        {rs256, rsa_of(2048, 2, "AQAB"), "even modulus"},
        {rs256, pem_public(e3, pool), "unsafe public exponent"},
        {rs256, rsa_of(2048, 1, "AQ"), "unsafe public exponent"},
        {rs256, rsa_of(2048, 1, "AA"), "unsafe public exponent"},
        {rs256, rsa_of(2048, 1, ""), "unsafe public exponent"},
        {rs256, rsa_of(2048, 1, "_w"), "unsafe public exponent"},
        {rs256, rsa_of(2048, 1, "AQAA"), "unsafe public exponent"},
        {rs256, rsa_of(2048, 1, "AQAAAAAAAAAB"), "unsafe public exponent"},
        {rs256, jwk_text(rsa, ",\"use\":\"enc\"", pool), "\"use\" is not \"sig\""},
        {rs256, jwk_text(rsa, ",\"use\":1", pool), "\"use\" is not \"sig\""},
        {rs256, jwk_text(rsa, ",\"alg\":\"PS256\"", pool), "\"alg\" is PS256: for RS256 it must be RS256"},
        {rs256, jwk_text(rsa, ",\"alg\":\"RSA-OAEP\"", pool), "\"alg\" is RSA-OAEP"},
        {rs256, jwk_text(rsa, ",\"alg\":5", pool), "\"alg\" is no string"},
        {rs256, jwk_text(rsa, ",\"key_ops\":[\"sign\"]", pool), "lack \"verify\""},
        {rs256, jwk_text(rsa, ",\"key_ops\":\"verify\"", pool), "lack \"verify\""},
        {rs256, jwk_text(rsa, ",\"d\":\"AQAB\"", pool), "private member \"d\": keep it, and send the public half."},
        {rs256, jwk_text(rsa, ",\"qi\":null", pool), "private member \"qi\""},
        {rs256, jwk_text(rsa, ",\"kid\":\"a b\"", pool), "the kid \"a b\""},
        {rs256, jwk_text(rsa, ",\"kid\":\"\"", pool), "the kid \"\""},
        {rs256, jwk_text(rsa, ",\"kid\":\"' OR 1=1--\"", pool), "the kid"},
        {rs256, jwk_text(rsa, ",\"kid\":7", pool), "\"kid\" is no string"},
        {rs256, jwk_text(rsa, ",\"kid\":\"x\",\"kid\":\"y\"", pool), "names a member twice"},
        {rs256, "{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}", "private member \"k\""},
        {rs256, "{\"kty\":\"oct\"}", "\"kty\" oct"},
        {rs256, "{\"kty\":\"RSA\",\"n\":\"AQAB=\",\"e\":\"AQAB\"}", "\"n\" is missing or no base64url"},
        {rs256, "{\"kty\":\"RSA\",\"n\":\"AQAB\"}", "\"e\" is missing"},
        {rs256, set_of(11), "more than 10 keys"},
        {rs256, apr_psprintf(pool, "{\"keys\":[%s,%s]}", jwk_text(rsa, "", pool), jwk_text(rsa, "", pool)), "twice"},
        {rs256, "{\"keys\":[]}", "no key"},
        {rs256, "{\"keys\":[1]}", "no object"},
        {rs256, "{}", "no key"},
        {rs256, "{\"k1\":\"hello\"}", "\"k1\" is no PEM certificate"},
        {rs256, "{\"k1\":1}", "\"k1\" is no PEM certificate"},
        {rs256, "{\"kty\":", "The key material is not a JSON object"},
        {rs256, "[]", "The key material is JSON but not an object"},
        {rs256, "", "neither JSON nor PEM"},
        {rs256, "hello", "neither JSON nor PEM"},
        {rs256, pem_private(rsa, pool), "a private key: keep it, and send the public half"},
        {rs256, "-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n", "openssl rsa -RSAPublicKey_in"},
        {rs256, "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "a PEM \"X509 CRL\""},
        {rs256, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "cannot be decoded"},
        {rs256, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be decoded"},
        {rs256, apr_pstrcat(pool, pem_public(rsa, pool), pem_public(rsa, pool), NULL), "several PEM blocks"},
        {rs256, pem_public(p256, pool), "Found an EC key: RS256 needs an RSA key."},
        {rs256, pem_public(ed25519, pool), "Found an OKP key: RS256 needs an RSA key."},
        {FINQ_ALGORITHM_ECDSA_P256_SHA256, pem_public(p384, pool), "does not name the curve P-256"},
        {FINQ_ALGORITHM_ECDSA_P256_SHA256, pem_public(explicit, pool), "does not name the curve P-256"},
        {FINQ_ALGORITHM_RSA_PSS_SHA512, pem_public(pss, pool), "export it as a plain RSA key"},
        {FINQ_ALGORITHM_ECDSA_P256_SHA256, pem_public(rsa, pool), "needs an EC key"},
        {FINQ_ALGORITHM_ECDSA_P256_SHA256, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQAB\",\"y\":\"AQAB\"}", "32 bytes"},
        {FINQ_ALGORITHM_ECDSA_P256_SHA256,
         "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
         "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
         "no point of its curve"},
        {FINQ_ALGORITHM_ECDSA_P256_SHA256, "{\"kty\":\"EC\",\"crv\":\"P-384\"}", "\"kty\" EC"},
        {FINQ_ALGORITHM_ED25519, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQAB\"}", "32 bytes"},
        {FINQ_ALGORITHM_RSA_PSS_SHA512, jwk_text(rsa, ",\"alg\":\"RS256\"", pool), "it must be PS512"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        apr_array_header_t *keys = NULL;
        const char *message = read_text(&keys, rows[i].algorithm, rows[i].text);
        if (!message || !strstr(message, rows[i].says))
            fail_msg("row %d: wanted \"%s\", got \"%s\"", (int)i, rows[i].says, message ? message : "a key");
        assert_null(keys);
    }
    EVP_PKEY_free(e3), EVP_PKEY_free(short_key), EVP_PKEY_free(tiny);
    EVP_PKEY_free(explicit), EVP_PKEY_free(pss);
}

static void borders_are_inside(void **state)
{
    (void)state;
    assert_string_equal(only_key(FINQ_ALGORITHM_RS256, rsa_of(2048, 1, "AQAB"))->found, "RSA of 2048 bits");
    assert_string_equal(only_key(FINQ_ALGORITHM_RS256, rsa_of(8192, 1, "AQAB"))->found, "RSA of 8192 bits");
    only_key(FINQ_ALGORITHM_RS256, rsa_of(2048, 1, "AAABAAE"));
    only_key(FINQ_ALGORITHM_RS256, rsa_of(2048, 1, "__________8"));
    char kid[130];
    memset(kid, 'k', sizeof kid);
    kid[129] = '\0';
    assert_false(finq_key_is_kid(kid));
    kid[128] = '\0';
    assert_true(finq_key_is_kid(kid));
    assert_true(finq_key_is_kid("A-Z.a_9"));
    assert_false(finq_key_is_kid("a/b"));
    assert_false(finq_key_is_kid("a\nb"));
}

/* A row that somebody put into the database past finq_key_read is held to the same checks. Red when
 * finq_key_load skips finq_key_build or the comparison with the canonical bytes. */
static void a_stored_key_is_checked_again(void **state)
{
    EVP_PKEY *weak = rsa_make(1024, 65537);
    unsigned char *der = NULL;
    int length = i2d_PUBKEY(weak, &der);
    const finq_key *key = NULL;
    finq_key_row row = {"k", FINQ_ALGORITHM_RS256, {der, (size_t)length}, 0};
    (void)state;
    finq_error *error = finq_key_load(&key, &row, pool);
    assert_int_equal(error->code, FINQ_E_INTERNAL_SERVER_ERROR);
    assert_non_null(strstr(error->cause, "1024 bits"));
    OPENSSL_free(der);
    const finq_key *good = only_key(FINQ_ALGORITHM_RS256, pem_public(rsa, pool));
    unsigned char *longer = apr_pmemdup(pool, good->spki.data, good->spki.length + 1);
    row = (finq_key_row){"k", FINQ_ALGORITHM_RS256, {longer, good->spki.length + 1}, 0};
    assert_non_null(finq_key_load(&key, &row, pool));
    row = (finq_key_row){"no kid", FINQ_ALGORITHM_RS256, good->spki, 0};
    assert_non_null(finq_key_load(&key, &row, pool));
    row = (finq_key_row){"k", FINQ_ALGORITHM_ED25519, good->spki, 0};
    assert_non_null(finq_key_load(&key, &row, pool));
    assert_null(key);
    assert_int_equal(ERR_peek_error(), 0);
    EVP_PKEY_free(weak);
}

static void each_algorithm_verifies_its_own_signature_only(void **state)
{
    EVP_PKEY *keys[] = {rsa, rsa, rsa, p256, ed25519};
    const finq_bytes text = bytes_of("a text"), other = bytes_of("A text");
    (void)state;
    for (int a = 0; a < FINQ_ALGORITHM_COUNT; a++) {
        finq_signer *signer;
        finq_bytes signature;
        const char *pem = pem_private(keys[a], pool);
        assert_null(finq_signer_read(&signer, a, pem, strlen(pem), pool));
        assert_null(finq_signer_sign(&signature, signer, text, pool));
        finq_key key = *finq_signer_key(signer);
        assert_true(finq_key_verify(&key, text, signature));
        assert_false(finq_key_verify(&key, other, signature));
        assert_false(finq_key_verify(&key, text, (finq_bytes){signature.data, signature.length - 1}));
        assert_false(finq_key_verify(&key, text, (finq_bytes){signature.data, 0}));
        for (int b = 0; b < FINQ_ALGORITHM_COUNT; b++) {
            finq_key wrong = *only_key(b, pem_public(keys[b], pool));
            int same = a == b || (a < 2 && b < 2); /* RS256 is rsa-v1_5-sha256 under another name */
            assert_int_equal(finq_key_verify(&wrong, text, signature), same);
        }
        key.revoked = 1;
        assert_false(finq_key_verify(&key, text, signature));
        assert_int_equal(ERR_peek_error(), 0);
    }
}

/* RFC 9421, 3.3.1: the salt has 64 bytes. Red when finq_key_pad leaves its length to the signature. */
static void pss_has_one_salt_length(void **state)
{
    static const int salts[] = {64, 32, 63, RSA_PSS_SALTLEN_MAX};
    const finq_key *key = only_key(FINQ_ALGORITHM_RSA_PSS_SHA512, pem_public(rsa, pool));
    (void)state;
    for (int i = 0; i < 4; i++) {
        const char *text = signature_text(rsa, EVP_sha512(), salts[i], "a text", pool);
        finq_bytes signature;
        assert_true(finq_codec_decode(&signature, FINQ_BASE64URL, text, strlen(text), pool));
        assert_int_equal(finq_key_verify(key, bytes_of("a text"), signature), salts[i] == 64);
    }
}

static void reads_no_signer_it_should_not(void **state)
{
    static const char *const rows[] = {"", "hello",
                                       "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"
                                       "-----END ENCRYPTED PRIVATE KEY-----\n"};
    finq_signer *signer;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_non_null(
            strstr(finq_signer_read(&signer, FINQ_ALGORITHM_RS256, rows[i], strlen(rows[i]), pool)->message, "passphrase"));
    const char *pem = pem_private(p256, pool);
    assert_non_null(finq_signer_read(&signer, FINQ_ALGORITHM_RS256, pem, strlen(pem), pool));
    assert_int_equal(ERR_peek_error(), 0);
}

static void names_of_algorithms(void **state)
{
    finq_algorithm algorithm;
    (void)state;
    for (int i = 0; i < FINQ_ALGORITHM_COUNT; i++) {
        assert_true(finq_algorithm_find(&algorithm, finq_algorithm_name(i)));
        assert_int_equal(algorithm, i);
    }
    assert_false(finq_algorithm_find(&algorithm, "HS256"));
    assert_false(finq_algorithm_find(&algorithm, "none"));
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    rsa = rsa_make(2048, 65537);
    p256 = EVP_EC_gen("P-256");
    p384 = EVP_EC_gen("P-384");
    ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thumbprints_are_those_of_the_rfcs),
        cmocka_unit_test(all_shapes_give_the_same_key),
        cmocka_unit_test(a_set_keeps_its_keys_apart),
        cmocka_unit_test(refuses_and_says_why),
        cmocka_unit_test(borders_are_inside),
        cmocka_unit_test(a_stored_key_is_checked_again),
        cmocka_unit_test(each_algorithm_verifies_its_own_signature_only),
        cmocka_unit_test(pss_has_one_salt_length),
        cmocka_unit_test(reads_no_signer_it_should_not),
        cmocka_unit_test(names_of_algorithms),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    EVP_PKEY_free(rsa), EVP_PKEY_free(p256), EVP_PKEY_free(p384), EVP_PKEY_free(ed25519);
    apr_terminate();
    return failed;
}
