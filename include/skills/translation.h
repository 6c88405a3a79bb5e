/* Translations: the titles and descriptions of a skill in other languages (contract section 12). */
#ifndef FINQ_TRANSLATION_H
#define FINQ_TRANSLATION_H

#include <apr_tables.h>

#include "ground/fault.h"
#include "json/json.h"

/** Checks a definition's `translations`, {language: {JSON Pointer into the definition: text}}, where it has any: each pointer must
 * lead to a title or a description. Notes what is wrong. */
void finq_translation_check(finq_faults *faults, const json_t *definition);

/** The titles and descriptions of a definition that `texts`, those of one language, lack: JSON Pointers, of const char *, in the order
 * of the definition. Of a form, what stands in `examples`, `default`, `const` and `enum` is data. */
apr_array_header_t *finq_translation_missing(const json_t *definition, const json_t *texts, apr_pool_t *pool);

/** Puts the texts of one language in the place of a skill's own. What leads nowhere is passed over. */
void finq_translation_apply(json_t *skill, const json_t *texts, apr_pool_t *pool);

#endif
