/* What was answered, in the words that it was asked with. */
#include "answer.h"

#include <apr_strings.h>
#include <string.h>

#include "typed_number.h"

static const char *typed_at(const answer_showing *show, const finq_field *field, const char *part)
{
    const char *text = finq_typed_get(show->typed, apr_pstrcat(show->pool, field->pointer, part, NULL));
    return text && *text ? text : NULL;
}

static const char *date_words(const answer_showing *show, const char *day, const char *month, const char *year)
{
    return finq_words_date(show->words, (int)apr_atoi64(typed_digits(day, show->pool)),
                           (int)apr_atoi64(typed_digits(month, show->pool)), (int)apr_atoi64(typed_digits(year, show->pool)),
                           show->pool);
}

/* A date's own text, 2030-01-02, and what stands behind it. */
static const char *day_of(const answer_showing *show, const char *text)
{
    return strlen(text) >= 10 ? date_words(show, text + 8, text + 5, text) : NULL;
}

static const char *moment_of(const answer_showing *show, const finq_field *field)
{
    const char *text = typed_at(show, field, ""), *day = text ? day_of(show, text) : NULL;
    return day && strlen(text) >= 16 ? apr_pstrcat(show->pool, day, ", ", apr_pstrmemdup(show->pool, text + 11, 5), NULL) : NULL;
}

static const char *line_of(const answer_showing *show, const finq_field *field)
{
    const char *text = field->kind == FINQ_FIELD_MOMENT ? moment_of(show, field) : finq_typed_amount(show->typed, field);
    if (!text)
        text = typed_at(show, field, "");
    return text && field->unit ? apr_pstrcat(show->pool, text, " ", field->unit, NULL) : text;
}

static const char *date_of(const answer_showing *show, const finq_field *field)
{
    const char *day = typed_at(show, field, FINQ_TYPED_DAY), *month = typed_at(show, field, FINQ_TYPED_MONTH),
               *year = typed_at(show, field, FINQ_TYPED_YEAR), *whole = typed_at(show, field, "");
    if (!day && whole)
        return day_of(show, whole);
    return day && month && year ? date_words(show, day, month, year) : NULL;
}

static const char *yes_or_no(const answer_showing *show, const finq_field *field)
{
    const char *text = typed_at(show, field, "");
    if (!text && field->kind != FINQ_FIELD_TICK)
        return NULL;
    return finq_words_say(show->words, text && strcmp(text, "true") == 0 ? "field.yes" : "field.no");
}

static const char *chosen_of(const answer_showing *show, const finq_field *field)
{
    const char *list = NULL;
    for (int i = 0; i < field->choices->nelts; i++) {
        const finq_choice *choice = &APR_ARRAY_IDX(field->choices, i, finq_choice);
        if (finq_typed_has(show->typed, field->pointer, choice->value))
            list = list ? apr_pstrcat(show->pool, list, ", ", choice->title, NULL) : choice->title;
    }
    return list;
}

static const char *text_of(const answer_showing *show, const finq_field *field)
{
    if (field->kind == FINQ_FIELD_DATE)
        return date_of(show, field);
    if (field->kind == FINQ_FIELD_TICK || field->kind == FINQ_FIELD_YES_NO)
        return yes_or_no(show, field);
    return field->choices ? chosen_of(show, field) : line_of(show, field);
}

/* What lies in a group stands below its title. */
static void group_put(const answer_showing *show, const finq_field *group)
{
    if (group->only || !*group->title) {
        answer_html(show, group);
        return;
    }
    finq_html_open(show->to, "div");
    finq_html_element(show->to, "dt", NULL, group->title);
    finq_html_open(show->to, "dd");
    finq_html_open(show->to, "dl");
    answer_html(show, group);
    finq_html_close(show->to);
    finq_html_close(show->to);
    finq_html_close(show->to);
}

static void field_put(const answer_showing *show, const finq_field *field)
{
    if (field->kind >= FINQ_FIELD_FIXED)
        return;
    if (field->kind == FINQ_FIELD_GROUP) {
        group_put(show, field);
        return;
    }
    for (int i = 0; field->kind == FINQ_FIELD_ROWS && i < finq_typed_rows(show->typed, field); i++) {
        const finq_field *item = finq_field_item(field, i);
        if (item)
            field_put(show, item);
    }
    if (field->kind == FINQ_FIELD_ROWS)
        return;
    const char *text = text_of(show, field);
    finq_html_open(show->to, "div");
    finq_html_element(show->to, "dt", NULL, field->title);
    finq_html_open(show->to, "dd");
    finq_html_element(show->to, "bdi", NULL, text ? text : "\xe2\x80\x93"); /* "+40…" is written so among Arabic too */
    finq_html_close(show->to);
    finq_html_close(show->to);
}

void answer_html(const answer_showing *show, const finq_field *group)
{
    const apr_array_header_t *wanted = finq_typed_wanted(show->typed, group);
    for (int i = 0; i < wanted->nelts; i++)
        field_put(show, APR_ARRAY_IDX(wanted, i, const finq_field *));
}
