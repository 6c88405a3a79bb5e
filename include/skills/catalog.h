/* Catalogs: what a tenant may start, and who serves it (contract section 10). */
#ifndef FINQ_CATALOG_H
#define FINQ_CATALOG_H

#include <apr_tables.h>

#include "db/pg.h"
#include "ground/id.h"

typedef enum { FINQ_CATALOG_SKILLS, FINQ_CATALOG_SERVICERS } finq_catalog;

/** Who asks. */
typedef struct finq_catalog_claim {
    finq_id client_id;
    const char *app_key;
    const apr_array_header_t *skills; /**< of const char *: what may be started here; NULL for all */
    const char *skill;                /**< the only one that is wanted; NULL for all */
    const char *language;             /**< that titles and descriptions are wanted in; NULL for the skills' own */
} finq_catalog_claim;

/** Reads a catalog in one call: `*json` is a compact JSON array, in the order in which the definitions were published.
 * Errors: invalid_client_id, invalid_client_app_key, unauthorized_tenant;
 * those of a call. */
finq_error *finq_catalog_read(const char **json, finq_catalog catalog, finq_db *db, const finq_catalog_claim *claim,
                              apr_pool_t *pool);

#endif
