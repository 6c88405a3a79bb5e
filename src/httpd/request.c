#include "finq_request.h"

#include <http_log.h>
#include <string.h>

APLOG_USE_MODULE(finq);

finq_request *finq_request_of(request_rec *r)
{
    finq_request *request = ap_get_module_config(r->request_config, &finq_module);
    finq_id id;
    if (request)
        return request;
    request = apr_pcalloc(r->pool, sizeof *request);
    request->r = r;
    request->config = finq_config_of(r->server);
    if (finq_id_new(&id, r->pool) != NULL) /* no randomness: an id from the clock still tells requests apart */
        id = finq_id_v7(r->request_time, (const unsigned char *)"\0\0\0\0\0\0\0\0\0");
    finq_id_write(request->id, &id);
    ap_set_module_config(r->request_config, &finq_module, request);
    return request;
}

finq_request *finq_request_begin(request_rec *r)
{
    finq_request *request = finq_request_of(r);
    finq_config *config = request->config;
    if (!config->runtime)
        return NULL;
    request->service.db = finq_dbd_of(r->server, config->runtime->gate, r->pool);
    request->service.directory = config->runtime->directory;
    request->service.secrets = config->secrets;
    request->service.nonce_ttl = config->nonce_ttl;
    request->service.temp_token_ttl = config->temp_token_ttl;
    request->service.session_ttl = config->session_ttl;
    return request;
}
