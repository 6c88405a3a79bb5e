/* Settings of a Location: which signatures its requests must have. */
#ifndef FINQ_LOCATION_H
#define FINQ_LOCATION_H

#include <httpd.h>
#include <http_config.h>

/** A Location's settings. Read-only once the server runs. */
typedef struct finq_location {
    int signature;    /**< a flag: FinqSignature required */
    unsigned schemes; /**< of finq_scheme */
} finq_location;

/** The settings that hold for a request, defaults filled in. */
finq_location finq_location_of(const request_rec *r);

/* For the module record. */
void *finq_location_create(apr_pool_t *pool, char *path);
void *finq_location_merge(apr_pool_t *pool, void *base, void *add);

/* Directives of a Location. */
const char *finq_location_set_signature(cmd_parms *cmd, void *location, const char *value);
const char *finq_location_set_scheme(cmd_parms *cmd, void *location, const char *value);

#endif
