#include "httpd/source_bucket.h"

#include <http_log.h>

#include "httpd/request.h"

APLOG_USE_MODULE(finq);

/* As much as is read at once. */
#define PIECE 65536

typedef struct {
    apr_bucket_refcount refcount; /* first, as apr_bucket_shared_* want it */
    finq_source source;
    request_rec *r;
} shared;

static void bucket_destroy(void *data)
{
    apr_bucket_shared_destroy(data); /* the struct is the pool's */
}

/* Becomes what was read, with the rest behind it: as a file's bucket does. */
static apr_status_t bucket_read(apr_bucket *bucket, const char **bytes, apr_size_t *length, apr_read_type_e block)
{
    shared *of = bucket->data;
    apr_size_t n = PIECE - (apr_size_t)(bucket->start % PIECE); /* up to the end of a frame */
    (void)block;
    if (bucket->length < n)
        n = bucket->length;
    char *piece = apr_bucket_alloc(n, bucket->list);
    if (!finq_source_read(&of->source, piece, n, (off_t)bucket->start)) {
        apr_bucket_free(piece);
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, of->r,
                      "FINQ14: [%s] a document cannot be read at byte %" APR_OFF_T_FMT ": its file was altered, or cut",
                      finq_request_of(of->r)->id, (apr_off_t)bucket->start);
        return APR_EGENERAL;
    }
    if (n < bucket->length)
        apr_bucket_split(bucket, n);
    bucket_destroy(of);
    apr_bucket_heap_make(bucket, piece, n, apr_bucket_free);
    *bytes = piece;
    *length = n;
    return APR_SUCCESS;
}

static apr_status_t bucket_setaside(apr_bucket *bucket, apr_pool_t *pool)
{
    const shared *of = bucket->data;
    const char *bytes;
    apr_size_t length;
    return apr_pool_is_ancestor(of->r->pool, pool) ? APR_SUCCESS : bucket_read(bucket, &bytes, &length, APR_BLOCK_READ);
}

static const apr_bucket_type_t kind = {
    "FINQ_SOURCE",         5, APR_BUCKET_DATA, bucket_destroy, bucket_read, bucket_setaside, apr_bucket_shared_split,
    apr_bucket_shared_copy};

apr_bucket *finq_source_bucket(const finq_source *source, request_rec *r)
{
    apr_bucket_alloc_t *list = r->connection->bucket_alloc;
    apr_bucket *bucket = apr_bucket_alloc(sizeof *bucket, list);
    shared *of = apr_palloc(r->pool, sizeof *of);
    of->source = *source;
    of->r = r;
    APR_BUCKET_INIT(bucket);
    bucket->free = apr_bucket_free;
    bucket->list = list;
    bucket = apr_bucket_shared_make(bucket, of, 0, (apr_size_t)source->size);
    bucket->type = &kind;
    return bucket;
}
