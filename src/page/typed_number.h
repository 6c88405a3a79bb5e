/* Numbers as people write them. Inside the room `page`. */
#ifndef TYPED_NUMBER_H
#define TYPED_NUMBER_H

#include "page/words.h"

/* A text without any of these characters. */
char *typed_without(const char *text, const char *characters, apr_pool_t *pool);

/* A text with the digits of Arabic and Persian as those of ASCII. */
const char *typed_digits(const char *text, apr_pool_t *pool);

/* A number as JSON has it, of one that is written as the language writes numbers; NULL for what is none. */
const char *typed_number(const char *text, const finq_words *words, apr_pool_t *pool);

/* A number of JSON as the language writes it, every digit kept: 1234.50 is 1234,50, and 1.234,50 where its digits are grouped. Any
 * other text stays as it is. */
const char *typed_number_written(const char *number, const finq_words *words, int is_grouped, apr_pool_t *pool);

#endif
