#include "flow/sealed.h"

#include <apr_encode.h>
#include <apr_strings.h>

finq_error *finq_sealed_user(finq_bytes *sealed, const finq_data_key *key, const finq_id *client_id, const char *tenant_user_id,
                             apr_pool_t *pool)
{
    finq_data_place place = FINQ_DATA_PLACE(FINQ_SEALED_USER, client_id, finq_data_key_owner(key));
    return finq_data_key_seal(sealed, key, place, tenant_user_id, pool);
}

finq_error *finq_sealed_user_open(const char **tenant_user_id, const finq_data_key *key, const finq_id *client_id,
                                  finq_bytes sealed, apr_pool_t *pool)
{
    finq_data_place place = FINQ_DATA_PLACE(FINQ_SEALED_USER, client_id, finq_data_key_owner(key));
    return finq_data_key_open(tenant_user_id, key, place, sealed, pool);
}

finq_error *finq_sealed_user_read(const char **tenant_user_id, const finq_data_keys *keys, finq_bytes data_key,
                                  const finq_id *client_id, finq_bytes sealed, apr_pool_t *pool)
{
    finq_data_key *key;
    *tenant_user_id = NULL;
    if (!sealed.data)
        return NULL;
    FINQ_TRY(finq_data_key_unwrap(&key, keys, data_key, pool));
    return finq_sealed_user_open(tenant_user_id, key, client_id, sealed, pool);
}

finq_error *finq_sealed_user_mac(finq_bytes *mac, const finq_data_keys *keys, const finq_id *client_id,
                                 const char *tenant_user_id, apr_pool_t *pool)
{
    unsigned char *bytes = apr_palloc(pool, FINQ_USER_MAC_BYTES);
    *mac = (finq_bytes){tenant_user_id ? bytes : NULL, tenant_user_id ? FINQ_USER_MAC_BYTES : 0};
    return tenant_user_id ? finq_data_keys_user_mac(bytes, keys, 0, client_id, tenant_user_id, pool) : NULL;
}

/* No tenant_user_id is empty, so no person's HMAC is a consent's. */
#define NOBODY ""

finq_error *finq_sealed_whose_mac(finq_bytes *mac, const finq_data_keys *keys, const finq_id *client_id,
                                  const char *tenant_user_id, const finq_id *renews, apr_pool_t *pool)
{
    if (!tenant_user_id && renews)
        return finq_sealed_user_mac(mac, keys, renews, NOBODY, pool);
    return finq_sealed_user_mac(mac, keys, client_id, tenant_user_id, pool);
}

finq_error *finq_sealed_consent_macs(const char **array, const finq_data_keys *keys, const finq_id *credentials_id,
                                     apr_pool_t *pool)
{
    return finq_sealed_user_macs(array, keys, credentials_id, NOBODY, pool);
}

finq_error *finq_sealed_user_macs(const char **array, const finq_data_keys *keys, const finq_id *client_id,
                                  const char *tenant_user_id, apr_pool_t *pool)
{
    unsigned char mac[FINQ_USER_MAC_BYTES];
    const char *list = "";
    *array = NULL;
    if (!tenant_user_id)
        return NULL;
    for (int i = 0; i < finq_data_keys_count(keys); i++) {
        FINQ_TRY(finq_data_keys_user_mac(mac, keys, i, client_id, tenant_user_id, pool));
        list = apr_pstrcat(pool, list, i > 0 ? "," : "", "\"\\\\x",
                           apr_pencode_base16_binary(pool, mac, sizeof mac, APR_ENCODE_LOWER, NULL), "\"", NULL);
    }
    *array = apr_pstrcat(pool, "{", list, "}", NULL);
    return NULL;
}

finq_error *finq_sealed_reasons(const json_t **reasons, const char *array, apr_pool_t *pool)
{
    json_t *wrapped;
    if (!array)
        return NULL;
    FINQ_TRY(finq_json_stored(&wrapped, NULL, apr_pstrcat(pool, "{\"reasons\":", array, "}", NULL), pool));
    *reasons = json_object_get(wrapped, "reasons");
    return NULL;
}
