/* A request's body: its framing is checked, its bytes are read. What they mean is others' to say. */
#ifndef FINQ_BODY_H
#define FINQ_BODY_H

#include "httpd/request.h"

/** The media types that a call takes. */
typedef struct finq_body_types {
    int (*is_taken)(const char *type); /**< of one in lower case, without parameters; NULL where none is sent */
    const char *const *accepted;       /**< as a client is told them, NULL at the end */
} finq_body_types;

/** Checks what can be checked before the body is read: content coding, framing, declared length and type (contract section 1).
 * Errors: invalid_headers, unsupported_media_type, payload_too_large. */
finq_error *finq_body_precheck(finq_request *request, apr_off_t most, const finq_body_types *types);

/** Reads a body that claims to be JSON as it was sent, at most FinqMaxBody bytes. Errors: those of the precheck,
 * request_timeout, invalid_body where it is cut short. */
finq_error *finq_body_text(finq_request *request, char **text, apr_size_t *length);

/** The same of a body of any type. */
finq_error *finq_body_whole(finq_request *request, char **bytes, apr_size_t *length);

/** Moves what comes next of a body that is held, at most so many bytes, to a brigade: for filters that give one. */
apr_status_t finq_body_give(apr_bucket_brigade *to, apr_bucket_brigade *held, apr_off_t most);

/** Reads the next piece of the body into `bytes`; `*length` is 0 at its end. Never waits longer than httpd's timeouts,
 * nor than `read_until` of the request, once that is set. */
finq_error *finq_body_read(finq_request *request, char *bytes, apr_size_t room, apr_size_t *length);

#endif
