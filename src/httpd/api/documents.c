#include "httpd/documents.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <string.h>

#include "flow/reading.h"
#include "httpd/reply.h"
#include "httpd/service.h"
#include "httpd/source_bucket.h"

#define SESSIONS "/sessions/"

static finq_error *reader_check(const request_rec *r)
{
    if (r->user && *r->user)
        return NULL;
    return finq_error_make(r->pool, FINQ_E_FORBIDDEN,
                           "Documents are read by those whom the server has authenticated, and nobody has been.");
}

/* What is asked for, as it stands behind the Location; `*is_session` where that is a session's documents. */
static const char *id_of(int *is_session, const request_rec *r, const char *home)
{
    const char *rest = r->uri + strlen(home);
    *is_session = strncmp(rest, SESSIONS, sizeof SESSIONS - 1) == 0;
    return rest + (*is_session ? sizeof SESSIONS - 1 : *rest == '/');
}

/* A document is shown to nobody: a browser saves it, and runs nothing that is in it. */
static void headers_set(request_rec *r, const finq_reading *reading, const char *upload_id)
{
    apr_table_t *headers = r->headers_out;
    const char *kind = strchr(reading->media_type, '/');
    apr_table_setn(headers, "Content-Disposition",
                   apr_psprintf(r->pool, "attachment; filename=\"%s.%s\"", reading->document, kind ? kind + 1 : "bin"));
    apr_table_setn(headers, "X-Content-Type-Options", "nosniff");
    apr_table_setn(headers, "Content-Security-Policy", "sandbox; default-src 'none'");
    apr_table_setn(headers, "Cross-Origin-Resource-Policy", "same-origin");
    apr_table_setn(headers, "Cache-Control", "private, no-store");
    apr_table_setn(headers, "X-Request-Id", finq_request_of(r)->id);
    apr_table_setn(headers, "ETag", apr_pstrcat(r->pool, "\"", upload_id, "\"", NULL));
    ap_set_content_type(r, reading->media_type);
    ap_update_mtime(r, apr_time_from_sec(reading->uploaded_at));
    ap_set_last_modified(r);
    ap_set_accept_ranges(r);
    ap_set_content_length(r, reading->source.size);
}

static int bytes_send(request_rec *r, const finq_reading *reading)
{
    apr_bucket_alloc_t *list = r->connection->bucket_alloc;
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, list);
    if (reading->source.size > 0)
        APR_BRIGADE_INSERT_TAIL(brigade, finq_source_bucket(&reading->source, r));
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(list));
    return ap_pass_brigade(r->output_filters, brigade) == APR_SUCCESS ? OK : AP_FILTER_ERROR;
}

static int document_answer(finq_request *request, const char *upload_id)
{
    request_rec *r = request->r;
    finq_reading reading;
    finq_error *error =
        finq_reading_open(&reading, &request->service, request->config->runtime->store, upload_id, r->user, r->pool);
    if (error)
        return finq_reply_error(request, error);
    headers_set(r, &reading, upload_id);
    int unmet = ap_meets_conditions(r);
    return unmet == OK ? bytes_send(r, &reading) : unmet;
}

static int list_answer(finq_request *request, const char *session_id)
{
    const char *documents;
    finq_error *error = finq_reading_list(&documents, &request->service, session_id, request->r->user, request->r->pool);
    return error ? finq_reply_error(request, error) : finq_reply_json(request, documents);
}

int finq_documents_handler(request_rec *r)
{
    int is_session;
    if (!r->handler || strcmp(r->handler, "finq-documents") != 0)
        return DECLINED;
    const char *home = finq_paths_reading(finq_config_of(r->server), r->uri);
    if (!home || r->main) /* what another page would include is not read: its headers would be lost */
        return HTTP_NOT_FOUND;
    finq_request *request = finq_service_begin(r);
    if (!request || !request->config->runtime->store)
        return HTTP_SERVICE_UNAVAILABLE; /* the child's start logged why */
    if (r->method_number != M_GET)       /* HEAD is one too */
        return finq_reply_error(request, finq_request_wrong_method(r, "GET, HEAD", "Documents are read by GET."));
    finq_error *error = reader_check(r);
    if (error)
        return finq_reply_error(request, error);
    const char *id = id_of(&is_session, r, home);
    return is_session ? list_answer(request, id) : document_answer(request, id);
}
