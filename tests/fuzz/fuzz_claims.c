#include "../../src/sign/jws_claims.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    const finq_claims_policy policy = {"api.finqware.com", NULL, 3600, 60, 10, 0};
    const finq_claims *claims = NULL;
    if (finq_claims_read(&claims, (finq_bytes){data, size}, "k", pool)) {
        FUZZ_PROMISE(!claims);
        return 0;
    }
    FUZZ_PROMISE(claims->issued >= 0 && claims->expires >= 0 && *claims->issuer && *claims->digest);
    FUZZ_PROMISE(claims->audiences->nelts >= 0 && (!claims->jti || (*claims->jti && strlen(claims->jti) <= 256)));
    if (!finq_claims_check(claims, &policy, claims->issued, pool)) {
        FUZZ_PROMISE(claims->expires > claims->issued && claims->expires <= claims->issued + 3600);
        fuzz_successes++;
    }
    return 0;
}
