#include "documents/media.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "ground/codec.h"

/* `reach` is how many of the first bytes the magic must lie within: readers of PDF look for its header among the first 1,024
 * bytes, and mail gateways and printers do put bytes before it. */
typedef struct {
    const char *type;
    const char *magic;
    apr_size_t length, reach;
} media_row;

static const media_row media[] = {
    {"image/jpeg", "\xff\xd8\xff", 3, 3}, {"image/png", "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", 16, 16}, {"image/tiff", "II*\0", 4, 4},
    {"image/tiff", "MM\0*", 4, 4},        {"application/pdf", "%PDF-", 5, FINQ_MEDIA_HEAD},
};

/* Pictures in boxes (ISO/IEC 14496-12) tell what they are by the brands of their first box. The more special brand counts,
 * wherever in the list it stands. */
static const struct {
    char brand[5];
    const char *type;
} brands[] = {
    {"avif", "image/avif"}, {"avis", "image/avif"}, {"heic", "image/heic"}, {"heix", "image/heic"}, {"heim", "image/heic"},
    {"heis", "image/heic"}, {"hevc", "image/heic"}, {"hevx", "image/heic"}, {"mif1", "image/heif"}, {"msf1", "image/heif"},
};

static const char *const known[] = {"image/jpeg", "image/png",  "image/webp", "image/heic",
                                    "image/heif", "image/avif", "image/tiff", "application/pdf"};

#define COUNT(table) (sizeof(table) / sizeof *(table))

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
    {"image/mpo", "image/jpeg"},
    {"image/x-webp", "image/webp"},
    {"image/tif", "image/tiff"},
    {"image/x-tif", "image/tiff"},
    {"image/x-tiff", "image/tiff"},
    {"image/heic-sequence", "image/heic"},
    {"image/heif-sequence", "image/heif"},
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
    size_t n = strcspn(content_type, ";");
    while (n > 0 && apr_isspace(content_type[n - 1]))
        n--;
    char *base = apr_pstrmemdup(pool, content_type, n);
    for (size_t i = 0; i < n; i++)
        base[i] = (char)apr_tolower(base[i]);
    return base;
}

const char *finq_media_claimed(const char *content_type, apr_pool_t *pool)
{
    const char *base = finq_media_base(content_type, pool);
    for (size_t i = 0; base && i < COUNT(spellings); i++) {
        if (strcmp(spellings[i].said, base) == 0)
            return spellings[i].means;
    }
    return base;
}

int finq_media_known(const char *type)
{
    for (size_t i = 0; type && i < COUNT(known); i++) {
        if (strcmp(known[i], type) == 0)
            return 1;
    }
    return 0;
}

int finq_media_is(const char *type, const char *wanted)
{
    return strcmp(type, wanted) == 0 || (strcmp(type, "image/heic") == 0 && strcmp(wanted, "image/heif") == 0);
}

/* "ftyp" is the first box: its length, its name, the major brand, a version, and the compatible brands. */
static const char *sniff_boxes(const unsigned char *head, apr_size_t n)
{
    if (n < 16 || memcmp(head + 4, "ftyp", 4) != 0)
        return NULL;
    apr_uint64_t length = finq_codec_number(head, 4);
    if (length < 16 || length > FINQ_MEDIA_HEAD || length > n)
        return NULL;
    for (size_t i = 0; i < COUNT(brands); i++) {
        for (apr_size_t at = 8; at + 4 <= length; at += at == 8 ? 8 : 4) {
            if (memcmp(head + at, brands[i].brand, 4) == 0)
                return brands[i].type;
        }
    }
    return NULL;
}

static const char *sniff_webp(const unsigned char *head, apr_size_t n)
{
    return n >= 16 && memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "WEBPVP8", 7) == 0 ? "image/webp" : NULL;
}

const char *finq_media_sniff(const unsigned char *head, apr_size_t n)
{
    const char *type = sniff_boxes(head, n);
    if (!type)
        type = sniff_webp(head, n);
    for (size_t i = 0; !type && i < COUNT(media); i++) {
        apr_size_t reach = n < media[i].reach ? n : media[i].reach;
        if (memmem(head, reach, media[i].magic, media[i].length))
            type = media[i].type;
    }
    return type;
}
