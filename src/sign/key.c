#include "key_material.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

const finq_algorithm_row finq_algorithm_rows[FINQ_ALGORITHM_COUNT] = {
    [FINQ_ALGORITHM_RS256] = {"RS256", FINQ_KEY_RSA, {"RS256"}, EVP_sha256, 0},
    [FINQ_ALGORITHM_RSA_V1_5_SHA256] = {"rsa-v1_5-sha256", FINQ_KEY_RSA, {"RS256"}, EVP_sha256, 0},
    [FINQ_ALGORITHM_RSA_PSS_SHA512] = {"rsa-pss-sha512", FINQ_KEY_RSA, {"PS512"}, EVP_sha512, 64},
    [FINQ_ALGORITHM_ECDSA_P256_SHA256] = {"ecdsa-p256-sha256", FINQ_KEY_EC, {"ES256"}, EVP_sha256, 0},
    [FINQ_ALGORITHM_ED25519] = {"ed25519", FINQ_KEY_OKP, {"EdDSA", "Ed25519"}, NULL, 0},
};

const char *finq_algorithm_name(finq_algorithm algorithm)
{
    return finq_algorithm_rows[algorithm].name;
}

int finq_algorithm_find(finq_algorithm *algorithm, const char *name)
{
    for (int i = 0; i < FINQ_ALGORITHM_COUNT; i++) {
        if (strcmp(finq_algorithm_rows[i].name, name) == 0) {
            *algorithm = (finq_algorithm)i;
            return 1;
        }
    }
    return 0;
}

int finq_key_is_kid(const char *text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t length = strnlen(text, 129);
    return length >= 1 && length <= 128 && strspn(text, allowed) == length;
}

const finq_key *finq_key_find(const apr_array_header_t *keys, const char *kid)
{
    for (int i = 0; i < keys->nelts; i++) {
        const finq_key *key = APR_ARRAY_IDX(keys, i, const finq_key *);
        if (strcmp(key->kid, kid) == 0)
            return key;
    }
    return NULL;
}

static apr_status_t key_release(void *evp)
{
    EVP_PKEY_free(evp);
    return APR_SUCCESS;
}

EVP_PKEY *finq_key_own(EVP_PKEY *evp, apr_pool_t *pool)
{
    if (evp)
        apr_pool_cleanup_register(pool, evp, key_release, apr_pool_cleanup_null);
    return evp;
}

int finq_key_pad(EVP_PKEY_CTX *pkey_ctx, const finq_algorithm_row *row)
{
    if (!row->salt)
        return 1; /* PKCS #1 v1.5 is an RSA key's default */
    return EVP_PKEY_CTX_set_rsa_padding(pkey_ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(pkey_ctx, row->hash()) > 0 && EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey_ctx, row->salt) > 0;
}

/* Copying a prepared context saves the look-ups that setting one up costs: about a tenth of an RSA
 * verification. The flag says that nothing follows the first text, or OpenSSL would copy once more. */
static int evp_verifies(const finq_key *key, finq_bytes text, finq_bytes signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int good = ctx && EVP_MD_CTX_copy_ex(ctx, key->verifier) == 1;
    if (good) {
        EVP_MD_CTX_set_flags(ctx, EVP_MD_CTX_FLAG_FINALISE);
        good = EVP_DigestVerify(ctx, signature.data, signature.length, text.data, text.length) == 1;
    }
    EVP_MD_CTX_free(ctx);
    return good;
}

/* RFC 9421 sends r and s as two numbers of 32 bytes; OpenSSL wants their DER. */
static int ecdsa_verifies(const finq_key *key, finq_bytes text, finq_bytes signature)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature.data, 32, NULL), *s = BN_bin2bn(signature.data + 32, 32, NULL);
    unsigned char der[80], *to = der;
    int length = 0;
    if (pair && r && s && ECDSA_SIG_set0(pair, r, s)) {
        length = i2d_ECDSA_SIG(pair, &to); /* at most 72 bytes */
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(pair);
    return length > 0 && evp_verifies(key, text, (finq_bytes){der, (apr_size_t)length});
}

int finq_key_verify(const finq_key *key, finq_bytes text, finq_bytes signature)
{
    finq_key_kind kind = finq_algorithm_rows[key->algorithm].kind;
    if (key->revoked || signature.length != key->signature_length)
        return 0;
    /* The thread's error queue is mod_ssl's too: what a bad signature leaves there must not be read as a bad
     * record. */
    ERR_set_mark();
    int good = kind == FINQ_KEY_EC ? ecdsa_verifies(key, text, signature) : evp_verifies(key, text, signature);
    ERR_pop_to_mark();
    return good;
}
