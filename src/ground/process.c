#include "ground/process.h"

#include <apr_network_io.h>
#include <apr_strings.h>
#include <unistd.h>

const char *finq_process_name(apr_pool_t *pool)
{
    char host[APRMAXHOSTLEN + 1];
    if (apr_gethostname(host, sizeof host, pool) != APR_SUCCESS)
        apr_cpystrn(host, "?", sizeof host);
    return apr_psprintf(pool, "%s, process %ld", host, (long)getpid());
}
