/* draft-ietf-httpbis-resumable-upload, interop versions 6 to 8. */
#include <apr_lib.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <string.h>

#include "ground/clock.h"
#include "ground/text.h"
#include "httpd/access.h"
#include "resumption.h"

#define VERSION "Upload-Draft-Interop-Version"
#define COMPLETE "Upload-Complete"
#define OLDEST 6
#define NEWEST 8
/* Until then a limit on time was called expires, and max-age since. */
#define EXPIRES_UNTIL 6

static int version_of(const finq_request *request)
{
    const char *text = apr_table_get(request->r->headers_in, VERSION);
    return text && strlen(text) == 1 && apr_isdigit(*text) ? *text - '0' : 0;
}

static int is_spoken(const finq_request *request)
{
    int version = version_of(request);
    return version >= OLDEST && version <= NEWEST;
}

/* What has these headers and is a form is an upload like any other: some clients send them along with whatever they upload. */
static int is_asked(const finq_request *request)
{
    const apr_table_t *headers = request->r->headers_in;
    const char *type = apr_table_get(headers, "Content-Type");
    return request->address ? apr_table_get(headers, VERSION) != NULL
                            : is_spoken(request) && apr_table_get(headers, COMPLETE) &&
                                  !(type && strncasecmp(type, "multipart/form-data", 19) == 0);
}

static finq_error *enter(finq_transfer *transfer)
{
    static const char *const others[] = {"Upload-Offset", COMPLETE, "Upload-Length"};
    const request_rec *r = transfer->request->r;
    if (!is_spoken(transfer->request))
        return finq_error_make(transfer->pool, FINQ_E_UNSUPPORTED_VERSION, VERSION " can be 6, 7 or 8.");
    finq_resumption_set_number(transfer, VERSION, version_of(transfer->request));
    for (size_t i = 0; (r->header_only || r->method_number == M_DELETE) && i < sizeof others / sizeof *others; i++) {
        if (apr_table_get(r->headers_in, others[i]))
            return finq_resumption_wrong(transfer, others[i], "belongs to no HEAD or DELETE");
    }
    return NULL;
}

/* A boolean of RFC 8941; where it is not sent, more is to come. */
static finq_error *complete_read(finq_transfer *transfer)
{
    const char *text = apr_table_get(transfer->request->r->headers_in, COMPLETE);
    transfer->is_last = text && strcmp(text, "?1") == 0;
    return !text || transfer->is_last || strcmp(text, "?0") == 0 ? NULL
                                                                 : finq_resumption_wrong(transfer, COMPLETE, "must be ?0 or ?1");
}

/* The length that a last piece gives the document, if it says how long it is, is the one that was said before. */
static finq_error *length_check(finq_transfer *transfer, apr_int64_t before, apr_int64_t at)
{
    apr_int64_t content = -1;
    FINQ_TRY(finq_resumption_number(&content, transfer, "Content-Length"));
    apr_int64_t whole = transfer->is_last && content >= 0 ? at + content : -1;
    if (transfer->length < 0)
        transfer->length = whole;
    if ((whole >= 0 && whole != transfer->length) || (before >= 0 && transfer->length >= 0 && transfer->length != before))
        return finq_resumption_wrong(transfer, "Upload-Length", "is not what the document has come to, or was said to have");
    return NULL;
}

static const char *const piece_types[] = {"application/partial-upload", NULL};

static int is_piece(const char *type)
{
    return type && strcmp(type, *piece_types) == 0;
}

/* A creation begins with the document itself, whose type finq_resumable_begin looks at. */
static int is_document(const char *type)
{
    (void)type;
    return 1;
}

static finq_error *create(finq_transfer *transfer)
{
    transfer->content_type = apr_table_get(transfer->request->r->headers_in, "Content-Type");
    FINQ_TRY(complete_read(transfer));
    FINQ_TRY(finq_resumption_number(&transfer->length, transfer, "Upload-Length"));
    return length_check(transfer, -1, 0);
}

static finq_error *append(finq_transfer *transfer)
{
    FINQ_TRY(finq_resumption_number(&transfer->at, transfer, "Upload-Offset"));
    if (transfer->at < 0)
        return finq_resumption_wrong(transfer, "Upload-Offset", "is missing");
    FINQ_TRY(complete_read(transfer));
    FINQ_TRY(finq_resumption_number(&transfer->length, transfer, "Upload-Length"));
    return length_check(transfer, transfer->upload.length, transfer->at);
}

/* ---- answers ---- */

static const char *limit_of(const finq_transfer *transfer)
{
    const char *name = version_of(transfer->request) <= EXPIRES_UNTIL ? "expires" : "max-age";
    return apr_psprintf(transfer->pool, "max-size=%" APR_INT64_T_FMT ", %s=%" APR_INT64_T_FMT, transfer->upload.most, name,
                        transfer->upload.pass.token.expires_at - finq_clock_seconds());
}

static void tell(finq_transfer *transfer)
{
    finq_resumption_set_number(transfer, "Upload-Offset", transfer->offset);
    finq_resumption_set(transfer, COMPLETE, transfer->is_stored ? "?1" : "?0");
    finq_resumption_set(transfer, "Upload-Limit", limit_of(transfer));
    if (transfer->upload.length >= 0)
        finq_resumption_set_number(transfer, "Upload-Length", transfer->upload.length);
}

/* On a signed base nobody knows yet whose request it is. */
static int may_announce(const finq_transfer *transfer)
{
    return !transfer->request->proof && transfer->request->r->proto_num >= HTTP_VERSION(1, 1);
}

/* So that a client whose line is cut knows where to go on. httpd's function sends the headers that it finds, and forgets that somebody
 * waits for 100 Continue. */
static void announce(finq_transfer *transfer, const char *location)
{
    request_rec *r = transfer->request->r;
    apr_table_t *headers = r->headers_out;
    int status = r->status, is_expecting = r->expecting_100;
    const char *line = r->status_line;
    r->headers_out = apr_table_make(r->pool, 3);
    apr_table_setn(r->headers_out, VERSION, apr_itoa(r->pool, version_of(transfer->request)));
    apr_table_setn(r->headers_out, "Location", location);
    apr_table_setn(r->headers_out, "Upload-Limit", limit_of(transfer));
    r->status = 104;
    r->status_line = "104 Upload Resumption Supported";
    ap_send_interim_response(r, 1);
    r->headers_out = headers;
    r->status = status;
    r->status_line = line;
    r->expecting_100 = is_expecting;
}

/* A document that is stored is answered as one that came at once. */
static void answer(finq_transfer *transfer, finq_json_writer *reply, int status)
{
    (void)status;
    if (!transfer->is_stored) {
        transfer->request->empty_status = HTTP_CREATED;
        return;
    }
    apr_table_unset(transfer->request->r->err_headers_out, "Location");
    finq_api_put_upload(reply, transfer->request, &transfer->stored, &transfer->upload.pass.step_id);
}

const finq_resumption finq_resumption_draft = {
    .first = {is_document, piece_types},
    .next = {is_piece, piece_types},
    .is_asked = is_asked,
    .enter = enter,
    .create = create,
    .append = append,
    .may_announce = may_announce,
    .announce = announce,
    .tell = tell,
    .answer = answer,
};
