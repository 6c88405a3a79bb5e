/* Consents: what a tenant's server may ask and do about one (contract section 9). */
#ifndef FINQ_CONSENT_H
#define FINQ_CONSENT_H

#include "crypto/digest.h"
#include "db/calls.h"
#include "flow/service.h"

/** A consent as its tenant is told of it; times are seconds since 1970. `country`, `servicer` and `skill` are where it comes
 * from, `tenant` is the name of the application, `tenant_user_id` is sealed (finq_consent_user). */
typedef finq_consent_answer_row finq_consent;

/** Who asks about a consent. */
typedef struct finq_consent_claim {
    finq_id client_id;
    const char *client_secret; /**< not looked at where the tenant is proven */
    int is_signed;             /**< whether the tenant is proven already: it has signed the request */
    finq_id credentials_id;
    const char *access_token;
    const char *tenant_user_id; /**< compared where the consent has one; NULL for no comparison */
} finq_consent_claim;

/** The database knows keys and tokens by their hashes alone. */
typedef struct finq_consent_hashes {
    unsigned char secret[FINQ_DIGEST_SHA256];
    unsigned char token[FINQ_DIGEST_SHA256];
} finq_consent_hashes;
finq_consent_hashes finq_consent_hashes_of(const finq_consent_claim *claim);

/** Longest retention that may be asked for at a deletion, in minutes. */
#define FINQ_CONSENT_RETENTION_MAX 52560000
/** Asks for none: longer than the normal rule counts as absent. */
#define FINQ_CONSENT_RETENTION_NORMAL APR_INT32_MAX

/** Reads a consent, one that has ended too, for as long as its data may be kept and a year longer. Errors: invalid_client_id,
 * invalid_client_secret, unauthorized_tenant, invalid_credentials_id (unknown, another tenant's, another user's),
 * invalid_access_token; those of a call. */
finq_error *finq_consent_read(finq_consent *consent, const finq_service *service, const finq_consent_claim *claim,
                              apr_pool_t *pool);

/** The same for who bears it: of a tenant that has signed the request no secret is asked. */
finq_error *finq_consent_borne(finq_consent *consent, const finq_service *service, const finq_consent_claim *claim,
                               apr_pool_t *pool);

/** Deletes a consent and says how it stands then: `minutes` later its data go, or sooner where they would anyway. The first
 * deletion decides; the later ones change nothing. One that has expired stays EXPIRED. Errors: those of finq_consent_read. */
finq_error *finq_consent_delete(finq_consent *consent, const finq_service *service, const finq_consent_claim *claim,
                                apr_int32_t minutes, apr_pool_t *pool);

/** Whose a consent is; NULL where its session was started without a tenant_user_id, and once its data are gone, and the data key with them.
 * Errors: those of finq_sealed_user_read. */
finq_error *finq_consent_user(const char **tenant_user_id, const finq_consent *consent, const finq_id *client_id,
                              const finq_service *service, apr_pool_t *pool);

#endif
