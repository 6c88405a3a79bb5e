/* Queries and forms as banks and browsers write them: application/x-www-form-urlencoded (RFC 6749, appendix B). */
#ifndef FINQ_QUERY_H
#define FINQ_QUERY_H

#include <apr_pools.h>

/** One parameter that somebody knows, and where its value goes. */
typedef struct finq_query_parameter {
    const char *name;
    const char **value;
} finq_query_parameter;

/** Reads the known parameters of a query (NULL is an empty one) to where they go, in the pool, with + as a space; those that do
 * not come, or come without a value (RFC 6749, 3.1), are left as they were. Others are passed over. `parameters` ends with a
 * NULL name. Returns NULL, or what is wrong, to stand behind the query's name: one that is named twice, or an escape that is
 * none or means a NUL. */
const char *finq_query_read(const finq_query_parameter *parameters, const char *query, apr_pool_t *pool);

#endif
