/* Who may upload, how many at once, and where it goes. */
#include "httpd/api.h"

#include <apr_atomic.h>

#include "db/outcome.h"
#include "ground/clock.h"
#include "httpd/access.h"
#include "httpd/intake.h"
#include "httpd/limits.h"
#include "httpd/mpm.h"
#include "httpd/permits.h"

/* So long a form may take until its nonce has come. */
#define STRANGER_TIME (5 * APR_USEC_PER_SEC)

/* Refuses one of too many. */
static finq_error *crowded(finq_request *request, const char *cause)
{
    request->r->connection->keepalive = AP_CONN_CLOSE;
    finq_limits_tell_once(request);
    return finq_error_internal(request->r->pool, FINQ_E_SERVICE_UNAVAILABLE, "%s", cause);
}

/* Slow uploads hold threads: so many of a child's, whichever the host, and no more. */
static apr_uint32_t uploads;

static int uploads_most(const finq_config *config)
{
    int half = finq_mpm_half_of_threads();
    if (config->max_uploads > 0)
        return config->max_uploads;
    return half > 0 ? half : 1;
}

static finq_gauges *gauges_of(const finq_request *request)
{
    return request->config->runtime->meter.gauges;
}

finq_error *finq_api_admit_stranger(finq_admission *admission, finq_request *request)
{
    admission->stranger = finq_permits_take_share(FINQ_PERMITS_STRANGERS, finq_limits_address(request));
    if (!admission->stranger)
        return crowded(request, "too many forms whose nonce has not come, in this child or from this address");
    apr_atomic_inc32(&gauges_of(request)->strangers);
    request->read_until = finq_clock_steady() + STRANGER_TIME;
    return NULL;
}

finq_error *finq_api_admit_upload(finq_admission *admission, finq_request *request)
{
    finq_api_admit_end(admission, request);
    admission->is_upload = finq_permits_take(&uploads, uploads_most(request->config), &gauges_of(request)->uploads);
    return admission->is_upload ? NULL : crowded(request, "too many uploads under way in this child (FinqMaxUploads)");
}

void finq_api_admit_end(finq_admission *admission, finq_request *request)
{
    if (admission->stranger) {
        finq_permits_release_share(FINQ_PERMITS_STRANGERS, admission->stranger);
        apr_atomic_dec32(&gauges_of(request)->strangers);
        request->read_until = 0;
    }
    if (admission->is_upload)
        finq_permits_release(&uploads, &gauges_of(request)->uploads);
    *admission = (finq_admission){0};
}

finq_upload_way finq_api_upload_way(const finq_request *request)
{
    const finq_config *config = request->config;
    return (finq_upload_way){&request->service,
                             config->runtime->store,
                             {config->scan, apr_time_from_sec(config->scan_timeout)},
                             config->upload_quota,
                             config->max_megapixels};
}

/* Opens the nonce, finds the step. A step's id is derived under the secret that sealed the nonce, so who knows both has been told of a
 * submission. */
finq_error *finq_api_upload_pass(finq_session_pass *pass, finq_request *request, const char *client, const char *nonce)
{
    finq_id client_id;
    int known;
    FINQ_TRY(finq_access_tenant(request, client));
    FINQ_TRY(finq_intake_client_id(&client_id, client, request));
    FINQ_TRY(finq_intake_nonce(pass, request, &client_id, nonce, request->config->nonce_ttl));
    FINQ_TRY(finq_session_pass_back(&known, pass, &request->service, request->path_id, request->r->pool));
    return known ? NULL : finq_outcome_error("invalid_step_id", NULL, NULL, request->r->pool);
}
