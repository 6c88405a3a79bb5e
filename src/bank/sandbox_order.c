#include "bank/sandbox_order.h"

#include <apr_strings.h>
#include <string.h>

#include "ground/clock.h"

#define DAY 86400

/* ---- what is ordered ---- */

int finq_sandbox_is_order(const finq_connector_question *question)
{
    return strcmp(question->step, "payment_intent") == 0 && json_object_get(question->data, "payment_info");
}

static void transfer_put(finq_json_writer *to, const json_t *payment, const json_t *transfer)
{
    const json_t *amount = json_object_get(transfer, "instructed_amount");
    finq_json_open(to, NULL, '{');
    finq_json_put(to, "payment_information_id", finq_json_string(payment, "payment_information_id"));
    finq_json_put(to, "end_to_end_id", finq_json_string(transfer, "end_to_end_id"));
    finq_json_put(to, "amount", finq_json_string(amount, "amount"));
    finq_json_put(to, "currency", finq_json_string(amount, "currency"));
    finq_json_put(to, "on", finq_json_string(payment, "requested_execution_date"));
    finq_json_close(to, '}');
}

static const char *transfers_of(const json_t *ordered, apr_pool_t *pool)
{
    finq_json_writer *to = finq_json_write(pool);
    const json_t *payment, *transfer;
    size_t i, k;
    finq_json_open(to, NULL, '[');
    json_array_foreach(json_object_get(ordered, "payment_info"), i, payment)
    {
        json_array_foreach(json_object_get(payment, "credit_transfers"), k, transfer) transfer_put(to, payment, transfer);
    }
    finq_json_close(to, ']');
    return finq_json_written(to);
}

void finq_sandbox_order_tell(finq_sandbox_telling *telling, const finq_connector_question *question, apr_pool_t *pool)
{
    const json_t *header = json_object_get(question->data, "group_header");
    const json_t *ordered = finq_json_own(
        json_pack("{s:O*, s:O*}", "group_header", header, "payment_info", json_object_get(question->data, "payment_info")), pool);
    const char *meaning = finq_json_meaning(ordered, question->numbers, pool);
    telling->text = finq_json_text_spelt(ordered, question->numbers, pool);
    telling->transfers = transfers_of(ordered, pool);
    telling->message_id = finq_json_string(header, "message_id");
    finq_digest_sha256(telling->hash, meaning, strlen(meaning));
}

finq_error *finq_sandbox_ordered(const json_t **ordered, const char *text, apr_pool_t *pool)
{
    json_t *json;
    FINQ_TRY(finq_json_stored(&json, finq_numbers_make(pool), text, pool));
    *ordered = json;
    return NULL;
}

int finq_sandbox_order_lacks_account(const json_t *ordered)
{
    const json_t *first = json_array_get(json_object_get(ordered, "payment_info"), 0);
    return ordered && !json_object_get(json_object_get(first, "debtor_account"), "iban");
}

finq_error *finq_sandbox_order_read(finq_sandbox_order *order, const char *transfers, apr_pool_t *pool)
{
    json_t *wrapped;
    order->transfers = NULL;
    if (!transfers)
        return NULL;
    FINQ_TRY(finq_json_stored(&wrapped, NULL, apr_pstrcat(pool, "{\"transfers\":", transfers, "}", NULL), pool));
    order->transfers = json_object_get(wrapped, "transfers");
    return NULL;
}

/* ---- how it stands ---- */

typedef struct {
    const char *status, *reason;
} standing;

static const char *text_of(const json_t *transfer, const char *name)
{
    const char *text = finq_json_string(transfer, name);
    return text ? text : "";
}

/* A transfer that is authorised: executed at once, or when its day begins. */
static standing transfer_standing(const json_t *transfer, const finq_sandbox_order *order)
{
    const finq_sandbox_outcome *outcome = finq_sandbox_outcome_of(text_of(transfer, "amount"));
    apr_int64_t from = order->authorised_at, day_begins;
    char begins[] = "0000-00-00T00:00:00Z";
    apr_cpystrn(begins, text_of(transfer, "on"), 11);
    begins[strlen(begins)] = 'T';
    if (finq_clock_read(&day_begins, begins) && day_begins > from)
        from = day_begins;
    if (order->now < from)
        return (standing){"ACCP", NULL};
    apr_int64_t days = (order->now - from) / DAY;
    int last = days > 2 ? 2 : (int)days;
    while (!outcome->days[last])
        last--;
    int refuses = strcmp(outcome->days[last], "RJCT") == 0;
    return (standing){outcome->days[last], refuses ? outcome->reason : NULL};
}

int finq_sandbox_order_is_authorised(const finq_sandbox_order *order)
{
    return order->decision && strcmp(order->decision, "authorised") == 0 && order->authorised_at <= order->now;
}

/* That of all its transfers, or that they differ. */
static standing common_standing(const finq_sandbox_order *order)
{
    standing common = {NULL, NULL};
    const json_t *transfer;
    size_t i;
    json_array_foreach(order->transfers, i, transfer)
    {
        standing one = transfer_standing(transfer, order);
        if (common.status && strcmp(common.status, one.status) != 0)
            return (standing){"PART", NULL};
        common = one;
    }
    return common;
}

static standing order_standing(const finq_sandbox_order *order)
{
    if (!order->decision)
        return (standing){"RCVD", NULL};
    if (strcmp(order->decision, "authorised") != 0)
        return (standing){"CANC", NULL};
    return finq_sandbox_order_is_authorised(order) ? common_standing(order) : (standing){"PATC", NULL};
}

finq_sandbox_manner finq_sandbox_order_manner(const finq_sandbox_order *order)
{
    const json_t *transfer;
    size_t i;
    if (!finq_sandbox_order_is_authorised(order))
        return FINQ_SANDBOX_HONEST;
    json_array_foreach(order->transfers, i, transfer)
    {
        finq_sandbox_manner manner = finq_sandbox_outcome_of(text_of(transfer, "amount"))->manner;
        if (manner != FINQ_SANDBOX_HONEST && (manner != FINQ_SANDBOX_LOSES || order->is_first))
            return manner;
    }
    return FINQ_SANDBOX_HONEST;
}

/* ---- answers ---- */

static void standing_put(finq_json_writer *to, standing of)
{
    finq_json_put(to, "status", of.status);
    if (!of.reason)
        return;
    finq_json_open(to, "reason", '{');
    finq_json_put(to, "code", of.reason);
    finq_json_close(to, '}');
}

static void transaction_put(finq_json_writer *to, const json_t *transfer, const finq_sandbox_order *order, int in_full)
{
    static const char *const told[] = {"payment_information_id", "end_to_end_id", "amount", "currency", "on", NULL};
    finq_json_open(to, NULL, '{');
    for (int i = 0; told[i]; i++)
        finq_json_put_value(to, told[i], in_full || i == 1 ? json_object_get(transfer, told[i]) : NULL);
    if (finq_sandbox_order_is_authorised(order))
        standing_put(to, transfer_standing(transfer, order));
    finq_json_close(to, '}');
}

void finq_sandbox_order_put(finq_json_writer *to, const finq_sandbox_order *order, int in_full)
{
    const json_t *transfer;
    size_t i;
    standing_put(to, order_standing(order));
    if (!in_full && !finq_sandbox_order_is_authorised(order))
        return;
    finq_json_open(to, "transactions", '[');
    json_array_foreach(order->transfers, i, transfer)
    {
        if (in_full || i < FINQ_SANDBOX_TRANSFERS)
            transaction_put(to, transfer, order, in_full);
    }
    finq_json_close(to, ']');
}

static void payment_put(finq_json_writer *to, const finq_sandbox_order *order)
{
    finq_json_open(to, "payment", '{');
    finq_sandbox_order_put(to, order, 0);
    finq_json_close(to, '}');
}

static void redirect_put(finq_json_writer *to, const char *page, apr_pool_t *pool)
{
    finq_json_put(to, "method", "GET");
    finq_json_put(to, "url", page);
    finq_json_put(to, "expires_at", finq_clock_text(finq_clock_seconds() + FINQ_SANDBOX_PAGE_SECONDS, pool));
}

static void reasons_put(finq_json_writer *to, const char *reason)
{
    finq_json_open(to, "reasons", '[');
    finq_json_put(to, NULL, reason);
    finq_json_close(to, ']');
}

/* What is told beside the payment. */
static void verdict_put(finq_json_writer *to, const finq_sandbox_order *order, const char *page, apr_pool_t *pool)
{
    int is_decided = order->decision != NULL, is_agreed = is_decided && strcmp(order->decision, "authorised") == 0;
    int is_accepted = finq_sandbox_order_is_authorised(order);
    finq_json_put(to, "verdict", is_accepted ? "accepted" : is_agreed ? "pending" : is_decided || !page ? "failed" : "redirect");
    if (is_agreed)
        finq_json_put(to, "reference", apr_pstrcat(pool, "order-", finq_id_text(&order->attempt, pool), NULL));
    if (is_agreed && !is_accepted)
        reasons_put(to, "The account's holder approves later.");
    if (!is_decided && page)
        redirect_put(to, page, pool);
    if (is_decided && !is_agreed)
        reasons_put(to, "The order was cancelled at the bank.");
}

const char *finq_sandbox_order_answer(const finq_sandbox_order *order, const char *page, apr_pool_t *pool)
{
    finq_json_writer *to = finq_json_write(pool);
    finq_json_open(to, NULL, '{');
    verdict_put(to, order, page, pool);
    if (!order->decision || strcmp(order->decision, "never") != 0)
        payment_put(to, order);
    finq_json_close(to, '}');
    return finq_json_written(to);
}

const char *finq_sandbox_order_state(const finq_sandbox_order *order, apr_pool_t *pool)
{
    finq_json_writer *to = finq_json_write(pool);
    if (order->decision && strcmp(order->decision, "never") == 0)
        return "{\"payment\":null}";
    finq_json_open(to, NULL, '{');
    payment_put(to, order);
    finq_json_close(to, '}');
    return finq_json_written(to);
}
