/* What a bank's connector is asked for account data with, once a session's user was there. */
#ifndef FINQ_FEED_H
#define FINQ_FEED_H

#include "crypto/data_key.h"
#include "flow/service.h"

/** The word of a sealed reference; its row is the tenant. */
#define FINQ_SEALED_REFERENCE "reference"

/** A reference that a connector has accepted a session's user with. */
typedef struct finq_feed_visit {
    const finq_token *token; /**< of the session: a nonce or a state */
    const finq_published *published;
    const char *connector, *reference;
} finq_feed_visit;

/** Keeps it for the consent that the session's exchange makes or renews; the newest of a session counts. Does nothing for a skill of
 * another type than account_information, and without a reference. Errors: those of a call. */
finq_error *finq_feed_keep(const finq_service *service, const finq_feed_visit *visit, apr_pool_t *pool);

/** Opens a reference that was kept so: `wrapped` is its data key. Errors: those of finq_data_key_open. */
finq_error *finq_feed_reference(const char **reference, const finq_service *service, finq_bytes sealed, finq_bytes wrapped,
                                const finq_id *client_id, apr_pool_t *pool);

#endif
