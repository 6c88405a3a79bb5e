#include "httpd/intake.h"

#include "crypto/digest.h"
#include "httpd/access.h"
#include "httpd/body.h"
#include "httpd/limits.h"
#include "httpd/observe.h"

/* Parsed as it came: "1 2" is no number, and compact it would be one. A body that was changed on its way is that first, and
 * bad JSON then. */
static finq_error *object_read(json_t **object, finq_request *request)
{
    apr_pool_t *pool = request->r->pool;
    char *text;
    apr_size_t length;
    finq_access_body_begin(request, 1);
    FINQ_TRY(finq_body_text(request, &text, &length));
    request->numbers = finq_numbers_make(pool);
    finq_error *error = length ? finq_json_parse(object, request->numbers, text, length, pool)
                               : finq_error_make(pool, FINQ_E_INVALID_BODY, "The body is empty; it must be a JSON object.");
    unsigned char *hash = apr_palloc(pool, FINQ_DIGEST_SHA256);
    finq_digest_sha256(hash, text, finq_json_compact(text, text, length));
    request->body_hash = hash;
    FINQ_TRY(finq_access_body_end(request));
    return error;
}

finq_error *finq_intake_read(json_t **body, finq_id *client_id, finq_request *request, const finq_json_member *members)
{
    FINQ_TRY(object_read(body, request));
    FINQ_TRY(finq_access_tenant(request, finq_json_string(*body, "client_id")));
    FINQ_TRY(finq_access_use(request));
    FINQ_TRY(finq_json_members(*body, members, request->r->pool));
    return finq_intake_client_id(client_id, finq_json_string(*body, "client_id"), request);
}

finq_error *finq_intake_client_id(finq_id *client_id, const char *text, finq_request *request)
{
    if (!finq_id_parse(client_id, text))
        return finq_error_make(request->r->pool, FINQ_E_INVALID_CLIENT_ID_FORM, "client_id is not a UUID.");
    if (!finq_service_serves(&request->service, client_id))
        return finq_error_make(request->r->pool, FINQ_E_UNAUTHORIZED_TENANT, "This host does not serve this client.");
    return finq_limits_tenant(request, client_id);
}

finq_error *finq_intake_key(finq_request *request, finq_error *error)
{
    static const finq_code refusals[] = {FINQ_E_INVALID_CLIENT_ID, FINQ_E_INVALID_CLIENT_SECRET, FINQ_E_INVALID_CLIENT_APP_KEY};
    if (error && finq_code_http(error->code) >= 500)
        return error; /* nobody has looked at the key, for all that we know */
    for (apr_size_t i = 0; error && i < sizeof refusals / sizeof *refusals; i++) {
        if (refusals[i] == error->code)
            return error;
    }
    request->is_proven = 1;
    return error;
}

finq_error *finq_intake_nonce(finq_session_pass *pass, finq_request *request, const finq_id *client_id, const char *nonce,
                              int grace)
{
    finq_error *error = finq_session_pass_open(pass, &request->service, client_id, nonce, grace, request->r->pool);
    finq_observe_nonce(request, pass->state);
    FINQ_TRY(error);
    request->is_proven = 1;
    finq_observe_recognised(request, client_id, pass->published, pass->step->name);
    finq_observe_tell_id(request, "session_id", &pass->token.session_id);
    return NULL;
}
