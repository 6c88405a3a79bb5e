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

/* ---- routes ---- */

const finq_route finq_routes[FINQ_ROUTES] = {
    [FINQ_ROUTE_OTHER] = {"other", 0, 0},
    [FINQ_ROUTE_SESSIONS] = {"/sessions", M_POST, 0},
    [FINQ_ROUTE_STEPS] = {"/sessions/*/steps", M_POST, 0},
    [FINQ_ROUTE_STATUS] = {"/sessions/*/status", M_POST, 0},
    [FINQ_ROUTE_RESUME] = {"/sessions/*/resume", M_POST, 0},
    [FINQ_ROUTE_BACK] = {"/sessions/*/back", M_POST, 0},
    [FINQ_ROUTE_CANCEL] = {"/sessions/*/cancel", M_POST, 0},
    [FINQ_ROUTE_UPLOAD] = {"/steps/*/upload", M_POST, 0},
    [FINQ_ROUTE_REDIRECTS] = {"/redirects/*", M_GET, 1},
    [FINQ_ROUTE_DECISIONS] = {"/decisions", M_POST, 1},
    [FINQ_ROUTE_TOKENS] = {"/tokens", M_POST, 0},
    [FINQ_ROUTE_TOKEN] = {"/token", M_POST, 0},
    [FINQ_ROUTE_CONSENT_GET] = {"/consents/get", M_POST, 0},
    [FINQ_ROUTE_CONSENT_DELETE] = {"/consents/delete", M_POST, 0},
    [FINQ_ROUTE_CONSENT_LIST] = {"/consents/list", M_POST, 0},
    [FINQ_ROUTE_CONSENT_RENEW] = {"/consents/renew", M_POST, 0},
    [FINQ_ROUTE_ACCOUNTS_GET] = {"/accounts/get", M_POST, 0},
    [FINQ_ROUTE_ACCOUNTS] = {"/accounts", M_POST, 0},
    [FINQ_ROUTE_BALANCES_GET] = {"/balances/get", M_POST, 0},
    [FINQ_ROUTE_TRANSACTIONS_GET] = {"/transactions/get", M_POST, 0},
    [FINQ_ROUTE_TRANSACTIONS] = {"/transactions", M_POST, 0},
    [FINQ_ROUTE_TRANSACTIONS_SYNC] = {"/transactions/sync", M_POST, 0},
    [FINQ_ROUTE_PAYMENTS_GET] = {"/payments/get", M_POST, 0},
    [FINQ_ROUTE_SKILLS] = {"/catalogs/skills", M_POST, 0},
    [FINQ_ROUTE_SERVICERS] = {"/catalogs/servicers", M_POST, 0},
    [FINQ_ROUTE_PAGES] = {"/pages", M_POST, 0},
    [FINQ_ROUTE_PAGES_RENEW] = {"/pages/renew", M_POST, 0},
    [FINQ_ROUTE_USERS_EXPORT] = {"/users/export", M_POST, 0},
    [FINQ_ROUTE_USERS_ERASE] = {"/users/erase", M_POST, 0},
    [FINQ_ROUTE_KEYS] = {"/keys", M_GET, 1},
    [FINQ_ROUTE_OPENAPI] = {"/openapi.json", M_GET, 1},
};
_Static_assert(FINQ_ROUTES <= FINQ_METRICS_ENDPOINTS, "counters tell as many routes apart as there are");

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
