#include "page/typed.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "typed_number.h"

/* How often conditions that hang on one another are looked at. */
#define ROUNDS 4

typedef struct {
    const finq_typed *typed;
    const finq_typed_own *own;
    const finq_words *words;
    apr_pool_t *pool;
} reading;

/* Each of these answers JSON, or NULL where nothing was typed. */
static const char *value_of(const reading *r, const finq_field *field);

/* Without the blanks around it; NULL where nothing is left. */
static const char *trimmed(const char *text, apr_pool_t *pool)
{
    while (text && apr_isspace(*text))
        text++;
    if (!text || !*text)
        return NULL;
    const char *end = text + strlen(text);
    while (apr_isspace(end[-1]))
        end--;
    return apr_pstrmemdup(pool, text, (apr_size_t)(end - text));
}

static const char *typed_at(const reading *r, const finq_field *field, const char *part)
{
    return trimmed(finq_typed_get(r->typed, apr_pstrcat(r->pool, field->pointer, part, NULL)), r->pool);
}

static const char *quoted(const char *text, apr_pool_t *pool)
{
    return finq_json_text(finq_json_own(json_string(text), pool), pool);
}

/* ---- texts ---- */

static const char *in_capitals(char *text)
{
    for (char *c = text; *c; c++)
        *c = (char)apr_toupper(*c);
    return text;
}

/* 0040 712 345 678 is +40712345678. */
static const char *telephone(const char *text, apr_pool_t *pool)
{
    char *digits = typed_without(typed_digits(text, pool), " ()-./", pool);
    return strncmp(digits, "00", 2) == 0 ? apr_pstrcat(pool, "+", digits + 2, NULL) : digits;
}

/* How people write what has one spelling; everything else stays as it was typed. */
static const char *text_meant(const reading *r, const finq_field *field, const char *text)
{
    const char *format = json_string_value(finq_field_fact(field, "format"));
    if (format && strcmp(format, "iban") == 0)
        return in_capitals(typed_without(text, " ", r->pool));
    if (field->complete && strcmp(field->complete, "tel") == 0)
        return telephone(text, r->pool);
    if (field->complete && strcmp(field->complete, "country") == 0 && strlen(text) == 2)
        return in_capitals(apr_pstrdup(r->pool, text));
    return field->kind == FINQ_FIELD_AREA ? typed_without(text, "\r", r->pool) : text;
}

static const char *text_value(const reading *r, const finq_field *field)
{
    const char *text = typed_at(r, field, "");
    const char *number = text && field->is_number ? typed_number(text, r->words, r->pool) : NULL;
    return text ? quoted(number ? number : text_meant(r, field, text), r->pool) : NULL;
}

/* ---- numbers ---- */

static const char *number_value(const reading *r, const finq_field *field)
{
    const char *text = typed_at(r, field, "");
    const char *number = text ? typed_number(text, r->words, r->pool) : NULL;
    return number || !text ? number : quoted(text, r->pool);
}

/* ---- dates ---- */

static const char *padded(const char *typed, int width, apr_pool_t *pool)
{
    const char *digits = typed ? typed_digits(typed, pool) : NULL;
    while (digits && (int)strlen(digits) < width)
        digits = apr_pstrcat(pool, "0", digits, NULL);
    return digits ? digits : "";
}

static const char *date_value(const reading *r, const finq_field *field)
{
    const char *day = typed_at(r, field, FINQ_TYPED_DAY), *month = typed_at(r, field, FINQ_TYPED_MONTH),
               *year = typed_at(r, field, FINQ_TYPED_YEAR);
    if (!day && !month && !year)
        return text_value(r, field); /* of a browser's own calendar, or of data */
    return quoted(
        apr_pstrcat(r->pool, padded(year, 0, r->pool), "-", padded(month, 2, r->pool), "-", padded(day, 2, r->pool), NULL),
        r->pool);
}

/* A browser says 2030-01-02T03:04, and the page says that it is UTC. */
static const char *moment_value(const reading *r, const finq_field *field)
{
    const char *text = typed_at(r, field, "");
    if (!text)
        return NULL;
    return quoted(apr_pstrcat(r->pool, text, strlen(text) == 16 ? ":00Z" : strlen(text) == 19 ? "Z" : "", NULL), r->pool);
}

/* ---- choices ---- */

static const char *chosen_value(const reading *r, const finq_field *field)
{
    const char *value = finq_typed_get(r->typed, field->pointer);
    const finq_choice *choice = value ? finq_field_choice(field, value) : NULL;
    if (choice)
        return choice->json;
    return value && *value ? quoted(value, r->pool) : NULL;
}

static const char *tick_value(const reading *r, const finq_field *field)
{
    int is_ticked = finq_typed_has(r->typed, field->pointer, "true");
    if (field->choices) /* one value, or none */
        return is_ticked ? "true" : NULL;
    return is_ticked ? "true" : "false";
}

static const char *yes_no_value(const reading *r, const finq_field *field)
{
    const char *value = finq_typed_get(r->typed, field->pointer);
    if (!value || !*value)
        return NULL;
    return strcmp(value, "true") == 0 || strcmp(value, "false") == 0 ? value : quoted(value, r->pool);
}

/* ---- what holds others ---- */

static const char *list_of(const apr_array_header_t *parts, const char *open, const char *close, apr_pool_t *pool)
{
    return apr_pstrcat(pool, open, apr_array_pstrcat(pool, parts, ','), close, NULL);
}

static const char *boxes_value(const reading *r, const finq_field *field)
{
    apr_array_header_t *parts = apr_array_make(r->pool, 4, sizeof(const char *));
    for (int i = 0; i < field->choices->nelts; i++) {
        const finq_choice *choice = &APR_ARRAY_IDX(field->choices, i, finq_choice);
        if (finq_typed_has(r->typed, field->pointer, choice->value))
            APR_ARRAY_PUSH(parts, const char *) = choice->json;
    }
    return parts->nelts > 0 || field->required ? list_of(parts, "[", "]", r->pool) : NULL;
}

static const char *rows_value(const reading *r, const finq_field *field)
{
    apr_array_header_t *parts = apr_array_make(r->pool, 4, sizeof(const char *));
    int count = finq_typed_rows(r->typed, field);
    for (int i = 0; i < count; i++) {
        const finq_field *item = finq_field_item(field, i);
        const char *value = item ? value_of(r, item) : NULL;
        if (value)
            APR_ARRAY_PUSH(parts, const char *) = value;
    }
    return parts->nelts > 0 || field->required ? list_of(parts, "[", "]", r->pool) : NULL;
}

/* Boxes that are not ticked say nothing of whether anybody filled the group in. */
static int is_telling(const finq_field *field, const char *value)
{
    return !(field->kind == FINQ_FIELD_TICK && strcmp(value, "false") == 0) && field->kind != FINQ_FIELD_FIXED;
}

/* The object of these members; `*tells` is set where one says that somebody filled it in. */
static const char *object_of(const reading *r, const apr_array_header_t *members, int *tells)
{
    apr_array_header_t *parts = apr_array_make(r->pool, 8, sizeof(const char *));
    for (int i = 0; i < members->nelts; i++) {
        const finq_field *member = APR_ARRAY_IDX(members, i, const finq_field *);
        const char *value = value_of(r, member);
        if (!value)
            continue;
        *tells = *tells || is_telling(member, value);
        APR_ARRAY_PUSH(parts, const char *) = apr_pstrcat(r->pool, quoted(member->name, r->pool), ":", value, NULL);
    }
    return list_of(parts, "{", "}", r->pool);
}

static const apr_array_header_t *applying(const reading *r, const finq_field *group, const char *object)
{
    apr_array_header_t *members = apr_array_make(r->pool, 8, sizeof(const finq_field *));
    finq_numbers *numbers = finq_numbers_make(r->pool);
    json_t *data;
    if (finq_json_stored(&data, numbers, object, r->pool) != NULL)
        return group->fields;
    for (int i = 0; i < group->fields->nelts; i++) {
        const finq_field *member = APR_ARRAY_IDX(group->fields, i, const finq_field *);
        if (finq_field_applies(member, data, numbers))
            APR_ARRAY_PUSH(members, const finq_field *) = member;
    }
    return members;
}

static int is_conditional(const finq_field *group)
{
    for (int i = 0; i < group->fields->nelts; i++) {
        if (APR_ARRAY_IDX(group->fields, i, const finq_field *)->when)
            return 1;
    }
    return 0;
}

static const apr_array_header_t *wanted_of(const reading *r, const finq_field *group);

/* Of a part: what is wanted of the whole. */
static const apr_array_header_t *wanted_in(const reading *r, const finq_field *part)
{
    apr_array_header_t *members = apr_array_make(r->pool, 8, sizeof(const finq_field *));
    const apr_array_header_t *wanted = wanted_of(r, part->whole);
    for (int i = 0; i < wanted->nelts; i++) {
        if (finq_field_is_among(part->fields, APR_ARRAY_IDX(wanted, i, const finq_field *)))
            APR_ARRAY_PUSH(members, const finq_field *) = APR_ARRAY_IDX(wanted, i, const finq_field *);
    }
    return members;
}

/* What one answer does away with may have asked for the next. */
static const apr_array_header_t *wanted_of(const reading *r, const finq_field *group)
{
    if (group->whole)
        return wanted_in(r, group);
    const apr_array_header_t *wanted = group->fields;
    int tells = 0, before = -1;
    for (int round = 0; is_conditional(group) && round < ROUNDS && wanted->nelts != before; round++) {
        before = wanted->nelts;
        wanted = applying(r, group, object_of(r, wanted, &tells));
    }
    return wanted;
}

static const char *group_value(const reading *r, const finq_field *field)
{
    int tells = field->required;
    const char *object = object_of(r, wanted_of(r, field), &tells);
    return tells ? object : NULL;
}

/* ---- the whole ---- */

/* What no person is asked: the page's own address, the moment, and what a text is unless it is said. */
static const char *hidden_value(const reading *r, const finq_field *field)
{
    const char *format = json_string_value(finq_field_fact(field, "format"));
    const char *preset = json_string_value(finq_field_fact(field, "default"));
    if (field->name && strcmp(field->name, "psu_redirect_link") == 0 && r->own->link)
        return quoted(r->own->link, r->pool);
    if (format && strcmp(format, "date-time") == 0 && r->own->moment)
        return quoted(r->own->moment, r->pool);
    return preset ? quoted(preset, r->pool) : NULL;
}

static const char *value_of(const reading *r, const finq_field *field)
{
    static const char *(*const values[])(const reading *, const finq_field *) = {
        [FINQ_FIELD_TEXT] = text_value,     [FINQ_FIELD_AREA] = text_value,     [FINQ_FIELD_NUMBER] = number_value,
        [FINQ_FIELD_DATE] = date_value,     [FINQ_FIELD_MOMENT] = moment_value, [FINQ_FIELD_TICK] = tick_value,
        [FINQ_FIELD_YES_NO] = yes_no_value, [FINQ_FIELD_RADIOS] = chosen_value, [FINQ_FIELD_SELECT] = chosen_value,
        [FINQ_FIELD_BOXES] = boxes_value,   [FINQ_FIELD_GROUP] = group_value,   [FINQ_FIELD_ROWS] = rows_value,
        [FINQ_FIELD_HIDDEN] = hidden_value,
    };
    if (field->kind == FINQ_FIELD_FIXED)
        return field->required ? APR_ARRAY_IDX(field->choices, 0, finq_choice).json : NULL;
    return values[field->kind](r, field);
}

const char *finq_typed_data(const finq_typed *typed, const finq_field *form, const finq_typed_own *own)
{
    const reading r = {typed, own, form->source->words, form->source->pool};
    return value_of(&r, form);
}

const apr_array_header_t *finq_typed_wanted(const finq_typed *typed, const finq_field *group)
{
    static const finq_typed_own nothing = {NULL, NULL};
    const reading r = {typed, &nothing, group->source->words, group->source->pool};
    return wanted_of(&r, group);
}

/* ---- what was not asked ---- */

static int is_unasked(const finq_typed *typed, const finq_field *field)
{
    if (field->when && !finq_typed_has(typed, FINQ_TYPED_SHOWN, field->pointer))
        return 1;
    if (field->kind == FINQ_FIELD_GROUP)
        return finq_typed_lacks(typed, field);
    for (int i = 0; field->kind == FINQ_FIELD_ROWS && i < finq_typed_rows(typed, field); i++) {
        const finq_field *item = finq_field_item(field, i);
        if (item && is_unasked(typed, item))
            return 1;
    }
    return 0;
}

int finq_typed_lacks(const finq_typed *typed, const finq_field *group)
{
    static const finq_typed_own nothing = {NULL, NULL};
    const reading r = {typed, &nothing, group->source->words, group->source->pool};
    const apr_array_header_t *wanted = wanted_of(&r, group);
    for (int i = 0; i < wanted->nelts; i++) {
        const finq_field *field = APR_ARRAY_IDX(wanted, i, const finq_field *);
        if (field->kind < FINQ_FIELD_FIXED && !value_of(&r, field) && is_unasked(typed, field))
            return 1;
    }
    return 0;
}
