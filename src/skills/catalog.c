#include "skills/catalog.h"

#include <apr_strings.h>
#include <string.h>

#include "crypto/digest.h"
#include "db/calls.h"
#include "db/outcome.h"
#include "json/json.h"
#include "skills/translation.h"

static finq_error *catalog_ask(finq_catalog_answer_row *row, finq_catalog catalog, finq_db *db, const finq_catalog_claim *claim,
                               apr_pool_t *pool)
{
    unsigned char hash[FINQ_DIGEST_SHA256];
    const apr_array_header_t *skills = claim->skills;
    const char *only = skills ? finq_pg_array((const char *const *)skills->elts, skills->nelts, pool) : NULL;
    finq_digest_sha256(hash, claim->app_key, strlen(claim->app_key));
    finq_catalog_skills_in of_skills = {.client_id = &claim->client_id,
                                        .app_key_hash = {hash, sizeof hash},
                                        .only = only,
                                        .skill = claim->skill,
                                        .language = claim->language};
    finq_catalog_servicers_in of_servicers = {.client_id = &claim->client_id, .app_key_hash = {hash, sizeof hash}, .only = only};
    return catalog == FINQ_CATALOG_SKILLS ? finq_call_catalog_skills(row, db, &of_skills, pool)
                                          : finq_call_catalog_servicers(row, db, &of_servicers, pool);
}

/* Each skill's texts in the language that was asked for, which stand beside it, in the place of its own. */
static finq_error *catalog_translate(const char **json, apr_pool_t *pool)
{
    finq_numbers *numbers = finq_numbers_make(pool);
    json_t *wrapped, *skill;
    size_t i;
    FINQ_TRY(finq_json_stored(&wrapped, numbers, apr_pstrcat(pool, "{\"skills\":", *json, "}", NULL), pool));
    json_array_foreach(json_object_get(wrapped, "skills"), i, skill)
    {
        finq_translation_apply(skill, json_object_get(skill, "translations"), pool);
        json_object_del(skill, "translations");
    }
    *json = finq_json_text_spelt(json_object_get(wrapped, "skills"), numbers, pool);
    return NULL;
}

finq_error *finq_catalog_read(const char **json, finq_catalog catalog, finq_db *db, const finq_catalog_claim *claim,
                              apr_pool_t *pool)
{
    finq_catalog_answer_row row;
    FINQ_TRY(catalog_ask(&row, catalog, db, claim, pool));
    if (strcmp(row.outcome, "ok") != 0)
        return finq_outcome_refusal(row.outcome, pool);
    char *text = apr_pstrdup(pool, row.catalog);
    text[finq_json_compact(text, text, strlen(text))] = '\0'; /* as text, so that no number and no order changes */
    *json = text;
    return claim->language ? catalog_translate(json, pool) : NULL;
}
