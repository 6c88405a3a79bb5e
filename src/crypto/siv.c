#include "crypto/siv.h"

#include <apr_strings.h>
#include <openssl/err.h>
#include <openssl/evp.h>

/* A context serves one message, and to key one costs several times what to copy a keyed one does. */
struct finq_siv {
    EVP_CIPHER_CTX *keyed;
};

static finq_error *openssl_failed(apr_pool_t *pool)
{
    return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "OpenSSL: AES-SIV failed");
}

static apr_status_t siv_release(void *value)
{
    finq_siv *siv = value;
    EVP_CIPHER_CTX_free(siv->keyed); /* wipes the key */
    return APR_SUCCESS;
}

finq_error *finq_siv_make(finq_siv **out, finq_bytes key, apr_pool_t *pool)
{
    const char *name = apr_psprintf(pool, "AES-%d-SIV", (int)key.length * 4);
    finq_siv *siv = apr_palloc(pool, sizeof *siv);
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
    siv->keyed = EVP_CIPHER_CTX_new();
    apr_pool_cleanup_register(pool, siv, siv_release, apr_pool_cleanup_null);
    int keyed = cipher && siv->keyed && EVP_EncryptInit_ex2(siv->keyed, cipher, key.data, NULL, NULL) == 1;
    EVP_CIPHER_free(cipher); /* the context holds it */
    *out = siv;
    return keyed ? NULL : openssl_failed(pool);
}

/* A context that has taken the data and waits for the message; NULL where OpenSSL fails. */
static EVP_CIPHER_CTX *siv_begin(const finq_siv *siv, int sealing, finq_bytes data)
{
    int n;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (context && EVP_CIPHER_CTX_copy(context, siv->keyed) == 1 &&
        EVP_CipherInit_ex2(context, NULL, NULL, NULL, sealing, NULL) == 1 &&
        EVP_CipherUpdate(context, NULL, &n, data.data, (int)data.length) == 1)
        return context;
    EVP_CIPHER_CTX_free(context);
    return NULL;
}

finq_error *finq_siv_seal(unsigned char *sealed, const finq_siv *siv, finq_bytes data, finq_bytes message, apr_pool_t *pool)
{
    int n;
    EVP_CIPHER_CTX *context = siv_begin(siv, 1, data);
    int good = context && EVP_CipherUpdate(context, sealed + FINQ_SIV_TAG_BYTES, &n, message.data, (int)message.length) == 1 &&
               EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, FINQ_SIV_TAG_BYTES, sealed) == 1;
    EVP_CIPHER_CTX_free(context);
    return good ? NULL : openssl_failed(pool);
}

/* What is empty is never given to OpenSSL, which would not look at its tag. */
finq_error *finq_siv_open(int *intact, unsigned char *message, const finq_siv *siv, finq_bytes data, finq_bytes sealed,
                          apr_pool_t *pool)
{
    int n, length = (int)sealed.length - FINQ_SIV_TAG_BYTES;
    *intact = 0;
    if (length <= 0)
        return NULL;
    EVP_CIPHER_CTX *context = siv_begin(siv, 0, data);
    int ready = context && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, FINQ_SIV_TAG_BYTES, (void *)sealed.data) == 1;
    if (ready) {
        ERR_set_mark(); /* a forgery leaves nothing in the thread's error queue, which is mod_ssl's too */
        *intact = EVP_CipherUpdate(context, message, &n, sealed.data + FINQ_SIV_TAG_BYTES, length) == 1;
        ERR_pop_to_mark();
    }
    EVP_CIPHER_CTX_free(context);
    return ready ? NULL : openssl_failed(pool);
}
