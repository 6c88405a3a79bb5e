/* What the business rooms need of the server: where to ask, what is remembered, what seals, how long things live. */
#ifndef FINQ_SERVICE_H
#define FINQ_SERVICE_H

#include "bank/connector.h"
#include "bank/data.h"
#include "skills/directory.h"
#include "db/pg.h"
#include "order/phase.h"
#include "crypto/data_key.h"
#include "crypto/secrets.h"
#include "flow/token.h"

/** Somewhere to ask connectors: the business rooms know this, and not how the question travels. */
typedef struct finq_connectors finq_connectors;
struct finq_connectors {
    finq_error *(*ask)(finq_connectors *connectors, finq_connector_answer *answer, const char *name,
                       const finq_connector_question *question, apr_pool_t *pool);
    /** Asks for a page of account data, which is the pool's. Errors: those of `ask`. */
    finq_error *(*ask_data)(finq_connectors *connectors, finq_bank_page *page, const char *name,
                            const finq_bank_question *question, apr_pool_t *pool);
    /** Asks how a payment stands. Errors: those of `ask`. */
    finq_error *(*ask_payment)(finq_connectors *connectors, finq_payment_answer *answer, const char *name,
                               const finq_payment_question *question, apr_pool_t *pool);
    /** A slow connector must not hold all threads: takes one of the permits of those who ask it, until `leave`, or nothing where
     * none is left. To be called before anything is spent. Error: service_unavailable. */
    finq_error *(*enter)(finq_connectors *connectors, const char *name);
    void (*leave)(finq_connectors *connectors, const char *name);
    /** Waits a moment for others, with nothing held. 0 where there is no time or thread for that: answer now. */
    int (*pause)(finq_connectors *connectors);
    /** The server's own address that a bank sends the browser to, without the kind. */
    const char *(*return_uri)(finq_connectors *connectors, apr_pool_t *pool);
};

/** Who is told of what has happened, to count it: the business rooms do not know who that is. */
typedef struct finq_witness finq_witness;
struct finq_witness {
    /** A payment has come to a phase, and that is kept. */
    void (*payment)(finq_witness *witness, finq_phase phase);
};

typedef struct finq_service {
    finq_db *db;
    finq_connectors *connectors;
    finq_witness *witness; /**< NULL for nobody */
    finq_directory *directory;
    const apr_array_header_t *skills; /**< of const char *: what may be started here; NULL for all */
    const finq_secrets *secrets;
    const finq_data_keys *data_keys;
    const finq_id *tenant;                                  /**< the one that is served here (FinqTenant); NULL for any */
    int nonce_ttl, temp_token_ttl, session_ttl, upload_ttl; /**< seconds */
} finq_service;

/** Whether this tenant is served here: asked wherever one is learnt, by a name or out of a token. What is learnt by a look into
 * the database is asked for there, with `tenant`. */
int finq_service_serves(const finq_service *service, const finq_id *client_id);

/** Opens `text` (may be NULL) as finq_token_open does. A token of a tenant that is not served here is none. */
finq_error *finq_service_open(finq_token *token, const finq_secret **secret, const char *text, const finq_service *service,
                              apr_pool_t *pool);

#endif
