/* The checker: whether a request is signed as its Location requires, and what of that waits for the body. */
#include "httpd/access.h"

#include <apr_strings.h>
#include <apr_uri.h>
#include <http_protocol.h>
#include <http_request.h>
#include <string.h>

#include "ground/text.h"
#include "httpd/bearing.h"
#include "httpd/cors.h"
#include "httpd/limits.h"
#include "httpd/location.h"
#include "httpd/paths.h"
#include "httpd/reply.h"
#include "httpd/service.h"
#include "sign/check.h"

/* ---- a request as RFC 9421 sees it ---- */

/* The target as it stood in the request line, whatever was rewritten since. */
static const char *target_of(request_rec *r)
{
    for (;;) {
        if (r->prev)
            r = r->prev;
        else if (r->main)
            r = r->main;
        else
            break;
    }
    return r->unparsed_uri[0] == '/' ? r->unparsed_uri : apr_uri_unparse(r->pool, &r->parsed_uri, APR_URI_UNP_OMITSITEPART);
}

static const char *component_of(void *baton, const finq_httpsig_component *component, apr_pool_t *pool)
{
    request_rec *r = baton;
    const char *host = apr_table_get(r->headers_in, "Host");
    const finq_httpsig_request request = {r->method, ap_http_scheme(r), host ? host : "", target_of(r)};
    if (component->query_name)
        return NULL; /* not offered: @query covers what it would */
    if (component->name[0] == '@')
        return finq_httpsig_derive(&request, component->name, pool);
    const char *value = apr_table_get(r->headers_in, component->name);
    if (!value && strcasecmp(component->name, "Authorization") == 0)
        return finq_bearing_of(r)->authorization; /* no longer among the headers, as this one: */
    int is_taken = strcasecmp(component->name, FINQ_REQUEST_NONCE) == 0;
    return is_taken ? finq_request_of(r)->nonce : value;
}

/* ---- the hook ---- */

finq_error *finq_access_prove(finq_request *request, unsigned schemes)
{
    request_rec *r = request->r;
    const finq_config *config = request->config;
    const finq_httpsig_message message = {component_of, r};
    const finq_proof_offer offer = {apr_table_get(r->headers_in, "Authorization"),
                                    apr_table_get(r->headers_in, "Signature-Input"), apr_table_get(r->headers_in, "Signature"),
                                    &message};
    const finq_proof_policy policy = {schemes, config->signature_audience, config->signature_max_lifetime,
                                      config->signature_replay};
    const finq_proof_keys keys = {config->runtime->keyring, request->service.db};
    return finq_proof_make(&request->proof, &offer, &policy, &keys, r->pool);
}

int finq_access_check(request_rec *r)
{
    finq_location location = finq_location_of(r);
    if (!location.signature || finq_paths_goes_unsigned(finq_config_of(r->server), r->uri, r->pool) || finq_cors_is_preflight(r))
        return DECLINED; /* a browser signs no preflight */
    if (!finq_paths_base(finq_config_of(r->server), r->uri))
        return HTTP_FORBIDDEN; /* nobody here would look at the body */
    finq_request *request = finq_service_begin(r);
    if (!request)
        return HTTP_SERVICE_UNAVAILABLE;
    finq_error *error = finq_limits_admit(request);
    if (!error)
        error = finq_access_prove(request, location.schemes);
    if (!error)
        return DECLINED;
    finq_limits_settle(request, error); /* a signature that fails is a failed authentication */
    return finq_reply_refuse(request, error);
}

/* ---- what the endpoints ask ---- */

const finq_error *finq_access_demand(finq_request *request)
{
    if (!finq_location_of(request->r).signature || request->proof ||
        finq_paths_goes_unsigned(request->config, request->r->uri, request->r->pool))
        return NULL;
    if (request->refusal)
        return request->refusal;
    return finq_check_failed(request->r->pool, FINQ_CHECK_HEADER, "this request came by a way on which none is checked.");
}

void finq_access_body_begin(finq_request *request, int is_json)
{
    if (request->proof)
        request->digests = finq_proof_digests_begin(request->proof, is_json, request->r->pool);
}

finq_error *finq_access_body_end(finq_request *request)
{
    if (!request->proof)
        return NULL;
    return finq_proof_check_digest(request->proof, request->digests, request->body_hash, request->r->pool);
}

finq_error *finq_access_tenant(finq_request *request, const char *client_id)
{
    apr_pool_t *pool = request->r->pool;
    if (!request->proof)
        return NULL;
    if (!client_id)
        return finq_error_missing(finq_text_array((const char *const[]){"client_id", NULL}, pool), pool);
    if (!finq_id_parse(&request->signer, client_id))
        return finq_error_make(pool, FINQ_E_INVALID_CLIENT_ID_FORM, "client_id is not a UUID.");
    FINQ_TRY(finq_proof_check_tenant(request->proof, &request->signer, pool));
    request->is_proven = 1;
    return NULL;
}

finq_error *finq_access_use(finq_request *request)
{
    if (!request->proof || !finq_service_serves(&request->service, &request->signer))
        return NULL; /* whoever is not served here is refused in a moment, and uses nothing up */
    finq_error *error = finq_proof_use(request->proof, &request->signer, request->service.db, request->r->pool);
    request->is_proven = !error; /* a signature that somebody else has used proves nothing */
    return error;
}
