/* Checks: the names under which a signed request can fail, and the code that each gives (contract section 8).
 */
#ifndef FINQ_CHECK_H
#define FINQ_CHECK_H

#include "ground/error.h"

/** How far a signer's clock may be behind ours and ahead of it, and the longest life of a signature where nobody says another;
 * seconds. */
#define FINQ_CHECK_SKEW_BEHIND 60
#define FINQ_CHECK_SKEW_AHEAD 10
#define FINQ_CHECK_LIFETIME_MOST 3600

/* X(enumerator, name in the message, code) */
#define FINQ_CHECKS(X)                           \
    X(HEADER, "no header", INVALID_SIGNATURE)    \
    X(FORM, "form", INVALID_SIGNATURE)           \
    X(ALGORITHM, "algorithm", INVALID_SIGNATURE) \
    X(KID, "unknown kid", INVALID_SIGNATURE)     \
    X(REVOKED, "key revoked", INVALID_SIGNATURE) \
    X(SIGNATURE, "signature", INVALID_SIGNATURE) \
    X(COVERAGE, "coverage", INVALID_SIGNATURE)   \
    X(CLAIM, "claim", INVALID_SIGNATURE)         \
    X(AUD, "aud", INVALID_SIGNATURE)             \
    X(ISS, "iss", INVALID_SIGNATURE)             \
    X(LIFETIME, "lifetime", INVALID_SIGNATURE)   \
    X(CLOCK, "clock", INVALID_SIGNATURE)         \
    X(EXP, "exp", EXPIRED_SIGNATURE)             \
    X(DIGEST, "digest", INVALID_DIGEST)          \
    X(JTI, "jti", INVALID_SIGNATURE)

typedef enum {
#define X(enumerator, name, code) FINQ_CHECK_##enumerator,
    FINQ_CHECKS(X)
#undef X
        FINQ_CHECK_COUNT
} finq_check;

/** The error of a failed check: its message is the check's name, then the formatted text. Never NULL. */
finq_error *finq_check_failed(apr_pool_t *pool, finq_check check, const char *format, ...)
    __attribute__((format(printf, 3, 4), returns_nonnull));

#endif
