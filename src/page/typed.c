#include "page/typed.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <string.h>

#include "field_schema.h"
#include "typed_number.h"

/* More rows than this nobody fills in by hand. */
#define ROWS_MOST 50
/* And that many in a whole form, beside those that its arrays must have: arrays in the rows of arrays would multiply. */
#define ROWS_MORE 100

struct finq_typed {
    apr_hash_t *values; /* name -> array of const char * */
    int room;           /* how many rows the form may have more */
    apr_pool_t *pool;
};

finq_typed *finq_typed_make(apr_pool_t *pool)
{
    finq_typed *typed = apr_palloc(pool, sizeof *typed);
    *typed = (finq_typed){apr_hash_make(pool), ROWS_MORE, pool};
    return typed;
}

static apr_array_header_t *values_of(const finq_typed *typed, const char *name)
{
    return apr_hash_get(typed->values, name, APR_HASH_KEY_STRING);
}

void finq_typed_add(finq_typed *typed, const char *name, const char *value)
{
    apr_array_header_t *values = values_of(typed, name);
    if (!values) {
        values = apr_array_make(typed->pool, 1, sizeof(const char *));
        apr_hash_set(typed->values, apr_pstrdup(typed->pool, name), APR_HASH_KEY_STRING, values);
    }
    APR_ARRAY_PUSH(values, const char *) = value;
}

void finq_typed_set(finq_typed *typed, const char *name, const char *value)
{
    apr_hash_set(typed->values, name, APR_HASH_KEY_STRING, NULL);
    if (value)
        finq_typed_add(typed, name, value);
}

const char *finq_typed_get(const finq_typed *typed, const char *name)
{
    const apr_array_header_t *values = values_of(typed, name);
    return values ? APR_ARRAY_IDX(values, 0, const char *) : NULL;
}

int finq_typed_has(const finq_typed *typed, const char *name, const char *value)
{
    const apr_array_header_t *values = values_of(typed, name);
    for (int i = 0; values && i < values->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(values, i, const char *), value) == 0)
            return 1;
    }
    return 0;
}

void finq_typed_each(const finq_typed *typed, int (*call)(void *baton, const char *name, const apr_array_header_t *values),
                     void *baton)
{
    for (apr_hash_index_t *i = apr_hash_first(typed->pool, typed->values); i; i = apr_hash_next(i)) {
        if (!call(baton, apr_hash_this_key(i), apr_hash_this_val(i)))
            return;
    }
}

/* ---- rows ---- */

static const char *count_name(const finq_typed *typed, const finq_field *rows)
{
    return apr_pstrcat(typed->pool, rows->pointer, FINQ_TYPED_COUNT, NULL);
}

static int limit_of(const finq_field *rows, const char *keyword, int otherwise)
{
    const json_t *limit = finq_field_fact(rows, keyword);
    json_int_t number = limit ? json_integer_value(limit) : otherwise;
    return number < 0 || number > ROWS_MOST ? ROWS_MOST : (int)number;
}

static int most_of(const finq_field *rows)
{
    return limit_of(rows, "maxItems", ROWS_MOST);
}

static int least_of(const finq_field *rows)
{
    const json_t *first = finq_field_fact(rows, "prefixItems");
    int least = limit_of(rows, "minItems", 1), most = most_of(rows);
    if (json_array_size(first) > (size_t)least)
        least = (int)json_array_size(first);
    if (least < 1)
        least = 1;
    return least > most ? most : least;
}

int finq_typed_rows(const finq_typed *typed, const finq_field *rows)
{
    const char *said = finq_typed_get(typed, count_name(typed, rows));
    apr_int64_t count = said ? apr_atoi64(said) : 0;
    int least = least_of(rows), most = most_of(rows);
    if (count < least)
        return least;
    return count > most ? most : (int)count;
}

static void rows_set(finq_typed *typed, const finq_field *rows, int count)
{
    finq_typed_set(typed, count_name(typed, rows), apr_itoa(typed->pool, count));
}

static void rows_bound(finq_typed *typed, const finq_field *field)
{
    int count = field->kind == FINQ_FIELD_ROWS ? finq_typed_rows(typed, field) : 0, least = count ? least_of(field) : 0, i;
    for (i = 0; field->fields && i < field->fields->nelts; i++)
        rows_bound(typed, APR_ARRAY_IDX(field->fields, i, const finq_field *));
    for (i = 0; i < count && (i < least || typed->room > 0); i++) {
        const finq_field *item = finq_field_item(field, i);
        typed->room -= i >= least;
        if (item)
            rows_bound(typed, item);
    }
    if (i < count)
        rows_set(typed, field, i);
}

void finq_typed_rows_bound(finq_typed *typed, const finq_field *form)
{
    typed->room = ROWS_MORE;
    rows_bound(typed, form);
}

int finq_typed_row_fits(const finq_typed *typed, const finq_field *rows)
{
    return typed->room > 0 && finq_typed_rows(typed, rows) < most_of(rows);
}

void finq_typed_row_add(finq_typed *typed, const finq_field *rows)
{
    if (finq_typed_row_fits(typed, rows))
        rows_set(typed, rows, finq_typed_rows(typed, rows) + 1);
}

/* The name that a row's name has once the row stands in another place; NULL for one that is not of the row. */
static const char *moved(const finq_typed *typed, const char *name, const char *from, const char *to)
{
    apr_size_t length = strlen(from);
    if (strncmp(name, from, length) != 0 || !strchr("/~", name[length]))
        return NULL;
    return apr_pstrcat(typed->pool, to, name + length, NULL);
}

static void row_move(finq_typed *typed, const char *from, const char *to)
{
    apr_array_header_t *names = apr_array_make(typed->pool, 8, sizeof(const char *));
    for (apr_hash_index_t *i = apr_hash_first(typed->pool, typed->values); i; i = apr_hash_next(i)) {
        const char *name = apr_hash_this_key(i);
        if (moved(typed, name, from, to ? to : ""))
            APR_ARRAY_PUSH(names, const char *) = name;
    }
    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        if (to)
            apr_hash_set(typed->values, moved(typed, name, from, to), APR_HASH_KEY_STRING, values_of(typed, name));
        apr_hash_set(typed->values, name, APR_HASH_KEY_STRING, NULL);
    }
}

static const char *row_pointer(const finq_typed *typed, const finq_field *rows, int place)
{
    return apr_psprintf(typed->pool, "%s/%d", rows->pointer, place);
}

void finq_typed_row_cut(finq_typed *typed, const finq_field *rows, int place)
{
    int count = finq_typed_rows(typed, rows);
    if (place < 0 || place >= count)
        return;
    row_move(typed, row_pointer(typed, rows, place), NULL);
    for (int i = place + 1; i < count; i++)
        row_move(typed, row_pointer(typed, rows, i), row_pointer(typed, rows, i - 1));
    rows_set(typed, rows, count - 1);
}

/* ---- from data ---- */

static const char *text_of(const finq_typed *typed, const json_t *value, const finq_numbers *numbers)
{
    return json_is_string(value) ? apr_pstrdup(typed->pool, json_string_value(value))
                                 : finq_json_text_spelt(value, numbers, typed->pool);
}

static void fill_array(finq_typed *typed, const char *pointer, const json_t *data, const finq_numbers *numbers)
{
    const json_t *item;
    size_t i;
    finq_typed_set(typed, apr_pstrcat(typed->pool, pointer, FINQ_TYPED_COUNT, NULL),
                   apr_itoa(typed->pool, (int)json_array_size(data)));
    json_array_foreach((json_t *)data, i, item)
    {
        if (!json_is_object(item) && !json_is_array(item)) /* what can be chosen stands under the array's own name */
            finq_typed_add(typed, pointer, text_of(typed, item, numbers));
        finq_typed_fill(typed, apr_psprintf(typed->pool, "%s/%" APR_SIZE_T_FMT, pointer, i), item, numbers);
    }
}

void finq_typed_fill(finq_typed *typed, const char *pointer, const json_t *data, const finq_numbers *numbers)
{
    const char *name;
    json_t *value;
    if (json_is_array(data))
        fill_array(typed, pointer, data, numbers);
    else if (json_is_object(data))
        json_object_foreach((json_t *)data, name, value) finq_typed_fill(
            typed, apr_pstrcat(typed->pool, pointer, "/", field_escaped(name, typed->pool), NULL), value, numbers);
    else if (data && !json_is_null(data))
        finq_typed_set(typed, pointer, text_of(typed, data, numbers));
}

void finq_typed_fill_presets(finq_typed *typed, const finq_field *group)
{
    for (int i = 0; i < group->fields->nelts; i++) {
        const finq_field *field = APR_ARRAY_IDX(group->fields, i, const finq_field *);
        finq_typed_fill(typed, field->pointer, finq_field_fact(field, "default"), NULL);
        if (field->kind == FINQ_FIELD_GROUP)
            finq_typed_fill_presets(typed, field);
    }
}

static void number_write(finq_typed *typed, const finq_field *field)
{
    const char *number = field->is_number ? finq_typed_get(typed, field->pointer) : NULL;
    if (number)
        finq_typed_set(typed, field->pointer, typed_number_written(number, field->source->words, 0, typed->pool));
    if (field->kind == FINQ_FIELD_GROUP)
        finq_typed_write(typed, field);
    for (int i = 0; field->kind == FINQ_FIELD_ROWS && i < finq_typed_rows(typed, field); i++) {
        const finq_field *item = finq_field_item(field, i);
        if (item)
            number_write(typed, item);
    }
}

void finq_typed_write(finq_typed *typed, const finq_field *group)
{
    for (int i = 0; i < group->fields->nelts; i++)
        number_write(typed, APR_ARRAY_IDX(group->fields, i, const finq_field *));
}

const char *finq_typed_amount(const finq_typed *typed, const finq_field *field)
{
    const finq_words *words = field->source->words;
    int is_amount = field->is_number && finq_field_fact(field, "x-unit");
    const char *text = is_amount ? finq_typed_get(typed, field->pointer) : NULL;
    const char *number = text ? typed_number(text, words, typed->pool) : NULL;
    return number ? typed_number_written(number, words, 1, typed->pool) : NULL;
}
