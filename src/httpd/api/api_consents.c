#include "httpd/api.h"

#include "consent/consent.h"
#include "consent/page.h"
#include "consent/renewal.h"
#include "httpd/claim.h"
#include "httpd/intake.h"
#include "httpd/observe.h"

/* Consents of a page where the client does not say. */
#define COUNT_PRESET 100

/* ---- what comes in ---- */

static finq_error *retention_read(apr_int32_t *minutes, const json_t *body, apr_pool_t *pool)
{
    const json_t *value = json_object_get(body, "pcd_data_retention");
    json_int_t number = json_integer_value(value);
    *minutes = FINQ_CONSENT_RETENTION_NORMAL;
    if (!value || json_is_null(value))
        return NULL;
    if (!json_is_integer(value) || number < 0 || number > FINQ_CONSENT_RETENTION_MAX)
        return finq_error_make(pool, FINQ_E_INVALID_PCD_DATA_RETENTION, "pcd_data_retention must be an integer from 0 to %d.",
                               FINQ_CONSENT_RETENTION_MAX);
    *minutes = (apr_int32_t)number;
    return NULL;
}

/* ---- what goes out ---- */

/* The envelope of the calls about consents; `result` is left open. */
static void envelope_open(finq_json_writer *reply, const char *op_type, const char *code, const char *message)
{
    finq_json_put(reply, "op_type", op_type);
    finq_json_put(reply, "code", code);
    finq_json_put_integer(reply, "http", HTTP_OK);
    finq_json_put(reply, "message", message);
    finq_json_open(reply, "result", '{');
}

static void put_id(finq_json_writer *reply, const char *name, const finq_id *id)
{
    char text[FINQ_ID_TEXT + 1];
    finq_json_put(reply, name, finq_id_write(text, id));
}

static finq_error *put_consent(finq_json_writer *reply, const finq_consent *consent, const finq_id *client_id,
                               finq_request *request)
{
    apr_pool_t *pool = request->r->pool;
    const char *user;
    FINQ_TRY(finq_consent_user(&user, consent, client_id, &request->service, pool));
    put_id(reply, "credentials_id", consent->credentials_id);
    finq_json_put(reply, "status", consent->status);
    finq_api_put_time(reply, "consent_exp", consent->consent_exp, pool);
    finq_api_put_time(reply, "max_data_retention", consent->max_data_retention, pool);
    finq_api_put_time(reply, "utc_created", consent->created_at, pool);
    finq_api_put_time(reply, "utc_last_update", consent->updated_at, pool);
    finq_json_open(reply, "originator", '{');
    finq_json_put(reply, "country", consent->country);
    finq_json_put(reply, "servicer", consent->servicer);
    finq_json_put(reply, "skill", consent->skill);
    finq_json_close(reply, '}');
    finq_json_open(reply, "tenant_app_info", '{');
    put_id(reply, "client_id", client_id);
    finq_json_put(reply, "name", consent->tenant);
    finq_json_close(reply, '}');
    finq_json_put(reply, "tenant_user_id", user);
    if (consent->access)
        finq_json_put_text(reply, "access", consent->access);
    return NULL;
}

/* ---- the endpoints ---- */

finq_error *finq_api_consent_get(finq_request *request, finq_json_writer *reply)
{
    static const finq_json_member members[] = {
        {"client_id", FINQ_JSON_STRING, 1},    {"client_secret", FINQ_JSON_STRING, 1},  {"credentials_id", FINQ_JSON_STRING, 1},
        {"access_token", FINQ_JSON_STRING, 1}, {"tenant_user_id", FINQ_JSON_STRING, 0}, {NULL, 0, 0},
    };
    apr_pool_t *pool = request->r->pool;
    finq_consent_claim claim;
    finq_consent consent;
    json_t *body;
    FINQ_TRY(finq_claim_read(&body, &claim, request, members));
    FINQ_TRY(finq_intake_key(request, finq_consent_read(&consent, &request->service, &claim, pool)));
    finq_observe_recognised(request, &claim.client_id, NULL, NULL);
    finq_observe_tell_id(request, "credentials_id", consent.credentials_id);
    envelope_open(reply, "read", "credentials_info", "Consent info retrieved");
    FINQ_TRY(put_consent(reply, &consent, &claim.client_id, request));
    finq_json_close(reply, '}');
    return NULL;
}

finq_error *finq_api_consent_delete(finq_request *request, finq_json_writer *reply)
{
    static const finq_json_member members[] = {
        {"client_id", FINQ_JSON_STRING, 1},
        {"client_secret", FINQ_JSON_STRING, 1},
        {"credentials_id", FINQ_JSON_STRING, 1},
        {"access_token", FINQ_JSON_STRING, 1},
        {"tenant_user_id", FINQ_JSON_STRING, 0},
        {"pcd_data_retention", FINQ_JSON_ANY, 0},
        {NULL, 0, 0},
    };
    apr_pool_t *pool = request->r->pool;
    finq_consent_claim claim;
    finq_consent consent;
    apr_int32_t minutes;
    json_t *body;
    FINQ_TRY(finq_claim_read(&body, &claim, request, members));
    FINQ_TRY(retention_read(&minutes, body, pool));
    FINQ_TRY(finq_intake_key(request, finq_consent_delete(&consent, &request->service, &claim, minutes, pool)));
    finq_observe_recognised(request, &claim.client_id, NULL, NULL);
    envelope_open(reply, "delete", "credentials_deleted", "Consent deleted");
    put_id(reply, "client_id", &claim.client_id);
    finq_api_put_id(reply, request, "credentials_id", consent.credentials_id);
    finq_json_put(reply, "status", consent.status);
    finq_api_put_time(reply, "max_data_retention", consent.max_data_retention, pool);
    finq_json_close(reply, '}');
    return NULL;
}

static void query_read(finq_consent_query *query, const json_t *body)
{
    const json_t *count = json_object_get(body, "count");
    query->client_secret = finq_json_string(body, "client_secret");
    query->tenant_user_id = finq_json_string(body, "tenant_user_id");
    query->status = finq_json_string(body, "status");
    query->cursor = finq_json_string(body, "cursor");
    query->count = count ? json_integer_value(count) : COUNT_PRESET;
}

static finq_error *put_page(finq_json_writer *reply, const finq_consent_page *page, const finq_id *client_id,
                            finq_request *request)
{
    finq_json_open(reply, "consents", '[');
    for (int i = 0; i < page->count; i++) {
        finq_json_open(reply, NULL, '{');
        FINQ_TRY(put_consent(reply, &page->consents[i], client_id, request));
        finq_json_close(reply, '}');
    }
    finq_json_close(reply, ']');
    finq_json_put_or_null(reply, "next_cursor", page->next_cursor);
    return NULL;
}

finq_error *finq_api_consent_list(finq_request *request, finq_json_writer *reply)
{
    static const finq_json_member members[] = {
        {"client_id", FINQ_JSON_STRING, 1},
        {"client_secret", FINQ_JSON_STRING, 1},
        {"tenant_user_id", FINQ_JSON_STRING, 0},
        {"status", FINQ_JSON_STRING, 0},
        {"cursor", FINQ_JSON_STRING, 0},
        {"count", FINQ_JSON_INTEGER, 0},
        {NULL, 0, 0},
    };
    apr_pool_t *pool = request->r->pool;
    const finq_service *service = &request->service;
    finq_consent_query query;
    finq_consent_page page;
    json_t *body;
    FINQ_TRY(finq_intake_read(&body, &query.client_id, request, members));
    query_read(&query, body);
    FINQ_TRY(finq_consent_query_check(&query, service->secrets, pool));
    FINQ_TRY(finq_intake_key(request, finq_consent_page_read(&page, service, &query, pool)));
    finq_observe_recognised(request, &query.client_id, NULL, NULL);
    envelope_open(reply, "read", "credentials_list", "Consents retrieved");
    FINQ_TRY(put_page(reply, &page, &query.client_id, request));
    finq_json_close(reply, '}');
    return NULL;
}

finq_error *finq_api_consent_renew(finq_request *request, finq_json_writer *reply)
{
    static const finq_json_member members[] = {
        {"client_id", FINQ_JSON_STRING, 1},
        {"client_secret", FINQ_JSON_STRING, 1},
        {"credentials_id", FINQ_JSON_STRING, 1},
        {"access_token", FINQ_JSON_STRING, 1},
        {"tenant_user_id", FINQ_JSON_STRING, 0},
        {"skill", FINQ_JSON_STRING, 0},
        {NULL, 0, 0},
    };
    apr_pool_t *pool = request->r->pool;
    finq_session_started started;
    finq_consent_claim claim;
    json_t *body;
    FINQ_TRY(finq_claim_read(&body, &claim, request, members));
    const char *skill = finq_json_string(body, "skill");
    FINQ_TRY(finq_intake_key(request, finq_consent_renew(&started, &request->service, &claim, skill, pool)));
    finq_observe_tell_id(request, "credentials_id", &claim.credentials_id);
    finq_api_put_started(reply, request, &claim.client_id, &started);
    return NULL;
}
