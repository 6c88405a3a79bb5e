#include "crypto/pdf_lock.h"

#include <openssl/evp.h>
#include <openssl/provider.h>
#include <string.h>

#include "crypto/digest.h"

#define PAD_BYTES 32
#define MD5_BYTES 16
#define HASH_MOST 64
/* Of revision 6: the hash is repeated behind itself so often before it is encrypted. */
#define REPEATS 64

/* What stands behind a password that is shorter; of the empty one it is all. */
static const unsigned char pad[PAD_BYTES] = {0x28, 0xbf, 0x4e, 0x5e, 0x4e, 0x75, 0x8a, 0x41, 0x64, 0x00, 0x4e,
                                             0x56, 0xff, 0xfa, 0x01, 0x08, 0x2e, 0x2e, 0x00, 0xb6, 0xd0, 0x68,
                                             0x3e, 0x80, 0x2f, 0x0c, 0xa9, 0xfe, 0x64, 0x53, 0x69, 0x7a};

static int hash(unsigned char *out, const EVP_MD *kind, const finq_bytes *pieces, int count)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int ok = context && EVP_DigestInit_ex(context, kind, NULL) == 1;
    for (int i = 0; ok && i < count; i++)
        ok = EVP_DigestUpdate(context, pieces[i].data, pieces[i].length) == 1;
    ok = ok && EVP_DigestFinal_ex(context, out, NULL) == 1;
    EVP_MD_CTX_free(context);
    return ok;
}

/* OpenSSL has RC4 in its legacy provider alone: that is loaded for this check, and nobody else's. */
typedef struct old_cipher {
    OSSL_LIB_CTX *library;
    OSSL_PROVIDER *provider;
    EVP_CIPHER *rc4;
    EVP_CIPHER_CTX *context;
} old_cipher;

static int old_cipher_open(old_cipher *old)
{
    *old = (old_cipher){.library = OSSL_LIB_CTX_new(), .context = EVP_CIPHER_CTX_new()};
    old->provider = old->library ? OSSL_PROVIDER_load(old->library, "legacy") : NULL;
    old->rc4 = old->provider ? EVP_CIPHER_fetch(old->library, "RC4", NULL) : NULL;
    return old->rc4 && old->context;
}

static void old_cipher_close(old_cipher *old)
{
    EVP_CIPHER_CTX_free(old->context);
    EVP_CIPHER_free(old->rc4);
    if (old->provider)
        OSSL_PROVIDER_unload(old->provider);
    OSSL_LIB_CTX_free(old->library);
}

static int rc4(unsigned char *bytes, int n, const unsigned char *key, int key_bytes, const old_cipher *old)
{
    int written;
    return EVP_EncryptInit_ex(old->context, old->rc4, NULL, NULL, NULL) == 1 &&
           EVP_CIPHER_CTX_set_key_length(old->context, key_bytes) == 1 &&
           EVP_EncryptInit_ex(old->context, NULL, NULL, key, NULL) == 1 &&
           EVP_EncryptUpdate(old->context, bytes, &written, bytes, n) == 1 && written == n;
}

/* ---- revisions 2 to 4: MD5 and RC4 (7.6.4.3.2, 7.6.4.4.3, 7.6.4.4.4) ---- */

static int old_key(unsigned char key[MD5_BYTES], const finq_pdf_lock *lock)
{
    apr_uint32_t p = (apr_uint32_t)lock->permissions;
    unsigned char permissions[] = {(unsigned char)p, (unsigned char)(p >> 8), (unsigned char)(p >> 16), (unsigned char)(p >> 24)};
    finq_bytes pieces[] = {{pad, PAD_BYTES},
                           {lock->owner.data, PAD_BYTES},
                           {permissions, 4},
                           lock->id,
                           {(const unsigned char *)"\xff\xff\xff\xff", 4}};
    finq_bytes again = {key, (apr_size_t)lock->key_bytes};
    int ok = hash(key, EVP_md5(), pieces, lock->revision >= 4 && !lock->hides_metadata ? 5 : 4);
    for (int i = 0; ok && lock->revision >= 3 && i < 50; i++)
        ok = hash(key, EVP_md5(), &again, 1);
    return ok;
}

static int second_is_open(const finq_pdf_lock *lock, const unsigned char *key, const old_cipher *old)
{
    unsigned char check[PAD_BYTES];
    memcpy(check, pad, PAD_BYTES);
    return rc4(check, PAD_BYTES, key, lock->key_bytes, old) && finq_digest_equal(check, lock->user.data, PAD_BYTES);
}

static int third_is_open(const finq_pdf_lock *lock, const unsigned char *key, const old_cipher *old)
{
    unsigned char round_key[MD5_BYTES], check[MD5_BYTES];
    finq_bytes pieces[] = {{pad, PAD_BYTES}, lock->id};
    int ok = hash(check, EVP_md5(), pieces, 2);
    for (int round = 0; ok && round < 20; round++) {
        for (int i = 0; i < lock->key_bytes; i++)
            round_key[i] = key[i] ^ (unsigned char)round;
        ok = rc4(check, MD5_BYTES, round_key, lock->key_bytes, old);
    }
    return ok && finq_digest_equal(check, lock->user.data, MD5_BYTES);
}

static int old_is_open(const finq_pdf_lock *lock)
{
    unsigned char key[MD5_BYTES];
    old_cipher old;
    if (lock->key_bytes < 5 || lock->key_bytes > MD5_BYTES || !old_key(key, lock))
        return 0;
    int is_open =
        old_cipher_open(&old) && (lock->revision == 2 ? second_is_open(lock, key, &old) : third_is_open(lock, key, &old));
    old_cipher_close(&old);
    return is_open;
}

/* ---- revisions 5 and 6: SHA-2, of 6 hardened by AES (7.6.4.3.4) ---- */

/* The hash 64 times behind itself, encrypted by itself. The empty password adds nothing. */
static int repeat_encrypted(unsigned char *out, const unsigned char *hashed, int length)
{
    int written = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    for (int i = 0; i < REPEATS; i++)
        memcpy(out + i * length, hashed, (size_t)length);
    int ok = context && EVP_EncryptInit_ex(context, EVP_aes_128_cbc(), NULL, hashed, hashed + 16) == 1 &&
             EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
             EVP_EncryptUpdate(context, out, &written, out, REPEATS * length) == 1 && written == REPEATS * length;
    EVP_CIPHER_CTX_free(context);
    return ok;
}

/* The next hash is of the kind that the first 16 encrypted bytes, as a number, leave when divided by 3. */
static const EVP_MD *next_kind(const unsigned char *encrypted)
{
    int sum = 0;
    for (int i = 0; i < 16; i++)
        sum += encrypted[i];
    return sum % 3 == 0 ? EVP_sha256() : sum % 3 == 1 ? EVP_sha384() : EVP_sha512();
}

static int harden(unsigned char hashed[HASH_MOST])
{
    unsigned char encrypted[REPEATS * HASH_MOST];
    int length = FINQ_DIGEST_SHA256, last = 0;
    for (int round = 0; round < 64 || last > round - 32; round++) {
        if (!repeat_encrypted(encrypted, hashed, length))
            return 0;
        const EVP_MD *kind = next_kind(encrypted);
        finq_bytes all = {encrypted, (apr_size_t)(REPEATS * length)};
        if (!hash(hashed, kind, &all, 1))
            return 0;
        last = encrypted[REPEATS * length - 1];
        length = EVP_MD_get_size(kind);
    }
    return 1;
}

static int new_is_open(const finq_pdf_lock *lock)
{
    unsigned char hashed[HASH_MOST];
    if (lock->user.length < 48)
        return 0;
    finq_bytes salt = {lock->user.data + 32, 8};
    if (!hash(hashed, EVP_sha256(), &salt, 1) || (lock->revision == 6 && !harden(hashed)))
        return 0;
    return finq_digest_equal(hashed, lock->user.data, FINQ_DIGEST_SHA256);
}

int finq_pdf_lock_is_open(const finq_pdf_lock *lock)
{
    if (lock->owner.length < PAD_BYTES || lock->user.length < PAD_BYTES)
        return 0;
    if (lock->revision >= 2 && lock->revision <= 4)
        return old_is_open(lock);
    return (lock->revision == 5 || lock->revision == 6) && new_is_open(lock);
}
