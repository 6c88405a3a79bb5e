#include "finq_waiting.h"

#include <string.h>

#include "finq_digest.h"
#include "finq_step.h"

/* Both calls answer these columns, in this order. */
#define COLUMNS                                                                                                       \
    "outcome, held, status, step_id, expires_at, secret_id, ordinal, place, previous, generation, waits, reasons, skill_id"
enum { OUTCOME, HELD, STATUS, STEP_ID, EXPIRES_AT, SECRET_ID, ORDINAL, PLACE, PREVIOUS, GENERATION, WAITS, REASONS, SKILL_ID };

static finq_error *token_seal(finq_waiting_answer *answer, const finq_service *service, const finq_token *token,
                              apr_int32_t secret_id, apr_pool_t *pool)
{
    const finq_secret *secret = finq_secrets_find(service->secrets, secret_id);
    if (!secret)
        return finq_error_internal(pool, FINQ_E_SERVICE_UNAVAILABLE,
                                   "the secret that sealed an earlier answer is not in this server's secret file");
    return finq_token_seal(token->kind == FINQ_TOKEN_TEMP ? &answer->temp_token : &answer->nonce, token, secret, pool);
}

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

static finq_error *reasons_read(finq_waiting_answer *answer, const PGresult *rows, apr_pool_t *pool)
{
    json_t *wrapped;
    const char *text = finq_pg_text(rows, 0, REASONS, pool);
    answer->reasons = NULL;
    if (!text)
        return NULL;
    FINQ_TRY(finq_json_parse(&wrapped, text, strlen(text), pool));
    answer->reasons = json_object_get(wrapped, "reasons");
    return NULL;
}

/* A failed session gets no token, one that waits none but on resumption (`anew`), a completed one its temp_token. */
static finq_error *answer_read(finq_waiting_answer *answer, const finq_service *service, const PGresult *rows,
                               finq_token *token, apr_pool_t *pool)
{
    const finq_published *published;
    int held = finq_pg_bool(rows, 0, HELD), waits = finq_pg_bool(rows, 0, WAITS);
    memset(answer, 0, sizeof *answer);
    answer->status = finq_pg_text(rows, 0, STATUS, pool);
    answer->step_id = finq_pg_id(rows, 0, STEP_ID);
    answer->expires_at = token->expires_at;
    FINQ_TRY(reasons_read(answer, rows, pool));
    FINQ_TRY(finq_directory_skill(&published, service->directory, service->db, token->skill_id, pool));
    int completed = strcmp(answer->status, "SESSION_COMPLETED") == 0, failed = strcmp(answer->status, "SESSION_FAILED") == 0;
    if (!completed && !failed && !waits)
        answer->next_step = published->skill->steps[token->place - 1].name;
    token->kind = completed ? FINQ_TOKEN_TEMP : FINQ_TOKEN_NONCE;
    if (failed || held)
        return NULL;
    return token_seal(answer, service, token, (apr_int32_t)finq_pg_number(rows, 0, SECRET_ID), pool);
}

finq_error *finq_waiting_status(finq_waiting_answer *answer, const finq_service *service, const finq_session_pass *pass,
                                apr_pool_t *pool)
{
    static const finq_pg_statement session_status = {
        "finq_session_status", "SELECT " COLUMNS " FROM finq.session_status($1, $2, $3, $4, $5, $6, $7, $8)"};
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
    finq_pg_arg_int(&args, finq_secret_id(finq_secrets_first(service->secrets)));
    FINQ_TRY(service->db->call(service->db, &rows, &session_status, &args, pool));
    const char *outcome = finq_pg_text(rows, 0, OUTCOME, pool);
    if (strcmp(outcome, "ok") != 0)
        return finq_step_outcome(outcome, NULL, NULL, pool);
    token_read(&token, rows, &pass->token.client_id, &pass->token.session_id);
    return answer_read(answer, service, rows, &token, pool);
}

finq_error *finq_waiting_resume(finq_waiting_answer *answer, const finq_service *service,
                                const finq_waiting_resumption *resumption, apr_pool_t *pool)
{
    static const finq_pg_statement session_resume = {
        "finq_session_resume", "SELECT " COLUMNS " FROM finq.session_resume($1, $2, $3, $4, $5, $6)"};
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
