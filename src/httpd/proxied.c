#include "httpd/proxied.h"

#include <apr_fnmatch.h>
#include <apr_strings.h>
#include <string.h>

static const proxy_server_conf *conf_of(const server_rec *server)
{
    const module *proxy = ap_find_linked_module("mod_proxy.c");
    return proxy ? ap_get_module_config(server->module_config, proxy) : NULL;
}

int finq_proxied_is_under(const char *path, const char *prefix)
{
    size_t length = strlen(prefix);
    if (length && prefix[length - 1] == '/')
        length--;
    return strncmp(path, prefix, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static int alias_takes(const struct proxy_alias *alias, const char *path)
{
    return alias->regex ? ap_regexec(alias->regex, path, 0, NULL, 0) == 0
                        : alias->fake && finq_proxied_is_under(path, alias->fake);
}

/* The first ProxyPass that takes it counts, and "!" sends it nowhere. */
static const char *passed_to(const server_rec *server, const char *path)
{
    const proxy_server_conf *conf = conf_of(server);
    for (int i = 0; conf && i < conf->aliases->nelts; i++) {
        const struct proxy_alias *alias = &APR_ARRAY_IDX(conf->aliases, i, struct proxy_alias);
        if (alias_takes(alias, path))
            return strcmp(alias->real, "!") == 0 ? NULL : alias->real;
    }
    return NULL;
}

int finq_proxied_section_holds(const core_dir_config *section, const char *path)
{
    if (section->r)
        return ap_regexec(section->r, path, 0, NULL, 0) == 0;
    if (section->d_is_fnmatch)
        return apr_fnmatch(section->d, path, APR_FNM_PATHNAME) == APR_SUCCESS;
    return finq_proxied_is_under(path, section->d);
}

static const char *located_to(const server_rec *server, const char *path)
{
    const module *proxy = ap_find_linked_module("mod_proxy.c");
    const core_server_config *core = ap_get_core_module_config(server->module_config);
    const char *real = NULL;
    for (int i = 0; proxy && i < core->sec_url->nelts; i++) {
        ap_conf_vector_t *section = APR_ARRAY_IDX(core->sec_url, i, ap_conf_vector_t *);
        const proxy_dir_conf *conf = ap_get_module_config(section, proxy);
        if (conf && conf->alias && finq_proxied_section_holds(ap_get_core_module_config(section), path))
            real = strcmp(conf->alias->real, "!") == 0 ? NULL : conf->alias->real;
    }
    return real;
}

/* A ProxyPass of the host comes before one that stands in a Location. */
const char *finq_proxied_to(const server_rec *server, const char *path)
{
    const char *real = passed_to(server, path);
    return real ? real : located_to(server, path);
}

const proxy_worker_shared *finq_proxied_worker(const server_rec *server, const char *real)
{
    const proxy_server_conf *conf = conf_of(server);
    const proxy_worker_shared *found = NULL;
    for (int i = 0; i < conf->workers->nelts; i++) {
        const proxy_worker_shared *worker = APR_ARRAY_IDX(conf->workers, i, proxy_worker).s;
        if (strncmp(real, worker->name, strlen(worker->name)) == 0 && (!found || strlen(worker->name) > strlen(found->name)))
            found = worker;
    }
    return found;
}

const char *finq_proxied_address(const server_rec *server, const char *path, apr_pool_t *pool)
{
    const char *real = finq_proxied_to(server, path);
    const proxy_worker_shared *worker = real ? finq_proxied_worker(server, real) : NULL;
    return worker && *worker->uds_path ? apr_pstrcat(pool, "unix:", worker->uds_path, "|", real, NULL) : real;
}
