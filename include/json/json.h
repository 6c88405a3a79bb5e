/* JSON: the one room that knows jansson's parser. Other rooms read json_t values only. */
#ifndef FINQ_JSON_H
#define FINQ_JSON_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <jansson.h>

#include "ground/codec.h"
#include "ground/error.h"
#include "json/numbers.h"

/** Deepest nesting of a request body (contract section 1). */
#define FINQ_JSON_MAX_DEPTH 32

/** Kinds of value that a member of a request may have; ANY is for its endpoint to check. */
typedef enum { FINQ_JSON_STRING, FINQ_JSON_OBJECT, FINQ_JSON_INTEGER, FINQ_JSON_ARRAY, FINQ_JSON_ANY } finq_json_kind;

/** One member that an endpoint knows. */
typedef struct finq_json_member {
    const char *name;
    finq_json_kind kind;
    int required;
} finq_json_member;

/** Removes JSON whitespace outside strings, touching nothing else (contract section 8, "compact form").
 * `compact` must have room for `length` bytes and may be `text` itself. Returns the compact length. */
apr_size_t finq_json_compact(char *compact, const char *text, apr_size_t length);

/** Parses one JSON object, strictly (contract section 1): UTF-8, no duplicate members, no NUL, nesting at most
 * FINQ_JSON_MAX_DEPTH. `*object` belongs to `pool`. With `numbers`, numbers may be of any size, and `numbers` knows how each was
 * spelt; without, one past 63 bits or a double is refused. Error: invalid_body. */
finq_error *finq_json_parse(json_t **object, finq_numbers *numbers, const char *text, apr_size_t length, apr_pool_t *pool);

/** Parses an object that was accepted before, and that the database gives back, whatever it was wrapped in. Error: internal,
 * since the fault is no client's. */
finq_error *finq_json_stored(json_t **object, finq_numbers *numbers, const char *text, apr_pool_t *pool);

/** The same for another document than the body; `what` begins the error's message ("The JWS header"). */
finq_error *finq_json_read(json_t **object, const char *what, finq_bytes text, apr_pool_t *pool);

/** Checks an object against the members an endpoint knows: every unknown one named in unknown_fields, every missing
 * one in missing_fields, a wrong kind in invalid_field. null for one that is not required is taken for its absence, and out
 * of the object; [] for an object is {}. `members` ends with a NULL name. */
finq_error *finq_json_members(json_t *object, const finq_json_member *members, apr_pool_t *pool);

/** The text of a string member that finq_json_members has seen; NULL where it is absent. Lives as long as `object`. */
const char *finq_json_string(const json_t *object, const char *name);

/** Whether it is a string of so many bytes, none of which is a control character: what may go to a log or a terminal. */
int finq_json_is_line(const json_t *value, apr_size_t least, apr_size_t most);

/** Ties a new reference to a pool: it is released when the pool is. Returns `value`. */
json_t *finq_json_own(json_t *value, apr_pool_t *pool);

/** An object that is written member by member, as compact text in its pool. What is put are strings of UTF-8. */
typedef struct finq_json_writer finq_json_writer;

/** An empty writer; the first thing to do is to open. */
finq_json_writer *finq_json_write(apr_pool_t *pool);

/** Opens an object or an array, with a '{' or a '[': the whole one or, within an array, its next element without a name. */
void finq_json_open(finq_json_writer *to, const char *name, char bracket);

/** Closes what was opened last, with a '}' or a ']'. */
void finq_json_close(finq_json_writer *to, char bracket);

/** Puts a string; a value that is NULL is left out. In an array the name is NULL, here and below. */
void finq_json_put(finq_json_writer *to, const char *name, const char *value);
/** Puts a string; null where it is NULL. */
void finq_json_put_or_null(finq_json_writer *to, const char *name, const char *value);
void finq_json_put_integer(finq_json_writer *to, const char *name, apr_int64_t value);
void finq_json_put_bool(finq_json_writer *to, const char *name, int truth);
/** Puts any value; NULL is left out. */
void finq_json_put_value(finq_json_writer *to, const char *name, const json_t *value);

/** Puts what is JSON already; NULL is left out. */
void finq_json_put_text(finq_json_writer *to, const char *name, const char *text);

/** Bytes that have been written so far. */
apr_size_t finq_json_length(const finq_json_writer *to);

/** What was written, when all that was opened is closed. Lives as long as the writer's pool. */
const char *finq_json_written(const finq_json_writer *to);

/** Compact text of a value, in the pool, in member order; NULL of NULL, which is what jansson makes when memory ran out.
 * The value's strings are UTF-8, as those of the parser are. */
const char *finq_json_text(const json_t *value, apr_pool_t *pool);

/** An array of texts (of const char *) as JSON; NULL for an empty one. */
const char *finq_json_texts(const apr_array_header_t *texts, apr_pool_t *pool);

/** The same with each number as it was spelt. */
const char *finq_json_text_spelt(const json_t *value, const finq_numbers *numbers, apr_pool_t *pool);

/** The same with members in the order of their names' bytes: equal for documents that mean the same, numbers as spelt. */
const char *finq_json_meaning(const json_t *value, const finq_numbers *numbers, apr_pool_t *pool);

#endif
