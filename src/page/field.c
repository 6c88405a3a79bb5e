#include "page/field.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "field_schema.h"

/* ---- choices ---- */

static void choice_add(apr_array_header_t *choices, const json_t *value, const char *title, apr_pool_t *pool)
{
    const char *json = finq_json_text(value, pool), *text = json_is_string(value) ? json_string_value(value) : json;
    finq_choice *choice = apr_array_push(choices);
    *choice = (finq_choice){text, json, title ? title : text};
}

/* The words of a list of consts; NULL where some are none. */
static apr_array_header_t *titled_choices(const finq_field_source *source, const field_spot *list)
{
    apr_array_header_t *choices = apr_array_make(source->pool, 8, sizeof(finq_choice));
    for (size_t i = 0; i < json_array_size(list->schema); i++) {
        const json_t *one = json_array_get(list->schema, i), *value = json_object_get(one, "const");
        if (!value)
            return NULL;
        choice_add(choices, value,
                   finq_field_text(source, apr_psprintf(source->pool, "%s/%" APR_SIZE_T_FMT "/title", list->pointer, i)),
                   source->pool);
    }
    return choices->nelts > 0 ? choices : NULL;
}

static apr_array_header_t *choices_of(const finq_field_source *source, const field_spot *spot)
{
    static const char *const lists[] = {"oneOf", "anyOf"};
    field_spot list;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        apr_array_header_t *choices = field_find(&list, source, spot, lists[i]) ? titled_choices(source, &list) : NULL;
        if (choices)
            return choices;
    }
    if (!field_find(&list, source, spot, "enum"))
        return NULL;
    apr_array_header_t *choices = apr_array_make(source->pool, 8, sizeof(finq_choice));
    for (size_t i = 0; i < json_array_size(list.schema); i++)
        choice_add(choices, json_array_get(list.schema, i), NULL, source->pool);
    return choices;
}

/* ---- which kind ---- */

#define RADIOS_MOST 6
#define LINE_MOST 255

static int has(const finq_field_source *source, const field_spot *spot, const char *keyword)
{
    field_spot found;
    return field_find(&found, source, spot, keyword);
}

/* The type that a person's answer has; "" where the schema does not say. */
static const char *type_of(const finq_field_source *source, const field_spot *spot)
{
    static const char *const hints[][2] = {{"properties", "object"}, {"items", "array"},    {"prefixItems", "array"},
                                           {"minimum", "number"},    {"maximum", "number"}, {"multipleOf", "number"}};
    field_spot found;
    if (field_find(&found, source, spot, "type")) {
        size_t i = 0;
        while (json_is_array(found.schema) && i + 1 < json_array_size(found.schema) &&
               strcmp(json_string_value(json_array_get(found.schema, i)), "null") == 0)
            i++;
        return json_string_value(json_is_array(found.schema) ? json_array_get(found.schema, i) : found.schema);
    }
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        if (has(source, spot, hints[i][0]))
            return hints[i][1];
    }
    return "";
}

static finq_field_kind kind_of_string(const finq_field_source *source, const field_spot *spot)
{
    field_spot found;
    const char *format = field_find(&found, source, spot, "format") ? json_string_value(found.schema) : "";
    if (strcmp(format, "date") == 0)
        return FINQ_FIELD_DATE;
    if (strcmp(format, "date-time") == 0)
        return FINQ_FIELD_MOMENT;
    return field_find(&found, source, spot, "maxLength") && json_integer_value(found.schema) > LINE_MOST ? FINQ_FIELD_AREA
                                                                                                         : FINQ_FIELD_TEXT;
}

/* An array of what can be chosen, each once. */
static const apr_array_header_t *boxes_of(const finq_field_source *source, const field_spot *spot)
{
    field_spot items, unique;
    if (has(source, spot, "prefixItems") || !field_find(&items, source, spot, "items") ||
        !field_find(&unique, source, spot, "uniqueItems"))
        return NULL;
    return json_is_true(unique.schema) ? choices_of(source, &items) : NULL;
}

static finq_field_kind kind_of_type(finq_field *field, const char *type)
{
    if (strcmp(type, "boolean") == 0)
        return field->required && !finq_field_fact(field, "default") ? FINQ_FIELD_YES_NO : FINQ_FIELD_TICK;
    if (strcmp(type, "integer") == 0 || strcmp(type, "number") == 0)
        return FINQ_FIELD_NUMBER;
    if (strcmp(type, "object") == 0)
        return FINQ_FIELD_GROUP;
    if (strcmp(type, "null") == 0)
        return FINQ_FIELD_HIDDEN;
    if (strcmp(type, "array") != 0)
        return kind_of_string(field->source, field->spot);
    field->choices = boxes_of(field->source, field->spot);
    return field->choices ? FINQ_FIELD_BOXES : FINQ_FIELD_ROWS;
}

static finq_field_kind kind_of(finq_field *field)
{
    const json_t *constant = finq_field_fact(field, "const");
    if (json_is_true(finq_field_fact(field, "x-hidden")) || (field->name && strcmp(field->name, "psu_redirect_link") == 0))
        return FINQ_FIELD_HIDDEN;
    if (constant) {
        apr_array_header_t *choices = apr_array_make(field->source->pool, 1, sizeof(finq_choice));
        choice_add(choices, constant, NULL, field->source->pool);
        field->choices = choices;
        return json_is_true(constant) ? FINQ_FIELD_TICK : FINQ_FIELD_FIXED;
    }
    field->choices = choices_of(field->source, field->spot);
    if (field->choices)
        return field->choices->nelts <= RADIOS_MOST ? FINQ_FIELD_RADIOS : FINQ_FIELD_SELECT;
    return kind_of_type(field, type_of(field->source, field->spot));
}

/* ---- words ---- */

const char *finq_field_spoken(const char *name, apr_pool_t *pool)
{
    char *spoken = apr_pstrdup(pool, name ? name : "");
    for (char *c = spoken; *c; c++) {
        if (*c == '_')
            *c = ' ';
    }
    *spoken = (char)apr_toupper(*spoken);
    return spoken;
}

static const char *text_at(const finq_field *field, const char *keyword)
{
    field_spot found;
    return field_find(&found, field->source, field->spot, keyword) ? finq_field_text(field->source, found.pointer) : NULL;
}

/* `x-unit` is a word, or the name of the member beside it that a person chooses the unit with. */
static const char *unit_of(const finq_field *field, const finq_field *group)
{
    if (field->kind == FINQ_FIELD_MOMENT)
        return "UTC";
    const char *unit = json_string_value(finq_field_fact(field, "x-unit"));
    for (int i = 0; unit && group && i < group->fields->nelts; i++) {
        const finq_field *beside = APR_ARRAY_IDX(group->fields, i, const finq_field *);
        if (beside->name && strcmp(beside->name, unit) == 0)
            return NULL;
    }
    const char *words =
        unit ? finq_words_find(field->source->words, apr_pstrcat(field->source->pool, "unit.", unit, NULL)) : NULL;
    return words ? words : unit;
}

/* A text with a unit is a number too: an amount of money, whose digits are all kept. */
static int is_number(const finq_field *field)
{
    return field->kind == FINQ_FIELD_NUMBER ||
           (field->kind == FINQ_FIELD_TEXT && finq_field_fact(field, "x-unit") && !finq_field_fact(field, "format"));
}

/* What the step itself says of a member of its form. */
static const char *ui_token(const finq_field *field)
{
    const json_t *step = json_array_get(json_object_get(field->source->skill, "steps"), (size_t)field->source->step);
    const json_t *tokens = json_object_get(json_object_get(step, "ui"), "autocomplete");
    return field->depth == 1 && field->name ? finq_json_string(tokens, field->name) : NULL;
}

/* What browsers and their helpers fill in by themselves (HTML, autofill). */
static const char *complete_of(const finq_field *field)
{
    static const char *const tokens[][2] = {
        {"first_name", "given-name"},
        {"given_name", "given-name"},
        {"last_name", "family-name"},
        {"family_name", "family-name"},
        {"name", "name"},
        {"full_name", "name"},
        {"birth_date", "bday"},
        {"date_of_birth", "bday"},
        {"email", "email"},
        {"phone", "tel"},
        {"telephone", "tel"},
        {"mobile", "tel"},
        {"street", "street-address"},
        {"address_line", "address-line1"},
        {"city", "address-level2"},
        {"town", "address-level2"},
        {"postal_code", "postal-code"},
        {"postcode", "postal-code"},
        {"country", "country"},
        {"employer", "organization"},
    };
    const char *format = json_string_value(finq_field_fact(field, "format")), *own = ui_token(field);
    if (own)
        return own;
    for (size_t i = 0; field->name && i < sizeof tokens / sizeof *tokens; i++) {
        if (strcmp(tokens[i][0], field->name) == 0)
            return tokens[i][1];
    }
    return format && strcmp(format, "email") == 0 ? "email" : NULL;
}

/* ---- building ---- */

#define DEEPEST 6

static void members_make(finq_field *group);

/* A member that a branch requires is asked for where one does; what only branches describe, where one does that. */
static const apr_array_header_t *when_of(const field_member *member)
{
    const apr_array_header_t *branches = member->is_plain ? member->required : member->described;
    return branches->nelts ? branches : NULL;
}

static finq_field *field_make(const finq_field *above, const char *id, const char *pointer, const char *name,
                              const field_spot *spot, int required)
{
    apr_pool_t *pool = above->source->pool;
    finq_field *field = apr_pcalloc(pool, sizeof *field);
    *field = (finq_field){
        .id = id, .pointer = pointer, .name = name, .required = required, .source = above->source, .depth = above->depth + 1};
    field->spot = apr_pmemdup(pool, spot, sizeof *spot);
    field->kind = kind_of(field);
    field->is_number = is_number(field);
    field->title = text_at(field, "title");
    if (!field->title)
        field->title = name ? finq_field_spoken(name, pool) : "";
    field->description = text_at(field, "description");
    field->complete = complete_of(field);
    field->is_needed = required && above->is_needed;
    if (field->kind == FINQ_FIELD_GROUP)
        members_make(field);
    return field;
}

const char *finq_field_pointer(const char *pointer, const char *name, apr_pool_t *pool)
{
    return apr_pstrcat(pool, pointer, "/", field_escaped(name, pool), NULL);
}

static finq_field *member_make(const finq_field *group, const field_member *member, const char *id)
{
    int is_required = field_requires(group->source, group->spot, member->name);
    const apr_array_header_t *when = is_required ? NULL : when_of(member);
    if (when && member->required->nelts >= when->nelts)
        is_required = 1;
    finq_field *field = field_make(group, id, finq_field_pointer(group->pointer, member->name, group->source->pool), member->name,
                                   &member->spot, is_required);
    field->when = when;
    return field;
}

static void members_make(finq_field *group)
{
    apr_pool_t *pool = group->source->pool;
    apr_array_header_t *fields = apr_array_make(pool, 8, sizeof(const finq_field *));
    apr_array_header_t *members = group->depth < DEEPEST ? field_members(group->source, group->spot) : NULL;
    group->fields = fields;
    for (int i = 0; members && i < members->nelts; i++)
        APR_ARRAY_PUSH(fields, const finq_field *) =
            member_make(group, &APR_ARRAY_IDX(members, i, field_member), apr_psprintf(pool, "%s-%d", group->id, i + 1));
    for (int i = 0; i < fields->nelts; i++) {
        finq_field *field = APR_ARRAY_IDX(fields, i, finq_field *);
        field->unit = unit_of(field, group);
    }
}

const finq_field *finq_field_form(const finq_field_source *source)
{
    finq_field *form = apr_pcalloc(source->pool, sizeof *form);
    field_spot *spot = apr_palloc(source->pool, sizeof *spot);
    *spot = field_root(source);
    *form = (finq_field){.kind = FINQ_FIELD_GROUP,
                         .id = "f",
                         .pointer = "",
                         .title = "",
                         .required = 1,
                         .is_needed = 1,
                         .spot = spot,
                         .source = source};
    members_make(form);
    return form;
}

int finq_field_is_among(const apr_array_header_t *fields, const finq_field *field)
{
    for (int i = 0; i < fields->nelts; i++) {
        if (APR_ARRAY_IDX(fields, i, const finq_field *) == field)
            return 1;
    }
    return 0;
}

const json_t *finq_field_fact(const finq_field *field, const char *keyword)
{
    field_spot found;
    return field_find(&found, field->source, field->spot, keyword) ? found.schema : NULL;
}

const char *finq_field_place(const finq_field *field)
{
    return field->spot->pointer;
}

const finq_field *finq_field_item(const finq_field *rows, int place)
{
    apr_pool_t *pool = rows->source->pool;
    field_spot list, items;
    const char *at = apr_itoa(pool, place);
    int is_first = field_find(&list, rows->source, rows->spot, "prefixItems") && (size_t)place < json_array_size(list.schema);
    if (is_first)
        items = (field_spot){json_array_get(list.schema, (size_t)place), apr_pstrcat(pool, list.pointer, "/", at, NULL)};
    else if (!field_find(&items, rows->source, rows->spot, "items"))
        items = (field_spot){NULL, ""};
    if (json_is_false(items.schema) || rows->depth >= DEEPEST)
        return NULL;
    finq_field *item = field_make(rows, apr_psprintf(pool, "%s-%d", rows->id, place + 1),
                                  finq_field_pointer(rows->pointer, at, pool), NULL, &items, is_first);
    if (!*item->title)
        item->title = apr_psprintf(pool, "%s %d", rows->title, place + 1);
    return item;
}
