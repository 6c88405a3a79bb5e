#include "flow/waiting.h"

#include <apr_strings.h>
#include <string.h>

#include "crypto/digest.h"
#include "flow/step.h"

/* Both calls answer these columns, in this order. */
#define COLUMNS                                                                                                       \
    "outcome, held, status, step_id, expires_at, secret_id, ordinal, place, previous, generation, waits, told, skill_id"
enum { OUTCOME, HELD, STATUS, STEP_ID, EXPIRES_AT, SECRET_ID, ORDINAL, PLACE, PREVIOUS, GENERATION, WAITS, TOLD, SKILL_ID };

static void token_read(finq_token *token, const PGresult *rows, const finq_id *client_id, const finq_id *session_id)
{
    memset(token, 0, sizeof *token);
    token->client_id = *client_id;
    token->session_id = *session_id;
    token->expires_at = finq_pg_number(rows, 0, EXPIRES_AT);
    token->ordinal = (int)finq_pg_number(rows, 0, ORDINAL);
    token->place = (int)finq_pg_number(rows, 0, PLACE);
    token->previous = (int)finq_pg_number(rows, 0, PREVIOUS);
    token->generation = (int)finq_pg_number(rows, 0, GENERATION);
    token->skill_id = (apr_int32_t)finq_pg_number(rows, 0, SKILL_ID);
}

static finq_error *told_read(finq_waiting_answer *answer, const PGresult *rows, apr_pool_t *pool)
{
    json_t *told;
    const char *text = finq_pg_text(rows, 0, TOLD, pool);
    if (!text)
        return NULL;
    FINQ_TRY(finq_json_parse(&told, text, strlen(text), pool));
    answer->data = json_is_object(json_object_get(told, "data")) ? json_object_get(told, "data") : NULL;
    answer->reasons = json_is_array(json_object_get(told, "reasons")) ? json_object_get(told, "reasons") : NULL;
    return NULL;
}

/* A completed session's temp_token; and a nonce for what goes on, or for what its last step still has to be sent. */
static finq_error *tokens_seal(finq_waiting_answer *answer, const finq_secret *secret, finq_token *token,
                               const finq_skill_step *step, apr_pool_t *pool)
{
    int completed = strcmp(answer->status, "SESSION_COMPLETED") == 0;
    token->kind = FINQ_TOKEN_TEMP;
    token->late = 0;
    if (completed)
        FINQ_TRY(finq_token_seal(&answer->temp_token, token, secret, pool));
    token->kind = FINQ_TOKEN_NONCE;
    token->late = 1;
    return completed && step->upload_count == 0 ? NULL : finq_token_seal(&answer->nonce, token, secret, pool);
}

/* A session that has ended gets no token, one that waits none but on resumption. */
static finq_error *answer_read(finq_waiting_answer *answer, const finq_service *service, const PGresult *rows,
                               finq_token *token, apr_pool_t *pool)
{
    const finq_secret *secret = finq_secrets_find(service->secrets, (apr_int32_t)finq_pg_number(rows, 0, SECRET_ID));
    const finq_published *published;
    memset(answer, 0, sizeof *answer);
    answer->status = finq_pg_text(rows, 0, STATUS, pool);
    answer->waits = finq_pg_bool(rows, 0, WAITS);
    answer->submitted = 1;
    answer->step_id = finq_pg_id(rows, 0, STEP_ID);
    FINQ_TRY(told_read(answer, rows, pool));
    if (finq_pg_is_null(rows, 0, EXPIRES_AT))
        return NULL;
    answer->expires_at = token->expires_at;
    FINQ_TRY(finq_directory_skill(&published, service->directory, service->db, token->skill_id, pool));
    const finq_skill_step *step = &published->skill->steps[token->place - 1];
    if (!answer->waits && strcmp(answer->status, "SESSION_IN_PROGRESS") == 0)
        answer->next_step = step->name;
    if (finq_pg_bool(rows, 0, HELD))
        return NULL;
    if (!secret)
        return finq_error_internal(pool, FINQ_E_SERVICE_UNAVAILABLE,
                                   "the secret that sealed an earlier answer is not in this server's secret file");
    return tokens_seal(answer, secret, token, step, pool);
}

/* Nobody has stored it yet: all that is known stands in the nonce. */
static void answer_created(finq_waiting_answer *answer, const finq_session_pass *pass)
{
    memset(answer, 0, sizeof *answer);
    answer->status = "SESSION_CREATED";
    answer->expires_at = pass->token.expires_at;
    answer->next_step = pass->step->name;
}

finq_error *finq_waiting_status(finq_waiting_answer *answer, const finq_service *service, const finq_session_pass *pass,
                                apr_pool_t *pool)
{
    static const finq_pg_statement session_status = {
        "finq_session_status", "SELECT " COLUMNS " FROM finq.session_status($1, $2, $3, $4, $5, $6, $7, $8, $9)"};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_token token;
    finq_pg_arg_id(&args, &pass->token.client_id);
    finq_pg_arg_id(&args, &pass->token.session_id);
    finq_pg_arg_int(&args, pass->token.ordinal);
    finq_pg_arg_int(&args, pass->token.generation);
    finq_pg_arg_long(&args, pass->token.expires_at);
    finq_pg_arg_int(&args, service->nonce_ttl);
    finq_pg_arg_int(&args, service->temp_token_ttl);
    finq_pg_arg_int(&args, service->session_ttl);
    finq_pg_arg_int(&args, finq_secret_id(finq_secrets_first(service->secrets)));
    FINQ_TRY(service->db->call(service->db, &rows, &session_status, &args, pool));
    const char *outcome = finq_pg_text(rows, 0, OUTCOME, pool);
    if (strcmp(outcome, "created") == 0) {
        answer_created(answer, pass);
        return NULL;
    }
    if (strcmp(outcome, "ok") != 0)
        return finq_step_outcome(outcome, NULL, NULL, pool);
    token_read(&token, rows, &pass->token.client_id, &pass->token.session_id);
    return answer_read(answer, service, rows, &token, pool);
}

finq_error *finq_waiting_settled(apr_array_header_t **places, finq_db *db, const apr_array_header_t *sessions,
                                 apr_pool_t *pool)
{
    static const finq_pg_statement sessions_settled = {"finq_sessions_settled",
                                                       "SELECT place FROM finq.sessions_settled($1, $2) place"};
    const PGresult *rows;
    finq_pg_args args = {0};
    const char **ids = apr_palloc(pool, sizeof *ids * (apr_size_t)sessions->nelts);
    const char **generations = apr_palloc(pool, sizeof *generations * (apr_size_t)sessions->nelts);
    for (int i = 0; i < sessions->nelts; i++) {
        ids[i] = finq_id_text(&APR_ARRAY_IDX(sessions, i, finq_waiting_session).session_id, pool);
        generations[i] = apr_itoa(pool, APR_ARRAY_IDX(sessions, i, finq_waiting_session).generation);
    }
    finq_pg_arg_text(&args, finq_pg_array(ids, sessions->nelts, pool));
    finq_pg_arg_text(&args, finq_pg_array(generations, sessions->nelts, pool));
    FINQ_TRY(db->call(db, &rows, &sessions_settled, &args, pool));
    *places = apr_array_make(pool, finq_pg_rows(rows), sizeof(int));
    for (int i = 0; i < finq_pg_rows(rows); i++)
        APR_ARRAY_PUSH(*places, int) = (int)finq_pg_number(rows, i, 0) - 1;
    return NULL;
}

finq_error *finq_waiting_resume(finq_waiting_answer *answer, const finq_service *service,
                                const finq_waiting_resumption *resumption, apr_pool_t *pool)
{
    static const finq_pg_statement session_resume = {
        "finq_session_resume", "SELECT " COLUMNS " FROM finq.session_resume($1, $2, $3, $4, $5, $6, $7)"};
    unsigned char hash[FINQ_DIGEST_SHA256];
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_token token;
    finq_id session_id;
    int is_id = finq_id_parse(&session_id, resumption->session_id);
    finq_digest_sha256(hash, resumption->client_secret, strlen(resumption->client_secret));
    finq_pg_arg_id(&args, &resumption->client_id);
    finq_pg_arg_bytes(&args, hash, sizeof hash);
    finq_pg_arg_id(&args, is_id ? &session_id : NULL);
    finq_pg_arg_int(&args, service->nonce_ttl);
    finq_pg_arg_int(&args, service->temp_token_ttl);
    finq_pg_arg_int(&args, service->session_ttl);
    finq_pg_arg_int(&args, finq_secret_id(finq_secrets_first(service->secrets)));
    FINQ_TRY(service->db->call(service->db, &rows, &session_resume, &args, pool));
    const char *outcome = finq_pg_text(rows, 0, OUTCOME, pool);
    if (strcmp(outcome, "ok") != 0)
        return finq_step_outcome(outcome, NULL, NULL, pool);
    token_read(&token, rows, &resumption->client_id, &session_id);
    return answer_read(answer, service, rows, &token, pool);
}

/* ---- decisions ---- */

static const char *decision_word(const char *decision)
{
    if (strcmp(decision, "accepted") == 0)
        return "approve";
    return strcmp(decision, "failed") == 0 ? "reject" : "resubmit";
}

finq_error *finq_waiting_decide(const char **status, const finq_service *service, const finq_connector_decision *decision,
                                const char *connector, apr_pool_t *pool)
{
    static const finq_pg_statement step_decide = {"finq_step_decide",
                                                  "SELECT outcome, status FROM finq.step_decide($1, $2, $3, $4)"};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, &decision->step_id);
    finq_pg_arg_text(&args, connector);
    finq_pg_arg_text(&args, decision_word(decision->decision));
    finq_pg_arg_text(&args, finq_step_reasons(decision->reasons, pool));
    FINQ_TRY(service->db->call(service->db, &rows, &step_decide, &args, pool));
    const char *outcome = finq_pg_text(rows, 0, 0, pool);
    *status = finq_pg_text(rows, 0, 1, pool);
    return strcmp(outcome, "ok") == 0 ? NULL : finq_step_outcome(outcome, NULL, NULL, pool);
}
