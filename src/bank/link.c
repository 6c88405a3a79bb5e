#include "bank/link.h"

#include <apr_escape.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>
#include <string.h>

#define RETURN_MOST 2000
#define BANK_MOST 2048

/* apr_uri_parse takes the brackets from an address of IPv6. */
static int is_this_machine(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0;
}

/* Only what every reader of a link understands alike: no blank, no backslash, nothing that is not ASCII. */
static int is_plain_text(const char *link, apr_size_t most)
{
    for (const char *c = link; *c; c++) {
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f || strchr("\"<>\\^`{|}", *c))
            return 0;
    }
    return strlen(link) <= most;
}

/* ---- the client's page ---- */

/* An app's scheme is its own, with two slashes or, as RFC 8252 (7.1) has it, one; those that browsers act on themselves are
 * none. */
static int scheme_allowed(const apr_uri_t *uri, int slashes)
{
    static const char *const others[] = {"javascript", "data", "file", "vbscript", "blob", "about", "ftp", "ws", "wss"};
    if (strcasecmp(uri->scheme, "https") == 0)
        return slashes == 2 && uri->hostname && *uri->hostname && !uri->user;
    if (strcasecmp(uri->scheme, "http") == 0)
        return slashes == 2 && uri->hostname && is_this_machine(uri->hostname) && !uri->user;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strcasecmp(others[i], uri->scheme) == 0)
            return 0;
    }
    return slashes > 0;
}

/* Whether a path has a segment . or .., which browsers resolve: it would lead out of what is allowed. */
static int climbs(const char *path)
{
    while (path && *path && *path != '?' && *path != '#') {
        int dots = 0;
        for (path++; *path == '.' || strncasecmp(path, "%2e", 3) == 0; dots++)
            path += *path == '.' ? 1 : 3;
        if (dots && dots <= 2 && strchr("/?#", *path))
            return 1;
        path += strcspn(path, "/?#");
    }
    return 0;
}

/* How many slashes follow a scheme's colon: 2 where there are more. */
static int slashes_behind(const char *colon)
{
    if (colon[0] != ':' || colon[1] != '/')
        return 0;
    return colon[2] == '/' ? 2 : 1;
}

finq_error *finq_link_check(const char *link, apr_pool_t *pool)
{
    apr_uri_t uri;
    int sound = is_plain_text(link, RETURN_MOST) && apr_uri_parse(pool, link, &uri) == APR_SUCCESS && uri.scheme &&
                scheme_allowed(&uri, slashes_behind(link + strlen(uri.scheme))) && !climbs(uri.path);
    return sound ? NULL
                 : finq_error_make(pool, FINQ_E_INVALID_FIELD,
                                   "data.psu_redirect_link must be an https address, an http one on "
                                   "localhost, or one of an app's own scheme, of at most %d bytes.",
                                   RETURN_MOST);
}

const char *finq_link_folded(const char *link, apr_pool_t *pool)
{
    char *folded = apr_pstrdup(pool, link);
    char *colon = folded + strcspn(folded, ":");
    char *end = strncmp(colon, "://", 3) == 0 ? colon + 3 + strcspn(colon + 3, "/?#") : colon;
    for (char *c = folded; c < end; c++)
        *c = (char)apr_tolower(*c);
    return folded;
}

/* ---- the bank's page ---- */

int finq_link_is_bank(const char *url, int sandbox, apr_pool_t *pool)
{
    apr_uri_t uri;
    if (!url || !is_plain_text(url, BANK_MOST) || apr_uri_parse(pool, url, &uri) != APR_SUCCESS)
        return 0;
    if (!uri.scheme || !uri.hostname || !*uri.hostname || strchr(uri.hostinfo, '@'))
        return 0;
    if (strcmp(uri.scheme, "https") == 0)
        return 1;
    return sandbox && strcmp(uri.scheme, "http") == 0 && is_this_machine(uri.hostname);
}

/* ---- what is told by a link ---- */

/* A space as %20, which readers of forms and of plain queries understand alike; APR writes it as +. */
static const char *percent_encoded(const char *value, apr_pool_t *pool)
{
    const char *encoded = apr_pescape_urlencoded(pool, value);
    char *spaced = apr_palloc(pool, 3 * strlen(encoded) + 1), *to = spaced;
    for (; *encoded; encoded++) {
        if (*encoded == '+') {
            memcpy(to, "%20", 3);
            to += 3;
        } else
            *to++ = *encoded;
    }
    *to = '\0';
    return spaced;
}

const char *finq_link_add(const char *link, const char *name, const char *value, apr_pool_t *pool)
{
    const char *fragment = strchr(link, '#');
    const char *front = fragment ? apr_pstrmemdup(pool, link, (apr_size_t)(fragment - link)) : link;
    const char *query = strchr(front, '?');
    const char *join = !query ? "?" : query[1] && front[strlen(front) - 1] != '&' ? "&" : "";
    return apr_pstrcat(pool, front, join, name, "=", percent_encoded(value, pool), fragment ? fragment : "", NULL);
}

const char *finq_link_error(const char *link, const char *error, const char *description, apr_pool_t *pool)
{
    return finq_link_add(finq_link_add(link, "error", error, pool), "error_description", description, pool);
}
