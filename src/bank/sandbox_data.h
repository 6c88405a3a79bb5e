/* The sandbox bank's accounts, and what has moved on them: between the files of the bank. */
#ifndef SANDBOX_DATA_H
#define SANDBOX_DATA_H

#include "bank/sandbox.h"
#include "crypto/mac.h"

/* Of 1008: how far back, and for how long after the visit there is no such limit. */
#define SANDBOX_HISTORY_DAYS 90
#define SANDBOX_HISTORY_SECONDS 180
/* What a customer has at most. */
#define SANDBOX_ACCOUNTS 4
/* Of 1011 and 1012. */
#define SANDBOX_SLOW 3
#define SANDBOX_FLOOD 10000000

typedef struct sandbox_account {
    const char *key; /* the bank's own word for it */
    const char *type, *name, *currency;
    const char *letters; /* of its IBAN: country and bank; NULL for one that has none */
    int is_busy;         /* moved every day; else it is for savings */
    apr_int64_t cents;   /* on it when it began */
    int opens, closes;   /* on which day of a calendar that goes on; 0 for from the beginning, and never */
} sandbox_account;

/* Whose data are asked for, and when. */
typedef struct sandbox_view {
    const finq_sandbox_world *world;
    finq_mac_key *seed; /* the world's */
    finq_sandbox_code code;
    int persona;
} sandbox_view;

int sandbox_persona_of(const char *customer);
/* At most SANDBOX_ACCOUNTS of them; ends with a NULL key. */
const sandbox_account *sandbox_accounts_of(int persona);
int sandbox_account_is_shared(const sandbox_account *account, const sandbox_view *view);
/* The bytes that a customer's `what` is made from. */
finq_error *sandbox_draw(unsigned char drawn[FINQ_MAC_BYTES], const sandbox_view *view, const char *what, apr_pool_t *pool);
/* An account's IBAN, or the number of its card. */
finq_error *sandbox_number_of(const char **number, const sandbox_view *view, const sandbox_account *account, apr_pool_t *pool);
/* Puts the members of an answer about balances or transactions. */
finq_error *sandbox_movements_answer(finq_json_writer *to, const finq_bank_question *question, const sandbox_view *view,
                                     apr_pool_t *pool);

#endif
