/* What the endpoints of account data have in common: who asks, and whether the bank is asked first. */
#ifndef FINQ_ACCOUNT_DATA_H
#define FINQ_ACCOUNT_DATA_H

#include "data/transaction.h"
#include "httpd/api.h"

/** What every call about account data brings. */
typedef struct finq_data_ask {
    finq_data_claim claim;
    int wait; /**< seconds; 0 for what is stored */
    int is_attended;
    json_t *body;
} finq_data_ask;

/** The members that each of them takes. */
#define FINQ_DATA_MEMBERS                                                                                                \
    {"client_id", FINQ_JSON_STRING, 1}, {"client_secret", FINQ_JSON_STRING, 1}, {"credentials_id", FINQ_JSON_STRING, 1}, \
        {"access_token", FINQ_JSON_STRING, 1}, {"tenant_user_id", FINQ_JSON_STRING, 0}, {"wait", FINQ_JSON_INTEGER, 0},  \
    {                                                                                                                    \
        "psu_ip_address", FINQ_JSON_STRING, 0                                                                            \
    }

/** Reads a body of these `members`. Errors: those of finq_claim_read and finq_data_claim_make; invalid_field. */
finq_error *finq_data_ask_read(finq_data_ask *of, finq_request *request, const finq_json_member *members);

/** A member that is a number from 1 to `most`; `preset` where it is absent. Error: invalid_field. */
finq_error *finq_data_number(int *number, const json_t *body, const char *name, int most, int preset, apr_pool_t *pool);

/** Gives back what became of the first call: who has been let in is known from then on. */
finq_error *finq_data_admit(finq_request *request, const finq_data_ask *of, finq_error *error);

/** Asks the bank first, as `wait` wants it, or because it was never asked with success. Errors: those of finq_refresh, for who waits;
 * else the log alone has them. */
finq_error *finq_data_refresh(finq_request *request, const finq_data_ask *of);

/** Asks the bank of a consent that is due, within its budget, for nobody. What goes wrong stands in the log. */
void finq_data_refresh_due(finq_request *request, const finq_id *credentials_id);

/** A list that is the whole answer, and its text. */
finq_json_writer *finq_data_list_open(apr_pool_t *pool);
const char *finq_data_list_close(finq_json_writer *to);

/** Puts the members of a transaction into an object that is open. */
void finq_data_put_transaction(finq_json_writer *to, const finq_transaction *transaction, apr_pool_t *pool);

#endif
