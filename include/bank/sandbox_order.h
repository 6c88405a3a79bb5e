/* The sandbox bank's payments: whether a payee has the name that somebody gives it, what an order orders, and how it stands at a moment.
 * Orders are in the bank's ledger (sql/functions/sandbox_order.sql); what becomes of one follows from its amounts and the bank's
 * calendar alone. */
#ifndef FINQ_SANDBOX_ORDER_H
#define FINQ_SANDBOX_ORDER_H

#include <apr_pools.h>

#include "bank/connector.h"
#include "crypto/digest.h"
#include "ground/error.h"
#include "json/json.h"

/** How long an order's page waits for its user, in seconds. */
#define FINQ_SANDBOX_PAGE_SECONDS 600

/** Most transfers that an answer tells of. */
#define FINQ_SANDBOX_TRANSFERS 500

/* ---- what an amount ends in ---- */

/** How the bank answers about an order. */
typedef enum {
    FINQ_SANDBOX_HONEST,
    FINQ_SANDBOX_LOSES, /**< its first answer behind the authorisation never arrives */
    FINQ_SANDBOX_SLOW,
    FINQ_SANDBOX_SILENT, /**< behind the authorisation it answers nothing any more */
} finq_sandbox_manner;

/** What becomes of a transfer, by the last two digits of its amount. */
typedef struct finq_sandbox_outcome {
    int cents;
    const char *behaviour; /**< for people: the manual's table is made of these */
    const char *days[3];   /**< its status on the day of its execution, the next, and later; NULL is that of the day before */
    const char *reason;    /**< of a status that refuses; NULL for none */
    finq_sandbox_manner manner;
} finq_sandbox_outcome;

/** The outcomes; every amount that is not there is as the last, whose `cents` are below 0. */
const finq_sandbox_outcome *finq_sandbox_outcomes(void);

/** The outcome of an amount, a decimal. */
const finq_sandbox_outcome *finq_sandbox_outcome_of(const char *amount);

/* ---- payees ---- */

typedef enum { FINQ_SANDBOX_MATCH, FINQ_SANDBOX_CLOSE_MATCH, FINQ_SANDBOX_NO_MATCH } finq_sandbox_vop;

/** Verification of payee: whether the account is one of somebody called `name`. `amount` may be NULL. On a close match `*holder` is who
 * has it, in the pool. */
finq_sandbox_vop finq_sandbox_payee(const char **holder, const char *name, const char *amount, apr_pool_t *pool);

/** What the bank answers the step payee_check, as a connector does. */
const char *finq_sandbox_payee_answer(const finq_connector_question *question, apr_pool_t *pool);

/* ---- orders ---- */

/** Whether a question is about an order. */
int finq_sandbox_is_order(const finq_connector_question *question);

/** An order as it comes with a question, for the ledger. */
typedef struct finq_sandbox_telling {
    const char *text;                       /**< JSON: {group_header, payment_info} of the step's data */
    const char *transfers;                  /**< JSON: what the ledger keeps of it, nothing of a person */
    const char *message_id;                 /**< NULL for none */
    unsigned char hash[FINQ_DIGEST_SHA256]; /**< of what it means, however it is spelt */
} finq_sandbox_telling;

/** Reads the order of a question. What it holds is the pool's. */
void finq_sandbox_order_tell(finq_sandbox_telling *telling, const finq_connector_question *question, apr_pool_t *pool);

/** Reads a telling's text again. Error: internal_server_error. */
finq_error *finq_sandbox_ordered(const json_t **ordered, const char *text, apr_pool_t *pool);

/** Whether an order (NULL is none) does not say which account it is paid from. */
int finq_sandbox_order_lacks_account(const json_t *ordered);

/** An order as the ledger has it. */
typedef struct finq_sandbox_order {
    finq_id attempt;
    const char *decision;      /**< "authorised", "cancelled", "never" (asked about before it came); NULL while it waits */
    apr_int64_t authorised_at; /**< by the bank's calendar, in seconds; may be in the future */
    apr_int64_t now;           /**< by the same */
    const json_t *transfers;   /**< an array; NULL of one that never came */
    int is_first;              /**< whether this is the first answer behind the authorisation */
} finq_sandbox_order;

/** Reads the transfers that the ledger keeps of an order; NULL are none. Error: internal_server_error. */
finq_error *finq_sandbox_order_read(finq_sandbox_order *order, const char *transfers, apr_pool_t *pool);

/** Whether it is authorised; one that may be in the future is not yet. */
int finq_sandbox_order_is_authorised(const finq_sandbox_order *order);

/** How the bank answers about it at this moment. */
finq_sandbox_manner finq_sandbox_order_manner(const finq_sandbox_order *order);

/** Puts `status`, and where there are any `reason` and `transactions`, as connectors tell a payment; `in_full` with all that the ledger
 * has of each transaction. */
void finq_sandbox_order_put(finq_json_writer *to, const finq_sandbox_order *order, int in_full);

/** What the bank answers about an order whose step is submitted or whose user has come back, as a connector does. `page` is the address
 * of the order's page; NULL where there is no visit. */
const char *finq_sandbox_order_answer(const finq_sandbox_order *order, const char *page, apr_pool_t *pool);

/** What the bank answers to the question how an order stands. */
const char *finq_sandbox_order_state(const finq_sandbox_order *order, apr_pool_t *pool);

#endif
