/* Numbers as people write them. Inside the room `page`. */
#ifndef TYPED_NUMBER_H
#define TYPED_NUMBER_H

#include <apr_pools.h>

/* A text without any of these characters. */
char *typed_without(const char *text, const char *characters, apr_pool_t *pool);

/* A number as JSON has it, of one that is written with this decimal mark; NULL for what is none. */
const char *typed_number(const char *text, char decimal, apr_pool_t *pool);

#endif
