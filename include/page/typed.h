/* What a person has typed into a form, and the data that it means. */
#ifndef FINQ_TYPED_H
#define FINQ_TYPED_H

#include "page/field.h"

/** The names of a form and what came with each, in order; names are case-sensitive. */
typedef struct finq_typed finq_typed;

finq_typed *finq_typed_make(apr_pool_t *pool);
void finq_typed_add(finq_typed *typed, const char *name, const char *value);
/** Puts one value in the place of all. */
void finq_typed_set(finq_typed *typed, const char *name, const char *value);
/** The first value; NULL where none came. */
const char *finq_typed_get(const finq_typed *typed, const char *name);
/** Whether one of the values is this one. */
int finq_typed_has(const finq_typed *typed, const char *name, const char *value);

/** Calls for each name with its values (of const char *), until it answers 0. */
void finq_typed_each(const finq_typed *typed, int (*call)(void *baton, const char *name, const apr_array_header_t *values),
                     void *baton);

/* What a name in the form ends with, behind a field's pointer: "~" with anything but 0 and 1 stands in no JSON Pointer. */
#define FINQ_TYPED_DAY "~d"
#define FINQ_TYPED_MONTH "~m"
#define FINQ_TYPED_YEAR "~y"
#define FINQ_TYPED_COUNT "~n"
/** Under which a form names the members with conditions that it had. */
#define FINQ_TYPED_SHOWN "shown"

/** How many rows an array has in the form: those that are there, and as many as there must be. */
int finq_typed_rows(const finq_typed *typed, const finq_field *rows);
/** Cuts the rows that a whole form is said to have to what a form may have: what one array says may be multiplied by another's. */
void finq_typed_rows_bound(finq_typed *typed, const finq_field *form);
/** Whether one row more may be added, as the form's rows were bounded. */
int finq_typed_row_fits(const finq_typed *typed, const finq_field *rows);
/** Adds a row at the end, where one fits, or takes one out: what stood below it moves up. */
void finq_typed_row_add(finq_typed *typed, const finq_field *rows);
void finq_typed_row_cut(finq_typed *typed, const finq_field *rows, int place);

/** Fills in what data says, as if it had been typed. */
void finq_typed_fill(finq_typed *typed, const char *pointer, const json_t *data, const finq_numbers *numbers);

/** Fills in what the schema presets (default). */
void finq_typed_fill_presets(finq_typed *typed, const finq_field *group);

/** Numbers that data said, in a group and below, as the language writes them: 1234.5 becomes 1234,5. */
void finq_typed_write(finq_typed *typed, const finq_field *group);

/** The amount that was typed into a field that has a unit, as the language writes it, its digits in groups; NULL for what is none. */
const char *finq_typed_amount(const finq_typed *typed, const finq_field *field);

/** What the page itself knows of fields that are not for people. */
typedef struct finq_typed_own {
    const char *link;   /**< where a bank sends the browser back to */
    const char *moment; /**< now, as RFC 3339 has it */
} finq_typed_own;

/** The members of a group (of const finq_field *) that are asked for, as what was typed decides. */
const apr_array_header_t *finq_typed_wanted(const finq_typed *typed, const finq_field *group);
/** Whether what was typed asks for a member, here or below, that the form did not have, and that nothing was typed for. */
int finq_typed_lacks(const finq_typed *typed, const finq_field *group);

/** What was typed, as a step's data: compact JSON, numbers as they were typed but for what belongs to the language (1.234,5 is
 * 1234.5). What was left empty, or is not asked for, is absent. What is no number stays text, so that the validator says so. */
const char *finq_typed_data(const finq_typed *typed, const finq_field *form, const finq_typed_own *own);

#endif
