#include "page/handoff.h"

#include <apr_strings.h>
#include <string.h>

#include "crypto/digest.h"
#include "db/calls.h"
#include "db/outcome.h"

/* ---- numbers: three of two digits, and the place of the right one, "4712831" ---- */

#define LEAST 10
#define DIFFERENT 90

/* One of `count`, each as likely as the others. */
static finq_error *one_of(int *one, int count, apr_pool_t *pool)
{
    unsigned char byte;
    do
        FINQ_TRY(finq_random(&byte, 1, pool));
    while (byte >= 256 / count * count);
    *one = byte % count;
    return NULL;
}

static int is_among(int number, const int *numbers, int count)
{
    int is = 0;
    for (int i = 0; i < count; i++)
        is |= numbers[i] == number;
    return is;
}

finq_error *finq_handoff_numbers(const char **numbers, apr_pool_t *pool)
{
    int shown[FINQ_HANDOFF_NUMBERS], right;
    for (int i = 0; i < FINQ_HANDOFF_NUMBERS; i++) {
        do {
            FINQ_TRY(one_of(&shown[i], DIFFERENT, pool));
            shown[i] += LEAST;
        } while (is_among(shown[i], shown, i));
    }
    FINQ_TRY(one_of(&right, FINQ_HANDOFF_NUMBERS, pool));
    *numbers = apr_psprintf(pool, "%d%d%d%d", shown[0], shown[1], shown[2], right);
    return NULL;
}

const char *finq_handoff_number(const char *numbers, int place, apr_pool_t *pool)
{
    return apr_pstrmemdup(pool, numbers + (apr_size_t)place * 2, 2);
}

const char *finq_handoff_right(const char *numbers, apr_pool_t *pool)
{
    return finq_handoff_number(numbers, numbers[FINQ_HANDOFF_NUMBERS * 2] - '0', pool);
}

/* ---- where it has come to ---- */

static const struct {
    const char *outcome;
    finq_handoff_phase phase;
} outcomes[] = {
    {"ok", FINQ_HANDOFF_STANDING},         {"handoff_offered", FINQ_HANDOFF_OFFERED}, {"handoff_opened", FINQ_HANDOFF_OPENED},
    {"handoff_taken", FINQ_HANDOFF_TAKEN}, {"handoff_done", FINQ_HANDOFF_DONE},       {"handoff_wrong", FINQ_HANDOFF_WRONG},
    {"handoff_over", FINQ_HANDOFF_OVER},   {"handoff_refused", FINQ_HANDOFF_REFUSED},
};

static finq_error *phase_read(finq_handoff_phase *phase, const char *outcome, apr_pool_t *pool)
{
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        if (strcmp(outcomes[i].outcome, outcome) == 0) {
            *phase = outcomes[i].phase;
            return NULL;
        }
    }
    return finq_outcome_error(outcome, NULL, NULL, pool);
}

static finq_error *standing_read(finq_handoff_phase *phase, finq_waiting_answer *answer, const finq_service *service,
                                 const finq_session_standing_row *row, const finq_id *client_id, const finq_id *session_id,
                                 apr_pool_t *pool)
{
    FINQ_TRY(phase_read(phase, row->outcome, pool));
    return *phase == FINQ_HANDOFF_STANDING ? finq_waiting_read(answer, service, row, client_id, session_id, pool) : NULL;
}

/* ---- the first device ---- */

finq_error *finq_handoff_offer(finq_handoff *handoff, const finq_service *service, const finq_entry *entry,
                               const finq_session_pass *pass, apr_pool_t *pool)
{
    finq_handoff_offer_out row;
    finq_id handoff_id;
    const char *numbers;
    FINQ_TRY(finq_id_new(&handoff_id, pool));
    FINQ_TRY(finq_handoff_numbers(&numbers, pool));
    finq_handoff_offer_in in = {
        .client_id = &entry->client_id,
        .page_id = &entry->page_id,
        .generation = entry->generation,
        .session_id = &pass->token.session_id,
        .ordinal = pass->token.ordinal,
        .nonce_generation = pass->token.generation,
        .nonce_expires_at = pass->token.expires_at,
        .handoff_id = &handoff_id,
        .numbers = numbers,
        .ttl = FINQ_HANDOFF_TTL,
    };
    FINQ_TRY(finq_call_handoff_offer(&row, service->db, &in, pool));
    FINQ_TRY(phase_read(&handoff->phase, row.outcome, pool));
    if (handoff->phase == FINQ_HANDOFF_REFUSED)
        return NULL;
    handoff->numbers = row.numbers;
    finq_token token = {
        .kind = FINQ_TOKEN_HANDOFF,
        .generation = entry->generation,
        .expires_at = row.expires_at,
        .client_id = entry->client_id,
        .session_id = entry->page_id,
        .renews = row.handoff_id,
        .tenant_user_id = row.numbers,
    };
    return finq_token_seal(&handoff->address, &token, finq_secrets_first(service->secrets), pool);
}

finq_error *finq_handoff_read(finq_entry *offered, const finq_service *service, const finq_entry *entry, const char *address,
                              apr_pool_t *pool)
{
    FINQ_TRY(finq_entry_open(offered, service, address, pool));
    if (!offered->handoff_id || !finq_id_equal(&offered->page_id, &entry->page_id))
        return finq_outcome_error("not_found", NULL, NULL, pool);
    return NULL;
}

static const char *const choices[] = {[FINQ_HANDOFF_LOOK] = "look",
                                      [FINQ_HANDOFF_RIGHT] = "right",
                                      [FINQ_HANDOFF_ANOTHER] = "wrong",
                                      [FINQ_HANDOFF_NONE] = "none",
                                      [FINQ_HANDOFF_BACK] = "back"};

finq_error *finq_handoff_choose(finq_handoff_phase *phase, finq_waiting_answer *answer, const finq_service *service,
                                const finq_entry *offered, const finq_session_pass *pass, finq_handoff_choice choice,
                                apr_pool_t *pool)
{
    finq_handoff_choose_out row;
    finq_handoff_choose_in in = {
        .client_id = &offered->client_id,
        .page_id = &offered->page_id,
        .generation = offered->generation,
        .handoff_id = offered->handoff_id,
        .session_id = &pass->token.session_id,
        .nonce_generation = pass->token.generation,
        .choice = choices[choice],
        .nonce_ttl = service->nonce_ttl,
        .temp_token_ttl = service->temp_token_ttl,
        .secret_id = finq_secret_id(finq_secrets_first(service->secrets)),
    };
    FINQ_TRY(finq_call_handoff_choose(&row, service->db, &in, pool));
    return standing_read(phase, answer, service, &row, &offered->client_id, &pass->token.session_id, pool);
}

/* ---- the other one ---- */

finq_error *finq_handoff_open(finq_handoff_phase *phase, finq_waiting_answer *answer, const finq_service *service,
                              const finq_entry *offered, const finq_id *session_id, const char *device, apr_pool_t *pool)
{
    unsigned char hash[FINQ_DIGEST_SHA256];
    finq_handoff_open_out row;
    finq_handoff_open_in in = {
        .client_id = &offered->client_id,
        .page_id = &offered->page_id,
        .generation = offered->generation,
        .handoff_id = offered->handoff_id,
        .session_id = session_id,
        .opened_by = {hash, sizeof hash},
        .ttl = FINQ_HANDOFF_TTL,
        .nonce_ttl = service->nonce_ttl,
        .temp_token_ttl = service->temp_token_ttl,
        .secret_id = finq_secret_id(finq_secrets_first(service->secrets)),
    };
    finq_digest_sha256(hash, device, strlen(device));
    FINQ_TRY(finq_call_handoff_open(&row, service->db, &in, pool));
    return standing_read(phase, answer, service, &row, &offered->client_id, session_id, pool);
}

finq_error *finq_handoff_finish(finq_handoff_phase *phase, finq_waiting_answer *answer, const finq_service *service,
                                const finq_entry *offered, const finq_session_pass *pass, apr_pool_t *pool)
{
    finq_handoff_finish_out row;
    finq_handoff_finish_in in = {
        .client_id = &offered->client_id,
        .page_id = &offered->page_id,
        .generation = offered->generation,
        .handoff_id = offered->handoff_id,
        .session_id = &pass->token.session_id,
        .ordinal = pass->token.ordinal,
        .nonce_generation = pass->token.generation,
        .nonce_expires_at = pass->token.expires_at,
        .nonce_ttl = service->nonce_ttl,
        .temp_token_ttl = service->temp_token_ttl,
        .secret_id = finq_secret_id(finq_secrets_first(service->secrets)),
    };
    FINQ_TRY(finq_call_handoff_finish(&row, service->db, &in, pool));
    return standing_read(phase, answer, service, &row, &offered->client_id, &pass->token.session_id, pool);
}
