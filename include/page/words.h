/* What pages are made of beside a skill's own words: a skeleton, a stylesheet, a script, and words in each language. They are built
 * in (conf/pages), and a directory may replace each of them. */
#ifndef FINQ_WORDS_H
#define FINQ_WORDS_H

#include <apr_tables.h>

#include "ground/error.h"
#include "page/html.h"

/** Something to choose. */
typedef struct finq_choice {
    const char *value; /**< as a form has it */
    const char *json;  /**< as `data` has it */
    const char *title;
} finq_choice;

/** The words of one language. Immutable. */
typedef struct finq_words finq_words;
/** All that pages are made of. Immutable: any number of threads may read it at once. */
typedef struct finq_pages finq_pages;

/** Reads what is built in, and in its place the files of `directory` (NULL is none) that bear its names; a further LANGUAGE.json there
 * is a further language. Error: internal, whose cause says what is wrong with which file. */
finq_error *finq_pages_load(finq_pages **pages, const char *directory, apr_pool_t *pool);

/** The words of the first language of a list, as Accept-Language has it, that there are words for; ro-MD falls back to ro. English
 * where there is none; `wanted` may be NULL. */
const finq_words *finq_pages_words(const finq_pages *pages, const char *wanted, apr_pool_t *pool);
/** Those of one language; NULL where there are none. */
const finq_words *finq_pages_language(const finq_pages *pages, const char *language);
/** How many languages there are, and one by its place, from 0. */
int finq_pages_count(const finq_pages *pages);
const finq_words *finq_pages_at(const finq_pages *pages, int place);

/** The language, such as ro. */
const char *finq_words_language(const finq_words *words);
/** What stands under a name; of a name that the language lacks, the English. */
const char *finq_words_say(const finq_words *words, const char *name);
/** The same, and NULL where no language has the name. */
const char *finq_words_find(const finq_words *words, const char *name);
/** The same with values in the place of {slots}: pairs of a slot and its value, and NULL at the end. */
const char *finq_words_with(const finq_words *words, const char *name, apr_pool_t *pool, ...) __attribute__((sentinel));

/** The countries by their codes of ISO 3166-1 (of finq_choice), as the language names and sorts them; NULL where no language has
 * them. */
const apr_array_header_t *finq_words_countries(const finq_words *words);

/** A date as the language writes it; NULL for a month that there is not. */
const char *finq_words_date(const finq_words *words, int day, int month, int year, apr_pool_t *pool);

/** A file that pages refer to: its name tells its content, so that it can be kept for ever. */
typedef struct finq_page_file {
    const char *name, *type;
    const char *bytes;
    apr_size_t length;
} finq_page_file;

/** The name of the stylesheet in a tenant's colours ("0b4a6f-8ccbf2"; NULL for none): the colours stand in it, so that whoever serves
 * it needs to know no tenant. */
const char *finq_pages_style_name(const finq_pages *pages, const char *colours, apr_pool_t *pool);
/** A file by its name, the stylesheet in any colours among them. Whether there is one. */
int finq_pages_file(finq_page_file *file, const finq_pages *pages, const char *name, apr_pool_t *pool);

/** The stylesheet and the script. */
const finq_page_file *finq_pages_style(const finq_pages *pages);
const finq_page_file *finq_pages_script(const finq_pages *pages);

/** A slot of the skeleton and what stands there: text that is escaped, or a piece. */
typedef struct finq_page_slot {
    const char *name;
    const char *text;
    const finq_html *piece;
} finq_page_slot;

/** A whole page: the skeleton with its slots filled. `slots` ends with a NULL name. */
const char *finq_pages_fill(const finq_pages *pages, const finq_page_slot *slots, apr_pool_t *pool);

#endif
