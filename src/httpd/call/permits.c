#include "httpd/permits.h"

#include <apr_atomic.h>

#include "httpd/mpm.h"

int finq_permits_take(apr_uint32_t *taken, int most, apr_uint32_t *gauge)
{
    if (apr_atomic_inc32(taken) >= (apr_uint32_t)most) {
        apr_atomic_dec32(taken);
        return 0;
    }
    if (gauge)
        apr_atomic_inc32(gauge);
    return 1;
}

void finq_permits_release(apr_uint32_t *taken, apr_uint32_t *gauge)
{
    if (gauge)
        apr_atomic_dec32(gauge);
    apr_atomic_dec32(taken);
}

/* ---- strangers ---- */

#define STRANGERS_AN_ADDRESS 2

/* Who has each permit: an address, 0 for nobody. */
static struct {
    int most;
    apr_uint64_t *permits;
} strangers;

void finq_permits_child_init(apr_pool_t *pchild)
{
    strangers.most = finq_mpm_quarter_of_threads();
    strangers.permits = apr_pcalloc(pchild, sizeof *strangers.permits * (apr_size_t)strangers.most);
}

static int permits_of(apr_uint64_t address)
{
    int count = 0;
    for (int i = 0; i < strangers.most; i++)
        count += apr_atomic_read64(&strangers.permits[i]) == address;
    return count;
}

static int permit_claim(apr_uint64_t address)
{
    for (int i = 0; i < strangers.most; i++) {
        if (apr_atomic_cas64(&strangers.permits[i], address, 0) == 0)
            return i + 1;
    }
    return 0;
}

/* Two who count at once may both see too many, and both be refused; never too few. */
int finq_permits_take_stranger(apr_uint64_t address)
{
    int permit = permit_claim(address);
    if (!permit || permits_of(address) <= STRANGERS_AN_ADDRESS)
        return permit;
    finq_permits_release_stranger(permit);
    return 0;
}

void finq_permits_release_stranger(int permit)
{
    apr_atomic_set64(&strangers.permits[permit - 1], 0);
}
