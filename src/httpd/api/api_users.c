#include "httpd/api.h"

#include <apr_time.h>
#include <string.h>

#include "consent/person.h"
#include "ground/clock.h"
#include "httpd/intake.h"
#include "httpd/limits.h"
#include "httpd/observe.h"
#include "httpd/permits.h"
#include "httpd/reply.h"
#include "sign/receipt.h"

/* What looks through all that there is of a person costs more than any other call: so few erasures, and so few exports, have the
 * database do it for a child at once, whichever the host. */
#define AT_ONCE 2
static apr_uint32_t erasing, asking;

/* So often an export looks whether another has had its page. */
#define LOOK_AGAIN apr_time_from_msec(5)

/* ---- what comes in ---- */

static finq_error *consent_read(finq_person *person, finq_id *credentials_id, const json_t *body, apr_pool_t *pool)
{
    const char *text = finq_json_string(body, "credentials_id");
    if (text && !finq_id_parse(credentials_id, text))
        return finq_error_make(pool, FINQ_E_INVALID_CREDENTIALS_ID_FORM, "credentials_id is not a UUID.");
    person->credentials_id = text ? credentials_id : NULL;
    person->access_token = finq_json_string(body, "access_token");
    return NULL;
}

/* One of the two ways to name somebody, and no mixture. */
static finq_error *way_check(const finq_person *person, apr_pool_t *pool)
{
    int has_consent = person->credentials_id || person->access_token;
    apr_array_header_t *lacking = apr_array_make(pool, 2, sizeof(const char *));
    if (person->tenant_user_id && has_consent)
        return finq_error_make(pool, FINQ_E_INVALID_FIELD,
                               "tenant_user_id stands alone; credentials_id and access_token are for whom there is none of.");
    if (person->tenant_user_id)
        return finq_session_user_check(person->tenant_user_id, pool);
    if (!has_consent)
        APR_ARRAY_PUSH(lacking, const char *) = "tenant_user_id";
    else if (!person->credentials_id)
        APR_ARRAY_PUSH(lacking, const char *) = "credentials_id";
    else if (!person->access_token)
        APR_ARRAY_PUSH(lacking, const char *) = "access_token";
    return lacking->nelts > 0 ? finq_error_missing(lacking, pool) : NULL;
}

/* `credentials_id` is room for one. */
static finq_error *person_read(finq_person *person, finq_id *credentials_id, finq_request *request)
{
    static const finq_json_member members[] = {
        {"client_id", FINQ_JSON_STRING, 1},      {"client_secret", FINQ_JSON_STRING, 1}, {"tenant_user_id", FINQ_JSON_STRING, 0},
        {"credentials_id", FINQ_JSON_STRING, 0}, {"access_token", FINQ_JSON_STRING, 0},  {NULL, 0, 0},
    };
    json_t *body;
    FINQ_TRY(finq_intake_read(&body, &person->client_id, request, members));
    person->client_secret = finq_json_string(body, "client_secret");
    person->tenant_user_id = finq_json_string(body, "tenant_user_id");
    FINQ_TRY(consent_read(person, credentials_id, body, request->r->pool));
    return way_check(person, request->r->pool);
}

static finq_error *crowded(finq_request *request, const char *what)
{
    finq_limits_tell_once(request);
    return finq_error_internal(request->r->pool, FINQ_E_SERVICE_UNAVAILABLE, "too many %s under way in this child", what);
}

/* ---- export ---- */

typedef struct {
    finq_person_pages pages; /* first: it is handed back as one of these */
    finq_request *request;
    const finq_person *person;
    int permit; /* 0 before its tenant is known to ask */
} request_pages;

/* An answer that has begun is not to break off because others ask too. */
static finq_error *turn_wait(finq_request *request)
{
    apr_time_t until = finq_clock_steady() + apr_time_from_sec(request->config->database_timeout);
    while (!finq_permits_take(&asking, AT_ONCE, NULL)) {
        if (finq_clock_steady() > until)
            return crowded(request, "exports");
        apr_sleep(LOOK_AGAIN);
    }
    return NULL;
}

/* A tenant, whichever the host: its id ends at random. */
static apr_uint64_t holder_of(const finq_id *client_id)
{
    apr_uint64_t end;
    memcpy(&end, client_id->bytes + sizeof client_id->bytes - sizeof end, sizeof end);
    return end | 1; /* never 0, be the id no tenant's */
}

/* Who reads slowly has a thread for as long: so a tenant has one, and others have theirs. None is had in its name by who lacks its
 * secret. */
static finq_error *permit_take(request_pages *pages)
{
    if (!pages->permit)
        pages->permit = finq_permits_take_share(FINQ_PERMITS_EXPORTS, holder_of(&pages->person->client_id));
    return pages->permit ? NULL : crowded(pages->request, "exports");
}

/* A call of its own, with its own time: neither a connection nor a turn is held while the client reads. */
static finq_error *page_ask(finq_person_pages *pages, const char **page, const char *part, const char *after, apr_pool_t *pool)
{
    request_pages *self = (request_pages *)pages;
    finq_request *request = self->request;
    FINQ_TRY(turn_wait(request));
    finq_request_database(request, pool);
    finq_error *error = finq_person_page(page, self->person, part, after, &request->service, pool);
    finq_permits_release(&asking, NULL);
    FINQ_TRY(finq_intake_key(request, error));
    return permit_take(self);
}

static int piece_take(void *baton, const char *text, apr_size_t length)
{
    finq_request *request = baton;
    if (!request->is_flowing)
        finq_reply_flow(request);
    return length == 0 || finq_reply_write(request, text, length);
}

finq_error *finq_api_user_export(finq_request *request, finq_json_writer *reply)
{
    finq_id credentials_id;
    finq_person person;
    request_pages pages = {{page_ask}, request, &person, 0};
    (void)reply;
    FINQ_TRY(person_read(&person, &credentials_id, request));
    finq_observe_recognised(request, &person.client_id, NULL, NULL);
    finq_error *error =
        finq_person_export(&pages.pages, &person, request->service.data_keys, piece_take, request, request->r->pool);
    if (pages.permit)
        finq_permits_release_share(FINQ_PERMITS_EXPORTS, pages.permit);
    return error;
}

/* ---- erasure ---- */

static finq_error *erase(const char **receipt, finq_request *request, const finq_person *person)
{
    apr_pool_t *pool = request->r->pool;
    const char *claims;
    FINQ_TRY(finq_intake_key(request, finq_person_erase(&claims, person, &request->service, pool)));
    return finq_receipt_sign(receipt, request->config->receipt_keys->signer, claims, pool);
}

/* Nothing is erased that could not be signed. */
finq_error *finq_api_user_erase(finq_request *request, finq_json_writer *reply)
{
    finq_id credentials_id;
    finq_person person;
    const char *receipt;
    FINQ_TRY(person_read(&person, &credentials_id, request));
    if (!request->config->receipt_keys)
        return finq_error_internal(request->r->pool, FINQ_E_SERVICE_UNAVAILABLE,
                                   "FinqReceiptKey is not set on this host: no receipt could be signed");
    if (!finq_permits_take(&erasing, AT_ONCE, NULL))
        return crowded(request, "erasures");
    finq_error *error = erase(&receipt, request, &person);
    finq_permits_release(&erasing, NULL);
    FINQ_TRY(error);
    finq_observe_recognised(request, &person.client_id, NULL, NULL);
    finq_json_put(reply, "receipt", receipt);
    return NULL;
}

finq_error *finq_api_keys(finq_request *request, finq_json_writer *reply)
{
    (void)reply;
    request->answer_text = request->config->receipt_keys ? request->config->receipt_keys->set : "{\"keys\":[]}";
    request->cache_control = "public, max-age=300"; /* a new key shows soon */
    return NULL;
}
