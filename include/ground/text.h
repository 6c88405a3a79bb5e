/* Texts that people read, from whom nobody answers for, and lists of names. */
#ifndef FINQ_TEXT_H
#define FINQ_TEXT_H

#include <apr_pools.h>
#include <apr_tables.h>

/** Text of UTF-8 without controls, in the pool: at most so many bytes of `text`, no character cut, and a question mark for each
 * byte that belongs to no character and each control (C0, DEL, C1). */
const char *finq_text_plain(const char *text, apr_size_t most, apr_pool_t *pool);

/** The bytes of the character that begins here, of so many that are left; 0 where none does (RFC 3629). */
apr_size_t finq_text_character(const char *text, apr_size_t left);
/** Whether the character that begins here is a control (C0, DEL, C1). */
int finq_text_is_control(const char *text);

/** What a client sent, for a message: at most 64 characters, `?` for each that is not printable ASCII. */
const char *finq_text_show(const char *text, apr_pool_t *pool);

/** Texts (of const char *) as a list: "a, b"; "" of none. */
const char *finq_text_join(const apr_array_header_t *texts, apr_pool_t *pool);

/** The first language of a list, as Accept-Language has it (RFC 9110, 12.5.4; weights are not looked at; NULL is none), that is among
 * `known` (of const char *), or is a kind of one of them, as ro-MD is of ro: that one of `known`; NULL for none. */
const char *finq_text_language(const char *list, const apr_array_header_t *known, apr_pool_t *pool);

/** An array of the texts of a list that ends with NULL. */
apr_array_header_t *finq_text_array(const char *const *list, apr_pool_t *pool);

#endif
