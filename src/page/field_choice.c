#include "field_html.h"

#include <apr_strings.h>
#include <string.h>

static void choice_html(const field_showing *show, const finq_field *field, const char *type, int place,
                        const finq_choice *choice)
{
    const char *id = apr_psprintf(show->pool, "%s-%d", field->id, place + 1);
    finq_html_open(show->to, "div");
    finq_html_put(show->to, "class", "choice");
    finq_html_open(show->to, "input");
    finq_html_put(show->to, "type", type);
    finq_html_put(show->to, "id", id);
    finq_html_put(show->to, "name", field->pointer);
    finq_html_put(show->to, "value", choice->value);
    finq_html_put_flag(show->to, "checked", finq_typed_has(show->typed, field->pointer, choice->value));
    finq_html_put_flag(show->to, "required", !field->is_optional && strcmp(type, "radio") == 0);
    finq_html_close(show->to);
    finq_html_open(show->to, "label");
    finq_html_put(show->to, "for", id);
    finq_html_text(show->to, choice->title);
    finq_html_close(show->to);
    finq_html_close(show->to);
}

void field_choice_set(const field_showing *show, const finq_field *field)
{
    field_html_open_set(show, field);
    for (int i = 0; i < field->choices->nelts; i++)
        choice_html(show, field, field->kind == FINQ_FIELD_BOXES ? "checkbox" : "radio", i,
                    &APR_ARRAY_IDX(field->choices, i, finq_choice));
    finq_html_close(show->to);
}

void field_choice_yes_no(const field_showing *show, const finq_field *field)
{
    const finq_choice yes = {"true", NULL, finq_words_say(show->words, "field.yes")};
    const finq_choice no = {"false", NULL, finq_words_say(show->words, "field.no")};
    field_html_open_set(show, field);
    choice_html(show, field, "radio", 0, &yes);
    choice_html(show, field, "radio", 1, &no);
    finq_html_close(show->to);
}

static void option(const field_showing *show, const char *value, const char *words, int is_chosen)
{
    finq_html_open(show->to, "option");
    finq_html_put(show->to, "value", value);
    finq_html_put_flag(show->to, "selected", is_chosen);
    finq_html_text(show->to, words);
    finq_html_close(show->to);
}

void field_choice_select(const field_showing *show, const finq_field *field)
{
    const char *value = finq_typed_get(show->typed, field->pointer);
    field_html_open(show, field, "div");
    field_html_label(show, field);
    finq_html_open(show->to, "select");
    finq_html_put(show->to, "id", field->id);
    finq_html_put(show->to, "name", field->pointer);
    finq_html_put(show->to, "autocomplete", field->complete);
    field_html_common(show, field);
    option(show, "", finq_words_say(show->words, "field.select"), 0);
    if (value && *value && !finq_field_choice(field, value)) /* of a code that is in no list of countries */
        option(show, value, value, 1);
    for (int i = 0; i < field->choices->nelts; i++) {
        const finq_choice *choice = &APR_ARRAY_IDX(field->choices, i, finq_choice);
        option(show, choice->value, choice->title, finq_typed_has(show->typed, field->pointer, choice->value));
    }
    finq_html_close(show->to);
    finq_html_close(show->to);
}

void field_choice_tick(const field_showing *show, const finq_field *field)
{
    field_html_open(show, field, "div");
    field_html_fault(show, field);
    finq_html_open(show->to, "div");
    finq_html_put(show->to, "class", "choice");
    finq_html_open(show->to, "input");
    finq_html_put(show->to, "type", "checkbox");
    finq_html_put(show->to, "id", field->id);
    finq_html_put(show->to, "name", field->pointer);
    finq_html_put(show->to, "value", "true");
    finq_html_put_flag(show->to, "checked", finq_typed_has(show->typed, field->pointer, "true"));
    field_html_common(show, field);
    finq_html_close(show->to);
    finq_html_open(show->to, "label");
    finq_html_put(show->to, "for", field->id);
    finq_html_text(show->to, field->title);
    finq_html_close(show->to);
    finq_html_close(show->to);
    field_html_hint(show, field);
    finq_html_close(show->to);
}
