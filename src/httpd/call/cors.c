#include "httpd/cors.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>
#include <idn2.h>
#include <string.h>

/* What a page may send along: the API's own headers, and what tracing tools and script libraries add without being asked. */
#define ALLOWED_HEADERS                                                                                         \
    "Content-Type, Authorization, Content-Digest, Signature, Signature-Input, X-Finq-Client-Id, X-Finq-Nonce, " \
    "X-Finq-Document, X-Requested-With, traceparent, tracestate, baggage, sentry-trace"

/* The same for uploads that can be cut, and what their answers tell. */
#define ALLOWED_OF_UPLOADS                                                                             \
    "Tus-Resumable, Upload-Length, Upload-Metadata, Upload-Offset, Upload-Checksum, Upload-Complete, " \
    "Upload-Draft-Interop-Version, X-HTTP-Method-Override"
#define EXPOSED_OF_UPLOADS                                                                                       \
    "Location, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, Upload-Offset, " \
    "Upload-Length, Upload-Expires, Upload-Complete, Upload-Limit, Upload-Draft-Interop-Version, X-Finq-Upload-Id"

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

/* Errors that httpd makes may come before the router has looked. */
static finq_route_number route_of(const finq_request *request)
{
    const char *id, *path = request->r->uri, *base = finq_paths_base(request->config, path);
    return base ? finq_paths_route(&id, path + strlen(base), request->r->pool) : FINQ_ROUTE_OTHER;
}

void finq_cors_apply(finq_request *request)
{
    request_rec *r = request->r;
    apr_table_t *headers = r->err_headers_out;
    const char *origin = apr_table_get(r->headers_in, "Origin");
    const apr_array_header_t *more = request->config->allow_headers;
    if (!request->config->allow_origins || request->config->allow_origins->nelts == 0)
        return;
    apr_table_mergen(headers, "Vary", "Origin");
    const char *allowed = origin ? origin_allowed(request->config, origin) : NULL;
    if (!allowed)
        return;
    apr_table_setn(headers, "Access-Control-Allow-Origin", allowed);
    apr_table_setn(headers, "Access-Control-Expose-Headers",
                   "X-Request-Id, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset");
    finq_route_number route = route_of(request);
    int is_upload = route == FINQ_ROUTE_UPLOAD || route == FINQ_ROUTE_UPLOAD_ADDRESS;
    if (is_upload)
        apr_table_mergen(headers, "Access-Control-Expose-Headers", EXPOSED_OF_UPLOADS);
    if (!finq_cors_is_preflight(r))
        return;
    apr_table_setn(headers, "Access-Control-Allow-Methods",
                   route == FINQ_ROUTE_UPLOAD_ADDRESS ? finq_paths_methods(route) : "POST");
    apr_table_setn(headers, "Access-Control-Allow-Headers", ALLOWED_HEADERS);
    if (is_upload)
        apr_table_mergen(headers, "Access-Control-Allow-Headers", ALLOWED_OF_UPLOADS);
    for (int i = 0; more && i < more->nelts; i++)
        apr_table_mergen(headers, "Access-Control-Allow-Headers", APR_ARRAY_IDX(more, i, const char *));
    apr_table_setn(headers, "Access-Control-Max-Age", "600");
}

/* ---- the directives ---- */

/* The scheme of an app that shows pages of its own, or of a browser's extension: any but those that browsers fetch by. */
static int is_app_scheme(const char *scheme)
{
    static const char *const others[] = {"about", "blob", "data", "file", "ftp", "javascript", "vbscript", "ws", "wss"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strcmp(scheme, others[i]) == 0)
            return 0;
    }
    return apr_islower(*scheme) && scheme[strspn(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.")] == '\0';
}

/* An origin is scheme://host[:port], as a browser sends it (RFC 6454): no path, no port that goes without saying, and lower
 * case, but for the host of an app's scheme, which has no case to be lowered. */
static int is_origin(const char *value, apr_pool_t *pool)
{
    apr_uri_t uri;
    if (apr_uri_parse(pool, value, &uri) != APR_SUCCESS || !uri.scheme || !uri.hostname || !*uri.hostname || uri.path ||
        uri.query || uri.fragment || uri.user)
        return 0;
    int web = strcmp(uri.scheme, "https") == 0 || strcmp(uri.scheme, "http") == 0;
    for (const char *c = value; *c; c++) {
        if ((web && apr_isupper(*c)) || *c == '*' || (*c & 0x80))
            return 0;
    }
    if (uri.port_str && (!*uri.port_str || uri.port == apr_uri_port_of_scheme(uri.scheme)))
        return 0;
    return web || is_app_scheme(uri.scheme);
}

/* The spelling that a browser sends of an origin whose host is not ASCII (UTS 46); NULL of any other value. */
static const char *punycode_of(const char *value, apr_pool_t *pool)
{
    const char *host = strstr(value, "://"), *rest;
    char *ascii = NULL;
    if (!host)
        return NULL;
    host += 3;
    rest = host + strcspn(host, ":/?#");
    if (idn2_to_ascii_8z(apr_pstrmemdup(pool, host, (apr_size_t)(rest - host)), &ascii, IDN2_NONTRANSITIONAL) != IDN2_OK)
        return NULL;
    const char *spelt = apr_pstrcat(pool, apr_pstrmemdup(pool, value, (apr_size_t)(host - value)), ascii, rest, NULL);
    idn2_free(ascii);
    return is_origin(spelt, pool) && strcmp(spelt, value) != 0 ? spelt : NULL;
}

const char *finq_cors_set_origin(cmd_parms *cmd, void *dummy, const char *value)
{
    finq_config *config = finq_config_of(cmd->server);
    (void)dummy;
    if (!config->allow_origins)
        config->allow_origins = apr_array_make(cmd->pool, 4, sizeof(const char *));
    if (strcmp(value, "none") == 0)
        return NULL;
    if (strcmp(value, "*") != 0 && !is_origin(value, cmd->temp_pool)) {
        const char *spelt = punycode_of(value, cmd->temp_pool);
        return apr_psprintf(cmd->pool,
                            "FinqAllowOrigin takes origins such as https://app.example.com, * for any, or none; not \"%s\"%s%s",
                            value, spelt ? ", which browsers send as " : "", spelt ? spelt : "");
    }
    APR_ARRAY_PUSH(config->allow_origins, const char *) = value;
    return NULL;
}

const char *finq_cors_set_header(cmd_parms *cmd, void *dummy, const char *value)
{
    finq_config *config = finq_config_of(cmd->server);
    (void)dummy;
    if (!config->allow_headers)
        config->allow_headers = apr_array_make(cmd->pool, 4, sizeof(const char *));
    if (strcmp(value, "none") == 0)
        return NULL;
    if (value[strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")] != '\0' || !*value)
        return apr_psprintf(cmd->pool, "FinqAllowHeaders takes names of headers such as X-App-Version, or none; not \"%s\"",
                            value);
    APR_ARRAY_PUSH(config->allow_headers, const char *) = value;
    return NULL;
}
