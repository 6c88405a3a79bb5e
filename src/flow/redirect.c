#include "flow/redirect.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "bank/link.h"
#include "crypto/digest.h"
#include "db/calls.h"
#include "db/outcome.h"
#include "ground/clock.h"
#include "ground/text.h"
#include "json/json.h"
#include "flow/status.h"

#define WORD_MAX 64
#define DESCRIPTION_MAX 200
#define CODE_MAX 4096

/* ---- the return ---- */

typedef struct {
    const finq_service *service;
    finq_session_pass pass; /* opened from the state */
    const char *link;
    finq_id step_id;
    const char *tenant_user_id;
    json_t *data;
    finq_numbers *numbers; /* of the data */
    unsigned char hash[FINQ_DIGEST_SHA256]; /* of what the return brought */
    const char *error, *words; /* what the browser is sent on with, where that is no token and no status; else NULL */
    apr_pool_t *pool;
} visit;

static finq_error *not_known(apr_pool_t *pool)
{
    return finq_error_make(pool, FINQ_E_TPP_REDIRECT_ERROR, "state is not one that was given to a bank, or it has been used.");
}

/* A connector registers one address at its banks, whatever its skills call their steps: the state alone tells the visit. */
static int kind_fits(const finq_skill_step *step, const char *kind)
{
    return strcmp(kind, step->name) == 0 || strcmp(kind, "aisp") == 0 || strcmp(kind, "pisp") == 0;
}

static finq_error *state_open(visit *v, const finq_redirect_return *came)
{
    finq_token *token = &v->pass.token;
    token->kind = FINQ_TOKEN_STATE;
    FINQ_TRY(finq_service_open(token, &v->pass.secret, came->state, v->service, v->pool));
    if (!v->pass.secret || token->expires_at <= finq_clock_seconds())
        return not_known(v->pool);
    FINQ_TRY(finq_directory_skill(&v->pass.published, v->service->directory, v->service->db, token->skill_id, v->pool));
    v->pass.step = &v->pass.published->skill->steps[token->place - 1];
    return kind_fits(v->pass.step, came->kind) ? NULL : not_known(v->pool);
}

/* By which the same return is known when it comes again. */
static void return_hash(unsigned char hash[FINQ_DIGEST_SHA256], const finq_redirect_return *came, apr_pool_t *pool)
{
    const char *parts[] = {came->code, came->error, came->error_description}, *text = "";
    for (int i = 0; i < 3; i++)
        text = apr_pstrcat(pool, text, parts[i] ? parts[i] : "", "\n", NULL);
    finq_digest_sha256(hash, text, strlen(text));
}

/* Takes the state's one use: `row` says whether it was there to be taken, and what is known of the visit. */
static finq_error *state_take(finq_redirect_take_out *row, visit *v, const finq_redirect_return *came)
{
    finq_redirect_take_in in = {
        .client_id = &v->pass.token.client_id,
        .session_id = &v->pass.token.session_id,
        .ordinal = v->pass.token.ordinal,
        .return_hash = {v->hash, sizeof v->hash},
    };
    return_hash(v->hash, came, v->pool);
    FINQ_TRY(finq_call_redirect_take(row, v->service->db, &in, v->pool));
    if (strcmp(row->outcome, "unauthorized_tenant") == 0)
        return finq_outcome_error(row->outcome, NULL, NULL, v->pool);
    v->link = row->return_link;
    return v->link ? NULL : not_known(v->pool);
}

static finq_error *visit_read(visit *v, const finq_redirect_take_out *row)
{
    v->step_id = *row->step_id;
    v->tenant_user_id = row->tenant_user_id;
    v->numbers = finq_numbers_make(v->pool);
    return finq_json_stored(&v->data, v->numbers, row->data, v->pool);
}

/* Error: that of a tenant disabled meanwhile, whose state can be used again; of a visit that has ended meanwhile. */
static finq_error *conclude(finq_redirect_conclude_out *row, visit *v, finq_decision decision, const char *told,
                            const char *reasons)
{
    finq_redirect_conclude_in in = {
        .client_id = &v->pass.token.client_id,
        .session_id = &v->pass.token.session_id,
        .ordinal = v->pass.token.ordinal,
        .decision = finq_decision_name(decision),
        .told = told,
        .reasons = reasons,
        .answer_ttl = v->service->temp_token_ttl,
        .secret_id = finq_secret_id(finq_secrets_first(v->service->secrets)),
        .return_hash = {v->hash, sizeof v->hash},
        .return_error = v->error,
        .return_words = v->words,
    };
    FINQ_TRY(finq_call_redirect_conclude(row, v->service->db, &in, v->pool));
    if (strcmp(row->outcome, "ok") == 0)
        return NULL;
    return strcmp(row->outcome, "unauthorized_tenant") == 0 ? finq_outcome_error(row->outcome, NULL, NULL, v->pool)
                                                            : not_known(v->pool);
}

/* What a bank says to people; it reaches us through the user's browser. */
static const char *description_words(const char *description, apr_pool_t *pool)
{
    return description && *description ? finq_text_plain(description, DESCRIPTION_MAX, pool) : "The bank sent the user back.";
}

/* The user comes back without what it went for: the step is to be sent again. */
static finq_error *come_back_empty(const char **location, visit *v, const char *error, const char *description)
{
    finq_redirect_conclude_out row;
    json_t *reasons = finq_json_own(json_pack("[s]", description), v->pool);
    v->error = error;
    v->words = description;
    FINQ_TRY(conclude(&row, v, FINQ_DECISION_RESUBMIT, NULL, finq_json_text(reasons, v->pool)));
    *location = finq_link_error(v->link, error, description, v->pool);
    return NULL;
}

/* With how the session stands, or its token: made from what the row says, so that it is the same each time. */
static finq_error *location_make(const char **location, visit *v, const char *standing, apr_int64_t expires_at, int secret_id)
{
    const finq_secret *secret = finq_secrets_find(v->service->secrets, secret_id);
    const char *temp_token;
    finq_status status;
    FINQ_TRY(finq_status_read(&status, standing, v->pool));
    if (finq_status_onward(status, 0) != FINQ_ONWARD_TEMP_TOKEN || !secret) {
        *location = finq_link_add(v->link, "status", standing, v->pool);
        return NULL;
    }
    finq_token token = v->pass.token;
    token.kind = FINQ_TOKEN_TEMP;
    token.previous = 0;
    token.expires_at = expires_at;
    FINQ_TRY(finq_token_seal(&temp_token, &token, secret, v->pool));
    *location = finq_link_add(v->link, "temp_token", temp_token, v->pool);
    return NULL;
}

static finq_error *come_back_full(const char **location, visit *v, finq_decision decision, const char *told,
                                  const char *reasons)
{
    finq_redirect_conclude_out row;
    FINQ_TRY(conclude(&row, v, decision, told, reasons));
    return location_make(location, v, row.status, row.expires_at, finq_secret_id(finq_secrets_first(v->service->secrets)));
}

/* The same return again: link scanners are plain GETs, and the user's browser comes after them. */
static finq_error *come_back_again(const char **location, visit *v, const finq_redirect_take_out *row)
{
    if (!row->return_error)
        return location_make(location, v, row->status, row->expires_at, row->secret_id);
    *location = finq_link_error(v->link, row->return_error, row->return_words, v->pool);
    return NULL;
}

static finq_error *ask(finq_connector_answer *answer, visit *v, const finq_redirect_return *came)
{
    finq_connector_question question = {
        .event = FINQ_CONNECTOR_RETURN,
        .session_id = v->pass.token.session_id,
        .step_id = v->step_id,
        .attempt = v->step_id,
        .skill = v->pass.published->skill->name,
        .environment = v->pass.published->skill->environment,
        .step = v->pass.step->name,
        .tenant_user_id = v->tenant_user_id,
        .data = v->data,
        .numbers = v->numbers,
        .state = came->state,
        .code = came->code,
    };
    FINQ_TRY(v->service->connectors->ask(v->service->connectors, answer, v->pass.step->connector, &question, v->pool));
    return answer->verdict == FINQ_CONNECTOR_REDIRECT
               ? finq_connector_unusable(v->pool, "the connector answers a return with a redirect")
               : NULL;
}

static finq_error *answer_follow(const char **location, visit *v, const finq_connector_answer *answer)
{
    finq_redirect_conclude_out row;
    switch (answer->verdict) {
    case FINQ_CONNECTOR_ACCEPTED:
        return come_back_full(location, v, v->pass.step->review ? FINQ_DECISION_PENDING : FINQ_DECISION_APPROVE, answer->data, NULL);
    case FINQ_CONNECTOR_PENDING:
        return come_back_full(location, v, FINQ_DECISION_PENDING, NULL, finq_json_texts(answer->reasons, v->pool));
    case FINQ_CONNECTOR_FAILED:
        v->error = "failed";
        v->words = "The bank could not finish it.";
        FINQ_TRY(conclude(&row, v, FINQ_DECISION_REJECT, NULL, finq_json_texts(answer->reasons, v->pool)));
        *location = finq_link_error(v->link, v->error, v->words, v->pool);
        return NULL;
    case FINQ_CONNECTOR_REJECTED:
        return come_back_empty(location, v, "rejected", "The bank did not accept it.");
    case FINQ_CONNECTOR_REDIRECT:
        break;
    }
    return NULL; /* ask has refused it */
}

/* What the bank says went wrong, as far as it is a plain word. */
static const char *error_word(const char *error, apr_pool_t *pool)
{
    char *word = apr_pstrndup(pool, error, WORD_MAX);
    for (char *c = word; *c; c++) {
        if (!apr_isalnum(*c) && *c != '_' && *c != '-' && *c != '.')
            return "tpp_redirect_error";
    }
    return *word ? word : "tpp_redirect_error";
}

static finq_error *visit_finish(const char **location, visit *v, const finq_redirect_return *came)
{
    finq_connector_answer answer;
    finq_redirect_conclude_out row;
    if (came->error)
        return come_back_empty(location, v, error_word(came->error, v->pool),
                               description_words(came->error_description, v->pool));
    finq_error *error = ask(&answer, v, came);
    if (!error)
        return answer_follow(location, v, &answer);
    FINQ_TRY(conclude(&row, v, FINQ_DECISION_RETRY, NULL, NULL));
    *location = finq_link_error(v->link, finq_code_name(error->code), error->message, v->pool);
    return NULL;
}

/* RFC 6749, appendix A.11. */
static int is_code(const char *code)
{
    apr_size_t length = strlen(code);
    for (const char *c = code; *c; c++) {
        if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
            return 0;
    }
    return length <= CODE_MAX;
}

static finq_error *visit_begin(const char **location, visit *v, const finq_redirect_return *came)
{
    finq_redirect_take_out row;
    FINQ_TRY(state_take(&row, v, came));
    if (strcmp(row.outcome, "repeat") == 0)
        return come_back_again(location, v, &row);
    if (strcmp(row.outcome, "ok") == 0) {
        FINQ_TRY(visit_read(v, &row));
        return visit_finish(location, v, came);
    }
    *location = finq_link_error(v->link, "tpp_redirect_error", "The visit to the bank has ended already.", v->pool);
    return NULL;
}

finq_error *finq_redirect_finish(const char **location, finq_id *session_id, const finq_service *service,
                                 const finq_redirect_return *came, apr_pool_t *pool)
{
    visit v = {.service = service, .pool = pool};
    finq_connectors *connectors = service->connectors;
    FINQ_TRY(state_open(&v, came));
    *session_id = v.pass.token.session_id;
    if (came->code && !is_code(came->code))
        return finq_error_make(pool, FINQ_E_TPP_REDIRECT_ERROR, "code is not one that a bank would send.");
    if (came->error) /* nobody is asked */
        return visit_begin(location, &v, came);
    FINQ_TRY(connectors->enter(connectors, v.pass.step->connector)); /* before the state's one use is taken */
    finq_error *error = visit_begin(location, &v, came);
    connectors->leave(connectors, v.pass.step->connector);
    return error;
}
