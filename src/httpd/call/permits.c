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

/* ---- shares ---- */

/* What one holder may have of a kind, while there is more: an export may be read for as long as its tenant likes. */
static const int each[FINQ_PERMITS_SHARED] = {[FINQ_PERMITS_STRANGERS] = 2, [FINQ_PERMITS_EXPORTS] = 1};

/* Who has each permit of a kind: a holder, 0 for nobody. */
static int most_shared;
static apr_uint64_t *shared[FINQ_PERMITS_SHARED];

void finq_permits_child_init(apr_pool_t *pchild)
{
    most_shared = finq_mpm_quarter_of_threads();
    for (int what = 0; what < FINQ_PERMITS_SHARED; what++)
        shared[what] = apr_pcalloc(pchild, sizeof *shared[what] * (apr_size_t)most_shared);
}

static int permits_of(finq_permits_shared what, apr_uint64_t holder)
{
    int count = 0;
    for (int i = 0; i < most_shared; i++)
        count += apr_atomic_read64(&shared[what][i]) == holder;
    return count;
}

static int permit_claim(finq_permits_shared what, apr_uint64_t holder)
{
    for (int i = 0; i < most_shared; i++) {
        if (apr_atomic_cas64(&shared[what][i], holder, 0) == 0)
            return i + 1;
    }
    return 0;
}

/* Two who count at once may both see too many, and both be refused; never too few. */
int finq_permits_take_share(finq_permits_shared what, apr_uint64_t holder)
{
    int permit = permit_claim(what, holder);
    if (!permit || permits_of(what, holder) <= each[what])
        return permit;
    finq_permits_release_share(what, permit);
    return 0;
}

void finq_permits_release_share(finq_permits_shared what, int permit)
{
    apr_atomic_set64(&shared[what][permit - 1], 0);
}
