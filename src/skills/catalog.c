#include "skills/catalog.h"

#include <string.h>

#include "crypto/digest.h"
#include "json/json.h"

static const finq_pg_statement statements[] = {
    [FINQ_CATALOG_SKILLS] = {"finq_catalog_skills", "SELECT outcome, catalog FROM finq.catalog_skills($1, $2, $3)"},
    [FINQ_CATALOG_SERVICERS] = {"finq_catalog_servicers", "SELECT outcome, catalog FROM finq.catalog_servicers($1, $2, $3)"},
};

static finq_error *refusal(const char *outcome, apr_pool_t *pool)
{
    static const struct {
        const char *outcome, *message;
    } rows[] = {
        {"invalid_client_id", "client_id is not known."},
        {"invalid_client_app_key", "client_app_key is not one of this client's."},
        {"unauthorized_tenant", "The tenant is disabled."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].outcome, outcome) == 0)
            return finq_error_make(pool, finq_code_by_name(outcome), "%s", rows[i].message);
    }
    return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "database: unknown outcome \"%s\"", outcome);
}

finq_error *finq_catalog_read(const char **json, finq_catalog catalog, const finq_service *service,
                              const finq_catalog_claim *claim, apr_pool_t *pool)
{
    unsigned char hash[FINQ_DIGEST_SHA256];
    const apr_array_header_t *skills = service->skills;
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_digest_sha256(hash, claim->app_key, strlen(claim->app_key));
    finq_pg_arg_id(&args, &claim->client_id);
    finq_pg_arg_bytes(&args, hash, sizeof hash);
    finq_pg_arg_text(&args, skills ? finq_pg_array((const char *const *)skills->elts, skills->nelts, pool) : NULL);
    FINQ_TRY(service->db->call(service->db, &rows, &statements[catalog], &args, pool));
    const char *outcome = finq_pg_text(rows, 0, 0, pool);
    if (strcmp(outcome, "ok") != 0)
        return refusal(outcome, pool);
    char *text = (char *)finq_pg_text(rows, 0, 1, pool);
    text[finq_json_compact(text, text, strlen(text))] = '\0'; /* as text, so that no number and no order changes */
    *json = text;
    return NULL;
}
