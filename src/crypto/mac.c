#include "crypto/mac.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "crypto/digest.h"
#include "crypto/secret_file.h"

struct finq_mac_keys {
    EVP_MAC *hmac;
    EVP_MAC_CTX *keyed[FINQ_SECRET_FILE_MOST]; /* duplicated for each use */
    int count;
};

static finq_error *openssl_failed(apr_pool_t *pool)
{
    return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "OpenSSL: HMAC failed");
}

static apr_status_t keys_release(void *value)
{
    finq_mac_keys *keys = value;
    for (int i = 0; i < keys->count; i++)
        EVP_MAC_CTX_free(keys->keyed[i]); /* wipes the key */
    EVP_MAC_free(keys->hmac);
    return APR_SUCCESS;
}

/* A context under a key. */
static int context_key(EVP_MAC_CTX *context, const void *bytes, apr_size_t length)
{
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
                           OSSL_PARAM_construct_end()};
    return EVP_MAC_init(context, bytes, length, params) == 1;
}

static finq_error *key_take(void *baton, const unsigned char *bytes, apr_size_t length, apr_pool_t *pool)
{
    finq_mac_keys *keys = baton;
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(keys->hmac);
    if (!context)
        return openssl_failed(pool);
    keys->keyed[keys->count++] = context;
    return context_key(context, bytes, length) ? NULL : openssl_failed(pool);
}

finq_error *finq_mac_keys_load(finq_mac_keys **out, const char *path, apr_pool_t *pool)
{
    finq_mac_keys *keys = apr_pcalloc(pool, sizeof *keys);
    apr_pool_cleanup_register(pool, keys, keys_release, apr_pool_cleanup_null);
    keys->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (!keys->hmac)
        return openssl_failed(pool);
    FINQ_TRY(finq_secret_file_read(path, key_take, keys, pool));
    *out = keys;
    return NULL;
}

static finq_error *tag_make(unsigned char tag[FINQ_MAC_BYTES], const EVP_MAC_CTX *keyed, const finq_mac_text *text,
                            apr_pool_t *pool)
{
    EVP_MAC_CTX *context = EVP_MAC_CTX_dup(keyed);
    int ok = context != NULL;
    for (int i = 0; ok && i < text->count; i++)
        ok = EVP_MAC_update(context, text->pieces[i].bytes, text->pieces[i].length) == 1;
    ok = ok && EVP_MAC_final(context, tag, NULL, FINQ_MAC_BYTES) == 1;
    EVP_MAC_CTX_free(context);
    return ok ? NULL : openssl_failed(pool);
}

finq_error *finq_mac_sign(unsigned char tag[FINQ_MAC_BYTES], const finq_mac_keys *keys, const finq_mac_text *text,
                          apr_pool_t *pool)
{
    return tag_make(tag, keys->keyed[0], text, pool);
}

finq_error *finq_mac_verify(int *valid, const unsigned char tag[FINQ_MAC_BYTES], const finq_mac_keys *keys,
                            const finq_mac_text *text, apr_pool_t *pool)
{
    unsigned char own[FINQ_MAC_BYTES];
    *valid = 0;
    for (int i = 0; i < keys->count; i++) { /* all of them: the time tells nothing of which one it was */
        FINQ_TRY(tag_make(own, keys->keyed[i], text, pool));
        *valid |= finq_digest_equal(own, tag, sizeof own);
    }
    return NULL;
}

/* ---- keys that no file holds ---- */

struct finq_mac_key {
    EVP_MAC_CTX *context;
};

static apr_status_t key_release(void *value)
{
    EVP_MAC_CTX_free(((finq_mac_key *)value)->context); /* wipes the key */
    return APR_SUCCESS;
}

finq_error *finq_mac_key_make(finq_mac_key **out, finq_mac_piece bytes, apr_pool_t *pool)
{
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    finq_mac_key *key = apr_palloc(pool, sizeof *key);
    key->context = EVP_MAC_CTX_new(hmac);
    apr_pool_cleanup_register(pool, key, key_release, apr_pool_cleanup_null);
    EVP_MAC_free(hmac); /* the context holds it */
    *out = key;
    return key->context && context_key(key->context, bytes.bytes, bytes.length) ? NULL : openssl_failed(pool);
}

finq_error *finq_mac_key_sign(unsigned char tag[FINQ_MAC_BYTES], finq_mac_key *key, finq_mac_piece text, apr_pool_t *pool)
{
    int ok = EVP_MAC_init(key->context, NULL, 0, NULL) == 1 && /* begins anew, with the same key */
             EVP_MAC_update(key->context, text.bytes, text.length) == 1 &&
             EVP_MAC_final(key->context, tag, NULL, FINQ_MAC_BYTES) == 1;
    return ok ? NULL : openssl_failed(pool);
}

finq_error *finq_mac_with(unsigned char tag[FINQ_MAC_BYTES], finq_mac_piece key, finq_mac_piece text, apr_pool_t *pool)
{
    return EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key.bytes, key.length, text.bytes, text.length, tag, FINQ_MAC_BYTES,
                     NULL)
               ? NULL
               : openssl_failed(pool);
}
