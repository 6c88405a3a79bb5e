#include "finq_directory.h"

#include <apr_hash.h>
#include <apr_encode.h>
#include <apr_strings.h>
#include <apr_thread_rwlock.h>
#include <stdlib.h>
#include <string.h>

#include "finq_digest.h"
#include "finq_json.h"

/* More tenants than this, and the directory starts anew rather than grow: a flood of made-up ids fills no memory. */
#define TENANTS_MAX 20000
/* How often, a second and tenant, keys that fit none are worth a look into the database. */
#define REFETCH_MAX 10

typedef struct {
    apr_int64_t key_id;
    apr_int64_t ends_at; /* seconds; 0 for no end */
    unsigned char hash[FINQ_DIGEST_SHA256];
} known_key;

/* One block of memory, so that forgetting a tenant is one free(). */
typedef struct {
    finq_id client_id;
    apr_time_t loaded_at;
    apr_time_t window_at; /* when the second began in which it was loaded again `refetched` times */
    int refetched;
    int exists, active;
    int key_count, skill_count;
    known_key *keys;
    apr_int32_t *skills;
} known_tenant;

struct finq_directory {
    apr_pool_t *pool; /* for skills; used under the write lock alone */
    apr_time_t ttl;
    apr_thread_rwlock_t *lock;
    apr_hash_t *tenants;       /* client_id -> known_tenant */
    apr_hash_t *skills_by_name; /* name -> finq_published */
    apr_hash_t *skills_by_id;
};

static void tenants_forget(finq_directory *directory)
{
    for (apr_hash_index_t *i = apr_hash_first(NULL, directory->tenants); i; i = apr_hash_next(i)) {
        void *tenant;
        apr_hash_this(i, NULL, NULL, &tenant);
        free(tenant);
    }
    apr_hash_clear(directory->tenants);
}

static apr_status_t directory_release(void *value)
{
    finq_directory *directory = value;
    tenants_forget(directory);
    apr_pool_destroy(directory->pool);
    return APR_SUCCESS;
}

finq_error *finq_directory_create(finq_directory **out, int ttl, apr_pool_t *parent)
{
    finq_directory *directory = apr_pcalloc(parent, sizeof *directory);
    directory->ttl = apr_time_from_sec(ttl);
    directory->tenants = apr_hash_make(parent);
    directory->skills_by_name = apr_hash_make(parent);
    directory->skills_by_id = apr_hash_make(parent);
    if (apr_thread_rwlock_create(&directory->lock, parent) != APR_SUCCESS ||
        apr_pool_create_unmanaged_ex(&directory->pool, NULL, NULL) != APR_SUCCESS)
        return finq_error_internal(parent, FINQ_E_INTERNAL_SERVER_ERROR, "directory: out of memory");
    apr_pool_cleanup_register(parent, directory, directory_release, apr_pool_cleanup_null);
    *out = directory;
    return NULL;
}

/* ---- skills ---- */

static const finq_published *skill_lookup(finq_directory *directory, const char *name, apr_int32_t id)
{
    apr_thread_rwlock_rdlock(directory->lock);
    const finq_published *found = name ? apr_hash_get(directory->skills_by_name, name, APR_HASH_KEY_STRING)
                                       : apr_hash_get(directory->skills_by_id, &id, sizeof id);
    apr_thread_rwlock_unlock(directory->lock);
    return found;
}

/* Under the write lock. Another thread may have been first; then its skill stands. */
static finq_error *skill_add(const finq_published **out, finq_directory *directory, apr_int32_t id, const json_t *definition,
                             apr_pool_t *pool)
{
    finq_skill *skill;
    *out = apr_hash_get(directory->skills_by_id, &id, sizeof id);
    if (*out)
        return NULL;
    finq_error *error = finq_skill_compile(&skill, definition, directory->pool);
    if (error) /* it was checked when it was published */
        return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "skill %d does not compile: %s", id, error->message);
    finq_published *published = apr_pcalloc(directory->pool, sizeof *published);
    published->skill_id = id;
    published->skill = skill;
    apr_hash_set(directory->skills_by_id, &published->skill_id, sizeof published->skill_id, published);
    apr_hash_set(directory->skills_by_name, skill->name, APR_HASH_KEY_STRING, published);
    *out = published;
    return NULL;
}

static finq_error *skill_load(const finq_published **out, finq_directory *directory, finq_db *db,
                              const finq_pg_args *args, apr_pool_t *pool)
{
    static const finq_pg_statement skill_get = {"finq_skill_get",
                                                "SELECT skill_id, definition FROM finq.skill_get($1, $2)"};
    const PGresult *rows;
    json_t *definition;
    *out = NULL;
    FINQ_TRY(db->call(db, &rows, &skill_get, args, pool));
    if (finq_pg_rows(rows) == 0)
        return NULL;
    const char *text = finq_pg_text(rows, 0, 1, pool);
    FINQ_TRY(finq_json_parse(&definition, text, strlen(text), pool));
    apr_thread_rwlock_wrlock(directory->lock);
    finq_error *error = skill_add(out, directory, (apr_int32_t)finq_pg_number(rows, 0, 0), definition, pool);
    apr_thread_rwlock_unlock(directory->lock);
    return error;
}

finq_error *finq_directory_skill_named(const finq_published **published, finq_directory *directory, finq_db *db,
                                       const char *name, apr_pool_t *pool)
{
    finq_pg_args args = {0};
    *published = skill_lookup(directory, name, 0);
    if (*published)
        return NULL;
    finq_pg_arg_id(&args, NULL);
    finq_pg_arg_text(&args, name);
    FINQ_TRY(skill_load(published, directory, db, &args, pool));
    return *published ? NULL : finq_error_make(pool, FINQ_E_INVALID_SKILL_NAME, "No skill of this name is published.");
}

finq_error *finq_directory_skill(const finq_published **published, finq_directory *directory, finq_db *db,
                                 apr_int32_t skill_id, apr_pool_t *pool)
{
    finq_pg_args args = {0};
    *published = skill_lookup(directory, NULL, skill_id);
    if (*published)
        return NULL;
    finq_pg_arg_int(&args, skill_id);
    finq_pg_arg_text(&args, NULL);
    FINQ_TRY(skill_load(published, directory, db, &args, pool));
    return *published ? NULL
                      : finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "skill %d, named by a sealed token, is gone",
                                            skill_id);
}

/* ---- tenants ---- */

/* What a look at a tenant tells; copied out, since the tenant may be replaced at any time. */
typedef struct {
    int fresh, exists, active, key_fits, granted, may_refetch;
    apr_int64_t key_id;
} glance;

/* Every key is compared, whether or not one has fitted. */
static void keys_compare(glance *seen, const known_tenant *tenant, const unsigned char *hash, apr_time_t now)
{
    for (int i = 0; i < tenant->key_count; i++) {
        const known_key *key = &tenant->keys[i];
        int live = key->ends_at == 0 || key->ends_at > apr_time_sec(now);
        if (finq_digest_equal(key->hash, hash, sizeof key->hash) && live) {
            seen->key_fits = 1;
            seen->key_id = key->key_id;
        }
    }
}

static glance tenant_look(finq_directory *directory, const finq_id *client_id, const unsigned char *hash,
                          apr_int32_t skill_id)
{
    glance seen = {0};
    apr_time_t now = apr_time_now();
    apr_thread_rwlock_rdlock(directory->lock);
    const known_tenant *tenant = apr_hash_get(directory->tenants, client_id, sizeof *client_id);
    if (tenant) {
        seen.fresh = now - tenant->loaded_at < directory->ttl;
        seen.exists = tenant->exists;
        seen.active = tenant->active;
        seen.may_refetch = tenant->refetched < REFETCH_MAX || now - tenant->window_at > APR_USEC_PER_SEC;
        keys_compare(&seen, tenant, hash, now);
        for (int i = 0; i < tenant->skill_count; i++)
            seen.granted |= tenant->skills[i] == skill_id;
    }
    apr_thread_rwlock_unlock(directory->lock);
    return seen;
}

static void tenant_fill(known_tenant *tenant, const json_t *shown)
{
    size_t i;
    json_t *value;
    json_array_foreach(json_object_get(shown, "app_keys"), i, value)
    {
        known_key *key = &tenant->keys[i];
        const char *hex = json_string_value(json_object_get(value, "hash"));
        key->key_id = json_integer_value(json_object_get(value, "key_id"));
        key->ends_at = json_integer_value(json_object_get(value, "ends_at"));
        apr_decode_base16_binary(key->hash, hex, 2 * (apr_ssize_t)sizeof key->hash, 0, NULL);
    }
    json_array_foreach(json_object_get(shown, "skills"), i, value) tenant->skills[i] = (apr_int32_t)json_integer_value(value);
    tenant->active = json_is_true(json_object_get(shown, "active"));
}

/* A tenant from finq.tenant_get's answer; NULL stands for one that does not exist. NULL if memory ran out. */
static known_tenant *tenant_make(const finq_id *client_id, const json_t *shown)
{
    size_t keys = json_array_size(json_object_get(shown, "app_keys"));
    size_t skills = json_array_size(json_object_get(shown, "skills"));
    known_tenant *tenant = calloc(1, sizeof *tenant + keys * sizeof(known_key) + skills * sizeof(apr_int32_t));
    if (!tenant)
        return NULL;
    tenant->client_id = *client_id;
    tenant->loaded_at = tenant->window_at = apr_time_now();
    tenant->exists = shown != NULL;
    tenant->key_count = (int)keys;
    tenant->skill_count = (int)skills;
    tenant->keys = (known_key *)(tenant + 1);
    tenant->skills = (apr_int32_t *)(tenant->keys + keys);
    tenant_fill(tenant, shown);
    return tenant;
}

static void tenant_put(finq_directory *directory, known_tenant *tenant)
{
    apr_thread_rwlock_wrlock(directory->lock);
    known_tenant *old = apr_hash_get(directory->tenants, &tenant->client_id, sizeof tenant->client_id);
    if (old) {
        if (tenant->loaded_at - old->window_at < APR_USEC_PER_SEC) {
            tenant->window_at = old->window_at;
            tenant->refetched = old->refetched + 1;
        }
        apr_hash_set(directory->tenants, &old->client_id, sizeof old->client_id, NULL);
        free(old);
    } else if (apr_hash_count(directory->tenants) >= TENANTS_MAX)
        tenants_forget(directory);
    apr_hash_set(directory->tenants, &tenant->client_id, sizeof tenant->client_id, tenant);
    apr_thread_rwlock_unlock(directory->lock);
}

static finq_error *tenant_load(finq_directory *directory, finq_db *db, const finq_id *client_id, apr_pool_t *pool)
{
    static const finq_pg_statement tenant_get = {"finq_tenant_get", "SELECT finq.tenant_get($1)"};
    const PGresult *rows;
    finq_pg_args args = {0};
    json_t *shown = NULL;
    finq_pg_arg_id(&args, client_id);
    FINQ_TRY(db->call(db, &rows, &tenant_get, &args, pool));
    const char *text = finq_pg_text(rows, 0, 0, pool);
    if (text)
        FINQ_TRY(finq_json_parse(&shown, text, strlen(text), pool));
    known_tenant *tenant = tenant_make(client_id, shown);
    if (!tenant)
        return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "directory: out of memory");
    tenant_put(directory, tenant);
    return NULL;
}

static finq_error *claim_judge(const glance *seen, apr_pool_t *pool)
{
    if (!seen->exists)
        return finq_error_make(pool, FINQ_E_INVALID_CLIENT_ID, "client_id is not known.");
    if (!seen->key_fits)
        return finq_error_make(pool, FINQ_E_INVALID_CLIENT_APP_KEY, "client_app_key is not one of this client's.");
    if (!seen->active)
        return finq_error_make(pool, FINQ_E_UNAUTHORIZED_TENANT, "The tenant is disabled.");
    return NULL;
}

static finq_error *authorise_known(apr_int64_t *app_key_id, finq_directory *directory, finq_db *db,
                                   const finq_directory_claim *claim, const finq_published *published, apr_pool_t *pool)
{
    unsigned char hash[FINQ_DIGEST_SHA256];
    apr_int32_t skill_id = published ? published->skill_id : 0;
    finq_digest_sha256(hash, claim->app_key, strlen(claim->app_key));
    glance seen = tenant_look(directory, &claim->client_id, hash, skill_id);
    int denied = claim_judge(&seen, pool) != NULL || (published && !seen.granted);
    if (!seen.fresh || (denied && seen.may_refetch)) {
        FINQ_TRY(tenant_load(directory, db, &claim->client_id, pool));
        seen = tenant_look(directory, &claim->client_id, hash, skill_id);
    }
    FINQ_TRY(claim_judge(&seen, pool));
    if (published && !seen.granted)
        return finq_error_make(pool, FINQ_E_UNAUTHORIZED_TENANT, "The tenant may not use this skill.");
    *app_key_id = seen.key_id;
    return NULL;
}

finq_error *finq_directory_authorise(apr_int64_t *app_key_id, const finq_published **published,
                                     finq_directory *directory, finq_db *db, const finq_directory_claim *claim,
                                     apr_pool_t *pool)
{
    *published = skill_lookup(directory, claim->skill, 0);
    if (!*published) { /* the keys are judged first: who has none learns nothing of skills */
        FINQ_TRY(authorise_known(app_key_id, directory, db, claim, NULL, pool));
        FINQ_TRY(finq_directory_skill_named(published, directory, db, claim->skill, pool));
    }
    return authorise_known(app_key_id, directory, db, claim, *published, pool);
}
