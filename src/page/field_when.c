/* When a member is asked for: the conditions of a schema, answered here, and put so that a browser can. */
#include <string.h>

#include "field_schema.h"
#include "form/form.h"

/* ---- here ---- */

/* A condition's schema by itself may refer to the definitions of the whole. */
static int fits(const finq_field *field, const finq_condition *condition, const json_t *data, const finq_numbers *numbers)
{
    apr_pool_t *pool = field->source->pool;
    json_t *alone = finq_json_own(json_object(), pool), *defs = json_object_get(field_root(field->source).schema, "$defs");
    finq_form *form;
    json_object_set_new(alone, "allOf", json_pack("[O]", condition->schema));
    if (defs)
        json_object_set(alone, "$defs", defs);
    return finq_form_compile(&form, alone, pool) == NULL && finq_form_check(form, data, numbers, pool) == NULL;
}

int finq_field_applies(const finq_field *field, const json_t *data, const finq_numbers *numbers)
{
    int applies = !field->when;
    for (int i = 0; !applies && i < field->when->nelts; i++) {
        const apr_array_header_t *branch = APR_ARRAY_IDX(field->when, i, const apr_array_header_t *);
        applies = 1;
        for (int j = 0; applies && j < branch->nelts; j++) {
            const finq_condition *condition = &APR_ARRAY_IDX(branch, j, finq_condition);
            applies = fits(field, condition, data, numbers) == condition->holds;
        }
    }
    return applies;
}

/* ---- in a browser ---- */

static const finq_field *member_find(const finq_field *group, const char *name)
{
    for (int i = 0; i < group->fields->nelts; i++) {
        const finq_field *field = APR_ARRAY_IDX(group->fields, i, const finq_field *);
        if (strcmp(field->name, name) == 0)
            return field;
    }
    return NULL;
}

/* The values that a form has where a member is what its schema says, and nothing else of; NULL where it may be anything more. */
static json_t *values_of(const finq_field *member, const json_t *schema, int is_required)
{
    const json_t *one = json_object_get(schema, "const"), *some = json_object_get(schema, "enum");
    int is_box = member->kind == FINQ_FIELD_TICK;
    size_t count = one ? 1 : json_array_size(some);
    if (json_object_size(schema) != 1 || !count || member->kind >= FINQ_FIELD_BOXES || member->kind == FINQ_FIELD_DATE)
        return NULL;
    json_t *values = json_array();
    for (size_t i = 0; i < count; i++) {
        const json_t *value = one ? one : json_array_get(some, i);
        const char *text = json_is_string(value) ? json_string_value(value) : finq_json_text(value, member->source->pool);
        json_array_append_new(values, json_string(is_box && json_is_false(value) ? "" : text));
    }
    if (!is_required && !is_box)
        json_array_append_new(values, json_string(""));
    return values;
}

static int is_named(const json_t *names, const char *name)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        if (strcmp(json_string_value(json_array_get(names, i)), name) == 0)
            return 1;
    }
    return 0;
}

/* {name in the form: [values]}; NULL for a schema that says more. What is required alone has a value that is not known. */
static json_t *tests_of(const finq_condition *condition, const finq_field *group)
{
    const json_t *properties = json_object_get(condition->schema, "properties"),
                 *required = json_object_get(condition->schema, "required");
    json_t *tests = finq_json_own(json_object(), group->source->pool), *schema;
    const char *name;
    if (json_object_size(condition->schema) != (size_t)(properties != NULL) + (required != NULL))
        return NULL;
    json_object_foreach((json_t *)properties, name, schema)
    {
        const finq_field *member = member_find(group, name);
        json_t *values = member ? values_of(member, schema, is_named(required, name)) : NULL;
        if (!values)
            return NULL;
        json_object_set_new(tests, member->pointer, values);
    }
    for (size_t i = 0; i < json_array_size(required); i++) {
        if (!json_object_get(properties, json_string_value(json_array_get(required, i))))
            return NULL;
    }
    return tests;
}

const char *finq_field_when(const finq_field *field, const finq_field *group)
{
    json_t *branches = finq_json_own(json_array(), group->source->pool);
    for (int i = 0; i < field->when->nelts; i++) {
        const apr_array_header_t *branch = APR_ARRAY_IDX(field->when, i, const apr_array_header_t *);
        json_t *conditions = json_array();
        json_array_append_new(branches, conditions);
        for (int j = 0; j < branch->nelts; j++) {
            const finq_condition *condition = &APR_ARRAY_IDX(branch, j, finq_condition);
            json_t *tests = tests_of(condition, group);
            if (!tests)
                return NULL;
            json_array_append_new(conditions, json_pack("[bO]", condition->holds, tests));
        }
    }
    return finq_json_text(branches, group->source->pool);
}
