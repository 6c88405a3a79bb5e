#include "consent/consent.h"

#include <string.h>

#include "db/outcome.h"

finq_consent_hashes finq_consent_hashes_of(const finq_consent_claim *claim)
{
    finq_consent_hashes of;
    finq_digest_sha256(of.secret, claim->client_secret, strlen(claim->client_secret));
    finq_digest_sha256(of.token, claim->access_token, strlen(claim->access_token));
    return of;
}

static finq_error *refusal_of(const finq_consent *consent, apr_pool_t *pool)
{
    return strcmp(consent->outcome, "ok") == 0 ? NULL : finq_outcome_error(consent->outcome, NULL, "", pool);
}

finq_error *finq_consent_read(finq_consent *consent, finq_db *db, const finq_consent_claim *claim, apr_pool_t *pool)
{
    finq_consent_hashes of = finq_consent_hashes_of(claim);
    finq_consent_get_in in = {
        .client_id = &claim->client_id,
        .secret_hash = {of.secret, sizeof of.secret},
        .credentials_id = &claim->credentials_id,
        .access_token_hash = {of.token, sizeof of.token},
        .tenant_user_id = claim->tenant_user_id,
    };
    FINQ_TRY(finq_call_consent_get(consent, db, &in, pool));
    return refusal_of(consent, pool);
}

finq_error *finq_consent_delete(finq_consent *consent, finq_db *db, const finq_consent_claim *claim, apr_int32_t minutes,
                                apr_pool_t *pool)
{
    finq_consent_hashes of = finq_consent_hashes_of(claim);
    finq_consent_delete_in in = {
        .client_id = &claim->client_id,
        .secret_hash = {of.secret, sizeof of.secret},
        .credentials_id = &claim->credentials_id,
        .access_token_hash = {of.token, sizeof of.token},
        .tenant_user_id = claim->tenant_user_id,
        .retention = minutes,
    };
    FINQ_TRY(finq_call_consent_delete(consent, db, &in, pool));
    return refusal_of(consent, pool);
}
