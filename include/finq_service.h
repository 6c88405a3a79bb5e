/* What the business rooms need of the server: where to ask, what is remembered, what seals, how long things live. */
#ifndef FINQ_SERVICE_H
#define FINQ_SERVICE_H

#include "finq_directory.h"
#include "finq_pg.h"
#include "finq_secrets.h"

typedef struct finq_service {
    finq_db *db;
    finq_directory *directory;
    const apr_array_header_t *skills; /**< of const char *: what may be started here; NULL for all */
    const finq_secrets *secrets;
    int nonce_ttl, temp_token_ttl, session_ttl; /**< seconds */
} finq_service;

#endif
