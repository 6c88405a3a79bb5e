/* Credentials: what a tenant's server gets for a temp_token. */
#ifndef FINQ_CREDENTIAL_H
#define FINQ_CREDENTIAL_H

#include "flow/service.h"
#include "flow/token.h"

/** An exchange asked for (contract section 7). */
typedef struct finq_credential_request {
    finq_id client_id;
    const char *client_secret;
    const char *temp_token;
} finq_credential_request;

/** What the tenant's server is told. */
typedef struct finq_credential {
    finq_id credentials_id;
    const char *access_token;
    finq_id session_id;              /**< that it comes from */
    const finq_published *published; /**< that session's skill */
    int is_fed;                      /**< whether account data may have come before it: it has had its id already */
    const char *tenant_user_id;      /**< NULL where the session was started without one */
    apr_int64_t consent_exp;
    apr_int64_t max_data_retention;
} finq_credential;

/** Exchanges a temp_token: one credential, or the renewal of one; the same answer within 120 s of the first. Errors: invalid_client_id,
 * invalid_client_secret, unauthorized_tenant, invalid_temp_token, inactive_credentials, missing_uploads; those of a call. */
finq_error *finq_credential_exchange(finq_credential *credential, const finq_service *service,
                                     const finq_credential_request *request, apr_pool_t *pool);

#endif
