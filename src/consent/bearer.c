#include "consent/bearer.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_thread_rwlock.h>
#include <stdlib.h>
#include <string.h>

#include "db/outcome.h"
#include "ground/clock.h"

/* More than these, and all are forgotten rather than the memory grow. */
#define REMEMBERED_MAX 20000

/* One block of memory, so that forgetting it is one free(). Found by a hash of all that was shown. */
typedef struct {
    unsigned char key[FINQ_DIGEST_SHA256];
    apr_time_t until; /* of the steady clock */
    apr_int64_t consent_exp;
    const char *skill, *tenant_user_id;
} remembered;

struct finq_bearers {
    apr_time_t ttl;
    apr_thread_rwlock_t *lock;
    apr_hash_t *known; /* key -> remembered */
};

static void forget(finq_bearers *bearers, remembered *one)
{
    apr_hash_set(bearers->known, one->key, sizeof one->key, NULL); /* first: it holds its key */
    free(one);
}

static apr_status_t forget_all(void *value)
{
    finq_bearers *bearers = value;
    for (apr_hash_index_t *i = apr_hash_first(NULL, bearers->known); i; i = apr_hash_next(i)) {
        void *one;
        apr_hash_this(i, NULL, NULL, &one);
        forget(bearers, one);
    }
    return APR_SUCCESS;
}

finq_error *finq_bearers_create(finq_bearers **out, int ttl, apr_pool_t *pool)
{
    finq_bearers *bearers = apr_pcalloc(pool, sizeof *bearers);
    bearers->ttl = apr_time_from_sec(ttl);
    bearers->known = apr_hash_make(pool);
    if (apr_thread_rwlock_create(&bearers->lock, pool) != APR_SUCCESS)
        return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "bearers: out of memory");
    apr_pool_cleanup_register(pool, bearers, forget_all, apr_pool_cleanup_null);
    *out = bearers;
    return NULL;
}

static void key_make(unsigned char *key, const finq_consent_claim *claim)
{
    finq_consent_hashes of = finq_consent_hashes_of(claim);
    unsigned char shown[2 * sizeof(finq_id) + sizeof of + 1];
    memcpy(shown, &claim->client_id, sizeof(finq_id));
    memcpy(shown + sizeof(finq_id), &claim->credentials_id, sizeof(finq_id));
    memcpy(shown + 2 * sizeof(finq_id), &of, sizeof of);
    shown[sizeof shown - 1] = (unsigned char)claim->is_signed; /* what a signature opened no secret does, and the other way */
    finq_digest_sha256(key, shown, sizeof shown);
}

static int recall(finq_bearer *bearer, finq_bearers *bearers, const unsigned char *key, apr_pool_t *pool)
{
    apr_thread_rwlock_rdlock(bearers->lock);
    const remembered *one = apr_hash_get(bearers->known, key, FINQ_DIGEST_SHA256);
    int found = one && finq_clock_steady() < one->until;
    if (found)
        *bearer = (finq_bearer){apr_pstrdup(pool, one->skill), apr_pstrdup(pool, one->tenant_user_id), one->consent_exp};
    apr_thread_rwlock_unlock(bearers->lock);
    return found;
}

static remembered *remembered_make(const finq_bearer *bearer, const unsigned char *key, apr_time_t until)
{
    apr_size_t skill = strlen(bearer->skill) + 1, user = bearer->tenant_user_id ? strlen(bearer->tenant_user_id) + 1 : 0;
    remembered *one = malloc(sizeof *one + skill + user);
    if (!one)
        return NULL;
    char *texts = (char *)(one + 1);
    memcpy(one->key, key, sizeof one->key);
    one->until = until;
    one->consent_exp = bearer->consent_exp;
    one->skill = memcpy(texts, bearer->skill, skill);
    one->tenant_user_id = user ? memcpy(texts + skill, bearer->tenant_user_id, user) : NULL;
    return one;
}

/* Where memory is short the next one asks again. */
static void remember(finq_bearers *bearers, const finq_bearer *bearer, const unsigned char *key, apr_time_t until)
{
    remembered *one = remembered_make(bearer, key, until), *old;
    if (!one)
        return;
    apr_thread_rwlock_wrlock(bearers->lock);
    old = apr_hash_get(bearers->known, key, FINQ_DIGEST_SHA256);
    if (old)
        forget(bearers, old);
    else if (apr_hash_count(bearers->known) >= REMEMBERED_MAX)
        forget_all(bearers);
    apr_hash_set(bearers->known, one->key, sizeof one->key, one);
    apr_thread_rwlock_unlock(bearers->lock);
}

finq_error *finq_bearers_find(finq_bearer *bearer, finq_bearers *bearers, const finq_service *service,
                              const finq_consent_claim *claim, apr_pool_t *pool)
{
    unsigned char key[FINQ_DIGEST_SHA256];
    apr_time_t asked_at = finq_clock_steady(); /* what the database says is as old as that */
    finq_consent consent;
    const char *user;
    key_make(key, claim);
    if (recall(bearer, bearers, key, pool))
        return NULL;
    FINQ_TRY(finq_consent_borne(&consent, service, claim, pool));
    if (strcmp(consent.status, "ACTIVE") != 0)
        return finq_outcome_error("inactive_credentials", NULL, "", pool);
    FINQ_TRY(finq_consent_user(&user, &consent, &claim->client_id, service, pool));
    *bearer = (finq_bearer){consent.skill, user, consent.consent_exp};
    apr_time_t left = apr_time_from_msec(consent.left_ms), kept = bearers->ttl < left ? bearers->ttl : left;
    if (kept > 0)
        remember(bearers, bearer, key, asked_at + kept);
    return NULL;
}
