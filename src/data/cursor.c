#include "cursor.h"

#include <string.h>

#include "crypto/cursor.h"
#include "ground/codec.h"

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
    unsigned char hash[FINQ_DIGEST_SHA256];
    query_hash(hash, filter, claim, pool);
    return finq_cursor_seal(cursor, kind, place, hash, service->secrets, pool);
}

finq_error *finq_data_cursor_open(unsigned char *place, apr_size_t length, char kind, const char *cursor, const char *filter,
                                  const finq_service *service, const finq_data_claim *claim, apr_pool_t *pool)
{
    unsigned char hash[FINQ_DIGEST_SHA256];
    int is_good;
    query_hash(hash, filter, claim, pool);
    FINQ_TRY(finq_cursor_open(&is_good, place, length, kind, cursor, hash, service->secrets, pool));
    if (is_good)
        return NULL;
    return finq_error_make(pool, FINQ_E_INVALID_FIELD, "cursor is not one that was given for this consent and filter.");
}

void finq_data_cursor_put(unsigned char to[8], apr_int64_t number)
{
    finq_codec_number_put(to, (apr_uint64_t)number, 8);
}

apr_int64_t finq_data_cursor_get(const unsigned char from[8])
{
    return (apr_int64_t)finq_codec_number(from, 8);
}
