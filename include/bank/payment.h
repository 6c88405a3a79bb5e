/* Payments in the protocol of connectors (conf/connector-openapi.yaml): how a payment stands, told with an answer, without being asked,
 * or when it is asked for. */
#ifndef FINQ_BANK_PAYMENT_H
#define FINQ_BANK_PAYMENT_H

#include <apr_tables.h>

#include "ground/error.h"
#include "ground/id.h"
#include "json/json.h"

/** Most transfers that a state tells of. */
#define FINQ_PAYMENT_TRANSFERS 500

/** What the bank says of a payment or of one of its transfers. Texts live as long as what they were read from. */
typedef struct finq_payment_word {
    const char *end_to_end_id; /**< of a transfer; NULL for the payment as a whole */
    const char *status;        /**< the bank's code, four capitals or digits */
    const char *code, *text;   /**< the reason's; NULL where there is none */
} finq_payment_word;

/** How a payment stands. There is no other way to come by one than to read it. */
typedef struct finq_payment_state {
    finq_payment_word whole;
    apr_array_header_t *transfers; /**< of finq_payment_word, each of another end_to_end_id. Never NULL */
} finq_payment_state;

/** Reads a state, strictly. Returns NULL, or what is wrong with it. */
const char *finq_payment_state_read(finq_payment_state *state, const json_t *json, apr_pool_t *pool);

/** Asks how a payment stands. */
typedef struct finq_payment_question {
    finq_id attempt, payment_id, session_id, step_id;
    const char *skill, *environment;
    const char *reference; /**< the connector's own; NULL where it gave none */
} finq_payment_question;

/** The question as JSON. */
const char *finq_payment_question_text(const finq_payment_question *question, apr_pool_t *pool);

/** What is answered. */
typedef struct finq_payment_answer {
    int is_never; /**< the bank has not had the attempt, and will not act on it: `state` is not set */
    finq_payment_state state;
} finq_payment_answer;

/** Reads an answer, strictly. Error: external_api_invalid_answer, its cause saying what is wrong. */
finq_error *finq_payment_answer_read(finq_payment_answer *answer, const char *text, apr_size_t length, apr_pool_t *pool);

#endif
