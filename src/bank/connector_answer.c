#include "bank/connector.h"

#include <apr_strings.h>
#include <string.h>

#include "bank/link.h"
#include "ground/clock.h"
#include "json/json.h"

#define TEXT_MOST 500
#define POINTER_MOST 512
#define DETAILS_MOST 32
#define REASONS_MOST 16
#define HEADERS_MOST 16
#define HEADER_NAME_MOST 64
#define HEADER_VALUE_MOST 1024

typedef struct {
    const json_t *json;
    const finq_numbers *numbers;
    finq_connector_answer *answer;
    int sandbox;
    apr_pool_t *pool;
} reading;

finq_error *finq_connector_unusable(apr_pool_t *pool, const char *cause)
{
    finq_error *error = finq_error_make(pool, FINQ_E_EXTERNAL_API_INVALID_ANSWER,
                                        "The service behind this step gave an answer that cannot be used.");
    error->cause = cause;
    return error;
}

/* Any fault of an answer is the connector's, whatever a client's would be called. */
static finq_error *invalid_as(apr_pool_t *pool, finq_error *error)
{
    return error ? finq_connector_unusable(pool, finq_error_why(error)) : NULL;
}

/* ---- pieces ---- */

/* RFC 6901. */
static int is_pointer(const json_t *value)
{
    const char *text = json_string_value(value);
    if (!finq_json_is_line(value, 0, POINTER_MOST) || (*text && *text != '/'))
        return 0;
    for (; *text; text++) {
        if (*text == '~' && text[1] != '0' && text[1] != '1')
            return 0;
    }
    return 1;
}

/* Array of texts; NULL for what is something else. A member that is absent is an empty array. */
static apr_array_header_t *words_read(const json_t *array, apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(pool, 4, sizeof(const char *));
    const json_t *value;
    size_t i;
    if (array && (!json_is_array(array) || json_array_size(array) > REASONS_MOST))
        return NULL;
    json_array_foreach((json_t *)array, i, value)
    {
        if (!finq_json_is_line(value, 1, TEXT_MOST))
            return NULL;
        APR_ARRAY_PUSH(list, const char *) = json_string_value(value);
    }
    return list;
}

/* ---- the verdicts ---- */

/* What the connector wants to be asked for account data with. */
static finq_error *reference_read(reading *of)
{
    const json_t *reference = json_object_get(of->json, "reference");
    if (reference && !finq_json_is_line(reference, 1, FINQ_CONNECTOR_REFERENCE_MOST))
        return finq_connector_unusable(of->pool, "reference is not a text of 1 to 1024 bytes without control characters");
    of->answer->reference = json_string_value(reference);
    return NULL;
}

/* How a payment stands: any verdict but a rejection may say so. */
static finq_error *payment_read(reading *of)
{
    const json_t *payment = json_object_get(of->json, "payment");
    finq_payment_state *state = apr_palloc(of->pool, sizeof *state);
    const char *fault = payment ? finq_payment_state_read(state, payment, of->pool) : NULL;
    of->answer->payment = payment ? state : NULL;
    return fault ? finq_connector_unusable(of->pool, fault) : NULL;
}

static finq_error *read_accepted(reading *of)
{
    const json_t *data = json_object_get(of->json, "data");
    if (data && !json_is_object(data))
        return finq_connector_unusable(of->pool, "data is not an object");
    if (json_object_size(data) > 0)
        of->answer->data = finq_json_text_spelt(data, of->numbers, of->pool);
    FINQ_TRY(payment_read(of));
    return reference_read(of);
}

static finq_error *read_rejected(reading *of)
{
    const json_t *details = json_object_get(of->json, "details"), *detail;
    size_t i;
    if (json_array_size(details) == 0 || json_array_size(details) > DETAILS_MOST)
        return finq_connector_unusable(of->pool, "details is not an array of 1 to 32 objects");
    of->answer->details = apr_array_make(of->pool, (int)json_array_size(details), sizeof(finq_detail));
    json_array_foreach((json_t *)details, i, detail)
    {
        const json_t *field = json_object_get(detail, "field"), *message = json_object_get(detail, "message");
        if (json_object_size(detail) != 2 || !is_pointer(field) || !finq_json_is_line(message, 1, TEXT_MOST))
            return finq_connector_unusable(of->pool, "an entry of details is not {field: JSON Pointer, message: text}");
        APR_ARRAY_PUSH(of->answer->details, finq_detail) =
            (finq_detail){.field = json_string_value(field), .message = json_string_value(message)};
    }
    return NULL;
}

static int is_header_name(const char *name)
{
    apr_size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
    return length > 0 && length <= HEADER_NAME_MOST && name[length] == '\0';
}

static finq_error *headers_read(reading *of)
{
    json_t *headers = json_object_get(of->json, "headers"), *value;
    const char *name;
    if (!headers)
        return NULL;
    if (!json_is_object(headers) || json_object_size(headers) > HEADERS_MOST)
        return finq_connector_unusable(of->pool, "headers is not an object of at most 16 members");
    json_object_foreach(headers, name, value)
    {
        if (!is_header_name(name) || !finq_json_is_line(value, 0, HEADER_VALUE_MOST))
            return finq_connector_unusable(of->pool, "headers has a member that is no header");
    }
    of->answer->headers = headers;
    return NULL;
}

static finq_error *read_redirect(reading *of)
{
    finq_connector_answer *answer = of->answer;
    apr_int64_t now = finq_clock_seconds();
    const char *method = finq_json_string(of->json, "method");
    if (!method || strcmp(method, "GET") != 0)
        return finq_connector_unusable(of->pool, "method is not \"GET\"");
    if (!finq_link_is_bank(finq_json_string(of->json, "url"), of->sandbox, of->pool))
        return finq_connector_unusable(of->pool, "url is not an https URL without user and password"
                                                 " (a sandbox skill's may be http on localhost)");
    const char *expires_at = finq_json_string(of->json, "expires_at");
    if (!expires_at || !finq_clock_read(&answer->expires_at, expires_at))
        return finq_connector_unusable(of->pool, "expires_at is not a time such as 2026-02-28T12:00:00Z");
    if (answer->expires_at <= now || answer->expires_at > now + FINQ_CONNECTOR_REDIRECT_MOST)
        return finq_connector_unusable(of->pool, "expires_at has passed, or is more than a day away");
    answer->method = method;
    answer->url = finq_json_string(of->json, "url");
    FINQ_TRY(payment_read(of));
    return headers_read(of);
}

static finq_error *read_reasons(reading *of)
{
    FINQ_TRY(payment_read(of));
    of->answer->reasons = words_read(json_object_get(of->json, "reasons"), of->pool);
    return of->answer->reasons ? NULL : finq_connector_unusable(of->pool, "reasons is not an array of at most 16 texts");
}

static finq_error *read_pending(reading *of)
{
    FINQ_TRY(reference_read(of));
    return read_reasons(of);
}

/* ---- the answer ---- */

/* In the order of finq_connector_verdict. `members` are those beside `verdict`. */
static const struct {
    const char *name;
    const char *members[6];
    finq_error *(*read)(reading *of);
} verdicts[] = {
    {"accepted", {"data", "reference", "payment"}, read_accepted},
    {"rejected", {"details"}, read_rejected},
    {"redirect", {"method", "url", "headers", "expires_at", "payment"}, read_redirect},
    {"pending", {"reasons", "reference", "payment"}, read_pending},
    {"failed", {"reasons", "payment"}, read_reasons},
};
#define VERDICTS (sizeof verdicts / sizeof *verdicts)

static int member_known(const char *const *members, const char *name)
{
    if (strcmp(name, "verdict") == 0)
        return 1;
    while (*members && strcmp(*members, name) != 0)
        members++;
    return *members != NULL;
}

static finq_error *verdict_read(reading *of)
{
    const char *verdict = finq_json_string(of->json, "verdict"), *name;
    const json_t *value;
    apr_size_t i = 0;
    while (verdict && i < VERDICTS && strcmp(verdicts[i].name, verdict) != 0)
        i++;
    if (!verdict || i == VERDICTS)
        return finq_connector_unusable(of->pool, "verdict is none of accepted, rejected, redirect, pending, failed");
    json_object_foreach((json_t *)of->json, name, value)
    {
        if (!member_known(verdicts[i].members, name))
            return finq_connector_unusable(of->pool,
                                           apr_pstrcat(of->pool, "it has a member that does not belong to ", verdict, NULL));
    }
    of->answer->verdict = (finq_connector_verdict)i;
    return verdicts[i].read(of);
}

finq_error *finq_connector_read(finq_connector_answer *answer, const char *text, apr_size_t length, int sandbox, apr_pool_t *pool)
{
    json_t *json;
    memset(answer, 0, sizeof *answer);
    finq_numbers *numbers = finq_numbers_make(pool);
    answer->headers = finq_json_own(json_object(), pool);
    answer->reasons = apr_array_make(pool, 1, sizeof(const char *));
    if (length > FINQ_CONNECTOR_MOST)
        return finq_connector_unusable(pool, "it is larger than 64 KiB");
    FINQ_TRY(invalid_as(pool, finq_json_parse(&json, numbers, text, length, pool)));
    reading of = {json, numbers, answer, sandbox, pool};
    return verdict_read(&of);
}

/* ---- the decision ---- */

static const char *decision_find(const char *name)
{
    static const char *const decisions[] = {"accepted", "resubmit", "failed"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(decisions[i], name) == 0)
            return decisions[i];
    }
    return NULL;
}

/* {step_id, attempt?, payment}: how a payment stands. */
static finq_error *notice_read(finq_connector_decision *decision, json_t *json, apr_pool_t *pool)
{
    static const finq_json_member members[] = {
        {"step_id", FINQ_JSON_STRING, 1}, {"attempt", FINQ_JSON_STRING, 0}, {"payment", FINQ_JSON_OBJECT, 1}, {NULL, 0, 0}};
    finq_payment_state *state = apr_palloc(pool, sizeof *state);
    finq_id *attempt = apr_palloc(pool, sizeof *attempt);
    FINQ_TRY(finq_json_members(json, members, pool));
    if (!finq_id_parse(&decision->step_id, finq_json_string(json, "step_id")))
        return finq_error_make(pool, FINQ_E_INVALID_FIELD, "step_id is not a UUID.");
    const char *named = finq_json_string(json, "attempt");
    if (named && !finq_id_parse(attempt, named))
        return finq_error_make(pool, FINQ_E_INVALID_FIELD, "attempt is not a UUID.");
    const char *fault = finq_payment_state_read(state, json_object_get(json, "payment"), pool);
    if (fault)
        return finq_error_make(pool, FINQ_E_INVALID_FIELD, "payment is not a payment's state: %s.", fault);
    *decision = (finq_connector_decision){.step_id = decision->step_id, .payment = state, .attempt = named ? attempt : NULL};
    return NULL;
}

finq_error *finq_connector_decision_read(finq_connector_decision *decision, const char *text, apr_size_t length, apr_pool_t *pool)
{
    static const finq_json_member members[] = {
        {"step_id", FINQ_JSON_STRING, 1}, {"decision", FINQ_JSON_STRING, 1}, {"reasons", FINQ_JSON_ARRAY, 0}, {NULL, 0, 0}};
    json_t *json;
    decision->payment = NULL;
    decision->attempt = NULL;
    FINQ_TRY(finq_json_parse(&json, NULL, text, length, pool));
    if (json_object_get(json, "payment"))
        return notice_read(decision, json, pool);
    FINQ_TRY(finq_json_members(json, members, pool));
    if (!finq_id_parse(&decision->step_id, finq_json_string(json, "step_id")))
        return finq_error_make(pool, FINQ_E_INVALID_FIELD, "step_id is not a UUID.");
    decision->decision = decision_find(finq_json_string(json, "decision"));
    if (!decision->decision)
        return finq_error_make(pool, FINQ_E_INVALID_FIELD, "decision must be accepted, resubmit or failed.");
    decision->reasons = words_read(json_object_get(json, "reasons"), pool);
    if (!decision->reasons)
        return finq_error_make(pool, FINQ_E_INVALID_FIELD, "reasons must be at most 16 texts of 1 to 500 bytes.");
    return NULL;
}
