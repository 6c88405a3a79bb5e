#include "httpd/api.h"

#include <apr_strings.h>
#include <string.h>

#include "bank/query.h"
#include "flow/redirect.h"
#include "httpd/observe.h"

/* A browser that fetches a page in case its user will want it, under the names that this had and has. */
static int is_prefetch(const apr_table_t *headers)
{
    static const char *const names[] = {"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *purpose = apr_table_get(headers, names[i]);
        if (purpose && (strncasecmp(purpose, "prefetch", 8) == 0 || strncasecmp(purpose, "preview", 7) == 0))
            return 1;
    }
    return 0;
}

static finq_error *return_read(finq_redirect_return *came, finq_request *request)
{
    const finq_query_parameter parameters[] = {
        {"state", &came->state},
        {"code", &came->code},
        {"error", &came->error},
        {"error_description", &came->error_description},
        {NULL, NULL},
    };
    const char *fault = finq_query_read(parameters, request->returned, request->r->pool);
    return fault ? finq_error_make(request->r->pool, FINQ_E_TPP_REDIRECT_ERROR, "The query %s.", fault) : NULL;
}

/* The browser's return from a bank: the one call that a person's browser makes, and that answers with a redirect. */
finq_error *finq_api_redirect_return(finq_request *request, finq_json_writer *reply)
{
    request_rec *r = request->r;
    static const finq_id none;
    finq_id session_id = none;
    finq_redirect_return came = {.kind = request->path_id};
    (void)reply;
    if (r->header_only || is_prefetch(r->headers_in))
        request->empty_status = HTTP_NO_CONTENT; /* nobody came back yet: the state keeps its one use */
    if (request->empty_status)
        return NULL;
    FINQ_TRY(return_read(&came, request));
    finq_error *error = finq_redirect_finish(&request->location, &session_id, &request->service, &came, r->pool);
    if (!finq_id_equal(&session_id, &none))
        finq_observe_tell_id(request, "session_id", &session_id);
    if (!error)
        finq_api_refresh_afterwards(request, NULL, &session_id); /* while the bank still tells all of it */
    return error;
}
