/* Configuration: what the directives said, per virtual host. Defaults stand in one place, src/httpd/host/settings.c. */
#ifndef FINQ_CONFIG_H
#define FINQ_CONFIG_H

#include <httpd.h>
#include <http_config.h>

#include "meter/bucket.h"
#include "ground/id.h"
#include "crypto/data_key.h"
#include "crypto/mac.h"
#include "meter/metrics.h"
#include "crypto/secrets.h"

extern module AP_MODULE_DECLARE_DATA finq_module __attribute__((visibility("default")));

struct finq_runtime;

/** What is limited (httpd/limits.h). */
typedef enum { FINQ_LIMIT_ADDRESS, FINQ_LIMIT_TENANT, FINQ_LIMIT_FAILURE, FINQ_LIMITS } finq_limit;

/** What has a quota (httpd/quota.h). */
typedef enum { FINQ_QUOTA_STEP, FINQ_QUOTA_SESSION, FINQ_QUOTA_TENANT, FINQ_QUOTAS } finq_quota;

/** The rate of what is not; a burst of 0 is one that no directive has set. */
#define FINQ_LIMIT_OFF ((finq_bucket_rate){0, 1})

/** A service that decides about steps: behind a ProxyPass, or the sandbox bank of this server. */
typedef struct finq_connector {
    const char *name;
    const char *page; /**< the path of the sandbox bank's page, which then is the service; else NULL */
    const char *path; /**< that a ProxyPass leads on; NULL of the sandbox bank, and so below */
    const finq_mac_keys *keys;
    int limit;           /**< threads of a child that may ask it at once; 0 for a quarter of them */
    apr_uint32_t *asked; /**< how many do in this child, on all hosts that have a connector of this name */
} finq_connector;

/** A directory that httpd serves by an Alias or its kin. */
typedef struct finq_served {
    const char *directive, *path;
} finq_served;

/** What mod_dbd was told; a number that is negative it was not. */
typedef struct finq_dbd_settings {
    const char *driver, *params;
    const char *open_file; /**< where a password stands for everybody to read; NULL for nowhere */
    int least, kept, most;
} finq_dbd_settings;

/** A RewriteRule that leads to another server. */
typedef struct finq_rewrite {
    const char *pattern;
    ap_regex_t *regex;
    int is_negated;
} finq_rewrite;

/** A virtual host's settings. Times are seconds, sizes bytes. Read-only once the server runs. */
typedef struct finq_config {
    const char *secret_file;
    finq_secrets *secrets;
    const char *data_key_file;
    finq_data_keys *data_keys;
    struct finq_receipt_keys *receipt_keys; /**< NULL where no receipt can be signed */
    const char *upload_dir;
    const char *scan; /**< clamd's socket; "" for none */
    int scan_timeout;
    const finq_id *tenant;      /**< the only tenant that is served; NULL for each of the database */
    apr_array_header_t *skills; /**< of const char *: what may be started here; NULL for all that is granted */
    int nonce_ttl, temp_token_ttl, session_ttl, upload_ttl, cache_ttl;
    int janitor_interval, session_retention, event_retention, audit_retention; /**< the main server's count */
    int key_cache_ttl;
    const char *signature_audience;
    int signature_max_lifetime;
    int signature_replay; /**< a flag: FinqSignatureReplay require */
    int max_body;
    int max_megapixels; /**< of a picture */
    int max_uploads;    /**< uploads under way at once in a child; 0 for half of its threads */
    int database_timeout;
    int database_concurrency;          /**< connections in use at once in all children; 0 for DBDMax of each */
    int page_handoff;                  /**< a flag: pages may go over to a phone */
    int prepared_statements;           /**< a flag */
    apr_array_header_t *allow_headers; /**< of const char *: what other origins may send beside the usual ones; NULL: nothing */
    apr_array_header_t *allow_origins; /**< of const char *; NULL or empty: no other origin */
    apr_array_header_t *bases;         /**< of const char *: the paths of the Locations with SetHandler finq */
    apr_array_header_t *pages;         /**< of const char *: the paths of those with SetHandler finq-page */
    apr_array_header_t *readings;      /**< of const char *: the paths of those with SetHandler finq-documents */
    apr_array_header_t *sandboxes;     /**< of const char *: the paths of those with SetHandler finq-sandbox */
    const char *page_dir;              /**< whose files replace what pages are made of; NULL for none */
    const struct finq_pages *page_set; /**< what pages are made of; NULL where this host has none */
    finq_bucket_rate limits[FINQ_LIMITS];
    apr_int64_t upload_quota[FINQ_QUOTAS]; /**< bytes of documents that may be stored; 0 for any number */
    int limit_clients;                     /**< that the tables of limits have room for; the main server's counts */
    int host_number;                       /**< this host's, counted from 0 */
    finq_metrics *metrics;                 /**< its counters, in memory that children share */
    apr_array_header_t *connectors;        /**< of finq_connector; of two of one name the first counts */
    finq_dbd_settings dbd;
    apr_array_header_t *rewrites;    /**< of finq_rewrite: of this host's own directives */
    apr_array_header_t *served;      /**< of finq_served: of this host's own directives */
    apr_array_header_t *upload_dirs; /**< of const char *: the FinqUploadDir of all hosts */
    apr_array_header_t *guarded;     /**< of const char *: the paths of all hosts' connectors */
    const char *open_documents;      /**< the path of one that names no AuthType of its own; NULL for none */
    const char *open_require;     /**< the path of a Require finq-consent that nobody answers for: no AuthType; NULL for none */
    int requires;                 /**< a flag: Require finq-consent stands somewhere on this host */
    struct finq_runtime *runtime; /**< what a child holds for this host (httpd/runtime.h); NULL before it runs */
} finq_config;

/** Whether a host has anything that asks the database: a base, a page, or a Location that reads documents or requires a consent. */
int finq_config_serves(const finq_config *config);

/** The settings of a server, defaults filled in. */
finq_config *finq_config_of(const server_rec *server);

/** The connector of a name; NULL where this host has none. */
const finq_connector *finq_config_connector(const finq_config *config, const char *name);

/** A directive that is a number: what it may be, and what it is where nobody says. */
typedef struct finq_config_number {
    const char *name;
    apr_size_t offset; /**< in finq_config */
    const char *unit;  /**< "seconds" may be given as a time */
    int low, high, preset;
} finq_config_number;

/** The number that a directive sets, which must be one of those. */
const finq_config_number *finq_config_number_named(const char *directive);
int *finq_config_number_of(finq_config *config, const finq_config_number *number);

/** What FinqTenant and FinqSkills say to undo those of the whole server: as good as unset, but not for the merge. */
extern const finq_id finq_config_any_tenant;
extern apr_array_header_t finq_config_all_skills;

/** Gives what no directive has set its default, once all directives have been read. */
void finq_config_fill(finq_config *config);

/* For the module record. */
void *finq_config_create(apr_pool_t *pool, server_rec *server);
void *finq_config_merge(apr_pool_t *pool, void *base, void *add);

#endif
