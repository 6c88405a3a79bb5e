/* A compact JWS, verified with a key whose private half made the corpus' good token and was thrown away. */
#include "sign/jws.h"
#include "fuzz.h"

static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
                          "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApuChtOuKo0oVXTEZVfvh\n"
                          "Z8wLk6jDDi/2dzoWXfhsfokXazTLJUarMb7dAUldSM32s+XDlkcrdBlkKfTUvsv0\n"
                          "HBihBIDvq19Gb+7cafnkpYHbva6uY7jyucnwvoOJHsLrzWX959IwqQUm1fFyIB8x\n"
                          "GfBxume1Vnifr1zDT7oDrNZ0Dz4jE+DC4ZFiZWIbaAoU2u0rMtRfIuTdiahfGsn9\n"
                          "T9f0V+FYkMErw9tjHtC6ML+hk33QCwyljnQcut+ipqycDTVy0MYt+LBQKpv7avuL\n"
                          "+3qeiLAEIVyJMBCYXLcYYiM19/hPkltDVIfbgUxMbDe14pxs3MWLZp7Hfel0+jO7\n"
                          "XwIDAQAB\n"
                          "-----END PUBLIC KEY-----\n";

static const apr_array_header_t *keys_get(void)
{
    static apr_array_header_t *keys;
    static apr_pool_t *pool;
    if (!keys) {
        apr_pool_create(&pool, NULL);
        FUZZ_PROMISE(!finq_key_read(&keys, FINQ_ALGORITHM_RS256, pem, sizeof pem - 1, pool));
    }
    return keys;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    const finq_claims *claims = NULL;
    const char *issuer;
    finq_jws *jws;
    if (finq_jws_parse(&jws, (const char *)data, size, pool))
        return 0;
    FUZZ_PROMISE(size <= FINQ_JWS_MAX && (!finq_jws_kid(jws) || finq_key_is_kid(finq_jws_kid(jws))));
    finq_error *hint = finq_jws_unproven_issuer(&issuer, jws, pool);
    if (finq_jws_verify(&claims, jws, keys_get(), pool)) {
        FUZZ_PROMISE(!claims);
        return 0;
    }
    FUZZ_PROMISE(!hint && strcmp(issuer, claims->issuer) == 0);
    fuzz_successes++;
    return 0;
}
