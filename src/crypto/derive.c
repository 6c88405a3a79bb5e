#include "crypto/derive.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

static EVP_KDF *prepared;

static apr_status_t prepared_release(void *kdf)
{
    prepared = NULL;
    EVP_KDF_free(kdf);
    return APR_SUCCESS;
}

void finq_derive_prepare(apr_pool_t *pool)
{
    if (prepared)
        return;
    prepared = EVP_KDF_fetch(NULL, "HKDF", NULL);
    if (prepared)
        apr_pool_cleanup_register(pool, prepared, prepared_release, apr_pool_cleanup_null);
}

int finq_derive(unsigned char *key, apr_size_t length, finq_bytes secret, finq_bytes salt, const char *purpose)
{
    EVP_KDF *fetched = prepared ? NULL : EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(prepared ? prepared : fetched);
    OSSL_PARAM params[5] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret.data, secret.length),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)purpose, strlen(purpose)),
        OSSL_PARAM_construct_end(),
        OSSL_PARAM_construct_end(),
    };
    if (salt.length > 0)
        params[3] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt.data, salt.length);
    int ok = context && EVP_KDF_derive(context, key, length, params) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(fetched);
    return ok;
}
