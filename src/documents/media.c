#include "documents/media.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const char *type;
    const char *magic;
    apr_size_t length;
} media_row;

static const media_row media[] = {
    {"image/jpeg", "\xff\xd8\xff", 3},
    {"image/png", "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", FINQ_MEDIA_HEAD},
    {"application/pdf", "%PDF-", 5},
};

#define MEDIA_COUNT (sizeof media / sizeof *media)

const char *finq_media_base(const char *content_type, apr_pool_t *pool)
{
    if (!content_type)
        return NULL;
    while (apr_isspace(*content_type))
        content_type++;
    char *base = apr_pstrmemdup(pool, content_type, strcspn(content_type, ";"));
    size_t n = strlen(base);
    while (n > 0 && apr_isspace(base[n - 1]))
        base[--n] = '\0';
    for (char *c = base; *c; c++)
        *c = (char)apr_tolower(*c);
    return base;
}

int finq_media_known(const char *type)
{
    for (size_t i = 0; type && i < MEDIA_COUNT; i++) {
        if (strcmp(media[i].type, type) == 0)
            return 1;
    }
    return 0;
}

const char *finq_media_sniff(const unsigned char *head, apr_size_t n)
{
    for (size_t i = 0; i < MEDIA_COUNT; i++) {
        if (n >= media[i].length && memcmp(head, media[i].magic, media[i].length) == 0)
            return media[i].type;
    }
    return NULL;
}

/* The end-of-central-directory record: signature, ..., the directory's size at 12, the comment's length
 * at 20. */
#define ZIP_END 22
#define ZIP_COMMENT 65535
#define ZIP_WINDOW 8192

static unsigned long little_endian(const unsigned char *bytes, int n)
{
    unsigned long value = 0;
    while (n-- > 0)
        value = value << 8 | bytes[n];
    return value;
}

static int read_at(int fd, void *buffer, size_t n, off_t at)
{
    char *to = buffer;
    while (n > 0) {
        ssize_t got = pread(fd, to, n, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return 0;
        to += got;
        at += got;
        n -= (size_t)got;
    }
    return 1;
}

/* Archive programs look for the directory right before the record, whatever the offset in it says. */
static int directory_stands_before(int fd, off_t record_at, const unsigned char *record)
{
    off_t size = (off_t)little_endian(record + 12, 4);
    unsigned char signature[4];
    return size >= 46 && size <= record_at && read_at(fd, signature, 4, record_at - size) &&
           memcmp(signature, "PK\1\2", 4) == 0;
}

static int is_zip_end(int fd, off_t record_at, const unsigned char *record, off_t size)
{
    off_t behind = size - record_at - ZIP_END - (off_t)little_endian(record + 20, 2);
    return behind == 0 || (behind > 0 && directory_stands_before(fd, record_at, record));
}

static int window_holds_zip_end(int fd, const unsigned char *window, off_t window_at, off_t size)
{
    size_t n = size - window_at < ZIP_WINDOW ? (size_t)(size - window_at) : ZIP_WINDOW;
    const unsigned char *at = window;
    while ((at = memmem(at, (size_t)(window + n - at), "PK\5\6", 4)) && window + n - at >= ZIP_END) {
        if (is_zip_end(fd, window_at + (at - window), at, size))
            return 1;
        at++;
    }
    return 0;
}

int finq_media_hides_archive(int fd, off_t size)
{
    unsigned char window[ZIP_WINDOW];
    off_t at = size > ZIP_END + ZIP_COMMENT ? size - ZIP_END - ZIP_COMMENT : 0;
    /* Windows overlap by a record less one byte, so that each record stands whole in one of them. */
    for (; at + ZIP_END <= size; at += ZIP_WINDOW - ZIP_END + 1) {
        size_t n = size - at < ZIP_WINDOW ? (size_t)(size - at) : ZIP_WINDOW;
        if (!read_at(fd, window, n, at) || window_holds_zip_end(fd, window, at, size))
            return 1;
    }
    return 0;
}
