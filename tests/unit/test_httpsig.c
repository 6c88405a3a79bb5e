#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <openssl/err.h>

#include "../../src/sign/httpsig_field.h"
#include "keys.h"

#define NOW APR_INT64_C(1618884473)

static apr_pool_t *pool, *scratch;

/* A message is a list of names and values, "@query-param" by its parameter. */
typedef struct {
    const char *name, *value;
} line;

static const char *look_up(void *baton, const finq_httpsig_component *component, apr_pool_t *p)
{
    (void)p;
    for (const line *at = baton; at->name; at++) {
        if (strcmp(at->name, component->query_name ? component->query_name : component->name) == 0)
            return at->value;
    }
    return NULL;
}

/* RFC 9421, appendix B: keys of B.1, messages and signatures of B.2. */
#define RSA_PSS_PEM                                                      \
    "-----BEGIN PUBLIC KEY-----\n"                                       \
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2\n" \
    "+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+\n" \
    "oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq\n" \
    "gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W\n" \
    "Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4\n" \
    "aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI\n" \
    "2wIDAQAB\n-----END PUBLIC KEY-----\n"
#define P256_PEM                                                         \
    "-----BEGIN PUBLIC KEY-----\n"                                       \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf\n" \
    "w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==\n"     \
    "-----END PUBLIC KEY-----\n"
#define ED25519_PEM                                                  \
    "-----BEGIN PUBLIC KEY-----\n"                                   \
    "MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n" \
    "-----END PUBLIC KEY-----\n"
#define REQUEST_DIGEST "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:"
#define RESPONSE_DIGEST "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:"

static const line request_lines[] = {
    {"@method", "POST"},
    {"@authority", "example.com"},
    {"@path", "/foo"},
    {"@query", "?param=Value&Pet=dog"},
    {"Pet", "dog"},
    {"date", "Tue, 20 Apr 2021 02:07:55 GMT"},
    {"content-type", "application/json"},
    {"content-digest", REQUEST_DIGEST},
    {"content-length", " 18\t"},
    {NULL, NULL},
};
static const line response_lines[] = {
    {"@status", "200"}, {"content-type", "application/json"}, {"content-digest", RESPONSE_DIGEST}, {"content-length", "23"},
    {NULL, NULL},
};

static const struct {
    const line *lines;
    const char *input, *signature;
} vectors[] = {
    {request_lines, "sig-b21=();created=1618884473;keyid=\"test-key-rsa-pss\";nonce=\"b3k2pp5k7z-50gnwp.yemd\"",
     "sig-b21=:d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopem"
     "LJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXaJMkA7ChG"
     "52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx"
     "2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6"
     "UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3"
     "+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==:"},
    {request_lines,
     "sig-b22=(\"@authority\" \"content-digest\" \"@query-param\";name=\"Pet\");created=1618884473"
     ";keyid=\"test-key-rsa-pss\";tag=\"header-example\"",
     "sig-b22=:LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQ"
     "EdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8UCMkSowOB4+ECxCmT"
     "8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SA"
     "RYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2fjBSpqfZUJcsIk4N6wiKYd"
     "4je2U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoK"
     "UqiYY8Bh0aaUEb0rQl3/XaVe4bXTugEjHSw==:"},
    {request_lines,
     "sig-b23=(\"date\" \"@method\" \"@path\" \"@query\" \"@authority\" \"content-type\" \"content-digest\" "
     "\"content-length\");created=1618884473;keyid=\"test-key-rsa-pss\"",
     "sig-b23=:bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yB"
     "iMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fU"
     "xN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1"
     "pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9"
     "bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5Z"
     "JzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==:"},
    {response_lines,
     "sig-b24=(\"@status\" \"content-type\" \"content-digest\" \"content-length\");created=1618884473"
     ";keyid=\"test-key-ecc-p256\"",
     "sig-b24=:wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==:"},
    {request_lines,
     "sig-b26=(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" "
     "\"content-length\");created=1618884473"
     ";keyid=\"test-key-ed25519\"",
     "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:"},
};
#define VECTORS (sizeof vectors / sizeof *vectors)

static apr_array_header_t *keys;

static finq_key *key_register(finq_algorithm algorithm, const char *pem, const char *kid)
{
    apr_array_header_t *read;
    assert_null(finq_key_read(&read, algorithm, pem, strlen(pem), pool));
    finq_key *key = apr_pmemdup(pool, APR_ARRAY_IDX(read, 0, const finq_key *), sizeof *key);
    key->kid = kid;
    APR_ARRAY_PUSH(keys, const finq_key *) = key;
    return key;
}

static finq_error *verify(const finq_httpsig_proof **proof, const line *lines, const char *input, const char *signature)
{
    const finq_httpsig_message message = {look_up, (void *)lines};
    finq_httpsig *signatures;
    FINQ_TRY(finq_httpsig_parse(&signatures, input, signature, scratch));
    finq_error *error = finq_httpsig_verify(proof, signatures, &message, keys, scratch);
    assert_int_equal(ERR_peek_error(), 0);
    return error;
}

static void the_vectors_of_the_rfc_verify(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTORS; i++) {
        const finq_httpsig_proof *proof;
        finq_error *error = verify(&proof, vectors[i].lines, vectors[i].input, vectors[i].signature);
        if (error)
            fail_msg("vector %d: %s", (int)i, error->message);
        assert_int_equal(proof->created, NOW);
        assert_int_equal(proof->expires, -1);
        if (i == 1) {
            assert_string_equal(proof->tag, "header-example");
            assert_string_equal(proof->content_digest, REQUEST_DIGEST);
        }
    }
}

/* Each covered value, and each parameter, changed by one character: none verifies. */
static void what_is_covered_cannot_change(void **state)
{
    const finq_httpsig_proof *proof;
    (void)state;
    for (size_t i = 1; i < VECTORS; i++) {
        for (int at = 0; vectors[i].lines[at].name; at++) {
            line lines[16] = {{NULL, NULL}};
            for (int j = 0; vectors[i].lines[j].name; j++)
                lines[j] = vectors[i].lines[j];
            char *value = apr_pstrdup(scratch, lines[at].value);
            value[1] ^= 1;
            lines[at].value = value;
            int covered = strstr(vectors[i].input, apr_psprintf(scratch, "\"%s\"", lines[at].name)) != NULL;
            assert_int_equal(verify(&proof, lines, vectors[i].input, vectors[i].signature) != NULL, covered);
        }
    }
    for (size_t i = 0; i < VECTORS; i++) {
        for (size_t at = 8; vectors[i].input[at]; at++) {
            char *input = apr_pstrdup(scratch, vectors[i].input);
            input[at] ^= 1;
            assert_non_null(verify(&proof, vectors[i].lines, input, vectors[i].signature));
        }
    }
}

/* The fields may be spelled otherwise in transit; the base is canonical. */
static void spaces_in_the_fields_do_not_matter(void **state)
{
    const finq_httpsig_proof *proof;
    (void)state;
    assert_null(verify(&proof, request_lines,
                       " sig-b26=(  \"date\" \"@method\"   \"@path\" \"@authority\" \"content-type\" \"content-length\"  )"
                       "; created=001618884473;  keyid=\"test-key-ed25519\" ",
                       vectors[4].signature));
    assert_null(verify(&proof, request_lines, apr_pstrcat(scratch, vectors[2].input, " ,\t", vectors[4].input, NULL),
                       apr_pstrcat(scratch, vectors[4].signature, ",", vectors[2].signature, NULL)));
    assert_string_equal(proof->label, "sig-b23");
}

static void the_base_is_built_as_the_rfc_shows(void **state)
{
    const finq_httpsig_message message = {look_up, (void *)request_lines};
    finq_httpsig *signatures;
    const char *base;
    (void)state;
    assert_null(finq_httpsig_parse(&signatures, vectors[1].input, vectors[1].signature, scratch));
    assert_null(finq_httpsig_base(&base, &APR_ARRAY_IDX(signatures->entries, 0, finq_httpsig_entry), &message, scratch));
    assert_string_equal(base, "\"@authority\": example.com\n\"content-digest\": " REQUEST_DIGEST
                              "\n\"@query-param\";name=\"Pet\": dog\n\"@signature-params\": (\"@authority\" "
                              "\"content-digest\" \"@query-param\";name=\"Pet\");created=1618884473"
                              ";keyid=\"test-key-rsa-pss\";tag=\"header-example\"");
    const apr_array_header_t *kids = finq_httpsig_kids(signatures, scratch);
    assert_int_equal(kids->nelts, 1);
    assert_string_equal(APR_ARRAY_IDX(kids, 0, const char *), "test-key-rsa-pss");
    assert_null(
        finq_httpsig_parse(&signatures, "a=();keyid=\"' OR 1=1\",b=(),c=();keyid=\"k\"", "a=:AAAA:,b=:AAAA:,c=:AAAA:", scratch));
    kids = finq_httpsig_kids(signatures, scratch); /* only what can be looked up is handed out for looking up */
    assert_int_equal(kids->nelts, 1);
    assert_string_equal(APR_ARRAY_IDX(kids, 0, const char *), "k");
}

/* Each row red when its line in httpsig_parse.c or httpsig_field.c is taken out. */
static void fields_are_read_strictly(void **state)
{
#define TAIL ";created=1;keyid=\"k\""
#define GOOD_INPUT "s=(\"date\")" TAIL
    static const char *const rows[][3] = {
        {NULL, "s=:AAAA:", "(no header)"},
        {GOOD_INPUT, NULL, "(no header)"},
        {"", "s=:AAAA:", "no dictionary"},
        {"s", "s=:AAAA:", "no dictionary"},
        {"S=()", "s=:AAAA:", "no dictionary"},
        {"s=1", "s=:AAAA:", "no list in parentheses"},
        {"s=(", "s=:AAAA:", "no string"},
        {"s=(\"date\"", "s=:AAAA:", "separated by a space"},
        {"s=(\"date\"\"host\")", "s=:AAAA:", "separated by a space"},
        {"s=(date)", "s=:AAAA:", "no string"},
        {"s=(\"date)", "s=:AAAA:", "no string"},
        {"s=(\"da\\te\")", "s=:AAAA:", "no string"},
        {"s=(\"da\x7f\")", "s=:AAAA:", "no string"},
        {"s=(\"Date\")", "s=:AAAA:", "\"Date\" is no component"},
        {"s=(\"da te\")", "s=:AAAA:", "is no component"},
        {"s=(\"date:\")", "s=:AAAA:", "is no component"},
        {"s=(\"\")", "s=:AAAA:", "is no component"},
        {"s=(\"@signature-params\")", "s=:AAAA:", "is no component"},
        {"s=(\"@unknown\")", "s=:AAAA:", "is no component"},
        {"s=(\"date\" \"date\")", "s=:AAAA:", "covered twice"},
        {"s=(\"@query-param\";name=\"a\" \"@query-param\";name=\"a\")", "s=:AAAA:", "covered twice"},
        {"s=(\"date\";sf)", "s=:AAAA:", "parameter that is not accepted"},
        {"s=(\"date\";bs)", "s=:AAAA:", "parameter that is not accepted"},
        {"s=(\"date\";tr)", "s=:AAAA:", "parameter that is not accepted"},
        {"s=(\"@method\";req)", "s=:AAAA:", "parameter that is not accepted"},
        {"s=(\"date\";key=\"a\")", "s=:AAAA:", "parameter that is not accepted"},
        {"s=(\"date\";name=\"a\")", "s=:AAAA:", "parameter that is not accepted"},
        {"s=(\"@query-param\")", "s=:AAAA:", "needs a name"},
        {"s=(\"@query-param\";name=a)", "s=:AAAA:", "is no string"},
        {"s=(\"@query-param\";name=\"a\";name=\"b\")", "s=:AAAA:", "not accepted"},
        {"s=();created=1;created=2", "s=:AAAA:", "created is sent twice"},
        {"s=();keyid=\"a\";keyid=\"a\"", "s=:AAAA:", "keyid is sent twice"},
        {"s=();created", "s=:AAAA:", "no value"},
        {"s=();created=", "s=:AAAA:", "must be an integer"},
        {"s=();created=-1", "s=:AAAA:", "must be an integer"},
        {"s=();created=\"1\"", "s=:AAAA:", "must be an integer"},
        {"s=();created=1234567890123456", "s=:AAAA:", "must be an integer"},
        {"s=();created=1.5", "s=:AAAA:", "something stands behind"},
        {"s=();keyid=k", "s=:AAAA:", "keyid must be a string"},
        {"s=();alg=ed25519", "s=:AAAA:", "alg must be a string"},
        {"s=();other=1", "s=:AAAA:", "the parameter other is not accepted"},
        {"s=();CREATED=1", "s=:AAAA:", "no value"},
        {GOOD_INPUT ",", "s=:AAAA:", "something stands behind"},
        {GOOD_INPUT " x", "s=:AAAA:", "something stands behind"},
        {GOOD_INPUT "," GOOD_INPUT, "s=:AAAA:", "label stands twice"},
        {"a=(),b=(),c=(),d=(),e=()", "a=:AAAA:", "more than 4"},
        {GOOD_INPUT, "", "no dictionary"},
        {GOOD_INPUT, "s", "no dictionary"},
        {GOOD_INPUT, "t=:AAAA:", "a label that Signature-Input has not"},
        {GOOD_INPUT ",t=()", "s=:AAAA:", "a label that Signature has not"},
        {GOOD_INPUT, "s=:AAAA:,s=:AAAA:", "label stands twice"},
        {GOOD_INPUT, "s=:AAAA:, t=:AAAA:", "a label that Signature-Input has not"},
        {GOOD_INPUT, "s=AAAA", "no canonical base64"},
        {GOOD_INPUT, "s=:AAAA", "no canonical base64"},
        {GOOD_INPUT, "s=:AAA:", "no canonical base64"},
        {GOOD_INPUT, "s=:AB==:", "no canonical base64"},
        {GOOD_INPUT, "s=:AA-_:", "no canonical base64"},
        {GOOD_INPUT, "s=:AA AA:", "no canonical base64"},
        {GOOD_INPUT, "s=:AAAA:;x=1", "something stands behind"},
        {GOOD_INPUT, "s=:AAAA:,", "something stands behind"},
    };
    (void)state;
    for (int i = 0; i < (int)(sizeof rows / sizeof *rows); i++) {
        finq_httpsig *signatures = NULL;
        finq_error *error = finq_httpsig_parse(&signatures, rows[i][0], rows[i][1], scratch);
        if (!error || !strstr(error->message, rows[i][2]))
            fail_msg("row %d: wanted \"%s\", got \"%s\"", i, rows[i][2], error ? error->message : "signatures");
        assert_int_equal(error->code, FINQ_E_INVALID_SIGNATURE);
        assert_null(signatures);
    }
}

static void sizes_are_bounded(void **state)
{
    finq_httpsig *signatures;
    (void)state;
    for (int count = 32; count <= 33; count++) {
        char *input = "s=(";
        for (int i = 0; i < count; i++)
            input = apr_psprintf(scratch, "%s%s\"x-%d\"", input, i ? " " : "", i);
        finq_error *error = finq_httpsig_parse(&signatures, apr_pstrcat(scratch, input, ")", NULL), "s=:AAAA:", scratch);
        assert_int_equal(error != NULL, count == 33);
    }
    for (int over = 0; over <= 1; over++) {
        char *input = apr_psprintf(scratch, "s=()%*s;tag=\"\"", 0, "");
        size_t pad = (size_t)FINQ_HTTPSIG_FIELD_MAX + (size_t)over - strlen(input);
        char *filler = apr_pcalloc(scratch, pad + 1);
        memset(filler, 't', pad);
        input = apr_pstrcat(scratch, "s=();tag=\"", filler, "\"", NULL);
        assert_int_equal(finq_httpsig_parse(&signatures, input, "s=:AAAA:", scratch) != NULL, over);
    }
}

/* Keys: red when key_check or choose is skipped. */
static void the_keys_row_decides(void **state)
{
    const finq_httpsig_proof *proof = NULL;
    const char *input = vectors[4].input, *signature = vectors[4].signature;
    static const struct {
        const char *kid, *alg, *says;
    } rows[] = {
        {"test-key-rsa-pss", "", "(signature)"},
        {"test-key-ecc-p256", "", "(signature)"},
        {"nobody", "", "(unknown kid)"},
        {"../k", "", "(unknown kid)"},
        {"gone", "", "(key revoked)"},
        {"jws", "", "registered for RS256 (JWS)"},
        {"test-key-ed25519", ";alg=\"rsa-pss-sha512\"", "Signature-Input says rsa-pss-sha512"},
        {"test-key-ed25519", ";alg=\"hmac-sha256\"", "Signature-Input says hmac-sha256"},
        {"test-key-ed25519", ";alg=\"ed25519\"", "(signature)"}, /* the right one, but not what was signed */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *changed =
            apr_psprintf(scratch, "%.*s\"%s\"%s", (int)(strstr(input, "keyid=") + 6 - input), input, rows[i].kid, rows[i].alg);
        finq_error *error = verify(&proof, request_lines, changed, signature);
        if (!error || !strstr(error->message, rows[i].says))
            fail_msg("row %d: %s", (int)i, error ? error->message : "verified");
        assert_null(proof);
    }
    assert_non_null(strstr(verify(&proof, request_lines, "sig-b26=()", signature)->message, "(unknown kid)"));
}

static void what_the_message_has_not_cannot_be_covered(void **state)
{
    static const char *const values[] = {"a\nb: c", "a\rb", "caf\xc3\xa9", "a\x01"};
    const finq_httpsig_proof *proof;
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        line lines[16];
        memcpy(lines, request_lines, sizeof request_lines);
        lines[5].value = values[i];
        assert_non_null(strstr(verify(&proof, lines, vectors[4].input, vectors[4].signature)->message, "not one line"));
    }
    assert_non_null(strstr(verify(&proof, response_lines, vectors[4].input, vectors[4].signature)->message,
                           "\"date\", which the request has not"));
}

/* Coverage and clocks: each row red when its check in finq_httpsig_check is skipped. */
static void the_policy(void **state)
{
    static const struct {
        const char *components;
        apr_int64_t created, expires; /* from now; 99999 = absent */
        const char *says;
    } rows[] = {
        {"@method @target-uri content-digest", 0, 99999, NULL},
        {"@method @target-uri content-digest date", 0, 300, NULL},
        {"@target-uri content-digest", 0, 99999, "must cover \"@method\""},
        {"@method content-digest", 0, 99999, "must cover \"@target-uri\""},
        {"@method @path @query content-digest", 0, 99999, "must cover \"@target-uri\""},
        {"@method @target-uri", 0, 99999, "must cover \"content-digest\""},
        {"", 0, 99999, "must cover"},
        {"@method @target-uri content-digest", 99999, 99999, "created"},
        {"@method @target-uri content-digest", 9, 99999, NULL},
        {"@method @target-uri content-digest", 10, 99999, NULL},
        {"@method @target-uri content-digest", 11, 99999, "(clock)"},
        {"@method @target-uri content-digest", -3660, 99999, NULL},
        {"@method @target-uri content-digest", -3661, 99999, "(exp)"},
        {"@method @target-uri content-digest", -100, -59, NULL},
        {"@method @target-uri content-digest", -100, -60, NULL},
        {"@method @target-uri content-digest", -100, -61, "(exp)"},
        {"@method @target-uri content-digest", 0, 0, "(lifetime)"},
        {"@method @target-uri content-digest", 0, -1, "(lifetime)"},
        {"@method @target-uri content-digest", 0, 3600, NULL},
        {"@method @target-uri content-digest", 0, 3601, "(lifetime)"},
    };
    finq_httpsig_policy policy = {3600, 60, 10, 0};
    (void)state;
    for (int i = 0; i < (int)(sizeof rows / sizeof *rows); i++) {
        apr_array_header_t *components = apr_array_make(scratch, 4, sizeof(finq_httpsig_component));
        char *rest, *names = apr_pstrdup(scratch, rows[i].components);
        for (char *name = apr_strtok(names, " ", &rest); name; name = apr_strtok(NULL, " ", &rest))
            APR_ARRAY_PUSH(components, finq_httpsig_component) = (finq_httpsig_component){name, NULL};
        const finq_httpsig_proof proof = {"s",
                                          "k",
                                          components,
                                          rows[i].created == 99999 ? -1 : NOW + rows[i].created,
                                          rows[i].expires == 99999 ? -1 : NOW + rows[i].expires,
                                          NULL,
                                          NULL,
                                          NULL};
        finq_error *error = finq_httpsig_check(&proof, &policy, NOW, scratch);
        if (!rows[i].says != !error || (error && !strstr(error->message, rows[i].says)))
            fail_msg("row %d: %s", i, error ? error->message : "accepted");
        policy.require_nonce = 1;
        if (!rows[i].says)
            assert_non_null(strstr(finq_httpsig_check(&proof, &policy, NOW, scratch)->message, "nonce"));
        policy.require_nonce = 0;
    }
}

static void requests_are_derived(void **state)
{
    static const struct {
        finq_httpsig_request request;
        const char *name, *value;
    } rows[] = {
        {{"POST", "https", "www.Example.com", "/path?param=value"}, "@method", "POST"},
        {{"POST", "https", "www.Example.com", "/path?param=value"}, "@target-uri", "https://www.example.com/path?param=value"},
        {{"POST", "HTTPS", "www.example.com:443", "/path"}, "@target-uri", "https://www.example.com/path"},
        {{"POST", "https", "www.example.com:80", "/"}, "@authority", "www.example.com:80"},
        {{"POST", "http", "www.example.com:80", "/"}, "@authority", "www.example.com"},
        {{"POST", "https", "[::1]:8443", "/"}, "@authority", "[::1]:8443"},
        {{"POST", "HTTP", "a", "/"}, "@scheme", "http"},
        {{"POST", "https", "a", "/Path%20x?q"}, "@path", "/Path%20x"},
        {{"POST", "https", "a", "?q"}, "@path", "/"},
        {{"POST", "https", "a", "/path?a=b&c"}, "@query", "?a=b&c"},
        {{"POST", "https", "a", "/path?"}, "@query", "?"},
        {{"POST", "https", "a", "/path"}, "@query", "?"},
        {{"POST", "https", "a", "/path?x"}, "@request-target", "/path?x"},
        {{"POST", "https", "a", "/path?x"}, "@status", NULL},
        {{"POST", "https", "a", "/path?x"}, "date", NULL},
    };
    (void)state;
    for (int i = 0; i < (int)(sizeof rows / sizeof *rows); i++) {
        const char *value = finq_httpsig_derive(&rows[i].request, rows[i].name, scratch);
        if (rows[i].value)
            assert_string_equal(value, rows[i].value);
        else
            assert_null(value);
    }
}

static void content_digests(void **state)
{
    static const char body[] = "{\"hello\": \"world\"}";
    static const char sha256[] = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    static const char *const bad[] = {"",
                                      "sha-256",
                                      "sha-256=AAAA",
                                      "sha-256=:AAAA:",
                                      "md5=:AAAA:",
                                      "SHA-256=:AAAA:",
                                      "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:,"
                                      "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:",
                                      "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPF=:",
                                      "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:;a=1"};
    unsigned char hash256[32], hash512[64];
    const finq_content_digest computed = {{hash256, 32}, {hash512, 64}};
    finq_content_digest digest;
    (void)state;
    EVP_Digest(body, sizeof body - 1, hash256, NULL, EVP_sha256(), NULL);
    EVP_Digest(body, sizeof body - 1, hash512, NULL, EVP_sha512(), NULL);
    const char *const good[] = {sha256, REQUEST_DIGEST, apr_pstrcat(scratch, "md5=:AAAA:, ", sha256, ",", REQUEST_DIGEST, NULL)};
    for (int i = 0; i < 3; i++) {
        assert_null(finq_content_digest_parse(&digest, good[i], scratch));
        assert_int_equal(digest.sha256.data != NULL, i != 1);
        assert_int_equal(digest.sha512.data != NULL, i != 0);
        assert_null(finq_content_digest_check(&digest, &computed, scratch));
    }
    hash512[0] ^= 1; /* both are compared where both are sent */
    finq_error *error = finq_content_digest_check(&digest, &computed, scratch);
    assert_int_equal(error->code, FINQ_E_INVALID_DIGEST);
    assert_non_null(strstr(error->message, "the body that arrived has sha-512=:"));
    hash256[0] ^= 1;
    assert_non_null(strstr(finq_content_digest_check(&digest, &computed, scratch)->message, "sha-256=:"));
    assert_int_equal(finq_content_digest_parse(&digest, NULL, scratch)->code, FINQ_E_INVALID_DIGEST);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(finq_content_digest_parse(&digest, bad[i], scratch)->code, FINQ_E_INVALID_DIGEST);
}

static unsigned next_random(unsigned *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    return *state ^= *state << 5;
}

/* 100,000 damaged fields: what still parses has a canonical form that parses to itself. */
static void damage_is_refused_or_canonical(void **state)
{
    static const char characters[] = "\"();,= :\\sa@1-\t*";
    unsigned random = 7;
    int parsed = 0;
    (void)state;
    for (int round = 0; round < 100000; round++) {
        char input[512];
        finq_httpsig *first, *second;
        strcpy(input, vectors[round % VECTORS].input);
        for (unsigned n = next_random(&random) % 3 + 1; n; n--)
            input[next_random(&random) % strlen(input)] = characters[next_random(&random) % (sizeof characters - 1)];
        char *label = apr_pstrmemdup(scratch, input, strcspn(input, "="));
        char *signature = apr_pstrcat(scratch, label, "=:AAAA:", NULL);
        if (!finq_httpsig_parse(&first, input, signature, scratch)) {
            const finq_httpsig_entry *entry = &APR_ARRAY_IDX(first->entries, 0, finq_httpsig_entry);
            char *again = apr_pstrcat(scratch, label, "=", entry->params, NULL);
            parsed++;
            assert_true(strlen(again) <= strlen(input));
            assert_null(finq_httpsig_parse(&second, again, signature, scratch));
            assert_string_equal(APR_ARRAY_IDX(second->entries, 0, finq_httpsig_entry).params, entry->params);
        }
        apr_pool_clear(scratch);
    }
    assert_true(parsed > 1000);
}

static int scratch_clear(void **state)
{
    (void)state;
    apr_pool_clear(scratch);
    return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, scratch_clear)

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    apr_pool_create(&scratch, pool);
    keys = apr_array_make(pool, 8, sizeof(const finq_key *));
    key_register(FINQ_ALGORITHM_RSA_PSS_SHA512, RSA_PSS_PEM, "test-key-rsa-pss");
    key_register(FINQ_ALGORITHM_ECDSA_P256_SHA256, P256_PEM, "test-key-ecc-p256");
    key_register(FINQ_ALGORITHM_ED25519, ED25519_PEM, "test-key-ed25519");
    key_register(FINQ_ALGORITHM_RS256, RSA_PSS_PEM, "jws");
    key_register(FINQ_ALGORITHM_ED25519, ED25519_PEM, "gone")->revoked = 1;
    const struct CMUnitTest tests[] = {
        TEST(the_vectors_of_the_rfc_verify),
        TEST(what_is_covered_cannot_change),
        TEST(spaces_in_the_fields_do_not_matter),
        TEST(the_base_is_built_as_the_rfc_shows),
        TEST(fields_are_read_strictly),
        TEST(sizes_are_bounded),
        TEST(the_keys_row_decides),
        TEST(what_the_message_has_not_cannot_be_covered),
        TEST(the_policy),
        TEST(requests_are_derived),
        TEST(content_digests),
        TEST(damage_is_refused_or_canonical),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
