#include "documents/source.h"

#include <errno.h>
#include <unistd.h>

static int file_read(void *descriptor, void *to, apr_size_t n, off_t at)
{
    for (char *bytes = to; n > 0;) {
        ssize_t got = pread(*(const int *)descriptor, bytes, n, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return 0;
        bytes += got;
        at += got;
        n -= (apr_size_t)got;
    }
    return 1;
}

finq_source finq_source_of_file(const int *descriptor, off_t size)
{
    return (finq_source){file_read, (void *)descriptor, size};
}

int finq_source_read(const finq_source *source, void *to, apr_size_t n, off_t at)
{
    if (at < 0 || at > source->size || n > (apr_uint64_t)(source->size - at))
        return 0;
    return n == 0 || source->read(source->baton, to, n, at);
}

apr_size_t finq_source_peek(const finq_source *source, void *to, apr_size_t n, off_t at)
{
    if (at < 0 || at >= source->size)
        return 0;
    if (n > (apr_uint64_t)(source->size - at))
        n = (apr_size_t)(source->size - at);
    return source->read(source->baton, to, n, at) ? n : 0;
}
