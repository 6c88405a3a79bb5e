/* How a session stands and what follows: the statuses, what is waited for, what is decided. src/flow/README.md draws it. */
#ifndef FINQ_STATUS_H
#define FINQ_STATUS_H

#include <apr_pools.h>

#include "ground/error.h"

/* X(enumerator, name on the wire and in SQL, what its client goes on with while it waits for nobody, what may follow).
 * What nothing follows is final. */
#define FINQ_STATUSES(X)                                                                                                   \
    X(CREATED, "SESSION_CREATED", NONCE, TO(IN_PROGRESS) | TO(PENDING) | TO(COMPLETED) | TO(FAILED))                       \
    X(IN_PROGRESS, "SESSION_IN_PROGRESS", NONCE, TO(IN_PROGRESS) | TO(PENDING) | TO(COMPLETED) | TO(FAILED) | TO(EXPIRED)) \
    X(PENDING, "SESSION_PENDING", NOTHING, TO(IN_PROGRESS) | TO(COMPLETED) | TO(FAILED))                                   \
    X(COMPLETED, "SESSION_COMPLETED", TEMP_TOKEN, TO(EXPIRED))                                                             \
    X(FAILED, "SESSION_FAILED", NOTHING, 0)                                                                                \
    X(EXPIRED, "SESSION_EXPIRED", NOTHING, 0)

typedef enum {
#define X(enumerator, name, onward, followers) FINQ_STATUS_##enumerator,
    FINQ_STATUSES(X)
#undef X
        FINQ_STATUS_COUNT
} finq_status;

/** The name on the wire. */
const char *finq_status_name(finq_status status);
/** Reads a name that the database gave. Error: internal_server_error for one that is none. */
finq_error *finq_status_read(finq_status *status, const char *name, apr_pool_t *pool);
/** Whether nothing follows. */
int finq_status_is_final(finq_status status);

/** Whom a session waits for before it goes on. */
typedef enum { FINQ_WAITS_FOR_NOBODY, FINQ_WAITS_FOR_BANK, FINQ_WAITS_FOR_DECISION } finq_waits;

/** The name in SQL; NULL for nobody. */
const char *finq_waits_name(finq_waits waits);

/** The status that a step leads to which did not fail; `next` is the place of the step that follows, 0 for none. */
finq_status finq_status_after(finq_waits waits, int next);

/** Which token follows. Whoever waits keeps the nonce of the step that is waited with, and is given none. */
typedef enum { FINQ_ONWARD_NOTHING, FINQ_ONWARD_NONCE, FINQ_ONWARD_TEMP_TOKEN } finq_onward;

/** What the client of a session that stands so is given to go on with. */
finq_onward finq_status_onward(finq_status status, int waits);

/* What is decided about a step that a session waits with: X(enumerator, name in SQL, a connector's word or NULL).
 * Only the return from a bank is PENDING (a decision follows) or RETRY (the connector could not be asked). */
#define FINQ_DECISIONS(X)               \
    X(APPROVE, "approve", "accepted")   \
    X(RESUBMIT, "resubmit", "resubmit") \
    X(REJECT, "reject", "failed")       \
    X(PENDING, "pending", NULL)         \
    X(RETRY, "retry", NULL)

typedef enum {
#define X(enumerator, name, word) FINQ_DECISION_##enumerator,
    FINQ_DECISIONS(X)
#undef X
        FINQ_DECISION_COUNT
} finq_decision;

/** The name in SQL. */
const char *finq_decision_name(finq_decision decision);
/** What a connector's word means, which has been checked to be one. */
finq_decision finq_decision_of(const char *word);

#endif
