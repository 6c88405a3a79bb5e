#include "httpd/dump.h"

#include <apr_file_io.h>
#include <apr_strings.h>
#include <http_core.h>
#include <unixd.h>

#include "httpd/mpm.h"
#include "httpd/proxied.h"
#include "httpd/settings.h"
#include "json/json.h"

static void texts_put(finq_json_writer *to, const char *name, const apr_array_header_t *texts)
{
    finq_json_open(to, name, '[');
    for (int i = 0; i < texts->nelts; i++)
        finq_json_put(to, NULL, APR_ARRAY_IDX(texts, i, const char *));
    finq_json_close(to, ']');
}

static void connectors_put(finq_json_writer *to, const server_rec *server, apr_pool_t *pool)
{
    const apr_array_header_t *connectors = finq_config_of(server)->connectors;
    finq_json_open(to, "connectors", '[');
    for (int i = 0; i < connectors->nelts; i++) {
        const finq_connector *connector = &APR_ARRAY_IDX(connectors, i, finq_connector);
        if (connector->page) /* the sandbox bank: this httpd itself */
            continue;
        finq_json_open(to, NULL, '{');
        finq_json_put(to, "name", connector->name);
        finq_json_put(to, "path", connector->path);
        finq_json_put(to, "address", finq_proxied_address(server, connector->path, pool));
        finq_json_close(to, '}');
    }
    finq_json_close(to, ']');
}

/* That a child may open. */
static int connections_most(const finq_config *config)
{
    int most = config->dbd.most < 0 ? 10 : config->dbd.most; /* as mod_dbd presets it */
    int share = config->database_concurrency ? finq_mpm_share(config->database_concurrency) : most;
    return share < most ? share : most;
}

static void host_put(finq_json_writer *to, const server_rec *server, apr_pool_t *pool)
{
    const finq_config *config = finq_config_of(server);
    finq_json_open(to, NULL, '{');
    finq_json_put(to, "name", server->server_hostname ? server->server_hostname : "the main server");
    finq_json_put(to, "defined_at",
                  apr_psprintf(pool, "%s:%u", server->defn_name ? server->defn_name : "httpd.conf", server->defn_line_number));
    texts_put(to, "bases", config->bases);
    finq_json_put(to, "secret_file", config->secret_file);
    finq_json_put(to, "data_key_file", config->data_key_file);
    finq_json_put(to, "upload_dir", config->upload_dir);
    finq_json_put(to, "database", config->dbd.params);
    finq_json_put_integer(to, "connections", connections_most(config));
    connectors_put(to, server, pool);
    finq_json_close(to, '}');
}

void finq_dump(apr_pool_t *pconf, server_rec *main_server)
{
    finq_json_writer *to;
    apr_file_t *out;
    if (!ap_exists_config_define("DUMP_FINQ") || apr_file_open_stdout(&out, pconf) != APR_SUCCESS)
        return;
    to = finq_json_write(pconf);
    finq_json_open(to, NULL, '{');
    finq_json_put(to, "user", ap_unixd_config.user_name);
    finq_json_put_integer(to, "user_id", (apr_int64_t)ap_unixd_config.user_id);
    finq_json_put_integer(to, "group_id", (apr_int64_t)ap_unixd_config.group_id);
    finq_json_put_integer(to, "children", finq_mpm_serving());
    finq_json_open(to, "hosts", '[');
    for (const server_rec *server = main_server; server; server = server->next) {
        if (finq_config_serves(finq_config_of(server)))
            host_put(to, server, pconf);
    }
    finq_json_close(to, ']');
    finq_json_close(to, '}');
    apr_file_printf(out, "%s\n", finq_json_written(to));
}
