/* Partials: what has come of an upload that may be cut anywhere and go on later, on any server that has the directory. A partial is a
 * file in the place of its id, as a blob's is, and finq_blob_remove removes it.
 *
 * It is a log of segments, one for each time that somebody went on. Each has a salt, and so a key, of its own; its frames
 * (crypto/frames.h) have any length up to the whole one, and the place of their first byte in the document is their number. So no key
 * and nonce seal twice, and what was taken out of the midst, swapped or put elsewhere does not open. Every moment leaves a file whose
 * whole records are true: what a crash has torn at its end is cut off by who goes on.
 *
 *   file    "FQP\1", then records
 *   record  a word of four bytes: the length of a frame, then that frame, sealed; or a mark:
 *           segment        a salt follows
 *           tried segment  likewise, of which nothing counts before its
 *           proof          its bytes are what their sender said
 *
 * One at a time has a partial: whoever takes it begins a segment, and nobody who had it before can add anything from then on. A file's
 * flock is held for moments only, so nobody waits for a sender who is gone. */
#ifndef FINQ_PARTIAL_H
#define FINQ_PARTIAL_H

#include "documents/blob.h"

/** A partial, taken. Belongs to one thread. */
typedef struct finq_partial finq_partial;

/** In so many segments a document may come. */
#define FINQ_PARTIAL_SEGMENTS 10000

/* Errors of all: those of the blobs; upload_gone where the file is not there, or was removed meanwhile. */

/** Makes an empty one. */
finq_error *finq_partial_create(const finq_blob_store *store, const finq_id *upload_id, apr_pool_t *pool);

/** Takes one. If it `is_tried`, what is appended counts only once finq_partial_prove was called. `key` must outlive it. */
finq_error *finq_partial_take(finq_partial **partial, const finq_blob_store *store, const finq_id *upload_id,
                              const finq_data_key *key, int is_tried, apr_pool_t *pool);

/** How many bytes of the document it has, with those that were appended. */
apr_int64_t finq_partial_offset(const finq_partial *partial);

/** Appends. Errors: offset_mismatch where somebody else has taken it since; invalid_body beyond FINQ_PARTIAL_SEGMENTS. */
finq_error *finq_partial_append(finq_partial *partial, const void *bytes, apr_size_t n);

/** No more comes this time: brings what was appended to the disk. Error: offset_mismatch, as above. */
finq_error *finq_partial_settle(finq_partial *partial);

/** What was appended is what its sender said: it counts, and is settled. */
finq_error *finq_partial_prove(finq_partial *partial);

/** Reads it all, in pieces, from the first byte. Errors: those of `take`; internal where it is not what was appended. */
finq_error *finq_partial_read(finq_partial *partial, finq_error *(*take)(void *baton, const char *bytes, apr_size_t n),
                              void *baton);

#endif
