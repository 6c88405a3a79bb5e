#include "page/prefill.h"

#include <apr_strings.h>
#include <string.h>

#include "page/field.h"

/* Rows that are looked at in all, about as many as a form shows: making their fields costs much more than reading them. */
#define ROWS_MOST 150

typedef struct {
    apr_array_header_t *strangers;
    const char *step;
    int rows; /* that may still be looked at */
    apr_pool_t *pool;
} look;

static void field_look(look *l, const finq_field *field, const json_t *value);

static const finq_field *member_named(const finq_field *group, const char *name)
{
    for (int i = 0; i < group->fields->nelts; i++) {
        const finq_field *field = APR_ARRAY_IDX(group->fields, i, const finq_field *);
        if (strcmp(field->name, name) == 0)
            return field;
    }
    return NULL;
}

static void stranger_add(look *l, const char *pointer)
{
    APR_ARRAY_PUSH(l->strangers, const char *) = apr_pstrcat(l->pool, l->step, pointer, NULL);
}

static void group_look(look *l, const finq_field *group, const json_t *data)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)data, name, value)
    {
        const finq_field *field = member_named(group, name);
        if (field)
            field_look(l, field, value);
        else
            stranger_add(l, finq_field_pointer(group->pointer, name, l->pool));
    }
}

static void rows_look(look *l, const finq_field *rows, const json_t *data)
{
    for (size_t i = 0; i < json_array_size(data) && l->rows-- > 0; i++) {
        const finq_field *item = finq_field_item(rows, (int)i);
        if (item)
            field_look(l, item, json_array_get(data, i));
        else
            stranger_add(l, apr_psprintf(l->pool, "%s/%" APR_SIZE_T_FMT, rows->pointer, i));
    }
}

static void field_look(look *l, const finq_field *field, const json_t *value)
{
    if (field->kind == FINQ_FIELD_GROUP)
        group_look(l, field, value);
    else if (field->kind == FINQ_FIELD_ROWS)
        rows_look(l, field, value);
}

apr_array_header_t *finq_prefill_strangers(const json_t *prefill, const json_t *skill, const finq_words *words, apr_pool_t *pool)
{
    look l = {apr_array_make(pool, 4, sizeof(const char *)), NULL, ROWS_MOST, pool};
    finq_field_source *source = apr_palloc(pool, sizeof *source);
    json_t *step;
    size_t place;
    json_array_foreach(json_object_get(skill, "steps"), place, step)
    {
        const json_t *data;
        l.step = finq_json_string(step, "name");
        data = json_object_get(prefill, l.step);
        *source = (finq_field_source){skill, (int)place, words, pool};
        if (data)
            group_look(&l, finq_field_form(source), data);
    }
    return l.strangers;
}
