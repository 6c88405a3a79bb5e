/* How a step's form is laid out for people: a step's `ui` (contract section 12). */
#ifndef FINQ_UI_H
#define FINQ_UI_H

#include "ground/fault.h"
#include "json/json.h"

/** Most pages of a step. */
#define FINQ_UI_MAX_PAGES 16

/** Checks each step's `ui`, {pages, autocomplete, same_as}, where it has any: what it names must be members that the step's schema
 * describes, and `same_as` a member of an earlier step. Notes what is wrong. */
void finq_ui_check(finq_faults *faults, const json_t *definition);

#endif
