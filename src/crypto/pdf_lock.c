#include "crypto/pdf_lock.h"

#include <openssl/evp.h>
#include <string.h>

#include "crypto/digest.h"

#define PAD_BYTES 32
#define MD5_BYTES 16
#define HASH_MOST 64
/* Of revision 6: the hash is repeated behind itself so often before it is encrypted. */
#define REPEATS 64

/* What stands behind a password that is shorter; of the empty one it is all. */
static const unsigned char pad[PAD_BYTES + 1] = "\x28\xbf\x4e\x5e\x4e\x75\x8a\x41\x64\x00\x4e\x56\xff\xfa\x01\x08"
                                                "\x2e\x2e\x00\xb6\xd0\x68\x3e\x80\x2f\x0c\xa9\xfe\x64\x53\x69\x7a";

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

/* RC4, in place: OpenSSL has it in its legacy provider alone, which a server need not have. It protects nothing here. */
static void rc4(unsigned char *bytes, apr_size_t n, const unsigned char *key, int key_bytes)
{
    unsigned char state[256], j = 0, swap;
    for (int i = 0; i < 256; i++)
        state[i] = (unsigned char)i;
    for (int i = 0; i < 256; i++) {
        j = (unsigned char)(j + state[i] + key[i % key_bytes]);
        swap = state[i], state[i] = state[j], state[j] = swap;
    }
    unsigned char i = 0;
    for (j = 0; n-- > 0; bytes++) {
        j = (unsigned char)(j + state[++i]);
        swap = state[i], state[i] = state[j], state[j] = swap;
        *bytes ^= state[(unsigned char)(state[i] + state[j])];
    }
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

static int old_is_open(const finq_pdf_lock *lock)
{
    unsigned char key[MD5_BYTES], round_key[MD5_BYTES], check[PAD_BYTES];
    finq_bytes pieces[] = {{pad, PAD_BYTES}, lock->id};
    if (lock->key_bytes < 5 || lock->key_bytes > MD5_BYTES || !old_key(key, lock))
        return 0;
    if (lock->revision == 2) {
        memcpy(check, pad, PAD_BYTES);
        rc4(check, PAD_BYTES, key, lock->key_bytes);
        return finq_digest_equal(check, lock->user.data, PAD_BYTES);
    }
    if (!hash(check, EVP_md5(), pieces, 2))
        return 0;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < lock->key_bytes; i++)
            round_key[i] = key[i] ^ (unsigned char)round;
        rc4(check, MD5_BYTES, round_key, lock->key_bytes);
    }
    return finq_digest_equal(check, lock->user.data, MD5_BYTES);
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
