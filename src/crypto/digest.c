#include "crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct finq_digest {
    EVP_MD_CTX *context;
};

static EVP_MD *prepared;

static apr_status_t prepared_release(void *md)
{
    prepared = NULL;
    EVP_MD_free(md);
    return APR_SUCCESS;
}

void finq_digest_prepare(apr_pool_t *pool)
{
    if (prepared)
        return;
    prepared = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (prepared)
        apr_pool_cleanup_register(pool, prepared, prepared_release, apr_pool_cleanup_null);
}

static const EVP_MD *sha256(void)
{
    return prepared ? prepared : EVP_sha256();
}

/* A digest that failed must not look like one: better no process than a wrong proof. */
static void must(int success)
{
    if (!success)
        abort();
}

void finq_digest_sha256(unsigned char out[FINQ_DIGEST_SHA256], const void *bytes, apr_size_t n)
{
    must(EVP_Digest(bytes, n, out, NULL, sha256(), NULL));
}

static apr_status_t digest_release(void *context)
{
    EVP_MD_CTX_free(context);
    return APR_SUCCESS;
}

static finq_digest *digest_begin(const EVP_MD *md, apr_pool_t *pool)
{
    finq_digest *digest = apr_palloc(pool, sizeof *digest);
    digest->context = EVP_MD_CTX_new();
    apr_pool_cleanup_register(pool, digest->context, digest_release, apr_pool_cleanup_null);
    must(digest->context && EVP_DigestInit_ex(digest->context, md, NULL));
    return digest;
}

finq_digest *finq_digest_new(apr_pool_t *pool)
{
    return digest_begin(sha256(), pool);
}

finq_digest *finq_digest_new_sha512(apr_pool_t *pool)
{
    return digest_begin(EVP_sha512(), pool);
}

finq_digest *finq_digest_new_sha1(apr_pool_t *pool)
{
    return digest_begin(EVP_sha1(), pool);
}

void finq_digest_update(finq_digest *digest, const void *bytes, apr_size_t n)
{
    must(EVP_DigestUpdate(digest->context, bytes, n));
}

void finq_digest_final(unsigned char *out, finq_digest *digest)
{
    must(EVP_DigestFinal_ex(digest->context, out, NULL));
}

int finq_digest_equal(const void *a, const void *b, apr_size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}
