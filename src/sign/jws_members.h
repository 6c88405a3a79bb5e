/* Inside the jws room, and for its fuzzers: the members of a JWS header or payload that somebody knows. */
#ifndef FINQ_JWS_MEMBERS_H
#define FINQ_JWS_MEMBERS_H

#include "json/json.h"

typedef enum { FINQ_MEMBER_ABSENT, FINQ_MEMBER_TEXT, FINQ_MEMBER_INTEGER, FINQ_MEMBER_OTHER } finq_member_kind;

/** A member: its name, and what was found under it. */
typedef struct finq_member {
    const char *name;
    finq_member_kind kind;
    const char *text;    /**< of FINQ_MEMBER_TEXT, in the pool; else NULL */
    apr_int64_t integer; /**< of FINQ_MEMBER_INTEGER; else 0 */
    const json_t *other; /**< of FINQ_MEMBER_OTHER: anything else, null included, in the pool; else NULL */
} finq_member;

/** Reads one JSON object, strictly (finq_json_read); `what` begins an error's message. Fills the `count` members, whose names
 * alone are set; what else the object has is passed over. Error: invalid_signature; those of memory. */
finq_error *finq_members_read(finq_member *members, apr_size_t count, const char *what, finq_bytes text, apr_pool_t *pool);

/** What finq_members_read tries first: a flat object of the plainest spelling, of `members` and no others, none twice, with
 * whole numbers and strings of ASCII without escapes for values. `text` ends at `end` with a NUL, and is cut into pieces. 0
 * where it is anything else, which may be good JSON or not; the members are of no use then. */
int finq_members_plain(finq_member *members, apr_size_t count, char *text, const char *end);

/** What it does then: jansson's tree of any object. */
finq_error *finq_members_parse(finq_member *members, apr_size_t count, const char *what, finq_bytes text, apr_pool_t *pool);

#endif
