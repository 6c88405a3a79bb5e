/* Keys and signatures made by OpenSSL directly, so that a test does not judge the rooms by their own work. */
#ifndef TEST_KEYS_H
#define TEST_KEYS_H

#include <apr_strings.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "ground/codec.h"

#define TEST_TOOL static __attribute__((unused))

TEST_TOOL EVP_PKEY *rsa_make(int bits, unsigned long exponent)
{
    EVP_PKEY *key = NULL;
    BIGNUM *e = BN_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    BN_set_word(e, exponent);
    EVP_PKEY_keygen_init(ctx);
    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, bits);
    EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e);
    EVP_PKEY_generate(ctx, &key);
    EVP_PKEY_CTX_free(ctx);
    BN_free(e);
    return key;
}

TEST_TOOL const char *bio_text(BIO *bio, apr_pool_t *pool)
{
    char *data;
    long length = BIO_get_mem_data(bio, &data);
    const char *text = apr_pstrmemdup(pool, data, (apr_size_t)length);
    BIO_free(bio);
    return text;
}

TEST_TOOL const char *pem_public(EVP_PKEY *key, apr_pool_t *pool)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, key);
    return bio_text(bio, pool);
}

TEST_TOOL const char *pem_private(EVP_PKEY *key, apr_pool_t *pool)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    return bio_text(bio, pool);
}

TEST_TOOL const char *pem_certificate(EVP_PKEY *key, apr_pool_t *pool)
{
    BIO *bio = BIO_new(BIO_s_mem());
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    PEM_write_bio_X509(bio, certificate);
    X509_free(certificate);
    return bio_text(bio, pool);
}

TEST_TOOL const char *number_b64(EVP_PKEY *key, const char *name, apr_pool_t *pool)
{
    unsigned char bytes[2048];
    BIGNUM *number = NULL;
    EVP_PKEY_get_bn_param(key, name, &number);
    int length = BN_bn2bin(number, bytes);
    BN_free(number);
    return finq_codec_encode(FINQ_BASE64URL, bytes, (apr_size_t)length, pool);
}

/* An RSA JWK with further members, each written as `,"name":value`. */
TEST_TOOL const char *jwk_text(EVP_PKEY *key, const char *further, apr_pool_t *pool)
{
    return apr_psprintf(pool, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"%s}", number_b64(key, OSSL_PKEY_PARAM_RSA_N, pool),
                        number_b64(key, OSSL_PKEY_PARAM_RSA_E, pool), further);
}

/* Signs with any hash; salt > 0 means PSS. The signature in base64 of the given alphabet. */
TEST_TOOL const char *signature_text(EVP_PKEY *key, const EVP_MD *hash, int salt, const char *text, apr_pool_t *pool)
{
    unsigned char bytes[2048];
    size_t length = sizeof bytes;
    EVP_PKEY_CTX *pkey_ctx;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_DigestSignInit(ctx, &pkey_ctx, hash, NULL, key);
    if (salt) {
        EVP_PKEY_CTX_set_rsa_padding(pkey_ctx, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey_ctx, salt);
    }
    if (EVP_DigestSign(ctx, bytes, &length, (const unsigned char *)text, strlen(text)) != 1)
        length = 0;
    EVP_MD_CTX_free(ctx);
    return finq_codec_encode(FINQ_BASE64URL, bytes, length, pool);
}

TEST_TOOL finq_bytes bytes_of(const char *text)
{
    return (finq_bytes){(const unsigned char *)text, strlen(text)};
}

#endif
