#include "httpd/directives.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <string.h>
#include <sys/stat.h>

#include "httpd/cors.h"
#include "httpd/configtest.h"
#include "httpd/connectors.h"
#include "httpd/limits.h"
#include "httpd/location.h"
#include "httpd/placed.h"
#include "httpd/quota.h"
#include "httpd/served.h"
#include "httpd/request.h"
#include "sign/check.h"
#include "sign/receipt.h"
#include "page/words.h"
#include "skills/skill.h"

APLOG_USE_MODULE(finq);

/* A number of seconds as Apache's directives take it, or of days (d) or years (y) of 365; -1 where it is none. */
static apr_int64_t seconds_of(const char *value)
{
    char *end;
    apr_interval_time_t time;
    apr_int64_t number = apr_strtoi64(value, &end, 10);
    if (end != value && (strcmp(end, "d") == 0 || strcmp(end, "y") == 0))
        return number < 0 || number > APR_INT32_MAX ? -1 : number * (*end == 'd' ? 86400 : 365 * 86400);
    if (ap_timeout_parameter_parse(value, &time, "s") != APR_SUCCESS || time % APR_USEC_PER_SEC != 0)
        return -1;
    return apr_time_sec(time);
}

static const char *set_number(cmd_parms *cmd, void *dummy, const char *value)
{
    const finq_config_number *row = finq_config_number_named(cmd->cmd->name);
    finq_config *config = finq_config_of(cmd->server);
    char *end;
    int is_time = strcmp(row->unit, "seconds") == 0;
    apr_int64_t number = is_time ? seconds_of(value) : apr_strtoi64(value, &end, 10);
    (void)dummy;
    if (!is_time && (end == value || *end != '\0'))
        number = -1;
    if (number < row->low || number > row->high)
        return apr_psprintf(cmd->pool, "%s must be a whole number of %s from %d to %d%s, not \"%s\"", row->name, row->unit,
                            row->low, row->high, is_time ? " (units such as 30min, 24h or 30d may be given)" : "", value);
    *finq_config_number_of(config, row) = (int)number;
    return NULL;
}

static const char *set_server_number(cmd_parms *cmd, void *dummy, const char *value)
{
    const char *misplaced = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    return misplaced ? misplaced : set_number(cmd, dummy, value);
}

static const char *set_secret_file(cmd_parms *cmd, void *dummy, const char *value)
{
    finq_config *config = finq_config_of(cmd->server);
    (void)dummy;
    config->secret_file = ap_server_root_relative(cmd->pool, value);
    finq_error *error = finq_secrets_load(&config->secrets, config->secret_file, cmd->pool);
    return error ? apr_pstrcat(cmd->pool, "FinqSecretFile: ", error->cause, NULL) : NULL;
}

static const char *set_data_key(cmd_parms *cmd, void *dummy, const char *value)
{
    finq_config *config = finq_config_of(cmd->server);
    (void)dummy;
    config->data_key_file = ap_server_root_relative(cmd->pool, value);
    finq_error *error = finq_data_keys_load(&config->data_keys, config->data_key_file, cmd->pool);
    return error ? apr_pstrcat(cmd->pool, "FinqDataKey: ", error->cause, NULL) : NULL;
}

static const char *set_receipt_key(cmd_parms *cmd, void *dummy, const char *value)
{
    finq_receipt_keys **keys = &finq_config_of(cmd->server)->receipt_keys;
    finq_error *error = finq_receipt_keys_add(keys, ap_server_root_relative(cmd->pool, value), cmd->pool);
    (void)dummy;
    return error ? apr_pstrcat(cmd->pool, "FinqReceiptKey: ", finq_error_why(error), NULL) : NULL;
}

static const char *set_upload_dir(cmd_parms *cmd, void *dummy, const char *value)
{
    finq_config *config = finq_config_of(cmd->server);
    apr_finfo_t info;
    (void)dummy;
    config->upload_dir = ap_server_root_relative(cmd->pool, value);
    if (apr_stat(&info, config->upload_dir, APR_FINFO_TYPE, cmd->temp_pool) != APR_SUCCESS || info.filetype != APR_DIR)
        return apr_psprintf(cmd->pool,
                            "FinqUploadDir %s is not a directory: make it, owned by the user that Apache's children run as,"
                            " mode 0700, outside all that httpd serves",
                            config->upload_dir);
    return NULL;
}

static const char *set_page_dir(cmd_parms *cmd, void *dummy, const char *value)
{
    finq_config *config = finq_config_of(cmd->server);
    finq_pages *pages;
    (void)dummy;
    config->page_dir = ap_server_root_relative(cmd->pool, value);
    finq_error *error = finq_pages_load(&pages, config->page_dir, cmd->temp_pool);
    return error ? apr_pstrcat(cmd->pool, "FinqPageDir: ", error->cause, NULL) : NULL;
}

/* The longest path that a socket can have: sun_path with its NUL. */
#define SOCKET_PATH_MOST 107

static const char *set_scan(cmd_parms *cmd, void *dummy, const char *value)
{
    static const char clamd[] = "clamd:";
    const char *path = value + sizeof clamd - 1;
    (void)dummy;
    finq_config_of(cmd->server)->scan = "";
    if (strcmp(value, "off") == 0)
        return NULL;
    if (strncmp(value, clamd, sizeof clamd - 1) != 0 || path[0] != '/' || strlen(path) > SOCKET_PATH_MOST)
        return apr_psprintf(cmd->pool,
                            "FinqScan is off, or clamd: and the path of clamd's LocalSocket, at most %d bytes, such as"
                            " clamd:/run/clamav/clamd.ctl; not \"%s\"",
                            SOCKET_PATH_MOST, value);
    finq_config_of(cmd->server)->scan = path;
    return NULL;
}

static const char *set_tenant(cmd_parms *cmd, void *dummy, const char *value)
{
    finq_id *tenant = apr_palloc(cmd->pool, sizeof *tenant);
    (void)dummy;
    finq_config_of(cmd->server)->tenant = tenant;
    if (strcmp(value, "any") == 0)
        finq_config_of(cmd->server)->tenant = &finq_config_any_tenant;
    else if (!finq_id_parse(tenant, value))
        return apr_psprintf(cmd->pool, "FinqTenant takes a client_id, a UUID as finqctl tenant list shows it, or any; not \"%s\"",
                            value);
    return NULL;
}

static const char *set_skill(cmd_parms *cmd, void *dummy, const char *value)
{
    finq_config *config = finq_config_of(cmd->server);
    (void)dummy;
    if (strcmp(value, "all") == 0) {
        config->skills = &finq_config_all_skills;
        return NULL;
    }
    if (!finq_skill_is_name(value, cmd->temp_pool))
        return apr_psprintf(
            cmd->pool, "FinqSkills takes names of skills such as xyz_sbx_#3.0, blanks between them, or all; not \"%s\"", value);
    if (!config->skills || config->skills == &finq_config_all_skills)
        config->skills = apr_array_make(cmd->pool, 4, sizeof(const char *));
    APR_ARRAY_PUSH(config->skills, const char *) = value;
    return NULL;
}

static const char *set_prepared(cmd_parms *cmd, void *dummy, int value)
{
    (void)dummy;
    finq_config_of(cmd->server)->prepared_statements = value;
    return NULL;
}

static const char *set_page_handoff(cmd_parms *cmd, void *dummy, int value)
{
    (void)dummy;
    finq_config_of(cmd->server)->page_handoff = value;
    return NULL;
}

static const char *set_audience(cmd_parms *cmd, void *dummy, const char *value)
{
    (void)dummy;
    finq_config_of(cmd->server)->signature_audience = value;
    return *value ? NULL : "FinqSignatureAudience cannot be empty";
}

static const char *set_replay(cmd_parms *cmd, void *dummy, const char *value)
{
    int require = strcasecmp(value, "require") == 0;
    (void)dummy;
    if (!require && strcasecmp(value, "optional") != 0)
        return apr_psprintf(cmd->pool, "FinqSignatureReplay is optional or require, not \"%s\"", value);
    finq_config_of(cmd->server)->signature_replay = require;
    return NULL;
}

const command_rec finq_directives[] = {
    AP_INIT_TAKE1(
        "SetHandler", finq_placed_see, NULL, RSRC_CONF | ACCESS_CONF | OR_FILEINFO,
        "finq serves the onboarding API at this Location, finq-page its pages, finq-documents its documents to those who"
        " may read them, finq-sandbox the sandbox bank"),
    AP_INIT_TAKE1("DBDriver", finq_configtest_see_dbd, NULL, RSRC_CONF, "mod_dbd's"),
    AP_INIT_TAKE1("DBDParams", finq_configtest_see_dbd, NULL, RSRC_CONF, "mod_dbd's"),
    AP_INIT_TAKE1("DBDMin", finq_configtest_see_dbd, NULL, RSRC_CONF, "mod_dbd's"),
    AP_INIT_TAKE1("DBDKeep", finq_configtest_see_dbd, NULL, RSRC_CONF, "mod_dbd's"),
    AP_INIT_TAKE1("DBDMax", finq_configtest_see_dbd, NULL, RSRC_CONF, "mod_dbd's"),
    AP_INIT_RAW_ARGS("RewriteRule", finq_configtest_see_rewrite, NULL, OR_FILEINFO, "mod_rewrite's"),
    AP_INIT_TAKE12("Alias", finq_served_see, NULL, RSRC_CONF | ACCESS_CONF, "mod_alias's"),
    AP_INIT_TAKE12("ScriptAlias", finq_served_see, NULL, RSRC_CONF | ACCESS_CONF, "mod_alias's"),
    AP_INIT_TAKE2("AliasMatch", finq_served_see, NULL, RSRC_CONF, "mod_alias's"),
    AP_INIT_TAKE2("ScriptAliasMatch", finq_served_see, NULL, RSRC_CONF, "mod_alias's"),
    AP_INIT_TAKE1("FinqSecretFile", set_secret_file, NULL, RSRC_CONF,
                  "File of the server's secrets, one a line, 64 hexadecimal digits or more; the first seals, all open"),
    AP_INIT_TAKE1("FinqDataKey", set_data_key, NULL, RSRC_CONF,
                  "File of the keys that wrap sessions' data keys, in the form of a secret file; the first wraps, all unwrap"),
    AP_INIT_ITERATE("FinqReceiptKey", set_receipt_key, NULL, RSRC_CONF,
                    "Files of private keys, Ed25519: the first signs the receipts of erasures, /keys shows all that verify"),
    AP_INIT_TAKE1("FinqUploadDir", set_upload_dir, NULL, RSRC_CONF, "Directory of uploaded documents"),
    AP_INIT_TAKE_ARGV("FinqUploadQuota", finq_quota_configure, NULL, RSRC_CONF,
                      "Bytes of documents that may be stored (default: step 100M session 500M tenant off)"),
    AP_INIT_TAKE1("FinqPageDir", set_page_dir, NULL, RSRC_CONF,
                  "Directory whose page.html, page.css, page.js and words (ro.json, …) replace those of pages themselves"),
    AP_INIT_FLAG("FinqPageHandoff", set_page_handoff, NULL, RSRC_CONF,
                 "on (default) offers to go on with a phone, for its camera, where a page asks for pictures; or off"),
    AP_INIT_TAKE1("FinqScan", set_scan, NULL, RSRC_CONF,
                  "clamd:/path of its socket, which each document is shown to; or off (default)"),
    AP_INIT_TAKE1("FinqScanTimeout", set_number, NULL, RSRC_CONF,
                  "How long the scanner is waited for, of one document: 1 to 600 seconds (default 30)"),
    AP_INIT_TAKE1("FinqTenant", set_tenant, NULL, RSRC_CONF, "client_id of the one tenant that is served here, or any (default)"),
    AP_INIT_ITERATE("FinqSkills", set_skill, NULL, RSRC_CONF,
                    "Skills that may be started here, of those that a tenant is allowed; or all (default)"),
    AP_INIT_TAKE1("FinqNonceTTL", set_number, NULL, RSRC_CONF,
                  "Life of a nonce, and how long uploads to a step may follow it: 10 to 86400 seconds (default 1800)"),
    AP_INIT_TAKE1("FinqTempTokenTTL", set_number, NULL, RSRC_CONF, "Life of a temp_token: 10 to 86400 seconds (default 1800)"),
    AP_INIT_TAKE1("FinqSessionTTL", set_number, NULL, RSRC_CONF,
                  "Life of a session from its start to its last step: 60 to 2592000 seconds (default 86400)"),
    AP_INIT_TAKE1("FinqUploadTTL", set_number, NULL, RSRC_CONF,
                  "How long an upload that was cut can go on: 60 to 604800 seconds (default 86400)"),
    AP_INIT_TAKE1("FinqCacheTTL", set_number, NULL, RSRC_CONF,
                  "How long keys, grants and consents that are required are remembered: 0 to 300 seconds (default 5)"),
    AP_INIT_TAKE1("FinqDatabaseTimeout", set_number, NULL, RSRC_CONF,
                  "Longest wait for the database, connecting included: 1 to 60 seconds (default 5)"),
    AP_INIT_TAKE1("FinqDatabaseConcurrency", set_server_number, NULL, RSRC_CONF,
                  "Most connections to a database that all children use at once: 0 to 100000 (default 0: DBDMax of each child)"),
    AP_INIT_TAKE1("FinqMaxBody", set_number, NULL, RSRC_CONF, "Largest JSON body: 1024 to 1048576 bytes (default 65536)"),
    AP_INIT_TAKE1("FinqMaxMegapixels", set_number, NULL, RSRC_CONF,
                  "Most pixels of a picture, in millions: 1 to 10000 (default 100)"),
    AP_INIT_TAKE1("FinqMaxUploads", set_number, NULL, RSRC_CONF,
                  "Most uploads under way at once in a child: 0 to 100000 (default 0: half of its threads)"),
    AP_INIT_TAKE_ARGV("FinqRateLimit", finq_limits_set_rate, NULL, RSRC_CONF,
                      "How often an address, or a tenant, may ask: off (default), or such as: address 100/s burst 200"),
    AP_INIT_TAKE_ARGV("FinqFailureLimit", finq_limits_set_failures, NULL, RSRC_CONF,
                      "How often an address may fail to authenticate: off, or a rate (default 60/min burst 100)"),
    AP_INIT_TAKE1("FinqLimitClients", set_server_number, NULL, RSRC_CONF,
                  "Addresses, and tenants, that limits remember at once: 64 to 16777216 (default 65536)"),
    AP_INIT_FLAG("FinqPreparedStatements", set_prepared, NULL, RSRC_CONF,
                 "on (default) prepares statements once a connection; off suits transaction poolers"),
    AP_INIT_ITERATE("FinqAllowHeaders", finq_cors_set_header, NULL, RSRC_CONF,
                    "Headers that pages of other origins may send beside the API's own and tracing's, or none (default)"),
    AP_INIT_ITERATE("FinqAllowOrigin", finq_cors_set_origin, NULL, RSRC_CONF,
                    "Origins whose pages may call the API, * for any, or none (default)"),
    AP_INIT_TAKE1("FinqSignature", finq_location_set_signature, NULL, ACCESS_CONF,
                  "required: requests of this Location must be signed; off (default) looks at no signature"),
    AP_INIT_ITERATE("FinqSignatureSchemes", finq_location_set_scheme, NULL, ACCESS_CONF,
                    "jws, message (RFC 9421), or both, as where it is left out"),
    AP_INIT_TAKE1("FinqSignatureAudience", set_audience, NULL, RSRC_CONF, "What aud must name (default api.finqware.com)"),
    AP_INIT_TAKE1("FinqSignatureMaxLifetime", set_number, NULL, RSRC_CONF,
                  "Longest life of a signature: 1 to 86400 seconds (default " APR_STRINGIFY(FINQ_CHECK_LIFETIME_MOST) ")"),
    AP_INIT_TAKE1("FinqSignatureReplay", set_replay, NULL, RSRC_CONF,
                  "optional (default): a jti is used once where one is sent; require: one must be sent"),
    AP_INIT_TAKE1("FinqKeyCacheTTL", set_number, NULL, RSRC_CONF,
                  "How long signing keys are remembered, revoked ones too: 0 to 3600 seconds (default 60)"),
    AP_INIT_TAKE1("FinqJanitorInterval", set_server_number, NULL, RSRC_CONF,
                  "How often what is past its time is expired and removed: 1 to 86400 seconds (default 60)"),
    AP_INIT_TAKE1("FinqSessionRetention", set_server_number, NULL, RSRC_CONF,
                  "How long sessions stay that ended without a consent: 0 to 315360000 seconds (default 2592000)"),
    AP_INIT_TAKE1("FinqEventRetention", set_server_number, NULL, RSRC_CONF,
                  "How long events stay once delivered or given up: 0 to 315360000 seconds (default 2592000)"),
    AP_INIT_TAKE1("FinqAuditRetention", set_server_number, NULL, RSRC_CONF,
                  "How long lines of the audit trail stay: 86400 to 1576800000 seconds (default 315360000)"),
    AP_INIT_TAKE_ARGV("FinqConnector", finq_connector_configure, NULL, RSRC_CONF,
                      "A service that decides about steps: its name, the path that a ProxyPass leads to it, the file of the"
                      " secrets shared with it; and limit=N, how many threads of a child may ask it at once, else a quarter"),
    {NULL, {NULL}, NULL, 0, 0, NULL},
};

/* ---- the check ---- */

static int is_same_file(const char *one, const char *other)
{
    struct stat a, b;
    return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int server_check(finq_config *config, server_rec *server)
{
    const char *what = NULL;
    if (!finq_config_serves(config))
        return 1;
    if (!config->secrets)
        what = "FinqSecretFile is not set: openssl rand -hex 32 makes a secret";
    else if (!config->data_keys)
        what = "FinqDataKey is not set: openssl rand -hex 32 makes a key";
    else if (is_same_file(config->secret_file, config->data_key_file))
        what = "FinqDataKey and FinqSecretFile name one file: whoever has it would have both";
    else if (!config->upload_dir && (config->bases->nelts > 0 || config->readings->nelts > 0))
        what = "FinqUploadDir is not set";
    else if (config->pages->nelts > 0 && config->bases->nelts == 0)
        what = "SetHandler finq-page stands on a host without SetHandler finq, whose API its pages use";
    else if (!ap_find_linked_module("mod_dbd.c"))
        what = "mod_dbd is not loaded: a2enmod dbd, and set DBDriver pgsql and DBDParams";
    if (what)
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, server, "finq: %s (for %s, defined at %s:%u)", what,
                     server->server_hostname ? server->server_hostname : "the main server",
                     server->defn_name ? server->defn_name : "httpd.conf", server->defn_line_number);
    return what == NULL;
}

static int pages_load(finq_config *config, server_rec *server, apr_pool_t *pconf)
{
    finq_pages *pages = NULL;
    finq_error *error = config->pages->nelts > 0 ? finq_pages_load(&pages, config->page_dir, pconf) : NULL;
    if (error)
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, server, "finq: FinqPageDir: %s", error->cause);
    config->page_set = pages;
    return error == NULL;
}

/* A host that no directive of ours stands in shares the main server's settings; what a child holds for it is its own, since
 * its database may be. */
static finq_config *config_own(server_rec *server, server_rec *main_server, apr_pool_t *pool)
{
    finq_config *config = finq_config_of(server);
    if (server != main_server && config == finq_config_of(main_server)) {
        config = apr_pmemdup(pool, config, sizeof *config);
        ap_set_module_config(server->module_config, &finq_module, config);
    }
    return config;
}

int finq_directives_check(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server)
{
    int sound = 1, number = 0;
    (void)plog;
    (void)ptemp;
    for (server_rec *server = main_server; server; server = server->next) {
        finq_config *config = config_own(server, main_server, pconf);
        config->host_number = number++;
        finq_config_fill(config);
        sound = server_check(config, server) && pages_load(config, server, pconf) && sound;
    }
    sound = finq_connector_check(main_server, pconf) && sound;
    sound = finq_served_check(main_server, pconf) && sound;
    sound = finq_configtest_check(main_server, pconf) && sound;
    return sound ? OK : HTTP_INTERNAL_SERVER_ERROR;
}
