/* Numbers of documents, as they were spelt. */
#ifndef FINQ_NUMBERS_H
#define FINQ_NUMBERS_H

#include <apr_tables.h>

#include "json/number.h"

/** How numbers of parsed documents were spelt, where jansson's value does not tell: it keeps whole numbers of 63 bits, and of
 * others an approximation. */
typedef struct finq_numbers finq_numbers;

/** An empty one. Whoever reads documents that belong together reads them with the same. */
finq_numbers *finq_numbers_make(apr_pool_t *pool);

/** The spelling of a number that was read with `numbers`; NULL where jansson's value tells it. `numbers` may be NULL. */
const char *finq_numbers_spelling(const finq_numbers *numbers, const json_t *value);

/** The number in a JSON integer or real, exactly, where `numbers` knows its spelling; else finq_number_plain's. */
finq_number finq_number_read(const json_t *value, const finq_numbers *numbers);

/** A document on its way through jansson. */
typedef struct finq_numbers_text {
    const char *text;           /**< what jansson is to read: as long as the document, each byte where it was */
    apr_array_header_t *tokens; /**< of finq_bytes: the document's numbers in their order; NULL where jansson keeps them all */
} finq_numbers_text;

/** Prepares a document: of numbers that jansson would refuse for their size it sees others. The document must outlive it. */
finq_numbers_text finq_numbers_prepare(const char *text, apr_size_t length, apr_pool_t *pool);

/** Notes the spellings of what jansson read of that document. */
void finq_numbers_note(finq_numbers *numbers, const finq_numbers_text *prepared, const json_t *value);

#endif
