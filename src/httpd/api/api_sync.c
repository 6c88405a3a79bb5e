#include "httpd/account_data.h"

#include <apr_strings.h>
#include <string.h>

#include "data/change.h"
#include "ground/codec.h"

/* Changes of a page where the client does not say. */
#define COUNT_PRESET 100

static void put_change(finq_json_writer *to, const finq_transaction *change, const char *kind, apr_pool_t *pool)
{
    const finq_transaction_answer_row *row = change->row;
    if (strcmp(row->change, kind) != 0)
        return;
    finq_json_open(to, NULL, '{');
    finq_data_put_transaction(to, change, pool);
    finq_json_put(to, "identity", row->is_derived ? "derived" : "bank");
    finq_json_close(to, '}');
}

static void put_removal(finq_json_writer *to, const finq_transaction *change, apr_pool_t *pool)
{
    const finq_transaction_answer_row *row = change->row;
    if (strcmp(row->change, "removed") != 0)
        return;
    finq_json_open(to, NULL, '{');
    finq_json_put(to, "id", finq_id_text(row->transaction_id, pool));
    finq_json_put(to, "utx_id", finq_codec_encode(FINQ_BASE64, change->utx_id, sizeof change->utx_id, pool));
    finq_json_put(to, "account_id", finq_id_text(row->account_id, pool));
    finq_json_put(to, "reason", row->reason);
    finq_json_put(to, "replaced_by", row->replaced_by ? finq_id_text(row->replaced_by, pool) : NULL);
    finq_json_close(to, '}');
}

static void put_changes(finq_json_writer *to, const finq_change_page *page, apr_pool_t *pool)
{
    static const char *const kinds[] = {"added", "modified"};
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        finq_json_open(to, kinds[kind], '[');
        for (int i = 0; i < page->changes->nelts; i++)
            put_change(to, &APR_ARRAY_IDX(page->changes, i, finq_transaction), kinds[kind], pool);
        finq_json_close(to, ']');
    }
    finq_json_open(to, "removed", '[');
    for (int i = 0; i < page->changes->nelts; i++)
        put_removal(to, &APR_ARRAY_IDX(page->changes, i, finq_transaction), pool);
    finq_json_close(to, ']');
}

finq_error *finq_api_transactions_sync(finq_request *request, finq_json_writer *reply)
{
    static const finq_json_member members[] = {
        FINQ_DATA_MEMBERS, {"cursor", FINQ_JSON_STRING, 0}, {"count", FINQ_JSON_INTEGER, 0}, {NULL, 0, 0}};
    apr_pool_t *pool = request->r->pool;
    const finq_service *service = &request->service;
    finq_change_place place = {0, 0, 0}, held;
    finq_change_page page;
    finq_data_ask of;
    const char *cursor;
    int count;
    FINQ_TRY(finq_data_ask_read(&of, request, members));
    FINQ_TRY(finq_data_number(&count, of.body, "count", FINQ_TRANSACTIONS_MAX, COUNT_PRESET, pool));
    if (finq_json_string(of.body, "cursor"))
        FINQ_TRY(finq_change_resume(&place, finq_json_string(of.body, "cursor"), service, &of.claim, pool));
    /* Who waits begins a round behind the refresh: what admits them asks for a round that ends where it begins. */
    held = (finq_change_place){place.from, place.from, place.from};
    FINQ_TRY(finq_data_admit(request, &of, finq_changes_read(&page, of.wait ? &held : &place, count, service, &of.claim, pool)));
    if (of.wait || page.is_due) {
        FINQ_TRY(finq_data_refresh(request, &of));
        FINQ_TRY(finq_changes_read(&page, &place, count, service, &of.claim, pool));
    }
    FINQ_TRY(finq_change_cursor(&cursor, &page.next, service, &of.claim, pool));
    put_changes(reply, &page, pool);
    finq_json_put(reply, "next_cursor", cursor);
    finq_json_put_bool(reply, "has_more", page.has_more);
    finq_json_put_bool(reply, "reset", page.is_reset);
    finq_json_put_or_null(reply, "as_of", page.as_of);
    finq_json_put_text(reply, "access", page.access ? page.access : "null");
    return NULL;
}
