#include "httpd/body.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include <string.h>
#include <util_filter.h>

#include "documents/media.h"
#include "ground/clock.h"
#include "ground/text.h"

/* After an error in a body nobody knows where the next request begins. */
static finq_error *body_error(finq_request *request, finq_error *error)
{
    request->r->connection->keepalive = AP_CONN_CLOSE;
    return error;
}

static finq_error *too_large(finq_request *request, apr_off_t most)
{
    return body_error(request, finq_error_too_large("The body", most, request->r->pool));
}

/* The message names what was sent and what may be; `what` is the header. */
static finq_error *type_refused(finq_request *request, const char *what, const char *sent, const char *const *accepted)
{
    apr_pool_t *pool = request->r->pool;
    const apr_array_header_t *list = finq_text_array(accepted, pool);
    finq_error *error = finq_error_make(pool, FINQ_E_UNSUPPORTED_MEDIA_TYPE, "%s is %s; it may be: %s.", what,
                                        finq_text_show(sent, pool), finq_text_join(list, pool));
    return body_error(request, finq_error_tell_texts(error, "accepted", list, pool));
}

/* Of a request with both lengths httpd drops the Content-Length, marks the connection to be closed and goes on; nothing else
 * has marked it so early. Of codings before "chunked" it knows nothing, and hands on the bytes as they are. */
static finq_error *framing_check(finq_request *request)
{
    request_rec *r = request->r;
    const char *coding = apr_table_get(r->headers_in, "Content-Encoding");
    const char *transfer = apr_table_get(r->headers_in, "Transfer-Encoding");
    if (transfer && (r->connection->keepalive == AP_CONN_CLOSE || apr_table_get(r->headers_in, "Content-Length")))
        return body_error(request, finq_error_make(r->pool, FINQ_E_INVALID_HEADERS,
                                                   "Content-Length and Transfer-Encoding exclude each other."));
    if (transfer && strcasecmp(transfer, "chunked") != 0)
        return body_error(request, finq_error_make(r->pool, FINQ_E_INVALID_HEADERS, "Transfer-Encoding can only be chunked."));
    if (coding && strcasecmp(coding, "identity") != 0)
        return type_refused(request, "Content-Encoding", coding, (const char *const[]){"identity", NULL});
    return NULL;
}

finq_error *finq_body_precheck(finq_request *request, apr_off_t most, const finq_body_types *types)
{
    request_rec *r = request->r;
    const char *length = apr_table_get(r->headers_in, "Content-Length");
    const char *type = finq_media_base(apr_table_get(r->headers_in, "Content-Type"), r->pool);
    apr_off_t declared;
    FINQ_TRY(framing_check(request));
    if (!types->is_taken(type))
        return type_refused(request, "Content-Type", type ? type : "absent", types->accepted);
    if (length && ap_parse_strict_length(&declared, length) && declared > most)
        return too_large(request, most);
    return NULL;
}

static finq_error *read_error(finq_request *request, apr_status_t status)
{
    apr_pool_t *pool = request->r->pool;
    apr_off_t limit = ap_get_limit_req_body(request->r); /* httpd's own */
    if (status == AP_FILTER_ERROR)
        request->answered = 1; /* a filter below has sent its own answer */
    if (APR_STATUS_IS_TIMEUP(status))
        return body_error(request, finq_error_make(pool, FINQ_E_REQUEST_TIMEOUT, "The body did not arrive in time."));
    if (status == APR_ENOSPC || ap_map_http_request_error(status, HTTP_BAD_REQUEST) == HTTP_REQUEST_ENTITY_TOO_LARGE)
        return too_large(request, limit > 0 ? limit : request->config->max_body);
    return body_error(request, finq_error_make(pool, FINQ_E_INVALID_BODY, "The body was cut short or is badly framed."));
}

/* Copies what a bucket holds, as far as there is room, and shortens it to that. */
static apr_status_t bucket_copy(apr_bucket *bucket, char *bytes, apr_size_t room, apr_size_t *length)
{
    const char *data;
    apr_size_t n;
    apr_status_t status = apr_bucket_read(bucket, &data, &n, APR_BLOCK_READ);
    if (status == APR_SUCCESS && n > room - *length) {
        n = room - *length;
        status = apr_bucket_split(bucket, n);
    }
    if (status != APR_SUCCESS)
        return status;
    memcpy(bytes + *length, data, n);
    *length += n;
    return APR_SUCCESS;
}

/* Moves what a brigade holds to `bytes`; whether the end of the body was among it. The rest stays in the brigade: an input
 * filter such as mod_ext_filter's gives more than it was asked for. */
static apr_status_t brigade_take(apr_bucket_brigade *brigade, char *bytes, apr_size_t room, apr_size_t *length, int *ended)
{
    while (!APR_BRIGADE_EMPTY(brigade) && *length < room) {
        apr_bucket *bucket = APR_BRIGADE_FIRST(brigade);
        apr_status_t status = APR_SUCCESS;
        if (APR_BUCKET_IS_EOS(bucket))
            *ended = 1;
        else if (!APR_BUCKET_IS_METADATA(bucket))
            status = bucket_copy(bucket, bytes, room, length);
        if (status != APR_SUCCESS)
            return status;
        apr_bucket_delete(bucket);
    }
    return APR_SUCCESS;
}

/* What comes next of the body. The socket of a connection over HTTP/2 is none that waits: there httpd's own time limits hold, and
 * ours from one piece to the next. */
static apr_status_t brigade_fill(finq_request *request, apr_off_t room)
{
    request_rec *r = request->r;
    apr_socket_t *socket = ap_get_conn_socket(r->connection);
    apr_interval_time_t usual, left = request->read_until - finq_clock_steady();
    if (!request->read_until)
        return ap_get_brigade(r->input_filters, request->brigade, AP_MODE_READBYTES, APR_BLOCK_READ, room);
    if (left <= 0)
        return APR_TIMEUP;
    apr_socket_timeout_get(socket, &usual);
    apr_socket_timeout_set(socket, usual > 0 && usual < left ? usual : left);
    apr_status_t status = ap_get_brigade(r->input_filters, request->brigade, AP_MODE_READBYTES, APR_BLOCK_READ, room);
    apr_socket_timeout_set(socket, usual);
    return status;
}

finq_error *finq_body_read(finq_request *request, char *bytes, apr_size_t room, apr_size_t *length)
{
    request_rec *r = request->r;
    *length = 0;
    if (!request->brigade)
        request->brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    while (*length == 0 && !request->body_ended) {
        apr_status_t status = APR_SUCCESS;
        if (APR_BRIGADE_EMPTY(request->brigade))
            status = brigade_fill(request, (apr_off_t)room);
        if (status == APR_SUCCESS)
            status = brigade_take(request->brigade, bytes, room, length, &request->body_ended);
        if (status != APR_SUCCESS)
            return read_error(request, status);
    }
    if (request->digests)
        finq_proof_digests_feed(request->digests, bytes, *length);
    return NULL;
}

/* ---- JSON ---- */

/* application/json, anything +json, none at all, or what curl says of -d (contract section 1). */
static int is_json_type(const char *type)
{
    if (!type)
        return 1;
    apr_size_t length = strlen(type);
    return strcmp(type, "application/json") == 0 || strcmp(type, "application/x-www-form-urlencoded") == 0 ||
           (length > 5 && strcmp(type + length - 5, "+json") == 0);
}

/* Reads the whole body into one buffer, which starts at the declared length and never grows past the limit. */
static finq_error *body_flatten(finq_request *request, char **text, apr_size_t *length)
{
    request_rec *r = request->r;
    apr_size_t most = (apr_size_t)request->config->max_body, room, n;
    const char *declared = apr_table_get(r->headers_in, "Content-Length");
    room = declared ? (apr_size_t)apr_atoi64(declared) : 4096;
    if (room > most)
        room = most;
    *text = apr_palloc(r->pool, ++room); /* one more than it may be, to see that it is not */
    for (*length = 0;; *length += n) {
        if (*length == room) {
            if (room > most)
                return too_large(request, (apr_off_t)most);
            apr_size_t larger = room * 2 > most + 1 ? most + 1 : room * 2;
            char *moved = apr_palloc(r->pool, larger);
            *text = memcpy(moved, *text, room);
            room = larger;
        }
        FINQ_TRY(finq_body_read(request, *text + *length, room - *length, &n));
        if (n == 0)
            return NULL;
    }
}

finq_error *finq_body_text(finq_request *request, char **text, apr_size_t *length)
{
    static const char *const accepted[] = {"application/json", "application/*+json", NULL};
    FINQ_TRY(finq_body_precheck(request, request->config->max_body, &(finq_body_types){is_json_type, accepted}));
    return body_flatten(request, text, length);
}

static int is_any_type(const char *type)
{
    (void)type;
    return 1;
}

finq_error *finq_body_whole(finq_request *request, char **bytes, apr_size_t *length)
{
    static const char *const accepted[] = {NULL};
    FINQ_TRY(finq_body_precheck(request, request->config->max_body, &(finq_body_types){is_any_type, accepted}));
    return body_flatten(request, bytes, length);
}

apr_status_t finq_body_give(apr_bucket_brigade *to, apr_bucket_brigade *held, apr_off_t most)
{
    apr_bucket *after;
    apr_status_t status = apr_brigade_partition(held, most, &after);
    if (status != APR_SUCCESS && status != APR_INCOMPLETE) /* incomplete: there is no more than that */
        return status;
    while (!APR_BRIGADE_EMPTY(held) && APR_BRIGADE_FIRST(held) != after) {
        apr_bucket *bucket = APR_BRIGADE_FIRST(held);
        APR_BUCKET_REMOVE(bucket);
        APR_BRIGADE_INSERT_TAIL(to, bucket);
    }
    return APR_SUCCESS;
}
