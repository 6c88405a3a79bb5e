#include "flow/session.h"

#include <string.h>

#include "db/calls.h"
#include "db/outcome.h"
#include "flow/sealed.h"
#include "ground/clock.h"

/* In characters (contract section 2); whoever read it has seen to it that it is UTF-8. */
#define USER_ID_MAX 256

static apr_size_t characters(const char *text)
{
    apr_size_t count = 0;
    for (; *text; text++)
        count += (*text & 0xc0) != 0x80;
    return count;
}

finq_error *finq_session_user_check(const char *user_id, apr_pool_t *pool)
{
    if (!user_id || (*user_id && characters(user_id) <= USER_ID_MAX))
        return NULL;
    return finq_error_make(pool, FINQ_E_INVALID_FIELD, "tenant_user_id must have 1 to %d characters.", USER_ID_MAX);
}

finq_error *finq_session_begin(finq_session_started *started, const finq_service *service, const finq_session_origin *origin,
                               apr_pool_t *pool)
{
    if (origin->session_id)
        started->session_id = *origin->session_id;
    else
        FINQ_TRY(finq_id_new(&started->session_id, pool));
    started->expires_at = finq_clock_seconds() + service->nonce_ttl;
    started->published = origin->published;
    started->next_step = origin->published->skill->steps[0].name;
    finq_bytes data_key = origin->data_key;
    if (!data_key.data)
        FINQ_TRY(finq_data_key_make(&data_key, service->data_keys, &started->session_id, pool));
    finq_token token = {
        .kind = FINQ_TOKEN_NONCE,
        .ordinal = 1,
        .place = 1,
        .expires_at = started->expires_at,
        .client_id = origin->client_id,
        .session_id = started->session_id,
        .skill_id = origin->published->skill_id,
        .app_key_id = origin->key_id,
        .tenant_user_id = origin->tenant_user_id,
        .renews = origin->renews,
        .data_key = data_key,
    };
    return finq_token_seal(&started->nonce, &token, finq_secrets_first(service->secrets), pool);
}

finq_error *finq_session_start(finq_session_started *started, const finq_service *service, const finq_directory_claim *claim,
                               const char *tenant_user_id, apr_pool_t *pool)
{
    finq_session_origin origin = {.client_id = claim->client_id, .tenant_user_id = tenant_user_id};
    FINQ_TRY(finq_directory_authorise(&origin.key_id, &origin.published, service->directory, service->db, claim, pool));
    FINQ_TRY(finq_session_user_check(tenant_user_id, pool));
    return finq_session_begin(started, service, &origin, pool);
}

static finq_nonce_state nonce_judge(const finq_session_pass *pass, const finq_id *client_id, int grace)
{
    if (!pass->secret)
        return FINQ_NONCE_FORGED;
    if (!finq_id_equal(&pass->token.client_id, client_id))
        return FINQ_NONCE_OTHER_CLIENT;
    return pass->token.expires_at + grace <= finq_clock_seconds() ? FINQ_NONCE_EXPIRED : FINQ_NONCE_GOOD;
}

finq_error *finq_session_pass_open(finq_session_pass *pass, const finq_service *service, const finq_id *client_id,
                                   const char *nonce, int grace, apr_pool_t *pool)
{
    finq_token *token = &pass->token;
    pass->state = FINQ_NONCE_GOOD;
    token->kind = FINQ_TOKEN_NONCE;
    FINQ_TRY(finq_service_open(token, &pass->secret, nonce, service, pool));
    pass->state = nonce_judge(pass, client_id, grace);
    if (pass->state == FINQ_NONCE_FORGED || pass->state == FINQ_NONCE_OTHER_CLIENT)
        return finq_error_make(pool, FINQ_E_INVALID_NONCE, "nonce is not one that was given to this client.");
    if (pass->state == FINQ_NONCE_EXPIRED)
        return finq_outcome_error("expired_nonce", NULL, NULL, pool);
    FINQ_TRY(finq_directory_skill(&pass->published, service->directory, service->db, token->skill_id, pool));
    if (token->place < 1 || token->place > pass->published->skill->step_count)
        return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "a sealed nonce names step %d of skill %s", token->place,
                                   pass->published->skill->name);
    pass->step = &pass->published->skill->steps[token->place - 1];
    return finq_secret_step_id(&pass->step_id, pass->secret, &token->session_id, token->ordinal, pool);
}

/* A resumption may seal with another secret than the one that the step's id is derived from. */
static finq_error *is_own_step(int *own, const finq_session_pass *pass, const finq_service *service, const finq_id *step_id,
                               apr_pool_t *pool)
{
    *own = finq_id_equal(step_id, &pass->step_id);
    return *own || !pass->token.late
               ? NULL
               : finq_secrets_know_step(own, service->secrets, step_id, &pass->token.session_id, pass->token.ordinal, pool);
}

finq_error *finq_session_pass_back(int *known, finq_session_pass *pass, const finq_service *service, const char *step_id,
                                   apr_pool_t *pool)
{
    finq_token *token = &pass->token;
    finq_id named;
    *known = 0;
    if (!finq_id_parse(&named, step_id))
        return NULL;
    FINQ_TRY(is_own_step(known, pass, service, &named, pool));
    if (!*known && token->late && token->previous > 0 && token->expires_at > finq_clock_seconds()) {
        FINQ_TRY(finq_secrets_know_step(known, service->secrets, &named, &token->session_id, token->ordinal - 1, pool));
        if (*known) {
            token->ordinal--;
            pass->step = &pass->published->skill->steps[token->previous - 1];
        }
    }
    if (*known)
        pass->step_id = named;
    return NULL;
}

finq_error *finq_session_pass_check(const finq_session_pass *pass, const finq_service *service, const char *session_id,
                                    apr_pool_t *pool)
{
    finq_id named;
    finq_session_exists_in in = {.client_id = &pass->token.client_id, .session_id = &named};
    finq_session_exists_out there = {0};
    if (finq_id_parse(&named, session_id)) {
        if (finq_id_equal(&named, &pass->token.session_id))
            return NULL;
        FINQ_TRY(finq_call_session_exists(&there, service->db, &in, pool));
    }
    if (there.session_exists)
        return finq_error_make(pool, FINQ_E_INVALID_NONCE, "nonce is of another session.");
    return finq_error_make(pool, FINQ_E_INVALID_SESSION_ID, "No session has this id.");
}

finq_error *finq_session_data_key(finq_data_key **key, const finq_session_pass *pass, const finq_service *service,
                                  apr_pool_t *pool)
{
    return finq_data_key_unwrap(key, service->data_keys, pass->token.data_key, pool);
}

const char *finq_session_required(const finq_skill_step *step, apr_pool_t *pool)
{
    const char *names[FINQ_SKILL_MAX_UPLOADS];
    int count = 0;
    for (int i = 0; i < step->upload_count; i++) {
        if (step->uploads[i].required)
            names[count++] = step->uploads[i].document;
    }
    return finq_pg_array(names, count, pool);
}

/* What the step before still has to be sent, before this one is accepted. */
const char *finq_session_required_before(const finq_session_pass *pass, apr_pool_t *pool)
{
    int previous = pass->token.previous;
    return previous > 0 ? finq_session_required(&pass->published->skill->steps[previous - 1], pool) : "{}";
}

finq_error *finq_session_user_mac(finq_bytes *mac, const finq_session_pass *pass, const finq_service *service, apr_pool_t *pool)
{
    const finq_token *token = &pass->token;
    if (token->ordinal > 1)
        return finq_sealed_user_mac(mac, service->data_keys, NULL, NULL, pool);
    return finq_sealed_whose_mac(mac, service->data_keys, &token->client_id, token->tenant_user_id, token->renews, pool);
}
