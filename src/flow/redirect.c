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
#include "flow/feed.h"
#include "flow/payment.h"
#include "flow/sealed.h"
#include "flow/status.h"

#define WORD_MAX 64
/* How long a return waits for the same one, which is being concluded: longer than finq.redirect_take keeps it. */
#define AWAIT_MOST apr_time_from_sec(15)
#define DESCRIPTION_MAX 200
#define CODE_MAX 4096

/* ---- the return ---- */

typedef struct {
    const finq_service *service;
    finq_session_pass pass;                 /* opened from the state */
    finq_id request_id;                     /* tells a call that is made again from another return's */
    unsigned char hash[FINQ_DIGEST_SHA256]; /* of all that the return brought */
    finq_id step_id;                        /* of the step that waits */
    finq_data_key *key;                     /* the session's, once the state was taken; NULL where nothing is known of it */
    const char *link;
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

/* All that makes two returns the same one. */
static void return_hash(unsigned char *hash, const finq_redirect_return *came, apr_pool_t *pool)
{
    const char *const parts[] = {came->state, came->code, came->error, came->error_description};
    finq_digest *digest = finq_digest_new(pool);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        finq_digest_update(digest, parts[i] ? "1" : "0", 1);
        if (parts[i])
            finq_digest_update(digest, parts[i], strlen(parts[i]) + 1);
    }
    finq_digest_final(hash, digest);
}

/* The tenant, the consent that the session renews, or the session, whose person was erased: then nobody is asked, and nothing is
 * concluded. */
static int is_taken_back(const finq_return_answer_row *row)
{
    return strcmp(row->outcome, "unauthorized_tenant") == 0 || strcmp(row->outcome, "inactive_credentials") == 0 ||
           strcmp(row->outcome, "expired_session") == 0;
}

/* Takes the state's one use. `row->outcome` is "ok"; "repeat"; "step_claimed", while the same return is being concluded; or that
 * the state has been used or is too late: then the link, if any, is known. */
static finq_error *state_take(finq_return_answer_row *row, visit *v)
{
    finq_redirect_take_in in = {
        .client_id = &v->pass.token.client_id,
        .session_id = &v->pass.token.session_id,
        .ordinal = v->pass.token.ordinal,
        .return_hash = {v->hash, sizeof v->hash},
        .request_id = &v->request_id,
    };
    FINQ_TRY(finq_call_redirect_take(row, v->service->db, &in, v->pool));
    return is_taken_back(row) ? finq_outcome_error(row->outcome, NULL, NULL, v->pool) : NULL;
}

static finq_data_place place_of(const visit *v, const char *kind)
{
    return FINQ_DATA_PLACE(kind, &v->pass.token.session_id, &v->step_id);
}

/* What is known of a session that is at a bank, or was. */
static finq_error *visit_open(visit *v, const finq_return_answer_row *row)
{
    if (!row->return_link.data)
        return NULL;
    v->step_id = *row->step_id;
    FINQ_TRY(finq_data_key_unwrap(&v->key, v->service->data_keys, row->data_key, v->pool));
    return finq_data_key_open(&v->link, v->key, place_of(v, FINQ_SEALED_LINK), row->return_link, v->pool);
}

/* How a return ends: `error` and `description` are told instead of the status. */
typedef struct {
    finq_decision decision;
    const char *data, *reasons;
    const char *error, *description;
} ending;

/* Where the browser goes. The token is made from what the row says, so that it is the same each time. */
static finq_error *location_make(const char **location, visit *v, const finq_return_answer_row *row, const ending *end)
{
    const char *temp_token;
    finq_status status;
    if (end->error) {
        *location = finq_link_error(v->link, end->error, end->description, v->pool);
        return NULL;
    }
    FINQ_TRY(finq_status_read(&status, row->status, v->pool));
    if (finq_status_onward(status, 0) != FINQ_ONWARD_TEMP_TOKEN) {
        *location = finq_link_add(v->link, "status", row->status, v->pool);
        return NULL;
    }
    const finq_secret *secret = finq_secrets_find(v->service->secrets, row->secret_id);
    finq_token token = v->pass.token;
    token.kind = FINQ_TOKEN_TEMP;
    token.previous = 0;
    token.expires_at = row->expires_at;
    if (!secret)
        return finq_error_internal(v->pool, FINQ_E_SERVICE_UNAVAILABLE,
                                   "the secret that sealed an earlier answer is not in this server's secret file");
    FINQ_TRY(finq_token_seal(&temp_token, &token, secret, v->pool));
    *location = finq_link_add(v->link, "temp_token", temp_token, v->pool);
    return NULL;
}

/* The same return, concluded a moment ago. */
static finq_error *location_again(const char **location, visit *v, const finq_return_answer_row *row)
{
    ending end = {0};
    FINQ_TRY(finq_data_key_open(&end.error, v->key, place_of(v, FINQ_SEALED_ERROR), row->error, v->pool));
    FINQ_TRY(finq_data_key_open(&end.description, v->key, place_of(v, FINQ_SEALED_DESCRIPTION), row->description, v->pool));
    return location_make(location, v, row, &end);
}

static finq_error *ending_seal(finq_redirect_conclude_in *in, visit *v, const ending *end)
{
    FINQ_TRY(finq_data_key_seal(&in->told, v->key, place_of(v, FINQ_SEALED_ANSWER), end->data, v->pool));
    FINQ_TRY(finq_data_key_seal(&in->reasons, v->key, place_of(v, FINQ_SEALED_REASONS), end->reasons, v->pool));
    FINQ_TRY(finq_data_key_seal(&in->error, v->key, place_of(v, FINQ_SEALED_ERROR), end->error, v->pool));
    return finq_data_key_seal(&in->description, v->key, place_of(v, FINQ_SEALED_DESCRIPTION), end->description, v->pool);
}

static finq_error *conclude_call(finq_return_answer_row *row, visit *v, const ending *end)
{
    finq_redirect_conclude_in in = {
        .client_id = &v->pass.token.client_id,
        .session_id = &v->pass.token.session_id,
        .ordinal = v->pass.token.ordinal,
        .return_hash = {v->hash, sizeof v->hash},
        .decision = finq_decision_name(end->decision),
        .answer_ttl = v->service->temp_token_ttl,
        .secret_id = finq_secret_id(finq_secrets_first(v->service->secrets)),
    };
    if (v->key)
        FINQ_TRY(ending_seal(&in, v, end));
    return finq_call_redirect_conclude(row, v->service->db, &in, v->pool);
}

/* Error: that of a tenant disabled meanwhile, whose state can be used again; of a visit that has ended meanwhile. */
static finq_error *conclude(const char **location, visit *v, const ending *end)
{
    finq_return_answer_row row;
    FINQ_TRY(conclude_call(&row, v, end));
    if (strcmp(row.outcome, "repeat") == 0)
        return location_again(location, v, &row);
    if (strcmp(row.outcome, "ok") == 0)
        return location_make(location, v, &row, end);
    return is_taken_back(&row) ? finq_outcome_error(row.outcome, NULL, NULL, v->pool) : not_known(v->pool);
}

/* What a bank says to people; it reaches us through the user's browser. */
static const char *description_words(const char *description, apr_pool_t *pool)
{
    return description && *description ? finq_text_plain(description, DESCRIPTION_MAX, pool) : "The bank sent the user back.";
}

/* The user comes back without what it went for: the step is to be sent again. */
static finq_error *come_back_empty(const char **location, visit *v, const char *error, const char *description)
{
    json_t *reasons = finq_json_own(json_pack("[s]", description), v->pool);
    const ending end = {FINQ_DECISION_RESUBMIT, NULL, finq_json_text(reasons, v->pool), error, description};
    return conclude(location, v, &end);
}

/* The order's attempt is what the bank knows it by. */
static finq_error *order_ask(finq_connector_answer *answer, visit *v, const finq_connector_question *of_step)
{
    finq_connectors *connectors = v->service->connectors;
    finq_connector_question question = *of_step;
    finq_payment payment;
    FINQ_TRY(finq_payment_find(&payment, v->service, &question.session_id, v->key, v->pool));
    question.attempt = payment.attempt;
    question.payment_id = &payment.payment_id;
    FINQ_TRY(connectors->ask(connectors, answer, v->pass.step->connector, &question, v->pool));
    return finq_payment_answered(&payment, v->service, answer, v->pool);
}

static finq_error *connector_ask(finq_connector_answer *answer, visit *v, const finq_return_answer_row *row,
                                 const finq_redirect_return *came)
{
    finq_connectors *connectors = v->service->connectors;
    finq_numbers *numbers = finq_numbers_make(v->pool);
    const char *text, *tenant_user_id;
    json_t *data;
    FINQ_TRY(finq_data_key_open(&text, v->key, place_of(v, FINQ_SEALED_STEP), row->data, v->pool));
    FINQ_TRY(finq_sealed_user_open(&tenant_user_id, v->key, &v->pass.token.client_id, row->tenant_user_id, v->pool));
    FINQ_TRY(finq_json_stored(&data, numbers, text, v->pool));
    const finq_connector_question question = {
        .event = FINQ_CONNECTOR_RETURN,
        .session_id = v->pass.token.session_id,
        .step_id = *row->step_id,
        .attempt = *row->step_id,
        .skill = v->pass.published->skill->name,
        .environment = v->pass.published->skill->environment,
        .step = v->pass.step->name,
        .tenant_user_id = tenant_user_id,
        .data = data,
        .numbers = numbers,
        .state = came->state,
        .code = came->code,
    };
    FINQ_TRY(v->pass.step->is_payment ? order_ask(answer, v, &question)
                                      : connectors->ask(connectors, answer, v->pass.step->connector, &question, v->pool));
    return answer->verdict == FINQ_CONNECTOR_REDIRECT
               ? finq_connector_unusable(v->pool, "the connector answers a return with a redirect")
               : NULL;
}

/* What the connector is to be asked for account data with, before the session goes on: what comes then finds it. */
static finq_error *reference_keep(visit *v, const finq_connector_answer *answer)
{
    const finq_feed_visit seen = {&v->pass.token, v->pass.published, v->pass.step->connector, answer->reference};
    return finq_feed_keep(v->service, &seen, v->pool);
}

static finq_error *answer_follow(const char **location, visit *v, const finq_connector_answer *answer)
{
    ending end = {.decision = FINQ_DECISION_PENDING, .reasons = finq_json_texts(answer->reasons, v->pool)};
    switch (answer->verdict) {
    case FINQ_CONNECTOR_ACCEPTED:
        end.decision = v->pass.step->review ? FINQ_DECISION_PENDING : FINQ_DECISION_APPROVE;
        end.data = answer->data;
        end.reasons = NULL;
        break;
    case FINQ_CONNECTOR_FAILED:
        end.decision = FINQ_DECISION_REJECT;
        end.error = "failed";
        end.description = "The bank could not finish it.";
        break;
    case FINQ_CONNECTOR_REJECTED:
        return come_back_empty(location, v, "rejected", "The bank did not accept it.");
    case FINQ_CONNECTOR_PENDING:
    case FINQ_CONNECTOR_REDIRECT: /* ask has refused it */
        break;
    }
    return conclude(location, v, &end);
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

static finq_error *visit_finish(const char **location, visit *v, const finq_return_answer_row *row,
                                const finq_redirect_return *came)
{
    finq_connector_answer answer;
    if (came->error)
        return come_back_empty(location, v, error_word(came->error, v->pool),
                               description_words(came->error_description, v->pool));
    finq_error *error = connector_ask(&answer, v, row, came);
    /* its order was given up meanwhile: the step may be sent again */
    if (error && error->code == FINQ_E_TPP_REDIRECT_ERROR)
        return come_back_empty(location, v, finq_code_name(error->code), error->message);
    if (!error)
        error = reference_keep(v, &answer);
    if (!error)
        return answer_follow(location, v, &answer);
    return conclude(location, v, &(ending){FINQ_DECISION_RETRY, NULL, NULL, finq_code_name(error->code), error->message});
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

static finq_error *visit_begin(const char **location, int *claimed, visit *v, const finq_redirect_return *came)
{
    finq_return_answer_row row, given_back;
    FINQ_TRY(state_take(&row, v));
    finq_error *error = visit_open(v, &row);
    if (error && strcmp(row.outcome, "ok") == 0) /* the state's one use, since nothing came of it */
        conclude_call(&given_back, v, &(ending){.decision = FINQ_DECISION_RETRY});
    FINQ_TRY(error);
    *claimed = strcmp(row.outcome, "step_claimed") == 0;
    if (*claimed)
        return finq_outcome_error(row.outcome, NULL, NULL, v->pool);
    if (!v->link)
        return not_known(v->pool);
    if (strcmp(row.outcome, "ok") == 0)
        return visit_finish(location, v, &row, came);
    if (strcmp(row.outcome, "repeat") == 0)
        return location_again(location, v, &row);
    *location = finq_link_error(v->link, "tpp_redirect_error", "The visit to the bank has ended already.", v->pool);
    return NULL;
}

static finq_error *visit_enter(const char **location, int *claimed, visit *v, const finq_redirect_return *came)
{
    finq_connectors *connectors = v->service->connectors;
    *claimed = 0;
    if (came->error) /* nobody is asked */
        return visit_begin(location, claimed, v, came);
    FINQ_TRY(connectors->enter(connectors, v->pass.step->connector)); /* before the state's one use is taken */
    finq_error *error = visit_begin(location, claimed, v, came);
    connectors->leave(connectors, v->pass.step->connector);
    return error;
}

finq_error *finq_redirect_finish(const char **location, finq_id *session_id, const finq_service *service,
                                 const finq_redirect_return *came, apr_pool_t *pool)
{
    apr_time_t until = finq_clock_steady() + AWAIT_MOST;
    visit v = {.service = service, .pool = pool};
    finq_error *error;
    int claimed;
    FINQ_TRY(state_open(&v, came));
    *session_id = v.pass.token.session_id;
    if (came->code && !is_code(came->code))
        return finq_error_make(pool, FINQ_E_TPP_REDIRECT_ERROR, "code is not one that a bank would send.");
    return_hash(v.hash, came, pool);
    FINQ_TRY(finq_id_new(&v.request_id, pool));
    do /* some looks, while the same return is being concluded; no place is held between them */
        error = visit_enter(location, &claimed, &v, came);
    while (claimed && finq_clock_steady() < until && service->connectors->pause(service->connectors));
    return error;
}
