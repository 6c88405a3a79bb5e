/* A page's session on its way to another device, a phone with a camera, and back. The address that leads there is shown as a QR code;
 * who opens it sees a number, and gets a nonce only once that number is pressed on the first device: who shows his own code to somebody
 * else does not know theirs, and who photographs another's code is not the phone that they hold. */
#ifndef FINQ_HANDOFF_H
#define FINQ_HANDOFF_H

#include "flow/waiting.h"
#include "page/entry.h"

/** So long an offer can be opened, and so long after that a number can be pressed: seconds. */
#define FINQ_HANDOFF_TTL 120
/** How many numbers the first device shows. */
#define FINQ_HANDOFF_NUMBERS 3

/** Where a hand-off has come to. */
typedef enum finq_handoff_phase {
    FINQ_HANDOFF_OFFERED, /**< its code is shown */
    FINQ_HANDOFF_OPENED,  /**< the other device shows a number */
    FINQ_HANDOFF_TAKEN,   /**< the other device has the session */
    FINQ_HANDOFF_DONE,    /**< it has done what it was for */
    FINQ_HANDOFF_WRONG,   /**< another number was pressed, or none: it is dead */
    FINQ_HANDOFF_OVER,    /**< too late, or opened by another device */
    FINQ_HANDOFF_REFUSED, /**< none is offered: too many wrong numbers were pressed */
    FINQ_HANDOFF_STANDING /**< the session is whose who asked, and stands as it is told */
} finq_handoff_phase;

/** What is offered. */
typedef struct finq_handoff {
    finq_handoff_phase phase; /**< OFFERED; or what has become of the same offer; or REFUSED, and there is nothing more */
    const char *address;      /**< the last segment of its path */
    const char *numbers;      /**< as finq_handoff_number and finq_handoff_is_right read them */
} finq_handoff;

/** Makes up numbers: three different ones of two digits, of which one is right. Error: internal. */
finq_error *finq_handoff_numbers(const char **numbers, apr_pool_t *pool);
/** One of them as text, by its place from 0. */
const char *finq_handoff_number(const char *numbers, int place, apr_pool_t *pool);
/** The right one, which the other device shows. */
const char *finq_handoff_right(const char *numbers, apr_pool_t *pool);

/** Offers the session of a page to another device, for whoever holds its nonce; the same nonce gets the same offer while it is good.
 * Errors: not_found, unauthorized_tenant, invalid_session_id, invalid_nonce, expired_nonce, expired_session; those of a call. */
finq_error *finq_handoff_offer(finq_handoff *handoff, const finq_service *service, const finq_entry *entry,
                               const finq_session_pass *pass, apr_pool_t *pool);

/** Reads the address of an offer of this page, as the first device sends it along. Error: not_found for any other text. */
finq_error *finq_handoff_read(finq_entry *offered, const finq_service *service, const finq_entry *entry, const char *address,
                              apr_pool_t *pool);

/** What the first device may say of an offer. */
typedef enum finq_handoff_choice {
    FINQ_HANDOFF_LOOK,
    FINQ_HANDOFF_RIGHT, /**< the number that the other one shows was pressed */
    FINQ_HANDOFF_ANOTHER,
    FINQ_HANDOFF_NONE, /**< the other one shows none of them */
    FINQ_HANDOFF_BACK  /**< it wants the session back */
} finq_handoff_choice;

/** Does that, for the device whose nonce, dead or not, made the offer. With FINQ_HANDOFF_STANDING it has the session, and `*answer` says
 * how that stands. Errors: as finq_handoff_offer. */
finq_error *finq_handoff_choose(finq_handoff_phase *phase, finq_waiting_answer *answer, const finq_service *service,
                                const finq_entry *offered, const finq_session_pass *pass, finq_handoff_choice choice,
                                apr_pool_t *pool);

/** Opens an offer on another device, which is known from then on by a text that it holds; or asks whether its number was pressed: then
 * FINQ_HANDOFF_STANDING, and `*answer` has its nonce. Errors: not_found, unauthorized_tenant; those of a call. */
finq_error *finq_handoff_open(finq_handoff_phase *phase, finq_waiting_answer *answer, const finq_service *service,
                              const finq_entry *offered, const finq_id *session_id, const char *device, apr_pool_t *pool);

/** The other device is done, where the session has all the documents that it waits for: FINQ_HANDOFF_DONE; else
 * FINQ_HANDOFF_STANDING. Errors: as finq_handoff_open; those of a nonce. */
finq_error *finq_handoff_finish(finq_handoff_phase *phase, finq_waiting_answer *answer, const finq_service *service,
                                const finq_entry *offered, const finq_session_pass *pass, apr_pool_t *pool);

#endif
