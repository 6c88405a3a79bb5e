#include "httpd/settings.h"

#include <stddef.h>
#include <string.h>

#include "sign/check.h"

#define UNSET (-1)

const finq_id finq_config_any_tenant;
apr_array_header_t finq_config_all_skills;

static const char seconds[] = "seconds";

static const finq_config_number numbers[] = {
    {"FinqNonceTTL", offsetof(finq_config, nonce_ttl), seconds, 10, 86400, 1800},
    {"FinqTempTokenTTL", offsetof(finq_config, temp_token_ttl), seconds, 10, 86400, 1800},
    {"FinqSessionTTL", offsetof(finq_config, session_ttl), seconds, 60, 2592000, 86400},
    {"FinqUploadTTL", offsetof(finq_config, upload_ttl), seconds, 60, 604800, 86400},
    {"FinqCacheTTL", offsetof(finq_config, cache_ttl), seconds, 0, 300, 5},
    {"FinqDatabaseTimeout", offsetof(finq_config, database_timeout), seconds, 1, 60, 5},
    {"FinqDatabaseConcurrency", offsetof(finq_config, database_concurrency), "connections", 0, 100000, 0},
    {"FinqScanTimeout", offsetof(finq_config, scan_timeout), seconds, 1, 600, 30},
    {"FinqMaxBody", offsetof(finq_config, max_body), "bytes", 1024, 1048576, 65536},
    {"FinqMaxMegapixels", offsetof(finq_config, max_megapixels), "megapixels", 1, 10000, 100},
    {"FinqMaxUploads", offsetof(finq_config, max_uploads), "uploads", 0, 100000, 0},
    {"FinqSignatureMaxLifetime", offsetof(finq_config, signature_max_lifetime), seconds, 1, 86400, FINQ_CHECK_LIFETIME_MOST},
    {"FinqKeyCacheTTL", offsetof(finq_config, key_cache_ttl), seconds, 0, 3600, 60},
    {"FinqJanitorInterval", offsetof(finq_config, janitor_interval), seconds, 1, 86400, 60},
    {"FinqSessionRetention", offsetof(finq_config, session_retention), seconds, 0, 315360000, 2592000},
    {"FinqEventRetention", offsetof(finq_config, event_retention), seconds, 0, 315360000, 2592000},
    {"FinqAuditRetention", offsetof(finq_config, audit_retention), seconds, 86400, 1576800000, 315360000},
    {"FinqLimitClients", offsetof(finq_config, limit_clients), "clients", 64, 16777216, 65536},
};
#define NUMBERS (sizeof numbers / sizeof *numbers)

/* Keys are too long to be guessed, so what limits failures protects the database, and may be generous to addresses that
 * many share. How much a client may ask only the operator knows. */
static const finq_bucket_rate limit_presets[FINQ_LIMITS] = {
    [FINQ_LIMIT_ADDRESS] = {0, 1},
    [FINQ_LIMIT_TENANT] = {0, 1},
    [FINQ_LIMIT_FAILURE] = {APR_USEC_PER_SEC, 100},
};

#define MEBIBYTE ((apr_int64_t)1024 * 1024)
static const apr_int64_t quota_presets[FINQ_QUOTAS] = {
    [FINQ_QUOTA_STEP] = 100 * MEBIBYTE, [FINQ_QUOTA_SESSION] = 500 * MEBIBYTE, [FINQ_QUOTA_TENANT] = 0};

const finq_config_number *finq_config_number_named(const char *name)
{
    const finq_config_number *row = numbers;
    while (strcmp(row->name, name) != 0) /* every directive that asks stands in the table */
        row++;
    return row;
}

int *finq_config_number_of(finq_config *config, const finq_config_number *row)
{
    return (int *)((char *)config + row->offset);
}

/* ---- create, merge, read ---- */

void *finq_config_create(apr_pool_t *pool, server_rec *server)
{
    finq_config *config = apr_pcalloc(pool, sizeof *config);
    (void)server;
    for (apr_size_t i = 0; i < NUMBERS; i++)
        *finq_config_number_of(config, &numbers[i]) = UNSET;
    for (int i = 0; i < FINQ_QUOTAS; i++)
        config->upload_quota[i] = UNSET;
    config->prepared_statements = UNSET;
    config->page_handoff = UNSET;
    config->signature_replay = UNSET;
    config->bases = apr_array_make(pool, 2, sizeof(const char *));
    config->pages = apr_array_make(pool, 2, sizeof(const char *));
    config->readings = apr_array_make(pool, 2, sizeof(const char *));
    config->sandboxes = apr_array_make(pool, 2, sizeof(const char *));
    config->connectors = apr_array_make(pool, 2, sizeof(finq_connector));
    config->dbd.least = config->dbd.kept = config->dbd.most = UNSET;
    config->rewrites = apr_array_make(pool, 2, sizeof(finq_rewrite));
    config->served = apr_array_make(pool, 2, sizeof(finq_served));
    return config;
}

/* As mod_dbd does. */
static finq_dbd_settings dbd_merge(const finq_dbd_settings *base, const finq_dbd_settings *add)
{
    finq_dbd_settings merged = *base;
    if (add->driver)
        merged.driver = add->driver;
    if (add->params) {
        merged.params = add->params;
        merged.open_file = add->open_file;
    }
    merged.least = add->least != UNSET ? add->least : base->least;
    merged.kept = add->kept != UNSET ? add->kept : base->kept;
    merged.most = add->most != UNSET ? add->most : base->most;
    return merged;
}

#define PICK(member) merged->member = add->member ? add->member : base->member

void *finq_config_merge(apr_pool_t *pool, void *base_config, void *add_config)
{
    finq_config *base = base_config, *add = add_config, *merged = apr_pcalloc(pool, sizeof *merged);
    merged->secret_file = add->secret_file ? add->secret_file : base->secret_file;
    merged->secrets = add->secret_file ? add->secrets : base->secrets;
    PICK(data_key_file);
    PICK(data_keys);
    PICK(receipt_keys);
    PICK(upload_dir);
    PICK(scan);
    PICK(tenant);
    PICK(skills);
    PICK(allow_headers);
    PICK(allow_origins);
    merged->bases = apr_array_append(pool, base->bases, add->bases); /* httpd serves a main server's Locations on every host */
    merged->pages = apr_array_append(pool, base->pages, add->pages);
    merged->readings = apr_array_append(pool, base->readings, add->readings);
    merged->sandboxes = apr_array_append(pool, base->sandboxes, add->sandboxes);
    PICK(page_dir);
    merged->requires = base->requires || add->requires;
    PICK(open_documents);
    PICK(open_require);
    merged->served = add->served;
    merged->rewrites = add->rewrites;
    merged->dbd = dbd_merge(&base->dbd, &add->dbd);
    merged->connectors = apr_array_append(pool, add->connectors, base->connectors);
    for (apr_size_t i = 0; i < NUMBERS; i++) {
        int over = *finq_config_number_of(add, &numbers[i]);
        *finq_config_number_of(merged, &numbers[i]) = over != UNSET ? over : *finq_config_number_of(base, &numbers[i]);
    }
    for (int i = 0; i < FINQ_LIMITS; i++)
        merged->limits[i] = add->limits[i].burst ? add->limits[i] : base->limits[i];
    for (int i = 0; i < FINQ_QUOTAS; i++)
        merged->upload_quota[i] = add->upload_quota[i] != UNSET ? add->upload_quota[i] : base->upload_quota[i];
    PICK(signature_audience);
    merged->signature_replay = add->signature_replay != UNSET ? add->signature_replay : base->signature_replay;
    merged->page_handoff = add->page_handoff != UNSET ? add->page_handoff : base->page_handoff;
    merged->prepared_statements = add->prepared_statements != UNSET ? add->prepared_statements : base->prepared_statements;
    return merged;
}

int finq_config_serves(const finq_config *config)
{
    return config->bases->nelts > 0 || config->pages->nelts > 0 || config->readings->nelts > 0 || config->requires;
}

finq_config *finq_config_of(const server_rec *server)
{
    return ap_get_module_config(server->module_config, &finq_module);
}

void finq_config_fill(finq_config *config)
{
    for (apr_size_t i = 0; i < NUMBERS; i++) {
        int *number = finq_config_number_of(config, &numbers[i]);
        if (*number == UNSET)
            *number = numbers[i].preset;
    }
    for (int i = 0; i < FINQ_LIMITS; i++) {
        if (!config->limits[i].burst)
            config->limits[i] = limit_presets[i];
    }
    if (config->page_handoff == UNSET)
        config->page_handoff = 1;
    if (config->prepared_statements == UNSET)
        config->prepared_statements = 1;
    if (config->signature_replay == UNSET)
        config->signature_replay = 0;
    for (int i = 0; i < FINQ_QUOTAS; i++) {
        if (config->upload_quota[i] == UNSET)
            config->upload_quota[i] = quota_presets[i];
    }
    if (!config->scan)
        config->scan = "";
    if (!config->signature_audience)
        config->signature_audience = "api.finqware.com";
    if (config->tenant == &finq_config_any_tenant)
        config->tenant = NULL;
    if (config->skills == &finq_config_all_skills)
        config->skills = NULL;
}

const finq_connector *finq_config_connector(const finq_config *config, const char *name)
{
    for (int i = 0; i < config->connectors->nelts; i++) {
        const finq_connector *connector = &APR_ARRAY_IDX(config->connectors, i, finq_connector);
        if (strcmp(connector->name, name) == 0)
            return connector;
    }
    return NULL;
}
