#include "httpd/api.h"

#include <http_log.h>
#include <util_script.h>

#include "flow/redirect.h"

APLOG_USE_MODULE(finq);

/* The browser's return from a bank: the one call that a person's browser makes, and that answers with a redirect. */
finq_error *finq_api_redirect_return(finq_request *request, finq_json_writer *reply)
{
    request_rec *r = request->r;
    apr_table_t *query;
    r->args = (char *)request->returned; /* for this call alone */
    ap_args_to_table(r, &query);
    r->args = NULL;
    finq_redirect_return came = {
        .kind = request->path_id,
        .state = apr_table_get(query, "state"),
        .code = apr_table_get(query, "code"),
        .error = apr_table_get(query, "error"),
        .error_description = apr_table_get(query, "error_description"),
    };
    (void)reply;
    FINQ_TRY(finq_redirect_finish(&request->location, &request->service, &came, r->pool));
    return NULL;
}
