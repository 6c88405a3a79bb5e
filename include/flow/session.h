/* Sessions: their start, which is all in the nonce, and the nonces of their steps. */
#ifndef FINQ_SESSION_H
#define FINQ_SESSION_H

#include "flow/service.h"
#include "flow/token.h"

/** What a started session's client is told (contract section 2). */
typedef struct finq_session_started {
    finq_id session_id;
    const char *nonce;
    apr_int64_t expires_at;
    const char *next_step;
    const finq_published *published; /**< its skill */
} finq_session_started;

/** Starts a session: stores nothing, and asks the database only for what the directory does not remember.
 * `tenant_user_id` may be NULL. Errors: those of finq_directory_authorise; then invalid_field. */
finq_error *finq_session_start(finq_session_started *started, const finq_service *service, const finq_directory_claim *claim,
                               const char *tenant_user_id, apr_pool_t *pool);

/** Checks a tenant's own id of a person, NULL where it has none. Error: invalid_field. */
finq_error *finq_session_user_check(const char *tenant_user_id, apr_pool_t *pool);

/** What a session begins with, once somebody has seen to it that it may. */
typedef struct finq_session_origin {
    finq_id client_id;
    apr_int64_t key_id;              /**< of the key that starts it: an app key, of a renewal a secret */
    const finq_published *published; /**< its skill */
    const char *tenant_user_id;      /**< or NULL */
    const finq_id *renews;           /**< the consent that its exchange renews; NULL where it is to make one */
    finq_bytes data_key;             /**< that consent's, wrapped; no bytes where the session is to have its own */
    const finq_id *session_id;       /**< where it has been settled before; NULL for a new one */
} finq_session_origin;

/** Begins a session: its first nonce. Stores nothing. */
finq_error *finq_session_begin(finq_session_started *started, const finq_service *service, const finq_session_origin *origin,
                               apr_pool_t *pool);

/** What became of a nonce. Clients are not told a forged one from another client's; operators are. */
typedef enum { FINQ_NONCE_GOOD, FINQ_NONCE_FORGED, FINQ_NONCE_OTHER_CLIENT, FINQ_NONCE_EXPIRED } finq_nonce_state;

/** A nonce that has been opened, and with it what it authorises. There is no other way to come by one. */
typedef struct finq_session_pass {
    finq_nonce_state state;
    finq_token token;
    const finq_secret *secret;       /**< that had sealed it */
    const finq_published *published; /**< the session's skill */
    const finq_skill_step *step;     /**< the step that it authorises */
    finq_id step_id;                 /**< that step's id, once it is submitted */
} finq_session_pass;

/** A grace for those who ask about a session only: the database says whether it still may be asked about. */
#define FINQ_SESSION_ANY_AGE (1 << 30)

/** Opens a nonce of this client, without asking the database. `grace` seconds are added to its life. Errors:
 * invalid_nonce, expired_nonce, and `pass->state` then says why; those of finq_directory_skill where this process has not met the skill yet. */
finq_error *finq_session_pass_open(finq_session_pass *pass, const finq_service *service, const finq_id *client_id,
                                   const char *nonce, int grace, apr_pool_t *pool);

/** Moves a pass back to the step that an upload names, where the nonce is a late one and that is the step before; the nonce's
 * own step needs no move. `*known` is 0 where the name is neither's. */
finq_error *finq_session_pass_back(int *known, finq_session_pass *pass, const finq_service *service, const char *step_id,
                                   apr_pool_t *pool);

/** Checks that the session in the path is the nonce's. Errors: invalid_session_id where it is none of this tenant's,
 * invalid_nonce where it is another one of its sessions; those of a call. */
finq_error *finq_session_pass_check(const finq_session_pass *pass, const finq_service *service, const char *session_id,
                                    apr_pool_t *pool);

/** The data key of a nonce's session, by which all that is kept of the session is sealed. Errors: those of finq_data_key_unwrap. */
finq_error *finq_session_data_key(finq_data_key **key, const finq_session_pass *pass, const finq_service *service,
                                  apr_pool_t *pool);

/** The names of a step's required documents, as an array literal for SQL. */
const char *finq_session_required(const finq_skill_step *step, apr_pool_t *pool);

/** The same of the step before the one that a pass authorises: what it still has to be sent, before this one is accepted. */
const char *finq_session_required_before(const finq_session_pass *pass, apr_pool_t *pool);

/** The HMAC of whom a first step is of, by which the database knows whether they were erased since the start: of who has no
 * tenant_user_id, that of the consent that the session renews. No bytes of a later step, and where the session is nobody's. Error:
 * internal. */
finq_error *finq_session_user_mac(finq_bytes *mac, const finq_session_pass *pass, const finq_service *service, apr_pool_t *pool);

#endif
