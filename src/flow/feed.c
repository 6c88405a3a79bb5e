#include "flow/feed.h"

#include <string.h>

#include "db/calls.h"

/* Under a data key of its own, which outlives the consent's for as long as the connector has not taken it back. */
static finq_error *reference_seal(finq_feed_keep_in *in, const finq_service *service, const char *reference, apr_pool_t *pool)
{
    finq_data_key *key;
    FINQ_TRY(finq_data_key_make(&in->reference_key, service->data_keys, in->client_id, pool));
    FINQ_TRY(finq_data_key_unwrap(&key, service->data_keys, in->reference_key, pool));
    return finq_data_key_seal(&in->reference, key, FINQ_DATA_PLACE(FINQ_SEALED_REFERENCE, in->client_id, in->client_id),
                              reference, pool);
}

finq_error *finq_feed_keep(const finq_service *service, const finq_feed_visit *visit, apr_pool_t *pool)
{
    finq_id credentials_id;
    finq_feed_keep_out row;
    finq_feed_keep_in in = {
        .session_id = &visit->token->session_id,
        .client_id = &visit->token->client_id,
        .credentials_id = &credentials_id,
        .skill_id = visit->token->skill_id,
        .connector = visit->connector,
    };
    if (!visit->reference || strcmp(visit->published->skill->type, "account_information") != 0)
        return NULL;
    FINQ_TRY(finq_id_new(&credentials_id, pool));
    FINQ_TRY(reference_seal(&in, service, visit->reference, pool));
    return finq_call_feed_keep(&row, service->db, &in, pool);
}

finq_error *finq_feed_reference(const char **reference, const finq_service *service, finq_bytes sealed, finq_bytes wrapped,
                                const finq_id *client_id, apr_pool_t *pool)
{
    finq_data_key *key;
    FINQ_TRY(finq_data_key_unwrap(&key, service->data_keys, wrapped, pool));
    return finq_data_key_open(reference, key, FINQ_DATA_PLACE(FINQ_SEALED_REFERENCE, client_id, client_id), sealed, pool);
}
