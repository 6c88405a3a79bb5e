#include "page/part.h"

#include <apr_strings.h>
#include <string.h>

#include "field_schema.h"

static const json_t *pages_of(const finq_field *form)
{
    const json_t *step = json_array_get(json_object_get(form->source->skill, "steps"), (size_t)form->source->step);
    return json_object_get(json_object_get(step, "ui"), "pages");
}

int finq_part_count(const finq_field *form)
{
    size_t count = json_array_size(pages_of(form));
    return count > 0 ? (int)count : 1;
}

const char *finq_part_title(const finq_field *form, int place)
{
    const finq_field_source *source = form->source;
    return finq_field_text(source, apr_psprintf(source->pool, "/steps/%d/ui/pages/%d/title", source->step, place));
}

/* Where a member stands: on the page that names it, else on the last. */
static int place_of(const finq_field *form, const char *name)
{
    const json_t *pages = pages_of(form), *page, *one;
    size_t i, j;
    json_array_foreach((json_t *)pages, i, page)
    {
        const json_t *members = json_is_object(page) ? json_object_get(page, "members") : page;
        json_array_foreach((json_t *)members, j, one)
        {
            if (strcmp(json_string_value(one), name) == 0)
                return (int)i;
        }
    }
    return finq_part_count(form) - 1;
}

const finq_field *finq_part_of(const finq_field *form, int place)
{
    apr_pool_t *pool = form->source->pool;
    apr_array_header_t *fields = apr_array_make(pool, 8, sizeof(const finq_field *));
    finq_field *part = apr_pmemdup(pool, form, sizeof *form);
    for (int i = 0; i < form->fields->nelts; i++) {
        const finq_field *field = APR_ARRAY_IDX(form->fields, i, const finq_field *);
        if (place_of(form, field->name) == place)
            APR_ARRAY_PUSH(fields, const finq_field *) = field;
    }
    part->fields = fields;
    part->whole = form;
    return part;
}

/* Whether a pointer, or the name of what was typed there, is a field's or of what lies in it. */
static int is_of(const char *pointer, const finq_field *field)
{
    apr_size_t length = strlen(field->pointer);
    return strncmp(pointer, field->pointer, length) == 0 && strchr("/~", pointer[length]);
}

static int has(const finq_field *part, const char *pointer)
{
    for (int i = 0; part && i < part->fields->nelts; i++) {
        if (is_of(pointer, APR_ARRAY_IDX(part->fields, i, const finq_field *)))
            return 1;
    }
    return 0;
}

int finq_part_find(const finq_field *form, const char *pointer)
{
    for (int i = 0; i < form->fields->nelts; i++) {
        const finq_field *field = APR_ARRAY_IDX(form->fields, i, const finq_field *);
        if (is_of(pointer, field))
            return place_of(form, field->name);
    }
    return -1;
}

int finq_part_asks(const finq_field *part, const finq_typed *typed)
{
    const apr_array_header_t *wanted = finq_typed_wanted(typed, part);
    for (int i = 0; i < wanted->nelts; i++) {
        if (APR_ARRAY_IDX(wanted, i, const finq_field *)->kind < FINQ_FIELD_FIXED)
            return 1;
    }
    return 0;
}

typedef struct {
    const finq_field *shown;
    const finq_typed *preset;
    int is_blank;
} blank_look;

static int is_preset(void *baton, const char *name, const apr_array_header_t *values)
{
    blank_look *look = baton;
    for (int i = 0; has(look->shown, name) && i < values->nelts; i++) {
        const char *value = APR_ARRAY_IDX(values, i, const char *);
        look->is_blank &= !*value || finq_typed_has(look->preset, name, value);
    }
    return look->is_blank;
}

int finq_part_is_blank(const finq_field *shown, const finq_typed *typed)
{
    finq_typed *preset = finq_typed_make(shown->source->pool);
    blank_look look = {shown, preset, 1};
    finq_typed_fill_presets(preset, shown);
    finq_typed_write(preset, shown);
    finq_typed_each(typed, is_preset, &look);
    return look.is_blank;
}

finq_error *finq_part_check(apr_array_header_t **problems, const finq_part_answers *answers, const finq_field *part)
{
    apr_pool_t *pool = part->source->pool;
    finq_error *error = finq_form_check(answers->form, answers->data, answers->numbers, pool);
    *problems = apr_array_make(pool, 4, sizeof(finq_problem));
    if (!error)
        return NULL;
    const apr_array_header_t *all = finq_problems_of(error, part->whole, answers->typed);
    for (int i = 0; i < all->nelts; i++) {
        const finq_problem *problem = &APR_ARRAY_IDX(all, i, finq_problem);
        if (problem->pointer && has(part, problem->pointer))
            APR_ARRAY_PUSH(*problems, finq_problem) = *problem;
    }
    return (*problems)->nelts > 0 ? error : NULL;
}

/* ---- what travels ---- */

static int is_member(const char *name)
{
    return *name == '/' || strcmp(name, FINQ_TYPED_SHOWN) == 0;
}

/* What this value is of: that a member was shown is of that member. */
static const char *member_of(const char *name, const char *value)
{
    return strcmp(name, FINQ_TYPED_SHOWN) == 0 ? value : name;
}

typedef struct {
    const finq_field *left_out;
    json_t *kept;
} part_keeping;

static int keep_one(void *baton, const char *name, const apr_array_header_t *values)
{
    part_keeping *keeping = baton;
    json_t *list = is_member(name) ? json_array() : NULL;
    for (int i = 0; list && i < values->nelts; i++) {
        const char *value = APR_ARRAY_IDX(values, i, const char *);
        if (!has(keeping->left_out, member_of(name, value)))
            json_array_append_new(list, json_string(value));
    }
    if (list && json_array_size(list) > 0)
        json_object_set(keeping->kept, name, list);
    json_decref(list);
    return 1;
}

json_t *finq_part_keep(const finq_typed *typed, const finq_field *part, apr_pool_t *pool)
{
    part_keeping keeping = {part, finq_json_own(json_object(), pool)};
    finq_typed_each(typed, keep_one, &keeping);
    return keeping.kept;
}

void finq_part_gather(finq_typed *typed, const json_t *kept, const finq_field *part)
{
    const char *name;
    json_t *values, *value;
    size_t i;
    json_object_foreach((json_t *)kept, name, values)
    {
        json_array_foreach(values, i, value)
        {
            if (!has(part, member_of(name, json_string_value(value))))
                finq_typed_add(typed, name, json_string_value(value));
        }
    }
}
