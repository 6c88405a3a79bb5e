/* Forms: a step's JSON Schema, compiled once and asked often. */
#ifndef FINQ_FORM_H
#define FINQ_FORM_H

#include <apr_pools.h>

#include "ground/error.h"
#include "json/json.h"

/** A compiled schema. Immutable after finq_form_compile: any number of threads may check against it at once. */
typedef struct finq_form finq_form;

/** Compiles a schema of the documented subset of JSON Schema 2020-12 (contract section 12). `schema` may be released
 * afterwards; `*form` lives in `pool`. Error: invalid_input, whose details point into the schema at every keyword
 * that is outside the subset or malformed. */
finq_error *finq_form_compile(finq_form **form, const json_t *schema, apr_pool_t *pool);

/** Checks a value, by its numbers as they were spelt where `numbers` knows (it may be NULL). NULL if it fits; else invalid_input with one finq_detail for each place at fault, at most 32.
 * Time and memory are bounded whatever schema and value are. */
finq_error *finq_form_check(const finq_form *form, const json_t *value, const finq_numbers *numbers, apr_pool_t *pool);

#endif
