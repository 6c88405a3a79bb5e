#include "httpd/shared.h"

#include <apr_shm.h>
#include <http_log.h>

#include "httpd/limits.h"
#include "httpd/observe.h"

APLOG_USE_MODULE(finq);

#define CACHE_LINE 64

/* Anonymous: it has no name that another process could open or that a crash could leave behind, children inherit it, and
 * it goes with its last process. The system hands it out zeroed, a page when that is first used. A restart begins with a
 * new one; children that still finish keep theirs. */
static void *memory_make(apr_size_t size, apr_pool_t *pconf)
{
    apr_shm_t *shm;
    if (apr_shm_create(&shm, size + CACHE_LINE, NULL, pconf) != APR_SUCCESS)
        return NULL;
    return (void *)APR_ALIGN((apr_uintptr_t)apr_shm_baseaddr_get(shm), CACHE_LINE);
}

int finq_shared_create(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server)
{
    apr_size_t limits = finq_limits_size(main_server), size = limits + finq_observe_size(main_server);
    char *memory = memory_make(size, pconf);
    (void)plog;
    (void)ptemp;
    finq_error *error = memory ? finq_limits_make(memory, main_server, pconf)
                               : finq_error_internal(pconf, FINQ_E_INTERNAL_SERVER_ERROR,
                                                     "no shared memory of %" APR_SIZE_T_FMT " bytes could be had", size);
    if (error) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, main_server, "FINQ06: %s", error->cause);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    finq_observe_make(memory + limits, main_server, pconf);
    return OK;
}
