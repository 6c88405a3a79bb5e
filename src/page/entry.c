#include "page/entry.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "bank/link.h"
#include "crypto/digest.h"
#include "db/calls.h"
#include "db/outcome.h"
#include "flow/sealed.h"
#include "flow/token.h"
#include "ground/clock.h"
#include "ground/text.h"
#include "page/prefill.h"

#define LANGUAGE_MOST 35
/* How many members that no form takes are named, and how much of each. */
#define STRANGERS_MOST 8
#define STRANGER_MOST 64

/* ---- addresses ---- */

static finq_error *address_seal(finq_entry_made *made, const finq_service *service, const finq_id *client_id, int generation,
                                apr_pool_t *pool)
{
    finq_token token = {
        .kind = FINQ_TOKEN_PAGE,
        .generation = generation,
        .expires_at = made->expires_at,
        .client_id = *client_id,
        .session_id = made->page_id,
        .skill_id = made->skill_id,
    };
    return finq_token_seal(&made->address, &token, finq_secrets_first(service->secrets), pool);
}

/* What has become of a hand-off the database knows, as long as its session may live, and the last nonce of that. */
static int is_past(const finq_token *token, const finq_service *service)
{
    int more = token->kind == FINQ_TOKEN_HANDOFF ? service->session_ttl + service->nonce_ttl : 0;
    return token->expires_at + more <= finq_clock_seconds();
}

finq_error *finq_entry_open(finq_entry *entry, const finq_service *service, const char *address, apr_pool_t *pool)
{
    finq_token token = {.kind = FINQ_TOKEN_PAGE};
    const finq_secret *secret;
    FINQ_TRY(finq_service_open(&token, &secret, address, service, pool));
    if (!secret) {
        token.kind = FINQ_TOKEN_HANDOFF;
        FINQ_TRY(finq_service_open(&token, &secret, address, service, pool));
    }
    if (!secret)
        return finq_outcome_error("not_found", NULL, NULL, pool);
    *entry = (finq_entry){token.client_id, token.session_id, token.generation, NULL, NULL, NULL};
    if (token.kind == FINQ_TOKEN_HANDOFF) {
        entry->handoff_id = token.renews;
        entry->numbers = token.tenant_user_id;
    }
    return is_past(&token, service) ? finq_outcome_error("not_found", NULL, NULL, pool) : NULL;
}

/* ---- making them ---- */

static finq_error *wrong(apr_pool_t *pool, const char *what)
{
    return finq_error_make(pool, FINQ_E_INVALID_FIELD, "%s", what);
}

static finq_error *language_check(const char *language, apr_pool_t *pool)
{
    apr_size_t length = language ? strlen(language) : 2;
    for (const char *c = language; c && *c; c++) {
        if (!apr_isalnum(*c) && *c != '-')
            length = 0;
    }
    return length >= 2 && length <= LANGUAGE_MOST ? NULL : wrong(pool, "language must be one such as ro or pt-BR.");
}

static finq_error *prefill_check(const json_t *prefill, apr_pool_t *pool)
{
    const char *step;
    json_t *members;
    json_object_foreach((json_t *)prefill, step, members)
    {
        if (!json_is_object(members))
            return wrong(pool, "prefill must have an object for each step: {\"step\": {\"member\": value}}.");
    }
    return NULL;
}

static finq_error *request_check(const finq_entry_request *request, apr_pool_t *pool)
{
    FINQ_TRY(finq_session_user_check(request->tenant_user_id, pool));
    FINQ_TRY(language_check(request->language, pool));
    if (request->return_link && finq_link_check(request->return_link, pool) != NULL)
        return wrong(pool, "return_link must be an https address, an http one on localhost, or one of an app's own scheme.");
    return prefill_check(request->prefill, pool);
}

/* What no form takes of the prefill. A skill that there is not is the database's to refuse, as is whoever may not ask: what is found here
 * is told to nobody else. */
static finq_error *strangers_find(apr_array_header_t **strangers, const finq_service *service, const finq_entry_request *request,
                                  apr_pool_t *pool)
{
    const finq_published *published;
    *strangers = apr_array_make(pool, 1, sizeof(const char *));
    if (json_object_size(request->prefill) == 0)
        return NULL;
    finq_error *error = finq_directory_skill_named(&published, service->directory, service->db, request->skill, pool);
    if (error)
        return error->code == FINQ_E_INVALID_SKILL_NAME ? NULL : error;
    *strangers = finq_prefill_strangers(request->prefill, published->skill->definition, request->words, pool);
    return NULL;
}

/* The steps that a skill must have for the prefill to fit. What no form takes stands among them, behind its step's name: no step is
 * called so. */
static const char *steps_named(const json_t *prefill, const apr_array_header_t *strangers, apr_pool_t *pool)
{
    apr_array_header_t *names = apr_array_copy(pool, strangers);
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)prefill, name, value) APR_ARRAY_PUSH(names, const char *) = name;
    return finq_pg_array((const char **)names->elts, names->nelts, pool);
}

static finq_error *strangers_error(const apr_array_header_t *strangers, apr_pool_t *pool)
{
    apr_array_header_t *shown = apr_array_make(pool, STRANGERS_MOST, sizeof(const char *)), *fields = apr_array_copy(pool, shown);
    for (int i = 0; i < strangers->nelts && i < STRANGERS_MOST; i++) {
        const char *name = APR_ARRAY_IDX(strangers, i, const char *);
        APR_ARRAY_PUSH(shown, const char *) = finq_text_show(name, pool);
        APR_ARRAY_PUSH(fields, const char *) = finq_text_plain(name, STRANGER_MOST, pool);
    }
    finq_error *error =
        finq_error_make(pool, FINQ_E_UNKNOWN_FIELDS, "prefill has members that no field of the skill's forms takes: %s%s.",
                        finq_text_join(shown, pool), strangers->nelts > STRANGERS_MOST ? ", and more" : "");
    return finq_error_tell_texts(error, "fields", fields, pool);
}

static finq_error *create_error(const char *outcome, const apr_array_header_t *strangers, apr_pool_t *pool)
{
    if (strcmp(outcome, "invalid_skill_name") == 0)
        return finq_error_make(pool, FINQ_E_INVALID_SKILL_NAME, "No skill of this name is published.");
    if (strcmp(outcome, "link_not_allowed") == 0)
        return wrong(pool, "return_link is not one that this tenant's users may be sent back to.");
    if (strcmp(outcome, "unknown_step") == 0)
        return strangers->nelts > 0 ? strangers_error(strangers, pool)
                                    : wrong(pool, "prefill names a step that the skill does not have.");
    return finq_outcome_error(outcome, NULL, NULL, pool);
}

/* What is of the person, under a data key that is the page's own; without any there is no key. */
static finq_error *person_seal(finq_page_make_in *in, const finq_service *service, const finq_entry_request *request,
                               apr_pool_t *pool)
{
    const finq_id *client_id = in->client_id, *page_id = in->page_id;
    const char *user = request->tenant_user_id, *prefill = NULL;
    finq_data_key *key;
    if (json_object_size(request->prefill) > 0)
        prefill = finq_json_text_spelt(request->prefill, request->numbers, pool);
    if (!user && !prefill && !request->return_link)
        return NULL;
    FINQ_TRY(finq_data_key_make(&in->data_key, service->data_keys, page_id, pool));
    FINQ_TRY(finq_data_key_unwrap(&key, service->data_keys, in->data_key, pool));
    FINQ_TRY(finq_sealed_user(&in->tenant_user_id, key, client_id, user, pool));
    FINQ_TRY(finq_sealed_user_mac(&in->user_mac, service->data_keys, client_id, user, pool));
    FINQ_TRY(finq_data_key_seal(&in->prefill, key, FINQ_DATA_PLACE(FINQ_SEALED_PREFILL, page_id, page_id), prefill, pool));
    return finq_data_key_seal(&in->return_link, key, FINQ_DATA_PLACE(FINQ_SEALED_LINK, page_id, page_id), request->return_link,
                              pool);
}

finq_error *finq_entry_create(finq_entry_made *made, const finq_service *service, const finq_entry_request *request,
                              apr_pool_t *pool)
{
    unsigned char hash[FINQ_DIGEST_SHA256];
    apr_array_header_t *strangers;
    finq_page_make_out row;
    finq_page_make_in in = {
        .client_id = &request->client_id,
        .secret_hash = {hash, sizeof hash},
        .page_id = &made->page_id,
        .skill = request->skill,
        .is_served = finq_directory_serves(service->directory, request->skill),
        .language = request->language,
        .return_folded = request->return_link ? finq_link_folded(request->return_link, pool) : NULL,
        .ttl = FINQ_ENTRY_TTL,
    };
    FINQ_TRY(request_check(request, pool));
    FINQ_TRY(strangers_find(&strangers, service, request, pool));
    in.steps = steps_named(request->prefill, strangers, pool);
    FINQ_TRY(finq_id_new(&made->page_id, pool));
    finq_digest_sha256(hash, request->client_secret, strlen(request->client_secret));
    FINQ_TRY(person_seal(&in, service, request, pool));
    FINQ_TRY(finq_call_page_make(&row, service->db, &in, pool));
    if (strcmp(row.outcome, "ok") != 0)
        return create_error(row.outcome, strangers, pool);
    made->expires_at = row.expires_at;
    made->skill_id = row.skill_id;
    return address_seal(made, service, &request->client_id, 0, pool);
}

finq_error *finq_entry_renew(finq_entry_made *made, const finq_service *service, const finq_id *client_id,
                             const char *client_secret, const finq_id *page_id, apr_pool_t *pool)
{
    unsigned char hash[FINQ_DIGEST_SHA256];
    finq_page_renew_out row;
    finq_id request_id; /* tells a call that is made again from another request's */
    finq_page_renew_in in = {.client_id = client_id,
                             .secret_hash = {hash, sizeof hash},
                             .page_id = page_id,
                             .request_id = &request_id,
                             .ttl = FINQ_ENTRY_TTL};
    FINQ_TRY(finq_id_new(&request_id, pool));
    finq_digest_sha256(hash, client_secret, strlen(client_secret));
    FINQ_TRY(finq_call_page_renew(&row, service->db, &in, pool));
    if (strcmp(row.outcome, "ok") != 0)
        return finq_outcome_error(row.outcome, NULL, NULL, pool);
    *made = (finq_entry_made){.page_id = *page_id, .expires_at = row.expires_at, .skill_id = row.skill_id};
    return address_seal(made, service, client_id, row.generation, pool);
}

/* ---- what is known of them ---- */

static finq_error *person_open(finq_entry_facts *facts, const finq_page_facts_row *row, const finq_service *service,
                               const finq_entry *entry, apr_pool_t *pool)
{
    const finq_id *page_id = &entry->page_id;
    const char *json;
    json_t *prefill = NULL;
    finq_data_key *key;
    facts->numbers = finq_numbers_make(pool);
    if (!row->data_key.data)
        return NULL;
    FINQ_TRY(finq_data_key_unwrap(&key, service->data_keys, row->data_key, pool));
    FINQ_TRY(finq_sealed_user_open(&facts->tenant_user_id, key, &entry->client_id, row->tenant_user_id, pool));
    FINQ_TRY(finq_data_key_open(&facts->return_link, key, FINQ_DATA_PLACE(FINQ_SEALED_LINK, page_id, page_id), row->return_link,
                                pool));
    FINQ_TRY(finq_data_key_open(&json, key, FINQ_DATA_PLACE(FINQ_SEALED_PREFILL, page_id, page_id), row->prefill, pool));
    if (json)
        FINQ_TRY(finq_json_stored(&prefill, facts->numbers, json, pool));
    facts->prefill = prefill;
    return NULL;
}

static finq_error *facts_read(finq_entry_facts *facts, const finq_page_facts_row *row, const finq_service *service,
                              const finq_entry *entry, apr_pool_t *pool)
{
    if (strcmp(row->outcome, "ok") != 0)
        return finq_outcome_error(row->outcome, NULL, NULL, pool);
    *facts = (finq_entry_facts){.tenant = row->tenant,
                                .colours = row->colours,
                                .logo = row->logo,
                                .language = row->language,
                                .expires_at = row->expires_at,
                                .session_id = row->session_id,
                                .has_begun = row->status != NULL,
                                .updated_at = row->updated_at};
    if (row->status)
        FINQ_TRY(finq_status_read(&facts->status, row->status, pool));
    FINQ_TRY(finq_directory_skill(&facts->published, service->directory, service->db, row->skill_id, pool));
    return person_open(facts, row, service, entry, pool);
}

finq_error *finq_entry_look(finq_entry_facts *facts, const finq_service *service, const finq_entry *entry, apr_pool_t *pool)
{
    finq_page_facts_row row;
    finq_page_look_in page = {.client_id = &entry->client_id, .page_id = &entry->page_id, .generation = entry->generation};
    finq_handoff_look_in handoff = {.client_id = &entry->client_id,
                                    .page_id = &entry->page_id,
                                    .generation = entry->generation,
                                    .handoff_id = entry->handoff_id};
    FINQ_TRY(entry->handoff_id ? finq_call_handoff_look(&row, service->db, &handoff, pool)
                               : finq_call_page_look(&row, service->db, &page, pool));
    return facts_read(facts, &row, service, entry, pool);
}

finq_error *finq_entry_check(const finq_entry *entry, const finq_id *session_id, apr_pool_t *pool)
{
    if (entry->session_id && finq_id_equal(entry->session_id, session_id))
        return NULL;
    return finq_error_make(pool, FINQ_E_INVALID_NONCE, "nonce is of another session than this page's.");
}

finq_error *finq_entry_begin(finq_entry_facts *facts, finq_session_started *started, const finq_service *service,
                             const finq_entry *entry, apr_pool_t *pool)
{
    finq_page_begin_out row;
    finq_id session_id;
    finq_bytes session_key;
    FINQ_TRY(finq_id_new(&session_id, pool));
    FINQ_TRY(finq_data_key_make(&session_key, service->data_keys, &session_id, pool));
    finq_page_begin_in in = {
        .client_id = &entry->client_id,
        .page_id = &entry->page_id,
        .generation = entry->generation,
        .session_id = &session_id,
        .session_key = session_key,
        .session_ttl = service->session_ttl,
    };
    FINQ_TRY(finq_call_page_begin(&row, service->db, &in, pool));
    FINQ_TRY(facts_read(facts, &row, service, entry, pool));
    if (facts->has_begun)
        return NULL;
    finq_session_origin origin = {
        .client_id = entry->client_id,
        .key_id = row.key_id,
        .published = facts->published,
        .tenant_user_id = facts->tenant_user_id,
        .session_id = facts->session_id,
        .data_key = row.session_key,
    };
    return finq_session_begin(started, service, &origin, pool);
}

finq_error *finq_entry_logo(finq_page_file *file, int *is_there, const finq_service *service, const char *name, apr_pool_t *pool)
{
    finq_page_logo_out row;
    FINQ_TRY(finq_call_page_logo(&row, service->db, &(finq_page_logo_in){.logo_id = name}, pool));
    *is_there = row.logo.data != NULL && row.logo_type;
    *file = (finq_page_file){name, row.logo_type, (const char *)row.logo.data, row.logo.length};
    return NULL;
}
