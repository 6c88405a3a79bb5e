#include "httpd/connectors.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <http_log.h>
#include <string.h>

#include "httpd/body.h"
#include "httpd/paths.h"
#include "httpd/reply.h"

APLOG_USE_MODULE(finq);

#define LIMIT_MOST 100000

/* ---- the directive ---- */

/* What r->uri can look like, so that comparing is enough: plain segments, no slash at the end. */
static int is_plain_path(const char *path)
{
    apr_size_t length = strlen(path);
    return path[0] == '/' && length > 1 && path[length - 1] != '/' && !strstr(path, "//") && !strstr(path, "/.") &&
           strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._~-") == length;
}

/* "limit=N"; 0 if it is not that. */
static int limit_parse(const char *word)
{
    char *end;
    if (strncasecmp(word, "limit=", 6) != 0)
        return 0;
    apr_int64_t number = apr_strtoi64(word + 6, &end, 10);
    return *end == '\0' && number > 0 && number <= LIMIT_MOST ? (int)number : 0;
}

static const char *name_fault(const finq_config *config, const char *name, apr_pool_t *pool)
{
    if (!finq_connector_name_check(name))
        return apr_psprintf(pool, "FinqConnector: a name is a lower-case letter and up to 63 of a-z 0-9 _ -, not \"%s\"", name);
    return finq_config_connector(config, name)
               ? apr_psprintf(pool, "FinqConnector: \"%s\" is defined twice for this server", name)
               : NULL;
}

static const char *sandbox_add(cmd_parms *cmd, const char *name, const char *page, int limit)
{
    finq_config *config = finq_config_of(cmd->server);
    if (!is_plain_path(page))
        return apr_psprintf(cmd->pool,
                            "FinqConnector %s: the sandbox bank's page is at a path such as /sandbox, whose Location has"
                            " SetHandler finq-sandbox; not \"%s\"",
                            name, page);
    APR_ARRAY_PUSH(config->connectors, finq_connector) = (finq_connector){.name = name, .page = page, .limit = limit};
    return NULL;
}

static const char *connector_add(cmd_parms *cmd, const char *name, const char *path, const char *file, int limit)
{
    finq_config *config = finq_config_of(cmd->server);
    finq_mac_keys *keys;
    if (!is_plain_path(path))
        return apr_psprintf(cmd->pool,
                            "FinqConnector %s: the path is one such as /internal/bank, which a ProxyPass leads on;"
                            " not \"%s\"",
                            name, path);
    finq_error *error = finq_mac_keys_load(&keys, ap_server_root_relative(cmd->pool, file), cmd->pool);
    if (error)
        return apr_psprintf(cmd->pool, "FinqConnector %s: %s", name, error->cause);
    APR_ARRAY_PUSH(config->connectors, finq_connector) =
        (finq_connector){.name = name, .path = path, .keys = keys, .limit = limit};
    return NULL;
}

const char *finq_connector_configure(cmd_parms *cmd, void *dummy, int count, char *const words[])
{
    int limit = count == 4 ? limit_parse(words[3]) : 0;
    (void)dummy;
    if (count != 3 && !limit)
        return apr_psprintf(cmd->pool,
                            "FinqConnector takes a name, a path, the file of the secrets, and if need be limit=N,"
                            " from 1 to %d; or a name, sandbox, and the path of the sandbox bank's page",
                            LIMIT_MOST);
    const char *fault = name_fault(finq_config_of(cmd->server), words[0], cmd->pool);
    if (fault)
        return fault;
    return strcasecmp(words[1], "sandbox") == 0 ? sandbox_add(cmd, words[0], words[2], limit)
                                                : connector_add(cmd, words[0], words[1], words[2], limit);
}

static const char *connector_fault(const finq_config *config, const finq_connector *connector, apr_pool_t *pool)
{
    if (connector->page)
        return NULL;
    if (!ap_find_linked_module("mod_proxy.c"))
        return "mod_proxy is not loaded: a2enmod proxy proxy_http, and set ProxyPass for its path";
    const char *base = finq_paths_base(config, connector->path);
    return base ? apr_psprintf(pool, "its path %s lies under the API's own Location %s", connector->path, base) : NULL;
}

/* Connectors of one name are one service, on whichever host. */
static void connector_share(finq_connector *connector, apr_hash_t *counts)
{
    connector->asked = apr_hash_get(counts, connector->name, APR_HASH_KEY_STRING);
    if (connector->asked)
        return;
    connector->asked = apr_pcalloc(apr_hash_pool_get(counts), sizeof *connector->asked);
    apr_hash_set(counts, connector->name, APR_HASH_KEY_STRING, connector->asked);
}

int finq_connector_check(server_rec *main_server, apr_pool_t *pconf)
{
    apr_hash_t *counts = apr_hash_make(pconf);
    apr_array_header_t *guarded = apr_array_make(pconf, 4, sizeof(const char *));
    int sound = 1;
    for (server_rec *server = main_server; server; server = server->next) {
        finq_config *config = finq_config_of(server);
        config->guarded = guarded; /* one list: a ProxyPass of the main server leads on every host */
        for (int i = 0; i < config->connectors->nelts; i++) {
            finq_connector *connector = &APR_ARRAY_IDX(config->connectors, i, finq_connector);
            connector_share(connector, counts);
            const char *fault = connector_fault(config, connector, pconf);
            if (connector->path)
                APR_ARRAY_PUSH(guarded, const char *) = connector->path;
            if (fault)
                ap_log_error(APLOG_MARK, APLOG_EMERG, 0, server, "finq: FinqConnector %s: %s", connector->name, fault);
            sound = sound && !fault;
        }
    }
    return sound;
}

/* ---- the guard ---- */

/* Whether a subrequest is the one that finq_ask is making. */
static int is_asked(const request_rec *r)
{
    const finq_request *asker = r->main ? ap_get_module_config(r->main->request_config, &finq_module) : NULL;
    return asker && asker->asking && strcmp(asker->asking, r->uri) == 0;
}

int finq_connector_guard(request_rec *r)
{
    if (!finq_paths_guarded(finq_config_of(r->server), r->uri) || is_asked(r))
        return DECLINED;
    finq_error *error = finq_error_make(r->pool, FINQ_E_NOT_FOUND, "There is nothing at this path.");
    error->cause = "it leads to a connector, and is not for clients";
    return finq_reply_refuse(finq_request_of(r), error);
}

/* ---- decisions ---- */

finq_error *finq_connector_receive(finq_connector_decision *decision, const char **name, finq_request *request)
{
    const apr_table_t *headers = request->r->headers_in;
    apr_pool_t *pool = request->r->pool;
    finq_connector_message message = {
        .kind = FINQ_CONNECTOR_DECISION,
        .connector = apr_table_get(headers, "X-Finq-Connector"),
        .id = apr_table_get(headers, "X-Finq-Id"),
        .timestamp = apr_table_get(headers, "X-Finq-Timestamp"),
        .signature = apr_table_get(headers, "X-Finq-Signature"),
    };
    char *text;
    const finq_connector *connector = message.connector ? finq_config_connector(request->config, message.connector) : NULL;
    if (!connector || !connector->keys) /* the sandbox bank sends nothing */
        return finq_error_make(pool, FINQ_E_INVALID_SIGNATURE, "X-Finq-Connector is missing, or names no connector.");
    FINQ_TRY(finq_body_text(request, &text, &message.length));
    message.body = text;
    FINQ_TRY(finq_connector_verify(&message, connector->keys, pool));
    request->is_proven = 1;
    *name = connector->name;
    return finq_connector_decision_read(decision, message.body, message.length, pool);
}
