/* Who asks for account data. */
#ifndef FINQ_DATA_CLAIM_H
#define FINQ_DATA_CLAIM_H

#include "consent/consent.h"
#include "flow/service.h"

/** A claim as the database looks at it, anew at each call. */
typedef struct finq_data_claim {
    finq_id client_id, credentials_id;
    finq_consent_hashes hashes;
} finq_data_claim;

/** The same for the database. Whose the consent is is compared first, where the claim says so. Errors: those of finq_consent_read. */
finq_error *finq_data_claim_make(finq_data_claim *claim, const finq_service *service, const finq_consent_claim *consent,
                                 apr_pool_t *pool);

#endif
