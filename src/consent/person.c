#include "consent/person.h"

#include <apr_strings.h>
#include <string.h>

#include "crypto/digest.h"
#include "db/calls.h"
#include "db/outcome.h"
#include "flow/sealed.h"
#include "flow/sealed_tree.h"
#include "ground/clock.h"

/* Longest key of a row, as finq.person_rows makes them: two ids. */
#define KEY_MOST 80

finq_error *finq_person_macs(const char **macs, const finq_person *person, const finq_data_keys *keys, apr_pool_t *pool)
{
    if (person->tenant_user_id)
        return finq_sealed_user_macs(macs, keys, &person->client_id, person->tenant_user_id, pool);
    return finq_sealed_consent_macs(macs, keys, person->credentials_id, pool);
}

/* ---- as a tenant's server asks ---- */

/* The database knows keys and tokens by their hashes alone. */
static finq_bytes hash_of(const char *text, apr_pool_t *pool)
{
    unsigned char *hash = apr_palloc(pool, FINQ_DIGEST_SHA256);
    if (!text)
        return (finq_bytes){NULL, 0};
    finq_digest_sha256(hash, text, strlen(text));
    return (finq_bytes){hash, FINQ_DIGEST_SHA256};
}

static finq_error *refusal_of(const char *outcome, apr_pool_t *pool)
{
    if (strcmp(outcome, "ok") == 0)
        return NULL;
    if (strcmp(outcome, "person_has_id") == 0)
        return finq_error_make(pool, FINQ_E_INVALID_FIELD,
                               "The consent is of somebody who has a tenant_user_id; send that instead of credentials_id.");
    return finq_outcome_error(outcome, NULL, "", pool);
}

finq_error *finq_person_page(const char **page, const finq_person *person, const char *part, const char *after,
                             const finq_service *service, apr_pool_t *pool)
{
    finq_user_export_out row;
    finq_user_export_in in = {
        .client_id = &person->client_id,
        .secret_hash = hash_of(person->client_secret, pool),
        .credentials_id = person->credentials_id,
        .access_token_hash = hash_of(person->access_token, pool),
        .part = part,
        .after = after,
    };
    FINQ_TRY(finq_person_macs(&in.user_macs, person, service->data_keys, pool));
    FINQ_TRY(finq_call_user_export(&row, service->db, &in, pool));
    *page = row.page;
    return refusal_of(row.outcome, pool);
}

finq_error *finq_person_erase(const char **claims, const finq_person *person, const finq_service *service, apr_pool_t *pool)
{
    finq_user_erase_out row;
    finq_user_erase_in in = {
        .client_id = &person->client_id,
        .secret_hash = hash_of(person->client_secret, pool),
        .credentials_id = person->credentials_id,
        .access_token_hash = hash_of(person->access_token, pool),
    };
    FINQ_TRY(finq_person_macs(&in.user_macs, person, service->data_keys, pool));
    FINQ_TRY(finq_call_user_erase(&row, service->db, &in, pool));
    *claims = row.claims;
    return refusal_of(row.outcome, pool);
}

/* ---- an export ---- */

static const char *const parts[] = {"sessions", "consents", "accounts", "transactions",
                                    "payments", "pages",    "events",   "documents"};

typedef struct {
    finq_person_pages *pages;
    const finq_person *person;
    const finq_data_keys *keys;
    finq_person_take take;
    void *baton;
    int is_begun, goes_on;
    char after[KEY_MOST]; /* the key that the next page begins behind; empty for the first */
} export;

static void say(export *e, const char *text)
{
    e->goes_on = e->goes_on && e->take(e->baton, text, strlen(text));
}

/* Whose it is, and when. The object stays open. */
static const char *head_write(const export *e, apr_pool_t *pool)
{
    finq_json_writer *to = finq_json_write(pool);
    finq_json_open(to, NULL, '{');
    if (e->person->tenant_user_id)
        finq_json_put(to, "tenant_user_id", e->person->tenant_user_id);
    else
        finq_json_put(to, "credentials_id", finq_id_text(e->person->credentials_id, pool));
    finq_json_put(to, "exported_at", finq_clock_text(finq_clock_seconds(), pool));
    finq_json_close(to, '}');
    const char *text = finq_json_written(to);
    return apr_pstrmemdup(pool, text, strlen(text) - 1);
}

/* A page of a part, opened; what the next one begins behind is kept. */
static finq_error *rows_read(const char **rows, export *e, const char *part, apr_pool_t *pool)
{
    finq_sealed_tree opening = {.keys = e->keys, .with_data = 1, .numbers = finq_numbers_make(pool), .pool = pool};
    const char *text;
    json_t *page;
    FINQ_TRY(e->pages->ask(e->pages, &text, part, *e->after ? e->after : NULL, pool));
    FINQ_TRY(finq_json_stored(&page, opening.numbers, text, pool));
    FINQ_TRY(finq_sealed_tree_open(&opening, page));
    const char *next = finq_json_string(page, "next");
    apr_cpystrn(e->after, next ? next : "", sizeof e->after);
    text = finq_json_text_spelt(json_object_get(page, "rows"), opening.numbers, pool);
    *rows = apr_pstrmemdup(pool, text + 1, strlen(text) - 2); /* without the brackets */
    return NULL;
}

static finq_error *part_write(export *e, const char *part, apr_pool_t *pool)
{
    const char *rows, *between = apr_psprintf(pool, ",\"%s\":[", part);
    apr_pool_t *page;
    apr_pool_create(&page, pool);
    do {
        apr_pool_clear(page);
        FINQ_TRY(rows_read(&rows, e, part, page));
        if (!e->is_begun)
            say(e, head_write(e, page));
        e->is_begun = 1;
        say(e, between);
        say(e, rows);
        between = ",";
    } while (e->goes_on && *e->after);
    say(e, "]");
    return NULL;
}

finq_error *finq_person_export(finq_person_pages *pages, const finq_person *person, const finq_data_keys *keys,
                               finq_person_take take, void *baton, apr_pool_t *pool)
{
    export e = {pages, person, keys, take, baton, 0, 1, ""};
    for (apr_size_t i = 0; i < sizeof parts / sizeof *parts && e.goes_on; i++)
        FINQ_TRY(part_write(&e, parts[i], pool));
    say(&e, "}");
    return NULL;
}
