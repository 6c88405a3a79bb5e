/* Scanning: clamd is shown a document while it streams in (its command INSTREAM, clamd(8)). Fails closed: only what clamd says is
 * clean goes on. */
#ifndef FINQ_SCAN_H
#define FINQ_SCAN_H

#include <apr_pools.h>
#include <apr_time.h>

#include "ground/error.h"

/** The scanner of a host. Read-only once the server runs. */
typedef struct finq_scanner {
    const char *path;            /**< of clamd's socket */
    apr_interval_time_t timeout; /**< so long it is waited for in all, of one document */
} finq_scanner;

/** A document before the scanner: one connection. Belongs to one thread; ends with its pool. */
typedef struct finq_scan finq_scan;

/** Begins. Errors of all three: service_unavailable where clamd is not there, does not answer in time, or answers anything that is
 * no verdict; payload_too_large where it takes no file of this size; unsafe_document where it found something, or did not look at
 * all of it. After an error the scan has ended. `name` is what messages call the document. */
finq_error *finq_scan_begin(finq_scan **scan, const finq_scanner *scanner, const char *name, apr_pool_t *pool);

/** The most bytes of a document that the scanner looks at, as its configuration says; 0 where that is not known, or no limit. */
apr_int64_t finq_scan_most(const finq_scan *scan);

/** Shows the next bytes. A verdict may come before the end. */
finq_error *finq_scan_feed(finq_scan *scan, const char *bytes, apr_size_t n);

/** All has been shown: waits for the verdict. No error where the document is clean. */
finq_error *finq_scan_end(finq_scan *scan);

/** No verdict is wanted any more. May be called at any time, also after an end. */
void finq_scan_abandon(finq_scan *scan);

/** What clamd's own configuration says of its limits. */
typedef struct finq_scan_limits {
    const char *file;   /**< that configuration; NULL where it could not be found or read: then nothing else is known */
    const char *why;    /**< why not */
    apr_int64_t most;   /**< the least of StreamMaxLength, MaxFileSize and MaxScanSize; 0 for none of them */
    int tells_exceeded; /**< AlertExceedsMax yes: what is not scanned whole is not called clean */
} finq_scan_limits;

/** Learns the limits of the clamd at a socket: of the file that its process was started with, else of Debian's, if that names
 * this socket. */
void finq_scan_learn(finq_scan_limits *limits, const char *path, apr_pool_t *pool);

#endif
