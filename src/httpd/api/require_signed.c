#include "httpd/require_signed.h"

#include <http_protocol.h>
#include <util_filter.h>

#include "httpd/access.h"
#include "httpd/body.h"
#include "sign/check.h"

#define BODY_FILTER "FINQ_SIGNED_BODY"

/* ---- the body, once more ---- */

static apr_status_t body_filter(ap_filter_t *filter, apr_bucket_brigade *brigade, ap_input_mode_t mode, apr_read_type_e block,
                                apr_off_t most)
{
    apr_bucket_brigade *body = filter->ctx;
    if (APR_BRIGADE_EMPTY(body)) /* who asks on is told of the end by httpd */
        return ap_get_brigade(filter->next, brigade, mode, block, most);
    return mode == AP_MODE_READBYTES ? finq_body_give(brigade, body, most) : APR_ENOTIMPL;
}

static void body_give_back(request_rec *r, const char *bytes, apr_size_t length)
{
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    apr_bucket_brigade *body = apr_brigade_create(r->pool, alloc);
    if (length > 0)
        APR_BRIGADE_INSERT_TAIL(body, apr_bucket_pool_create(bytes, length, r->pool, alloc));
    APR_BRIGADE_INSERT_TAIL(body, apr_bucket_eos_create(alloc));
    ap_add_input_filter(BODY_FILTER, body, r, r->connection);
}

void finq_require_signed_register(void)
{
    ap_register_input_filter(BODY_FILTER, body_filter, NULL, AP_FTYPE_RESOURCE);
}

/* ---- the proof ---- */

int finq_require_is_signed(const request_rec *r)
{
    return apr_table_get(r->headers_in, "Signature-Input") || apr_table_get(r->headers_in, "Signature");
}

/* Without them a signature that somebody saw would do for whichever consent they hold. */
static finq_error *coverage_check(const finq_request *request)
{
    if (finq_proof_covers(request->proof, "authorization") && finq_proof_covers(request->proof, "x-finq-credentials-id"))
        return NULL;
    return finq_check_failed(request->r->pool, FINQ_CHECK_COVERAGE,
                             "the signature must cover \"authorization\" and \"x-finq-credentials-id\" as well.");
}

static finq_error *body_prove(finq_request *request)
{
    apr_size_t length;
    char *bytes;
    finq_access_body_begin(request, 0);
    FINQ_TRY(finq_body_whole(request, &bytes, &length));
    FINQ_TRY(finq_access_body_end(request));
    if (length > 0)
        body_give_back(request->r, bytes, length);
    return NULL;
}

static finq_error *whole_prove(finq_request *request, const char *client_id)
{
    FINQ_TRY(finq_access_prove(request, FINQ_SCHEME_MESSAGE));
    FINQ_TRY(coverage_check(request));
    FINQ_TRY(finq_access_tenant(request, client_id));
    FINQ_TRY(body_prove(request));
    return finq_access_use(request);
}

finq_error *finq_require_signed(finq_request *request, const char *client_id)
{
    request_rec *first = request->r;
    while (first->prev || first->main)
        first = first->prev ? first->prev : first->main;
    if (first == request->r)
        return whole_prove(request, client_id);
    if (finq_request_of(first)->is_proven && finq_request_of(first)->proof)
        return NULL;
    return finq_check_failed(request->r->pool, FINQ_CHECK_HEADER, "this request came by a way on which no signature is checked.");
}
