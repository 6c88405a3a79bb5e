#include "cursor.h"

#include <string.h>

#include "crypto/secrets.h"
#include "ground/codec.h"

/* Sealed: the kind, the place, and of which query it is. */
#define PLAIN(length) (1 + (length) + FINQ_DIGEST_SHA256)
#define PLAIN_MOST PLAIN(CURSOR_PLACE_MOST)

static void query_hash(unsigned char *hash, const char *filter, const finq_data_claim *claim, apr_pool_t *pool)
{
    finq_digest *digest = finq_digest_new(pool);
    finq_digest_update(digest, claim->client_id.bytes, sizeof claim->client_id.bytes);
    finq_digest_update(digest, claim->credentials_id.bytes, sizeof claim->credentials_id.bytes);
    finq_digest_update(digest, filter ? filter : "", filter ? strlen(filter) : 0);
    finq_digest_final(hash, digest);
}

finq_error *finq_data_cursor_seal(const char **cursor, char kind, finq_bytes place, const char *filter,
                                  const finq_service *service, const finq_data_claim *claim, apr_pool_t *pool)
{
    unsigned char plain[PLAIN_MOST] = {(unsigned char)kind}, sealed[PLAIN_MOST + FINQ_SEAL_OVERHEAD];
    apr_size_t length = PLAIN(place.length);
    memcpy(plain + 1, place.data, place.length);
    query_hash(plain + 1 + place.length, filter, claim, pool);
    FINQ_TRY(finq_secret_seal(finq_secrets_first(service->secrets), sealed, plain, length, pool));
    *cursor = finq_codec_encode(FINQ_BASE64URL, sealed, length + FINQ_SEAL_OVERHEAD, pool);
    return NULL;
}

finq_error *finq_data_cursor_open(unsigned char *place, apr_size_t length, char kind, const char *cursor, const char *filter,
                                  const finq_service *service, const finq_data_claim *claim, apr_pool_t *pool)
{
    unsigned char plain[PLAIN_MOST], hash[FINQ_DIGEST_SHA256];
    finq_seal seal = {FINQ_SEAL_MALFORMED, NULL};
    finq_bytes sealed;
    if (finq_codec_decode(&sealed, FINQ_BASE64URL, cursor, strlen(cursor), pool) &&
        sealed.length == PLAIN(length) + FINQ_SEAL_OVERHEAD)
        FINQ_TRY(finq_secrets_open(&seal, service->secrets, plain, sealed, pool));
    query_hash(hash, filter, claim, pool);
    if (!seal.secret || plain[0] != (unsigned char)kind || !finq_digest_equal(plain + 1 + length, hash, sizeof hash))
        return finq_error_make(pool, FINQ_E_INVALID_FIELD, "cursor is not one that was given for this consent and filter.");
    memcpy(place, plain + 1, length);
    return NULL;
}

void finq_data_cursor_put(unsigned char to[8], apr_int64_t number)
{
    for (int i = 7; i >= 0; i--, number >>= 8)
        to[i] = (unsigned char)number;
}

apr_int64_t finq_data_cursor_get(const unsigned char from[8])
{
    return (apr_int64_t)finq_codec_number(from, 8);
}
