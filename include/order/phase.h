/* Phases: where a payment has come to, in plain words, beside the bank's own code (contract section 11b). The rules are here, and
 * nowhere else: a phase never goes back by rank. */
#ifndef FINQ_PHASE_H
#define FINQ_PHASE_H

#include "bank/payment.h"
#include "order/order.h"

/* X(enumerator, name, rank, final). What was rejected or cancelled has no rank. */
#define FINQ_PHASES(X)                  \
    X(CREATED, "created", 0, 0)         \
    X(AUTHORISING, "authorising", 1, 0) \
    X(SUBMITTED, "submitted", 2, 0)     \
    X(ACCEPTED, "accepted", 3, 0)       \
    X(SETTLED, "settled", 4, 1)         \
    X(CREDITED, "credited", 5, 1)       \
    X(REJECTED, "rejected", -1, 1)      \
    X(CANCELLED, "cancelled", -1, 1)

typedef enum {
#define X(enumerator, name, rank, final) FINQ_PHASE_##enumerator,
    FINQ_PHASES(X)
#undef X
        FINQ_PHASE_COUNT
} finq_phase;

/** The name on the wire. */
const char *finq_phase_name(finq_phase phase);
/** The rank; -1 for what has none. */
int finq_phase_rank(finq_phase phase);
/** Whether it is final: a settled payment may still be told to be credited, and nothing else follows. */
int finq_phase_is_final(finq_phase phase);

/** What is known of a payment, as it is kept: {phase, status?, reason?, history, transactions}, where the transactions are those of
 * the order, each with its own phase. A new reference. */
json_t *finq_phase_book(const finq_order *order);

/** Adds what the bank says to a book. `source` says how it came: answer, notice or inquiry; `at` is seconds since 1970. Whoever says the
 * same once more is not noted in the history again. Returns 1 where the book has changed, 0 where not, and -1, with nothing changed,
 * where a transfer is not one of the order's. */
int finq_phase_tell(json_t *book, const finq_payment_state *state, const char *source, apr_int64_t at, apr_pool_t *pool);

/** The phase of a book. */
finq_phase finq_phase_of(const json_t *book);

/** Whether the bank has said of the whole that it will not carry it out (RJCT or CANC), and of no part that it did: then the order may be sent
 * anew. */
int finq_phase_is_released(const json_t *book);

#endif
