/* The parts of a step's form: what is shown together on one page, where the step's `ui.pages` says so. What was typed into one travels
 * with the next, until the step is whole and is submitted at once. */
#ifndef FINQ_PART_H
#define FINQ_PART_H

#include "form/form.h"
#include "page/problem.h"

/** How many parts a form has; 1 where the step says nothing of them. */
int finq_part_count(const finq_field *form);

/** What the step calls one, by its place from 0; NULL for nothing. */
const char *finq_part_title(const finq_field *form, int place);

/** One, by its place from 0: the form with its members alone. What no page names stands on the last. */
const finq_field *finq_part_of(const finq_field *form, int place);

/** The place of the part that a JSON Pointer leads into; -1 for none. */
int finq_part_find(const finq_field *form, const char *pointer);

/** Whether anything is asked on a part, of whoever has typed this. */
int finq_part_asks(const finq_field *part, const finq_typed *typed);

/** Whether the fields of a form, or of one of its parts, show nothing that a person, or who knows one, has filled in. */
int finq_part_is_blank(const finq_field *shown, const finq_typed *typed);

/** What was answered so far, all parts together. */
typedef struct finq_part_answers {
    const finq_form *form; /**< what the step wants in the end */
    const json_t *data;
    const finq_numbers *numbers;
    const finq_typed *typed;
} finq_part_answers;

/** Checks the answers of one part, by the schema of the whole. NULL where they fit; else the error, and `*problems` (of finq_problem) are
 * the part's; what is wrong elsewhere is not told. */
finq_error *finq_part_check(apr_array_header_t **problems, const finq_part_answers *answers, const finq_field *part);

/** What was typed into members, but for those of `part`, which are in the form itself: {name: [values]}. NULL is none. */
json_t *finq_part_keep(const finq_typed *typed, const finq_field *part, apr_pool_t *pool);
/** Adds what was kept to what was typed now, but for the members of `part`, which have been typed anew; NULL is none. */
void finq_part_gather(finq_typed *typed, const json_t *kept, const finq_field *part);

#endif
