#include "page/field.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "field_schema.h"
#include "typed_number.h"

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

/* Something that would do, as people would type it: the first of the schema's `examples`. */
static const char *example_of(const finq_field *field)
{
    const json_t *one = json_array_get(finq_field_fact(field, "examples"), 0);
    const finq_words *words = field->source->words;
    apr_pool_t *pool = field->source->pool;
    if (field->is_number && (json_is_number(one) || json_is_string(one)))
        return typed_number_written(json_is_string(one) ? json_string_value(one) : finq_json_text(one, pool), words,
                                    finq_field_fact(field, "x-unit") != NULL, pool);
    return json_string_value(one);
}

/* What a field is about, and how its answer may look. */
static const char *hint_of(const finq_field *field)
{
    int is_typed = field->kind == FINQ_FIELD_TEXT || field->kind == FINQ_FIELD_AREA || field->kind == FINQ_FIELD_NUMBER;
    const char *description = text_at(field, "description"), *example = is_typed ? example_of(field) : NULL;
    if (!example || (description && strstr(description, example)))
        return description;
    example = finq_words_with(field->source->words, "field.example", field->source->pool, "example", example, NULL);
    return description ? apr_pstrcat(field->source->pool, description, " ", example, NULL) : example;
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
    *field = (finq_field){.id = id,
                          .pointer = pointer,
                          .name = name,
                          .required = required,
                          .above = above,
                          .source = above->source,
                          .depth = above->depth + 1};
    field->spot = apr_pmemdup(pool, spot, sizeof *spot);
    field->complete = complete_of(field);
    field->kind = field_kind(field);
    field->is_number = is_number(field);
    field->title = text_at(field, "title");
    if (!field->title)
        field->title = name ? finq_field_spoken(name, pool) : "";
    field->description = hint_of(field);
    field->is_needed = required && above->is_needed;
    field->is_optional = !required;
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
    members_make(field);
    return field;
}

/* The one member that people see; NULL for none, and for more. */
static finq_field *only_of(const apr_array_header_t *fields)
{
    finq_field *only = NULL;
    for (int i = 0; i < fields->nelts; i++) {
        finq_field *field = APR_ARRAY_IDX(fields, i, finq_field *);
        if (field->kind >= FINQ_FIELD_FIXED)
            continue;
        if (only || field->when)
            return NULL;
        only = field;
    }
    return only;
}

/* What is shown in a group's place is called as both are: "Account that pays: IBAN". A box to tick says all by itself. */
static void only_name(const finq_field *group)
{
    finq_field *shown = (finq_field *)finq_field_shown(group);
    apr_pool_t *pool = group->source->pool;
    shown->is_optional = shown->is_optional || (group->name && group->is_optional);
    if (!shown->description)
        shown->description = group->description;
    if (!*group->title || shown->kind == FINQ_FIELD_TICK || strcmp(group->title, shown->title) == 0)
        return;
    shown->title = text_at(shown, "title") ? finq_words_with(group->source->words, "field.in", pool, "group", group->title,
                                                             "field", shown->title, NULL)
                                           : group->title;
}

static void members_make(finq_field *group)
{
    apr_pool_t *pool = group->source->pool;
    if (group->kind != FINQ_FIELD_GROUP)
        return;
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
    group->only = *group->pointer ? only_of(fields) : NULL;
    if (group->only)
        only_name(group);
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

const finq_choice *finq_field_choice(const finq_field *field, const char *value)
{
    for (int i = 0; i < field->choices->nelts; i++) {
        const finq_choice *choice = &APR_ARRAY_IDX(field->choices, i, finq_choice);
        if (strcmp(choice->value, value) == 0)
            return choice;
    }
    return NULL;
}

int finq_field_is_single(const finq_field *rows)
{
    const json_t *least = finq_field_fact(rows, "minItems"), *most = finq_field_fact(rows, "maxItems");
    return rows->required && json_integer_value(least) == 1 && json_integer_value(most) == 1;
}

const finq_field *finq_field_shown(const finq_field *field)
{
    while (field->only)
        field = field->only;
    return field;
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
    finq_field *item =
        field_make(rows, apr_psprintf(pool, "%s-%d", rows->id, place + 1), finq_field_pointer(rows->pointer, at, pool), NULL,
                   &items, is_first || finq_field_is_single(rows));
    if (finq_field_is_single(rows))
        item->title = rows->title;
    else
        item->title = apr_psprintf(pool, "%s %d", *item->title ? item->title : rows->title, place + 1);
    members_make(item);
    return item;
}
