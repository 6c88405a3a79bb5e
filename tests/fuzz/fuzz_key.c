/* The first byte chooses the algorithm; the rest is key material. */
#include "sign/key.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    apr_array_header_t *keys;
    if (size < 1)
        return 0;
    if (finq_key_read(&keys, data[0] % FINQ_ALGORITHM_COUNT, (const char *)data + 1, size - 1, pool))
        return 0;
    FUZZ_PROMISE(keys->nelts >= 1 && keys->nelts <= FINQ_KEY_MAX);
    for (int i = 0; i < keys->nelts; i++) {
        const finq_key *key = APR_ARRAY_IDX(keys, i, const finq_key *), *loaded;
        const finq_key_row row = {key->kid, key->algorithm, key->spki, 0};
        FUZZ_PROMISE(finq_key_is_kid(key->kid) && finq_key_find(keys, key->kid) == key);
        FUZZ_PROMISE(finq_key_load(&loaded, &row, pool) == NULL);
    }
    fuzz_successes++;
    return 0;
}
