/* What is wrong with what was typed, in a person's language: one sentence, in the list on top and at its field. */
#ifndef FINQ_PROBLEM_H
#define FINQ_PROBLEM_H

#include "page/typed.h"

/** A sentence, and the element that it leads to; `id` is NULL where it is about no field alone. `group` is what holds the field, as
 * people know it: other fields may have the same title. NULL for nothing. */
typedef struct finq_problem {
    const char *pointer; /**< of its field; NULL for none */
    const char *id;
    const char *words;
    const char *group;
} finq_problem;

/** What an error says of a form, in the form's order; of a place with two faults the first. The array is of finq_problem, and empty
 * where the error tells of no places. */
apr_array_header_t *finq_problems_of(const finq_error *error, const finq_field *form, const finq_typed *typed);

/** What is said of a field that does not meet a keyword of its schema, or the words of a connector. */
const char *finq_problem_words(const finq_field *field, const finq_detail *detail);

/** The problem of a field; NULL where it has none. */
const finq_problem *finq_problem_at(const apr_array_header_t *problems, const finq_field *field);

#endif
