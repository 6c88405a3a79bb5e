#include "crypto/cursor.h"

#include <string.h>

#include "ground/codec.h"

/* Sealed: the kind, the place, and the query. */
#define PLAIN(length) (1 + (length) + FINQ_DIGEST_SHA256)
#define PLAIN_MOST PLAIN(FINQ_CURSOR_PLACE_MOST)

finq_error *finq_cursor_seal(const char **cursor, char kind, finq_bytes place, const unsigned char query[FINQ_DIGEST_SHA256],
                             const finq_secrets *secrets, apr_pool_t *pool)
{
    unsigned char plain[PLAIN_MOST] = {(unsigned char)kind}, sealed[PLAIN_MOST + FINQ_SEAL_OVERHEAD];
    apr_size_t length = PLAIN(place.length);
    memcpy(plain + 1, place.data, place.length);
    memcpy(plain + 1 + place.length, query, FINQ_DIGEST_SHA256);
    FINQ_TRY(finq_secret_seal(finq_secrets_first(secrets), sealed, plain, length, pool));
    *cursor = finq_codec_encode(FINQ_BASE64URL, sealed, length + FINQ_SEAL_OVERHEAD, pool);
    return NULL;
}

finq_error *finq_cursor_open(int *is_good, unsigned char *place, apr_size_t length, char kind, const char *cursor,
                             const unsigned char query[FINQ_DIGEST_SHA256], const finq_secrets *secrets, apr_pool_t *pool)
{
    unsigned char plain[PLAIN_MOST];
    finq_seal seal;
    finq_bytes sealed;
    *is_good = 0;
    if (!finq_codec_decode(&sealed, FINQ_BASE64URL, cursor, strlen(cursor), pool) ||
        sealed.length != PLAIN(length) + FINQ_SEAL_OVERHEAD)
        return NULL;
    FINQ_TRY(finq_secrets_open(&seal, secrets, plain, sealed, pool));
    *is_good = seal.secret && plain[0] == (unsigned char)kind && finq_digest_equal(plain + 1 + length, query, FINQ_DIGEST_SHA256);
    if (*is_good)
        memcpy(place, plain + 1, length);
    return NULL;
}
