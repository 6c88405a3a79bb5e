#include "consent/page.h"

#include <apr_strings.h>
#include <string.h>

#include "crypto/cursor.h"
#include "db/outcome.h"
#include "flow/sealed.h"

/* The kind of cursor, which no token has. Its place is the last consent of the page. */
#define KIND 'L'

static finq_error *status_check(const char *status, apr_pool_t *pool)
{
    static const char *const known[] = {"ACTIVE", "DELETED", "EXPIRED"};
    for (apr_size_t i = 0; status && i < sizeof known / sizeof *known; i++) {
        if (strcmp(status, known[i]) == 0)
            return NULL;
    }
    return status ? finq_error_make(pool, FINQ_E_INVALID_FIELD, "status must be ACTIVE, DELETED or EXPIRED.") : NULL;
}

static finq_error *count_check(apr_int64_t count, apr_pool_t *pool)
{
    if (count >= 1 && count <= FINQ_CONSENT_PAGE_MAX)
        return NULL;
    return finq_error_make(pool, FINQ_E_INVALID_FIELD, "count must be from 1 to %d.", FINQ_CONSENT_PAGE_MAX);
}

/* ---- cursors ---- */

static void query_hash(unsigned char *hash, const finq_consent_query *query, apr_pool_t *pool)
{
    finq_digest *digest = finq_digest_new(pool);
    const char *status = query->status ? query->status : "";
    finq_digest_update(digest, query->client_id.bytes, sizeof query->client_id.bytes);
    finq_digest_update(digest, status, strlen(status) + 1);
    if (query->tenant_user_id)
        finq_digest_update(digest, query->tenant_user_id, strlen(query->tenant_user_id) + 1);
    finq_digest_final(hash, digest);
}

static finq_error *cursor_seal(const char **cursor, const finq_id *last, const finq_secrets *secrets,
                               const finq_consent_query *query, apr_pool_t *pool)
{
    unsigned char hash[FINQ_DIGEST_SHA256];
    query_hash(hash, query, pool);
    return finq_cursor_seal(cursor, KIND, (finq_bytes){last->bytes, sizeof last->bytes}, hash, secrets, pool);
}

/* `before` comes out NULL where the cursor was not given for this query. */
static finq_error *cursor_open(const finq_id **before, const finq_secrets *secrets, const finq_consent_query *query,
                               apr_pool_t *pool)
{
    unsigned char hash[FINQ_DIGEST_SHA256];
    finq_id *last = apr_pcalloc(pool, sizeof *last);
    int is_good;
    query_hash(hash, query, pool);
    FINQ_TRY(finq_cursor_open(&is_good, last->bytes, sizeof last->bytes, KIND, query->cursor, hash, secrets, pool));
    *before = is_good ? last : NULL;
    return NULL;
}

/* ---- pages ---- */

finq_error *finq_consent_query_check(finq_consent_query *query, const finq_secrets *secrets, apr_pool_t *pool)
{
    query->before = NULL;
    FINQ_TRY(status_check(query->status, pool));
    FINQ_TRY(count_check(query->count, pool));
    if (query->cursor)
        FINQ_TRY(cursor_open(&query->before, secrets, query, pool));
    if (query->cursor && !query->before)
        return finq_error_make(pool, FINQ_E_INVALID_FIELD, "cursor is not one that was given for this query.");
    return NULL;
}

finq_error *finq_consent_page_read(finq_consent_page *page, const finq_service *service, const finq_consent_query *query,
                                   apr_pool_t *pool)
{
    unsigned char secret_hash[FINQ_DIGEST_SHA256];
    apr_array_header_t *rows;
    finq_consent_page_in in = {
        .client_id = &query->client_id,
        .secret_hash = {secret_hash, sizeof secret_hash},
        .status = query->status,
        .before = query->before,
        .count = (apr_int32_t)query->count,
    };
    finq_digest_sha256(secret_hash, query->client_secret, strlen(query->client_secret));
    FINQ_TRY(finq_sealed_user_macs(&in.user_macs, service->data_keys, &query->client_id, query->tenant_user_id, pool));
    FINQ_TRY(finq_call_consent_page(&rows, service->db, &in, pool));
    const finq_consent *told = &APR_ARRAY_IDX(rows, 0, finq_consent);
    if (strcmp(told->outcome, "ok") != 0)
        return finq_outcome_error(told->outcome, NULL, "", pool);
    *page = (finq_consent_page){told + 1, rows->nelts - 1, NULL};
    return told->credentials_id ? cursor_seal(&page->next_cursor, told->credentials_id, service->secrets, query, pool) : NULL;
}
