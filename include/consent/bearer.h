/* Bearers: who shows a consent's credentials with each request, and what of that is remembered for a moment. */
#ifndef FINQ_CONSENT_BEARER_H
#define FINQ_CONSENT_BEARER_H

#include "consent/consent.h"

/** Consents in force that were shown a moment ago. Threads may share it. */
typedef struct finq_bearers finq_bearers;

/** Makes an empty memory; what is in it is believed for `ttl` seconds, 0 for not at all. */
finq_error *finq_bearers_create(finq_bearers **bearers, int ttl, apr_pool_t *pool);

/** A consent in force. */
typedef struct finq_bearer {
    const char *skill;
    const char *tenant_user_id; /**< NULL where the consent has none */
    apr_int64_t consent_exp;    /**< seconds since 1970 */
} finq_bearer;

/** Finds the consent that a claim is good for. What is remembered is so for its time and never past the consent's end, by the
 * database's clock; a refusal is not remembered. Errors: those of finq_consent_read; inactive_credentials. */
finq_error *finq_bearers_find(finq_bearer *bearer, finq_bearers *bearers, const finq_service *service,
                              const finq_consent_claim *claim, apr_pool_t *pool);

#endif
