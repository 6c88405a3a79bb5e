/* The fields of a step's form: what a person fills in, made from a skill's JSON Schema and in its words. */
#ifndef FINQ_FIELD_H
#define FINQ_FIELD_H

#include <apr_tables.h>

#include "json/json.h"
#include "page/words.h"

typedef enum {
    FINQ_FIELD_TEXT,
    FINQ_FIELD_AREA, /**< a text of several lines */
    FINQ_FIELD_NUMBER,
    FINQ_FIELD_DATE,   /**< in three parts */
    FINQ_FIELD_MOMENT, /**< a date with a time */
    FINQ_FIELD_TICK,   /**< one box, true or false; where `choices` has one, that or nothing */
    FINQ_FIELD_YES_NO,
    FINQ_FIELD_RADIOS,
    FINQ_FIELD_SELECT,
    FINQ_FIELD_BOXES, /**< an array of choices */
    FINQ_FIELD_GROUP, /**< an object */
    FINQ_FIELD_ROWS,  /**< an array */
    FINQ_FIELD_FIXED, /**< one value, the schema's own: sent, and not shown */
    FINQ_FIELD_HIDDEN /**< x-hidden: not for people */
} finq_field_kind;

/** Where fields come from. Must outlive them. */
typedef struct finq_field_source {
    const json_t *skill;     /**< its definition */
    int step;                /**< from 0 */
    const finq_words *words; /**< whose language the skill's texts are wanted in */
    apr_pool_t *pool;
} finq_field_source;

/** What an object must fit, or must not, for a member of it to be asked for: the schema of an `if`. */
typedef struct finq_condition {
    const json_t *schema;
    int holds;
} finq_condition;

typedef struct finq_field finq_field;
struct finq_field {
    finq_field_kind kind;
    const char *id;                  /**< of its element; "f" of the form itself */
    const char *pointer;             /**< JSON Pointer (RFC 6901) into `data`; its names in a form begin with it */
    const char *name;                /**< of the member; NULL in an array, and of the form itself */
    const char *title, *description; /**< the second, with an example where the schema has one, may be NULL */
    int required;                    /**< where it is asked for */
    int is_optional;                 /**< what a person is told: so it, or the group in whose place it is shown, is */
    int is_needed;                   /**< so is all that holds it: without it the data is refused */
    const apr_array_header_t
        *when;            /**< of branches, each an array of finq_condition: it is asked for where all of one fit; NULL: always */
    int is_number;        /**< people type a number, also where the data has it as a text (x-unit) */
    const char *unit;     /**< what stands behind the box; NULL for nothing */
    const char *complete; /**< the token of HTML's autocomplete; NULL where none is known */
    const apr_array_header_t *choices;  /**< of finq_choice; NULL where there are none */
    const apr_array_header_t *fields;   /**< of finq_field *: a group's members; else NULL */
    const finq_field *only;             /**< the one member that is shown in a group's place; NULL where all are shown in it */
    const finq_field *above;            /**< what holds it; NULL of the form itself */
    const finq_field *whole;            /**< the form that this is a part of; NULL for what is whole */
    const struct finq_field_spot *spot; /**< its schema (field.c) */
    const finq_field_source *source;
    int depth;
};

/** The form of a step: a group without a title. */
const finq_field *finq_field_form(const finq_field_source *source);

/** What a field's schema says of a keyword, by $ref and allOf too; NULL where it says nothing. */
const json_t *finq_field_fact(const finq_field *field, const char *keyword);

/** What can be chosen of a field by its value in a form; NULL where it is none of that. */
const finq_choice *finq_field_choice(const finq_field *field, const char *value);

/** Whether an array has one item, no more and no fewer. */
int finq_field_is_single(const finq_field *rows);

/** What is shown in a field's place: itself, or the only member of a group. */
const finq_field *finq_field_shown(const finq_field *field);

/** Where its schema stands in the skill: a JSON Pointer. */
const char *finq_field_place(const finq_field *field);

/** The field of an item of an array, from 0; NULL where the schema allows none there. */
const finq_field *finq_field_item(const finq_field *rows, int place);

/** Whether a field is one of these (of const finq_field *). */
int finq_field_is_among(const apr_array_header_t *fields, const finq_field *field);

/** Whether a member is asked for, of an object with this data. */
int finq_field_applies(const finq_field *field, const json_t *data, const finq_numbers *numbers);

/** The same for a browser, as JSON: branches of conditions, each a pair of whether it holds and {name in the form: [values]}; what
 * has none of its values, "" being no answer, does not fit. NULL where conditions say more than that. `group` is what the member is of. */
const char *finq_field_when(const finq_field *field, const finq_field *group);

/** The text of the skill at a JSON Pointer, in the source's language where it is translated; NULL where there is none. */
const char *finq_field_text(const finq_field_source *source, const char *pointer);

/** The pointer of a member of what stands at a pointer. */
const char *finq_field_pointer(const char *pointer, const char *name, apr_pool_t *pool);

/** A name in the form of a word, for what has no title: "first_name" is "First name". */
const char *finq_field_spoken(const char *name, apr_pool_t *pool);

#endif
