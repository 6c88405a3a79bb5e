#include "consent/renewal.h"

#include <string.h>

#include "db/outcome.h"
#include "flow/sealed.h"

static finq_error *renew_call(finq_consent_renew_out *row, const finq_service *service, const finq_consent_claim *claim,
                              const char *skill, apr_pool_t *pool)
{
    finq_consent_hashes of = finq_consent_hashes_of(claim);
    finq_consent_renew_in in = {
        .client_id = &claim->client_id,
        .secret_hash = {of.secret, sizeof of.secret},
        .credentials_id = &claim->credentials_id,
        .access_token_hash = {of.token, sizeof of.token},
        .skill = skill,
    };
    FINQ_TRY(finq_sealed_user_macs(&in.user_macs, service->data_keys, &claim->client_id, claim->tenant_user_id, pool));
    return finq_call_consent_renew(row, service->db, &in, pool);
}

finq_error *finq_consent_renew(finq_session_started *started, const finq_service *service, const finq_consent_claim *claim,
                               const char *skill, apr_pool_t *pool)
{
    finq_consent_renew_out row;
    FINQ_TRY(renew_call(&row, service, claim, skill, pool));
    if (strcmp(row.outcome, "ok") != 0)
        return finq_outcome_error(row.outcome, NULL, "", pool);
    finq_session_origin origin = {
        .client_id = claim->client_id,
        .key_id = row.key_id,
        .renews = &claim->credentials_id,
        .data_key = row.data_key,
    };
    FINQ_TRY(finq_sealed_user_read(&origin.tenant_user_id, service->data_keys, row.data_key, &claim->client_id,
                                   row.tenant_user_id, pool));
    FINQ_TRY(finq_directory_skill(&origin.published, service->directory, service->db, row.skill_id, pool));
    if (!finq_directory_serves(service->directory, origin.published->skill->name))
        return finq_outcome_error("unauthorized_tenant", NULL, "", pool);
    return finq_session_begin(started, service, &origin, pool);
}
