/* From numbers to a checked key, and back from any OpenSSL key to numbers: the one way into finq_key. */
#include "crypto/digest.h"
#include "key_material.h"

#include <apr_strings.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <string.h>

#define RSA_MIN_BITS 2048
#define RSA_MAX_BITS 8192

const char *finq_key_kind_name(finq_key_kind kind)
{
    static const char *const names[FINQ_KEY_KIND_COUNT] = {"RSA", "EC", "OKP"};
    return names[kind];
}

static finq_error *refuse(apr_pool_t *pool, const char *found, const char *remedy)
{
    return finq_error_make(pool, FINQ_E_INVALID_INPUT, "Found %s: %s", found, remedy);
}

static finq_bytes without_zeros(finq_bytes number)
{
    while (number.length && number.data[0] == 0)
        number = (finq_bytes){number.data + 1, number.length - 1};
    return number;
}

static int bit_count(finq_bytes number)
{
    int bits = (int)number.length * 8;
    for (int top = number.length ? number.data[0] : 0x80; !(top & 0x80); top <<= 1)
        bits--;
    return bits;
}

static int is_odd(finq_bytes number)
{
    return number.length && number.data[number.length - 1] & 1;
}

/* The exponent's upper bound keeps a verification cheap: OpenSSL sets the same one for long moduli only. */
static finq_error *rsa_check(finq_bytes n, finq_bytes e, apr_pool_t *pool)
{
    int bits = bit_count(n);
    if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS)
        return refuse(pool, apr_psprintf(pool, "an RSA key of %d bits", bits), "2048 to 8192 bits are accepted.");
    if (!is_odd(n))
        return refuse(pool, "an RSA key with an even modulus", "it is no product of two primes; make another key.");
    if (!is_odd(e) || bit_count(e) < 17 || bit_count(e) > 64)
        return refuse(pool, "an RSA key with an unsafe public exponent",
                      "it must be odd, at least 65537 and below 2^64; make another key.");
    return NULL;
}

static finq_error *material_check(const finq_key_material *material, apr_pool_t *pool)
{
    if (material->kind == FINQ_KEY_RSA)
        return rsa_check(material->first, material->second, pool);
    if (material->first.length != 32 || (material->kind == FINQ_KEY_EC && material->second.length != 32))
        return refuse(pool, apr_psprintf(pool, "an %s key of another length", finq_key_kind_name(material->kind)),
                      "P-256 and Ed25519 keys have coordinates of exactly 32 bytes.");
    return NULL;
}

static OSSL_PARAM *params_make(const finq_key_material *material)
{
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_bin2bn(material->first.data, (int)material->first.length, NULL);
    BIGNUM *e = BN_bin2bn(material->second.data, (int)material->second.length, NULL);
    unsigned char point[65] = {4};
    int pushed = 0;
    if (builder && n && e && material->kind == FINQ_KEY_RSA) {
        pushed = OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) &&
                 OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e);
    } else if (builder && material->kind == FINQ_KEY_EC) {
        memcpy(point + 1, material->first.data, 32);
        memcpy(point + 33, material->second.data, 32);
        pushed = OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) &&
                 OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point);
    } else if (builder) {
        pushed = OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, material->first.data, 32);
    }
    if (pushed)
        params = OSSL_PARAM_BLD_to_param(builder);
    BN_free(n);
    BN_free(e);
    OSSL_PARAM_BLD_free(builder);
    return params;
}

static EVP_PKEY *evp_make(const finq_key_material *material, apr_pool_t *pool)
{
    static const char *const types[FINQ_KEY_KIND_COUNT] = {"RSA", "EC", "ED25519"};
    EVP_PKEY *evp = NULL;
    OSSL_PARAM *params = params_make(material);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, types[material->kind], NULL);
    if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) <= 0 || EVP_PKEY_fromdata(ctx, &evp, EVP_PKEY_PUBLIC_KEY, params) <= 0)
        evp = NULL;
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    return finq_key_own(evp, pool);
}

static finq_bytes spki_make(const EVP_PKEY *evp, apr_pool_t *pool)
{
    unsigned char *der = NULL;
    int length = i2d_PUBKEY(evp, &der);
    finq_bytes spki = {NULL, 0};
    if (length > 0)
        spki = (finq_bytes){apr_pmemdup(pool, der, (apr_size_t)length), (apr_size_t)length};
    OPENSSL_free(der);
    return spki;
}

static const char *b64(finq_bytes bytes, apr_pool_t *pool)
{
    return finq_codec_encode(FINQ_BASE64URL, bytes.data, bytes.length, pool);
}

/* RFC 7638: the required members alone, in lexical order. */
static const char *thumbprint(const finq_key_material *material, apr_pool_t *pool)
{
    const char *first = b64(material->first, pool), *text;
    unsigned char hash[FINQ_DIGEST_SHA256];
    if (material->kind == FINQ_KEY_RSA)
        text = apr_psprintf(pool, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", b64(material->second, pool), first);
    else if (material->kind == FINQ_KEY_EC)
        text = apr_psprintf(pool, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", first,
                            b64(material->second, pool));
    else
        text = apr_psprintf(pool, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}", first);
    finq_digest_sha256(hash, text, strlen(text));
    return finq_codec_encode(FINQ_BASE64URL, hash, sizeof hash, pool);
}

static const char *describe(const finq_key_material *material, apr_pool_t *pool)
{
    static const char *const names[FINQ_KEY_KIND_COUNT] = {"RSA", "EC P-256", "Ed25519"};
    if (material->kind == FINQ_KEY_RSA)
        return apr_psprintf(pool, "RSA of %d bits", bit_count(material->first));
    return names[material->kind];
}

static apr_status_t verifier_release(void *ctx)
{
    EVP_MD_CTX_free(ctx);
    return APR_SUCCESS;
}

static EVP_MD_CTX *verifier_make(EVP_PKEY *evp, const finq_algorithm_row *row, apr_pool_t *pool)
{
    EVP_PKEY_CTX *pkey_ctx = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    apr_pool_cleanup_register(pool, ctx, verifier_release, apr_pool_cleanup_null);
    if (!ctx || EVP_DigestVerifyInit(ctx, &pkey_ctx, row->hash ? row->hash() : NULL, NULL, evp) != 1 ||
        !finq_key_pad(pkey_ctx, row))
        return NULL;
    return ctx;
}

static finq_key *key_make(EVP_PKEY *evp, finq_algorithm algorithm, const finq_key_material *material, apr_pool_t *pool)
{
    const finq_algorithm_row *row = &finq_algorithm_rows[algorithm];
    finq_key *key = apr_pcalloc(pool, sizeof *key);
    key->kid = thumbprint(material, pool);
    key->algorithm = algorithm;
    key->spki = spki_make(evp, pool);
    key->found = describe(material, pool);
    key->signature_length = row->kind == FINQ_KEY_RSA ? (apr_size_t)EVP_PKEY_get_size(evp) : 64;
    key->verifier = verifier_make(evp, row, pool);
    return key->spki.data && key->verifier ? key : NULL;
}

finq_error *finq_key_build(finq_key **key, const char *kid, finq_algorithm algorithm, const finq_key_material *material,
                           apr_pool_t *pool)
{
    finq_key_material numbers = *material;
    if (numbers.kind == FINQ_KEY_RSA) {
        numbers.first = without_zeros(numbers.first);
        numbers.second = without_zeros(numbers.second);
    }
    const char *kind = finq_key_kind_name(numbers.kind);
    const finq_algorithm_row *row = &finq_algorithm_rows[algorithm];
    if (numbers.kind != row->kind)
        return finq_error_make(pool, FINQ_E_INVALID_INPUT, "Found an %s key: %s needs an %s key.", kind, row->name,
                               finq_key_kind_name(row->kind));
    FINQ_TRY(material_check(&numbers, pool));
    EVP_PKEY *evp = evp_make(&numbers, pool);
    if (!evp)
        return refuse(pool, apr_psprintf(pool, "an %s key that is no point of its curve, or no key at all", kind),
                      "export it again.");
    finq_key *made = key_make(evp, algorithm, &numbers, pool);
    if (!made)
        return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "OpenSSL could not make use of a public key");
    if (kid)
        made->kid = apr_pstrdup(pool, kid);
    *key = made;
    return NULL;
}

/* A number of an OpenSSL key, padded to at least `width` bytes. */
static int number_take(finq_bytes *bytes, const EVP_PKEY *evp, const char *name, int width, apr_pool_t *pool)
{
    BIGNUM *number = NULL;
    if (EVP_PKEY_get_bn_param(evp, name, &number) != 1)
        return 0;
    int length = BN_num_bytes(number) > width ? BN_num_bytes(number) : width;
    unsigned char *data = apr_palloc(pool, (apr_size_t)length + 1);
    BN_bn2binpad(number, data, length);
    BN_free(number);
    *bytes = (finq_bytes){data, (apr_size_t)length};
    return 1;
}

/* A curve spelled out may have a generator of somebody's choice: only the named one is P-256. */
static int is_p256(const EVP_PKEY *evp)
{
    char group[32] = "";
    int spelled_out = 0;
    EVP_PKEY_get_int_param(evp, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &spelled_out);
    return EVP_PKEY_get_group_name(evp, group, sizeof group, NULL) == 1 && strcmp(group, "prime256v1") == 0 && !spelled_out;
}

static int numbers_take(finq_key_material *material, const EVP_PKEY *evp, apr_pool_t *pool)
{
    unsigned char raw[32];
    size_t length = sizeof raw;
    switch (material->kind) {
    case FINQ_KEY_RSA:
        return number_take(&material->first, evp, OSSL_PKEY_PARAM_RSA_N, 0, pool) &&
               number_take(&material->second, evp, OSSL_PKEY_PARAM_RSA_E, 0, pool);
    case FINQ_KEY_EC:
        return number_take(&material->first, evp, OSSL_PKEY_PARAM_EC_PUB_X, 32, pool) &&
               number_take(&material->second, evp, OSSL_PKEY_PARAM_EC_PUB_Y, 32, pool);
    default:
        if (EVP_PKEY_get_raw_public_key(evp, raw, &length) != 1)
            return 0;
        material->first = (finq_bytes){apr_pmemdup(pool, raw, length), length};
        return 1;
    }
}

finq_error *finq_key_take(finq_key_material *material, const EVP_PKEY *evp, apr_pool_t *pool)
{
    int base = EVP_PKEY_get_base_id(evp);
    *material = (finq_key_material){FINQ_KEY_RSA, {NULL, 0}, {NULL, 0}};
    if (base == EVP_PKEY_RSA_PSS)
        return refuse(pool, "a key of the type RSASSA-PSS",
                      "export it as a plain RSA key (rsaEncryption); the algorithm is chosen when it is registered.");
    if (base == EVP_PKEY_EC && !is_p256(evp))
        return refuse(pool, "an EC key that does not name the curve P-256", "make one on prime256v1.");
    if (base == EVP_PKEY_EC)
        material->kind = FINQ_KEY_EC;
    else if (base == EVP_PKEY_ED25519)
        material->kind = FINQ_KEY_OKP;
    else if (base != EVP_PKEY_RSA)
        return refuse(pool, apr_psprintf(pool, "a key of the type %s", OBJ_nid2sn(base)),
                      "send an RSA, a P-256 or an Ed25519 key.");
    if (!numbers_take(material, evp, pool))
        return refuse(pool, "a key without its public numbers", "export it again.");
    return NULL;
}

static finq_error *row_build(finq_key **key, const finq_key_row *row, apr_pool_t *pool)
{
    const unsigned char *der = row->spki.data;
    finq_key_material material;
    EVP_PKEY *evp = finq_key_own(d2i_PUBKEY(NULL, &der, (long)row->spki.length), pool);
    if (!evp)
        return refuse(pool, "no SubjectPublicKeyInfo", "the stored key is damaged.");
    FINQ_TRY(finq_key_take(&material, evp, pool));
    FINQ_TRY(finq_key_build(key, row->kid, row->algorithm, &material, pool));
    if ((*key)->spki.length != row->spki.length || memcmp((*key)->spki.data, row->spki.data, row->spki.length) != 0)
        return refuse(pool, "an encoding that is not the canonical one", "the stored key is damaged.");
    (*key)->revoked = row->revoked;
    return NULL;
}

finq_error *finq_key_load(const finq_key **key, const finq_key_row *row, apr_pool_t *pool)
{
    finq_key *made;
    if (!finq_key_is_kid(row->kid))
        return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "a stored key has an impossible kid");
    ERR_set_mark();
    finq_error *error = row_build(&made, row, pool);
    ERR_pop_to_mark();
    if (error)
        return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "stored key %s: %s", row->kid, error->message);
    *key = made;
    return NULL;
}
