#include "httpd/account_data.h"

#include <string.h>

#include "httpd/reply.h"

/* Transactions of a piece of an answer that flows. The first is small: the client sees it soon. */
#define PIECE 1000
#define FIRST_PIECE 100

static void put_transaction(finq_json_writer *to, const finq_transaction *transaction, apr_pool_t *pool)
{
    finq_json_open(to, NULL, '{');
    finq_data_put_transaction(to, transaction, pool);
    finq_json_close(to, '}');
}

static void put_transactions(finq_json_writer *to, const finq_transaction_page *page, apr_pool_t *pool)
{
    for (int i = 0; i < page->transactions->nelts; i++)
        put_transaction(to, &APR_ARRAY_IDX(page->transactions, i, finq_transaction), pool);
}

/* A page, and where the next one begins. */
static finq_error *page_answer(finq_request *request, const finq_data_ask *of, const finq_transaction_page *page,
                               const finq_transaction_query *query)
{
    apr_pool_t *pool = request->r->pool;
    finq_json_writer *to = finq_json_write(pool);
    const char *cursor = NULL;
    if (!page->is_last)
        FINQ_TRY(finq_transaction_cursor(&cursor, query, &request->service, &of->claim, pool));
    finq_json_open(to, NULL, '{');
    finq_json_open(to, "transactions", '[');
    put_transactions(to, page, pool);
    finq_json_close(to, ']');
    finq_json_put_or_null(to, "next_cursor", cursor);
    finq_json_close(to, '}');
    request->answer_text = finq_json_written(to);
    return NULL;
}

/* The transactions of a list, without its brackets. */
static int piece_send(finq_request *request, const finq_transaction_page *page, int is_first, apr_pool_t *pool)
{
    finq_json_writer *to = finq_data_list_open(pool);
    put_transactions(to, page, pool);
    const char *text = finq_data_list_close(to);
    apr_size_t length = strlen(text) - 2;
    return length == 0 || ((is_first || finq_reply_write(request, ",", 1)) && finq_reply_write(request, text + 1, length));
}

/* All of it, in pieces: each is a call of its own, and no connection to the database is held while the client reads. `pools` take
 * turns, since a query stands where the last row of the page before was. */
static finq_error *list_answer(finq_request *request, const finq_data_ask *of, finq_transaction_page *page,
                               finq_transaction_query *query)
{
    apr_pool_t *pools[2];
    int turn = 0, is_first = 1;
    apr_pool_create(&pools[0], request->r->pool);
    apr_pool_create(&pools[1], request->r->pool);
    query->count = PIECE;
    finq_reply_flow(request);
    int goes_on = finq_reply_write(request, "[", 1);
    while (goes_on && (goes_on = piece_send(request, page, is_first, pools[turn])) && !page->is_last) {
        turn = !turn;
        is_first = 0;
        apr_pool_clear(pools[turn]);
        finq_request_database(request, pools[turn]);
        FINQ_TRY(finq_transactions_read(page, query, &request->service, &of->claim, pools[turn]));
    }
    if (goes_on)
        finq_reply_write(request, "]", 1);
    return NULL;
}

static finq_error *query_read(finq_transaction_query *query, const finq_request *request, const finq_data_ask *of,
                              const char *cursor)
{
    apr_pool_t *pool = request->r->pool;
    json_t *filter = json_object_get(of->body, "filter");
    *query = (finq_transaction_query){.count = FIRST_PIECE};
    if (filter)
        FINQ_TRY(finq_transaction_filter(&query->filter, filter, request->numbers, pool));
    if (json_object_get(of->body, "count") || cursor)
        FINQ_TRY(finq_data_number(&query->count, of->body, "count", FINQ_TRANSACTIONS_MAX, 100, pool));
    return cursor ? finq_transaction_resume(query, cursor, &request->service, &of->claim, pool) : NULL;
}

finq_error *finq_api_transactions(finq_request *request, finq_json_writer *reply)
{
    static const finq_json_member members[] = {FINQ_DATA_MEMBERS,
                                               {"filter", FINQ_JSON_OBJECT, 0},
                                               {"cursor", FINQ_JSON_STRING, 0},
                                               {"count", FINQ_JSON_INTEGER, 0},
                                               {NULL, 0, 0}};
    apr_pool_t *pool = request->r->pool;
    finq_transaction_query query;
    finq_transaction_page page;
    finq_data_ask of;
    (void)reply;
    FINQ_TRY(finq_data_ask_read(&of, request, members));
    const char *cursor = finq_json_string(of.body, "cursor");
    FINQ_TRY(query_read(&query, request, &of, cursor));
    finq_transaction_query before = query;
    FINQ_TRY(finq_data_admit(request, &of, finq_transactions_read(&page, &query, &request->service, &of.claim, pool)));
    if (of.wait || page.is_due) {
        query = before;
        FINQ_TRY(finq_data_refresh(request, &of));
        FINQ_TRY(finq_transactions_read(&page, &query, &request->service, &of.claim, pool));
    }
    int is_paged = cursor || json_object_get(of.body, "count");
    return is_paged ? page_answer(request, &of, &page, &query) : list_answer(request, &of, &page, &query);
}
