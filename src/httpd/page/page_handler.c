#include "httpd/page_handler.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include <string.h>

#include "httpd/limits.h"
#include "httpd/page_handoff.h"
#include "httpd/paths.h"
#include "httpd/reply.h"
#include "httpd/service.h"

/* Nothing but what this server serves, no script that is not a file of its own, no frame, and no other place that a form goes to. */
#define POLICY                                                                                                                \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; form-action 'self'; " \
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

static void headers_set(request_rec *r)
{
    apr_table_t *headers = r->err_headers_out;
    apr_table_setn(headers, "Content-Security-Policy", POLICY);
    apr_table_setn(headers, "Referrer-Policy", "no-referrer"); /* the address is its own key */
    apr_table_setn(headers, "Cross-Origin-Opener-Policy", "same-origin");
    apr_table_setn(headers, "X-Frame-Options", "DENY");
}

/* ---- files ---- */

/* Whose name tells its content. */
static int file_send(request_rec *r, const finq_page_file *file)
{
    apr_table_setn(r->headers_out, "Cache-Control", "public, max-age=31536000, immutable");
    apr_table_setn(r->headers_out, "Content-Security-Policy",
                   "default-src 'none'; style-src 'unsafe-inline'; sandbox"); /* of an SVG */
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    ap_set_content_type(r, file->type);
    ap_set_content_length(r, (apr_off_t)file->length);
    ap_rwrite(file->bytes, (int)file->length, r);
    return OK;
}

static finq_error *file_find(finq_page_file *file, int *is_there, finq_request *request, const char *name)
{
    apr_pool_t *pool = request->r->pool;
    *is_there = finq_pages_file(file, request->config->page_set, name, pool);
    if (*is_there || strncmp(name, FINQ_ENTRY_LOGO, strlen(FINQ_ENTRY_LOGO)) != 0)
        return NULL;
    FINQ_TRY(finq_limits_admit(request));
    return finq_entry_logo(file, is_there, &request->service, name, pool);
}

/* ---- pages ---- */

/* HEAD is a GET too. */
static finq_error *method_check(const request_rec *r)
{
    if (r->method_number == M_GET || r->method_number == M_POST)
        return NULL;
    return finq_request_wrong_method(r, "GET, HEAD, POST", "A page is read by GET and sent by POST.");
}

/* A page of another site that sends a form here has no nonce, and is not listened to. */
static finq_error *sender_check(const request_rec *r)
{
    const char *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");
    if (r->method_number != M_POST || !site || strcmp(site, "cross-site") != 0)
        return NULL;
    return finq_error_make(r->pool, FINQ_E_FORBIDDEN, "A form of another site is not taken.");
}

static finq_error *look_run(finq_page_visit *visit)
{
    finq_entry_facts facts;
    FINQ_TRY(finq_entry_look(&facts, &visit->request->service, &visit->entry, visit->pool));
    return finq_page_visit_look(visit, &facts);
}

static finq_error *session_find(finq_page_visit *visit)
{
    finq_entry_facts facts;
    FINQ_TRY(finq_entry_look(&facts, &visit->request->service, &visit->entry, visit->pool));
    visit->entry.session_id = facts.session_id;
    return NULL;
}

/* An older address takes no form either. The calls of a hand-off look at the address, and whose the nonce is, themselves. */
static finq_error *form_run(finq_page_visit *visit)
{
    finq_request *request = visit->request;
    int has_file = finq_page_form_may_have_file(request);
    if (has_file)
        FINQ_TRY(session_find(visit));
    FINQ_TRY(finq_page_form_read(&visit->form, request, &visit->entry));
    if (!has_file && !finq_page_handoff_is(finq_typed_get(visit->form.typed, "act")))
        FINQ_TRY(session_find(visit));
    return finq_page_visit_act(visit);
}

/* A device that another one hands over to. Its nonce says by itself whether it still has the session. */
static finq_error *handed_run(finq_page_visit *visit)
{
    if (!visit->request->config->page_handoff)
        return finq_error_make(visit->pool, FINQ_E_NOT_FOUND, "Nothing is handed over here.");
    if (visit->request->r->method_number == M_GET)
        return finq_page_handoff_look(visit);
    FINQ_TRY(finq_page_form_read(&visit->form, visit->request, &visit->entry));
    return finq_page_handoff_run(visit);
}

static finq_error *visit_run(finq_page_visit *visit)
{
    finq_request *request = visit->request;
    request_rec *r = request->r;
    FINQ_TRY(finq_limits_admit(request));
    FINQ_TRY(method_check(r));
    FINQ_TRY(sender_check(r));
    FINQ_TRY(finq_entry_open(&visit->entry, &request->service, visit->address, visit->pool));
    request->is_proven = 1;
    FINQ_TRY(finq_limits_tenant(request, &visit->entry.client_id));
    if (visit->entry.handoff_id)
        return handed_run(visit);
    return r->method_number == M_GET ? look_run(visit) : form_run(visit);
}

int finq_page_handler(request_rec *r)
{
    if (!r->handler || strcmp(r->handler, "finq-page") != 0)
        return DECLINED;
    finq_request *request = finq_service_begin(r);
    const char *home = finq_paths_page(finq_config_of(r->server), r->uri);
    if (!request || !home)
        return HTTP_SERVICE_UNAVAILABLE; /* the child's start logged why; or an internal redirect led here */
    finq_page_visit visit = {.request = request, .pool = r->pool, .address = request->page};
    if (!visit.address) /* a file; or a path in another form than most send */
        visit.address = r->uri + strlen(home) + (r->uri[strlen(home)] == '/');
    finq_page_file file;
    int is_file = 0;
    finq_error *error = r->method_number == M_GET ? file_find(&file, &is_file, request, visit.address) : NULL;
    if (!error && is_file)
        return file_send(r, &file);
    headers_set(r);
    if (!error)
        error = visit_run(&visit);
    if (error && r->method_number != M_GET && !request->body_ended)
        r->connection->keepalive = AP_CONN_CLOSE; /* else httpd reads what is left of the form, however long */
    if (error)
        finq_page_visit_fail(&visit, error);
    if (visit.is_blank && !visit.error)
        request->cache_control = "private, no-cache";
    finq_limits_settle(request, error);
    return finq_reply_page(request, visit.error, visit.html);
}
