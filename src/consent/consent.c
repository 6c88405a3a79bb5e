#include "consent/consent.h"

#include <string.h>

#include "db/outcome.h"
#include "flow/sealed.h"

finq_consent_hashes finq_consent_hashes_of(const finq_consent_claim *claim)
{
    finq_consent_hashes of = {{0}, {0}};
    const char *secret = claim->is_signed ? "" : claim->client_secret;
    finq_digest_sha256(of.secret, secret, strlen(secret));
    finq_digest_sha256(of.token, claim->access_token, strlen(claim->access_token));
    return of;
}

static finq_error *refusal_of(const finq_consent *consent, apr_pool_t *pool)
{
    return strcmp(consent->outcome, "ok") == 0 ? NULL : finq_outcome_error(consent->outcome, NULL, "", pool);
}

static finq_error *user_macs(const char **macs, const finq_service *service, const finq_consent_claim *claim, apr_pool_t *pool)
{
    return finq_sealed_user_macs(macs, service->data_keys, &claim->client_id, claim->tenant_user_id, pool);
}

finq_error *finq_consent_user(const char **tenant_user_id, const finq_consent *consent, const finq_id *client_id,
                              const finq_service *service, apr_pool_t *pool)
{
    return finq_sealed_user_read(tenant_user_id, service->data_keys, consent->data_key, client_id, consent->tenant_user_id, pool);
}

finq_error *finq_consent_read(finq_consent *consent, const finq_service *service, const finq_consent_claim *claim,
                              apr_pool_t *pool)
{
    finq_consent_hashes of = finq_consent_hashes_of(claim);
    finq_consent_get_in in = {
        .client_id = &claim->client_id,
        .secret_hash = {of.secret, sizeof of.secret},
        .credentials_id = &claim->credentials_id,
        .access_token_hash = {of.token, sizeof of.token},
    };
    FINQ_TRY(user_macs(&in.user_macs, service, claim, pool));
    FINQ_TRY(finq_call_consent_get(consent, service->db, &in, pool));
    return refusal_of(consent, pool);
}

finq_error *finq_consent_borne(finq_consent *consent, const finq_service *service, const finq_consent_claim *claim,
                               apr_pool_t *pool)
{
    finq_consent_hashes of = finq_consent_hashes_of(claim);
    finq_consent_of_signer_in in = {
        .client_id = &claim->client_id,
        .credentials_id = &claim->credentials_id,
        .access_token_hash = {of.token, sizeof of.token},
    };
    if (!claim->is_signed)
        return finq_consent_read(consent, service, claim, pool);
    FINQ_TRY(finq_call_consent_of_signer(consent, service->db, &in, pool));
    return refusal_of(consent, pool);
}

finq_error *finq_consent_delete(finq_consent *consent, const finq_service *service, const finq_consent_claim *claim,
                                apr_int32_t minutes, apr_pool_t *pool)
{
    finq_consent_hashes of = finq_consent_hashes_of(claim);
    finq_consent_delete_in in = {
        .client_id = &claim->client_id,
        .secret_hash = {of.secret, sizeof of.secret},
        .credentials_id = &claim->credentials_id,
        .access_token_hash = {of.token, sizeof of.token},
        .retention = minutes,
    };
    FINQ_TRY(user_macs(&in.user_macs, service, claim, pool));
    FINQ_TRY(finq_call_consent_delete(consent, service->db, &in, pool));
    return refusal_of(consent, pool);
}
