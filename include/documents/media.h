/* Media types: what a file says it is, and what its bytes say. */
#ifndef FINQ_MEDIA_H
#define FINQ_MEDIA_H

#include <apr_pools.h>

/** As many of a file's first bytes as finq_media_sniff ever looks at. */
#define FINQ_MEDIA_HEAD 1024

/** The type alone of a Content-Type: lower-case, without parameters and blanks. NULL for NULL. */
const char *finq_media_base(const char *content_type, apr_pool_t *pool);

/** The type that a client says a file has, by the name that a skill knows it by; NULL where the client says none, and the
 * bytes decide: of no Content-Type, an empty one, application/octet-stream and its kin. What else it says stays as it is. */
const char *finq_media_claimed(const char *content_type, apr_pool_t *pool);

/** Whether the server can verify this type by its bytes. `type` (may be NULL) as finq_media_base gives it. */
int finq_media_known(const char *type);

/** Whether a known type is a wanted one: the same, or of its kind, as image/heic is an image/heif. */
int finq_media_is(const char *type, const char *wanted);

/** The type that a file's first bytes show: one of the known ones, or NULL. What may stand behind a picture (an MPO's second one,
 * a gain map, a motion photo's film) makes it no other type. */
const char *finq_media_sniff(const unsigned char *head, apr_size_t n);

#endif
