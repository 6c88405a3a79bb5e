/* httpd ends the connection after every 400: of a request that it could not read it does not know where the next one begins. Ours was
 * read to its end. Whether a connection stays is settled by the status, in two places: behind the handler (ap_discard_request_body) and
 * where the header is written (ap_set_keepalive, with all else that speaks against it). There the status is 200, and nowhere else:
 * the filters of other modules see 400, and the filter behind the header puts its first line right. */
#include "httpd/keep_alive.h"

#include <http_protocol.h>
#include <string.h>
#include <util_filter.h>

#define FIRST "FINQ_KEEP_ALIVE_FIRST"
#define BEFORE_HEADER "FINQ_KEEP_ALIVE_BEFORE_HEADER"
#define BEHIND_HEADER "FINQ_KEEP_ALIVE_BEHIND_HEADER"
/* The length of "HTTP/1.1 ", or "HTTP/1.0 " where an operator forces that. */
#define VERSION_LENGTH 9

/* A status that is another by now is that of another module's error. */
static apr_status_t status_change(ap_filter_t *filter, apr_bucket_brigade *brigade, int from, int to)
{
    ap_remove_output_filter(filter);
    if (filter->r->status == from)
        filter->r->status = to;
    return ap_pass_brigade(filter->next, brigade);
}

static apr_status_t first(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    return status_change(filter, brigade, HTTP_OK, HTTP_BAD_REQUEST);
}

static apr_status_t before_header(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    return status_change(filter, brigade, HTTP_BAD_REQUEST, HTTP_OK);
}

/* The header's text is the first bucket. */
static apr_status_t line_put(apr_bucket_brigade *brigade, request_rec *r)
{
    const char *line = ap_get_status_line(HTTP_BAD_REQUEST);
    apr_bucket *written = APR_BRIGADE_FIRST(brigade);
    apr_status_t status = apr_bucket_split(written, VERSION_LENGTH);
    written = APR_BUCKET_NEXT(written);
    if (status == APR_SUCCESS)
        status = apr_bucket_split(written, strlen(r->status_line));
    if (status != APR_SUCCESS)
        return status;
    APR_BUCKET_INSERT_BEFORE(written, apr_bucket_immortal_create(line, strlen(line), brigade->bucket_alloc));
    apr_bucket_delete(written);
    r->status_line = line;
    return APR_SUCCESS;
}

static apr_status_t behind_header(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    apr_status_t status = filter->r->status == HTTP_OK ? line_put(brigade, filter->r) : APR_SUCCESS;
    return status == APR_SUCCESS ? status_change(filter, brigade, HTTP_OK, HTTP_BAD_REQUEST) : status;
}

void finq_keep_alive(request_rec *r)
{
    r->status = HTTP_OK;
    ap_add_output_filter(FIRST, NULL, r, r->connection);
    ap_add_output_filter(BEFORE_HEADER, NULL, r, r->connection);
    ap_add_output_filter(BEHIND_HEADER, NULL, r, r->connection);
}

void finq_keep_alive_register(void)
{
    ap_register_output_filter(FIRST, first, NULL, AP_FTYPE_RESOURCE - 1);
    ap_register_output_filter(BEFORE_HEADER, before_header, NULL, AP_FTYPE_PROTOCOL - 1);
    ap_register_output_filter(BEHIND_HEADER, behind_header, NULL, AP_FTYPE_PROTOCOL + 1);
}
