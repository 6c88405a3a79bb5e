#include "documents/media.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* `reach` is how many of the first bytes the magic must lie within: readers of PDF look for its header among the first 1,024
 * bytes, and mail gateways and printers do put bytes before it. */
typedef struct {
    const char *type;
    const char *magic;
    apr_size_t length, reach;
} media_row;

static const media_row media[] = {
    {"image/jpeg", "\xff\xd8\xff", 3, 3},
    {"image/png", "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", 16, 16},
    {"application/pdf", "%PDF-", 5, FINQ_MEDIA_HEAD},
};

#define MEDIA_COUNT (sizeof media / sizeof *media)

/* What clients write: browsers before HTML5, mobile pickers and their samples, servers that know no better. */
static const struct {
    const char *said;
    const char *means; /* NULL where it says nothing of the type */
} spellings[] = {
    {"image/jpg", "image/jpeg"},
    {"image/pjpeg", "image/jpeg"},
    {"image/jpe", "image/jpeg"},
    {"image/jfif", "image/jpeg"},
    {"image/pipeg", "image/jpeg"},
    {"image/x-jpeg", "image/jpeg"},
    {"image/x-jpg", "image/jpeg"},
    {"image/x-png", "image/png"},
    {"application/x-pdf", "application/pdf"},
    {"application/acrobat", "application/pdf"},
    {"application/vnd.pdf", "application/pdf"},
    {"text/pdf", "application/pdf"},
    {"text/x-pdf", "application/pdf"},
    {"", NULL},
    {"application/octet-stream", NULL},
    {"application/octetstream", NULL},
    {"application/binary", NULL},
    {"application/unknown", NULL},
    {"application/download", NULL},
    {"application/x-download", NULL},
    {"application/force-download", NULL},
    {"binary/octet-stream", NULL},
    {"unknown/unknown", NULL},
    {"image", NULL},
    {"image/*", NULL},
    {"application/*", NULL},
    {"*/*", NULL},
};

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

const char *finq_media_claimed(const char *content_type, apr_pool_t *pool)
{
    const char *base = finq_media_base(content_type, pool);
    for (size_t i = 0; base && i < sizeof spellings / sizeof *spellings; i++) {
        if (strcmp(spellings[i].said, base) == 0)
            return spellings[i].means;
    }
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
        apr_size_t reach = n < media[i].reach ? n : media[i].reach;
        if (memmem(head, reach, media[i].magic, media[i].length))
            return media[i].type;
    }
    return NULL;
}

/* The end-of-central-directory record: signature, ..., the directory's size at 12, the comment's length
 * at 20. */
#define ZIP_END 22
#define ZIP_COMMENT 65535
#define ZIP_WINDOW 8192

typedef struct {
    int fd;
    off_t size;
    int is_pdf;
} media_file;

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
    return size >= 46 && size <= record_at && read_at(fd, signature, 4, record_at - size) && memcmp(signature, "PK\1\2", 4) == 0;
}

/* Whether a stream of a PDF ends at a place (ISO 32000-1, 7.3.8): what stood before it is an attachment. */
static int stream_ends(int fd, off_t at)
{
    char bytes[11];
    if (!read_at(fd, bytes, sizeof bytes, at))
        return 0;
    int line_end = bytes[0] == '\r' && bytes[1] == '\n' ? 2 : bytes[0] == '\r' || bytes[0] == '\n';
    return memcmp(bytes + line_end, "endstream", 9) == 0;
}

static int is_zip_end(const media_file *file, off_t record_at, const unsigned char *record)
{
    off_t end = record_at + ZIP_END + (off_t)little_endian(record + 20, 2);
    if (end >= file->size)
        return end == file->size;
    return directory_stands_before(file->fd, record_at, record) && !(file->is_pdf && stream_ends(file->fd, end));
}

static int window_holds_zip_end(const media_file *file, const unsigned char *window, off_t window_at)
{
    size_t n = file->size - window_at < ZIP_WINDOW ? (size_t)(file->size - window_at) : ZIP_WINDOW;
    const unsigned char *at = window;
    while ((at = memmem(at, (size_t)(window + n - at), "PK\5\6", 4)) && window + n - at >= ZIP_END) {
        if (is_zip_end(file, window_at + (at - window), at))
            return 1;
        at++;
    }
    return 0;
}

int finq_media_hides_archive(int fd, off_t size, const char *type)
{
    const media_file file = {fd, size, strcmp(type, "application/pdf") == 0};
    unsigned char window[ZIP_WINDOW];
    off_t at = size > ZIP_END + ZIP_COMMENT ? size - ZIP_END - ZIP_COMMENT : 0;
    /* Windows overlap by a record less one byte, so that each record stands whole in one of them. */
    for (; at + ZIP_END <= size; at += ZIP_WINDOW - ZIP_END + 1) {
        size_t n = size - at < ZIP_WINDOW ? (size_t)(size - at) : ZIP_WINDOW;
        if (!read_at(fd, window, n, at) || window_holds_zip_end(&file, window, at))
            return 1;
    }
    return 0;
}
