/* Renewals: a session whose exchange gives a consent a new time and a new access_token (contract section 9). */
#ifndef FINQ_CONSENT_RENEWAL_H
#define FINQ_CONSENT_RENEWAL_H

#include "consent/consent.h"
#include "flow/session.h"

/** Starts the session that renews a consent, by the consent's own skill, or by `skill`: the same words, no lower version. Nothing is
 * stored or changed. Errors: those of finq_consent_read; inactive_credentials (deleted, or its data had to be gone);
 * invalid_skill_name; unauthorized_tenant where the skill is retired, or may not be used by the tenant or here. */
finq_error *finq_consent_renew(finq_session_started *started, const finq_service *service, const finq_consent_claim *claim,
                               const char *skill, apr_pool_t *pool);

#endif
