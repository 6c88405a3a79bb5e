/* The first byte says where the text is cut; the rest is the text. */
#include "json/compact.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    if (size < 1)
        return 0;
    size_t n = size - 1, cut = n * data[0] / 255;
    const char *text = (const char *)data + 1;
    char *whole = apr_palloc(pool, n + 1), *pieces = apr_palloc(pool, n + 1);
    finq_compact at_once = {0, 0}, in_two = {0, 0}, again = {0, 0};
    size_t length = finq_compact_push(&at_once, text, n, whole);
    size_t first = finq_compact_push(&in_two, text, cut, pieces);
    first += finq_compact_push(&in_two, text + cut, n - cut, pieces + first);
    FUZZ_PROMISE(length <= n && first == length && memcmp(whole, pieces, length) == 0);
    FUZZ_PROMISE(finq_compact_push(&again, whole, length, pieces) == length && memcmp(whole, pieces, length) == 0);
    fuzz_successes += length && length < n;
    return 0;
}
