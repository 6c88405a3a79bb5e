#include "flow/waiting.h"

#include <apr_strings.h>
#include <string.h>

#include "crypto/digest.h"
#include "db/calls.h"
#include "db/outcome.h"
#include "flow/sealed.h"
#include "ground/clock.h"

/* How long a client that wants back or away waits for a connector that is being asked. */
#define AWAIT_MOST apr_time_from_sec(10)

static finq_token token_of(const finq_session_standing_row *row, const finq_id *client_id, const finq_id *session_id)
{
    return (finq_token){
        .client_id = *client_id,
        .session_id = *session_id,
        .expires_at = row->expires_at,
        .ordinal = row->ordinal,
        .place = row->place,
        .previous = row->previous,
        .generation = row->generation,
        .skill_id = row->skill_id,
        .data_key = row->data_key,
    };
}

/* What is sealed of it. A session that was erased has neither this nor a key. */
static finq_error *sealed_read(finq_waiting_answer *answer, const finq_service *service, const finq_session_standing_row *row,
                               const finq_token *token, apr_pool_t *pool)
{
    const finq_id *of = &token->session_id;
    const char *reasons = row->own_reasons;
    finq_data_key *key;
    if (row->tenant_user_id.data || row->told.data || row->reasons.data) {
        FINQ_TRY(finq_data_key_unwrap(&key, service->data_keys, row->data_key, pool));
        FINQ_TRY(finq_sealed_user_open(&answer->tenant_user_id, key, &token->client_id, row->tenant_user_id, pool));
        FINQ_TRY(finq_data_key_open(&answer->data, key, FINQ_DATA_PLACE(FINQ_SEALED_ANSWER, of, row->step_id), row->told, pool));
        if (row->reasons.data)
            FINQ_TRY(
                finq_data_key_open(&reasons, key, FINQ_DATA_PLACE(FINQ_SEALED_REASONS, of, row->step_id), row->reasons, pool));
    }
    return finq_sealed_reasons(&answer->reasons, reasons, pool);
}

/* A completed session's temp_token; and a nonce for what goes on, or for what its last step still has to be sent. */
static finq_error *tokens_seal(finq_waiting_answer *answer, const finq_secret *secret, finq_token *token,
                               const finq_skill_step *step, apr_pool_t *pool)
{
    int completed = finq_status_onward(answer->status, answer->waits) == FINQ_ONWARD_TEMP_TOKEN;
    finq_token temp_token = *token;
    temp_token.kind = FINQ_TOKEN_TEMP;
    temp_token.data_key = (finq_bytes){NULL, 0};
    if (completed)
        FINQ_TRY(finq_token_seal(&answer->temp_token, &temp_token, secret, pool));
    token->kind = FINQ_TOKEN_NONCE;
    token->late = 1;
    return completed && step->upload_count == 0 ? NULL : finq_token_seal(&answer->nonce, token, secret, pool);
}

const finq_waiting_upload *finq_waiting_upload_find(const apr_array_header_t *uploaded, const char *document)
{
    for (int i = 0; uploaded && i < uploaded->nelts; i++) {
        const finq_waiting_upload *one = &APR_ARRAY_IDX(uploaded, i, finq_waiting_upload);
        if (strcmp(one->document, document) == 0)
            return one;
    }
    return NULL;
}

/* "id_front 20480" */
static apr_array_header_t *uploads_read(const char *text, apr_pool_t *pool)
{
    const apr_array_header_t *rows = finq_pg_elements(text, pool);
    apr_array_header_t *uploads = apr_array_make(pool, 4, sizeof(finq_waiting_upload));
    for (int i = 0; rows && i < rows->nelts; i++) {
        char *document = apr_pstrdup(pool, APR_ARRAY_IDX(rows, i, const char *)), *size = strchr(document, ' ');
        if (size)
            *size++ = '\0';
        APR_ARRAY_PUSH(uploads, finq_waiting_upload) = (finq_waiting_upload){document, size ? apr_atoi64(size) : 0};
    }
    return uploads;
}

/* A session that has ended gets no token, one that waits none but on resumption. */
static finq_error *answer_read(finq_waiting_answer *answer, const finq_service *service, const finq_session_standing_row *row,
                               finq_token *token, apr_pool_t *pool)
{
    const finq_secret *secret = finq_secrets_find(service->secrets, row->secret_id);
    const finq_published *published;
    FINQ_TRY(finq_directory_skill(&published, service->directory, service->db, token->skill_id, pool));
    *answer = (finq_waiting_answer){.waits = row->waits,
                                    .updated_at = row->updated_at,
                                    .session_id = token->session_id,
                                    .published = published,
                                    .step_id = *row->step_id,
                                    .step = &published->skill->steps[row->step_place - 1],
                                    .uploaded = uploads_read(row->uploaded, pool)};
    FINQ_TRY(finq_status_read(&answer->status, row->status, pool));
    FINQ_TRY(sealed_read(answer, service, row, token, pool));
    if (!row->expires_at)
        return NULL;
    answer->expires_at = token->expires_at;
    const finq_skill_step *step = &published->skill->steps[token->place - 1];
    if (finq_status_onward(answer->status, answer->waits) == FINQ_ONWARD_NONCE)
        answer->next_step = step->name;
    if (row->held)
        return NULL;
    if (!secret)
        return finq_error_internal(pool, FINQ_E_SERVICE_UNAVAILABLE,
                                   "the secret that sealed an earlier answer is not in this server's secret file");
    return tokens_seal(answer, secret, token, step, pool);
}

finq_error *finq_waiting_read(finq_waiting_answer *answer, const finq_service *service, const finq_session_standing_row *row,
                              const finq_id *client_id, const finq_id *session_id, apr_pool_t *pool)
{
    if (strcmp(row->outcome, "ok") != 0)
        return finq_outcome_error(row->outcome, NULL, NULL, pool);
    finq_token token = token_of(row, client_id, session_id);
    return answer_read(answer, service, row, &token, pool);
}

/* Nobody has stored it yet: all that is known stands in the nonce. */
static void answer_created(finq_waiting_answer *answer, const finq_session_pass *pass)
{
    *answer = (finq_waiting_answer){.status = FINQ_STATUS_CREATED,
                                    .session_id = pass->token.session_id,
                                    .published = pass->published,
                                    .tenant_user_id = pass->token.tenant_user_id,
                                    .expires_at = pass->token.expires_at,
                                    .next_step = pass->step->name};
}

finq_error *finq_waiting_status(finq_waiting_answer *answer, const finq_service *service, const finq_session_pass *pass,
                                apr_pool_t *pool)
{
    finq_session_status_out row;
    finq_session_status_in in = {
        .client_id = &pass->token.client_id,
        .session_id = &pass->token.session_id,
        .ordinal = pass->token.ordinal,
        .generation = pass->token.generation,
        .nonce_expires_at = pass->token.expires_at,
        .nonce_ttl = service->nonce_ttl,
        .temp_token_ttl = service->temp_token_ttl,
        .secret_id = finq_secret_id(finq_secrets_first(service->secrets)),
        .started_at = apr_time_sec(finq_id_time(&pass->token.session_id)),
    };
    FINQ_TRY(finq_session_user_mac(&in.user_mac, pass, service, pool));
    FINQ_TRY(finq_call_session_status(&row, service->db, &in, pool));
    if (strcmp(row.outcome, "created") == 0) {
        answer_created(answer, pass);
        return NULL;
    }
    return finq_waiting_read(answer, service, &row, &pass->token.client_id, &pass->token.session_id, pool);
}

finq_error *finq_waiting_settled(apr_array_header_t **places, finq_db *db, const apr_array_header_t *sessions, apr_pool_t *pool)
{
    apr_array_header_t *settled;
    const char **ids = apr_palloc(pool, sizeof *ids * (apr_size_t)sessions->nelts);
    const char **generations = apr_palloc(pool, sizeof *generations * (apr_size_t)sessions->nelts);
    for (int i = 0; i < sessions->nelts; i++) {
        ids[i] = finq_id_text(&APR_ARRAY_IDX(sessions, i, finq_waiting_session).session_id, pool);
        generations[i] = apr_itoa(pool, APR_ARRAY_IDX(sessions, i, finq_waiting_session).generation);
    }
    finq_sessions_settled_in in = {
        .session_ids = finq_pg_array(ids, sessions->nelts, pool),
        .generations = finq_pg_array(generations, sessions->nelts, pool),
    };
    FINQ_TRY(finq_call_sessions_settled(&settled, db, &in, pool));
    *places = apr_array_make(pool, settled->nelts, sizeof(int));
    for (int i = 0; i < settled->nelts; i++)
        APR_ARRAY_PUSH(*places, int) = APR_ARRAY_IDX(settled, i, finq_sessions_settled_out).place - 1;
    return NULL;
}

finq_error *finq_waiting_resume(finq_waiting_answer *answer, const finq_service *service,
                                const finq_waiting_resumption *resumption, apr_pool_t *pool)
{
    unsigned char hash[FINQ_DIGEST_SHA256];
    finq_session_resume_out row;
    finq_id session_id;
    int is_id = finq_id_parse(&session_id, resumption->session_id);
    finq_digest_sha256(hash, resumption->client_secret, strlen(resumption->client_secret));
    finq_session_resume_in in = {
        .client_id = &resumption->client_id,
        .secret_hash = {hash, sizeof hash},
        .session_id = is_id ? &session_id : NULL,
        .nonce_ttl = service->nonce_ttl,
        .temp_token_ttl = service->temp_token_ttl,
        .secret_id = finq_secret_id(finq_secrets_first(service->secrets)),
    };
    FINQ_TRY(finq_call_session_resume(&row, service->db, &in, pool));
    return finq_waiting_read(answer, service, &row, &resumption->client_id, &session_id, pool);
}

finq_error *finq_waiting_resume_page(finq_waiting_answer *answer, const finq_service *service, const finq_waiting_page *page,
                                     apr_pool_t *pool)
{
    finq_page_resume_out row;
    finq_page_resume_in in = {
        .client_id = &page->client_id,
        .page_id = &page->page_id,
        .generation = page->generation,
        .nonce_ttl = service->nonce_ttl,
        .temp_token_ttl = service->temp_token_ttl,
        .secret_id = finq_secret_id(finq_secrets_first(service->secrets)),
    };
    FINQ_TRY(finq_call_page_resume(&row, service->db, &in, pool));
    return finq_waiting_read(answer, service, &row, &page->client_id, &page->session_id, pool);
}

/* ---- back and away ---- */

/* Whether to look again, since a connector is being asked about the session's next step. Nothing is held between two looks. */
static int look_again(const char *outcome, apr_time_t until, const finq_service *service)
{
    return strcmp(outcome, "step_claimed") == 0 && finq_clock_steady() < until && service->connectors->pause(service->connectors);
}

finq_error *finq_waiting_back(finq_waiting_answer *answer, const finq_service *service, const finq_session_pass *pass,
                              apr_pool_t *pool)
{
    apr_time_t until = finq_clock_steady() + AWAIT_MOST;
    finq_session_back_out row;
    finq_session_back_in in = {
        .client_id = &pass->token.client_id,
        .session_id = &pass->token.session_id,
        .ordinal = pass->token.ordinal,
        .generation = pass->token.generation,
        .nonce_expires_at = pass->token.expires_at,
        .nonce_ttl = service->nonce_ttl,
        .temp_token_ttl = service->temp_token_ttl,
        .secret_id = finq_secret_id(finq_secrets_first(service->secrets)),
    };
    do
        FINQ_TRY(finq_call_session_back(&row, service->db, &in, pool));
    while (look_again(row.outcome, until, service));
    if (strcmp(row.outcome, "invalid_step") == 0)
        return finq_error_tell(finq_error_make(pool, FINQ_E_INVALID_STEP,
                                               "There is no step to go back to: it is the first, a connector, a bank or a "
                                               "person has a say in it, or the session waits or has ended."),
                               "expected_step", row.place > 0 ? pass->published->skill->steps[row.place - 1].name : NULL, pool);
    return finq_waiting_read(answer, service, &row, &pass->token.client_id, &pass->token.session_id, pool);
}

finq_error *finq_waiting_cancel(finq_waiting_answer *answer, const finq_service *service,
                                const finq_waiting_cancellation *cancellation, apr_pool_t *pool)
{
    apr_time_t until = finq_clock_steady() + AWAIT_MOST;
    unsigned char hash[FINQ_DIGEST_SHA256];
    const char *client_secret = cancellation->client_secret;
    finq_session_cancel_out row;
    finq_id session_id;
    int is_id = finq_id_parse(&session_id, cancellation->session_id);
    if (client_secret)
        finq_digest_sha256(hash, client_secret, strlen(client_secret));
    finq_session_cancel_in in = {
        .client_id = &cancellation->client_id,
        .secret_hash = {client_secret ? hash : NULL, client_secret ? sizeof hash : 0},
        .session_id = is_id ? &session_id : NULL,
        .ordinal = client_secret ? 0 : cancellation->pass->token.ordinal,
        .generation = client_secret ? 0 : cancellation->pass->token.generation,
        .nonce_expires_at = client_secret ? 0 : cancellation->pass->token.expires_at,
        .nonce_ttl = service->nonce_ttl,
        .temp_token_ttl = service->temp_token_ttl,
        .secret_id = finq_secret_id(finq_secrets_first(service->secrets)),
    };
    do
        FINQ_TRY(finq_call_session_cancel(&row, service->db, &in, pool));
    while (look_again(row.outcome, until, service));
    if (strcmp(row.outcome, "invalid_step") == 0)
        return finq_error_tell(
            finq_error_make(pool, FINQ_E_INVALID_STEP,
                            "The session cannot be cancelled: it is completed, or a bank may have an order of it."),
            "expected_step", NULL, pool);
    return finq_waiting_read(answer, service, &row, &cancellation->client_id, &session_id, pool);
}

/* ---- decisions ---- */

/* What a decision says of a step that waits, sealed: only for that is the session's key asked for first. */
static finq_error *reasons_seal(finq_bytes *sealed, const finq_service *service, const finq_id *step_id, const char *reasons,
                                apr_pool_t *pool)
{
    finq_step_key_in in = {.step_id = step_id};
    finq_step_key_out row;
    finq_data_key *key;
    *sealed = (finq_bytes){NULL, 0};
    if (!reasons)
        return NULL;
    FINQ_TRY(finq_call_step_key(&row, service->db, &in, pool));
    if (!row.data_key.data) /* there is no such step: the decision is refused */
        return NULL;
    FINQ_TRY(finq_data_key_unwrap(&key, service->data_keys, row.data_key, pool));
    return finq_data_key_seal(sealed, key, FINQ_DATA_PLACE(FINQ_SEALED_REASONS, row.session_id, step_id), reasons, pool);
}

finq_error *finq_waiting_decide(finq_status *status, const finq_service *service, const finq_connector_decision *decision,
                                const char *connector, apr_pool_t *pool)
{
    finq_step_decide_out row;
    finq_id request_id; /* tells a call that is made again from another decision's */
    FINQ_TRY(finq_id_new(&request_id, pool));
    finq_step_decide_in in = {
        .step_id = &decision->step_id,
        .tenant = service->tenant,
        .connector = connector,
        .decision = finq_decision_name(finq_decision_of(decision->decision)),
        .request_id = &request_id,
    };
    FINQ_TRY(reasons_seal(&in.reasons, service, &decision->step_id, finq_json_texts(decision->reasons, pool), pool));
    FINQ_TRY(finq_call_step_decide(&row, service->db, &in, pool));
    return strcmp(row.outcome, "ok") == 0 ? finq_status_read(status, row.status, pool)
                                          : finq_outcome_error(row.outcome, NULL, NULL, pool);
}
