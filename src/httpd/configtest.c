#include "httpd/configtest.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <mod_proxy.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "db/pg.h"
#include "documents/scan.h"
#include "flow/step.h"
#include "httpd/location.h"
#include "httpd/paths.h"
#include "httpd/proxied.h"

APLOG_USE_MODULE(finq);

/* A path that every API has, for asking who would get it. */
#define PROBE "/sessions"

typedef struct {
    const server_rec *server;
    const finq_config *config;
    apr_pool_t *pool;
} host;

static int say(const host *of, int level, const char *what)
{
    const server_rec *server = of->server;
    ap_log_error(APLOG_MARK, level, 0, server, "finq: %s (for %s, defined at %s:%u)", what,
                 server->server_hostname ? server->server_hostname : "the main server",
                 server->defn_name ? server->defn_name : "httpd.conf", server->defn_line_number);
    return level > APLOG_ERR; /* a warning leaves it sound */
}

/* ---- mod_dbd ---- */

const char *finq_configtest_see_dbd(cmd_parms *cmd, void *dummy, const char *value)
{
    finq_dbd_settings *dbd = &finq_config_of(cmd->server)->dbd;
    const char *name = cmd->cmd->name;
    struct stat file;
    (void)dummy;
    if (strcasecmp(name, "DBDriver") == 0)
        dbd->driver = value;
    else if (strcasecmp(name, "DBDMin") == 0)
        dbd->least = (int)apr_atoi64(value);
    else if (strcasecmp(name, "DBDKeep") == 0)
        dbd->kept = (int)apr_atoi64(value);
    else if (strcasecmp(name, "DBDMax") == 0)
        dbd->most = (int)apr_atoi64(value);
    else {
        dbd->params = value;
        if (strstr(value, "password") && stat(cmd->directive->filename, &file) == 0 && (file.st_mode & S_IROTH))
            dbd->open_file = cmd->directive->filename;
    }
    return NULL;
}

static int either(int number, int preset)
{
    return number >= 0 ? number : preset;
}

static int dbd_check(const host *of)
{
    const finq_dbd_settings *dbd = &of->config->dbd;
    int least = either(dbd->least, 1), kept = either(dbd->kept, 2), most = either(dbd->most, 10); /* as mod_dbd presets them */
    if (!dbd->driver || strcasecmp(dbd->driver, "pgsql") != 0)
        return say(of, APLOG_EMERG, "the API needs DBDriver pgsql");
    if (!dbd->params)
        return say(of, APLOG_EMERG, "DBDParams is not set: it says how to reach PostgreSQL");
    if (most < 1)
        return say(of, APLOG_EMERG, "DBDMax must be 1 at least");
    if (kept > most || least > most)
        return say(of, APLOG_EMERG,
                   apr_psprintf(of->pool, "%s (%d%s) is above DBDMax (%d)", kept > most ? "DBDKeep" : "DBDMin",
                                kept > most ? kept : least,
                                (kept > most ? dbd->kept : dbd->least) < 0 ? ", where it is not set" : "", most));
    return 1;
}

static int file_check(const host *of)
{
    if (!of->config->dbd.open_file)
        return 1;
    return say(of, APLOG_WARNING,
               apr_pstrcat(of->pool, of->config->dbd.open_file,
                           " holds the database's password, and everybody"
                           " may read it: chmod 640 it",
                           NULL));
}

static int hosts_check(const host *of)
{
    if (!of->config->dbd.params || !finq_pg_takes_standbys(of->config->dbd.params))
        return 1;
    return say(of, APLOG_WARNING,
               "DBDParams names several hosts, and takes one that can't be written to, as a standby is: add"
               " target_session_attrs=read-write");
}

/* ---- the scanner ---- */

/* httpd may be started before clamd is: whoever is not there yet is no mistake. */
static int scan_check(const host *of)
{
    finq_scan_limits limits;
    if (!*of->config->scan)
        return 1;
    finq_scan_learn(&limits, of->config->scan, of->pool);
    if (!limits.file)
        return say(of, APLOG_WARNING,
                   apr_psprintf(of->pool,
                                "FinqScan: what clamd takes is not known (%s); what it does not scan whole it may call clean",
                                limits.why));
    if (!limits.tells_exceeded)
        return say(of, APLOG_WARNING,
                   apr_psprintf(of->pool,
                                "FinqScan: %s lacks \"AlertExceedsMax yes\": what clamd does not scan whole it calls clean",
                                limits.file));
    return 1;
}

/* ---- documents ---- */

static int documents_check(const host *of)
{
    if (!of->config->open_documents)
        return 1;
    return say(of, APLOG_WARNING,
               apr_psprintf(of->pool, "<Location %s> reads documents and has no AuthType: whoever is not authenticated gets 403",
                            of->config->open_documents));
}

/* ---- consents ---- */

static int require_check(const host *of)
{
    if (!of->config->open_require)
        return 1;
    return say(
        of, APLOG_WARNING,
        apr_psprintf(of->pool,
                     "Require finq-consent of %s has no AuthType finq: whoever has no consent gets httpd's own 403, which does"
                     " not say why",
                     of->config->open_require));
}

/* ---- who else would get the API's requests ---- */

static int keeps(const host *of, const char *path, const char *base)
{
    const char *real = finq_proxied_to(of->server, path);
    if (!real)
        return 1;
    return say(of, APLOG_EMERG,
               apr_psprintf(of->pool,
                            "a ProxyPass takes %s away to %s, with all the keys that requests hold: put"
                            " \"ProxyPass %s !\" before it",
                            path, real, *base ? base : "/"));
}

/* Whether a RewriteRule's flags, [L,NC,P], have one of these names. */
static int has_flag(const char *flags, const char *name, const char *long_name, apr_pool_t *pool)
{
    char *rest, *copy = apr_pstrdup(pool, flags);
    for (char *flag = apr_strtok(copy, "[], ", &rest); flag; flag = apr_strtok(NULL, "[], ", &rest)) {
        if (strcasecmp(flag, name) == 0 || strcasecmp(flag, long_name) == 0)
            return 1;
    }
    return 0;
}

const char *finq_configtest_see_rewrite(cmd_parms *cmd, void *dummy, const char *words)
{
    const char *pattern = ap_getword_conf(cmd->pool, &words);
    (void)dummy;
    (void)ap_getword_conf(cmd->pool, &words);
    const char *flags = ap_getword_conf(cmd->pool, &words);
    if (!ap_find_linked_module("mod_rewrite.c"))
        return "mod_rewrite is not loaded, whose directive RewriteRule is: a2enmod rewrite";
    if (cmd->path || !has_flag(flags, "P", "proxy", cmd->temp_pool))
        return NULL;
    int is_negated = pattern[0] == '!';
    finq_rewrite *rule = apr_array_push(finq_config_of(cmd->server)->rewrites);
    rule->pattern = pattern;
    rule->regex =
        ap_pregcomp(cmd->pool, pattern + is_negated, has_flag(flags, "NC", "nocase", cmd->temp_pool) ? AP_REG_ICASE : 0);
    rule->is_negated = is_negated;
    return NULL;
}

/* A RewriteCond may keep it from the API, so this is no more than a warning; finq_router_keep sees to the rest. */
static int rewrites_check(const host *of, const char *path)
{
    int sound = 1;
    for (int i = 0; i < of->config->rewrites->nelts; i++) {
        const finq_rewrite *rule = &APR_ARRAY_IDX(of->config->rewrites, i, finq_rewrite);
        int matches = rule->regex && ap_regexec(rule->regex, path, 0, NULL, 0) == 0;
        if (matches != rule->is_negated)
            sound = say(of, APLOG_WARNING,
                        apr_psprintf(of->pool,
                                     "RewriteRule %s may take %s away to another server; it will be refused"
                                     " there",
                                     rule->pattern, path)) &&
                    sound;
    }
    return sound;
}

static int base_keeps(const host *of, const char *base)
{
    const module *proxy = ap_find_linked_module("mod_proxy.c");
    const proxy_server_conf *conf = proxy ? ap_get_module_config(of->server->module_config, proxy) : NULL;
    const char *probe = apr_pstrcat(of->pool, base, PROBE, NULL);
    int sound = keeps(of, probe, base);
    for (int i = 0; sound && conf && i < conf->aliases->nelts; i++) {
        const char *fake = APR_ARRAY_IDX(conf->aliases, i, struct proxy_alias).fake;
        if (fake && *base && finq_proxied_is_under(fake, base))
            sound = keeps(of, fake, base);
    }
    return rewrites_check(of, probe) && sound;
}

/* How long mod_proxy waits for an answer on the way to an address; 0 where a balancer's members say it. */
static apr_interval_time_t proxy_patience(const host *of, const char *real)
{
    const proxy_server_conf *conf = ap_get_module_config(of->server->module_config, ap_find_linked_module("mod_proxy.c"));
    const proxy_worker_shared *found = finq_proxied_worker(of->server, real);
    if (strncmp(real, "balancer:", 9) == 0)
        return 0;
    if (found && found->timeout_set)
        return found->timeout;
    return conf->timeout_set ? conf->timeout : of->server->timeout;
}

static int connector_is_patient(const host *of, const finq_connector *connector)
{
    const char *real = finq_proxied_to(of->server, connector->path);
    if (!real || proxy_patience(of, real) < apr_time_from_sec(FINQ_STEP_CLAIM))
        return 1;
    return say(of, APLOG_EMERG,
               apr_psprintf(of->pool,
                            "FinqConnector %s: the ProxyPass of %s waits for an answer for %d seconds or longer,"
                            " and a step is kept for it no longer than that: say timeout=20",
                            connector->name, connector->path, FINQ_STEP_CLAIM));
}

static int page_check(const host *of, const finq_connector *connector)
{
    if (finq_paths_sandbox(of->config, connector->page))
        return 1;
    return say(of, APLOG_WARNING,
               apr_psprintf(of->pool, "FinqConnector %s: no Location of this host with SetHandler finq-sandbox has its page, %s",
                            connector->name, connector->page));
}

static int connectors_check(const host *of)
{
    int sound = 1;
    for (int i = 0; i < of->config->connectors->nelts; i++) {
        const finq_connector *connector = &APR_ARRAY_IDX(of->config->connectors, i, finq_connector);
        if (connector->page) {
            sound = page_check(of, connector) && sound;
            continue;
        }
        if (!finq_proxied_to(of->server, connector->path))
            sound = say(of, APLOG_WARNING,
                        apr_psprintf(of->pool, "FinqConnector %s: no ProxyPass leads from %s to it", connector->name,
                                     connector->path)) &&
                    sound;
        sound = connector_is_patient(of, connector) && sound;
    }
    return sound;
}

/* ---- signatures ---- */

static size_t length_of(const char *path)
{
    size_t length = strlen(path);
    return length - (length > 0 && path[length - 1] == '/');
}

/* A narrower Location may make an exception of itself; a wider one, or one of the same path, comes by mistake. */
static int is_narrower(const core_dir_config *later, const core_dir_config *earlier)
{
    return !later->r && !later->d_is_fnmatch && !earlier->r && length_of(later->d) > length_of(earlier->d);
}

static int signature_check(const host *of, const char *base)
{
    const core_server_config *core = ap_get_core_module_config(of->server->module_config);
    const char *probe = apr_pstrcat(of->pool, base, PROBE, NULL);
    const core_dir_config *requiring = NULL;
    for (int i = 0; i < core->sec_url->nelts; i++) {
        ap_conf_vector_t *vector = APR_ARRAY_IDX(core->sec_url, i, ap_conf_vector_t *);
        const core_dir_config *section = ap_get_core_module_config(vector);
        const finq_location *location = ap_get_module_config(vector, &finq_module);
        if (!location || location->signature < 0 || !finq_proxied_section_holds(section, probe))
            continue;
        if (location->signature)
            requiring = section;
        else if (requiring && !is_narrower(section, requiring))
            return say(of, APLOG_EMERG,
                       apr_psprintf(of->pool,
                                    "FinqSignature required of Location %s is undone by FinqSignature off of"
                                    " Location %s, which comes later: put the wider one first",
                                    requiring->d, section->d));
    }
    return 1;
}

/* ---- all of it ---- */

int finq_configtest_check(server_rec *main_server, apr_pool_t *pconf)
{
    int sound = 1;
    for (server_rec *server = main_server; server; server = server->next) {
        const host of = {server, finq_config_of(server), pconf};
        const apr_array_header_t *bases = of.config->bases;
        documents_check(&of);
        require_check(&of);
        if (bases->nelts == 0)
            continue;
        sound = dbd_check(&of) && sound;
        sound = file_check(&of) && sound;
        sound = hosts_check(&of) && sound;
        sound = scan_check(&of) && sound;
        sound = connectors_check(&of) && sound;
        for (int i = 0; i < bases->nelts; i++) {
            sound = base_keeps(&of, APR_ARRAY_IDX(bases, i, const char *)) && sound;
            sound = signature_check(&of, APR_ARRAY_IDX(bases, i, const char *)) && sound;
        }
    }
    return sound;
}
