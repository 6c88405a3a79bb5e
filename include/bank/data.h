/* Account data in the protocol of connectors (conf/connector-openapi.yaml): what a bank's connector is asked for a consent, page by
 * page, and what it may answer. */
#ifndef FINQ_BANK_DATA_H
#define FINQ_BANK_DATA_H

#include <apr_tables.h>

#include "ground/error.h"
#include "ground/id.h"
#include "json/json.h"

/** Largest page of data, in bytes, and the most of anything that it may hold. */
#define FINQ_BANK_DATA_MOST 1048576
#define FINQ_BANK_DATA_ROWS 5000
/** Longest `next`, in bytes. */
#define FINQ_BANK_NEXT_MOST 1024

typedef enum {
    FINQ_BANK_ACCOUNTS,
    FINQ_BANK_BALANCES,
    FINQ_BANK_TRANSACTIONS,
    FINQ_BANK_KINDS,
    FINQ_BANK_REVOCATION
} finq_bank_kind;

/** What a kind of data is called in questions and answers; a revocation is none. */
const char *finq_bank_kind_name(finq_bank_kind kind);

typedef struct finq_bank_question {
    finq_bank_kind ask;
    finq_id attempt; /**< the same for all pages of a refresh */
    const char *skill, *environment;
    const char *reference; /**< the connector's own, of its accepted answer; of a revocation, what it is to take back */
    apr_int64_t since;     /**< of transactions: what was booked before may be left out; 0 for all that there is */
    const char *next;      /**< of the page before; NULL for the first */
    int is_attended;       /**< whether a person waits for it */
} finq_bank_question;

/** The question as JSON: event data, or revoke. */
const char *finq_bank_question_text(const finq_bank_question *question, apr_pool_t *pool);

/** What a connector declares of its bank, once in a page of accounts. */
typedef struct finq_bank_declared {
    int reference_is_stable;       /**< a transaction's reference stays its own for ever */
    int frequency;                 /**< refreshes in 24 hours that nobody attends */
    int max_history_days;          /**< how far back transactions may be asked for; 0 for as far as one likes */
    int history_after_sca_seconds; /**< for so long after a visit there is no such limit */
} finq_bank_declared;

/** What holds where a connector declares nothing. */
extern const finq_bank_declared finq_bank_undeclared;

typedef struct finq_bank_account {
    const char *reference; /**< the connector's own, by which balances and transactions name it */
    const json_t *schemes; /**< account_schemes, as they are told: at least one */
    const char *iban;      /**< of the schemes; NULL where there is none */
    const char *first;     /**< the first scheme's name and identification, with a NUL between, where there is no IBAN */
    apr_size_t first_length;
    const char *type, *sub_type, *currency, *name, *nickname, *product; /**< product, name and nickname may be "" */
} finq_bank_account;

typedef struct finq_bank_balance {
    const char *account, *type, *amount, *currency;
    int is_credit, credit_limit_included;
    const char *credit_line, *native_date; /**< NULL where there is none */
    apr_int64_t native_timestamp;          /**< 0 where there is none */
} finq_bank_balance;

typedef struct finq_bank_transaction {
    const char *account;
    const char *reference; /**< "" where the bank gives none */
    apr_int64_t booked_at; /**< 0 while it is pending */
    const char *amount, *currency;
    int is_credit;
    const char *balance;      /**< a decimal, with a sign where the account is overdrawn; NULL where the bank does not say */
    const char *info;         /**< words for people, as the bank has them */
    const char *counterparty; /**< "" where the bank gives none */
    const char *category;     /**< NULL where there is none */
} finq_bank_transaction;

/** A page; what it holds is as long-lived as its pool. There is no other way to come by one than to read it. */
typedef struct finq_bank_page {
    apr_array_header_t *rows;    /**< of the kind that was asked for */
    const char *next;            /**< to be asked with for the page behind; NULL for the last */
    finq_bank_declared declared; /**< of accounts */
    int is_withdrawn;            /**< the user has withdrawn the consent at the bank: there are no rows */
} finq_bank_page;

/** Reads a page, strictly: amounts are decimals of at most 18 digits before the point and 5 behind, never negative and never in
 * another spelling; currencies are those of ISO 4217; times exist; texts hold no control characters; no member is unknown. A revocation's
 * holds nothing but that it is done, or that the consent was withdrawn before. Error:
 * external_api_invalid_answer, its cause saying what is wrong. */
finq_error *finq_bank_page_read(finq_bank_page *page, finq_bank_kind kind, const char *text, apr_size_t length, apr_pool_t *pool);

/** Whether a text is a currency's code (ISO 4217). */
int finq_bank_is_currency(const char *text);
/** How many digits a currency's amounts have behind the point (ISO 4217's minor units); -1 for what is none. */
int finq_bank_minor_digits(const char *currency);
/** Whether a text is a type of balance (the UK's Open Banking codes). */
int finq_bank_is_balance_type(const char *text);
/** Whether a text is a plain decimal: digits, and a point with at most `fraction` digits behind it. */
int finq_bank_is_decimal(const char *text, apr_size_t whole, apr_size_t fraction);

#endif
