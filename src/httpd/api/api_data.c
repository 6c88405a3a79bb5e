#include "httpd/api.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <arpa/inet.h>
#include <http_log.h>
#include <string.h>

#include "data/account.h"
#include "data/refresh.h"
#include "data/transaction.h"
#include "ground/clock.h"
#include "httpd/claim.h"
#include "httpd/dbd.h"
#include "httpd/intake.h"
#include "httpd/observe.h"
#include "httpd/reply.h"

APLOG_USE_MODULE(finq);

#define WAIT_MOST 25
/* How long a consent's first data are waited for, where the client does not say: it may ask a moment after its user was at the bank. */
#define FIRST_WAIT 10
/* Transactions of a piece of an answer that flows. */
#define PIECE 1000

/* What every call about account data brings. */
typedef struct {
    finq_data_claim claim;
    int wait; /* seconds; 0 for what is stored */
    int is_attended;
    json_t *body;
} ask;

#define CREDENTIALS                                                                                                      \
    {"client_id", FINQ_JSON_STRING, 1}, {"client_secret", FINQ_JSON_STRING, 1}, {"credentials_id", FINQ_JSON_STRING, 1}, \
        {"access_token", FINQ_JSON_STRING, 1}, {"tenant_user_id", FINQ_JSON_STRING, 0}, {"wait", FINQ_JSON_INTEGER, 0},  \
    {                                                                                                                    \
        "psu_ip_address", FINQ_JSON_STRING, 0                                                                            \
    }

/* ---- what comes in ---- */

/* From 1 to `most`; `preset` where it is absent. */
static finq_error *number_read(int *number, const json_t *body, const char *name, int most, int preset, apr_pool_t *pool)
{
    const json_t *value = json_object_get(body, name);
    json_int_t given = value ? json_integer_value(value) : preset;
    if (value && (given < 1 || given > most))
        return finq_error_make(pool, FINQ_E_INVALID_FIELD, "%s must be from 1 to %d.", name, most);
    *number = (int)given;
    return NULL;
}

static finq_error *person_read(ask *of, apr_pool_t *pool)
{
    unsigned char address[sizeof(struct in6_addr)];
    const char *text = finq_json_string(of->body, "psu_ip_address");
    of->is_attended = text != NULL;
    if (!text)
        return NULL;
    if (inet_pton(AF_INET, text, address) != 1 && inet_pton(AF_INET6, text, address) != 1)
        return finq_error_make(pool, FINQ_E_INVALID_FIELD, "psu_ip_address is not an IP address.");
    return of->wait ? NULL : finq_error_make(pool, FINQ_E_INVALID_FIELD, "psu_ip_address needs wait: a person waits.");
}

static finq_error *ask_read(ask *of, finq_request *request, const finq_json_member *members)
{
    apr_pool_t *pool = request->r->pool;
    finq_consent_claim consent;
    FINQ_TRY(finq_claim_read(&of->body, &consent, request, members));
    FINQ_TRY(number_read(&of->wait, of->body, "wait", WAIT_MOST, 0, pool));
    FINQ_TRY(person_read(of, pool));
    finq_error *error = finq_data_claim_make(&of->claim, &request->service, &consent, pool);
    return consent.tenant_user_id ? finq_intake_key(request, error) : error; /* else nobody was asked yet */
}

/* Who has been let in is known, and what is refused from now on is no attempt at a key. */
static finq_error *admitted(finq_request *request, const ask *of, finq_error *error)
{
    FINQ_TRY(finq_intake_key(request, error));
    finq_observe_recognised(request, &of->claim.client_id, NULL, NULL);
    finq_observe_tell_id(request, "credentials_id", &of->claim.credentials_id);
    return NULL;
}

/* ---- refreshes ---- */

static finq_error *refresh(finq_request *request, const ask *of)
{
    finq_refresh_wish wish = {
        .credentials_id = &of->claim.credentials_id,
        .if_due = of->wait == 0,
        .is_attended = of->is_attended,
        .until = finq_clock_steady() + apr_time_from_sec(of->wait ? of->wait : FIRST_WAIT),
    };
    return finq_refresh(&request->service, &wish, request->r->pool);
}

static void refresh_due(finq_request *request, void *wish)
{
    finq_error *error = finq_refresh(&request->service, wish, request->r->pool);
    int is_banks = error && finq_code_http(error->code) < 500;
    if (error) /* nobody waits for it: the feed has noted it, and so does the log; a call that waits will come */
        ap_log_rerror(APLOG_MARK, is_banks ? APLOG_WARNING : APLOG_INFO, 0, request->r, "FINQ18: [%s] account data: %s",
                      request->id, finq_error_why(error));
}

void finq_api_refresh_afterwards(finq_request *request, const finq_id *credentials_id, const finq_id *session_id)
{
    apr_pool_t *pool = request->r->pool;
    finq_refresh_wish *wish = apr_pcalloc(pool, sizeof *wish);
    if (request->afterwards)
        return;
    wish->credentials_id = credentials_id ? apr_pmemdup(pool, credentials_id, sizeof *credentials_id) : NULL;
    wish->session_id = session_id ? apr_pmemdup(pool, session_id, sizeof *session_id) : NULL;
    wish->if_due = 1;
    wish->is_attended = 1;
    request->afterwards = refresh_due;
    request->afterwards_of = wish;
}

/* ---- accounts and balances ---- */

static void put_id(finq_json_writer *to, const char *name, const finq_id *id)
{
    char text[FINQ_ID_TEXT + 1];
    finq_json_put(to, name, finq_id_write(text, id));
}

static void put_account(finq_json_writer *to, const finq_account *account)
{
    const finq_account_answer_row *row = account->row;
    finq_json_open(to, NULL, '{');
    put_id(to, "id", row->account_id);
    put_id(to, "servicer_id", row->servicer_id);
    finq_json_put(to, "servicer_name", row->servicer_name);
    finq_json_put(to, "timestamp", row->read_at);
    finq_json_open(to, "data", '{');
    finq_json_put_value(to, "account_schemes", json_object_get(account->details, "account_schemes"));
    finq_json_put_text(to, "balances", row->balances);
    finq_json_put(to, "account_type", row->account_type);
    finq_json_put(to, "account_sub_type", row->account_sub_type);
    finq_json_put(to, "currency", row->currency);
    finq_json_put_value(to, "name", json_object_get(account->details, "name"));
    finq_json_put_value(to, "nickname", json_object_get(account->details, "nickname"));
    finq_json_close(to, '}');
    finq_json_close(to, '}');
}

static finq_json_writer *list_open(apr_pool_t *pool)
{
    finq_json_writer *to = finq_json_write(pool);
    finq_json_open(to, NULL, '[');
    return to;
}

static const char *list_close(finq_json_writer *to)
{
    finq_json_close(to, ']');
    return finq_json_written(to);
}

finq_error *finq_api_accounts(finq_request *request, finq_json_writer *reply)
{
    static const finq_json_member members[] = {CREDENTIALS, {NULL, 0, 0}};
    apr_pool_t *pool = request->r->pool;
    apr_array_header_t *accounts;
    finq_json_writer *to = list_open(pool);
    int is_due;
    ask of;
    (void)reply;
    FINQ_TRY(ask_read(&of, request, members));
    FINQ_TRY(admitted(request, &of, finq_accounts_read(&accounts, &is_due, &request->service, &of.claim, pool)));
    if (of.wait || is_due) {
        FINQ_TRY(refresh(request, &of));
        FINQ_TRY(finq_accounts_read(&accounts, &is_due, &request->service, &of.claim, pool));
    }
    for (int i = 0; i < accounts->nelts; i++)
        put_account(to, &APR_ARRAY_IDX(accounts, i, finq_account));
    request->answer_text = list_close(to);
    return NULL;
}

static finq_error *balance_filter_read(finq_balance_filter *filter, json_t *body, apr_pool_t *pool)
{
    static const finq_json_member members[] = {
        {"account_id", FINQ_JSON_STRING, 0}, {"type", FINQ_JSON_STRING, 0}, {"currency", FINQ_JSON_STRING, 0}, {NULL, 0, 0}};
    json_t *object = json_object_get(body, "filter");
    finq_id *id = apr_palloc(pool, sizeof *id);
    *filter = (finq_balance_filter){NULL, NULL, NULL};
    if (!object)
        return NULL;
    FINQ_TRY(finq_json_members(object, members, pool));
    const char *account_id = finq_json_string(object, "account_id");
    if (account_id && !finq_id_parse(id, account_id))
        return finq_error_make(pool, FINQ_E_INVALID_FIELD, "filter.account_id must be a UUID.");
    *filter =
        (finq_balance_filter){account_id ? id : NULL, finq_json_string(object, "type"), finq_json_string(object, "currency")};
    return NULL;
}

finq_error *finq_api_balances(finq_request *request, finq_json_writer *reply)
{
    static const finq_json_member members[] = {CREDENTIALS, {"filter", FINQ_JSON_OBJECT, 0}, {NULL, 0, 0}};
    apr_pool_t *pool = request->r->pool;
    apr_array_header_t *balances;
    finq_balance_filter filter;
    finq_json_writer *to = list_open(pool);
    int is_due;
    ask of;
    (void)reply;
    FINQ_TRY(ask_read(&of, request, members));
    FINQ_TRY(balance_filter_read(&filter, of.body, pool));
    FINQ_TRY(admitted(request, &of, finq_balances_read(&balances, &is_due, &request->service, &of.claim, &filter, pool)));
    if (of.wait || is_due) {
        FINQ_TRY(refresh(request, &of));
        FINQ_TRY(finq_balances_read(&balances, &is_due, &request->service, &of.claim, &filter, pool));
    }
    for (int i = 0; i < balances->nelts; i++)
        finq_json_put_text(to, NULL, APR_ARRAY_IDX(balances, i, const char *));
    request->answer_text = list_close(to);
    return NULL;
}

/* ---- transactions ---- */

static void put_text_or_null(finq_json_writer *to, const char *name, const char *text)
{
    if (text)
        finq_json_put(to, name, text);
    else
        finq_json_put_text(to, name, "null");
}

static void put_transaction(finq_json_writer *to, const finq_transaction *transaction, apr_pool_t *pool)
{
    const finq_transaction_answer_row *row = transaction->row;
    finq_json_open(to, NULL, '{');
    put_id(to, "account_id", row->account_id);
    put_id(to, "id", row->transaction_id);
    finq_json_put(to, "timestamp", row->stored_at);
    finq_json_put(to, "utx_id",
                  apr_pencode_base64_binary(pool, row->utx_id.data, (apr_ssize_t)row->utx_id.length, APR_ENCODE_NONE, NULL));
    finq_json_open(to, "data", '{');
    finq_json_put(to, "amount", row->amount);
    put_text_or_null(to, "balance", row->balance);
    put_text_or_null(to, "booking_date_time", row->booked_at);
    finq_json_put(to, "credit_debit_indicator", row->is_credit ? "credit" : "debit");
    finq_json_put(to, "currency", row->currency);
    finq_json_put(to, "info", transaction->info);
    finq_json_put(to, "status", row->is_booked ? "booked" : "pending");
    finq_json_put_text(to, "details", "null");
    finq_json_put_text(to, "exchange_rate", "null");
    finq_json_close(to, '}');
    finq_json_close(to, '}');
}

static void put_transactions(finq_json_writer *to, const finq_transaction_page *page, apr_pool_t *pool)
{
    for (int i = 0; i < page->transactions->nelts; i++)
        put_transaction(to, &APR_ARRAY_IDX(page->transactions, i, finq_transaction), pool);
}

/* A page, and where the next one begins. */
static finq_error *page_answer(finq_request *request, const ask *of, const finq_transaction_page *page,
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
    put_text_or_null(to, "next_cursor", cursor);
    finq_json_close(to, '}');
    request->answer_text = finq_json_written(to);
    return NULL;
}

/* The transactions of a list, without its brackets. */
static int piece_send(finq_request *request, const finq_transaction_page *page, int is_first, apr_pool_t *pool)
{
    finq_json_writer *to = list_open(pool);
    put_transactions(to, page, pool);
    const char *text = list_close(to);
    apr_size_t length = strlen(text) - 2;
    return length == 0 || ((is_first || finq_reply_write(request, ",", 1)) && finq_reply_write(request, text + 1, length));
}

/* All of it, in pieces: each is a call of its own, and no connection to the database is held while the client reads. `pools` take
 * turns, since a query stands where the last row of the page before was. */
static finq_error *list_answer(finq_request *request, const ask *of, finq_transaction_page *page, finq_transaction_query *query)
{
    apr_pool_t *pools[2];
    int turn = 0, is_first = 1;
    apr_pool_create(&pools[0], request->r->pool);
    apr_pool_create(&pools[1], request->r->pool);
    finq_reply_flow(request);
    int goes_on = finq_reply_write(request, "[", 1);
    while (goes_on && (goes_on = piece_send(request, page, is_first, pools[turn])) && !page->is_last) {
        turn = !turn;
        is_first = 0;
        apr_pool_clear(pools[turn]);
        request->service.db = finq_dbd_of(request->r->server, request->config->runtime->gate, pools[turn]);
        FINQ_TRY(finq_transactions_read(page, query, &request->service, &of->claim, pools[turn]));
    }
    if (goes_on)
        finq_reply_write(request, "]", 1);
    return NULL;
}

static finq_error *query_read(finq_transaction_query *query, const finq_request *request, const ask *of, const char *cursor)
{
    apr_pool_t *pool = request->r->pool;
    json_t *filter = json_object_get(of->body, "filter");
    *query = (finq_transaction_query){.count = PIECE};
    if (filter)
        FINQ_TRY(finq_transaction_filter(&query->filter, filter, request->numbers, pool));
    if (json_object_get(of->body, "count") || cursor)
        FINQ_TRY(number_read(&query->count, of->body, "count", FINQ_TRANSACTIONS_MAX, 100, pool));
    return cursor ? finq_transaction_resume(query, cursor, &request->service, &of->claim, pool) : NULL;
}

finq_error *finq_api_transactions(finq_request *request, finq_json_writer *reply)
{
    static const finq_json_member members[] = {CREDENTIALS,
                                               {"filter", FINQ_JSON_OBJECT, 0},
                                               {"cursor", FINQ_JSON_STRING, 0},
                                               {"count", FINQ_JSON_INTEGER, 0},
                                               {NULL, 0, 0}};
    apr_pool_t *pool = request->r->pool;
    finq_transaction_query query;
    finq_transaction_page page;
    ask of;
    (void)reply;
    FINQ_TRY(ask_read(&of, request, members));
    const char *cursor = finq_json_string(of.body, "cursor");
    FINQ_TRY(query_read(&query, request, &of, cursor));
    finq_transaction_query before = query;
    FINQ_TRY(admitted(request, &of, finq_transactions_read(&page, &query, &request->service, &of.claim, pool)));
    if (of.wait || page.is_due) {
        query = before;
        FINQ_TRY(refresh(request, &of));
        FINQ_TRY(finq_transactions_read(&page, &query, &request->service, &of.claim, pool));
    }
    return cursor || query.count != PIECE ? page_answer(request, &of, &page, &query) : list_answer(request, &of, &page, &query);
}
