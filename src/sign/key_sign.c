/* Signing with a private key: the operator's command and the tests; the server holds none. */
#include "key_material.h"

#include <apr_strings.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>

struct finq_signer {
    EVP_PKEY *evp;
    const finq_key *key;
};

/* OpenSSL would ask the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *baton)
{
    (void)buffer, (void)size, (void)writing, (void)baton;
    return -1;
}

static finq_error *signer_read(finq_signer **signer, finq_algorithm algorithm, BIO *bio, apr_pool_t *pool)
{
    finq_key_material material;
    finq_key *key;
    EVP_PKEY *evp = bio ? finq_key_own(PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL), pool) : NULL;
    if (!evp)
        return finq_error_make(pool, FINQ_E_INVALID_INPUT,
                               "Found no PEM private key that opens without a passphrase: decrypt or export it first "
                               "(openssl pkey -in KEY).");
    FINQ_TRY(finq_key_take(&material, evp, pool));
    FINQ_TRY(finq_key_build(&key, NULL, algorithm, &material, pool));
    *signer = apr_palloc(pool, sizeof **signer);
    **signer = (finq_signer){evp, key};
    return NULL;
}

finq_error *finq_signer_read(finq_signer **signer, finq_algorithm algorithm, const char *pem, apr_size_t length, apr_pool_t *pool)
{
    ERR_set_mark();
    BIO *bio = BIO_new_mem_buf(pem, (int)length);
    finq_error *error = signer_read(signer, algorithm, bio, pool);
    BIO_free(bio);
    ERR_pop_to_mark();
    return error;
}

const finq_key *finq_signer_key(const finq_signer *signer)
{
    return signer->key;
}

/* The inverse of what verification does: DER to r and s of 32 bytes each. */
static int raw_pair(finq_bytes *signature, apr_pool_t *pool)
{
    const unsigned char *der = signature->data;
    unsigned char *raw = apr_palloc(pool, 64);
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)signature->length);
    int good =
        pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, 32) == 32 && BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + 32, 32) == 32;
    ECDSA_SIG_free(pair);
    *signature = (finq_bytes){raw, 64};
    return good;
}

finq_error *finq_signer_sign(finq_bytes *signature, const finq_signer *signer, finq_bytes text, apr_pool_t *pool)
{
    const finq_algorithm_row *row = &finq_algorithm_rows[signer->key->algorithm];
    size_t length = (size_t)EVP_PKEY_get_size(signer->evp);
    unsigned char *bytes = apr_palloc(pool, length);
    EVP_PKEY_CTX *pkey_ctx = NULL;
    ERR_set_mark();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int good = ctx && EVP_DigestSignInit(ctx, &pkey_ctx, row->hash ? row->hash() : NULL, NULL, signer->evp) == 1 &&
               finq_key_pad(pkey_ctx, row) && EVP_DigestSign(ctx, bytes, &length, text.data, text.length) == 1;
    EVP_MD_CTX_free(ctx);
    *signature = (finq_bytes){bytes, length};
    if (good && row->kind == FINQ_KEY_EC)
        good = raw_pair(signature, pool);
    ERR_pop_to_mark();
    return good ? NULL : finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "OpenSSL could not sign");
}
