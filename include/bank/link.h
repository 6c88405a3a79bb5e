/* Links that a browser follows: the client's own page after a visit to a bank, and the bank's page. */
#ifndef FINQ_LINK_H
#define FINQ_LINK_H

#include "ground/error.h"

/** Checks the link that a client wants its user sent back to: https, http on this machine, or an app's own
 * scheme, with two slashes or one; at most
 * 2000 bytes that every reader of a link understands alike, no user and no password, no segment . or .. (contract section 6).
 * Whether the tenant allows it is asked of the database. Error: invalid_field. */
finq_error *finq_link_check(const char *link, apr_pool_t *pool);

/** The link with its scheme and host in lower case, by which two of them are compared. */
const char *finq_link_folded(const char *link, apr_pool_t *pool);

/** Whether `url` (NULL is none) may be a bank's page: https, without user and password, at most 2048 bytes. `sandbox` allows
 * http on this machine too. */
int finq_link_is_bank(const char *url, int sandbox, apr_pool_t *pool);

/** Adds a parameter to a link's query; what the link has already, its fragment too, stays. */
const char *finq_link_add(const char *link, const char *name, const char *value, apr_pool_t *pool);

/** Adds `error` and `error_description`. */
const char *finq_link_error(const char *link, const char *error, const char *description, apr_pool_t *pool);

#endif
