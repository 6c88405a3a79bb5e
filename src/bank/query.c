#include "bank/query.h"

#include <apr_escape.h>
#include <apr_strings.h>
#include <string.h>

static const char damaged[] = "is damaged";

static const finq_query_parameter *parameter_find(const finq_query_parameter *parameters, const char *name)
{
    while (parameters->name && strcmp(parameters->name, name) != 0)
        parameters++;
    return parameters->name ? parameters : NULL;
}

static const char *pair_take(const finq_query_parameter *parameters, const char *pair, apr_pool_t *pool)
{
    const char *equals = strchr(pair, '=');
    const char *raw = equals ? apr_pstrmemdup(pool, pair, (apr_size_t)(equals - pair)) : pair;
    const char *name = *raw ? apr_punescape_url(pool, raw, NULL, NULL, 1) : raw;
    const finq_query_parameter *known = name ? parameter_find(parameters, name) : NULL;
    if (!name)
        return damaged;
    if (!known || !equals || !equals[1])
        return NULL;
    if (*known->value && **known->value)
        return "names something twice";
    *known->value = apr_punescape_url(pool, equals + 1, NULL, NULL, 1);
    return *known->value ? NULL : damaged;
}

const char *finq_query_read(const finq_query_parameter *parameters, const char *query, apr_pool_t *pool)
{
    const char *fault = NULL;
    char *rest, *pair = apr_strtok(apr_pstrdup(pool, query ? query : ""), "&", &rest);
    for (; pair && !fault; pair = apr_strtok(NULL, "&", &rest))
        fault = pair_take(parameters, pair, pool);
    return fault;
}
