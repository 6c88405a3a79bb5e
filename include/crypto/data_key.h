/* Data keys: what is kept of a session is sealed under a key of its own. That one is stored wrapped, by a key that is in a file and
 * not in the database: whoever destroys the wrapped key has destroyed all that was sealed under it.
 *
 * A session's key is made at its start and travels, wrapped, in its nonces, so that no request has to ask for it first. A consent
 * takes its session's key over, and the session that renews a consent uses the consent's. A page has one for what it knows beforehand. */
#ifndef FINQ_DATA_KEY_H
#define FINQ_DATA_KEY_H

#include <apr_pools.h>

#include "crypto/siv.h"
#include "ground/codec.h"
#include "ground/error.h"
#include "ground/id.h"

/** The keys of a data-key file (FinqDataKey): the first wraps, all unwrap. Immutable, so threads may share it; wiped with its pool. */
typedef struct finq_data_keys finq_data_keys;
/** A data key, unwrapped. Immutable; wiped with its pool. */
typedef struct finq_data_key finq_data_key;

/** Length of a data key, and of a wrapped one: the form's version, the wrapping key's id and whose it is, then AES-256-SIV
 * (RFC 5297), which authenticates these. */
#define FINQ_DATA_KEY_BYTES 32
#define FINQ_DATA_KEY_ID_BYTES 4
#define FINQ_DATA_KEY_WRAPPED (1 + FINQ_DATA_KEY_ID_BYTES + 16 + FINQ_SIV_TAG_BYTES + FINQ_DATA_KEY_BYTES)

/** Reads a data-key file, which has the form of a secret file. Errors: those of finq_secret_file_read. */
finq_error *finq_data_keys_load(finq_data_keys **keys, const char *path, apr_pool_t *pool);

/** How many keys the file holds. */
int finq_data_keys_count(const finq_data_keys *keys);
/** The id of one, by its place from 0: FINQ_DATA_KEY_ID_BYTES bytes, the same on every server, which tell nothing of the key. They live
 * as long as `keys`. */
finq_bytes finq_data_keys_id(const finq_data_keys *keys, int place);

/** Length of a person's HMAC. */
#define FINQ_USER_MAC_BYTES 32

/** HMAC-SHA-256 of a tenant's id and its own id of a person, with a key derived from the one at `place`: what is not stored in clear is
 * found by it. Error: internal_server_error. */
finq_error *finq_data_keys_user_mac(unsigned char mac[FINQ_USER_MAC_BYTES], const finq_data_keys *keys, int place,
                                    const finq_id *client_id, const char *tenant_user_id, apr_pool_t *pool);

/** Makes a data key of random bytes for `owner`, the session that begins or the page that is made, and wraps it under the first key. The bytes are the
 * pool's. Error: internal_server_error. */
finq_error *finq_data_key_make(finq_bytes *wrapped, const finq_data_keys *keys, const finq_id *owner, apr_pool_t *pool);

/** Unwraps a data key. Errors: service_unavailable, naming the wrapping key's id, where the file lacks that key;
 * internal_server_error for what none had wrapped, or was altered since. */
finq_error *finq_data_key_unwrap(finq_data_key **key, const finq_data_keys *keys, finq_bytes wrapped, apr_pool_t *pool);

/** The same data key, wrapped anew under the first key of the file. Errors: those of finq_data_key_unwrap. */
finq_error *finq_data_key_rewrap(finq_bytes *rewrapped, const finq_data_keys *keys, finq_bytes wrapped, apr_pool_t *pool);

/** The session that a data key was made for; a consent and the sessions that renew it have that of the consent's first. */
const finq_id *finq_data_key_owner(const finq_data_key *key);

/** What a value is, and of which row: all of it is authenticated, so that a value opens nowhere but where it was put. */
typedef struct finq_data_place {
    const char *kind;  /**< a word of the code's own, unlike that of every other kind */
    const finq_id *of; /**< what the row belongs to: a session, a consent, a tenant */
    finq_bytes row;    /**< which row: at least a byte, one length for a kind */
} finq_data_place;

/** The place of a row that an UUID names. */
#define FINQ_DATA_PLACE(kind, of, row_id) ((finq_data_place){kind, of, {(row_id)->bytes, sizeof(finq_id)}})

/** Seals a text, so that the same text at the same place always seals to the same. A NULL text gives no bytes. The bytes are the
 * pool's. Error: internal_server_error. */
finq_error *finq_data_key_seal(finq_bytes *sealed, const finq_data_key *key, finq_data_place place, const char *text,
                               apr_pool_t *pool);

/** Opens what finq_data_key_seal made for that place; no bytes give a NULL text. Error: internal_server_error where the bytes are none that
 * this key has sealed for it. */
finq_error *finq_data_key_open(const char **text, const finq_data_key *key, finq_data_place place, finq_bytes sealed,
                               apr_pool_t *pool);

/** HKDF-SHA-256 of a data key: for what is no text, such as the segments of a file, each with a salt and purpose of its own.
 * Error: internal_server_error. */
finq_error *finq_data_key_derive(unsigned char *derived, apr_size_t length, const finq_data_key *key, finq_bytes salt,
                                 const char *purpose, apr_pool_t *pool);

#endif
