#include "httpd/account_data.h"

#include <apr_strings.h>
#include <http_log.h>

#include "data/payment.h"
#include "flow/payment.h"

APLOG_USE_MODULE(finq);

static void put_or_null(finq_json_writer *to, const char *name, const json_t *value)
{
    if (value)
        finq_json_put_value(to, name, value);
    else
        finq_json_put_text(to, name, "null");
}

static void put_transactions(finq_json_writer *to, const json_t *transactions)
{
    const json_t *transaction;
    size_t i;
    finq_json_open(to, "transactions", '[');
    json_array_foreach((json_t *)transactions, i, transaction)
    {
        finq_json_open(to, NULL, '{');
        finq_json_put_value(to, "end_to_end_id", json_object_get(transaction, "end_to_end_id"));
        put_or_null(to, "status", json_object_get(transaction, "status"));
        finq_json_put_value(to, "reason", json_object_get(transaction, "reason"));
        finq_json_close(to, '}');
    }
    finq_json_close(to, ']');
}

/* The client has its answer; the next one may say more. */
static void follow(finq_request *request, void *session_id)
{
    int found;
    finq_error *error =
        finq_payment_follow(&found, &request->service, &(finq_payment_pursuit){.session_id = session_id}, request->r->pool);
    if (error)
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, request->r, "FINQ19: [%s] how a payment stands: %s", request->id,
                      finq_error_why(error));
}

finq_error *finq_api_payment(finq_request *request, finq_json_writer *reply)
{
    static const finq_json_member members[] = {{"client_id", FINQ_JSON_STRING, 1},      {"client_secret", FINQ_JSON_STRING, 1},
                                               {"credentials_id", FINQ_JSON_STRING, 1}, {"access_token", FINQ_JSON_STRING, 1},
                                               {"tenant_user_id", FINQ_JSON_STRING, 0}, {NULL, 0, 0}};
    apr_pool_t *pool = request->r->pool;
    finq_payment_standing payment;
    finq_data_ask of;
    FINQ_TRY(finq_data_ask_read(&of, request, members));
    FINQ_TRY(finq_data_admit(request, &of, finq_payment_read(&payment, &request->service, &of.claim, pool)));
    finq_api_put_id(reply, request, "payment_id", &payment.payment_id);
    finq_json_put(reply, "credentials_id", finq_id_text(&of.claim.credentials_id, pool));
    put_or_null(reply, "status", json_object_get(payment.book, "status"));
    finq_json_put(reply, "phase", payment.phase);
    finq_json_put_bool(reply, "final", payment.is_final);
    finq_json_put_value(reply, "reason", json_object_get(payment.book, "reason"));
    finq_json_put_value(reply, "history", json_object_get(payment.book, "history"));
    put_transactions(reply, json_object_get(payment.book, "transactions"));
    finq_json_put(reply, "timestamp", payment.told_at);
    if (payment.is_due) {
        request->afterwards = follow;
        request->afterwards_of = apr_pmemdup(pool, &payment.session_id, sizeof payment.session_id);
    }
    return NULL;
}
