/* Nonces and temp tokens: what the server seals for a client to carry, and opens again without asking the database. */
#ifndef FINQ_TOKEN_H
#define FINQ_TOKEN_H

#include <apr_pools.h>

#include "ground/error.h"
#include "ground/id.h"
#include "crypto/secrets.h"

/** What a token authorises (contract section 1, "Keys and tokens"): a step, an exchange, a bank's return, a page's address (whose
 * session_id is the page's id, and whose generation counts the page's renewals), that page's hand-off to another device, an unfinished
 * upload's address. */
typedef enum {
    FINQ_TOKEN_NONCE = 'N',
    FINQ_TOKEN_TEMP = 'T',
    FINQ_TOKEN_STATE = 'R',
    FINQ_TOKEN_PAGE = 'P',
    FINQ_TOKEN_HANDOFF = 'H',
    FINQ_TOKEN_UPLOAD = 'U'
} finq_token_kind;

/** What stands inside. */
typedef struct finq_token {
    finq_token_kind kind;
    int ordinal;            /**< of the submission that a nonce authorises, or the last one that was made; from 1 */
    int place;              /**< of its step in the skill, from 1: not the ordinal where steps branch or are repeated */
    int previous;           /**< place of the step before, whose required uploads are waited for; 0 for none */
    int generation;         /**< how often the session had been resumed */
    int late;               /**< whether a nonce was given after a waiting or by a resumption: then it authorises the uploads
                                     of the step before too, whose own nonce is dead or long expired */
    apr_int64_t expires_at; /**< seconds since 1970 */
    finq_id client_id;
    finq_id session_id; /**< version 7: its time is the session's start */
    apr_int32_t skill_id;
    apr_int64_t app_key_id;     /**< of the first nonce: the key that started the session, of a renewal a secret; else 0 */
    const char *tenant_user_id; /**< of the first nonce, where the session was started with one; else NULL. Of an
                                     upload's address: which upload it is, as flow/resumable writes it; of a hand-off's: its
                                     numbers, as page/handoff has them */
    const finq_id *renews;      /**< of the first nonce: the consent that the session renews; NULL where it is to make one. Of a
                                     hand-off's address: its id */
    finq_bytes data_key; /**< of a nonce and an upload: the session's data key, wrapped (crypto/data_key.h); of others no bytes */
} finq_token;

/** Seals a token into URL-safe text. The same token and secret always give the same text. */
finq_error *finq_token_seal(const char **text, const finq_token *token, const finq_secret *secret, apr_pool_t *pool);

/** Opens `text` (may be NULL) as a token of any kind, for the operator. `*seal` says why it does not open. */
finq_error *finq_token_explain(finq_token *token, finq_seal *seal, const char *text, const finq_secrets *secrets,
                               apr_pool_t *pool);

/** Opens `text` (may be NULL) as a token of kind `token->kind`. `*secret` is the one that had sealed it, NULL if `text` is no such token, which says
 * nothing of why. Whether it has expired is the caller's to ask. */
finq_error *finq_token_open(finq_token *token, const finq_secret **secret, const char *text, const finq_secrets *secrets,
                            apr_pool_t *pool);

#endif
