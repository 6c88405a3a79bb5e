/* What a tenant fills into a page's forms before anybody has seen them. */
#ifndef FINQ_PREFILL_H
#define FINQ_PREFILL_H

#include <apr_tables.h>

#include "json/json.h"
#include "page/words.h"

/** The members of a prefill that no field of its step's form takes (of const char *: a step's name, and a JSON Pointer behind it). Of a
 * skill (its definition), in whatever words. What stands in rows that a form would leave out, and in steps that the skill lacks, is not
 * looked at. */
apr_array_header_t *finq_prefill_strangers(const json_t *prefill, const json_t *skill, const finq_words *words, apr_pool_t *pool);

#endif
