#include "data/change.h"

#include <string.h>

#include "cursor.h"
#include "db/outcome.h"
#include "rows.h"

#define PLACE 24
/* Where a client is that has dropped what it held. */
#define RESET (-1)

static finq_error *page_call(apr_array_header_t **rows, const finq_change_place *place, int count, const finq_service *service,
                             const finq_data_claim *claim, apr_pool_t *pool)
{
    finq_transactions_sync_in in = {
        .client_id = &claim->client_id,
        .secret_hash = {claim->hashes.secret, sizeof claim->hashes.secret},
        .credentials_id = &claim->credentials_id,
        .access_token_hash = {claim->hashes.token, sizeof claim->hashes.token},
        .from = place->from,
        .after = place->after,
        .upto = place->upto,
        .count = count + 1, /* one more tells that there is another page */
    };
    return finq_call_transactions_sync(rows, service->db, &in, pool);
}

/* Behind the last change of a page, or at the end of the round. A round that is a reset stays one on its further pages. */
static finq_change_place place_after(const finq_change_place *place, const finq_change_page *page, apr_int64_t upto)
{
    if (!page->has_more)
        return (finq_change_place){upto, upto, 0};
    return (finq_change_place){page->is_reset ? RESET : place->from,
                               APR_ARRAY_IDX(page->changes, page->changes->nelts - 1, finq_transaction).row->number, upto};
}

finq_error *finq_changes_read(finq_change_page *page, const finq_change_place *place, int count, const finq_service *service,
                              const finq_data_claim *claim, apr_pool_t *pool)
{
    apr_array_header_t *rows, *changes;
    FINQ_TRY(page_call(&rows, place, count, service, claim, pool));
    const finq_transaction_answer_row *told = &APR_ARRAY_IDX(rows, 0, finq_transaction_answer_row);
    if (strcmp(told->outcome, "ok") != 0)
        return finq_outcome_error(told->outcome, NULL, "", pool);
    int has_more = rows->nelts - 1 > count;
    if (has_more)
        apr_array_pop(rows);
    FINQ_TRY(rows_open(&changes, rows, service->data_keys, claim, pool));
    *page = (finq_change_page){.changes = changes,
                               .has_more = has_more,
                               .is_due = told->is_due,
                               .is_reset = told->is_reset,
                               .as_of = told->as_of,
                               .access = told->access};
    page->next = place_after(place, page, told->at);
    return NULL;
}

finq_error *finq_change_cursor(const char **cursor, const finq_change_place *place, const finq_service *service,
                               const finq_data_claim *claim, apr_pool_t *pool)
{
    unsigned char bytes[PLACE];
    finq_data_cursor_put(bytes, place->from);
    finq_data_cursor_put(bytes + 8, place->after);
    finq_data_cursor_put(bytes + 16, place->upto);
    return finq_data_cursor_seal(cursor, CURSOR_CHANGES, (finq_bytes){bytes, sizeof bytes}, NULL, service, claim, pool);
}

finq_error *finq_change_resume(finq_change_place *place, const char *cursor, const finq_service *service,
                               const finq_data_claim *claim, apr_pool_t *pool)
{
    unsigned char bytes[PLACE];
    FINQ_TRY(finq_data_cursor_open(bytes, sizeof bytes, CURSOR_CHANGES, cursor, NULL, service, claim, pool));
    *place = (finq_change_place){finq_data_cursor_get(bytes), finq_data_cursor_get(bytes + 8), finq_data_cursor_get(bytes + 16)};
    return NULL;
}
