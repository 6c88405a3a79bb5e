/* Resumable uploads: a document that is sent in pieces, each by whoever has its address, on any server that has its directory, until it is
 * whole and goes the way of one that came at once (contract section 13). */
#ifndef FINQ_RESUMABLE_H
#define FINQ_RESUMABLE_H

#include "documents/partial.h"
#include "flow/upload.h"

/** What an address says. There is no other way to come by one than to begin it or to open its address. */
typedef struct finq_resumable {
    finq_session_pass pass; /**< its session and step; the address ends when its token expires */
    finq_id upload_id;
    const char *document;
    const char *content_type; /**< that was claimed; "" for none */
    apr_int64_t length;       /**< -1 where it is not known */
    apr_int64_t most;         /**< bytes that the document may have at most */
    int has_others;           /**< begun beside others of its document */
    apr_int64_t room;         /**< that the quotas leave for this request; -1 for any number, or what was promised before */
    const char *quota;        /**< the one that leaves so little */
} finq_resumable;

/** Begins one, of which `length` is known; nothing of it need have been read. `offer->least` is its length, or where that is not known how
 * many bytes this request brings, -1 for any number. Quotas count them from now on. What else the document has begun goes on, until
 * finq_resumable_stand or _finish. Errors: those of finq_upload_begin. */
finq_error *finq_resumable_begin(finq_resumable *begun, const finq_upload_way *way, const finq_upload_offer *offer,
                                 apr_pool_t *pool);

/** A piece comes of one whose length is not known, and brings it to `end`, -1 where the piece does not say how long it is. Quotas count
 * that in the place of what they did. Errors: quota_exceeded; upload_gone; those of a call. */
finq_error *finq_resumable_promise(finq_resumable *resumable, const finq_upload_way *way, apr_int64_t end, apr_pool_t *pool);

/** The request that has begun it is taken: what else the document had begun ends. Errors: upload_gone where it has been ended itself
 * meanwhile; those of a call. */
finq_error *finq_resumable_stand(const finq_resumable *begun, const finq_upload_way *way, apr_pool_t *pool);

/** The sealed part of its address, URL-safe. */
finq_error *finq_resumable_address(const char **address, const finq_resumable *resumable, const finq_service *service,
                                   apr_pool_t *pool);

/** Opens the sealed part of an address, without asking the database. Errors: upload_gone for what is none, or has expired; those of
 * finq_directory_skill. */
finq_error *finq_resumable_open(finq_resumable *resumable, const finq_service *service, const char *address, apr_pool_t *pool);

/** Takes what has come of it (finq_partial_take). */
finq_error *finq_resumable_take(finq_partial **partial, const finq_resumable *resumable, const finq_upload_way *way, int is_tried,
                                apr_pool_t *pool);

/** All has come: checks, scans and records it, as of one that came at once. Errors: those of uploads; after one that its client must mend
 * it has ended, after others it can be finished again. */
finq_error *finq_resumable_finish(finq_upload_answer *answer, const finq_resumable *resumable, finq_partial *partial,
                                  const finq_upload_way *way, apr_pool_t *pool);

/** What was stored, for who has not heard of it. Error: upload_gone where there is none; those of a call. */
finq_error *finq_resumable_stored(finq_upload_answer *answer, const finq_resumable *resumable, const finq_service *service,
                                  apr_pool_t *pool);

/** Ends one, finished or not, if it has not ended; what was stored stays. Errors: those of a call. */
finq_error *finq_resumable_end(const finq_resumable *resumable, const finq_upload_way *way, apr_pool_t *pool);

#endif
