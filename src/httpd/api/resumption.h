/* What the protocols of section 13 have in common; for their files alone. */
#ifndef FINQ_RESUMPTION_H
#define FINQ_RESUMPTION_H

#include "crypto/digest.h"
#include "flow/resumable.h"
#include "httpd/api.h"
#include "httpd/body.h"

typedef struct finq_transfer finq_transfer;

/* A protocol: how its headers say what one request is about, and how its answers say where the upload stands. */
typedef struct finq_resumption {
    finq_body_types first, next; /* of what a creation brings, and of what goes on */
    int (*is_asked)(const finq_request *request);
    finq_error *(*enter)(finq_transfer *transfer);      /* of any request: its version */
    finq_error *(*create)(finq_transfer *transfer);     /* what is begun: length, is_last, content_type, has_body */
    finq_error *(*append)(finq_transfer *transfer);     /* what goes on: at, is_last, checksum */
    int (*may_announce)(const finq_transfer *transfer); /* whether the address may be told before the body is read */
    void (*announce)(finq_transfer *transfer, const char *location);
    int ends_at_length;                    /* whether the length says which piece is the last */
    void (*tell)(finq_transfer *transfer); /* where it stands: offset, is_stored */
    void (*answer)(finq_transfer *transfer, finq_json_writer *reply, int status);
} finq_resumption;

/* One request. */
struct finq_transfer {
    const finq_resumption *protocol;
    finq_request *request;
    apr_pool_t *pool;
    finq_upload_way way;
    finq_session_pass pass; /* of who begins */
    finq_resumable upload;
    finq_partial *partial;
    const char *content_type; /* of the document */
    apr_int64_t length;       /* of the document; -1 where nothing is said */
    apr_int64_t at;           /* where a piece begins */
    apr_int64_t offset;       /* where the upload stands */
    int has_body;
    int has_piece; /* whether a creation brings some of the document, or all that there is */
    int is_told;   /* whether the client knows the address before it has an answer */
    int is_last;   /* whether the document ends with this piece */
    int is_stored; /* and what as: */
    finq_upload_answer stored;
    finq_digest *digest; /* of a piece, whose sender says what it is: */
    unsigned char expected[FINQ_DIGEST_SHA256];
    apr_size_t digest_length;
};

extern const finq_resumption finq_resumption_tus, finq_resumption_draft;

/* A header of the answer, whatever comes of it. The value is copied. */
void finq_resumption_set(finq_transfer *transfer, const char *name, const char *value);
void finq_resumption_set_number(finq_transfer *transfer, const char *name, apr_int64_t number);
/* A header that is a number: digits alone. `*number` stays as it is where it was not sent. Error: invalid_headers. */
finq_error *finq_resumption_number(apr_int64_t *number, const finq_transfer *transfer, const char *name);
/* The error of a header. */
finq_error *finq_resumption_wrong(const finq_transfer *transfer, const char *name, const char *what);

#endif
