#include "skills/directory.h"

#include <apr_hash.h>
#include <apr_encode.h>
#include <apr_strings.h>
#include <apr_thread_rwlock.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "db/calls.h"
#include "db/outcome.h"
#include "ground/clock.h"
#include "json/json.h"

/* More tenants than this, and the directory starts anew rather than grow: a flood of made-up ids fills no memory. */
#define TENANTS_MAX 20000
/* How often the database is told that a key is in use; it writes that down as rarely. */
#define NOTE_TIME apr_time_from_sec(60)

typedef struct {
    apr_int64_t key_id;
    apr_time_t ends_at;  /* by this machine's clock; 0 for no end */
    apr_time_t noted_at; /* when its use was last told to the database */
    unsigned char hash[FINQ_DIGEST_SHA256];
} known_key;

/* One block of memory, so that forgetting a tenant is one free(). */
typedef struct {
    finq_id client_id;
    apr_time_t loaded_at;
    apr_uint32_t generation;
    int exists, active, key_count, skill_count;
    known_key *keys;
    apr_int32_t *skills;
} known_tenant;

struct finq_directory {
    apr_pool_t *pool; /* for skills; used under the write lock alone */
    apr_time_t ttl;
    apr_int64_t version;              /* of the tables behind it, as the database counts their changes */
    apr_uint32_t generation;          /* of what is believed: a tenant of another one is old */
    apr_time_t checked_at;            /* when the version was asked for last */
    const apr_array_header_t *served; /* names of the skills that may be started; NULL for all */
    apr_thread_rwlock_t *lock;
    apr_hash_t *tenants;        /* client_id -> known_tenant */
    apr_hash_t *skills_by_name; /* name -> finq_published */
    apr_hash_t *skills_by_id;
};

static void tenants_forget(finq_directory *directory)
{
    for (apr_hash_index_t *i = apr_hash_first(NULL, directory->tenants); i; i = apr_hash_next(i)) {
        void *value;
        apr_hash_this(i, NULL, NULL, &value);
        known_tenant *tenant = value;
        apr_hash_set(directory->tenants, &tenant->client_id, sizeof tenant->client_id, NULL); /* first: it holds its key */
        free(tenant);
    }
}

static apr_status_t directory_release(void *value)
{
    finq_directory *directory = value;
    tenants_forget(directory);
    apr_pool_destroy(directory->pool);
    return APR_SUCCESS;
}

finq_error *finq_directory_create(finq_directory **out, int ttl, const apr_array_header_t *skills, apr_pool_t *parent)
{
    finq_directory *directory = apr_pcalloc(parent, sizeof *directory);
    directory->ttl = apr_time_from_sec(ttl);
    directory->served = skills;
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

/* What the database said of a skill; nothing where it knows none. */
static finq_error *skill_keep(const finq_published **out, finq_directory *directory, const finq_published_skill_row *row,
                              apr_pool_t *pool)
{
    json_t *definition;
    *out = NULL;
    if (!row->definition)
        return NULL;
    FINQ_TRY(finq_json_parse(&definition, NULL, row->definition, strlen(row->definition), pool));
    apr_thread_rwlock_wrlock(directory->lock);
    finq_error *error = skill_add(out, directory, row->skill_id, definition, pool);
    apr_thread_rwlock_unlock(directory->lock);
    return error;
}

finq_error *finq_directory_skill_named(const finq_published **published, finq_directory *directory, finq_db *db, const char *name,
                                       apr_pool_t *pool)
{
    finq_skill_named_out row;
    *published = skill_lookup(directory, name, 0);
    if (*published)
        return NULL;
    FINQ_TRY(finq_call_skill_named(&row, db, &(finq_skill_named_in){.name = name}, pool));
    FINQ_TRY(skill_keep(published, directory, &row, pool));
    return *published ? NULL : finq_error_make(pool, FINQ_E_INVALID_SKILL_NAME, "No skill of this name is published.");
}

finq_error *finq_directory_skill(const finq_published **published, finq_directory *directory, finq_db *db, apr_int32_t skill_id,
                                 apr_pool_t *pool)
{
    finq_skill_get_out row;
    *published = skill_lookup(directory, NULL, skill_id);
    if (*published)
        return NULL;
    FINQ_TRY(finq_call_skill_get(&row, db, &(finq_skill_get_in){.skill_id = skill_id}, pool));
    FINQ_TRY(skill_keep(published, directory, &row, pool));
    return *published
               ? NULL
               : finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "skill %d, named by a sealed token, is gone", skill_id);
}

/* ---- tenants ---- */

/* What a look at a tenant tells; copied out, since the tenant may be replaced at any time. */
typedef struct {
    int unchecked, fresh, unchanged, exists, active, key_fits, key_noted, granted;
    apr_int64_t key_id;
} glance;

/* One claim on its way to a judgement. */
typedef struct {
    finq_directory *directory;
    finq_db *db;
    const finq_id *client_id;
    unsigned char hash[FINQ_DIGEST_SHA256]; /* of the app key */
    apr_int32_t skill_id;                   /* 0 while it is not known */
    apr_uint32_t generation;                /* before the database was asked */
    glance seen;
    apr_pool_t *pool;
} inquiry;

/* Every key is compared, whether or not one has fitted. */
static void keys_compare(glance *seen, const known_tenant *tenant, const unsigned char *hash, apr_time_t now)
{
    for (int i = 0; i < tenant->key_count; i++) {
        const known_key *key = &tenant->keys[i];
        int live = key->ends_at == 0 || key->ends_at > now;
        if (finq_digest_equal(key->hash, hash, sizeof key->hash) && live) {
            seen->key_fits = 1;
            seen->key_id = key->key_id;
            seen->key_noted = now - key->noted_at < NOTE_TIME;
        }
    }
}

static void tenant_glance(inquiry *asked, const known_tenant *tenant)
{
    glance *seen = &asked->seen;
    apr_time_t now = finq_clock_steady();
    memset(seen, 0, sizeof *seen);
    seen->unchecked = !asked->directory->checked_at; /* what would be loaded now could not be told from older */
    if (!tenant)
        return;
    seen->unchanged = tenant->generation == asked->directory->generation;
    seen->fresh = seen->unchanged &&
                  (now - tenant->loaded_at < asked->directory->ttl || now - asked->directory->checked_at < asked->directory->ttl);
    seen->exists = tenant->exists;
    seen->active = tenant->active;
    keys_compare(seen, tenant, asked->hash, now);
    for (int i = 0; i < tenant->skill_count; i++)
        seen->granted |= tenant->skills[i] == asked->skill_id;
}

static void tenant_look(inquiry *asked)
{
    finq_directory *directory = asked->directory;
    apr_thread_rwlock_rdlock(directory->lock);
    tenant_glance(asked, apr_hash_get(directory->tenants, asked->client_id, sizeof *asked->client_id));
    apr_thread_rwlock_unlock(directory->lock);
}

static void key_fill(known_key *key, const json_t *shown, apr_time_t now)
{
    const json_t *left = json_object_get(shown, "left_ms");
    key->key_id = json_integer_value(json_object_get(shown, "key_id"));
    key->ends_at = json_is_integer(left) ? now + apr_time_from_msec(json_integer_value(left)) : 0;
    apr_decode_base16_binary(key->hash, json_string_value(json_object_get(shown, "hash")), 2 * (apr_ssize_t)sizeof key->hash, 0,
                             NULL);
}

static void tenant_fill(known_tenant *tenant, const json_t *shown)
{
    size_t i;
    json_t *value;
    json_array_foreach(json_object_get(shown, "app_keys"), i, value) key_fill(&tenant->keys[i], value, tenant->loaded_at);
    json_array_foreach(json_object_get(shown, "skills"), i, value) tenant->skills[i] = (apr_int32_t)json_integer_value(value);
    tenant->active = json_is_true(json_object_get(shown, "active"));
}

/* A tenant from finq.tenant_seen's answer; NULL stands for one that does not exist. NULL if memory ran out. */
static known_tenant *tenant_make(const finq_id *client_id, const json_t *shown)
{
    size_t keys = json_array_size(json_object_get(shown, "app_keys"));
    size_t skills = json_array_size(json_object_get(shown, "skills"));
    known_tenant *tenant = calloc(1, sizeof *tenant + keys * sizeof(known_key) + skills * sizeof(apr_int32_t));
    if (!tenant)
        return NULL;
    tenant->client_id = *client_id;
    tenant->loaded_at = finq_clock_steady();
    tenant->exists = shown != NULL;
    tenant->key_count = (int)keys;
    tenant->skill_count = (int)skills;
    tenant->keys = (known_key *)(tenant + 1);
    tenant->skills = (apr_int32_t *)(tenant->keys + keys);
    tenant_fill(tenant, shown);
    return tenant;
}

/* The key that was asked about has been noted by the answer itself; of the others, what was known is still true. */
static void keys_note(known_tenant *tenant, const known_tenant *old, const unsigned char *hash)
{
    for (int i = 0; i < tenant->key_count; i++) {
        known_key *key = &tenant->keys[i];
        if (finq_digest_equal(key->hash, hash, sizeof key->hash))
            key->noted_at = tenant->loaded_at;
        for (int j = 0; old && !key->noted_at && j < old->key_count; j++) {
            if (old->keys[j].key_id == key->key_id)
                key->noted_at = old->keys[j].noted_at;
        }
    }
}

static void tenant_put(inquiry *asked, known_tenant *tenant)
{
    finq_directory *directory = asked->directory;
    apr_thread_rwlock_wrlock(directory->lock);
    known_tenant *old = apr_hash_get(directory->tenants, &tenant->client_id, sizeof tenant->client_id);
    tenant->generation = asked->generation;
    keys_note(tenant, old, asked->hash);
    if (old) {
        apr_hash_set(directory->tenants, &old->client_id, sizeof old->client_id, NULL);
        free(old);
    } else if (apr_hash_count(directory->tenants) >= TENANTS_MAX)
        tenants_forget(directory);
    apr_hash_set(directory->tenants, &tenant->client_id, sizeof tenant->client_id, tenant);
    tenant_glance(asked, tenant);
    apr_thread_rwlock_unlock(directory->lock);
}

/* Judges by what the database says now; what another thread puts into the directory meanwhile may be older. */
static finq_error *tenant_load(inquiry *asked)
{
    finq_tenant_seen_in in = {.client_id = asked->client_id, .app_key_hash = {asked->hash, sizeof asked->hash}};
    finq_tenant_seen_out row;
    json_t *shown = NULL;
    apr_thread_rwlock_rdlock(asked->directory->lock);
    asked->generation = asked->directory->generation; /* a change that comes while we ask makes the answer an old one */
    apr_thread_rwlock_unlock(asked->directory->lock);
    FINQ_TRY(finq_call_tenant_seen(&row, asked->db, &in, asked->pool));
    if (row.tenant_seen)
        FINQ_TRY(finq_json_parse(&shown, NULL, row.tenant_seen, strlen(row.tenant_seen), asked->pool));
    known_tenant *tenant = tenant_make(asked->client_id, shown);
    if (!tenant)
        return finq_error_internal(asked->pool, FINQ_E_INTERNAL_SERVER_ERROR, "directory: out of memory");
    tenant_put(asked, tenant);
    return NULL;
}

/* One question tells whether all that is remembered is still true. */
static finq_error *version_check(inquiry *asked)
{
    finq_directory *directory = asked->directory;
    finq_directory_version_out row;
    apr_time_t began = finq_clock_steady();
    FINQ_TRY(finq_call_directory_version(&row, asked->db, asked->pool));
    apr_thread_rwlock_wrlock(directory->lock);
    directory->generation += directory->version != row.directory_version;
    directory->version = row.directory_version;
    if (directory->checked_at < began)
        directory->checked_at = began;
    apr_thread_rwlock_unlock(directory->lock);
    return NULL;
}

static int tenant_fits(const inquiry *asked)
{
    return asked->seen.key_fits && asked->seen.active && (asked->seen.granted || !asked->skill_id);
}

/* Whether it falls to this inquiry to tell the database of the key's use: one a minute does. */
static int use_claim(inquiry *asked)
{
    int claimed = 0;
    apr_thread_rwlock_wrlock(asked->directory->lock);
    known_tenant *tenant = apr_hash_get(asked->directory->tenants, asked->client_id, sizeof *asked->client_id);
    for (int i = 0; tenant && i < tenant->key_count; i++) {
        known_key *key = &tenant->keys[i];
        int is_due = key->key_id == asked->seen.key_id && finq_clock_steady() - key->noted_at >= NOTE_TIME;
        claimed |= is_due;
        key->noted_at = is_due ? finq_clock_steady() : key->noted_at;
    }
    apr_thread_rwlock_unlock(asked->directory->lock);
    return claimed;
}

/* Looks into the directory, and into the database where that is too old. What memory would refuse is refused only where the
 * database says that nothing has changed: a new key, or a new grant, works at once. */
static finq_error *tenant_judge(inquiry *asked)
{
    const glance *seen = &asked->seen;
    tenant_look(asked);
    int doubtful = seen->unchecked || (!seen->fresh && seen->unchanged) || (seen->fresh && !tenant_fits(asked));
    if (doubtful && asked->directory->ttl > 0) {
        FINQ_TRY(version_check(asked));
        tenant_look(asked);
    }
    if (!seen->fresh)
        FINQ_TRY(tenant_load(asked));
    else if (tenant_fits(asked) && !seen->key_noted && use_claim(asked))
        (void)tenant_load(asked); /* what is fresh needs no database: one that is away is told a minute later */
    if (!seen->exists)
        return finq_outcome_refusal("invalid_client_id", asked->pool);
    if (!seen->key_fits)
        return finq_outcome_refusal("invalid_client_app_key", asked->pool);
    if (!seen->active)
        return finq_outcome_refusal("unauthorized_tenant", asked->pool);
    return NULL;
}

int finq_directory_serves(const finq_directory *directory, const char *skill)
{
    for (int i = 0; directory->served && i < directory->served->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(directory->served, i, const char *), skill) == 0)
            return 1;
    }
    return directory->served == NULL;
}

finq_error *finq_directory_know_key(finq_directory *directory, finq_db *db, const finq_id *client_id, const char *app_key,
                                    apr_pool_t *pool)
{
    inquiry asked = {.directory = directory, .db = db, .client_id = client_id, .pool = pool};
    finq_digest_sha256(asked.hash, app_key, strlen(app_key));
    return tenant_judge(&asked);
}

finq_error *finq_directory_authorise(apr_int64_t *app_key_id, const finq_published **published, finq_directory *directory,
                                     finq_db *db, const finq_directory_claim *claim, apr_pool_t *pool)
{
    inquiry asked = {.directory = directory, .db = db, .client_id = &claim->client_id, .pool = pool};
    finq_digest_sha256(asked.hash, claim->app_key, strlen(claim->app_key));
    *published = skill_lookup(directory, claim->skill, 0);
    asked.skill_id = *published ? (*published)->skill_id : 0;
    FINQ_TRY(tenant_judge(&asked));
    if (!*published) { /* only for who may ask is a name looked up */
        FINQ_TRY(finq_directory_skill_named(published, directory, db, claim->skill, pool));
        asked.skill_id = (*published)->skill_id;
        FINQ_TRY(tenant_judge(&asked));
    }
    if (!asked.seen.granted || !finq_directory_serves(directory, claim->skill))
        return finq_error_make(pool, FINQ_E_UNAUTHORIZED_TENANT, "The tenant may not use this skill on this host.");
    *app_key_id = asked.seen.key_id;
    return NULL;
}
