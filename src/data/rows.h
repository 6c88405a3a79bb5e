/* What a bank tells, as the database takes it: between the files of this room. */
#ifndef DATA_ROWS_H
#define DATA_ROWS_H

#include <apr_hash.h>

#include "bank/data.h"
#include "crypto/data_key.h"
#include "crypto/mac.h"
#include "data/transaction.h"
#include "flow/sealed.h"

/* For whom, and what is known so far. */
typedef struct rows_maker {
    const finq_data_key *key; /* the consent's: it seals */
    finq_mac_key *mac;        /* the tenant's: it makes ids */
    finq_id credentials_id, servicer_id;
    finq_bank_declared declared;
    apr_hash_t *accounts;              /* the bank's word for one -> its MAC, of FINQ_MAC_BYTES */
    apr_hash_t *on_page;               /* MACs of transactions with lasting references that this page has told of */
    unsigned char put[FINQ_MAC_BYTES]; /* the MAC of the transaction that was put last */
    apr_pool_t *pool;                  /* of what is known */
} rows_maker;

/* The transactions of an answer, of finq_transaction, their words opened; the first row, which is none, has the data key. Errors: those
 * of finq_data_key_unwrap and finq_data_key_open. */
finq_error *rows_open(apr_array_header_t **transactions, const apr_array_header_t *rows, const finq_data_keys *keys,
                      const finq_data_claim *claim, apr_pool_t *pool);

/* Writes a page's row, by its place there, as an object. Accounts come first, since the others name them. Errors:
 * external_api_invalid_answer for an account that was not told of, or was before, and for a transaction that its page tells of twice;
 * internal. */
finq_error *rows_put(finq_json_writer *to, rows_maker *maker, const finq_bank_page *page, finq_bank_kind kind, int place,
                     apr_pool_t *pool);

#endif
