#include "field_html.h"

#include <apr_strings.h>

static const char *id_with(const field_showing *show, const finq_field *field, const char *end)
{
    return apr_pstrcat(show->pool, field->id, end, NULL);
}

void field_html_hint(const field_showing *show, const finq_field *field)
{
    if (!field->description)
        return;
    finq_html_open(show->to, "p");
    finq_html_put(show->to, "class", "hint");
    finq_html_put(show->to, "id", id_with(show, field, "-hint"));
    finq_html_text(show->to, field->description);
    finq_html_close(show->to);
}

void field_html_fault(const field_showing *show, const finq_field *field)
{
    const finq_problem *problem = finq_problem_at(show->problems, field);
    if (!problem)
        return;
    finq_html_open(show->to, "p");
    finq_html_put(show->to, "class", "fault");
    finq_html_put(show->to, "id", id_with(show, field, "-fault"));
    finq_html_element(show->to, "span", "aside", finq_words_say(show->words, "problem.mark"));
    finq_html_text(show->to, problem->words);
    finq_html_close(show->to);
}

static void title(const field_showing *show, const finq_field *field)
{
    finq_html_text(show->to, field->title);
    if (field->is_optional && field->kind != FINQ_FIELD_TICK && field->name) { /* a row that is left empty is none */
        finq_html_text(show->to, " ");
        finq_html_element(show->to, "span", "optional", finq_words_say(show->words, "field.optional"));
    }
}

void field_html_open(const field_showing *show, const finq_field *field, const char *element)
{
    finq_html_open(show->to, element);
    finq_html_put(show->to, "class", finq_problem_at(show->problems, field) ? "field wrong" : "field");
    finq_html_put(show->to, "data-field", field->id);
    finq_html_put(show->to, "data-rules", field_rules(field, show->pool));
}

void field_html_label(const field_showing *show, const finq_field *field)
{
    finq_html_open(show->to, "label");
    finq_html_put(show->to, "for", field->id);
    title(show, field);
    finq_html_close(show->to);
    field_html_hint(show, field);
    field_html_fault(show, field);
}

/* That its description and its fault belong to it. */
static void put_described(const field_showing *show, const finq_field *field)
{
    const char *hint = field->description ? id_with(show, field, "-hint") : NULL;
    const char *fault = finq_problem_at(show->problems, field) ? id_with(show, field, "-fault") : NULL;
    if (hint && fault)
        hint = apr_pstrcat(show->pool, hint, " ", fault, NULL);
    finq_html_put(show->to, "aria-describedby", hint ? hint : fault);
}

/* A set of boxes has a legend in the place of a label. */
void field_html_open_set(const field_showing *show, const finq_field *field)
{
    field_html_open(show, field, "fieldset");
    put_described(show, field);
    finq_html_open(show->to, "legend");
    title(show, field);
    finq_html_close(show->to);
    field_html_hint(show, field);
    field_html_fault(show, field);
}

/* What every box has. */
void field_html_common(const field_showing *show, const finq_field *field)
{
    put_described(show, field);
    finq_html_put(show->to, "aria-invalid", finq_problem_at(show->problems, field) ? "true" : NULL);
    finq_html_put_flag(show->to, "required", !field->is_optional);
}
