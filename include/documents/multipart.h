/* Multipart: a form body (RFC 7578, RFC 2046) taken apart as it arrives, in constant memory. */
#ifndef FINQ_MULTIPART_H
#define FINQ_MULTIPART_H

#include <apr_pools.h>

#include "ground/error.h"

#define FINQ_MULTIPART_MAX_PARTS 8
/** Header lines of a part. */
#define FINQ_MULTIPART_MAX_HEADERS 16
/** Bytes of a part's header block, line ends included. */
#define FINQ_MULTIPART_MAX_BLOCK 8192
/** Bytes before the first delimiter. */
#define FINQ_MULTIPART_MAX_PREAMBLE 1024

/** Who takes the parts. An error that a callback returns ends the parsing and comes back from
 * finq_multipart_push. */
typedef struct finq_multipart_sink {
    /** A part begins. The texts last until part_end. `filename` and `content_type` are NULL where none was
     * sent; they are the client's words, free of control characters but otherwise anything: never a path,
     * never a proof. */
    finq_error *(*part_begin)(void *baton, const char *name, const char *filename, const char *content_type);
    /** Some more bytes of the part's body, n > 0. */
    finq_error *(*part_data)(void *baton, const char *bytes, apr_size_t n);
    /** The part is whole. */
    finq_error *(*part_end)(void *baton);
} finq_multipart_sink;

typedef struct finq_multipart finq_multipart;

/** Begins with the request's Content-Type, whose boundary it takes; that it says multipart/form-data is the
 * caller's business. All memory is taken here. Error: invalid_body for a boundary that is missing, doubled or
 * not of 1 to 70 legal characters. */
finq_error *finq_multipart_create(finq_multipart **parser, const char *content_type, const finq_multipart_sink *sink, void *baton,
                                  apr_pool_t *pool);

/** Takes the next bytes of the body, in pieces of any size. Error: invalid_body, or the sink's own; from then
 * on every call answers that first error. What follows the closing delimiter is ignored; its length is the
 * caller's to bound. */
finq_error *finq_multipart_push(finq_multipart *parser, const char *bytes, apr_size_t n);

/** The body is over. Error: invalid_body if its closing delimiter has not come. */
finq_error *finq_multipart_end(finq_multipart *parser);

#endif
