#include "flow/service.h"

int finq_service_serves(const finq_service *service, const finq_id *client_id)
{
    return !service->tenant || finq_id_equal(service->tenant, client_id);
}

finq_error *finq_service_open(finq_token *token, const finq_secret **secret, const char *text, const finq_service *service,
                              apr_pool_t *pool)
{
    FINQ_TRY(finq_token_open(token, secret, text, service->secrets, pool));
    if (*secret && !finq_service_serves(service, &token->client_id))
        *secret = NULL;
    return NULL;
}
