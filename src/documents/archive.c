#include "documents/archive.h"

#include <string.h>

#include "ground/codec.h"

/* The end-of-central-directory record: signature, ..., the directory's size at 12, the comment's length
 * at 20. */
#define ZIP_END 22
#define ZIP_COMMENT 65535
#define ZIP_WINDOW 8192

/* Archive programs look for the directory right before the record, whatever the offset in it says. */
static int directory_stands_before(const finq_source *source, off_t record_at, const unsigned char *record)
{
    off_t size = (off_t)finq_codec_number_little(record + 12, 4);
    unsigned char signature[4];
    return size >= 46 && size <= record_at && finq_source_read(source, signature, 4, record_at - size) &&
           memcmp(signature, "PK\1\2", 4) == 0;
}

/* Whether a stream of a PDF ends at a place (ISO 32000-1, 7.3.8): what stood before it is an attachment. */
static int stream_ends(const finq_source *source, off_t at)
{
    char bytes[11];
    if (!finq_source_read(source, bytes, sizeof bytes, at))
        return 0;
    int line_end = bytes[0] == '\r' && bytes[1] == '\n' ? 2 : bytes[0] == '\r' || bytes[0] == '\n';
    return memcmp(bytes + line_end, "endstream", 9) == 0;
}

static int is_zip_end(const finq_source *source, int is_pdf, off_t record_at, const unsigned char *record)
{
    off_t end = record_at + ZIP_END + (off_t)finq_codec_number_little(record + 20, 2);
    if (end == source->size)
        return 1;
    return directory_stands_before(source, record_at, record) && !(is_pdf && stream_ends(source, end));
}

static int window_holds_zip_end(const finq_source *source, int is_pdf, const unsigned char *window, off_t window_at, size_t n)
{
    const unsigned char *at = window;
    while ((at = memmem(at, (size_t)(window + n - at), "PK\5\6", 4)) && window + n - at >= ZIP_END) {
        if (is_zip_end(source, is_pdf, window_at + (at - window), at))
            return 1;
        at++;
    }
    return 0;
}

int finq_archive_hides(const finq_source *source, const char *type)
{
    int is_pdf = strcmp(type, "application/pdf") == 0;
    unsigned char window[ZIP_WINDOW];
    off_t at = source->size > ZIP_END + ZIP_COMMENT ? source->size - ZIP_END - ZIP_COMMENT : 0;
    /* Windows overlap by a record less one byte, so that each record stands whole in one of them. */
    for (; at + ZIP_END <= source->size; at += ZIP_WINDOW - ZIP_END + 1) {
        size_t n = finq_source_peek(source, window, sizeof window, at);
        if (n == 0 || window_holds_zip_end(source, is_pdf, window, at, n))
            return 1;
    }
    return 0;
}
