/* How a step's form is laid out for people: a step's `ui` (contract section 12). */
#ifndef FINQ_UI_H
#define FINQ_UI_H

#include "ground/fault.h"
#include "json/json.h"

/** Bytes of a title, of whatever has one. */
#define FINQ_UI_TITLE 256

/** Whether a title is one; notes where it is not. */
int finq_ui_title_check(finq_faults *faults, const json_t *title, const finq_path *path);

/** Most pages of a step. */
#define FINQ_UI_MAX_PAGES 16

/** Checks each step's `ui`, {pages, autocomplete, same_as}, where it has any: what it names must be members that the step's schema
 * describes, and `same_as` a member of an earlier step. Notes what is wrong. */
void finq_ui_check(finq_faults *faults, const json_t *definition);

#endif
