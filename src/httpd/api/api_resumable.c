/* Uploads that can be cut anywhere and go on (contract section 13): one engine, whatever the protocol. */
#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include <string.h>

#include "documents/media.h"
#include "httpd/access.h"
#include "httpd/limits.h"
#include "httpd/observe.h"
#include "httpd/paths.h"
#include "resumption.h"

#define PIECE 65536

static const finq_resumption *const protocols[] = {&finq_resumption_tus, &finq_resumption_draft, NULL};

/* ---- one request ---- */

static const finq_resumption *protocol_of(const finq_request *request)
{
    const finq_resumption *const *protocol = protocols;
    while (*protocol && !(*protocol)->is_asked(request))
        protocol++;
    return *protocol;
}

int finq_api_resumable_is(const finq_request *request)
{
    return protocol_of(request) != NULL;
}

static finq_error *begin(finq_transfer *transfer, finq_request *request)
{
    const apr_table_t *headers = request->r->headers_in;
    const char *length = apr_table_get(headers, "Content-Length");
    memset(transfer, 0, sizeof *transfer);
    transfer->request = request;
    transfer->pool = request->r->pool;
    transfer->protocol = protocol_of(request);
    transfer->length = transfer->at = -1;
    transfer->has_body = apr_table_get(headers, "Transfer-Encoding") || (length && strcmp(length, "0") != 0);
    if (!request->config->runtime->store)
        return finq_error_internal(transfer->pool, FINQ_E_SERVICE_UNAVAILABLE, "the upload directory could not be opened");
    transfer->way = finq_api_upload_way(request);
    if (transfer->protocol)
        return transfer->protocol->enter(transfer);
    return finq_error_make(transfer->pool, FINQ_E_UNSUPPORTED_VERSION,
                           "No header says which protocol goes on: Tus-Resumable, or Upload-Draft-Interop-Version.");
}

/* ---- the body ---- */

static finq_error *body_check(const finq_transfer *transfer)
{
    const finq_resumption *protocol = transfer->protocol;
    const finq_body_types *types = transfer->request->address ? &protocol->next : &protocol->first;
    return finq_body_precheck(transfer->request, FINQ_SKILL_MAX_BYTES, types);
}

/* As many bytes as the document may have. */
static apr_int64_t most_of(const finq_transfer *transfer)
{
    return transfer->upload.length >= 0 ? transfer->upload.length : transfer->upload.most;
}

static finq_error *room_check(const finq_transfer *transfer, apr_int64_t end)
{
    const finq_resumable *upload = &transfer->upload;
    apr_int64_t most = most_of(transfer);
    if (end > most)
        return finq_error_too_large(upload->document, most, transfer->pool);
    return upload->room < 0 || end <= upload->room ? NULL
                                                   : finq_upload_over_quota(upload->document, upload->quota, transfer->pool);
}

/* Where the document comes to by a body that begins at a place; -1 where it does not say. */
static apr_int64_t body_end(const finq_transfer *transfer, apr_int64_t at)
{
    const char *length = apr_table_get(transfer->request->r->headers_in, "Content-Length");
    if (!transfer->has_body)
        return at;
    return length ? at + apr_atoi64(length) : -1;
}

static finq_error *piece_take(finq_transfer *transfer, const char *bytes, apr_size_t n)
{
    FINQ_TRY(room_check(transfer, finq_partial_offset(transfer->partial) + (apr_int64_t)n));
    if (transfer->digest)
        finq_digest_update(transfer->digest, bytes, n);
    return finq_partial_append(transfer->partial, bytes, n);
}

static finq_error *body_take(finq_transfer *transfer)
{
    char *piece = apr_palloc(transfer->pool, PIECE);
    apr_size_t n;
    for (;;) {
        FINQ_TRY(finq_body_read(transfer->request, piece, PIECE, &n));
        if (n == 0)
            return NULL;
        FINQ_TRY(piece_take(transfer, piece, n));
    }
}

/* What was not shown to be what its sender said is as if it had not come. */
static finq_error *piece_prove(finq_transfer *transfer)
{
    unsigned char digest[FINQ_DIGEST_SHA256];
    finq_digest_final(digest, transfer->digest);
    if (finq_digest_equal(digest, transfer->expected, transfer->digest_length))
        return finq_partial_prove(transfer->partial);
    return finq_error_make(transfer->pool, FINQ_E_CHECKSUM_MISMATCH,
                           "What came is not what Upload-Checksum says; send it again.");
}

/* What has come before a cut stays. */
static finq_error *receive(finq_transfer *transfer)
{
    finq_error *error = transfer->has_body ? body_take(transfer) : NULL;
    if (error && !transfer->request->body_ended)
        transfer->request->r->connection->keepalive = AP_CONN_CLOSE;
    if (transfer->digest)
        return error ? error : piece_prove(transfer);
    finq_error *unsettled = finq_partial_settle(transfer->partial);
    return error ? error : unsettled;
}

/* ---- going on ---- */

static finq_error *offset_check(finq_transfer *transfer)
{
    if (transfer->at == transfer->offset)
        return NULL;
    finq_resumption_set_number(transfer, "Upload-Offset", transfer->offset);
    return finq_error_make(transfer->pool, FINQ_E_OFFSET_MISMATCH, "The upload stands at %" APR_INT64_T_FMT ".",
                           transfer->offset);
}

/* Where it stands: in its file, or stored as a whole. */
static finq_error *look(finq_transfer *transfer)
{
    finq_error *error =
        finq_resumable_take(&transfer->partial, &transfer->upload, &transfer->way, transfer->digest != NULL, transfer->pool);
    if (!error) {
        transfer->offset = finq_partial_offset(transfer->partial);
        return NULL;
    }
    if (error->code != FINQ_E_UPLOAD_GONE)
        return error;
    FINQ_TRY(finq_resumable_stored(&transfer->stored, &transfer->upload, &transfer->request->service, transfer->pool));
    transfer->offset = transfer->stored.size;
    transfer->is_stored = 1;
    return NULL;
}

static int is_whole(const finq_transfer *transfer)
{
    return transfer->protocol->ends_at_length ? transfer->offset == transfer->upload.length : transfer->is_last;
}

/* A last piece that does not say how long it is may end early, and the client believe that all of it has come. */
static finq_error *length_check(const finq_transfer *transfer)
{
    apr_int64_t length = transfer->upload.length >= 0 ? transfer->upload.length : transfer->length;
    return length < 0 || length == transfer->offset
               ? NULL
               : finq_resumption_wrong(transfer, "Upload-Length", "is not what the document has come to");
}

static finq_error *finish(finq_transfer *transfer)
{
    FINQ_TRY(length_check(transfer));
    FINQ_TRY(finq_resumable_finish(&transfer->stored, &transfer->upload, transfer->partial, &transfer->way, transfer->pool));
    finq_observe_tell_id(transfer->request, "upload_id", &transfer->stored.upload_id);
    transfer->is_stored = 1;
    return NULL;
}

static finq_error *take_piece(finq_transfer *transfer)
{
    FINQ_TRY(look(transfer));
    FINQ_TRY(offset_check(transfer));
    if (transfer->is_stored)
        return transfer->has_body ? finq_error_too_large(transfer->upload.document, transfer->offset, transfer->pool) : NULL;
    if (transfer->request->address && transfer->upload.length < 0)
        FINQ_TRY(finq_resumable_promise(&transfer->upload, &transfer->way, body_end(transfer, transfer->at), transfer->pool));
    finq_error *error = receive(transfer);
    apr_int64_t end = finq_partial_offset(transfer->partial);
    if (transfer->upload.length < 0 && body_end(transfer, 0) < 0) /* it gives back what it did not need */
        finq_resumable_promise(&transfer->upload, &transfer->way, end, transfer->pool);
    FINQ_TRY(error);
    transfer->offset = end;
    return NULL;
}

/* That the request is its signer's; an address goes unsigned. */
static finq_error *prove(const finq_transfer *transfer)
{
    FINQ_TRY(finq_access_body_end(transfer->request));
    return finq_access_use(transfer->request);
}

static finq_error *go_on(finq_transfer *transfer)
{
    FINQ_TRY(take_piece(transfer));
    if (transfer->has_body)
        FINQ_TRY(prove(transfer)); /* before anything is stored, and what it replaces goes */
    return !transfer->is_stored && is_whole(transfer) ? finish(transfer) : NULL;
}

static finq_error *admitted(finq_transfer *transfer, finq_error *(*go)(finq_transfer *transfer))
{
    finq_admission admission = {0};
    FINQ_TRY(finq_api_admit_upload(&admission, transfer->request));
    finq_error *error = go(transfer);
    finq_api_admit_end(&admission, transfer->request);
    return error;
}

/* ---- creation ---- */

static const char *location_of(const finq_transfer *transfer, const char *address)
{
    const request_rec *r = transfer->request->r;
    return apr_pstrcat(transfer->pool, finq_paths_base(transfer->request->config, r->uri), FINQ_PATHS_UPLOADS, address, NULL);
}

static finq_error *pass_find(finq_session_pass *pass, finq_request *request)
{
    const char *client_id = apr_table_get(request->r->headers_in, "X-Finq-Client-Id");
    apr_array_header_t *missing = apr_array_make(request->r->pool, 3, sizeof(const char *));
    if (!client_id)
        APR_ARRAY_PUSH(missing, const char *) = "X-Finq-Client-Id";
    if (!request->nonce)
        APR_ARRAY_PUSH(missing, const char *) = FINQ_REQUEST_NONCE;
    if (!apr_table_get(request->r->headers_in, "X-Finq-Document"))
        APR_ARRAY_PUSH(missing, const char *) = "X-Finq-Document";
    if (missing->nelts > 0)
        return finq_error_missing(missing, request->r->pool);
    return finq_api_upload_pass(pass, request, client_id, request->nonce);
}

static finq_error *begin_address(finq_transfer *transfer)
{
    const char *address;
    const finq_upload_offer offer = {.pass = &transfer->pass,
                                     .document = apr_table_get(transfer->request->r->headers_in, "X-Finq-Document"),
                                     .content_type = transfer->content_type,
                                     .least = transfer->length >= 0 ? transfer->length : body_end(transfer, 0)};
    transfer->upload.length = transfer->length;
    FINQ_TRY(finq_resumable_begin(&transfer->upload, &transfer->way, &offer, transfer->pool));
    FINQ_TRY(finq_resumable_address(&address, &transfer->upload, &transfer->request->service, transfer->pool));
    finq_resumption_set(transfer, "Location", location_of(transfer, address));
    return NULL;
}

/* What else the document had begun ends. */
static finq_error *stand(finq_transfer *transfer)
{
    return finq_resumable_stand(&transfer->upload, &transfer->way, transfer->pool);
}

static finq_error *announce(finq_transfer *transfer)
{
    const finq_resumption *protocol = transfer->protocol;
    if (!protocol->may_announce || !protocol->may_announce(transfer))
        return NULL;
    FINQ_TRY(stand(transfer));
    protocol->announce(transfer, apr_table_get(transfer->request->r->err_headers_out, "Location"));
    transfer->is_told = 1;
    return NULL;
}

/* What was refused before its client has learnt the address is not kept, and has ended nothing. */
static finq_error *begin_upload(finq_transfer *transfer)
{
    FINQ_TRY(begin_address(transfer));
    finq_error *error = announce(transfer);
    if (!error && transfer->has_piece)
        error = go_on(transfer);
    if (!error && !transfer->is_told && !transfer->is_stored)
        error = stand(transfer);
    if (!error || transfer->is_told)
        return error;
    apr_table_unset(transfer->request->r->err_headers_out, "Location");
    finq_resumable_end(&transfer->upload, &transfer->way, transfer->pool);
    return error;
}

finq_error *finq_api_resumable_create(finq_request *request, finq_json_writer *reply)
{
    finq_transfer transfer;
    FINQ_TRY(begin(&transfer, request));
    FINQ_TRY(transfer.protocol->create(&transfer));
    FINQ_TRY(pass_find(&transfer.pass, request));
    finq_access_body_begin(request, 0);
    if (transfer.has_body)
        FINQ_TRY(body_check(&transfer));
    else
        FINQ_TRY(prove(&transfer));
    transfer.has_piece = transfer.has_body || transfer.is_last || transfer.length == 0;
    transfer.at = 0;
    FINQ_TRY(transfer.has_piece ? admitted(&transfer, begin_upload) : begin_upload(&transfer));
    transfer.protocol->tell(&transfer);
    transfer.protocol->answer(&transfer, reply, HTTP_CREATED);
    return NULL;
}

/* ---- the address ---- */

static finq_error *address_head(finq_transfer *transfer, finq_json_writer *reply)
{
    (void)reply;
    FINQ_TRY(look(transfer));
    transfer->protocol->tell(transfer);
    transfer->request->empty_status = HTTP_NO_CONTENT;
    return NULL;
}

static finq_error *address_patch(finq_transfer *transfer, finq_json_writer *reply)
{
    FINQ_TRY(body_check(transfer));
    FINQ_TRY(transfer->protocol->append(transfer));
    FINQ_TRY(room_check(transfer, transfer->at));
    FINQ_TRY(room_check(transfer, body_end(transfer, transfer->at)));
    FINQ_TRY(admitted(transfer, go_on));
    transfer->protocol->tell(transfer);
    transfer->protocol->answer(transfer, reply, HTTP_NO_CONTENT);
    return NULL;
}

static finq_error *address_delete(finq_transfer *transfer, finq_json_writer *reply)
{
    (void)reply;
    transfer->request->empty_status = HTTP_NO_CONTENT;
    return finq_resumable_end(&transfer->upload, &transfer->way, transfer->pool);
}

static finq_error *address_open(finq_transfer *transfer)
{
    finq_request *request = transfer->request;
    finq_session_pass *pass = &transfer->upload.pass;
    FINQ_TRY(finq_resumable_open(&transfer->upload, &request->service, request->address, transfer->pool));
    request->is_proven = 1;
    finq_observe_recognised(request, &pass->token.client_id, pass->published, pass->step->name);
    finq_observe_tell_id(request, "session_id", &pass->token.session_id);
    return finq_limits_tenant(request, &pass->token.client_id);
}

/* What tus lets a client that can only post say in a header. */
static int method_of(const finq_request *request)
{
    const request_rec *r = request->r;
    int may_say = r->method_number == M_POST && finq_resumption_tus.is_asked(request);
    const char *instead = may_say ? apr_table_get(r->headers_in, "X-HTTP-Method-Override") : NULL;
    if (instead && strcmp(instead, "HEAD") == 0)
        return M_GET;
    if (instead)
        return ap_method_number_of(instead);
    return r->method_number == M_GET && !r->header_only ? M_INVALID : r->method_number;
}

finq_error *finq_api_upload_address(finq_request *request, finq_json_writer *reply)
{
    finq_transfer transfer;
    int method = method_of(request);
    if (method == M_OPTIONS)
        return finq_api_resumable_options(request);
    if (method != M_GET && method != M_PATCH && method != M_DELETE)
        return finq_request_wrong_method(request->r, "HEAD, PATCH, DELETE, POST, OPTIONS",
                                         "An unfinished upload takes HEAD, PATCH and DELETE.");
    FINQ_TRY(begin(&transfer, request));
    FINQ_TRY(address_open(&transfer));
    if (method == M_GET)
        return address_head(&transfer, reply);
    return method == M_PATCH ? address_patch(&transfer, reply) : address_delete(&transfer, reply);
}

finq_error *finq_api_resumable_options(finq_request *request)
{
    apr_table_t *headers = request->r->err_headers_out;
    apr_table_setn(headers, "Tus-Resumable", "1.0.0");
    apr_table_setn(headers, "Tus-Version", "1.0.0");
    apr_table_setn(headers, "Tus-Extension", "creation,creation-with-upload,termination,expiration,checksum");
    apr_table_setn(headers, "Tus-Checksum-Algorithm", "sha1,sha256");
    apr_table_setn(headers, "Tus-Max-Size",
                   apr_psprintf(request->r->pool, "%" APR_INT64_T_FMT, (apr_int64_t)FINQ_SKILL_MAX_BYTES));
    request->empty_status = HTTP_NO_CONTENT;
    return NULL;
}
