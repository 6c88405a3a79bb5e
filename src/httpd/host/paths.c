#include "httpd/paths.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <httpd.h>
#include <string.h>

/* ---- bases ---- */

/* The longest of these Locations that a path is under. */
static const char *location_above(const apr_array_header_t *locations, const char *path)
{
    const char *found = NULL;
    apr_size_t longest = 0;
    for (int i = 0; path && i < locations->nelts; i++) {
        const char *location = APR_ARRAY_IDX(locations, i, const char *);
        apr_size_t length = strlen(location);
        if (strncmp(path, location, length) == 0 && (path[length] == '/' || path[length] == '\0') &&
            (!found || length > longest)) {
            found = location;
            longest = length;
        }
    }
    return found;
}

const char *finq_paths_base(const finq_config *config, const char *path)
{
    return location_above(config->bases, path);
}

const char *finq_paths_page(const finq_config *config, const char *path)
{
    return location_above(config->pages, path);
}

const char *finq_paths_reading(const finq_config *config, const char *path)
{
    return location_above(config->readings, path);
}

const char *finq_paths_sandbox(const finq_config *config, const char *path)
{
    return location_above(config->sandboxes, path);
}

/* ---- routes ---- */

#define GET FINQ_PATHS_METHOD(M_GET)
#define HEAD FINQ_PATHS_METHOD(M_GET)
#define POST FINQ_PATHS_METHOD(M_POST)
#define PATCH FINQ_PATHS_METHOD(M_PATCH)
#define DELETE FINQ_PATHS_METHOD(M_DELETE)
#define OPTIONS FINQ_PATHS_METHOD(M_OPTIONS) /* that is no preflight */

const finq_route finq_routes[FINQ_ROUTES] = {
    [FINQ_ROUTE_OTHER] = {"other", 0, 0, 0},
    [FINQ_ROUTE_SESSIONS] = {"/sessions", POST, 0, 0},
    [FINQ_ROUTE_STEPS] = {"/sessions/*/steps", POST, 0, 0},
    [FINQ_ROUTE_STATUS] = {"/sessions/*/status", POST, 0, 0},
    [FINQ_ROUTE_RESUME] = {"/sessions/*/resume", POST, 0, 0},
    [FINQ_ROUTE_BACK] = {"/sessions/*/back", POST, 0, 0},
    [FINQ_ROUTE_CANCEL] = {"/sessions/*/cancel", POST, 0, 0},
    [FINQ_ROUTE_UPLOAD] = {"/steps/*/upload", POST, 0, OPTIONS},
    [FINQ_ROUTE_UPLOAD_ADDRESS] = {"/uploads/*", HEAD | PATCH | DELETE | POST, 1, OPTIONS},
    [FINQ_ROUTE_REDIRECTS] = {"/redirects/*", GET, 1, 0},
    [FINQ_ROUTE_DECISIONS] = {"/decisions", POST, 1, 0},
    [FINQ_ROUTE_TOKENS] = {"/tokens", POST, 0, 0},
    [FINQ_ROUTE_TOKEN] = {"/token", POST, 0, 0},
    [FINQ_ROUTE_CONSENT_GET] = {"/consents/get", POST, 0, 0},
    [FINQ_ROUTE_CONSENT_DELETE] = {"/consents/delete", POST, 0, 0},
    [FINQ_ROUTE_CONSENT_LIST] = {"/consents/list", POST, 0, 0},
    [FINQ_ROUTE_CONSENT_RENEW] = {"/consents/renew", POST, 0, 0},
    [FINQ_ROUTE_ACCOUNTS_GET] = {"/accounts/get", POST, 0, 0},
    [FINQ_ROUTE_ACCOUNTS] = {"/accounts", POST, 0, 0},
    [FINQ_ROUTE_BALANCES_GET] = {"/balances/get", POST, 0, 0},
    [FINQ_ROUTE_TRANSACTIONS_GET] = {"/transactions/get", POST, 0, 0},
    [FINQ_ROUTE_TRANSACTIONS] = {"/transactions", POST, 0, 0},
    [FINQ_ROUTE_TRANSACTIONS_SYNC] = {"/transactions/sync", POST, 0, 0},
    [FINQ_ROUTE_PAYMENTS_GET] = {"/payments/get", POST, 0, 0},
    [FINQ_ROUTE_SKILLS] = {"/catalogs/skills", POST, 0, 0},
    [FINQ_ROUTE_SERVICERS] = {"/catalogs/servicers", POST, 0, 0},
    [FINQ_ROUTE_PAGES] = {"/pages", POST, 0, 0},
    [FINQ_ROUTE_PAGES_RENEW] = {"/pages/renew", POST, 0, 0},
    [FINQ_ROUTE_USERS_EXPORT] = {"/users/export", POST, 0, 0},
    [FINQ_ROUTE_USERS_ERASE] = {"/users/erase", POST, 0, 0},
    [FINQ_ROUTE_KEYS] = {"/keys", GET, 1, 0},
    [FINQ_ROUTE_OPENAPI] = {"/openapi.json", GET, 1, 0},
};
_Static_assert(FINQ_ROUTES <= FINQ_METRICS_ENDPOINTS, "counters tell as many routes apart as there are");

const char *finq_paths_methods(finq_route_number route)
{
    if (route == FINQ_ROUTE_UPLOAD_ADDRESS)
        return "HEAD, PATCH, DELETE, POST";
    return finq_routes[route].methods == GET ? "GET, HEAD" : "POST";
}

/* Whether a path fits a pattern to its end; what stands in the place of * comes out in `id`. */
static int path_fits(const char *pattern, const char *path, const char **id, apr_pool_t *pool)
{
    *id = NULL;
    while (*pattern) {
        if (*pattern == '*') {
            apr_size_t length = strcspn(path, "/");
            if (length == 0)
                return 0;
            *id = apr_pstrmemdup(pool, path, length);
            path += length;
            pattern++;
        } else if (*pattern++ != *path++)
            return 0;
    }
    return *path == '\0';
}

finq_route_number finq_paths_route(const char **id, const char *path, apr_pool_t *pool)
{
    *id = NULL;
    for (int i = FINQ_ROUTE_OTHER + 1; i < FINQ_ROUTES; i++) {
        if (path_fits(finq_routes[i].path, path, id, pool))
            return (finq_route_number)i;
    }
    return FINQ_ROUTE_OTHER;
}

int finq_paths_goes_unsigned(const finq_config *config, const char *path, apr_pool_t *pool)
{
    const char *base = finq_paths_base(config, path), *id;
    return base && finq_routes[finq_paths_route(&id, path + strlen(base), pool)].goes_unsigned;
}

const char *const *finq_paths_names(apr_pool_t *pool)
{
    const char **names = apr_pcalloc(pool, sizeof *names * (FINQ_ROUTES + 1));
    for (int i = 0; i < FINQ_ROUTES; i++)
        names[i] = finq_routes[i].path;
    return names;
}

/* ---- connectors ---- */

static int is_slash(char c)
{
    return c == '/' || c == '\\';
}

/* The next character of a path as back ends may read it, whatever a wider ProxyPass leads to: some pass over parameters
 * (;x), take \ for /, and know no case. Several slashes are one, as they are for ProxyPass (MergeSlashes may be off). */
static char path_next(const char **path)
{
    if (**path == ';')
        *path += strcspn(*path, "/\\");
    if (!is_slash(**path))
        return **path ? (char)apr_tolower(*(*path)++) : '\0';
    while (is_slash(**path) || **path == ';')
        *path += **path == ';' ? strcspn(*path, "/\\") : 1;
    return '/';
}

/* Whether `path` is `guarded` or below it. */
static int leads_to(const char *guarded, const char *path)
{
    while (*guarded) {
        if (path_next(&path) != apr_tolower(*guarded++))
            return 0;
    }
    char behind = path_next(&path);
    return behind == '\0' || behind == '/';
}

int finq_paths_guarded(const finq_config *config, const char *path)
{
    for (int i = 0; path && i < config->guarded->nelts; i++) {
        if (leads_to(APR_ARRAY_IDX(config->guarded, i, const char *), path))
            return 1;
    }
    return 0;
}
