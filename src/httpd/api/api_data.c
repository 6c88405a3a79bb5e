#include "httpd/account_data.h"

#include "data/account.h"

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

finq_error *finq_api_accounts(finq_request *request, finq_json_writer *reply)
{
    static const finq_json_member members[] = {FINQ_DATA_MEMBERS, {NULL, 0, 0}};
    apr_pool_t *pool = request->r->pool;
    apr_array_header_t *accounts;
    finq_json_writer *to = finq_data_list_open(pool);
    int is_due;
    finq_data_ask of;
    (void)reply;
    FINQ_TRY(finq_data_ask_read(&of, request, members));
    FINQ_TRY(finq_data_admit(request, &of, finq_accounts_read(&accounts, &is_due, &request->service, &of.claim, pool)));
    if (of.wait || is_due) {
        FINQ_TRY(finq_data_refresh(request, &of));
        FINQ_TRY(finq_accounts_read(&accounts, &is_due, &request->service, &of.claim, pool));
    }
    for (int i = 0; i < accounts->nelts; i++)
        put_account(to, &APR_ARRAY_IDX(accounts, i, finq_account));
    request->answer_text = finq_data_list_close(to);
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
    static const finq_json_member members[] = {FINQ_DATA_MEMBERS, {"filter", FINQ_JSON_OBJECT, 0}, {NULL, 0, 0}};
    apr_pool_t *pool = request->r->pool;
    apr_array_header_t *balances;
    finq_balance_filter filter;
    finq_json_writer *to = finq_data_list_open(pool);
    int is_due;
    finq_data_ask of;
    (void)reply;
    FINQ_TRY(finq_data_ask_read(&of, request, members));
    FINQ_TRY(balance_filter_read(&filter, of.body, pool));
    FINQ_TRY(finq_data_admit(request, &of, finq_balances_read(&balances, &is_due, &request->service, &of.claim, &filter, pool)));
    if (of.wait || is_due) {
        FINQ_TRY(finq_data_refresh(request, &of));
        FINQ_TRY(finq_balances_read(&balances, &is_due, &request->service, &of.claim, &filter, pool));
    }
    for (int i = 0; i < balances->nelts; i++)
        finq_json_put_text(to, NULL, APR_ARRAY_IDX(balances, i, const char *));
    request->answer_text = finq_data_list_close(to);
    return NULL;
}
