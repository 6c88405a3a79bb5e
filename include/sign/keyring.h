/* The keyring: what this process remembers of tenants' signing keys, so that a signed request asks no database. */
#ifndef FINQ_KEYRING_H
#define FINQ_KEYRING_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "ground/id.h"
#include "sign/key.h"
#include "db/pg.h"

/** One database's signing keys, as remembered. Threads may share it. */
typedef struct finq_keyring finq_keyring;

/** The keys of one issuer or of one tenant at one time, usable until the pool of finq_keyring_find goes. */
typedef struct finq_keyset finq_keyset;

/** Whose keys are looked for. */
typedef struct finq_keyring_query {
    const char *issuer;       /**< an issuer's, whichever of its tenants registered them; or NULL: */
    const finq_id *client_id; /**< one tenant's; their names are then CLIENT_ID/KID */
    const char *kid;          /**< which of them is wanted; NULL for any */
    int again;                /**< those that are remembered did not fit */
} finq_keyring_query;

/** Makes an empty keyring whose keys are believed for `ttl` seconds. */
finq_error *finq_keyring_create(finq_keyring **ring, int ttl, apr_pool_t *pool);

/** Finds keys. For keys that are not remembered, or did not fit, the database is asked at most once a second an issuer
 * or tenant. The set may be empty, and need not have the kid. Error: those of a call. */
finq_error *finq_keyring_find(const finq_keyset **set, finq_keyring *ring, finq_db *db, const finq_keyring_query *query,
                              apr_pool_t *pool);

/** The keys: of const finq_key *, the newest live ones first. A key is revoked if all who registered it have revoked it. */
const apr_array_header_t *finq_keyset_keys(const finq_keyset *set);

/** A key that made a signature. */
typedef struct finq_key_sought {
    const char *kid;
    int by_any_kid; /**< the signature names no kid: whoever has registered the same key under another one made it as well */
} finq_key_sought;

/** Whether a tenant is among those that registered a key of the set, for this issuer where one is given, and has not
 * revoked it. `*own` is what that tenant calls it. Error: invalid_signature, saying which. */
finq_error *finq_keyset_check_holder(const char **own, const finq_keyset *set, const finq_key_sought *sought,
                                     const finq_id *client_id, apr_pool_t *pool);

#endif
