#include "flow/sealed_tree.h"

#include <apr_encode.h>
#include <string.h>

#include "flow/sealed.h"

finq_bytes finq_sealed_bytes(const char *digits, apr_pool_t *pool)
{
    finq_bytes bytes = {NULL, 0};
    if (digits)
        bytes.data = apr_pdecode_base16_binary(pool, digits, APR_ENCODE_STRING, APR_ENCODE_NONE, &bytes.length);
    return bytes;
}

static int is_whose(const char *kind)
{
    return strcmp(kind, FINQ_SEALED_USER) == 0;
}

/* A MAC or an id names the row; whose a session is is bound to the data key alone. */
static finq_bytes row_of(const json_t *sealed, const char *kind, const finq_data_key *key, finq_id *id, apr_pool_t *pool)
{
    const char *mac = finq_json_string(sealed, "mac");
    *id = *finq_data_key_owner(key);
    if (mac)
        return finq_sealed_bytes(mac, pool);
    if (!is_whose(kind))
        finq_id_parse(id, finq_json_string(sealed, "id"));
    return (finq_bytes){id->bytes, sizeof id->bytes};
}

static finq_error *value_open(json_t **value, const json_t *sealed, const finq_data_key *key, finq_sealed_tree *o)
{
    const char *kind = finq_json_string(sealed, "kind"), *text;
    json_t *beside = json_object_get(sealed, "beside");
    finq_id of, id;
    finq_id_parse(&of, finq_json_string(sealed, "of"));
    finq_data_place place = {kind, &of, row_of(sealed, kind, key, &id, o->pool)};
    FINQ_TRY(finq_data_key_open(&text, key, place, finq_sealed_bytes(finq_json_string(sealed, "sealed"), o->pool), o->pool));
    if (is_whose(kind) || strcmp(kind, FINQ_SEALED_LINK) == 0 || strcmp(kind, FINQ_SEALED_TRANSACTION) == 0)
        *value = finq_json_own(json_string(text), o->pool);
    else
        FINQ_TRY(finq_json_stored(value, o->numbers, text, o->pool));
    if (json_is_object(beside))
        json_object_update(*value, beside);
    return NULL;
}

static int is_sealed(const json_t *value)
{
    return json_is_object(value) && json_object_get(value, "sealed");
}

static finq_error *member_open(json_t *object, const char *name, const json_t *sealed, const finq_data_key *key,
                               finq_sealed_tree *o)
{
    json_t *value;
    int is_shown = o->with_data || is_whose(finq_json_string(sealed, "kind"));
    if (is_shown && key) {
        FINQ_TRY(value_open(&value, sealed, key, o));
        json_object_set(object, name, value);
        return NULL;
    }
    o->lacks_key |= is_shown;
    json_object_del(object, name);
    return NULL;
}

/* With the key around it, where an object brings none of its own. */
static finq_error *tree_open(json_t *tree, finq_data_key *key, finq_sealed_tree *o)
{
    const char *name, *wrapped = json_string_value(json_object_get(tree, "data_key"));
    json_t *child;
    void *next;
    size_t i;
    if (wrapped && o->keys)
        FINQ_TRY(finq_data_key_unwrap(&key, o->keys, finq_sealed_bytes(wrapped, o->pool), o->pool));
    json_object_del(tree, "data_key");
    json_object_foreach_safe(tree, next, name, child)
        FINQ_TRY(is_sealed(child) ? member_open(tree, name, child, key, o) : tree_open(child, key, o));
    json_array_foreach(tree, i, child) FINQ_TRY(tree_open(child, key, o));
    return NULL;
}

finq_error *finq_sealed_tree_open(finq_sealed_tree *opening, json_t *tree)
{
    return tree_open(tree, NULL, opening);
}
