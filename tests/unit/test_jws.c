#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <openssl/err.h>
#include <openssl/hmac.h>

#include "json/compact.h"
#include "crypto/digest.h"
#include "sign/jws.h"
#include "keys.h"

#define NOW APR_INT64_C(1700000000)
#define HEADER "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}"
#define NAMES "\"iss\":\"a@b.c\",\"sub\":\"a@b.c\",\"email\":\"a@b.c\""
#define CLAIMS                                                                                  \
    "{\"iat\":1700000000,\"exp\":1700000300," NAMES ",\"aud\":\"api.finqware.com\",\"digest\":" \
    "\"tzRBPGROxJ9qfAfYiyZyRFgtZCLYnu6VVRH2s8DcsPI=\"}"

static apr_pool_t *pool, *scratch;
static EVP_PKEY *rsa, *rsa_other, *p256, *ed25519;
static apr_array_header_t *keys;

static finq_key *key_register(EVP_PKEY *evp, finq_algorithm algorithm, const char *kid)
{
    apr_array_header_t *read;
    const char *pem = pem_public(evp, pool);
    assert_null(finq_key_read(&read, algorithm, pem, strlen(pem), pool));
    finq_key *key = apr_pmemdup(pool, APR_ARRAY_IDX(read, 0, const finq_key *), sizeof *key);
    key->kid = kid;
    return key;
}

static const char *part(const char *text)
{
    return finq_codec_encode(FINQ_BASE64URL, (const unsigned char *)text, strlen(text), scratch);
}

static const char *input_of(const char *header, const char *claims)
{
    return apr_pstrcat(scratch, part(header), ".", part(claims), NULL);
}

static const char *jws_with(EVP_PKEY *key, const EVP_MD *hash, int salt, const char *input)
{
    return apr_pstrcat(scratch, input, ".", signature_text(key, hash, salt, input, scratch), NULL);
}

static const char *jws_of(const char *header, const char *claims)
{
    return jws_with(rsa, EVP_sha256(), 0, input_of(header, claims));
}

static finq_error *verify_n(const finq_claims **claims, const char *text, size_t length)
{
    finq_jws *jws;
    FINQ_TRY(finq_jws_parse(&jws, text, length, scratch));
    return finq_jws_verify(claims, jws, keys, scratch);
}

static finq_error *verify(const finq_claims **claims, const char *text)
{
    finq_error *error = verify_n(claims, text, strlen(text));
    assert_int_equal(ERR_peek_error(), 0);
    return error;
}

static void refused(const char *text, const char *says, int row)
{
    const finq_claims *claims = NULL;
    finq_error *error = verify(&claims, text);
    if (!error || !strstr(error->message, says))
        fail_msg("row %d: wanted \"%s\", got \"%s\"", row, says, error ? error->message : "claims");
    assert_int_equal(error->code, FINQ_E_INVALID_SIGNATURE);
    assert_null(claims);
}

static void a_good_one_gives_its_claims(void **state)
{
    static const char *const headers[] = {HEADER, "{\"alg\":\"RS256\"}",
                                          "{\"alg\":\"RS256\",\"typ\":\"jwt\",\"x5t\":\"?\",\"cty\":\"x\"}"};
    const finq_claims *claims;
    (void)state;
    for (int i = 0; i < 3; i++) {
        finq_error *error = verify(&claims, jws_of(headers[i], CLAIMS));
        if (error)
            fail_msg("%s", error->message);
        assert_string_equal(claims->kid, "k1");
        assert_string_equal(claims->issuer, "a@b.c");
        assert_int_equal(claims->issued, NOW);
        assert_int_equal(claims->expires, NOW + 300);
        assert_int_equal(claims->audiences->nelts, 1);
        assert_null(claims->jti);
    }
}

/* Threat 6. Every signature here is a good one of its own kind. Red when check_alg is skipped (left column)
 * or when the key's own algorithm does not decide (right column). */
static void nothing_but_rs256_passes(void **state)
{
    static const char *const names[] = {"none",  "None",  "HS256", "HS512", "RS384",  "RS512", "PS256",
                                        "PS512", "ES256", "EdDSA", "rs256", "RS256 ", "",      "RSA1_5"};
    const struct {
        EVP_PKEY *key;
        const EVP_MD *hash;
        int salt;
    } signers[] = {{rsa, EVP_sha384(), 0},  {rsa, EVP_sha512(), 0},       {rsa, EVP_sha1(), 0},    {rsa, EVP_sha256(), 32},
                   {rsa, EVP_sha512(), 64}, {rsa_other, EVP_sha256(), 0}, {p256, EVP_sha256(), 0}, {ed25519, NULL, 0}};
    unsigned char mac[64];
    unsigned mac_length;
    const char *pem = pem_public(rsa, pool);
    (void)state;
    for (int a = 0; a < (int)(sizeof names / sizeof *names); a++) {
        const char *input = input_of(apr_psprintf(scratch, "{\"alg\":\"%s\",\"kid\":\"k1\"}", names[a]), CLAIMS);
        HMAC(EVP_sha256(), pem, (int)strlen(pem), (const unsigned char *)input, strlen(input), mac, &mac_length);
        refused(apr_pstrcat(scratch, input, ".", finq_codec_encode(FINQ_BASE64URL, mac, mac_length, scratch), NULL), "algorithm",
                a);
        refused(jws_with(rsa, EVP_sha256(), 0, input), "algorithm", a);
        for (size_t s = 0; s < sizeof signers / sizeof *signers; s++)
            refused(jws_with(signers[s].key, signers[s].hash, signers[s].salt, input), "algorithm", a);
        refused(apr_pstrcat(scratch, input, ".", NULL), "no compact JWS", a);
    }
    for (int s = 0; s < (int)(sizeof signers / sizeof *signers); s++) {
        const char *input = input_of(HEADER, CLAIMS), *unnamed = input_of("{\"alg\":\"RS256\"}", CLAIMS);
        refused(jws_with(signers[s].key, signers[s].hash, signers[s].salt, input), "(signature)", 100 + s);
        if (signers[s].key != rsa_other)
            refused(jws_with(signers[s].key, signers[s].hash, signers[s].salt, unnamed), "none of the tenant's", s);
    }
}

/* Red when the key's row is not asked: its algorithm, its revocation, or when another key than the named is
 * tried. */
static void the_named_key_alone_decides(void **state)
{
    static const char *const rows[][2] = {{"k2", "(signature)"},
                                          {"k3", "registered for rsa-v1_5-sha256"},
                                          {"k4", "registered for rsa-pss-sha512"},
                                          {"k5", "registered for ecdsa-p256-sha256"},
                                          {"k6", "registered for ed25519"},
                                          {"gone", "(key revoked)"},
                                          {"k7", "(unknown kid)"},
                                          {"K1", "(unknown kid)"}};
    (void)state;
    for (int i = 0; i < (int)(sizeof rows / sizeof *rows); i++) {
        const char *header = apr_psprintf(scratch, "{\"alg\":\"RS256\",\"kid\":\"%s\"}", rows[i][0]);
        refused(jws_of(header, CLAIMS), rows[i][1], i);
    }
}

static void without_a_kid_each_live_key_is_tried(void **state)
{
    const char *unnamed = input_of("{\"alg\":\"RS256\"}", CLAIMS);
    const finq_claims *claims;
    apr_array_header_t *all = keys;
    (void)state;
    assert_null(verify(&claims, jws_with(rsa_other, EVP_sha256(), 0, unnamed)));
    assert_string_equal(claims->kid, "k2");
    keys = apr_array_make(pool, 1, sizeof(const finq_key *));
    refused(jws_with(rsa, EVP_sha256(), 0, unnamed), "no live RS256 key", 0);
    finq_key *gone = key_register(rsa, FINQ_ALGORITHM_RS256, "gone");
    gone->revoked = 1;
    APR_ARRAY_PUSH(keys, const finq_key *) = gone;
    APR_ARRAY_PUSH(keys, const finq_key *) = key_register(rsa, FINQ_ALGORITHM_RSA_V1_5_SHA256, "message");
    refused(jws_with(rsa, EVP_sha256(), 0, unnamed), "no live RS256 key", 1);
    keys = apr_array_make(pool, 1, sizeof(const finq_key *));
    for (int i = 0; i < FINQ_KEY_MAX; i++)
        APR_ARRAY_PUSH(keys, const finq_key *) = key_register(rsa_other, FINQ_ALGORITHM_RS256, "same");
    APR_ARRAY_PUSH(keys, const finq_key *) = key_register(rsa, FINQ_ALGORITHM_RS256, "eleventh");
    refused(jws_with(rsa, EVP_sha256(), 0, unnamed), "none of the tenant's 10 keys", 2);
    keys = all;
}

/* Threats 7, 8, 9, 11: each row red when its line in check_header or split is taken out. */
static void headers_are_read_strictly(void **state)
{
    static const char *const rows[][2] = {
        {"{\"alg\":\"RS256\",\"crit\":[\"b64\"],\"b64\":false}", "\"crit\""},
        {"{\"alg\":\"RS256\",\"crit\":[]}", "\"crit\""},
        {"{\"alg\":\"RS256\",\"b64\":true}", "\"b64\""},
        {"{\"alg\":\"RS256\",\"zip\":\"DEF\"}", "\"zip\""},
        {"{\"alg\":\"RS256\",\"enc\":\"A128GCM\"}", "\"enc\""},
        {"{\"alg\":\"RS256\",\"jwk\":{}}", "\"jwk\""},
        {"{\"alg\":\"RS256\",\"jku\":\"http://127.0.0.1/\"}", "\"jku\""},
        {"{\"alg\":\"RS256\",\"x5u\":\"http://127.0.0.1/\"}", "\"x5u\""},
        {"{\"alg\":\"RS256\",\"x5c\":[]}", "\"x5c\""},
        {"{\"alg\":\"RS256\",\"typ\":\"JOSE\"}", "\"typ\""},
        {"{\"alg\":\"RS256\",\"typ\":1}", "\"typ\""},
        {"{\"alg\":\"RS256\",\"kid\":\"../../k1\"}", "\"kid\""},
        {"{\"alg\":\"RS256\",\"kid\":\"' OR ''='\"}", "\"kid\""},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\\n\"}", "\"kid\""},
        {"{\"alg\":\"RS256\",\"kid\":\"\"}", "\"kid\""},
        {"{\"alg\":\"RS256\",\"kid\":null}", "\"kid\""},
        {"{\"alg\":\"RS256\",\"kid\":[\"k1\"]}", "\"kid\""},
        {"{\"alg\":\"HS256\",\"alg\":\"RS256\"}", "The JWS header names a member twice"},
        {"{\"alg\":\"RS256\",\"kid\":\"k2\",\"kid\":\"k1\"}", "names a member twice"},
        {"{\"alg\":\"RS256\",\"\\u0061lg\":\"none\"}", "names a member twice"},
        {"{\"alg\":\"RS256\\u0000\"}", "NUL"},
        {"{\"alg\":[\"RS256\"]}", "no \"alg\" string"},
        {"{}", "no \"alg\" string"},
        {"[]", "not an object"},
        {"{\"alg\":\"RS256\"} x", "not a JSON object"},
        {"{\"alg\":\"RS256\",}", "not a JSON object"},
        {"\xef\xbb\xbf{\"alg\":\"RS256\"}", "begins with a byte order mark"},
    };
    (void)state;
    for (int i = 0; i < (int)(sizeof rows / sizeof *rows); i++)
        refused(jws_of(rows[i][0], CLAIMS), rows[i][1], i);
}

static const char *with_last_digit(const char *text, int value)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *copy = apr_pstrdup(scratch, text);
    copy[strlen(copy) - 1] = digits[value];
    return copy;
}

/* A signature of 256 bytes leaves four unused bits in its last digit: 15 other spellings of the same bytes.
 */
static void one_spelling_only(void **state)
{
    const char *good = jws_of(HEADER, CLAIMS), *dot = strchr(good, '.');
    int passed = 0;
    (void)state;
    for (int value = 0; value < 64; value++) {
        const finq_claims *claims;
        passed += verify(&claims, with_last_digit(good, value)) == NULL;
    }
    assert_int_equal(passed, 1);
    const char *const rows[] = {
        apr_pstrcat(scratch, good, "=", NULL),
        apr_pstrcat(scratch, good, "==", NULL),
        apr_pstrcat(scratch, good, " ", NULL),
        apr_pstrcat(scratch, " ", good, NULL),
        apr_pstrcat(scratch, good, "\n", NULL),
        apr_pstrcat(scratch, good, ".", NULL),
        apr_pstrcat(scratch, good, ".AA", NULL),
        apr_pstrcat(scratch, ".", good, NULL),
        apr_pstrcat(scratch, good, "A", NULL),
        apr_pstrcat(scratch, good, "AA", NULL),
        apr_psprintf(scratch, "%.*s=%s", (int)(dot - good), good, dot),
        apr_psprintf(scratch, "%.*s.%s", (int)(dot - good), good, dot),
        "",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.c",
        "e30.e30.e30",
        "{}.{}.{}",
        "eyJhbGciOiJSUzI1NiJ9.e30.AA",
        "eyJhbGciOiJSUzI1NiJ9..AA",
    };
    for (int i = 0; i < (int)(sizeof rows / sizeof *rows); i++)
        refused(rows[i], "Signature check failed", i);
}

static const char *padded(const char *part_text)
{
    static const char *const padding[] = {"", "", "==", "="};
    return apr_pstrcat(scratch, part_text, padding[strlen(part_text) % 4], NULL);
}

/* google-auth before 1.6 pads: a header of 3n bytes, one of 3n + 1, and payloads likewise. Red where alphabet_of looks at
 * the header alone or the signature alone, or always says padded. */
static void padding_in_every_part_or_in_none(void **state)
{
    static const char *const headers[] = {"{\"alg\":\"RS256\"}  ", "{\"alg\":\"RS256\"}", "{\"alg\":\"RS256\"} "};
    (void)state;
    for (int i = 0; i < 9; i++) {
        const finq_claims *claims;
        const char *payload = apr_psprintf(scratch, "%s%*s", CLAIMS, i / 3, "");
        const char *first = part(headers[i % 3]), *second = part(payload);
        int even = strlen(first) % 4 == 0 && strlen(second) % 4 == 0;
        const char *bare = jws_with(rsa, EVP_sha256(), 0, apr_pstrcat(scratch, first, ".", second, NULL));
        const char *input = apr_pstrcat(scratch, padded(first), ".", padded(second), NULL);
        const char *full = apr_pstrcat(scratch, input, ".", signature_text(rsa, EVP_sha256(), 0, input, scratch), "==", NULL);
        assert_null(verify(&claims, bare));
        assert_null(verify(&claims, full));
        const char *stripped = apr_pstrmemdup(scratch, full, strlen(full) - 2);
        assert_int_equal(verify(&claims, stripped) == NULL, even);
        assert_int_equal(verify(&claims, apr_pstrcat(scratch, bare, "==", NULL)) == NULL, even);
        refused(apr_pstrcat(scratch, full, "=", NULL), "(form)", i);
        refused(apr_pstrmemdup(scratch, full, strlen(full) - 1), "(form)", i);
        refused(apr_pstrcat(scratch, bare, "=", NULL), "(form)", i);
    }
}

static void lengths(void **state)
{
    (void)state;
    for (int over = 0; over <= 1; over++) {
        const finq_claims *claims = NULL;
        char filler[12000];
        const char *text;
        size_t n = 11500;
        memset(filler, 'x', sizeof filler);
        do { /* the longest that fits, and the next */
            filler[n++] = '\0';
            text = jws_of(HEADER, apr_psprintf(scratch, "{\"pad\":\"%s\",%s", filler, CLAIMS + 1));
            filler[n - 1] = 'x';
        } while (strlen(text) < (size_t)FINQ_JWS_MAX - 1 + 2 * (size_t)over);
        finq_error *error = verify(&claims, text);
        assert_int_equal(error != NULL, over);
        if (over)
            assert_non_null(strstr(error->message, "longer than 16384"));
        apr_pool_clear(scratch);
    }
    char *large = apr_palloc(scratch, 65536);
    memset(large, 'A', 65536);
    finq_jws *jws;
    assert_non_null(finq_jws_parse(&jws, large, 65536, scratch));
    assert_non_null(finq_jws_parse(&jws, "a.b\0.c", 6, scratch));
}

/* Claims under good signatures: threat 19's spellings, and the identities. */
static void claims_are_read_strictly(void **state)
{
#define WITH(iat, exp) "{\"iat\":" iat ",\"exp\":" exp "," NAMES ",\"aud\":\"x\",\"digest\":\"x\"}"
#define TIMED "{\"iat\":1,\"exp\":2,"
#define REST ",\"digest\":\"x\"}"
    static const char *const rows[][2] = {
        {WITH("1", "1e300"), "between 1970 and 9999"},
        {WITH("-0.5", "2"), "between 1970 and 9999"},
        {WITH("1700000000000", "2"), "\"iat\" is in milliseconds"},
        {WITH("1", "1.7e12"), "\"exp\" is in milliseconds"},
        {WITH("1", "1e999"), "out of range"},
        {WITH("1", "99999999999999999999"), "out of range"},
        {WITH("1", "9223372036854775807"), "between 1970 and 9999"},
        {WITH("1", "253402300800"), "between 1970 and 9999"},
        {WITH("-1", "2"), "between 1970 and 9999"},
        {WITH("-9223372036854775808", "2"), "between 1970 and 9999"},
        {WITH("1", "-2"), "between 1970 and 9999"},
        {WITH("\"1\"", "2"), "\"iat\" must be a number of seconds"},
        {WITH("1", "\"2\""), "\"exp\" must be a number of seconds"},
        {WITH("null", "2"), "\"iat\" must be a number of seconds"},
        {WITH("true", "2"), "\"iat\" must be a number of seconds"},
        {WITH("[1]", "2"), "\"iat\" must be a number of seconds"},
        {WITH("01", "2"), "not a JSON object"},
        {WITH("1", "2,\"exp\":3"), "names a member twice"},
        {"{\"iat\":1,\"nbf\":\"1.5\",\"exp\":2," NAMES ",\"aud\":\"x\"" REST, "\"nbf\" must be a number"},
        {"{\"exp\":2," NAMES ",\"aud\":\"x\"" REST, "\"iat\" is missing"},
        {"{\"iat\":2," NAMES ",\"aud\":\"x\"" REST, "\"exp\" is missing"},
        {TIMED "\"iss\":\"a\",\"sub\":\"a\",\"aud\":\"x\"" REST, "\"email\" is missing"},
        {TIMED "\"iss\":\"a\",\"email\":\"a\",\"aud\":\"x\"" REST, "\"sub\" is missing"},
        {TIMED "\"sub\":\"a\",\"email\":\"a\",\"aud\":\"x\"" REST, "\"iss\" is missing"},
        {TIMED "\"iss\":\"a\",\"sub\":\"a\",\"email\":\"b\",\"aud\":\"x\"" REST, "must be the same"},
        {TIMED "\"iss\":\"a\",\"sub\":\"b\",\"email\":\"a\",\"aud\":\"x\"" REST, "must be the same"},
        {TIMED "\"iss\":\"\",\"sub\":\"\",\"email\":\"\",\"aud\":\"x\"" REST, "\"iss\" must be a string"},
        {TIMED "\"iss\":[\"a\"],\"sub\":\"a\",\"email\":\"a\",\"aud\":\"x\"" REST, "\"iss\" must be a string"},
        {TIMED NAMES REST, "(aud)"},
        {TIMED NAMES ",\"aud\":7" REST, "(aud)"},
        {TIMED NAMES ",\"aud\":[\"x\",7]" REST, "(aud)"},
        {TIMED NAMES ",\"aud\":{\"x\":1}" REST, "(aud)"},
        {TIMED NAMES ",\"aud\":\"x\"}", "\"digest\" is missing"},
        {TIMED NAMES ",\"aud\":\"x\",\"digest\":1}", "\"digest\" must be a string"},
        {TIMED NAMES ",\"aud\":\"x\",\"jti\":\"\"" REST, "(jti)"},
        {TIMED NAMES ",\"aud\":\"x\",\"jti\":7" REST, "(jti)"},
        {TIMED NAMES ",\"aud\":\"x\",\"jti\":null" REST, "(jti)"},
        {"[]", "The payload of the JWS is JSON but not an object"},
        {"hello", "The payload of the JWS is not a JSON object"},
        {"\xff", "The payload of the JWS is not"},
    };
    (void)state;
    for (int i = 0; i < (int)(sizeof rows / sizeof *rows); i++)
        refused(jws_of(HEADER, rows[i][0]), rows[i][1], i);
    for (int length = 320; length <= 321; length++) {
        char *name = apr_pcalloc(scratch, 400);
        const finq_claims *claims;
        memset(name, 'n', (size_t)length);
        const char *text =
            jws_of(HEADER, apr_psprintf(scratch, TIMED "\"iss\":\"%s\",\"sub\":\"%s\",\"email\":\"%s\",\"aud\":\"x\"" REST, name,
                                        name, name));
        assert_int_equal(verify(&claims, text) != NULL, length == 321);
    }
    for (int length = 256; length <= 257; length++) {
        char *jti = apr_pcalloc(scratch, 300);
        const finq_claims *claims;
        memset(jti, 'j', (size_t)length);
        const char *text = jws_of(HEADER, apr_psprintf(scratch, "{\"jti\":\"%s\",%s", jti, CLAIMS + 1));
        assert_int_equal(verify(&claims, text) != NULL, length == 257);
    }
}

static void claims_are_unreadable_under_a_bad_signature(void **state)
{
    const char *input = input_of(HEADER, "no claims at all");
    (void)state;
    refused(jws_with(rsa_other, EVP_sha256(), 0, input), "(signature)", 0);
    refused(jws_with(rsa, EVP_sha256(), 0, input), "The payload of the JWS", 1);
}

/* `now` is NOW; each row is what the signer's clock and lifetime made of it. */
static void clocks(void **state)
{
    static const struct {
        apr_int64_t issued, expires, not_before;
        const char *says; /* NULL: accepted */
    } rows[] = {
        {0, 300, 0, NULL},
        {9, 300, 0, NULL},
        {10, 300, 0, NULL},
        {11, 300, 0, "(clock)"},
        {86400, 86700, 0, "(clock)"},
        {-9, 300, 0, NULL},
        {-11, 300, 0, NULL},
        {-61, 300, 0, NULL},
        {-3599, 1, 0, NULL},
        {-300, -59, 0, NULL},
        {-300, -60, 0, NULL},
        {-300, -61, 0, "(exp)"},
        {-90000, -86400, 0, "(exp)"},
        {0, 3600, 0, NULL},
        {0, 3601, 0, "(lifetime)"},
        {0, 0, 0, "(lifetime)"},
        {5, -5, 0, "(lifetime)"},
        {0, 300, 10, NULL},
        {0, 300, 11, "(clock)"},
        {0, 86400 * 365, 0, "(lifetime)"},
    };
    static const apr_int64_t nows[] = {NOW, APR_INT64_C(2147483647), APR_INT64_C(2147483648), APR_INT64_C(4294967296)};
    const finq_claims_policy policy = {"api.finqware.com", NULL, 3600, 60, 10, 0};
    const finq_claims *good;
    (void)state;
    assert_null(verify(&good, jws_of(HEADER, CLAIMS)));
    for (size_t n = 0; n < sizeof nows / sizeof *nows; n++) {
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            finq_claims claims = *good;
            claims.issued = nows[n] + rows[i].issued;
            claims.expires = nows[n] + rows[i].expires;
            claims.not_before = rows[i].not_before ? nows[n] + rows[i].not_before : 0;
            finq_error *error = finq_claims_check(&claims, &policy, nows[n], scratch);
            if (!rows[i].says != !error || (error && !strstr(error->message, rows[i].says)))
                fail_msg("row %d: %s", (int)i, error ? error->message : "accepted");
            if (error)
                assert_int_equal(error->code, strstr(rows[i].says, "exp") ? FINQ_E_EXPIRED_SIGNATURE : FINQ_E_INVALID_SIGNATURE);
        }
    }
}

static finq_error *checked(const char *claims_text, const finq_claims_policy *policy)
{
    const finq_claims *claims;
    assert_null(verify(&claims, jws_of(HEADER, claims_text)));
    return finq_claims_check(claims, policy, NOW, scratch);
}

static void audience_issuer_jti(void **state)
{
    finq_claims_policy policy = {"api.finqware.com", "a@b.c", 3600, 60, 10, 0};
    const char *head = "{\"iat\":1700000000,\"exp\":1700000300," NAMES ",\"digest\":\"x\",\"aud\":";
    (void)state;
    assert_null(checked(apr_pstrcat(scratch, head, "[\"other\",\"api.finqware.com\"]}", NULL), &policy));
    assert_non_null(strstr(checked(apr_pstrcat(scratch, head, "[]}", NULL), &policy)->message, "(aud)"));
    assert_non_null(strstr(checked(apr_pstrcat(scratch, head, "[\"other\"]}", NULL), &policy)->message, "(aud)"));
    assert_non_null(strstr(checked(apr_pstrcat(scratch, head, "\"API.finqware.com\"}", NULL), &policy)->message, "(aud)"));
    policy.issuer = "a@b.d";
    assert_non_null(strstr(checked(CLAIMS, &policy)->message, "(iss)"));
    policy.issuer = NULL;
    policy.require_jti = 1;
    assert_non_null(strstr(checked(CLAIMS, &policy)->message, "(jti)"));
    assert_null(checked(apr_pstrcat(scratch, head, "\"api.finqware.com\",\"jti\":\"one\"}", NULL), &policy));
}

static void the_digest_is_compared_and_told(void **state)
{
    unsigned char computed[32];
    const finq_claims *claims;
    static const char body[] = "{\"key1\":\"value1\", \"key2\":\"value2\"}";
    char compact[sizeof body];
    finq_compact at = {0, 0};
    (void)state;
    size_t n = finq_compact_push(&at, body, sizeof body - 1, compact);
    finq_digest_sha256(computed, compact, n);
    assert_null(verify(&claims, jws_of(HEADER, CLAIMS)));
    assert_null(finq_claims_check_digest(claims, computed, scratch));
    computed[31] ^= 1;
    finq_error *error = finq_claims_check_digest(claims, computed, scratch);
    assert_int_equal(error->code, FINQ_E_INVALID_DIGEST);
    assert_non_null(strstr(error->message, "the body that arrived has tzRBPGROxJ9qfAfYiyZyRFgtZCLYnu6VVRH2s8DcsPM="));
}

static void the_issuer_can_be_had_before_only_as_a_hint(void **state)
{
    const char *text = jws_of(HEADER, CLAIMS), *issuer = NULL;
    finq_jws *jws;
    (void)state;
    assert_null(finq_jws_parse(&jws, text, strlen(text), scratch));
    assert_string_equal(finq_jws_kid(jws), "k1");
    assert_null(finq_jws_unproven_issuer(&issuer, jws, scratch));
    assert_string_equal(issuer, "a@b.c");
}

static void bearer(void **state)
{
    static const char *const bad[] = {"Basic abc", "Bearer", "Bearerabc", "Bearer a.b.c, Bearer d.e.f", "", "a.b.c"};
    const char *token;
    (void)state;
    assert_null(finq_jws_bearer(&token, "bearer  a.b.c", scratch));
    assert_string_equal(token, "a.b.c");
    assert_non_null(strstr(finq_jws_bearer(&token, NULL, scratch)->message, "(no header)"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_non_null(strstr(finq_jws_bearer(&token, bad[i], scratch)->message, "(no header)"));
}

static void signs_what_it_accepts(void **state)
{
    finq_signer *signer;
    const char *text, *pem = pem_private(rsa, scratch);
    const finq_claims *claims;
    const finq_claims_policy policy = {"aud", "\"quoted\"@b.c", 3600, 60, 10, 1};
    finq_jws_draft draft = {"k1", "\"quoted\"@b.c", "aud", "digest", "j-1", NOW, NOW + 60};
    (void)state;
    assert_null(finq_signer_read(&signer, FINQ_ALGORITHM_RS256, pem, strlen(pem), scratch));
    assert_null(finq_jws_sign(&text, signer, &draft, scratch));
    assert_null(verify(&claims, text));
    assert_null(finq_claims_check(claims, &policy, NOW, scratch));
    assert_string_equal(claims->jti, "j-1");
    draft.kid = draft.jti = NULL;
    assert_null(finq_jws_sign(&text, signer, &draft, scratch));
    refused(text, "(unknown kid)", 0); /* the thumbprint, which the keys of this test are not called by */
    draft.kid = "a b";
    assert_non_null(finq_jws_sign(&text, signer, &draft, scratch));
    draft = (finq_jws_draft){NULL, "\xff", "aud", "digest", NULL, NOW, NOW + 60};
    assert_non_null(finq_jws_sign(&text, signer, &draft, scratch));
}

static unsigned next_random(unsigned *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    return *state ^= *state << 5;
}

/* Every single flipped bit, and 20,000 rougher damages, of a good token: none passes. */
static void no_damage_passes(void **state)
{
    const char *good = apr_pstrdup(pool, jws_of(HEADER, CLAIMS));
    size_t n = strlen(good);
    const finq_claims *claims;
    unsigned random = 1;
    char text[2048];
    (void)state;
    for (size_t bit = 0; bit < 8 * n; bit++) {
        memcpy(text, good, n);
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
        assert_non_null(verify_n(&claims, text, n));
        apr_pool_clear(scratch);
    }
    for (int round = 0; round < 20000; round++) {
        size_t from = next_random(&random) % n, to = next_random(&random) % n, length = next_random(&random) % 8;
        memcpy(text, good, n);
        memmove(text + to, good + from, from + length > n ? n - from : length);
        size_t cut = round % 2 ? n : next_random(&random) % n;
        if (cut != n || memcmp(text, good, n) != 0)
            assert_non_null(verify_n(&claims, text, cut > n ? n : cut));
        apr_pool_clear(scratch);
    }
    assert_null(verify_n(&claims, good, n));
}

static int scratch_clear(void **state)
{
    (void)state;
    apr_pool_clear(scratch);
    return 0;
}

static void keys_make(void)
{
    rsa = rsa_make(2048, 65537);
    rsa_other = rsa_make(2048, 65537);
    p256 = EVP_EC_gen("P-256");
    ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    finq_key *gone = key_register(rsa, FINQ_ALGORITHM_RS256, "gone");
    gone->revoked = 1;
    keys = apr_array_make(pool, 8, sizeof(const finq_key *));
    APR_ARRAY_PUSH(keys, const finq_key *) = gone;
    APR_ARRAY_PUSH(keys, const finq_key *) = key_register(rsa, FINQ_ALGORITHM_RS256, "k1");
    APR_ARRAY_PUSH(keys, const finq_key *) = key_register(rsa_other, FINQ_ALGORITHM_RS256, "k2");
    APR_ARRAY_PUSH(keys, const finq_key *) = key_register(rsa, FINQ_ALGORITHM_RSA_V1_5_SHA256, "k3");
    APR_ARRAY_PUSH(keys, const finq_key *) = key_register(rsa, FINQ_ALGORITHM_RSA_PSS_SHA512, "k4");
    APR_ARRAY_PUSH(keys, const finq_key *) = key_register(p256, FINQ_ALGORITHM_ECDSA_P256_SHA256, "k5");
    APR_ARRAY_PUSH(keys, const finq_key *) = key_register(ed25519, FINQ_ALGORITHM_ED25519, "k6");
}

#define TEST(name) cmocka_unit_test_teardown(name, scratch_clear)

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    apr_pool_create(&scratch, pool);
    keys_make();
    const struct CMUnitTest tests[] = {
        TEST(a_good_one_gives_its_claims),
        TEST(nothing_but_rs256_passes),
        TEST(the_named_key_alone_decides),
        TEST(without_a_kid_each_live_key_is_tried),
        TEST(headers_are_read_strictly),
        TEST(one_spelling_only),
        TEST(padding_in_every_part_or_in_none),
        TEST(lengths),
        TEST(claims_are_read_strictly),
        TEST(claims_are_unreadable_under_a_bad_signature),
        TEST(clocks),
        TEST(audience_issuer_jti),
        TEST(the_digest_is_compared_and_told),
        TEST(the_issuer_can_be_had_before_only_as_a_hint),
        TEST(bearer),
        TEST(signs_what_it_accepts),
        TEST(no_damage_passes),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    EVP_PKEY_free(rsa), EVP_PKEY_free(rsa_other), EVP_PKEY_free(p256), EVP_PKEY_free(ed25519);
    apr_terminate();
    return failed;
}
