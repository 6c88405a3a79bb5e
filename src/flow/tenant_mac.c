#include "flow/tenant_mac.h"

#include "db/calls.h"

finq_error *finq_tenant_mac(unsigned char mac[FINQ_MAC_BYTES], const finq_service *service, const finq_id *client_id,
                            finq_bytes wrapped, const char *purpose, apr_pool_t *pool)
{
    finq_account_key_keep_out row = {wrapped};
    finq_account_key_keep_in in = {.client_id = client_id};
    finq_data_key *key;
    if (!wrapped.data) {
        FINQ_TRY(finq_data_key_make(&in.data_key, service->data_keys, client_id, pool));
        FINQ_TRY(finq_call_account_key_keep(&row, service->db, &in, pool));
    }
    FINQ_TRY(finq_data_key_unwrap(&key, service->data_keys, row.data_key, pool));
    return finq_data_key_derive(mac, FINQ_MAC_BYTES, key, (finq_bytes){NULL, 0}, purpose, pool);
}
