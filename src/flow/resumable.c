#include "flow/resumable.h"

#include <apr_strings.h>
#include <string.h>

#include "crypto/digest.h"
#include "db/calls.h"
#include "db/outcome.h"
#include "documents/media.h"
#include "ground/clock.h"

/* ---- addresses ---- */

/* What stands in an address beside the session and its step: words, with a blank between them. */
enum { UPLOAD_ID, STEP_ID, DOCUMENT, LENGTH, TYPE, WORDS };

finq_error *finq_resumable_address(const char **address, const finq_resumable *resumable, const finq_service *service,
                                   apr_pool_t *pool)
{
    finq_token token = resumable->pass.token;
    token.tenant_user_id =
        apr_pstrcat(pool, finq_id_text(&resumable->upload_id, pool), " ", finq_id_text(&resumable->pass.step_id, pool), " ",
                    resumable->document, " ", apr_ltoa(pool, resumable->length), " ", resumable->content_type, NULL);
    return finq_token_seal(address, &token, finq_secrets_first(service->secrets), pool);
}

static finq_error *gone(apr_pool_t *pool)
{
    return finq_outcome_error("upload_gone", NULL, NULL, pool);
}

/* 0 where the words are not those of this skill's step. */
static int words_read(finq_resumable *resumable, const finq_token *token, apr_pool_t *pool)
{
    char *words[WORDS] = {0}, *rest = apr_pstrdup(pool, token->tenant_user_id ? token->tenant_user_id : "");
    for (int i = 0; i < WORDS; i++) {
        words[i] = rest;
        rest += strcspn(rest, " ");
        if (*rest && i < TYPE)
            *rest++ = '\0';
    }
    const finq_skill_upload *document = finq_skill_upload_find(resumable->pass.step, words[DOCUMENT]);
    if (!finq_id_parse(&resumable->upload_id, words[UPLOAD_ID]) || !finq_id_parse(&resumable->pass.step_id, words[STEP_ID]) ||
        !document)
        return 0;
    resumable->document = document->document;
    resumable->most = document->max_bytes;
    resumable->length = apr_atoi64(words[LENGTH]);
    resumable->room = -1;
    resumable->content_type = words[TYPE];
    return 1;
}

finq_error *finq_resumable_open(finq_resumable *resumable, const finq_service *service, const char *address, apr_pool_t *pool)
{
    finq_session_pass *pass = &resumable->pass;
    memset(resumable, 0, sizeof *resumable);
    pass->token.kind = FINQ_TOKEN_UPLOAD;
    FINQ_TRY(finq_service_open(&pass->token, &pass->secret, address, service, pool));
    if (!pass->secret || pass->token.expires_at <= finq_clock_seconds())
        return gone(pool);
    FINQ_TRY(finq_directory_skill(&pass->published, service->directory, service->db, pass->token.skill_id, pool));
    if (pass->token.place < 1 || pass->token.place > pass->published->skill->step_count)
        return gone(pool);
    pass->step = &pass->published->skill->steps[pass->token.place - 1];
    return words_read(resumable, &pass->token, pool) ? NULL : gone(pool);
}

/* ---- begin ---- */

static finq_error *begin_call(finq_partial_begin_out *row, const finq_resumable *resumable, const finq_upload_way *way,
                              const finq_upload_offer *offer, apr_pool_t *pool)
{
    const finq_session_pass *pass = &resumable->pass;
    finq_partial_begin_in in = {
        .client_id = &pass->token.client_id,
        .session_id = &pass->token.session_id,
        .ordinal = pass->token.ordinal,
        .step_id = &pass->step_id,
        .document = resumable->document,
        .nonce_ttl = way->service->nonce_ttl,
        .generation = offer->pass->token.generation,
        .step_quota = way->quota[0],
        .session_quota = way->quota[1],
        .tenant_quota = way->quota[2],
        .upload_id = &resumable->upload_id,
        .least = offer->least < 0 ? 0 : offer->least,
        .most = offer->least < 0 ? resumable->most : offer->least,
        .upload_ttl = way->service->upload_ttl,
    };
    return finq_call_partial_begin(row, way->service->db, &in, pool);
}

static finq_error *outcome_error(const finq_resumable *resumable, const char *outcome, const char *quota, apr_pool_t *pool)
{
    if (strcmp(outcome, "quota_exceeded") == 0)
        return finq_upload_over_quota(resumable->document, quota, pool);
    return strcmp(outcome, "ok") == 0 ? NULL : finq_outcome_error(outcome, NULL, NULL, pool);
}

/* The address stands for itself: a resumption, which makes a nonce old, does not end it. */
static void pass_make(finq_session_pass *pass, const finq_session_pass *by)
{
    *pass = *by;
    pass->token.kind = FINQ_TOKEN_UPLOAD;
    pass->token.place = (int)(by->step - by->published->skill->steps) + 1; /* a later nonce authorises the step before it too */
    pass->token.generation = -1;
    pass->token.late = pass->token.previous = 0;
    pass->token.app_key_id = 0;
    pass->token.renews = NULL;
}

finq_error *finq_resumable_begin(finq_resumable *begun, const finq_upload_way *way, const finq_upload_offer *offer,
                                 apr_pool_t *pool)
{
    finq_partial_begin_out row;
    const char *claimed = finq_media_claimed(offer->content_type, pool);
    FINQ_TRY(finq_upload_expect(&begun->most, way, offer, pool));
    pass_make(&begun->pass, offer->pass);
    begun->document = offer->document;
    begun->content_type = claimed ? claimed : "";
    FINQ_TRY(finq_upload_id_new(&begun->upload_id, &begun->pass.token.session_id, way->store, pool));
    FINQ_TRY(begin_call(&row, begun, way, offer, pool));
    FINQ_TRY(outcome_error(begun, row.outcome, row.quota, pool));
    begun->pass.token.expires_at = row.expires_at;
    begun->room = row.room;
    begun->quota = row.quota;
    begun->has_others = row.has_others;
    finq_error *error = finq_partial_create(way->store, &begun->upload_id, pool);
    if (error)
        finq_resumable_end(begun, way, pool);
    return error;
}

finq_error *finq_resumable_stand(const finq_resumable *begun, const finq_upload_way *way, apr_pool_t *pool)
{
    finq_partial_stand_in in = {.session_id = &begun->pass.token.session_id, .upload_id = &begun->upload_id};
    finq_partial_stand_out row;
    if (!begun->has_others)
        return NULL;
    FINQ_TRY(finq_call_partial_stand(&row, way->service->db, &in, pool));
    FINQ_TRY(outcome_error(begun, row.outcome, NULL, pool));
    finq_upload_files_remove(way, (const finq_id *const[]){row.replaced}, 1, pool);
    return NULL;
}

finq_error *finq_resumable_promise(finq_resumable *resumable, const finq_upload_way *way, apr_int64_t end, apr_pool_t *pool)
{
    finq_partial_promise_in in = {
        .session_id = &resumable->pass.token.session_id,
        .upload_id = &resumable->upload_id,
        .step_quota = way->quota[0],
        .session_quota = way->quota[1],
        .tenant_quota = way->quota[2],
        .least = end < 0 ? 0 : end,
        .most = end < 0 ? resumable->most : end,
    };
    finq_partial_promise_out row;
    FINQ_TRY(finq_call_partial_promise(&row, way->service->db, &in, pool));
    resumable->room = row.room;
    resumable->quota = row.quota;
    return outcome_error(resumable, row.outcome, row.quota, pool);
}

/* ---- go on, finish, end ---- */

finq_error *finq_resumable_take(finq_partial **partial, const finq_resumable *resumable, const finq_upload_way *way, int is_tried,
                                apr_pool_t *pool)
{
    finq_data_key *key;
    FINQ_TRY(finq_session_data_key(&key, &resumable->pass, way->service, pool));
    return finq_partial_take(partial, way->store, &resumable->upload_id, key, is_tried, pool);
}

static finq_error *piece_write(void *baton, const char *bytes, apr_size_t n)
{
    return finq_upload_write(baton, bytes, n);
}

static finq_error *finish(finq_upload_answer *answer, const finq_upload_offer *offer, finq_partial *partial,
                          const finq_upload_way *way, apr_pool_t *pool)
{
    finq_upload *upload = NULL;
    finq_error *error = finq_upload_begin(&upload, way, offer, pool);
    if (!error)
        error = finq_partial_read(partial, piece_write, upload);
    if (error && upload)
        finq_upload_abandon(upload);
    FINQ_TRY(error);
    return finq_upload_finish(answer, upload, way->service);
}

finq_error *finq_resumable_finish(finq_upload_answer *answer, const finq_resumable *resumable, finq_partial *partial,
                                  const finq_upload_way *way, apr_pool_t *pool)
{
    finq_service *late = apr_pmemdup(pool, way->service, sizeof *late); /* the address lives longer than its nonce */
    finq_upload_way *late_way = apr_pmemdup(pool, way, sizeof *way);
    finq_upload_offer *offer = apr_pcalloc(pool, sizeof *offer);
    late->nonce_ttl += late->upload_ttl;
    late_way->service = late;
    offer->pass = &resumable->pass;
    offer->document = resumable->document;
    offer->content_type = resumable->content_type;
    offer->least = finq_partial_offset(partial);
    offer->partial = &resumable->upload_id;
    finq_error *error = finish(answer, offer, partial, late_way, pool);
    if (error && finq_code_http(error->code) < 500)
        finq_resumable_end(resumable, way, pool); /* what fails here expires */
    return error;
}

finq_error *finq_resumable_stored(finq_upload_answer *answer, const finq_resumable *resumable, const finq_service *service,
                                  apr_pool_t *pool)
{
    finq_partial_stored_in in = {.upload_id = &resumable->upload_id};
    finq_partial_stored_out row;
    FINQ_TRY(finq_call_partial_stored(&row, service->db, &in, pool));
    if (!row.upload_id || row.sha256.length != FINQ_DIGEST_SHA256)
        return gone(pool);
    answer->upload_id = *row.upload_id;
    answer->document = resumable->document;
    answer->media_type = row.media_type;
    answer->size = row.size;
    answer->picture =
        (finq_picture){.width = (apr_uint32_t)row.width, .height = (apr_uint32_t)row.height, .orientation = row.orientation};
    memcpy(answer->sha256, row.sha256.data, FINQ_DIGEST_SHA256);
    return NULL;
}

finq_error *finq_resumable_end(const finq_resumable *resumable, const finq_upload_way *way, apr_pool_t *pool)
{
    finq_partial_end_in in = {.upload_id = &resumable->upload_id};
    finq_partial_end_out row;
    FINQ_TRY(finq_call_partial_end(&row, way->service->db, &in, pool));
    finq_upload_files_remove(way, (const finq_id *const[]){&resumable->upload_id}, 1, pool);
    return NULL;
}
