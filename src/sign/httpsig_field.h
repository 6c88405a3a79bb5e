/* Inside the httpsig room: the few productions of RFC 8941 (Structured Fields) that signatures need. */
#ifndef FINQ_HTTPSIG_FIELD_H
#define FINQ_HTTPSIG_FIELD_H

#include "sign/httpsig.h"

/** Where reading stands in a field. */
typedef struct finq_field {
    const char *at, *end;
    apr_pool_t *pool;
} finq_field;

/** One signature, parsed. */
typedef struct finq_httpsig_entry {
    const char *label;
    apr_array_header_t *components; /**< of finq_httpsig_component */
    const char *params;             /**< the canonical value of @signature-params */
    apr_int64_t created, expires;   /**< -1 where absent */
    const char *kid, *alg, *nonce, *tag;
    finq_bytes signature;
} finq_httpsig_entry;

struct finq_httpsig {
    apr_array_header_t *entries; /**< of finq_httpsig_entry */
};

/** Begins at a field's value, without the spaces around it. */
finq_field finq_field_open(const char *text, apr_pool_t *pool);
/** Passes one given character; 0 where it is another. */
int finq_field_char(finq_field *field, char c);
/** Passes any number of spaces; how many. */
int finq_field_spaces(finq_field *field);
/** Reads a key: lower-case letter or `*`, then those, digits, `_`, `-`, `.`. NULL where there is none. */
const char *finq_field_key(finq_field *field);
/** Reads a quoted string, its escapes resolved. NULL where there is none. */
const char *finq_field_string(finq_field *field);
/** Reads an integer of up to 15 digits, not negative. 0 where there is none. */
int finq_field_integer(finq_field *field, apr_int64_t *value);
/** Reads a byte sequence, strictly: padded canonical base64 between colons. 0 where there is none. */
int finq_field_bytes(finq_field *field, finq_bytes *bytes);
/** Behind a member of a dictionary: 1 where another follows, 0 at the end, -1 where the field is malformed.
 */
int finq_field_next(finq_field *field);

/** Writes the signature base of RFC 9421, section 2.5. */
finq_error *finq_httpsig_base(const char **base, const finq_httpsig_entry *entry, const finq_httpsig_message *message,
                              apr_pool_t *pool);

#endif
