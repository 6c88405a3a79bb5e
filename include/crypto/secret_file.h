/* Secret files: read strictly, in one way, for all who keep secrets in files. */
#ifndef FINQ_SECRET_FILE_H
#define FINQ_SECRET_FILE_H

#include <apr_pools.h>

#include "ground/error.h"

/** Most secrets of a file. */
#define FINQ_SECRET_FILE_MOST 16

/** Takes one secret, in the file's order; `bytes` are wiped when it returns. */
typedef finq_error *(*finq_secret_take)(void *baton, const unsigned char *bytes, apr_size_t length, apr_pool_t *pool);

/** Reads a secret file: a secret a line, at least 64 hexadecimal digits; empty lines and lines that begin
 * with # are passed over. The file must be regular, not empty, and closed to group and others. Error:
 * internal, its cause a sentence that says what to do; it never quotes the file. */
finq_error *finq_secret_file_read(const char *path, finq_secret_take take, void *baton, apr_pool_t *pool);

/** The text of a file that is as secret and has a form of its own, wiped with the pool; `make` is the command that makes one, its name
 * left out. Error: as above. */
finq_error *finq_secret_file_text(const char **text, const char *path, const char *make, apr_pool_t *pool);

/** Overwrites a secret that is no longer needed. */
void finq_wipe(void *bytes, apr_size_t length);

#endif
