#include "order/phase.h"

#include <string.h>

#include "ground/clock.h"

/* Longest history: what a bank says beyond it changes the phase alone. */
#define HISTORY_MOST 100

static const struct {
    const char *name;
    int rank, is_final;
} phases[FINQ_PHASE_COUNT] = {
#define X(enumerator, name, rank, final) {name, rank, final},
    FINQ_PHASES(X)
#undef X
};

/* The codes of ISO 20022's ExternalPaymentTransactionStatus1Code; PART is known by its parts. */
static const struct {
    const char *codes;
    finq_phase phase;
} codes[] = {
    {" RCVD ACTC PATC ", FINQ_PHASE_AUTHORISING},
    {" PDNG ACCP ACFC ", FINQ_PHASE_SUBMITTED},
    {" ACSP ACWC ACWP ", FINQ_PHASE_ACCEPTED},
    {" ACSC ", FINQ_PHASE_SETTLED},
    {" ACCC ", FINQ_PHASE_CREDITED},
    {" RJCT BLCK ", FINQ_PHASE_REJECTED},
    {" CANC ", FINQ_PHASE_CANCELLED},
};

const char *finq_phase_name(finq_phase phase)
{
    return phases[phase].name;
}

int finq_phase_rank(finq_phase phase)
{
    return phases[phase].rank;
}

int finq_phase_is_final(finq_phase phase)
{
    return phases[phase].is_final;
}

/* FINQ_PHASE_COUNT for a code that is none. */
static finq_phase phase_of_code(const char *code)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        const char *found = strstr(codes[i].codes, code);
        if (found && strlen(code) == 4)
            return codes[i].phase;
    }
    return FINQ_PHASE_COUNT;
}

/* Of the book, or of a transaction of it. */
finq_phase finq_phase_of(const json_t *line)
{
    const char *name = finq_json_string(line, "phase");
    int phase = 0;
    while (phase < FINQ_PHASE_COUNT && (!name || strcmp(phases[phase].name, name) != 0))
        phase++;
    return (finq_phase)phase;
}

/* Money that was sent is not called back by a word, and what has ended stays ended. */
static int may_follow(finq_phase before, finq_phase after)
{
    if (after == FINQ_PHASE_COUNT || phases[before].rank < 0)
        return 0;
    return phases[after].rank < 0 ? !phases[before].is_final : phases[after].rank >= phases[before].rank;
}

static void set_text(json_t *object, const char *name, const char *text)
{
    if (text)
        json_object_set_new(object, name, json_string(text));
    else
        json_object_del(object, name);
}

static void set_reason(json_t *line, const finq_payment_word *word)
{
    json_object_del(line, "reason");
    if (!word->code)
        return;
    json_t *reason = json_object();
    set_text(reason, "code", word->code);
    set_text(reason, "text", word->text);
    json_object_set_new(line, "reason", reason);
}

static void line_tell(json_t *line, const finq_payment_word *word, finq_phase phase)
{
    if (!may_follow(finq_phase_of(line), phase))
        return;
    set_text(line, "status", word->status);
    set_text(line, "phase", phases[phase].name);
    set_reason(line, word);
}

static int is_known(const json_t *book, const char *end_to_end_id)
{
    const json_t *line;
    size_t i;
    json_array_foreach(json_object_get(book, "transactions"), i, line)
    {
        if (strcmp(finq_json_string(line, "end_to_end_id"), end_to_end_id) == 0)
            return 1;
    }
    return 0;
}

/* The least advanced of the parts. What was rejected or cancelled holds up no other: only where no part is left is it what all are. */
static finq_phase phase_of_parts(const json_t *book)
{
    finq_phase least = FINQ_PHASE_COUNT, ended = FINQ_PHASE_CANCELLED;
    json_t *line;
    size_t i;
    json_array_foreach(json_object_get(book, "transactions"), i, line)
    {
        finq_phase phase = finq_phase_of(line);
        if (phases[phase].rank < 0)
            ended = phase == FINQ_PHASE_REJECTED ? phase : ended;
        else if (least == FINQ_PHASE_COUNT || phases[phase].rank < phases[least].rank)
            least = phase;
    }
    return least == FINQ_PHASE_COUNT ? ended : least;
}

/* What is said of a part; a code for the whole is one for each part of which nothing else is said. */
static const finq_payment_word *word_of(const finq_payment_state *state, const json_t *line)
{
    for (int i = 0; i < state->transfers->nelts; i++) {
        const finq_payment_word *word = &APR_ARRAY_IDX(state->transfers, i, finq_payment_word);
        if (strcmp(word->end_to_end_id, finq_json_string(line, "end_to_end_id")) == 0)
            return word;
    }
    return &state->whole;
}

static void parts_tell(json_t *book, const finq_payment_state *state)
{
    json_t *line;
    size_t i;
    json_array_foreach(json_object_get(book, "transactions"), i, line)
    {
        const finq_payment_word *word = word_of(state, line);
        line_tell(line, word, phase_of_code(word->status));
    }
}

static void history_note(json_t *book, const finq_payment_state *state, const char *source, apr_int64_t at, apr_pool_t *pool)
{
    json_t *history = json_object_get(book, "history");
    const json_t *last = json_array_get(history, json_array_size(history) - 1);
    const char *before = json_array_size(history) > 0 ? finq_json_string(last, "status") : NULL;
    if ((before && strcmp(before, state->whole.status) == 0) || json_array_size(history) >= HISTORY_MOST)
        return;
    json_array_append_new(
        history, json_pack("{s:s, s:s, s:s}", "status", state->whole.status, "at", finq_clock_text(at, pool), "source", source));
}

int finq_phase_tell(json_t *book, const finq_payment_state *state, const char *source, apr_int64_t at, apr_pool_t *pool)
{
    json_t *before = finq_json_own(json_deep_copy(book), pool);
    for (int i = 0; i < state->transfers->nelts; i++) {
        if (!is_known(book, APR_ARRAY_IDX(state->transfers, i, finq_payment_word).end_to_end_id))
            return -1;
    }
    parts_tell(book, state);
    line_tell(book, &state->whole,
              strcmp(state->whole.status, "PART") == 0 ? phase_of_parts(book) : phase_of_code(state->whole.status));
    history_note(book, state, source, at, pool);
    return !json_equal(before, book);
}

json_t *finq_phase_book(const finq_order *order)
{
    json_t *transactions = json_array();
    for (int i = 0; i < order->transfers->nelts; i++) {
        const finq_order_transfer *transfer = &APR_ARRAY_IDX(order->transfers, i, finq_order_transfer);
        json_array_append_new(transactions,
                              json_pack("{s:s, s:s}", "end_to_end_id", transfer->end_to_end_id, "phase", "created"));
    }
    return json_pack("{s:s, s:[], s:o}", "phase", "created", "history", "transactions", transactions);
}

static int is_any_paid(const json_t *book)
{
    const json_t *line;
    size_t i;
    json_array_foreach(json_object_get(book, "transactions"), i, line)
    {
        if (phases[finq_phase_of(line)].rank >= phases[FINQ_PHASE_SETTLED].rank)
            return 1;
    }
    return 0;
}

int finq_phase_is_released(const json_t *book)
{
    const char *status = finq_json_string(book, "status");
    return status && (strcmp(status, "RJCT") == 0 || strcmp(status, "CANC") == 0) && !is_any_paid(book);
}
