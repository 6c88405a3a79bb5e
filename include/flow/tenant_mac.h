/* A tenant's own key for HMACs, by which what is stored of it is told apart without being told. */
#ifndef FINQ_TENANT_MAC_H
#define FINQ_TENANT_MAC_H

#include "crypto/mac.h"
#include "flow/service.h"

/** Derives the tenant's key for a purpose. It is made when it is first needed, wrapped by FinqDataKey, and the same for ever: `wrapped` is
 * it as the database has told it, or no bytes. Errors: those of finq_data_key_unwrap; those of a call. */
finq_error *finq_tenant_mac(unsigned char mac[FINQ_MAC_BYTES], const finq_service *service, const finq_id *client_id,
                            finq_bytes wrapped, const char *purpose, apr_pool_t *pool);

#endif
