#include "finq_request.h"

#include <string.h>

/* The origin's own name where it is allowed, "*" where any is; NULL where this one is not. */
static const char *origin_allowed(const finq_config *config, const char *origin)
{
    for (int i = 0; i < config->allow_origins->nelts; i++) {
        const char *allowed = APR_ARRAY_IDX(config->allow_origins, i, const char *);
        if (strcmp(allowed, "*") == 0 || strcmp(allowed, origin) == 0)
            return allowed;
    }
    return NULL;
}

int finq_cors_is_preflight(request_rec *r)
{
    return r->method_number == M_OPTIONS && apr_table_get(r->headers_in, "Origin") &&
           apr_table_get(r->headers_in, "Access-Control-Request-Method");
}

void finq_cors_apply(finq_request *request)
{
    request_rec *r = request->r;
    apr_table_t *headers = r->err_headers_out;
    const char *origin = apr_table_get(r->headers_in, "Origin");
    if (request->config->allow_origins->nelts == 0)
        return;
    apr_table_mergen(headers, "Vary", "Origin");
    const char *allowed = origin ? origin_allowed(request->config, origin) : NULL;
    if (!allowed)
        return;
    apr_table_setn(headers, "Access-Control-Allow-Origin", allowed);
    apr_table_setn(headers, "Access-Control-Expose-Headers", 
                   "X-Request-Id, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset");
    if (!finq_cors_is_preflight(r))
        return;
    apr_table_setn(headers, "Access-Control-Allow-Methods", "POST");
    apr_table_setn(headers, "Access-Control-Allow-Headers",
                   "Content-Type, Authorization, X-Finq-Client-Id, X-Finq-Nonce, X-Finq-Document");
    apr_table_setn(headers, "Access-Control-Max-Age", "600");
}
