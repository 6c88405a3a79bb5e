#include "httpd/service.h"

#include "httpd/ask.h"
#include "httpd/observe.h"

finq_request *finq_service_begin(request_rec *r)
{
    finq_request *request = finq_request_of(r);
    finq_config *config = request->config;
    if (!config->runtime)
        return NULL;
    finq_request_database(request, r->pool);
    request->service.witness = finq_observe_witness(request);
    request->service.connectors = finq_ask_of(request);
    request->service.directory = config->runtime->directory;
    request->service.skills = config->skills;
    request->service.tenant = config->tenant;
    request->service.secrets = config->secrets;
    request->service.data_keys = config->data_keys;
    request->service.nonce_ttl = config->nonce_ttl;
    request->service.temp_token_ttl = config->temp_token_ttl;
    request->service.session_ttl = config->session_ttl;
    request->service.upload_ttl = config->upload_ttl;
    return request;
}
