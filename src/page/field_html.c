#include "field_html.h"

#include <apr_strings.h>
#include <string.h>

static void field_html(const field_showing *show, const finq_field *field);

static const char *value_of(const field_showing *show, const finq_field *field)
{
    return finq_typed_get(show->typed, field->pointer);
}

/* ---- boxes ---- */

static void limit(const field_showing *show, const finq_field *field, const char *keyword, const char *attribute)
{
    const json_t *value = finq_field_fact(field, keyword);
    if (json_is_integer(value))
        finq_html_put_integer(show->to, attribute, json_integer_value(value));
}

typedef struct {
    const char *type, *mode, *capitals;
    int is_plain; /* no dictionary's word */
} box_kind;

static box_kind box_of(const finq_field *field)
{
    const char *format = json_string_value(finq_field_fact(field, "format"));
    const json_t *type = finq_field_fact(field, "type");
    if (field->is_number)
        return (box_kind){"text", json_is_string(type) && strcmp(json_string_value(type), "integer") == 0 ? "numeric" : "decimal",
                          NULL, 1};
    if (field->kind == FINQ_FIELD_MOMENT)
        return (box_kind){"datetime-local", NULL, NULL, 1};
    if (format && strcmp(format, "email") == 0)
        return (box_kind){"email", "email", NULL, 1};
    if (format && strcmp(format, "uri") == 0)
        return (box_kind){"url", "url", NULL, 1};
    if (format && strcmp(format, "iban") == 0)
        return (box_kind){"text", NULL, "characters", 1};
    if (field->complete && strcmp(field->complete, "tel") == 0)
        return (box_kind){"tel", "tel", NULL, 1};
    if (field->complete && (strcmp(field->complete, "country") == 0 || strcmp(field->complete, "postal-code") == 0))
        return (box_kind){"text", NULL, "characters", 1};
    return (box_kind){"text", NULL, NULL, 0};
}

/* A short answer has a short box, so that its width tells what is wanted. */
static const char *width_of(const finq_field *field)
{
    const json_t *most = finq_field_fact(field, "maxLength");
    if (field->is_number || field->unit || (most && json_integer_value(most) <= 12))
        return "short";
    return NULL;
}

static void input(const field_showing *show, const finq_field *field)
{
    box_kind box = box_of(field);
    const char *value = value_of(show, field);
    if (field->kind == FINQ_FIELD_MOMENT && value && strlen(value) > 16)
        value = apr_pstrmemdup(show->pool, value, 16);
    finq_html_open(show->to, "input");
    finq_html_put(show->to, "type", box.type);
    finq_html_put(show->to, "id", field->id);
    finq_html_put(show->to, "name", field->pointer);
    finq_html_put(show->to, "class", width_of(field));
    finq_html_put(show->to, "value", value);
    finq_html_put(show->to, "inputmode", box.mode);
    finq_html_put(show->to, "autocomplete", field->complete);
    finq_html_put(show->to, "autocapitalize", box.capitals);
    finq_html_put(show->to, "spellcheck", box.is_plain ? "false" : NULL);
    if (field->kind == FINQ_FIELD_TEXT && !(box.capitals || box.mode)) /* others are written with blanks that do not count */
        limit(show, field, "maxLength", "maxlength");
    field_html_common(show, field);
    finq_html_close(show->to);
}

static void text_html(const field_showing *show, const finq_field *field)
{
    field_html_open(show, field, "div");
    field_html_label(show, field);
    if (field->unit) {
        finq_html_open(show->to, "div");
        finq_html_put(show->to, "class", "with-unit");
    }
    input(show, field);
    if (field->unit) {
        finq_html_element(show->to, "span", "unit", field->unit);
        finq_html_close(show->to);
    }
    finq_html_close(show->to);
}

static void area_html(const field_showing *show, const finq_field *field)
{
    field_html_open(show, field, "div");
    field_html_label(show, field);
    finq_html_open(show->to, "textarea");
    finq_html_put(show->to, "id", field->id);
    finq_html_put(show->to, "name", field->pointer);
    finq_html_put(show->to, "rows", "5");
    limit(show, field, "maxLength", "maxlength");
    field_html_common(show, field);
    finq_html_text(show->to, "\n"); /* HTML passes over a first line end */
    finq_html_text(show->to, value_of(show, field));
    finq_html_close(show->to);
    finq_html_close(show->to);
}

/* ---- a date in three parts ---- */

/* A part as it was typed, or out of a whole date. */
static const char *part_of(const field_showing *show, const finq_field *field, const char *part, int from, int length)
{
    const char *typed = finq_typed_get(show->typed, apr_pstrcat(show->pool, field->pointer, part, NULL));
    const char *whole = value_of(show, field);
    if (typed || !whole || strlen(whole) != 10)
        return typed;
    return apr_pstrmemdup(show->pool, whole + from, (apr_size_t)length);
}

static void date_part(const field_showing *show, const finq_field *field, const char *part, const char *word, int from,
                      int length)
{
    const char *id = apr_pstrcat(show->pool, field->id, "-", part + 1, NULL);
    int is_birth = field->complete && strcmp(field->complete, "bday") == 0;
    finq_html_open(show->to, "div");
    finq_html_open(show->to, "label");
    finq_html_put(show->to, "for", id);
    finq_html_text(show->to, finq_words_say(show->words, word));
    finq_html_close(show->to);
    finq_html_open(show->to, "input");
    finq_html_put(show->to, "type", "text");
    finq_html_put(show->to, "id", id);
    finq_html_put(show->to, "name", apr_pstrcat(show->pool, field->pointer, part, NULL));
    finq_html_put(show->to, "class", length == 4 ? "year" : "part");
    finq_html_put(show->to, "inputmode", "numeric");
    finq_html_put_integer(show->to, "maxlength", length);
    finq_html_put(show->to, "autocomplete", is_birth ? apr_pstrcat(show->pool, "bday-", strrchr(word, '.') + 1, NULL) : NULL);
    finq_html_put(show->to, "value", part_of(show, field, part, from, length));
    finq_html_put(show->to, "aria-invalid", finq_problem_at(show->problems, field) ? "true" : NULL);
    finq_html_put_flag(show->to, "required", !field->is_optional);
    finq_html_close(show->to);
    finq_html_close(show->to);
}

static void date_html(const field_showing *show, const finq_field *field)
{
    field_html_open_set(show, field);
    finq_html_open(show->to, "div");
    finq_html_put(show->to, "class", "date");
    date_part(show, field, FINQ_TYPED_DAY, "date.day", 8, 2);
    date_part(show, field, FINQ_TYPED_MONTH, "date.month", 5, 2);
    date_part(show, field, FINQ_TYPED_YEAR, "date.year", 0, 4);
    finq_html_close(show->to);
    finq_html_close(show->to);
}

/* ---- what holds others ---- */

static void group_html(const field_showing *show, const finq_field *field)
{
    if (field->only) {
        field_html(show, field->only);
        return;
    }
    field_html_open_set(show, field);
    finq_html_open(show->to, "div");
    finq_html_put(show->to, "class", "group");
    finq_html_put(show->to, "id", field->id);
    finq_html_put(show->to, "tabindex", "-1");
    field_html_members(show, field);
    finq_html_close(show->to);
    finq_html_close(show->to);
}

static void act_button(const field_showing *show, const char *act, const char *words)
{
    finq_html_open(show->to, "button");
    finq_html_put(show->to, "class", "small");
    finq_html_put(show->to, "name", "act");
    finq_html_put(show->to, "value", act);
    finq_html_put_flag(show->to, "formnovalidate", 1);
    finq_html_text(show->to, words);
    finq_html_close(show->to);
}

static void row_html(const field_showing *show, const finq_field *rows, int place, int can_go)
{
    const finq_field *item = finq_field_item(rows, place);
    if (!item)
        return;
    finq_html_open(show->to, "div");
    finq_html_put(show->to, "class", "row");
    field_html(show, item);
    if (can_go)
        act_button(show, apr_psprintf(show->pool, "cut:%s:%d", rows->pointer, place),
                   finq_words_with(show->words, "rows.cut", show->pool, "row", item->title, NULL));
    finq_html_close(show->to);
}

/* The one row that there can be, without a heading of its own. */
static void single_html(const field_showing *show, const finq_field *field)
{
    const finq_field *item = finq_field_item(field, 0);
    if (item && item->kind == FINQ_FIELD_GROUP && !item->only)
        field_html_members(show, item);
    else if (item)
        field_html(show, item);
}

static void rows_html(const field_showing *show, const finq_field *field)
{
    int count = finq_typed_rows(show->typed, field);
    if (finq_field_is_single(field)) {
        single_html(show, field);
        return;
    }
    field_html_open_set(show, field);
    finq_html_open(show->to, "input");
    finq_html_put(show->to, "type", "hidden");
    finq_html_put(show->to, "name", apr_pstrcat(show->pool, field->pointer, FINQ_TYPED_COUNT, NULL));
    finq_html_put_integer(show->to, "value", count);
    finq_html_close(show->to);
    finq_html_open(show->to, "div");
    finq_html_put(show->to, "class", "group");
    finq_html_put(show->to, "id", field->id);
    finq_html_put(show->to, "tabindex", "-1");
    for (int i = 0; i < count; i++)
        row_html(show, field, i, count > 1);
    if (finq_typed_row_fits(show->typed, field))
        act_button(show, apr_pstrcat(show->pool, "add:", field->pointer, NULL), finq_words_say(show->words, "rows.add"));
    finq_html_close(show->to);
    finq_html_close(show->to);
}

/* Whether it is one list of countries too many: then its code is typed. */
static int is_list_too_many(const field_showing *show, const finq_field *field)
{
    return field->choices && field->choices == finq_words_countries(field->source->words) &&
           (*show->country_lists)++ >= FIELD_COUNTRY_LISTS;
}

static void field_html(const field_showing *show, const finq_field *field)
{
    static void (*const shown[])(const field_showing *, const finq_field *) = {
        [FINQ_FIELD_TEXT] = text_html,
        [FINQ_FIELD_AREA] = area_html,
        [FINQ_FIELD_NUMBER] = text_html,
        [FINQ_FIELD_DATE] = date_html,
        [FINQ_FIELD_MOMENT] = text_html,
        [FINQ_FIELD_TICK] = field_choice_tick,
        [FINQ_FIELD_YES_NO] = field_choice_yes_no,
        [FINQ_FIELD_RADIOS] = field_choice_set,
        [FINQ_FIELD_SELECT] = field_choice_select,
        [FINQ_FIELD_BOXES] = field_choice_set,
        [FINQ_FIELD_GROUP] = group_html,
        [FINQ_FIELD_ROWS] = rows_html,
    };
    if (is_list_too_many(show, field))
        text_html(show, field);
    else if (field->kind != FINQ_FIELD_FIXED && field->kind != FINQ_FIELD_HIDDEN)
        shown[field->kind](show, field);
}

/* What is not asked for stands in a template, which only a script takes it out of. */
static void conditional_html(const field_showing *show, const finq_field *group, const finq_field *field, int is_wanted)
{
    const char *when = finq_field_when(field, group);
    if (!is_wanted && !when)
        return;
    finq_html_open(show->to, is_wanted ? "div" : "template");
    finq_html_put(show->to, "class", "when");
    finq_html_put(show->to, "data-when", when);
    finq_html_open(show->to, "input");
    finq_html_put(show->to, "type", "hidden");
    finq_html_put(show->to, "name", FINQ_TYPED_SHOWN);
    finq_html_put(show->to, "value", field->pointer);
    finq_html_close(show->to);
    field_html(show, field);
    finq_html_close(show->to);
}

void field_html_members(const field_showing *show, const finq_field *group)
{
    const apr_array_header_t *wanted = finq_typed_wanted(show->typed, group);
    for (int i = 0; i < group->fields->nelts; i++) {
        const finq_field *field = APR_ARRAY_IDX(group->fields, i, const finq_field *);
        if (field->when && field->kind < FINQ_FIELD_FIXED)
            conditional_html(show, group, field, finq_field_is_among(wanted, field));
        else
            field_html(show, field);
    }
}
