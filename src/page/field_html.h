/* A form's fields as HTML. Inside the room `page`. */
#ifndef FIELD_HTML_H
#define FIELD_HTML_H

#include "page/problem.h"

/* Lists of countries on a page: each has 10 KB, and a form may have rows. */
#define FIELD_COUNTRY_LISTS 20

typedef struct {
    finq_html *to;
    const finq_words *words;
    const finq_typed *typed;
    const apr_array_header_t *problems; /* of finq_problem; NULL for none */
    int *country_lists;                 /* how many were written */
    apr_pool_t *pool;
} field_showing;

/* A field's element, "div" or "fieldset", marked where something is wrong with it; closed by finq_html_close. */
void field_html_open(const field_showing *show, const finq_field *field, const char *element);
/* What stands above a box: its label, its description, its fault. A set of boxes has a legend in the place of a label. */
void field_html_label(const field_showing *show, const finq_field *field);
void field_html_open_set(const field_showing *show, const finq_field *field);
void field_html_hint(const field_showing *show, const finq_field *field);
void field_html_fault(const field_showing *show, const finq_field *field);
/* What a script may check of it, as JSON: {keyword: [limit, what to say]}; NULL for nothing (field_rules.c). */
const char *field_rules(const finq_field *field, apr_pool_t *pool);
/* The attributes that every box has. */
void field_html_common(const field_showing *show, const finq_field *field);

/* Choices (field_choice.c). */
void field_choice_set(const field_showing *show, const finq_field *field);
void field_choice_yes_no(const field_showing *show, const finq_field *field);
void field_choice_select(const field_showing *show, const finq_field *field);
void field_choice_tick(const field_showing *show, const finq_field *field);

/* Writes the fields of a group, one below the other. */
void field_html_members(const field_showing *show, const finq_field *group);

#endif
