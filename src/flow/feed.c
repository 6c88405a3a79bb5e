#include "flow/feed.h"

#include <string.h>

#include "db/calls.h"

/* Nonces hold the session's data key; of a state the session's row does. */
static finq_error *key_find(finq_data_key **key, const finq_service *service, const finq_token *token, apr_pool_t *pool)
{
    finq_feed_key_out row = {token->data_key};
    finq_feed_key_in in = {.session_id = &token->session_id, .client_id = &token->client_id};
    if (!row.data_key.data)
        FINQ_TRY(finq_call_feed_key(&row, service->db, &in, pool));
    return finq_data_key_unwrap(key, service->data_keys, row.data_key, pool);
}

finq_error *finq_feed_keep(const finq_service *service, const finq_feed_visit *visit, apr_pool_t *pool)
{
    finq_id credentials_id;
    finq_data_key *key;
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
    FINQ_TRY(key_find(&key, service, visit->token, pool));
    FINQ_TRY(finq_data_key_seal(&in.reference, key, FINQ_DATA_PLACE(FINQ_SEALED_REFERENCE, in.session_id, in.session_id),
                                visit->reference, pool));
    return finq_call_feed_keep(&row, service->db, &in, pool);
}
