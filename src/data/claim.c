#include "data/claim.h"

finq_error *finq_data_claim_make(finq_data_claim *claim, const finq_service *service, const finq_consent_claim *consent,
                                 apr_pool_t *pool)
{
    finq_consent read;
    *claim = (finq_data_claim){
        .client_id = consent->client_id, .credentials_id = consent->credentials_id, .hashes = finq_consent_hashes_of(consent)};
    return consent->tenant_user_id ? finq_consent_read(&read, service, consent, pool) : NULL;
}
