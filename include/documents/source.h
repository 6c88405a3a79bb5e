/* Sources: the bytes of a finished upload, to be read anywhere, whatever they are kept in. */
#ifndef FINQ_SOURCE_H
#define FINQ_SOURCE_H

#include <apr.h>
#include <sys/types.h>

/** What can be read. Belongs to one thread. */
typedef struct finq_source {
    /** Reads `n` bytes from `at`, which lie within the size. Returns 0 where they cannot be had. */
    int (*read)(void *baton, void *to, apr_size_t n, off_t at);
    void *baton;
    off_t size;
} finq_source;

/** The source of an open file, whose position is not moved. `descriptor` must outlive it. */
finq_source finq_source_of_file(const int *descriptor, off_t size);

/** Reads exactly `n` bytes from `at`. Returns 0 where there are not so many, or they cannot be had. */
int finq_source_read(const finq_source *source, void *to, apr_size_t n, off_t at);

/** Reads at most `n` bytes from `at`; how many there are before the end. 0 also where they cannot be had. */
apr_size_t finq_source_peek(const finq_source *source, void *to, apr_size_t n, off_t at);

#endif
