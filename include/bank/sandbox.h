/* The sandbox bank: the page where a sandbox skill's users log in and consent, the way back from it, and what the bank answers as a
 * connector. It keeps nothing: what it knows of a visit is in the visit's own parameters, and in the code that it ends with. */
#ifndef FINQ_SANDBOX_H
#define FINQ_SANDBOX_H

#include <apr_tables.h>

#include "bank/connector.h"
#include "bank/data.h"
#include "ground/codec.h"
#include "ground/error.h"

/** Largest form and longest query, in bytes. */
#define FINQ_SANDBOX_MOST 8192

/** A visit to the bank, its parameters checked. */
typedef struct finq_sandbox_visit {
    const char *state;        /**< given back as it came */
    const char *redirect_uri; /**< where the browser goes back to; one of this host's own */
    const char *customer;     /**< as typed; "" before */
    const char *pin;
    const char *choice;  /**< "approve", "deny", "later", "fail" or "slow"; "" before */
    const char *asker;   /**< who asks, as the link says; "" where it does not */
    const char *tenant;  /**< the same as the bank knows it, which goes before that; NULL where it does not */
    const char *purpose; /**< what for: "accounts", of which some are chosen, or "payment"; "" where the link does not say */
    const char *current, *savings; /**< accounts that were chosen; "" for one that was not */
    const char *cancel;            /**< "" unless the user wants to go back without an answer */
    const char *order;             /**< which payment the visit is about: an attempt's id; "" for none */
    const char *account;           /**< "current" or "savings", which it is paid from where the order does not say; "" before */
    const json_t *ordered;         /**< the order, once somebody has looked it up; else NULL */
    const char *language;          /**< of the page; English unless it is set */
} finq_sandbox_visit;

/** Reads a visit from a query or form. `homes` (of const char *) are the addresses that a redirect_uri may
 * begin with; one more path segment must follow. Error: invalid_field, for people to read. */
finq_error *finq_sandbox_read(finq_sandbox_visit *visit, const char *form, const apr_array_header_t *homes, apr_pool_t *pool);

/** Whether all has been filled in, or nothing has to be, since the user cancels. */
int finq_sandbox_is_complete(const finq_sandbox_visit *visit);

/** The page, as HTML. `submitted` has it say what is missing. */
const char *finq_sandbox_page(const finq_sandbox_visit *visit, int submitted, apr_pool_t *pool);

/** The language of the pages for an Accept-Language, which may be NULL: the first in its list that the bank speaks; else English. */
const char *finq_sandbox_language(const char *accepted, apr_pool_t *pool);

/** The page for a visit that cannot be, as HTML. */
const char *finq_sandbox_refusal(const char *message, const char *language, apr_pool_t *pool);

/** Whether a complete visit authorises its payment; 0 where the user refuses, cancels, or lets the bank fail. */
int finq_sandbox_is_agreed(const finq_sandbox_visit *visit);

/** The page for a visit whose payment is decided on already, as HTML. `location` is where it leads. */
const char *finq_sandbox_decided(int is_agreed, const char *location, const char *language, apr_pool_t *pool);

/** Where a complete visit leads: the redirect_uri with state and code, or error. Error: internal. */
finq_error *finq_sandbox_location(const char **location, const finq_sandbox_visit *visit, apr_pool_t *pool);

/** The Content-Security-Policy of the pages: their own style, and nothing else. */
const char *finq_sandbox_policy(apr_pool_t *pool);

/** What the code of a visit tells: the way back leads it past the user's browser, and anybody may write one; no real bank would
 * do so. */
typedef struct finq_sandbox_code {
    const char *choice;     /**< as in the visit; "" where the code is none of this bank's */
    const char *customer;   /**< as typed; "" where the code does not say */
    int current, savings;   /**< accounts that were chosen */
    apr_int64_t visited_at; /**< of a reference, which is a code with this behind it; else 0 */
} finq_sandbox_code;
finq_sandbox_code finq_sandbox_code_read(const char *code, apr_pool_t *pool);

/** What one refresh's answers have in common, so that none of them is worked out from the beginning. */
typedef struct finq_sandbox_memory finq_sandbox_memory;

/** An empty one, of the pool: for the answers about one world. */
finq_sandbox_memory *finq_sandbox_memory_new(apr_pool_t *pool);

/** What the bank's data of a moment are made from: the same gives the same. */
typedef struct finq_sandbox_world {
    finq_bytes seed;
    int today;      /**< days since 1970, as the bank's calendar has it */
    int days;       /**< by which that is ahead of the world's */
    int reads;      /**< how often this customer's data have been read, this time included */
    int unattended; /**< how often today, without a person who waited */
    finq_sandbox_memory *memory;
} finq_sandbox_world;

/** A customer whose bank behaves in a way of its own; every other one is like the first. */
typedef struct finq_sandbox_persona {
    const char *customer, *behaviour; /**< for people: the manual's table is made of these */
} finq_sandbox_persona;

/** The personas; ends with a NULL customer. */
const finq_sandbox_persona *finq_sandbox_personas(void);

/** What the bank answers a question about account data, as a connector does. Errors: external_api_*, where its persona has the bank
 * fail; internal. */
finq_error *finq_sandbox_data(const char **text, const finq_bank_question *question, const finq_sandbox_world *world,
                              apr_pool_t *pool);

/** For how many seconds the bank thinks first. */
int finq_sandbox_pause(const finq_bank_question *question, const finq_sandbox_world *world, apr_pool_t *pool);

/** The address that a question's visit begins at. `page` is the whole address of the bank's page. */
const char *finq_sandbox_address(const finq_connector_question *question, const char *page, apr_pool_t *pool);

/** What the bank answers a question, as a connector does: JSON (conf/connector-openapi.yaml). `page` is the whole address of its
 * page. The same question gets the same answer, but for its times. */
const char *finq_sandbox_answer(const finq_connector_question *question, const char *page, apr_pool_t *pool);

#endif
