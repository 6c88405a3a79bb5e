/* Buckets of a source: bytes that are read, and unsealed, only where somebody takes them. */
#ifndef FINQ_SOURCE_BUCKET_H
#define FINQ_SOURCE_BUCKET_H

#include <httpd.h>

#include "documents/source.h"

/** A bucket of all that a source holds, to which r's pool gives its life: so httpd's own filter can cut ranges out of it without a look
 * at the rest. What cannot be read ends the connection, with a line in r's log. */
apr_bucket *finq_source_bucket(const finq_source *source, request_rec *r);

#endif
