/* The server's own secrets: a file of several, of which the first seals and all open, and what is derived from them. */
#ifndef FINQ_SECRETS_H
#define FINQ_SECRETS_H

#include <apr_pools.h>

#include "ground/error.h"
#include "ground/id.h"
#include "crypto/secret_file.h"
#include "crypto/siv.h"

/** One secret, as the keys derived from it (RFC 5869). Immutable; wiped with its pool. */
typedef struct finq_secret finq_secret;
/** The secrets of a file, the first of which seals. */
typedef struct finq_secrets finq_secrets;

/** Length of what finq_secret_seal adds. */
#define FINQ_SEAL_OVERHEAD (1 + 4 + FINQ_SIV_TAG_BYTES)
/** Length of a derived access token and of its salt. */
#define FINQ_ACCESS_TOKEN_BYTES 32
#define FINQ_SALT_BYTES 16

/** Reads a secret file. Errors: those of finq_secret_file_read. */
finq_error *finq_secrets_load(finq_secrets **secrets, const char *path, apr_pool_t *pool);

/** The secret that seals. */
const finq_secret *finq_secrets_first(const finq_secrets *secrets);
/** The secret with this id; NULL if it is not, or no longer, in the file. */
const finq_secret *finq_secrets_find(const finq_secrets *secrets, apr_int32_t id);
/** The place of one of its secrets in the file, from 1, which is the one that seals. */
int finq_secrets_place(const finq_secrets *secrets, const finq_secret *secret);
/** The id of a secret: the same on every server that has it, and telling nothing of it. */
apr_int32_t finq_secret_id(const finq_secret *secret);

/** Seals `length` bytes, at least one, into `sealed` (length + FINQ_SEAL_OVERHEAD bytes) with AES-256-SIV (RFC 5297), so that
 * the same bytes always seal to the same. The format's version and the secret's id stand before them in clear, authenticated. */
finq_error *finq_secret_seal(const finq_secret *secret, unsigned char *sealed, const void *bytes, apr_size_t length,
                             apr_pool_t *pool);

/** What became of sealed bytes. Clients are not told why theirs do not open; operators may be. */
typedef enum {
    FINQ_SEAL_MALFORMED,      /**< of no length or version that a seal has */
    FINQ_SEAL_UNKNOWN_SECRET, /**< the secret that they name is not, or no longer, in the file */
    FINQ_SEAL_FORGED,         /**< not what that secret had sealed, or altered since */
    FINQ_SEAL_INTACT
} finq_seal_state;

/** Sealed bytes that were to be opened. */
typedef struct finq_seal {
    finq_seal_state state;
    const finq_secret *secret; /**< that had sealed them; NULL unless they are intact */
} finq_seal;

/** Opens sealed bytes into `bytes` (sealed.length - FINQ_SEAL_OVERHEAD), which hold nothing of use unless they are intact. */
finq_error *finq_secrets_open(finq_seal *seal, const finq_secrets *secrets, unsigned char *bytes, finq_bytes sealed,
                              apr_pool_t *pool);

/** The id of a session's step: version 7, with the session's time, and not to be guessed without the secret. */
finq_error *finq_secret_step_id(finq_id *step_id, const finq_secret *secret, const finq_id *session_id, int ordinal,
                                apr_pool_t *pool);

/** Whether a step's id is the one that some secret of the file gives it. */
finq_error *finq_secrets_know_step(int *known, const finq_secrets *secrets, const finq_id *step_id, const finq_id *session_id,
                                   int ordinal, apr_pool_t *pool);

/** The access token that a session is exchanged for: to be had again only from the secret and the exchange's salt together. */
finq_error *finq_secret_access_token(unsigned char token[FINQ_ACCESS_TOKEN_BYTES], const finq_secret *secret,
                                     const unsigned char salt[FINQ_SALT_BYTES], const finq_id *session_id, apr_pool_t *pool);

/** Length of a webhook's signing secret. */
#define FINQ_WEBHOOK_KEY_BYTES 32

/** The secret that a tenant's events are signed with: to be had again only from the server's secret and the salt. */
finq_error *finq_secret_webhook_key(unsigned char key[FINQ_WEBHOOK_KEY_BYTES], const finq_secret *secret,
                                    const unsigned char salt[FINQ_SALT_BYTES], apr_pool_t *pool);

/** Length of the signature of a head of the audit trail, and of its hash. */
#define FINQ_HEAD_BYTES 32

/** The signature of a head of the audit trail: HMAC-SHA-256 of its hash, in which its place is. */
finq_error *finq_secret_sign_head(unsigned char signature[FINQ_HEAD_BYTES], const finq_secret *secret,
                                  const unsigned char hash[FINQ_HEAD_BYTES], apr_pool_t *pool);
/** Whether a signature is that of a head. */
int finq_secret_has_signed(const finq_secret *secret, const unsigned char hash[FINQ_HEAD_BYTES],
                           const unsigned char signature[FINQ_HEAD_BYTES], apr_pool_t *pool);

/** How many secrets the file holds, and one by its place in it, from 0. */
int finq_secrets_count(const finq_secrets *secrets);
const finq_secret *finq_secrets_at(const finq_secrets *secrets, int place);

/** Fills `bytes` from the system's generator of secrets. */
finq_error *finq_random(void *bytes, apr_size_t length, apr_pool_t *pool);

/** A new version 7 id of the present time. */
finq_error *finq_id_new(finq_id *id, apr_pool_t *pool);

#endif
