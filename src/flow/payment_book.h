/* The book of a payment, as it is kept: between the files of this room. */
#ifndef PAYMENT_BOOK_H
#define PAYMENT_BOOK_H

#include "flow/payment.h"
#include "flow/sealed.h"
#include "order/phase.h"

/* What a bank has said, and how it came. */
typedef struct payment_news {
    const finq_payment_state *state; /* NULL where it said nothing of the payment */
    const char *reference;           /* the connector's own; NULL where it gave none */
    const char *source;
    int is_taken; /* it accepted the order */
} payment_news;

finq_error *payment_book_seal(finq_bytes *sealed, const finq_payment *payment, apr_pool_t *pool);
finq_error *payment_book_open(finq_payment *payment, finq_bytes sealed, apr_pool_t *pool);

/* Adds news to the book, and keeps it; where another was faster, to the book as that one left it. Errors: invalid_field where a transfer is
 * not of this order; service_unavailable where the payment was given up; those of a call. */
finq_error *payment_book_tell(finq_payment *payment, const finq_service *service, const payment_news *news, apr_pool_t *pool);

/* Whether the bank has said that it carries the order out, or will: then it can't say that nothing was ordered. */
int payment_book_is_taken(const json_t *book);

/* Tells of a phase that a payment has come to; `before` may be FINQ_PHASE_COUNT. */
void payment_phase_witness(const finq_service *service, finq_phase before, finq_phase after);

/* The word of a sealed reference. */
#define PAYMENT_SEALED_REFERENCE "payment_reference"

#endif
