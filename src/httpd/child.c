#include "httpd/child.h"

#include <http_log.h>

#include "crypto/derive.h"
#include "crypto/digest.h"
#include "httpd/janitor.h"
#include "httpd/longpoll.h"
#include "httpd/observe.h"
#include "httpd/permits.h"
#include "httpd/runtime.h"
#include "httpd/settings.h"

APLOG_USE_MODULE(finq);

/* What dead uploads left goes at once; what only the database can decide waits for the janitor. */
static finq_error *store_open(finq_runtime *runtime, const finq_config *config, apr_pool_t *pchild)
{
    finq_blob_swept swept;
    FINQ_TRY(finq_blob_store_open(&runtime->store, config->upload_dir, pchild));
    return finq_blob_sweep(&swept, runtime->store, pchild);
}

static finq_error *runtime_fill(finq_runtime *runtime, const finq_config *config, apr_pool_t *pchild)
{
    runtime->meter = finq_observe_meter(config, pchild);
    runtime->gate = finq_gate_create(&runtime->meter, config->database_concurrency, pchild);
    FINQ_TRY(finq_directory_create(&runtime->directory, config->cache_ttl, config->skills, pchild));
    FINQ_TRY(finq_keyring_create(&runtime->keyring, config->key_cache_ttl, pchild));
    FINQ_TRY(finq_bearers_create(&runtime->bearers, config->cache_ttl, pchild));
    return config->upload_dir ? store_open(runtime, config, pchild) : NULL;
}

void finq_child_init(apr_pool_t *pchild, server_rec *main_server)
{
    finq_digest_prepare(pchild);
    finq_derive_prepare(pchild);
    finq_observe_child_init(pchild);
    finq_longpoll_child_init(pchild);
    finq_permits_child_init(pchild);
    finq_janitor_child_init(pchild);
    if (finq_gate_child_init(pchild) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, main_server, "FINQ01: no lock could be made; every request will get 503");
        return;
    }
    for (server_rec *server = main_server; server; server = server->next) {
        finq_config *config = finq_config_of(server);
        if (!finq_config_serves(config))
            continue;
        finq_runtime *runtime = apr_pcalloc(pchild, sizeof *runtime);
        finq_error *error = runtime_fill(runtime, config, pchild);
        if (error)
            ap_log_error(APLOG_MARK, APLOG_CRIT, 0, server, "FINQ02: %s", finq_error_why(error));
        if (runtime->bearers)
            config->runtime = runtime;
    }
}
