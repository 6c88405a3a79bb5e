#include "crypto/secrets.h"

#include "crypto/derive.h"
#include "crypto/digest.h"

#include <apr_atomic.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>
#include <unistd.h>

#include "ground/codec.h"

#define KEY_BYTES 32
#define SEAL_VERSION 1
#define SEAL_HEAD 5 /* the version and the secret's id, both authenticated */

/* A context costs several times as much to make as to use, so a cache of one slot keeps one. A thread takes the context out for
 * itself, and puts it back after use; a thread that finds the slot empty makes its own, and whichever comes back last stays. */
typedef struct {
    EVP_MAC_CTX *keyed; /* never used, only duplicated */
    volatile void *cached;
} mac_key;

struct finq_secret {
    apr_int32_t id;
    finq_siv *seal;
    mac_key *step_mac, *access_mac, *webhook_mac, *head_mac;
};

struct finq_secrets {
    finq_secret secrets[FINQ_SECRET_FILE_MOST];
    int count;
    EVP_MAC *hmac; /* fetched once: to look an algorithm up costs more than to use it */
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

static int derive(unsigned char *key, apr_size_t length, finq_bytes secret, const char *purpose)
{
    return finq_derive(key, length, secret, (finq_bytes){NULL, 0}, purpose);
}

static apr_status_t mac_key_release(void *value)
{
    mac_key *mac = value;
    EVP_MAC_CTX_free((EVP_MAC_CTX *)mac->cached); /* wipes the key */
    EVP_MAC_CTX_free(mac->keyed);
    return APR_SUCCESS;
}

static int derive_mac(mac_key **out, EVP_MAC *hmac, finq_bytes secret, const char *purpose, apr_pool_t *pool)
{
    unsigned char key[KEY_BYTES];
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
                           OSSL_PARAM_construct_end()};
    mac_key *mac = *out = apr_pcalloc(pool, sizeof *mac);
    mac->keyed = EVP_MAC_CTX_new(hmac);
    apr_pool_cleanup_register(pool, mac, mac_key_release, apr_pool_cleanup_null);
    int ok = mac->keyed && derive(key, sizeof key, secret, purpose) && EVP_MAC_init(mac->keyed, key, sizeof key, params) == 1;
    finq_wipe(key, sizeof key);
    return ok;
}

static int derive_seal(finq_siv **seal, finq_bytes secret, apr_pool_t *pool)
{
    unsigned char key[FINQ_SIV_KEY_BYTES];
    int ok = derive(key, sizeof key, secret, "mod_finq seal") && finq_siv_make(seal, (finq_bytes){key, sizeof key}, pool) == NULL;
    finq_wipe(key, sizeof key);
    return ok;
}

static int secret_derive(finq_secret *secret, const finq_secrets *set, finq_bytes bytes, apr_pool_t *pool)
{
    unsigned char id[KEY_BYTES];
    if (!derive(id, sizeof id, bytes, "mod_finq secret id"))
        return 0;
    memcpy(&secret->id, id, sizeof secret->id);
    return derive_seal(&secret->seal, bytes, pool) && derive_mac(&secret->step_mac, set->hmac, bytes, "mod_finq step id", pool) &&
           derive_mac(&secret->access_mac, set->hmac, bytes, "mod_finq access token", pool) &&
           derive_mac(&secret->webhook_mac, set->hmac, bytes, "mod_finq webhook", pool) &&
           derive_mac(&secret->head_mac, set->hmac, bytes, "mod_finq audit head", pool);
}

/* ---- the file ---- */

static apr_status_t secrets_release(void *value)
{
    finq_secrets *secrets = value;
    EVP_MAC_free(secrets->hmac);
    return APR_SUCCESS;
}

static finq_error *secret_take(void *baton, const unsigned char *bytes, apr_size_t length, apr_pool_t *pool)
{
    finq_secrets *secrets = baton;
    finq_secret *secret = &secrets->secrets[secrets->count++];
    int derived = secret_derive(secret, secrets, (finq_bytes){bytes, length}, pool);
    return derived ? NULL : openssl_failed(pool, "deriving keys");
}

finq_error *finq_secrets_load(finq_secrets **out, const char *path, apr_pool_t *pool)
{
    finq_secrets *secrets = apr_pcalloc(pool, sizeof *secrets);
    apr_pool_cleanup_register(pool, secrets, secrets_release, apr_pool_cleanup_null);
    secrets->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (!secrets->hmac)
        return openssl_failed(pool, "fetching HMAC");
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

int finq_secrets_place(const finq_secrets *secrets, const finq_secret *secret)
{
    return (int)(secret - secrets->secrets) + 1;
}

apr_int32_t finq_secret_id(const finq_secret *secret)
{
    return secret->id;
}

/* ---- using ---- */

static finq_error *mac(unsigned char tag[KEY_BYTES], mac_key *key, const finq_bytes *pieces, int count, apr_pool_t *pool)
{
    EVP_MAC_CTX *context = apr_atomic_xchgptr(&key->cached, NULL);
    if (!context)
        context = EVP_MAC_CTX_dup(key->keyed);
    int ok = context && EVP_MAC_init(context, NULL, 0, NULL) == 1; /* begins anew, with the same key */
    for (int i = 0; ok && i < count; i++)
        ok = EVP_MAC_update(context, pieces[i].data, pieces[i].length) == 1;
    ok = ok && EVP_MAC_final(context, tag, NULL, KEY_BYTES) == 1;
    EVP_MAC_CTX_free(ok ? apr_atomic_xchgptr(&key->cached, context) : context);
    return ok ? NULL : openssl_failed(pool, "HMAC");
}

finq_error *finq_secret_seal(const finq_secret *secret, unsigned char *sealed, const void *bytes, apr_size_t length,
                             apr_pool_t *pool)
{
    finq_bytes head = {sealed, SEAL_HEAD}, message = {bytes, length};
    sealed[0] = SEAL_VERSION;
    memcpy(sealed + 1, &secret->id, 4);
    return finq_siv_seal(sealed + SEAL_HEAD, secret->seal, head, message, pool);
}

finq_error *finq_secrets_open(finq_seal *seal, const finq_secrets *secrets, unsigned char *bytes, finq_bytes sealed,
                              apr_pool_t *pool)
{
    finq_bytes head = {sealed.data, SEAL_HEAD}, rest = {sealed.data + SEAL_HEAD, sealed.length - SEAL_HEAD};
    apr_int32_t id;
    int intact;
    *seal = (finq_seal){FINQ_SEAL_MALFORMED, NULL};
    if (sealed.length <= FINQ_SEAL_OVERHEAD || sealed.data[0] != SEAL_VERSION)
        return NULL;
    memcpy(&id, sealed.data + 1, 4);
    const finq_secret *found = finq_secrets_find(secrets, id);
    seal->state = found ? FINQ_SEAL_FORGED : FINQ_SEAL_UNKNOWN_SECRET;
    if (!found)
        return NULL;
    FINQ_TRY(finq_siv_open(&intact, bytes, found->seal, head, rest, pool));
    if (intact)
        *seal = (finq_seal){FINQ_SEAL_INTACT, found};
    return NULL;
}

finq_error *finq_secret_step_id(finq_id *step_id, const finq_secret *secret, const finq_id *session_id, int ordinal,
                                apr_pool_t *pool)
{
    unsigned char tag[KEY_BYTES], place[4];
    finq_bytes pieces[] = {{session_id->bytes, sizeof session_id->bytes}, {place, sizeof place}};
    finq_codec_number_put(place, (apr_uint64_t)ordinal, sizeof place);
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
                                     const unsigned char salt[FINQ_SALT_BYTES], const finq_id *session_id, apr_pool_t *pool)
{
    finq_bytes pieces[] = {{salt, FINQ_SALT_BYTES}, {session_id->bytes, sizeof session_id->bytes}};
    return mac(token, secret->access_mac, pieces, 2, pool);
}

finq_error *finq_secret_webhook_key(unsigned char key[FINQ_WEBHOOK_KEY_BYTES], const finq_secret *secret,
                                    const unsigned char salt[FINQ_SALT_BYTES], apr_pool_t *pool)
{
    finq_bytes pieces[] = {{salt, FINQ_SALT_BYTES}};
    return mac(key, secret->webhook_mac, pieces, 1, pool);
}

finq_error *finq_secret_sign_head(unsigned char signature[FINQ_HEAD_BYTES], const finq_secret *secret,
                                  const unsigned char hash[FINQ_HEAD_BYTES], apr_pool_t *pool)
{
    finq_bytes pieces[] = {{hash, FINQ_HEAD_BYTES}};
    return mac(signature, secret->head_mac, pieces, 1, pool);
}

int finq_secret_has_signed(const finq_secret *secret, const unsigned char hash[FINQ_HEAD_BYTES],
                           const unsigned char signature[FINQ_HEAD_BYTES], apr_pool_t *pool)
{
    unsigned char own[FINQ_HEAD_BYTES];
    return !finq_secret_sign_head(own, secret, hash, pool) && finq_digest_equal(own, signature, sizeof own);
}

int finq_secrets_count(const finq_secrets *secrets)
{
    return secrets->count;
}

const finq_secret *finq_secrets_at(const finq_secrets *secrets, int place)
{
    return &secrets->secrets[place];
}
