/* Which kind a field is, and what can be chosen in it. */
#include <string.h>

#include <apr_strings.h>

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

static int is_among(const json_t *values, const char *text)
{
    for (size_t i = 0; i < json_array_size(values); i++) {
        const char *one = json_string_value(json_array_get(values, i));
        if (one && strcmp(one, text) == 0)
            return 1;
    }
    return 0;
}

/* The countries of a list of codes, as the language sorts their names; NULL where some are none. */
static const apr_array_header_t *countries_among(const finq_field_source *source, const json_t *codes)
{
    const apr_array_header_t *all = finq_words_countries(source->words);
    apr_array_header_t *among = apr_array_make(source->pool, 8, sizeof(finq_choice));
    for (int i = 0; all && i < all->nelts; i++) {
        const finq_choice *country = &APR_ARRAY_IDX(all, i, finq_choice);
        if (is_among(codes, country->value))
            APR_ARRAY_PUSH(among, finq_choice) = *country;
    }
    return (size_t)among->nelts == json_array_size(codes) ? among : NULL;
}

/* Whether a member is called a country, by its name or by what a browser knows it as. */
static int is_country(const finq_field *field)
{
    static const char *const names[] = {"country", "nationality", "citizenship"};
    const char *name = field->name ? field->name : "", *last = strrchr(name, '_');
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(last ? last + 1 : name, names[i]) == 0)
            return 1;
    }
    return field->complete && strcmp(field->complete, "country") == 0;
}

static const apr_array_header_t *choices_of(const finq_field *field, const field_spot *spot)
{
    const finq_field_source *source = field->source;
    static const char *const lists[] = {"oneOf", "anyOf"};
    field_spot list;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        apr_array_header_t *choices = field_find(&list, source, spot, lists[i]) ? titled_choices(source, &list) : NULL;
        if (choices)
            return choices;
    }
    if (!field_find(&list, source, spot, "enum"))
        return NULL;
    const apr_array_header_t *countries = is_country(field) ? countries_among(source, list.schema) : NULL;
    if (countries)
        return countries;
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
static const apr_array_header_t *boxes_of(const finq_field *field)
{
    field_spot items, unique;
    if (has(field->source, field->spot, "prefixItems") || !field_find(&items, field->source, field->spot, "items") ||
        !field_find(&unique, field->source, field->spot, "uniqueItems"))
        return NULL;
    return json_is_true(unique.schema) ? choices_of(field, &items) : NULL;
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
    field->choices = boxes_of(field);
    return field->choices ? FINQ_FIELD_BOXES : FINQ_FIELD_ROWS;
}

/* Two letters, of what is called a country: a code of ISO 3166-1. */
static int is_country_code(const finq_field *field)
{
    const char *pattern = json_string_value(finq_field_fact(field, "pattern"));
    return pattern && strcmp(pattern, "^[A-Z]{2}$") == 0 && is_country(field) && finq_words_countries(field->source->words);
}

finq_field_kind field_kind(finq_field *field)
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
    field->choices = choices_of(field, field->spot);
    if (field->choices)
        return field->choices->nelts <= RADIOS_MOST ? FINQ_FIELD_RADIOS : FINQ_FIELD_SELECT;
    if (is_country_code(field)) {
        field->choices = finq_words_countries(field->source->words);
        return FINQ_FIELD_SELECT;
    }
    return kind_of_type(field, type_of(field->source, field->spot));
}
