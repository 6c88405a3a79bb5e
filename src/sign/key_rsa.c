/* RSA signatures of PKCS #1 v1.5 over SHA-256, for the exponent that practically every key has. OpenSSL's own verification
 * serves any exponent and prepares itself for each signature; with the exponent known and the modulus prepared, a seventh of its
 * time is saved, and nothing is shared that threads would have to take turns at. What must come out is known to the last byte,
 * so that is compared and no padding is parsed (RFC 8017, 8.2.2). */
#include "key_material.h"

#include "crypto/digest.h"

#include <apr_strings.h>
#include <openssl/bn.h>
#include <string.h>

#define SQUARINGS 16 /* 65537 = 2^16 + 1 */

struct finq_key_rsa {
    BIGNUM *modulus;
    BN_MONT_CTX *montgomery;
    finq_bytes frame; /* what stands before the digest */
};

/* DER of the DigestInfo of a SHA-256, up to the digest. */
static const unsigned char digest_info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                            0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

/* 00 01 FF … FF 00 and the DigestInfo (RFC 8017, 9.2). */
static finq_bytes frame_make(apr_size_t modulus_length, apr_pool_t *pool)
{
    apr_size_t length = modulus_length - FINQ_DIGEST_SHA256;
    unsigned char *frame = apr_palloc(pool, length);
    memset(frame, 0xff, length);
    frame[0] = 0;
    frame[1] = 1;
    frame[length - sizeof digest_info - 1] = 0;
    memcpy(frame + length - sizeof digest_info, digest_info, sizeof digest_info);
    return (finq_bytes){frame, length};
}

static apr_status_t rsa_release(void *value)
{
    struct finq_key_rsa *rsa = value;
    BN_free(rsa->modulus);
    BN_MONT_CTX_free(rsa->montgomery);
    return APR_SUCCESS;
}

static int is_65537(finq_bytes exponent)
{
    return exponent.length == 3 && memcmp(exponent.data, "\1\0\1", 3) == 0;
}

const struct finq_key_rsa *finq_key_rsa_make(const finq_key_material *material, apr_pool_t *pool)
{
    if (!is_65537(material->second))
        return NULL;
    struct finq_key_rsa *rsa = apr_palloc(pool, sizeof *rsa);
    BN_CTX *ctx = BN_CTX_new();
    rsa->modulus = BN_bin2bn(material->first.data, (int)material->first.length, NULL);
    rsa->montgomery = BN_MONT_CTX_new();
    rsa->frame = frame_make(material->first.length, pool);
    apr_pool_cleanup_register(pool, rsa, rsa_release, apr_pool_cleanup_null);
    int made = ctx && rsa->modulus && rsa->montgomery && BN_MONT_CTX_set(rsa->montgomery, rsa->modulus, ctx);
    BN_CTX_free(ctx);
    return made ? rsa : NULL;
}

/* base^65537. The last factor is not in Montgomery's form, so the product is not either. */
static int power(BIGNUM *out, const BIGNUM *base, BN_MONT_CTX *montgomery, BN_CTX *ctx)
{
    int good = BN_to_montgomery(out, base, montgomery, ctx);
    for (int i = 0; good && i < SQUARINGS; i++)
        good = BN_mod_mul_montgomery(out, out, out, montgomery, ctx);
    return good && BN_mod_mul_montgomery(out, out, base, montgomery, ctx);
}

/* Whether a number is the one that must come out. `wanted` is overwritten with that: bytes become a number in half the time that
 * a number takes to become bytes. */
static int is_right(const BIGNUM *number, BIGNUM *wanted, const struct finq_key_rsa *rsa, const unsigned char *hash)
{
    unsigned char block[FINQ_RSA_MAX_BITS / 8];
    apr_size_t frame = rsa->frame.length;
    memcpy(block, rsa->frame.data, frame);
    memcpy(block + frame, hash, FINQ_DIGEST_SHA256);
    return BN_bin2bn(block, (int)frame + FINQ_DIGEST_SHA256, wanted) && BN_ucmp(number, wanted) == 0;
}

int finq_key_rsa_verify(const struct finq_key_rsa *rsa, const unsigned char *hash, finq_bytes signature)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *base = BN_bin2bn(signature.data, (int)signature.length, NULL), *out = BN_new();
    int good = -1;
    if (base && BN_ucmp(base, rsa->modulus) >= 0)
        good = 0; /* another spelling of a smaller number */
    else if (ctx && base && out && power(out, base, rsa->montgomery, ctx))
        good = is_right(out, base, rsa, hash);
    BN_free(out);
    BN_free(base);
    BN_CTX_free(ctx);
    return good;
}
