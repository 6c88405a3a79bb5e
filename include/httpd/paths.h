/* Which paths are ours: the bases, what lies below them, and the ways to connectors. */
#ifndef FINQ_PATHS_H
#define FINQ_PATHS_H

#include "httpd/settings.h"

/** The base that a path is under, "" for `/` itself; NULL if it is under none. */
const char *finq_paths_base(const finq_config *config, const char *path);

/** The Location of a page that a path is under, likewise. */
const char *finq_paths_page(const finq_config *config, const char *path);

/** The Location that documents are read back at, likewise. */
const char *finq_paths_reading(const finq_config *config, const char *path);

/** The Location of the sandbox bank's page, likewise. */
const char *finq_paths_sandbox(const finq_config *config, const char *path);

/** Below a base: where banks send browsers back to. */
#define FINQ_PATHS_RETURNS "/redirects/"

/** Below a base: the addresses of unfinished uploads. */
#define FINQ_PATHS_UPLOADS "/uploads/"

/** One of a route's methods, an M_ of httpd's; HEAD is a GET there. */
#define FINQ_PATHS_METHOD(number) (1 << (number))

/** The routes below a base, by number; the router has an endpoint for each but the first, which stands for what fits none. */
typedef enum {
    FINQ_ROUTE_OTHER,
    FINQ_ROUTE_SESSIONS,
    FINQ_ROUTE_STEPS,
    FINQ_ROUTE_STATUS,
    FINQ_ROUTE_RESUME,
    FINQ_ROUTE_BACK,
    FINQ_ROUTE_CANCEL,
    FINQ_ROUTE_UPLOAD,
    FINQ_ROUTE_UPLOAD_ADDRESS,
    FINQ_ROUTE_REDIRECTS,
    FINQ_ROUTE_DECISIONS,
    FINQ_ROUTE_TOKENS,
    FINQ_ROUTE_TOKEN,
    FINQ_ROUTE_CONSENT_GET,
    FINQ_ROUTE_CONSENT_DELETE,
    FINQ_ROUTE_CONSENT_LIST,
    FINQ_ROUTE_CONSENT_RENEW,
    FINQ_ROUTE_ACCOUNTS_GET,
    FINQ_ROUTE_ACCOUNTS,
    FINQ_ROUTE_BALANCES_GET,
    FINQ_ROUTE_TRANSACTIONS_GET,
    FINQ_ROUTE_TRANSACTIONS,
    FINQ_ROUTE_TRANSACTIONS_SYNC,
    FINQ_ROUTE_PAYMENTS_GET,
    FINQ_ROUTE_SKILLS,
    FINQ_ROUTE_SERVICERS,
    FINQ_ROUTE_PAGES,
    FINQ_ROUTE_PAGES_RENEW,
    FINQ_ROUTE_USERS_EXPORT,
    FINQ_ROUTE_USERS_ERASE,
    FINQ_ROUTE_KEYS,
    FINQ_ROUTE_OPENAPI,
    FINQ_ROUTES
} finq_route_number;

/** What anybody may know of a route. */
typedef struct finq_route {
    const char *path;  /**< below a base; * is one segment, an id */
    int methods;       /**< FINQ_PATHS_METHOD of each */
    int goes_unsigned; /**< no tenant signs it: it is public, or has a sealed state or a connector's signature for its proof */
    int also;          /**< methods that stand for one of these, or tell of them */
} finq_route;

extern const finq_route finq_routes[FINQ_ROUTES];

/** The route of a path below a base; what stands in the place of * comes out in `id`, NULL where the route has none. */
finq_route_number finq_paths_route(const char **id, const char *path, apr_pool_t *pool);

/** Whether a request to this path, base and all, is one that no tenant signs. */
int finq_paths_goes_unsigned(const finq_config *config, const char *path, apr_pool_t *pool);

/** The methods of a route, as Allow lists them, but for OPTIONS. */
const char *finq_paths_methods(finq_route_number route);

/** What the routes are called in counters, by number. Ends with NULL. */
const char *const *finq_paths_names(apr_pool_t *pool);

/** Whether a path is that of any host's connector, or below it. */
int finq_paths_guarded(const finq_config *config, const char *path);

#endif
