/* Blobs: the files of uploads, sealed (crypto/frames.h) under their sessions' data keys. The only room that touches the upload
 * directory, which many servers may share.
 *
 *   DIR/staging/<upload_id>     an upload under way, and the marker of one whose outcome is not settled
 *   DIR/<YYYYMMDD>/<upload_id>  an upload in its place; the day (UTC) is in the id, which is a version 7 UUID
 *   DIR/id                      the directory's mark, which the ids of its uploads end with
 *
 * Who holds the flock of a staged file is alive and owns it; a staged file without one belongs to the sweep.
 * A blob is placed by a second link to the same file, so at every moment a crash leaves either one link (a
 * dead upload) or two (ask the database), and never a file that nobody knows. */
#ifndef FINQ_BLOB_H
#define FINQ_BLOB_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "crypto/data_key.h"
#include "crypto/digest.h"
#include "documents/source.h"
#include "ground/codec.h"
#include "ground/error.h"
#include "ground/id.h"

/** An upload directory, open. Threads may share it. */
typedef struct finq_blob_store finq_blob_store;

/** A file under way. Belongs to one thread. */
typedef struct finq_blob finq_blob;

/** Opens an upload directory, to be called as the user that will write there. `dir` must exist, writable by
 * its owner alone. Error: internal, naming the path and what to do. */
finq_error *finq_blob_store_open(finq_blob_store **store, const char *dir, apr_pool_t *pool);

/** Opens an upload directory for reading alone, whoever it belongs to. Error: internal, naming the path. */
finq_error *finq_blob_store_open_read(finq_blob_store **store, const char *dir, apr_pool_t *pool);

/** Bytes of a directory's mark: those that the ids of its uploads end with. */
#define FINQ_BLOB_MARK 4
/** Gives an id the mark of this directory. */
void finq_blob_mark(finq_id *upload_id, const finq_blob_store *store);
/** Whether an id has it: only then its file is, or was, here. */
int finq_blob_is_here(const finq_blob_store *store, const finq_id *upload_id);
/** Learns the mark of a directory that was opened for reading alone. Error: internal, where it has none. */
finq_error *finq_blob_mark_learn(finq_blob_store *store, apr_pool_t *pool);
/** The mark; the bytes are the store's. */
finq_bytes finq_blob_mark_of(const finq_blob_store *store);

/** Whether uploads can be taken now: the directory is still the one at its path, it and the days in it belong to this user
 * alone, and a file can be written, placed and removed. Error: internal, naming what is wrong. */
finq_error *finq_blob_store_check(const finq_blob_store *store, apr_pool_t *pool);

/* Errors of all functions below: insufficient_storage where disk, quota or file size gave out, service_unavailable where
 * the disk takes nothing, else internal.
 */

/** Begins a staged file, sealed under `key`, which must outlive it; NULL for one that nobody shall read again. If the pool goes before the
 * blob was placed, the file goes too; a placed blob that was neither kept nor discarded is then left (finq_blob_leave). */
finq_error *finq_blob_begin(finq_blob **blob, const finq_blob_store *store, const finq_id *upload_id, const finq_data_key *key,
                            apr_pool_t *pool);

/** Appends. After an error the blob can only be discarded. */
finq_error *finq_blob_write(finq_blob *blob, const void *bytes, apr_size_t n);

/** The file is whole: brings it to the disk and tells what was written, before it was sealed. */
finq_error *finq_blob_finish(unsigned char sha256[FINQ_DIGEST_SHA256], apr_off_t *size, finq_blob *blob);

/** The bytes of a finished blob, for checks of them, until it is kept, discarded or left. */
finq_source finq_blob_source(const finq_blob *blob);

/** Puts a finished blob in its place, durably. To be called before the database records it. */
finq_error *finq_blob_place(finq_blob *blob);

/** The database has recorded the placed blob: only its place remains. */
void finq_blob_keep(finq_blob *blob);
/** It is not wanted, placed or not: nothing remains. */
void finq_blob_discard(finq_blob *blob);
/** The outcome is not known (the connection was lost during COMMIT): a sweep will ask the database. */
void finq_blob_leave(finq_blob *blob);

/** Opens a placed blob for reading, for as long as the pool lives. What was altered cannot be read: the source says so where it is,
 * and here for what is no blob's file. Errors: not_found if it is missing; internal. */
finq_error *finq_blob_open(finq_source *source, const finq_blob_store *store, const finq_id *upload_id, const finq_data_key *key,
                           apr_pool_t *pool);

/** Sees one placed blob. What it returns ends the look. */
typedef finq_error *(*finq_blob_visit)(void *baton, const finq_id *upload_id);

/** Shows all placed blobs whose outcome is settled, while servers go on. Errors: storage, and those of `visit`. */
finq_error *finq_blob_each(const finq_blob_store *store, finq_blob_visit visit, void *baton, apr_pool_t *pool);

/** Whether a blob is placed, and, in `*settled`, whether its outcome is settled too. */
int finq_blob_is_placed(int *settled, const finq_blob_store *store, const finq_id *upload_id);

/** Removes a placed blob; no error if it is not there. */
finq_error *finq_blob_remove(const finq_blob_store *store, const finq_id *upload_id, apr_pool_t *pool);

/** What a sweep found. */
typedef struct finq_blob_swept {
    apr_array_header_t *undecided; /**< of finq_id: placed, outcome unknown; for finq_blob_settle */
    int removed;                   /**< dead uploads, now gone */
    int alive;                     /**< uploads under way, left alone */
    int foreign;                   /**< entries that are no staged file of this room; left alone, worth a warning */
} finq_blob_swept;

/** Clears the staging area of uploads whose owner is dead. May run at any time, in any number of processes.
 */
finq_error *finq_blob_sweep(finq_blob_swept *swept, const finq_blob_store *store, apr_pool_t *pool);

/** Settles an undecided upload by the database's word. Does nothing if it is not undecided any more.
 * That word must be final: ask only when no transaction that could still record this upload can be open. */
finq_error *finq_blob_settle(const finq_blob_store *store, const finq_id *upload_id, int recorded, apr_pool_t *pool);

#endif
