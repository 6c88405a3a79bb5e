/* Uploads: a document's bytes, checked while they pass, placed, recorded. Nothing is left of one that is refused. */
#ifndef FINQ_UPLOAD_H
#define FINQ_UPLOAD_H

#include "documents/blob.h"
#include "documents/picture.h"
#include "documents/scan.h"
#include "flow/session.h"

/** An upload under way. Belongs to one request. */
typedef struct finq_upload finq_upload;

/** What its client is told (contract section 4). */
typedef struct finq_upload_answer {
    finq_id upload_id;
    const char *document;
    const char *media_type;
    finq_picture picture; /**< its orientation is 0 of what is no picture */
    apr_int64_t size;
    unsigned char sha256[FINQ_DIGEST_SHA256];
} finq_upload_answer;

/** Where documents go, and by whom they are looked at on the way. */
typedef struct finq_upload_way {
    const finq_service *service; /**< whose data keys seal them */
    const finq_blob_store *store;
    finq_scanner scanner;     /**< its path is "" where nobody scans */
    const apr_int64_t *quota; /**< bytes that a step, a session and a tenant may store; 0 for any number */
    int megapixels;           /**< most of a picture */
} finq_upload_way;

/** What a client says that it will send. */
typedef struct finq_upload_offer {
    const finq_session_pass *pass;
    const char *document;
    const char *content_type; /**< as sent; finq_media_claimed reads it */
    apr_int64_t least;        /**< so many bytes at least it is said to have; 0 where nothing is said */
    const finq_id *partial;   /**< what it has come as (flow/resumable.h); NULL where it comes at once */
} finq_upload_offer;

/** Checks an offer by itself, and that there is a scanner; `*most` is how many bytes the document may have. Errors: those of
 * finq_upload_begin that hang on neither database nor store. */
finq_error *finq_upload_expect(apr_int64_t *most, const finq_upload_way *way, const finq_upload_offer *offer, apr_pool_t *pool);

/** The error of a document that a quota (step, session, tenant) does not leave room for. */
finq_error *finq_upload_over_quota(const char *document, const char *quota, apr_pool_t *pool);

/** Most files that one call removes. */
#define FINQ_UPLOAD_FILES 3

/** Removes files, at most FINQ_UPLOAD_FILES and NULL for none, which the database has said are to go, if they are here; what it cannot,
 * finq_upload_tidy does. */
void finq_upload_files_remove(const finq_upload_way *way, const finq_id *const ids[], int count, apr_pool_t *pool);

/** A new id of an upload: with the session's time, so that it stands in the session's partition, and its file among that day's; and with
 * the mark of the directory that has the file. */
finq_error *finq_upload_id_new(finq_id *id, const finq_id *session_id, const finq_blob_store *store, apr_pool_t *pool);

/** Begins an upload. Nothing of it need have been read: what can be known before is asked of the database. Errors: invalid_field;
 * unsupported_media_type; payload_too_large for what its skill, or the scanner, does not take; quota_exceeded; those of finq_upload_finish
 * that do not hang on the bytes; those of the store and of finq_scan_begin. `offer` and `way` must outlive it. */
finq_error *finq_upload_begin(finq_upload **upload, const finq_upload_way *way, const finq_upload_offer *offer, apr_pool_t *pool);

/** Takes the next bytes. Errors: payload_too_large; quota_exceeded; unsupported_media_type as soon as the first bytes tell; storage;
 * those of a scan. */
finq_error *finq_upload_write(finq_upload *upload, const char *bytes, apr_size_t length);

/** The bytes will not all come, or were refused: nothing is kept. */
void finq_upload_abandon(finq_upload *upload);

/** The bytes are all there: places the file and records it. After an error nothing is kept. Errors: those of a scan;
 * unsupported_media_type, password_protected, unsafe_document, quota_exceeded, invalid_step_id, expired_nonce, step_already_submitted, unauthorized_tenant; storage; those of a call. */
finq_error *finq_upload_finish(finq_upload_answer *answer, finq_upload *upload, const finq_service *service);

/** A run through what is to be tidied: zeroed before its first call, kept for its next ones. */
typedef struct finq_upload_tidied {
    int removed;           /**< files, by the last call */
    int refused;           /**< files that the directory would not let go, by all calls */
    finq_error *refusal;   /**< why the last call's first; NULL where none was */
    int is_begun, is_done; /**< done: each file has been tried */
    finq_id behind;        /**< the newest that has been tried */
} finq_upload_tidied;

/** Settles with the database what stopped servers and lost answers left in the upload directory, and removes files that no
 * upload points to any more, the oldest first, for half a second. A file that cannot be removed holds up no other: a run tries each
 * once. Errors: storage; those of a call; what was not settled stays for the next run. */
finq_error *finq_upload_tidy(finq_upload_tidied *tidied, const finq_blob_store *store, finq_db *db, apr_pool_t *pool);

#endif
