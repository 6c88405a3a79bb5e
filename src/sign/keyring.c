#include "sign/keyring.h"

#include <apr_atomic.h>
#include <apr_encode.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_thread_rwlock.h>
#include <string.h>

#include "db/calls.h"
#include "sign/check.h"
#include "ground/clock.h"
#include "json/json.h"

/* Sets beyond these, and all of their kind are forgotten: a flood of made-up issuers fills no memory, and drives out
 * nobody who has keys. */
#define KNOWN_MAX 20000
#define STRANGERS_MAX 1000

/* Who has registered a key. */
typedef struct {
    finq_id client_id;
    int revoked;
} holder;

struct finq_keyset {
    apr_pool_t *pool; /* its own: a set is destroyed by whoever lets go of it last */
    apr_uint32_t references;
    const char *name;
    apr_time_t asked_at;         /* when the database was asked: what it said is as old as that */
    apr_time_t missed_at;        /* the same, where it had not what was wanted; else 0 */
    apr_uint32_t retried;        /* whether somebody asks again already */
    apr_array_header_t *keys;    /* of const finq_key * */
    apr_array_header_t *holders; /* of apr_array_header_t *, of holder: for each key */
};

struct finq_keyring {
    apr_time_t ttl;
    apr_thread_rwlock_t *lock;
    apr_hash_t *known, *strangers; /* name -> finq_keyset: with keys, and without */
};

/* ---- sets ---- */

static apr_status_t set_release(void *value)
{
    finq_keyset *set = value;
    if (apr_atomic_dec32(&set->references) == 0)
        apr_pool_destroy(set->pool);
    return APR_SUCCESS;
}

/* With the ring locked, or on a set that nobody else has yet. */
static const finq_keyset *set_hold(finq_keyset *set, apr_pool_t *pool)
{
    apr_atomic_inc32(&set->references);
    apr_pool_cleanup_register(pool, set, set_release, apr_pool_cleanup_null);
    return set;
}

static void sets_forget(apr_hash_t *sets)
{
    for (apr_hash_index_t *i = apr_hash_first(NULL, sets); i; i = apr_hash_next(i)) {
        void *value;
        apr_hash_this(i, NULL, NULL, &value);
        finq_keyset *set = value;
        apr_hash_set(sets, set->name, APR_HASH_KEY_STRING, NULL); /* first: the name goes with the set */
        set_release(set);
    }
}

static finq_keyset *set_make(const char *name, apr_time_t asked_at)
{
    apr_pool_t *pool;
    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS)
        return NULL;
    finq_keyset *set = apr_pcalloc(pool, sizeof *set);
    set->pool = pool;
    set->references = 1;
    set->name = apr_pstrdup(pool, name);
    set->asked_at = asked_at;
    set->keys = apr_array_make(pool, 4, sizeof(const finq_key *));
    set->holders = apr_array_make(pool, 4, sizeof(apr_array_header_t *));
    return set;
}

/* ---- from the database ---- */

static finq_error *damaged(apr_pool_t *pool, const char *what)
{
    return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "a stored signing key cannot be used: %s", what);
}

static apr_array_header_t *holders_read(int *revoked, const json_t *list, apr_pool_t *pool)
{
    apr_array_header_t *holders = apr_array_make(pool, (int)json_array_size(list), sizeof(holder));
    *revoked = 1;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *shown = json_array_get(list, i);
        holder *one = apr_array_push(holders);
        one->revoked = json_is_true(json_object_get(shown, "revoked"));
        finq_id_parse(&one->client_id, finq_json_string(shown, "client_id"));
        *revoked = *revoked && one->revoked;
    }
    return holders;
}

static finq_error *key_read(finq_keyset *set, const json_t *shown, const char *prefix, apr_pool_t *pool)
{
    const char *spki = finq_json_string(shown, "spki");
    finq_key_row row = {.kid = finq_json_string(shown, "kid")};
    const finq_key *loaded;
    if (!finq_algorithm_find(&row.algorithm, finq_json_string(shown, "algorithm")))
        return damaged(pool, "its algorithm is unknown to this module");
    row.spki.data = apr_pdecode_base16_binary(pool, spki, APR_ENCODE_STRING, APR_ENCODE_NONE, &row.spki.length);
    apr_array_header_t *holders = holders_read(&row.revoked, json_object_get(shown, "holders"), set->pool);
    finq_error *error = finq_key_load(&loaded, &row, set->pool);
    if (error)
        return damaged(pool, error->cause);
    finq_key *key = apr_pmemdup(set->pool, loaded, sizeof *key);
    key->kid = apr_pstrcat(set->pool, prefix, row.kid, NULL);
    APR_ARRAY_PUSH(set->keys, const finq_key *) = key;
    APR_ARRAY_PUSH(set->holders, apr_array_header_t *) = holders;
    return NULL;
}

static finq_error *keys_read(finq_keyset *set, const char *text, const char *prefix, apr_pool_t *pool)
{
    json_t *whole;
    text = apr_pstrcat(pool, "{\"keys\":", text, "}", NULL);
    FINQ_TRY(finq_json_parse(&whole, NULL, text, strlen(text), pool));
    const json_t *list = json_object_get(whole, "keys");
    for (size_t i = 0; i < json_array_size(list); i++)
        FINQ_TRY(key_read(set, json_array_get(list, i), prefix, pool));
    return NULL;
}

/* ---- the ring ---- */

static apr_status_t ring_release(void *value)
{
    finq_keyring *ring = value;
    sets_forget(ring->known);
    sets_forget(ring->strangers);
    return APR_SUCCESS;
}

finq_error *finq_keyring_create(finq_keyring **out, int ttl, apr_pool_t *pool)
{
    finq_keyring *ring = apr_pcalloc(pool, sizeof *ring);
    ring->ttl = apr_time_from_sec(ttl);
    ring->known = apr_hash_make(pool);
    ring->strangers = apr_hash_make(pool);
    if (apr_thread_rwlock_create(&ring->lock, pool) != APR_SUCCESS)
        return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "keyring: out of memory");
    apr_pool_cleanup_register(pool, ring, ring_release, apr_pool_cleanup_null);
    *out = ring;
    return NULL;
}

/* Under the write lock. The older of two answers that crossed does not stay. */
static void set_remember(finq_keyring *ring, finq_keyset *set)
{
    finq_keyset *old = apr_hash_get(ring->known, set->name, APR_HASH_KEY_STRING);
    apr_hash_t *sets = set->keys->nelts ? ring->known : ring->strangers;
    if (!old)
        old = apr_hash_get(ring->strangers, set->name, APR_HASH_KEY_STRING);
    if (old && old->asked_at > set->asked_at)
        return;
    if (old) {
        apr_hash_set(old->keys->nelts ? ring->known : ring->strangers, old->name, APR_HASH_KEY_STRING, NULL);
        set_release(old);
    }
    if (apr_hash_count(sets) >= (sets == ring->known ? KNOWN_MAX : STRANGERS_MAX))
        sets_forget(sets);
    apr_atomic_inc32(&set->references);
    apr_hash_set(sets, set->name, APR_HASH_KEY_STRING, set);
}

static int set_has(const finq_keyset *set, const finq_keyring_query *query)
{
    int has = query->kid ? finq_key_find(set->keys, query->kid) != NULL : set->keys->nelts > 0;
    return has && !query->again;
}

static finq_error *set_load(const finq_keyset **out, finq_keyring *ring, finq_db *db, const finq_keyring_query *query,
                            const char *name, apr_pool_t *pool)
{
    finq_signing_keys_in in = {.issuer = query->issuer, .client_id = query->issuer ? NULL : query->client_id};
    finq_signing_keys_out row;
    const char *prefix = query->issuer ? "" : apr_pstrcat(pool, name, "/", NULL);
    finq_keyset *set = set_make(name, finq_clock_steady());
    if (!set)
        return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "keyring: out of memory");
    *out = set_hold(set, pool);
    set_release(set); /* the pool holds it now, whatever comes */
    FINQ_TRY(finq_call_signing_keys(&row, db, &in, pool));
    if (row.signing_keys)
        FINQ_TRY(keys_read(set, row.signing_keys, prefix, pool));
    set->missed_at = set_has(set, query) ? 0 : set->asked_at;
    apr_thread_rwlock_wrlock(ring->lock);
    set_remember(ring, set);
    apr_thread_rwlock_unlock(ring->lock);
    return NULL;
}

static finq_keyset *set_look(finq_keyring *ring, const char *name, apr_pool_t *pool)
{
    apr_thread_rwlock_rdlock(ring->lock);
    finq_keyset *set = apr_hash_get(ring->known, name, APR_HASH_KEY_STRING);
    if (!set)
        set = apr_hash_get(ring->strangers, name, APR_HASH_KEY_STRING);
    if (set)
        set_hold(set, pool);
    apr_thread_rwlock_unlock(ring->lock);
    return set;
}

/* Whether what is remembered will do: it is young enough, and has what is wanted, or had it not a moment ago either. The
 * first who finds it wanting asks again; the others need not wait for what it learns. */
static int set_serves(finq_keyset *set, const finq_keyring *ring, const finq_keyring_query *query)
{
    apr_time_t now = finq_clock_steady();
    if (set->keys->nelts && now - set->asked_at >= ring->ttl)
        return 0;
    if (set_has(set, query) || now - set->missed_at < APR_USEC_PER_SEC)
        return 1;
    return apr_atomic_cas32(&set->retried, 1, 0) != 0;
}

finq_error *finq_keyring_find(const finq_keyset **out, finq_keyring *ring, finq_db *db, const finq_keyring_query *query,
                              apr_pool_t *pool)
{
    const char *name = query->issuer ? apr_pstrcat(pool, "=", query->issuer, NULL) : finq_id_text(query->client_id, pool);
    finq_keyset *set = set_look(ring, name, pool);
    if (set && set_serves(set, ring, query)) {
        *out = set;
        return NULL;
    }
    finq_error *error = set_load(out, ring, db, query, name, pool);
    if (error && set)
        apr_atomic_set32(&set->retried, 0); /* the next may try */
    return error;
}

const apr_array_header_t *finq_keyset_keys(const finq_keyset *set)
{
    return set->keys;
}

static int is_same(const finq_key *one, const finq_key *other)
{
    return one->algorithm == other->algorithm && one->spki.length == other->spki.length &&
           memcmp(one->spki.data, other->spki.data, one->spki.length) == 0;
}

/* How a tenant has registered a key, NULL where it has not: under a name, or under any where the key itself is asked for. */
static const holder *holder_find(const finq_key **own, const finq_keyset *set, const finq_key_sought *sought,
                                 const finq_id *client_id)
{
    const finq_key *key = finq_key_find(set->keys, sought->kid);
    for (int i = 0; key && i < set->keys->nelts; i++) {
        const apr_array_header_t *holders = APR_ARRAY_IDX(set->holders, i, apr_array_header_t *);
        *own = APR_ARRAY_IDX(set->keys, i, const finq_key *);
        if (*own != key && !(sought->by_any_kid && is_same(*own, key)))
            continue;
        for (int j = 0; j < holders->nelts; j++) {
            const holder *one = &APR_ARRAY_IDX(holders, j, holder);
            if (finq_id_equal(&one->client_id, client_id))
                return one;
        }
    }
    return NULL;
}

finq_error *finq_keyset_check_holder(const char **own, const finq_keyset *set, const finq_key_sought *sought,
                                     const finq_id *client_id, apr_pool_t *pool)
{
    const finq_key *key;
    const holder *one = holder_find(&key, set, sought, client_id);
    if (!one)
        return finq_check_failed(pool, FINQ_CHECK_ISS, "the key %s is none of this client_id's for this issuer.", sought->kid);
    if (one->revoked)
        return finq_check_failed(pool, FINQ_CHECK_REVOKED, "this client_id has revoked the key %s.", key->kid);
    *own = key->kid;
    return NULL;
}
