#include "form_tree.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

/* Longest list of values that a message spells out. */
enum { MESSAGE_MAX = 240 };

/* Prices, in steps of one to three nanoseconds. */
enum { VALUE_PRICE = 40, REAL_PRICE = 800, SORT_PRICE = 300 };

static int numbers_equal(const json_t *a, const json_t *b, const finq_numbers *numbers, apr_int64_t *work)
{
    if (json_is_integer(a) && json_is_integer(b))
        return json_integer_value(a) == json_integer_value(b);
    *work -= 2 * REAL_PRICE;
    finq_number left = finq_number_read(a, numbers), right = finq_number_read(b, numbers);
    *work -= left.count;
    return finq_number_compare(&left, &right) == 0;
}

static int strings_equal(const json_t *a, const json_t *b, apr_int64_t *work)
{
    apr_size_t length = json_string_length(a);
    if (length != json_string_length(b))
        return 0;
    *work -= (apr_int64_t)length;
    return memcmp(json_string_value(a), json_string_value(b), length) == 0;
}

static int arrays_equal(const json_t *a, const json_t *b, const finq_numbers *numbers, apr_int64_t *work)
{
    apr_size_t count = json_array_size(a);
    if (count != json_array_size(b))
        return 0;
    for (apr_size_t i = 0; i < count; i++) {
        if (!form_value_equal(json_array_get(a, i), json_array_get(b, i), numbers, work))
            return 0;
    }
    return 1;
}

static int objects_equal(const json_t *a, const json_t *b, const finq_numbers *numbers, apr_int64_t *work)
{
    const char *name;
    json_t *member;
    if (json_object_size(a) != json_object_size(b))
        return 0;
    json_object_foreach((json_t *)a, name, member)
    {
        *work -= (apr_int64_t)strlen(name);
        const json_t *other = json_object_get(b, name);
        if (!other || !form_value_equal(member, other, numbers, work))
            return 0;
    }
    return 1;
}

int form_value_equal(const json_t *a, const json_t *b, const finq_numbers *numbers, apr_int64_t *work)
{
    *work -= VALUE_PRICE;
    if (*work < 0)
        return 0;
    if (json_is_number(a) && json_is_number(b))
        return numbers_equal(a, b, numbers, work);
    if (json_typeof(a) != json_typeof(b))
        return 0;
    switch (json_typeof(a)) {
    case JSON_STRING:
        return strings_equal(a, b, work);
    case JSON_ARRAY:
        return arrays_equal(a, b, numbers, work);
    case JSON_OBJECT:
        return objects_equal(a, b, numbers, work);
    default:
        return 1;
    }
}

/* FNV-1a with a final stir. Whoever makes values collide makes them be compared one by one, which the work
 * allowed ends: it is the sender's own request that is refused. */
static apr_uint64_t hash_bytes(apr_uint64_t hash, const void *bytes, apr_size_t length)
{
    const unsigned char *byte = bytes;
    for (apr_size_t i = 0; i < length; i++)
        hash = (hash ^ byte[i]) * 0x100000001b3ULL;
    return hash ^ hash >> 29;
}

static apr_uint64_t hash_value(const json_t *value, const finq_numbers *numbers, apr_int64_t *work);

static apr_uint64_t hash_object(const json_t *object, const finq_numbers *numbers, apr_int64_t *work)
{
    const char *name;
    json_t *member;
    apr_uint64_t sum = 7;
    json_object_foreach((json_t *)object, name, member)
    {
        *work -= (apr_int64_t)strlen(name);
        sum += hash_bytes(hash_value(member, numbers, work), name, strlen(name)); /* a sum: members have no order */
    }
    return hash_bytes(11, &sum, sizeof sum);
}

static apr_uint64_t hash_array(const json_t *array, const finq_numbers *numbers, apr_int64_t *work)
{
    apr_uint64_t hash = 13;
    json_t *item;
    apr_size_t i;
    json_array_foreach((json_t *)array, i, item)
    {
        apr_uint64_t below = hash_value(item, numbers, work);
        hash = hash_bytes(hash, &below, sizeof below);
    }
    return hash;
}

static apr_uint64_t hash_number(const json_t *value, const finq_numbers *numbers, apr_int64_t *work)
{
    *work -= json_is_real(value) ? REAL_PRICE : 0;
    finq_number number = finq_number_read(value, numbers);
    apr_uint64_t hash = hash_bytes(17, finq_number_digits(&number), (apr_size_t)number.count);
    *work -= number.count;
    return hash_bytes(hash + (apr_uint64_t)number.negative, &number.exponent, sizeof number.exponent);
}

static apr_uint64_t hash_value(const json_t *value, const finq_numbers *numbers, apr_int64_t *work)
{
    *work -= VALUE_PRICE;
    if (*work < 0)
        return 0;
    switch (json_typeof(value)) {
    case JSON_INTEGER:
    case JSON_REAL:
        return hash_number(value, numbers, work);
    case JSON_OBJECT:
        return hash_object(value, numbers, work);
    case JSON_ARRAY:
        return hash_array(value, numbers, work);
    case JSON_STRING:
        *work -= (apr_int64_t)json_string_length(value);
        return hash_bytes(19, json_string_value(value), json_string_length(value));
    default:
        return (apr_uint64_t)json_typeof(value);
    }
}

typedef struct {
    apr_uint64_t hash;
    const json_t *value;
} hashed;

static int hashed_order(const void *a, const void *b)
{
    const hashed *left = a, *right = b;
    return (left->hash > right->hash) - (left->hash < right->hash);
}

/* Equal values have equal hashes, so only a run of one hash needs comparing. */
static int run_unique(const hashed *run, const hashed *end, const finq_numbers *numbers, apr_int64_t *work)
{
    for (const hashed *other = run + 1; other < end && other->hash == run->hash; other++) {
        if (form_value_equal(run->value, other->value, numbers, work) || *work < 0)
            return 0;
    }
    return 1;
}

int form_value_unique(const json_t *array, const finq_numbers *numbers, apr_int64_t *work, apr_pool_t *pool)
{
    apr_size_t count = json_array_size(array);
    *work -= (apr_int64_t)count * SORT_PRICE;
    if (*work < 0 || count < 2)
        return 1;
    apr_pool_t *scratch;
    apr_pool_create(&scratch, pool);
    hashed *items = apr_palloc(scratch, sizeof *items * count);
    for (apr_size_t i = 0; i < count; i++)
        items[i] = (hashed){hash_value(json_array_get(array, i), numbers, work), json_array_get(array, i)};
    qsort(items, count, sizeof *items, hashed_order);
    int unique = 1;
    for (apr_size_t i = 0; unique && *work >= 0 && i < count; i++)
        unique = run_unique(items + i, items + count, numbers, work);
    apr_pool_destroy(scratch);
    return unique;
}

const char *form_values_message(const json_t *values, apr_pool_t *pool)
{
    apr_size_t count = json_array_size(values);
    const char *list = "";
    for (apr_size_t i = 0; i < count && strlen(list) <= MESSAGE_MAX; i++) {
        const char *text = finq_json_text(json_array_get(values, i), pool);
        list = apr_pstrcat(pool, list, i ? ", " : "", text ? text : "", NULL);
    }
    if (strlen(list) > MESSAGE_MAX)
        return apr_psprintf(pool, "must be one of the %" APR_SIZE_T_FMT " values that the form lists", count);
    return apr_pstrcat(pool, count == 1 ? "must be " : "must be one of ", list, NULL);
}

apr_int64_t form_value_length(const json_t *string)
{
    const char *text = json_string_value(string);
    apr_int64_t count = 0;
    for (apr_size_t i = 0; i < json_string_length(string); i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}
