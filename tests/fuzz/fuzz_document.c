/* A document's bytes: what they are, and what they say of themselves. */
#include "documents/archive.h"
#include "documents/media.h"
#include "documents/paper.h"
#include "documents/picture.h"
#include "fuzz.h"

typedef struct {
    const uint8_t *data;
    size_t size;
} memory;

static int memory_read(void *baton, void *to, apr_size_t n, off_t at)
{
    const memory *from = baton;
    FUZZ_PROMISE(n > 0 && at >= 0 && (size_t)at <= from->size && n <= from->size - (size_t)at);
    memcpy(to, from->data + at, n);
    return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memory file = {data, size};
    finq_source source = {memory_read, &file, (off_t)size};
    finq_paper paper = {0};
    finq_picture picture;
    const char *type = finq_media_sniff(data, size < FINQ_MEDIA_HEAD ? size : FINQ_MEDIA_HEAD);
    if (!type)
        return 0;
    FUZZ_PROMISE(finq_media_known(type));
    finq_picture_measure(&picture, &source, type);
    FUZZ_PROMISE((picture.width == 0) == (picture.height == 0) && picture.orientation >= 0 && picture.orientation <= 8);
    finq_archive_hides(&source, type);
    for (size_t at = 0; at < size; at += 7)
        finq_paper_look(&paper, (const char *)data + at, size - at < 7 ? size - at : 7);
    finq_paper_needs_password(&paper, &source);
    fuzz_successes++;
    return 0;
}
