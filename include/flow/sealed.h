/* What the database holds of a session, sealed under its data key. Each kind of value has a word. All are of a session and bound to a
 * step of it, but for whose the session is: that is of the tenant and bound to the data key alone, since a consent and its renewals share it.
 * A page has a data key of its own: what it holds is of the page and bound to it. */
#ifndef FINQ_SEALED_H
#define FINQ_SEALED_H

#include "crypto/data_key.h"
#include "json/json.h"

#define FINQ_SEALED_STEP "step"               /**< the data of a step, JSON */
#define FINQ_SEALED_ANSWER "answer"           /**< what a step was answered with as `data`, at once or later, JSON */
#define FINQ_SEALED_REASONS "reasons"         /**< a JSON array */
#define FINQ_SEALED_LINK "return_link"        /**< where the visit to a bank ends, or a page leads to */
#define FINQ_SEALED_ERROR "error"             /**< what the link was told in the place of a status */
#define FINQ_SEALED_DESCRIPTION "description" /**< and in which words */
#define FINQ_SEALED_PAYMENT "payment"         /**< what a bank has said of a payment, JSON; of the payment, not of a step */
#define FINQ_SEALED_USER "tenant_user_id"
#define FINQ_SEALED_PREFILL "prefill"         /**< of a page, JSON */
#define FINQ_SEALED_ACCOUNT "account"         /**< of a consent, whose row a MAC names; JSON */
#define FINQ_SEALED_TRANSACTION "transaction" /**< likewise; a text */

/** Seals whose a session is; NULL gives no bytes. */
finq_error *finq_sealed_user(finq_bytes *sealed, const finq_data_key *key, const finq_id *client_id, const char *tenant_user_id,
                             apr_pool_t *pool);

/** Opens that; no bytes give NULL. Error: that of finq_data_key_open. */
finq_error *finq_sealed_user_open(const char **tenant_user_id, const finq_data_key *key, const finq_id *client_id,
                                  finq_bytes sealed, apr_pool_t *pool);

/** The same with the wrapped data key that stands beside it; no bytes give NULL, and then no key is needed. Errors: those of
 * finq_data_key_unwrap and finq_data_key_open. */
finq_error *finq_sealed_user_read(const char **tenant_user_id, const finq_data_keys *keys, finq_bytes data_key,
                                  const finq_id *client_id, finq_bytes sealed, apr_pool_t *pool);

/** The HMAC by which a person's rows are found, under the first key; NULL gives no bytes. Error: internal_server_error. */
finq_error *finq_sealed_user_mac(finq_bytes *mac, const finq_data_keys *keys, const finq_id *client_id,
                                 const char *tenant_user_id, apr_pool_t *pool);

/** The same of a session's: of who has no tenant_user_id, it is that of the consent which the session renews (NULL: it renews none). */
finq_error *finq_sealed_whose_mac(finq_bytes *mac, const finq_data_keys *keys, const finq_id *client_id,
                                  const char *tenant_user_id, const finq_id *renews, apr_pool_t *pool);

/** The same under each key of the file, the first one's first, as an array of SQL's; NULL of NULL. Error: internal_server_error. */
finq_error *finq_sealed_user_macs(const char **array, const finq_data_keys *keys, const finq_id *client_id,
                                  const char *tenant_user_id, apr_pool_t *pool);

/** Reads reasons, a JSON array as it was opened, for a reply; NULL leaves `*reasons` as they are. Error: that of finq_json_stored. */
finq_error *finq_sealed_reasons(const json_t **reasons, const char *array, apr_pool_t *pool);

/** The HMACs of who has no tenant_user_id: a consent of theirs stands for them. */
finq_error *finq_sealed_consent_macs(const char **array, const finq_data_keys *keys, const finq_id *credentials_id,
                                     apr_pool_t *pool);

#endif
