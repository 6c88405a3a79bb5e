#include "bank/payment.h"

#include <apr_hash.h>
#include <string.h>

#define TEXT_MOST 500
#define ID_MOST 35

static int is_code(const json_t *value, apr_size_t least, apr_size_t most)
{
    const char *text = json_string_value(value);
    apr_size_t length = text ? strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") : 0;
    return length >= least && length <= most && text[length] == '\0';
}

static const char *reason_read(finq_payment_word *word, const json_t *reason)
{
    const json_t *code = json_object_get(reason, "code"), *text = json_object_get(reason, "text");
    if (!reason)
        return NULL;
    if (!is_code(code, 1, 4) || (text && !finq_json_is_line(text, 1, TEXT_MOST)) || json_object_size(reason) != (text ? 2 : 1))
        return "a reason is not {code, text?}";
    word->code = json_string_value(code);
    word->text = json_string_value(text);
    return NULL;
}

/* `others` are the members that it may have beside those of every word. */
static const char *word_read(finq_payment_word *word, const json_t *json, size_t others)
{
    const json_t *status = json_object_get(json, "status"), *reason = json_object_get(json, "reason");
    if (!is_code(status, 4, 4))
        return "a status is not four capitals or digits";
    if (json_object_size(json) != others + 1 + (reason != NULL))
        return "it has a member that does not belong to a payment's state";
    word->status = json_string_value(status);
    return reason_read(word, reason);
}

static const char *transfers_read(finq_payment_state *state, const json_t *transfers, apr_pool_t *pool)
{
    apr_hash_t *met = apr_hash_make(pool);
    const json_t *transfer;
    const char *fault = NULL;
    size_t i;
    if (transfers && (!json_is_array(transfers) || json_array_size(transfers) > FINQ_PAYMENT_TRANSFERS))
        return "transactions is not an array of at most 500";
    json_array_foreach((json_t *)transfers, i, transfer)
    {
        const json_t *id = json_object_get(transfer, "end_to_end_id");
        finq_payment_word *word = apr_array_push(state->transfers);
        *word = (finq_payment_word){.end_to_end_id = json_string_value(id)};
        if (!finq_json_is_line(id, 1, ID_MOST) || apr_hash_get(met, word->end_to_end_id, APR_HASH_KEY_STRING))
            return "an end_to_end_id is none, or comes twice";
        apr_hash_set(met, word->end_to_end_id, APR_HASH_KEY_STRING, word);
        fault = fault ? fault : word_read(word, transfer, 1);
    }
    return fault;
}

const char *finq_payment_state_read(finq_payment_state *state, const json_t *json, apr_pool_t *pool)
{
    const json_t *transfers = json_object_get(json, "transactions");
    *state = (finq_payment_state){.transfers = apr_array_make(pool, 1, sizeof(finq_payment_word))};
    if (!json_is_object(json))
        return "payment is not an object";
    const char *fault = word_read(&state->whole, json, transfers != NULL);
    return fault ? fault : transfers_read(state, transfers, pool);
}

const char *finq_payment_question_text(const finq_payment_question *question, apr_pool_t *pool)
{
    finq_json_writer *to = finq_json_write(pool);
    finq_json_open(to, NULL, '{');
    finq_json_put(to, "event", "payment");
    finq_json_put(to, "attempt", finq_id_text(&question->attempt, pool));
    finq_json_put(to, "payment_id", finq_id_text(&question->payment_id, pool));
    finq_json_put(to, "session_id", finq_id_text(&question->session_id, pool));
    finq_json_put(to, "step_id", finq_id_text(&question->step_id, pool));
    finq_json_put(to, "skill", question->skill);
    finq_json_put(to, "environment", question->environment);
    finq_json_put(to, "reference", question->reference);
    finq_json_close(to, '}');
    return finq_json_written(to);
}
