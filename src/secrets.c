#include "finq_secrets.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

#define KEY_BYTES 32
#define SEAL_VERSION 1

struct finq_secret {
    apr_int32_t id;
    unsigned char seal_key[KEY_BYTES];
    const EVP_CIPHER *cipher; /* its set's */
    EVP_MAC_CTX *seal_mac, *step_mac, *access_mac, *webhook_mac; /* keyed once, duplicated for each use */
};

struct finq_secrets {
    finq_secret secrets[FINQ_SECRET_FILE_MOST];
    int count;
    EVP_MAC *hmac;
    EVP_CIPHER *cipher; /* fetched once: to look an algorithm up costs more than to use it */
};

static finq_error *openssl_failed(apr_pool_t *pool, const char *what)
{
    return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "OpenSSL: %s failed", what);
}

finq_error *finq_random(void *bytes, apr_size_t length, apr_pool_t *pool)
{
    return RAND_bytes(bytes, (int)length) == 1 ? NULL : openssl_failed(pool, "RAND_bytes");
}

/* Randomness for ids is drawn ahead, a thread for itself: a draw costs as much for one id as for many. What has been
 * handed out is wiped, and a forked process draws its own. */
#define ID_RANDOM 10
#define DRAWN_IDS 32
static __thread struct {
    pid_t owner;
    int left;
    unsigned char bytes[DRAWN_IDS][ID_RANDOM];
} drawn;

finq_error *finq_id_new(finq_id *id, apr_pool_t *pool)
{
    if (drawn.left == 0 || drawn.owner != getpid()) {
        drawn.left = 0;
        FINQ_TRY(finq_random(drawn.bytes, sizeof drawn.bytes, pool));
        drawn.left = DRAWN_IDS;
        drawn.owner = getpid();
    }
    unsigned char *random = drawn.bytes[--drawn.left];
    *id = finq_id_v7(apr_time_now(), random);
    finq_wipe(random, ID_RANDOM);
    return NULL;
}

/* ---- deriving ---- */

static int derive(unsigned char key[KEY_BYTES], const unsigned char *secret, apr_size_t length, const char *purpose)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret, length),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)purpose, strlen(purpose)),
        OSSL_PARAM_construct_end(),
    };
    int ok = context && EVP_KDF_derive(context, key, KEY_BYTES, params) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return ok;
}

static EVP_MAC_CTX *derive_mac(EVP_MAC *hmac, const unsigned char *secret, apr_size_t length, const char *purpose)
{
    unsigned char key[KEY_BYTES];
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(hmac);
    if (!context || !derive(key, secret, length, purpose) || EVP_MAC_init(context, key, sizeof key, params) != 1) {
        EVP_MAC_CTX_free(context);
        context = NULL;
    }
    finq_wipe(key, sizeof key);
    return context;
}

static int secret_derive(finq_secret *secret, EVP_MAC *hmac, const unsigned char *bytes, apr_size_t length)
{
    unsigned char id[KEY_BYTES];
    if (!derive(id, bytes, length, "mod_finq secret id") ||
        !derive(secret->seal_key, bytes, length, "mod_finq seal encryption"))
        return 0;
    memcpy(&secret->id, id, sizeof secret->id);
    secret->seal_mac = derive_mac(hmac, bytes, length, "mod_finq seal authentication");
    secret->step_mac = derive_mac(hmac, bytes, length, "mod_finq step id");
    secret->access_mac = derive_mac(hmac, bytes, length, "mod_finq access token");
    secret->webhook_mac = derive_mac(hmac, bytes, length, "mod_finq webhook");
    return secret->seal_mac && secret->step_mac && secret->access_mac && secret->webhook_mac;
}

/* ---- the file ---- */

static apr_status_t secrets_wipe(void *value)
{
    finq_secrets *secrets = value;
    for (int i = 0; i < secrets->count; i++) {
        EVP_MAC_CTX_free(secrets->secrets[i].seal_mac);
        EVP_MAC_CTX_free(secrets->secrets[i].step_mac);
        EVP_MAC_CTX_free(secrets->secrets[i].access_mac);
        EVP_MAC_CTX_free(secrets->secrets[i].webhook_mac);
    }
    EVP_MAC_free(secrets->hmac);
    EVP_CIPHER_free(secrets->cipher);
    finq_wipe(secrets, sizeof *secrets);
    return APR_SUCCESS;
}

static finq_error *secret_take(void *baton, const unsigned char *bytes, apr_size_t length, apr_pool_t *pool)
{
    finq_secrets *secrets = baton;
    finq_secret *secret = &secrets->secrets[secrets->count++];
    secret->cipher = secrets->cipher;
    return secret_derive(secret, secrets->hmac, bytes, length) ? NULL : openssl_failed(pool, "deriving keys");
}

finq_error *finq_secrets_load(finq_secrets **out, const char *path, apr_pool_t *pool)
{
    finq_secrets *secrets = apr_pcalloc(pool, sizeof *secrets);
    apr_pool_cleanup_register(pool, secrets, secrets_wipe, apr_pool_cleanup_null);
    secrets->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    secrets->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
    if (!secrets->hmac || !secrets->cipher)
        return openssl_failed(pool, "fetching HMAC and AES");
    FINQ_TRY(finq_secret_file_read(path, secret_take, secrets, pool));
    *out = secrets;
    return NULL;
}

const finq_secret *finq_secrets_first(const finq_secrets *secrets)
{
    return &secrets->secrets[0];
}

const finq_secret *finq_secrets_find(const finq_secrets *secrets, apr_int32_t id)
{
    for (int i = 0; i < secrets->count; i++) {
        if (secrets->secrets[i].id == id)
            return &secrets->secrets[i];
    }
    return NULL;
}

apr_int32_t finq_secret_id(const finq_secret *secret)
{
    return secret->id;
}

/* ---- using ---- */

typedef struct {
    const void *bytes;
    apr_size_t length;
} piece;

static finq_error *mac(unsigned char tag[KEY_BYTES], EVP_MAC_CTX *keyed, const piece *pieces, int count,
                       apr_pool_t *pool)
{
    EVP_MAC_CTX *context = EVP_MAC_CTX_dup(keyed);
    int ok = context != NULL;
    for (int i = 0; ok && i < count; i++)
        ok = EVP_MAC_update(context, pieces[i].bytes, pieces[i].length) == 1;
    ok = ok && EVP_MAC_final(context, tag, NULL, KEY_BYTES) == 1;
    EVP_MAC_CTX_free(context);
    return ok ? NULL : openssl_failed(pool, "HMAC");
}

static finq_error *crypt_ctr(unsigned char *to, const finq_secret *secret, const unsigned char *iv, piece from,
                             apr_pool_t *pool)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int n, ok = context && EVP_EncryptInit_ex2(context, secret->cipher, secret->seal_key, iv, NULL) == 1 &&
                EVP_EncryptUpdate(context, to, &n, from.bytes, (int)from.length) == 1;
    EVP_CIPHER_CTX_free(context);
    return ok ? NULL : openssl_failed(pool, "AES-256-CTR");
}

finq_error *finq_secret_seal(const finq_secret *secret, unsigned char *sealed, const void *bytes, apr_size_t length,
                             apr_pool_t *pool)
{
    unsigned char *tag = sealed + 5;
    sealed[0] = SEAL_VERSION;
    memcpy(sealed + 1, &secret->id, 4);
    piece pieces[] = {{sealed, 5}, {bytes, length}};
    FINQ_TRY(mac(tag, secret->seal_mac, pieces, 2, pool));
    return crypt_ctr(sealed + FINQ_SEAL_OVERHEAD, secret, tag, pieces[1], pool);
}

finq_error *finq_secrets_open(const finq_secret **secret, const finq_secrets *secrets, unsigned char *bytes,
                              const unsigned char *sealed, apr_size_t length, apr_pool_t *pool)
{
    unsigned char tag[KEY_BYTES];
    apr_int32_t id;
    *secret = NULL;
    if (length < FINQ_SEAL_OVERHEAD || sealed[0] != SEAL_VERSION)
        return NULL;
    memcpy(&id, sealed + 1, 4);
    const finq_secret *found = finq_secrets_find(secrets, id);
    if (!found)
        return NULL;
    length -= FINQ_SEAL_OVERHEAD;
    FINQ_TRY(crypt_ctr(bytes, found, sealed + 5, (piece){sealed + FINQ_SEAL_OVERHEAD, length}, pool));
    piece pieces[] = {{sealed, 5}, {bytes, length}};
    FINQ_TRY(mac(tag, found->seal_mac, pieces, 2, pool));
    if (CRYPTO_memcmp(tag, sealed + 5, sizeof tag) == 0)
        *secret = found;
    return NULL;
}

finq_error *finq_secret_step_id(finq_id *step_id, const finq_secret *secret, const finq_id *session_id, int ordinal,
                                apr_pool_t *pool)
{
    unsigned char tag[KEY_BYTES], place[2] = {(unsigned char)(ordinal >> 8), (unsigned char)ordinal};
    piece pieces[] = {{session_id->bytes, sizeof session_id->bytes}, {place, sizeof place}};
    FINQ_TRY(mac(tag, secret->step_mac, pieces, 2, pool));
    *step_id = finq_id_v7(finq_id_time(session_id), tag);
    return NULL;
}

finq_error *finq_secrets_know_step(int *known, const finq_secrets *secrets, const finq_id *step_id, const finq_id *session_id,
                                   int ordinal, apr_pool_t *pool)
{
    *known = 0;
    for (int i = 0; i < secrets->count && !*known; i++) {
        finq_id given;
        FINQ_TRY(finq_secret_step_id(&given, &secrets->secrets[i], session_id, ordinal, pool));
        *known = finq_id_equal(&given, step_id);
    }
    return NULL;
}

finq_error *finq_secret_access_token(unsigned char token[FINQ_ACCESS_TOKEN_BYTES], const finq_secret *secret,
                                     const unsigned char salt[FINQ_SALT_BYTES], const finq_id *credentials_id,
                                     apr_pool_t *pool)
{
    piece pieces[] = {{salt, FINQ_SALT_BYTES}, {credentials_id->bytes, sizeof credentials_id->bytes}};
    return mac(token, secret->access_mac, pieces, 2, pool);
}

finq_error *finq_secret_webhook_key(unsigned char key[FINQ_WEBHOOK_KEY_BYTES], const finq_secret *secret,
                                    const unsigned char salt[FINQ_SALT_BYTES], apr_pool_t *pool)
{
    piece pieces[] = {{salt, FINQ_SALT_BYTES}};
    return mac(key, secret->webhook_mac, pieces, 1, pool);
}
