#include "httpd/request.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>
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

/* ---- the directive ---- */

/* An origin is scheme://host[:port], as a browser sends it (RFC 6454): lower case, no path, no port that goes without saying. */
static int is_origin(const char *value, apr_pool_t *pool)
{
    apr_uri_t uri;
    if (apr_uri_parse(pool, value, &uri) != APR_SUCCESS || !uri.scheme || !uri.hostname || !*uri.hostname || uri.path ||
        uri.query || uri.fragment || uri.user)
        return 0;
    for (const char *c = value; *c; c++) {
        if (apr_isupper(*c) || *c == '*')
            return 0;
    }
    if (uri.port_str && (!*uri.port_str || uri.port == apr_uri_port_of_scheme(uri.scheme)))
        return 0;
    return strcmp(uri.scheme, "https") == 0 || strcmp(uri.scheme, "http") == 0;
}

const char *finq_cors_set_origin(cmd_parms *cmd, void *dummy, const char *value)
{
    finq_config *config = finq_config_of(cmd->server);
    (void)dummy;
    if (!config->allow_origins)
        config->allow_origins = apr_array_make(cmd->pool, 4, sizeof(const char *));
    if (strcmp(value, "none") == 0)
        return NULL;
    if (strcmp(value, "*") != 0 && !is_origin(value, cmd->temp_pool))
        return apr_psprintf(cmd->pool,
                            "FinqAllowOrigin takes origins such as https://app.example.com, * for any, or none; not \"%s\"",
                            value);
    APR_ARRAY_PUSH(config->allow_origins, const char *) = value;
    return NULL;
}
