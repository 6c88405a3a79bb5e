/* Derived components of a request: RFC 9421, section 2.2. */
#include "sign/httpsig.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

static const char *lower(const char *text, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, text);
    for (char *c = copy; *c; c++)
        *c = (char)apr_tolower(*c);
    return copy;
}

/* Lower case, and without the port that the scheme has anyway. */
static const char *authority_of(const finq_httpsig_request *request, apr_pool_t *pool)
{
    const char *port = strcasecmp(request->scheme, "https") == 0 ? ":443" : ":80";
    apr_size_t length = strlen(request->authority), behind = strlen(port);
    if (length > behind && strcmp(request->authority + length - behind, port) == 0)
        length -= behind;
    return lower(apr_pstrmemdup(pool, request->authority, length), pool);
}

static const char *path_of(const finq_httpsig_request *request, apr_pool_t *pool)
{
    apr_size_t length = strcspn(request->target, "?");
    return length ? apr_pstrmemdup(pool, request->target, length) : "/";
}

const char *finq_httpsig_derive(const finq_httpsig_request *request, const char *name, apr_pool_t *pool)
{
    const char *query = strchr(request->target, '?');
    if (strcmp(name, "@method") == 0)
        return request->method;
    if (strcmp(name, "@request-target") == 0)
        return request->target;
    if (strcmp(name, "@scheme") == 0)
        return lower(request->scheme, pool);
    if (strcmp(name, "@authority") == 0)
        return authority_of(request, pool);
    if (strcmp(name, "@path") == 0)
        return path_of(request, pool);
    if (strcmp(name, "@query") == 0)
        return query ? query : "?";
    if (strcmp(name, "@target-uri") == 0)
        return apr_pstrcat(pool, lower(request->scheme, pool), "://", authority_of(request, pool), path_of(request, pool),
                           query ? query : "", NULL);
    return NULL;
}
