/* Connectors: services that decide about a step, asked over HTTP (conf/connector-openapi.yaml). What is
 * asked, what may be answered, and how both sides prove who they are; how the bytes travel is
 * src/httpd/bank/connectors.c's. */
#ifndef FINQ_CONNECTOR_H
#define FINQ_CONNECTOR_H

#include <apr_tables.h>

#include "bank/payment.h"
#include "ground/error.h"
#include "ground/id.h"
#include "json/json.h"
#include "crypto/mac.h"

/** Largest answer and decision, in bytes. */
#define FINQ_CONNECTOR_MOST 65536
/** How far a message's time may be from ours, in seconds. */
#define FINQ_CONNECTOR_WINDOW 300

/* ---- what is asked ---- */

/** Why a connector is asked: a step was submitted, or the user came back from the bank. */
typedef enum { FINQ_CONNECTOR_SUBMIT, FINQ_CONNECTOR_RETURN } finq_connector_event;

typedef struct finq_connector_question {
    finq_connector_event event;
    finq_id session_id, step_id;
    finq_id attempt;                        /**< the same whenever the same submission or return is asked about again */
    const char *skill, *step, *environment; /**< the last one `sandbox` or `production`, as the skill has it */
    const char *tenant_user_id;             /**< NULL where the session has none */
    const json_t *data;                     /**< the step's, as submitted */
    const finq_numbers *numbers;            /**< how its numbers were spelt; NULL where nobody knows */
    const json_t *documents;                /**< array of the session's uploads; NULL for none */
    const char *state;                      /**< what the bank must send back; NULL where a redirect is not possible */
    const char *redirect_uri;               /**< where it must send it; given with `state` */
    const char *code;                       /**< RETURN: what the bank sent beside the state; NULL where nothing */
    const finq_id *payment_id;              /**< of a payment_intent, whose attempt is the order's; else NULL */
    const json_t *payee_check; /**< of a payment_intent: the data of the payee_check that was accepted; NULL for none */
} finq_connector_question;

/** The question as JSON text. Error: internal (no memory). */
finq_error *finq_connector_question_text(const char **text, const finq_connector_question *question, apr_pool_t *pool);

/* ---- what is answered ---- */

typedef enum {
    FINQ_CONNECTOR_ACCEPTED,
    FINQ_CONNECTOR_REJECTED, /**< the user may correct and send again */
    FINQ_CONNECTOR_REDIRECT, /**< the user must visit a bank */
    FINQ_CONNECTOR_PENDING,  /**< a decision follows */
    FINQ_CONNECTOR_FAILED
} finq_connector_verdict;

/** Longest time in seconds that a redirect's page may last. */
#define FINQ_CONNECTOR_REDIRECT_MOST 86400

/** Longest reference, in bytes. */
#define FINQ_CONNECTOR_REFERENCE_MOST 1024

/** An answer; there is no other way to come by one than to read it. */
typedef struct finq_connector_answer {
    finq_connector_verdict verdict;
    const char
        *reference; /**< accepted, pending: what the bank is to be asked for account data, or the payment, with; NULL for none */
    const finq_payment_state *payment; /**< all but rejected: how the payment stands; NULL where nothing is said of one */
    const char *data;                  /**< accepted: what the client is told, an object as JSON; NULL where nothing, and else */
    apr_array_header_t *details; /**< rejected: of finq_detail, at least one, JSON Pointers into the step's data; else NULL */
    const char *method, *url;    /**< redirect: how the browser goes where; else NULL */
    json_t *headers;             /**< redirect: object of strings, {} where none. Never NULL */
    apr_int64_t expires_at;      /**< redirect: until when the bank waits, in the future; else 0 */
    apr_array_header_t *reasons; /**< failed, pending: of const char *, may be empty. Never NULL */
} finq_connector_answer;

/** Reads an answer, strictly. `sandbox` allows redirects to http on this machine. Error:
 * external_api_invalid_answer, its cause saying what is wrong. */
finq_error *finq_connector_read(finq_connector_answer *answer, const char *text, apr_size_t length, int sandbox,
                                apr_pool_t *pool);

/** external_api_invalid_answer: an answer that reads well, but cannot be followed; `cause` says why, for the log. */
finq_error *finq_connector_unusable(apr_pool_t *pool, const char *cause);

/* ---- what is decided later ---- */

typedef struct finq_connector_decision {
    finq_id step_id;
    const char *decision; /**< "accepted", "resubmit" (the same step again) or "failed"; NULL where a payment's state is told */
    apr_array_header_t *reasons;       /**< of const char *, may be empty */
    const finq_payment_state *payment; /**< how the step's payment stands; NULL where something is decided */
    const finq_id *attempt;            /**< which of the step's orders that tells of; NULL where it does not say */
} finq_connector_decision;

/** Reads a decision, strictly. Errors: invalid_body, unknown_fields, missing_fields, invalid_field. */
finq_error *finq_connector_decision_read(finq_connector_decision *decision, const char *text, apr_size_t length,
                                         apr_pool_t *pool);

/* ---- who says it ---- */

/** What a message is; part of what is signed, so that none passes for another. */
typedef enum { FINQ_CONNECTOR_QUESTION, FINQ_CONNECTOR_ANSWER, FINQ_CONNECTOR_DECISION } finq_connector_kind;

/** A message as it travels: four headers and a body. */
typedef struct finq_connector_message {
    finq_connector_kind kind;
    const char *connector; /**< X-Finq-Connector: its name */
    const char *id;        /**< X-Finq-Id: a UUID; an answer has its question's */
    const char *timestamp; /**< X-Finq-Timestamp: seconds since 1970 */
    const char *signature; /**< X-Finq-Signature: "v1=" and 64 hexadecimal digits */
    const char *body;
    apr_size_t length;
} finq_connector_message;

/** Whether a name will do for a connector: a lower-case letter, then up to 63 of a-z 0-9 _ -. */
int finq_connector_name_check(const char *name);

/** Fills timestamp and signature. Error: internal. */
finq_error *finq_connector_sign(finq_connector_message *message, const finq_mac_keys *keys, apr_pool_t *pool);

/** Checks form, time and signature; members may be NULL, as headers that were not sent. Errors:
 * invalid_signature, expired_signature (401), the message naming what is wrong; internal. */
finq_error *finq_connector_verify(const finq_connector_message *message, const finq_mac_keys *keys, apr_pool_t *pool);

#endif
