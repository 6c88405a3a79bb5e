#include "crypto/data_key.h"

#include <apr_strings.h>
#include <string.h>

#include "crypto/derive.h"
#include "crypto/mac.h"
#include "crypto/secret_file.h"
#include "crypto/secrets.h"

#define VERSION 1
#define ID FINQ_DATA_KEY_ID_BYTES
#define HEAD (1 + ID + 16)                       /* of a wrapped key: version, the wrapping key's id, the owner */
#define SEALED_OVERHEAD (1 + FINQ_SIV_TAG_BYTES) /* a version, then the tag */

typedef struct {
    unsigned char id[ID], user[FINQ_USER_MAC_BYTES];
    finq_siv *wrap;
} wrapping_key;

struct finq_data_keys {
    wrapping_key keys[FINQ_SECRET_FILE_MOST];
    int count;
};

struct finq_data_key {
    finq_id owner;
    unsigned char bytes[FINQ_DATA_KEY_BYTES];
    finq_siv *seal;
};

static const finq_bytes no_salt = {NULL, 0};

static finq_error *failed(apr_pool_t *pool, const char *what)
{
    return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "data key: %s failed", what);
}

/* ---- the file ---- */

/* An AES-256-SIV key for one purpose. */
static finq_error *derive_siv(finq_siv **siv, finq_bytes secret, const char *purpose, apr_pool_t *pool)
{
    unsigned char key[FINQ_SIV_KEY_BYTES];
    finq_error *error = finq_derive(key, sizeof key, secret, no_salt, purpose)
                            ? finq_siv_make(siv, (finq_bytes){key, sizeof key}, pool)
                            : failed(pool, "deriving");
    finq_wipe(key, sizeof key);
    return error;
}

static finq_error *key_take(void *baton, const unsigned char *bytes, apr_size_t length, apr_pool_t *pool)
{
    finq_data_keys *keys = baton;
    wrapping_key *key = &keys->keys[keys->count++];
    finq_bytes secret = {bytes, length};
    if (!finq_derive(key->id, sizeof key->id, secret, no_salt, "mod_finq data key id") ||
        !finq_derive(key->user, sizeof key->user, secret, no_salt, "mod_finq data key person"))
        return failed(pool, "deriving");
    return derive_siv(&key->wrap, secret, "mod_finq data key wrap", pool);
}

static apr_status_t keys_wipe(void *value)
{
    finq_wipe(value, sizeof(finq_data_keys));
    return APR_SUCCESS;
}

finq_error *finq_data_keys_load(finq_data_keys **out, const char *path, apr_pool_t *pool)
{
    finq_data_keys *keys = apr_pcalloc(pool, sizeof *keys);
    apr_pool_cleanup_register(pool, keys, keys_wipe, apr_pool_cleanup_null);
    FINQ_TRY(finq_secret_file_read(path, key_take, keys, pool));
    *out = keys;
    return NULL;
}

int finq_data_keys_count(const finq_data_keys *keys)
{
    return keys->count;
}

finq_bytes finq_data_keys_id(const finq_data_keys *keys, int place)
{
    return (finq_bytes){keys->keys[place].id, ID};
}

finq_error *finq_data_keys_user_mac(unsigned char mac[FINQ_USER_MAC_BYTES], const finq_data_keys *keys, int place,
                                    const finq_id *client_id, const char *tenant_user_id, apr_pool_t *pool)
{
    apr_size_t length = strlen(tenant_user_id);
    unsigned char *text = apr_palloc(pool, sizeof client_id->bytes + length + 1);
    memcpy(text, client_id->bytes, sizeof client_id->bytes);
    memcpy(text + sizeof client_id->bytes, tenant_user_id, length + 1);
    return finq_mac_with(mac, (finq_mac_piece){keys->keys[place].user, sizeof keys->keys[place].user},
                         (finq_mac_piece){text, sizeof client_id->bytes + length}, pool);
}

/* ---- wrapping ---- */

static finq_error *wrap(finq_bytes *wrapped, const finq_data_keys *keys, const finq_id *owner, const unsigned char *bytes,
                        apr_pool_t *pool)
{
    unsigned char *out = apr_palloc(pool, FINQ_DATA_KEY_WRAPPED);
    finq_bytes head = {out, HEAD};
    out[0] = VERSION;
    memcpy(out + 1, keys->keys[0].id, ID);
    memcpy(out + 1 + ID, owner->bytes, sizeof owner->bytes);
    *wrapped = (finq_bytes){out, FINQ_DATA_KEY_WRAPPED};
    return finq_siv_seal(out + HEAD, keys->keys[0].wrap, head, (finq_bytes){bytes, FINQ_DATA_KEY_BYTES}, pool);
}

finq_error *finq_data_key_make(finq_bytes *wrapped, const finq_data_keys *keys, const finq_id *owner, apr_pool_t *pool)
{
    unsigned char bytes[FINQ_DATA_KEY_BYTES];
    FINQ_TRY(finq_random(bytes, sizeof bytes, pool));
    finq_error *error = wrap(wrapped, keys, owner, bytes, pool);
    finq_wipe(bytes, sizeof bytes);
    return error;
}

static finq_error *not_ours(apr_pool_t *pool)
{
    return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR,
                               "a wrapped data key is none that this server's keys have wrapped,"
                               " or was altered since");
}

static finq_error *key_lacking(const finq_id *owner, const unsigned char *id, apr_pool_t *pool)
{
    return finq_error_internal(pool, FINQ_E_SERVICE_UNAVAILABLE,
                               "the data key of session %s is wrapped by the key %02x%02x%02x%02x, which is not in this server's"
                               " data-key file (FinqDataKey)",
                               finq_id_text(owner, pool), id[0], id[1], id[2], id[3]);
}

static const wrapping_key *key_find(const finq_data_keys *keys, const unsigned char *id)
{
    for (int i = 0; i < keys->count; i++) {
        if (memcmp(keys->keys[i].id, id, ID) == 0)
            return &keys->keys[i];
    }
    return NULL;
}

/* The bytes of a data key; the caller wipes them. */
static finq_error *unwrap(unsigned char *bytes, finq_id *owner, const finq_data_keys *keys, finq_bytes wrapped, apr_pool_t *pool)
{
    int intact;
    if (wrapped.length != FINQ_DATA_KEY_WRAPPED || wrapped.data[0] != VERSION)
        return not_ours(pool);
    finq_bytes head = {wrapped.data, HEAD}, rest = {wrapped.data + HEAD, wrapped.length - HEAD};
    memcpy(owner->bytes, wrapped.data + 1 + ID, sizeof owner->bytes);
    const wrapping_key *key = key_find(keys, wrapped.data + 1);
    if (!key)
        return key_lacking(owner, wrapped.data + 1, pool);
    FINQ_TRY(finq_siv_open(&intact, bytes, key->wrap, head, rest, pool));
    return intact ? NULL : not_ours(pool);
}

static apr_status_t key_wipe(void *value)
{
    finq_wipe(value, sizeof(finq_data_key));
    return APR_SUCCESS;
}

finq_error *finq_data_key_unwrap(finq_data_key **out, const finq_data_keys *keys, finq_bytes wrapped, apr_pool_t *pool)
{
    finq_data_key *key = apr_pcalloc(pool, sizeof *key);
    apr_pool_cleanup_register(pool, key, key_wipe, apr_pool_cleanup_null);
    FINQ_TRY(unwrap(key->bytes, &key->owner, keys, wrapped, pool));
    FINQ_TRY(derive_siv(&key->seal, (finq_bytes){key->bytes, sizeof key->bytes}, "mod_finq data", pool));
    *out = key;
    return NULL;
}

finq_error *finq_data_key_rewrap(finq_bytes *rewrapped, const finq_data_keys *keys, finq_bytes wrapped, apr_pool_t *pool)
{
    unsigned char bytes[FINQ_DATA_KEY_BYTES];
    finq_id owner;
    finq_error *error = unwrap(bytes, &owner, keys, wrapped, pool);
    if (!error)
        error = wrap(rewrapped, keys, &owner, bytes, pool);
    finq_wipe(bytes, sizeof bytes);
    return error;
}

const finq_id *finq_data_key_owner(const finq_data_key *key)
{
    return &key->owner;
}

/* ---- values ---- */

/* What is authenticated with a value: the version, whose row it is, the kind with its NUL, and which row. */
static finq_bytes place_bytes(const finq_data_place *place, apr_pool_t *pool)
{
    const apr_size_t of = sizeof place->of->bytes, kind = strlen(place->kind) + 1, length = 1 + of + kind + place->row.length;
    unsigned char *bytes = apr_palloc(pool, length);
    bytes[0] = VERSION;
    memcpy(bytes + 1, place->of->bytes, of);
    memcpy(bytes + 1 + of, place->kind, kind);
    memcpy(bytes + 1 + of + kind, place->row.data, place->row.length);
    return (finq_bytes){bytes, length};
}

/* With the NUL behind a text, so that an empty one can be sealed too. */
finq_error *finq_data_key_seal(finq_bytes *sealed, const finq_data_key *key, finq_data_place place, const char *text,
                               apr_pool_t *pool)
{
    *sealed = (finq_bytes){NULL, 0};
    if (!text)
        return NULL;
    apr_size_t length = strlen(text) + 1;
    unsigned char *out = apr_palloc(pool, SEALED_OVERHEAD + length);
    out[0] = VERSION;
    *sealed = (finq_bytes){out, SEALED_OVERHEAD + length};
    return finq_siv_seal(out + 1, key->seal, place_bytes(&place, pool), (finq_bytes){(const unsigned char *)text, length}, pool);
}

finq_error *finq_data_key_open(const char **text, const finq_data_key *key, finq_data_place place, finq_bytes sealed,
                               apr_pool_t *pool)
{
    char *out = NULL;
    int intact = 0;
    *text = NULL;
    if (!sealed.data)
        return NULL;
    if (sealed.length > SEALED_OVERHEAD && sealed.data[0] == VERSION) {
        finq_bytes rest = {sealed.data + 1, sealed.length - 1};
        out = apr_palloc(pool, sealed.length - SEALED_OVERHEAD);
        FINQ_TRY(finq_siv_open(&intact, (unsigned char *)out, key->seal, place_bytes(&place, pool), rest, pool));
    }
    if (!intact)
        return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR,
                                   "a sealed value (%s, session %s) does not open: it was altered, or is another row's",
                                   place.kind, finq_id_text(&key->owner, pool));
    *text = out;
    return NULL;
}

finq_error *finq_data_key_derive(unsigned char *derived, apr_size_t length, const finq_data_key *key, finq_bytes salt,
                                 const char *purpose, apr_pool_t *pool)
{
    return finq_derive(derived, length, (finq_bytes){key->bytes, sizeof key->bytes}, salt, purpose) ? NULL
                                                                                                    : failed(pool, "deriving");
}
