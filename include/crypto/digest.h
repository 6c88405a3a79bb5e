/* Digests: SHA-256, SHA-512 and comparison in constant time. With mac and jws, the rooms that know OpenSSL. */
#ifndef FINQ_DIGEST_H
#define FINQ_DIGEST_H

#include <apr_pools.h>

/** Bytes of a SHA-256. */
#define FINQ_DIGEST_SHA256 32

/** A digest under way. */
typedef struct finq_digest finq_digest;

/** Looks SHA-256 up once, until the pool goes: every later digest is spared the look-up (half of the time of
 * a short one). To be called before threads start; without it all works, slower. */
void finq_digest_prepare(apr_pool_t *pool);

/** The SHA-256 of some bytes. Ends the process if OpenSSL has no memory or no SHA-256: no digest is ever made
 * up. */
void finq_digest_sha256(unsigned char out[FINQ_DIGEST_SHA256], const void *bytes, apr_size_t n);

/** Bytes of a SHA-512. */
#define FINQ_DIGEST_SHA512 64

/** Begins a SHA-256 that is fed piece by piece. It lives in the pool. */
finq_digest *finq_digest_new(apr_pool_t *pool);
/** Begins a SHA-512: for what others have digested so. */
finq_digest *finq_digest_new_sha512(apr_pool_t *pool);
/** Bytes of a SHA-1. */
#define FINQ_DIGEST_SHA1 20
/** Begins a SHA-1: against errors of transmission only. */
finq_digest *finq_digest_new_sha1(apr_pool_t *pool);
/** Feeds it. */
void finq_digest_update(finq_digest *digest, const void *bytes, apr_size_t n);
/** Ends it, filling as many bytes of `out` as its kind has; the digest can be neither fed nor ended again. */
void finq_digest_final(unsigned char *out, finq_digest *digest);

/** Whether `n` bytes are the same, in a time that does not depend on where they differ. */
int finq_digest_equal(const void *a, const void *b, apr_size_t n);

#endif
