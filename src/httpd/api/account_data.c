#include "httpd/account_data.h"

#include <apr_strings.h>
#include <arpa/inet.h>
#include <http_log.h>
#include <string.h>

#include "data/refresh.h"
#include "ground/clock.h"
#include "ground/codec.h"
#include "httpd/claim.h"
#include "httpd/intake.h"
#include "httpd/limits.h"
#include "httpd/mpm.h"
#include "httpd/observe.h"

APLOG_USE_MODULE(finq);

#define WAIT_MOST 25
/* How long a consent's first data are waited for, where the client does not say: it may ask a moment after its user was at the bank. */
#define FIRST_WAIT 10

/* ---- what comes in ---- */

finq_error *finq_data_number(int *number, const json_t *body, const char *name, int most, int preset, apr_pool_t *pool)
{
    const json_t *value = json_object_get(body, name);
    json_int_t given = value ? json_integer_value(value) : preset;
    if (value && (given < 1 || given > most))
        return finq_error_make(pool, FINQ_E_INVALID_FIELD, "%s must be from 1 to %d.", name, most);
    *number = (int)given;
    return NULL;
}

static finq_error *person_read(finq_data_ask *of, apr_pool_t *pool)
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

finq_error *finq_data_ask_read(finq_data_ask *of, finq_request *request, const finq_json_member *members)
{
    apr_pool_t *pool = request->r->pool;
    finq_consent_claim consent;
    FINQ_TRY(finq_claim_read(&of->body, &consent, request, members));
    FINQ_TRY(finq_data_number(&of->wait, of->body, "wait", WAIT_MOST, 0, pool));
    FINQ_TRY(person_read(of, pool));
    finq_error *error = finq_data_claim_make(&of->claim, &request->service, &consent, pool);
    return consent.tenant_user_id ? finq_intake_key(request, error) : error; /* else nobody was asked yet */
}

finq_error *finq_data_admit(finq_request *request, const finq_data_ask *of, finq_error *error)
{
    FINQ_TRY(finq_intake_key(request, error));
    finq_observe_recognised(request, &of->claim.client_id, NULL, NULL);
    finq_observe_tell_id(request, "credentials_id", &of->claim.credentials_id);
    return NULL;
}

/* ---- refreshes ---- */

static finq_error *refresh_make(finq_refresh_end *end, finq_request *request, const finq_refresh_wish *wish)
{
    static const finq_event events[] = {[FINQ_REFRESH_STORED] = FINQ_EVENT_REFRESH_STORED,
                                        [FINQ_REFRESH_FAILED] = FINQ_EVENT_REFRESH_FAILED,
                                        [FINQ_REFRESH_WITHDRAWN] = FINQ_EVENT_REFRESH_WITHDRAWN};
    finq_error *error = finq_refresh(end, &request->service, wish, request->r->pool);
    if (*end >= FINQ_REFRESH_STORED)
        finq_observe_event(request, events[*end]);
    return error;
}

/* Nobody waits for it: the feed has noted it, and so does the log; a call that waits will come. */
static void refresh_failed(finq_request *request, const finq_error *error)
{
    int is_banks = finq_code_http(error->code) < 500;
    ap_log_rerror(APLOG_MARK, is_banks ? APLOG_WARNING : APLOG_INFO, 0, request->r, "FINQ18: [%s] account data: %s", request->id,
                  finq_error_why(error));
}

finq_error *finq_data_refresh(finq_request *request, const finq_data_ask *of)
{
    finq_refresh_wish wish = {
        .credentials_id = &of->claim.credentials_id,
        .if_due = of->wait == 0,
        .is_attended = of->is_attended,
        .until = finq_clock_steady() + apr_time_from_sec(of->wait ? of->wait : FIRST_WAIT),
    };
    finq_refresh_end end;
    finq_error *error = refresh_make(&end, request, &wish);
    if (end == FINQ_REFRESH_BEGUN) { /* an empty list would say that there is nothing */
        finq_limits_tell_once(request);
        return finq_error_make(request->r->pool, FINQ_E_SERVICE_UNAVAILABLE,
                               "The bank is being asked for this consent's first data; send the same request again.");
    }
    if (!error || of->wait)
        return error;
    refresh_failed(request, error);
    return NULL;
}

static void refresh_apart(finq_request *request, void *wish)
{
    finq_refresh_end end;
    finq_error *error = refresh_make(&end, request, wish);
    if (error)
        refresh_failed(request, error);
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
    request->afterwards = refresh_apart;
    request->afterwards_of = wish;
}

void finq_data_refresh_due(finq_request *request, const finq_id *credentials_id)
{
    finq_refresh_wish wish = {.credentials_id = credentials_id, .is_over = finq_mpm_is_stopping};
    refresh_apart(request, &wish);
}

/* ---- what goes out ---- */

finq_json_writer *finq_data_list_open(apr_pool_t *pool)
{
    finq_json_writer *to = finq_json_write(pool);
    finq_json_open(to, NULL, '[');
    return to;
}

const char *finq_data_list_close(finq_json_writer *to)
{
    finq_json_close(to, ']');
    return finq_json_written(to);
}

void finq_data_put_transaction(finq_json_writer *to, const finq_transaction *transaction, apr_pool_t *pool)
{
    const finq_transaction_answer_row *row = transaction->row;
    finq_json_put(to, "account_id", finq_id_text(row->account_id, pool));
    finq_json_put(to, "id", finq_id_text(row->transaction_id, pool));
    finq_json_put(to, "timestamp", finq_clock_text(row->stored_at, pool));
    finq_json_put(to, "utx_id", finq_codec_encode(FINQ_BASE64, transaction->utx_id, sizeof transaction->utx_id, pool));
    finq_json_open(to, "data", '{');
    finq_json_put(to, "amount", row->amount);
    finq_json_put_or_null(to, "balance", row->balance);
    finq_json_put_or_null(to, "booking_date_time", row->is_booked ? finq_clock_text(row->booked_at, pool) : NULL);
    finq_json_put(to, "credit_debit_indicator", row->is_credit ? "credit" : "debit");
    finq_json_put(to, "currency", row->currency);
    finq_json_put(to, "info", transaction->info);
    finq_json_put(to, "status", row->is_booked ? "booked" : "pending");
    finq_json_put_text(to, "details", "null");
    finq_json_put_text(to, "exchange_rate", "null");
    finq_json_close(to, '}');
}
