/* Media types: what a file says it is, and what its bytes say. */
#ifndef FINQ_MEDIA_H
#define FINQ_MEDIA_H

#include <apr_pools.h>
#include <sys/types.h>

/** As many of a file's first bytes as finq_media_sniff ever looks at. */
#define FINQ_MEDIA_HEAD 1024

/** The type alone of a Content-Type: lower-case, without parameters and blanks. NULL for NULL. */
const char *finq_media_base(const char *content_type, apr_pool_t *pool);

/** The type that a client says a file has, by the name that a skill knows it by; NULL where the client says none, and the
 * bytes decide: of no Content-Type, an empty one, application/octet-stream and its kin. What else it says stays as it is. */
const char *finq_media_claimed(const char *content_type, apr_pool_t *pool);

/** Whether the server can verify this type by its bytes. `type` (may be NULL) as finq_media_base gives it. */
int finq_media_known(const char *type);

/** The type that a file's first bytes show: one of the known ones, or NULL. */
const char *finq_media_sniff(const unsigned char *head, apr_size_t n);

/** Whether a file of this size is also a ZIP archive: its last 65,557 bytes hold an end-of-central-directory
 * record whose comment ends the file, or one behind which bytes were added and before which the directory
 * really stands. An attachment of a PDF, whose stream ends right behind it, is none. `type` as
 * finq_media_sniff told. Constant memory; moves no file position. A file that cannot be read counts as one, to be refused. */
int finq_media_hides_archive(int fd, off_t size, const char *type);

#endif
