#include "httpd/monitor.h"

#include <apr_optional_hooks.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_main.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_status.h>
#include <string.h>

#include "db/calls.h"
#include "documents/scan.h"
#include "ground/clock.h"
#include "httpd/dbd.h"
#include "httpd/observe.h"
#include "httpd/paths.h"
#include "httpd/runtime.h"
#include "json/json.h"

APLOG_USE_MODULE(finq);

/* ---- finq-metrics ---- */

static int is_read(const request_rec *r)
{
    return r->method_number == M_GET; /* HEAD is one too */
}

static int read_alone(request_rec *r)
{
    ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, -1);
    return HTTP_METHOD_NOT_ALLOWED;
}

static int page_send(request_rec *r, int status, const char *type, const char *text)
{
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    ap_set_content_type(r, type);
    ap_set_content_length(r, (apr_off_t)strlen(text));
    r->status = status;
    ap_rputs(text, r);
    return OK;
}

int finq_monitor_metrics(request_rec *r)
{
    if (!r->handler || strcmp(r->handler, "finq-metrics") != 0)
        return DECLINED;
    if (!is_read(r))
        return read_alone(r);
    finq_metrics_view view = finq_observe_view(finq_paths_names(r->pool), r->pool);
    return page_send(r, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", finq_metrics_text(&view, r->pool));
}

/* ---- finq-health ---- */

/* Which of FinqSkills exist, only the database knows. */
static finq_error *skills_check(const finq_config *config, finq_db *db, apr_pool_t *pool)
{
    const finq_published *published;
    for (int i = 0; config->skills && i < config->skills->nelts; i++) {
        const char *name = APR_ARRAY_IDX(config->skills, i, const char *);
        finq_error *error = finq_directory_skill_named(&published, config->runtime->directory, db, name, pool);
        if (error && error->code == FINQ_E_INVALID_SKILL_NAME)
            return finq_error_internal(pool, FINQ_E_SERVICE_UNAVAILABLE, "FinqSkills names %s, and no such skill is published",
                                       name);
        FINQ_TRY(error);
    }
    return NULL;
}

/* So long a probe waits for the scanner. */
#define SCAN_TIME (2 * APR_USEC_PER_SEC)

/* The whole way of a document, of no bytes. */
static finq_error *scanner_check(const finq_config *config, apr_pool_t *pool)
{
    const finq_scanner scanner = {config->scan, SCAN_TIME};
    finq_scan *scan;
    if (!*config->scan)
        return NULL;
    FINQ_TRY(finq_scan_begin(&scan, &scanner, "nothing", pool));
    return finq_scan_end(scan);
}

/* Holds what the scanner takes against what skills ask for: such documents are refused, which some operators mean. */
static finq_error *scanner_warn(apr_array_header_t *warnings, const finq_config *config, finq_db *db, apr_pool_t *pool)
{
    finq_scan_limits limits;
    finq_upload_largest_out row;
    if (!*config->scan)
        return NULL;
    finq_scan_learn(&limits, config->scan, pool);
    if (!limits.file || !limits.tells_exceeded)
        APR_ARRAY_PUSH(warnings, const char *) = "What the scanner does not scan whole it may call clean.";
    if (!limits.most)
        return NULL;
    FINQ_TRY(finq_call_upload_largest(&row, db, pool));
    if (row.max_bytes > limits.most)
        APR_ARRAY_PUSH(warnings, const char *) = apr_psprintf(pool,
                                                              "Skill %s asks for documents (%s) of up to %" APR_INT64_T_FMT
                                                              " bytes, and the scanner takes %" APR_INT64_T_FMT ".",
                                                              row.skill, row.document, row.max_bytes, limits.most);
    return NULL;
}

/* Of a clock that is off, nonces and signatures end too early or too late; nothing that is held does. */
static finq_error *clock_warn(apr_array_header_t *warnings, finq_db *db, apr_pool_t *pool)
{
    finq_clock_out row;
    apr_int64_t apart;
    FINQ_TRY(finq_call_clock(&row, db, pool));
    const char *how = finq_clock_beside(&apart, row.clock, pool);
    if (apart > FINQ_CLOCK_APART)
        APR_ARRAY_PUSH(warnings, const char *) = apr_psprintf(pool, "This server's clock is %s the database's.", how);
    return NULL;
}

/* A host is ready when its database takes what is written to it, its uploads have somewhere to go, and its skills exist. */
static finq_error *host_check(apr_array_header_t *warnings, server_rec *server, apr_pool_t *pool)
{
    const finq_config *config = finq_config_of(server);
    const finq_runtime *runtime = config->runtime;
    if (!runtime || !runtime->store)
        return finq_error_internal(pool, FINQ_E_SERVICE_UNAVAILABLE, "the child could not be set up: its first lines say why");
    FINQ_TRY(finq_blob_store_check(runtime->store, pool));
    FINQ_TRY(scanner_check(config, pool));
    finq_db *db = finq_dbd_of(server, runtime->gate, pool);
    FINQ_TRY(finq_dbd_check(db, pool));
    FINQ_TRY(skills_check(config, db, pool));
    FINQ_TRY(clock_warn(warnings, db, pool));
    return scanner_warn(warnings, config, db, pool);
}

/* The host that is asked; where that serves no API, as one for probes alone, each that does. */
static finq_error *ready_check(apr_array_header_t *warnings, request_rec *r)
{
    if (finq_config_of(r->server)->bases->nelts > 0)
        return host_check(warnings, r->server, r->pool);
    for (server_rec *server = ap_server_conf; server; server = server->next) {
        if (finq_config_of(server)->bases->nelts > 0)
            FINQ_TRY(host_check(warnings, server, r->pool));
    }
    return NULL;
}

static const char *ready_text(const apr_array_header_t *warnings, apr_pool_t *pool)
{
    finq_json_writer *text = finq_json_write(pool);
    finq_json_open(text, NULL, '{');
    finq_json_put(text, "status", "ready");
    if (warnings->nelts > 0) {
        finq_json_open(text, "warnings", '[');
        for (int i = 0; i < warnings->nelts; i++)
            finq_json_put(text, NULL, APR_ARRAY_IDX(warnings, i, const char *));
        finq_json_close(text, ']');
    }
    finq_json_close(text, '}');
    return finq_json_written(text);
}

/* Why is for the log: whoever may ask for the health of a server need not know its inside. */
static int ready_answer(request_rec *r)
{
    apr_array_header_t *warnings = apr_array_make(r->pool, 2, sizeof(const char *));
    finq_error *error = ready_check(warnings, r);
    if (!error)
        return page_send(r, HTTP_OK, "application/json", ready_text(warnings, r->pool));
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "FINQ07: not ready: %s", finq_error_why(error));
    return page_send(r, HTTP_SERVICE_UNAVAILABLE, "application/json", "{\"status\":\"unavailable\"}");
}

int finq_monitor_health(request_rec *r)
{
    if (!r->handler || strcmp(r->handler, "finq-health") != 0)
        return DECLINED;
    const char *what = strrchr(r->uri, '/');
    if (!is_read(r))
        return read_alone(r);
    if (what && strcmp(what, "/live") == 0)
        return page_send(r, HTTP_OK, "application/json", "{\"status\":\"live\"}");
    return what && strcmp(what, "/ready") == 0 ? ready_answer(r) : HTTP_NOT_FOUND;
}

/* ---- mod_status ---- */

/* ?auto: a name and a value a line. */
static void status_lines(request_rec *r, const finq_metrics_source *source, int host)
{
    ap_rprintf(r, "FinqHost[%d]Name: %s\n", host, source->host);
    for (const finq_metrics_figure *figure = finq_metrics_figures(source, r->pool); figure->name; figure++)
        ap_rprintf(r, "FinqHost[%d]%s: %" APR_UINT64_T_FMT "\n", host, figure->name, figure->value);
}

static void status_list(request_rec *r, const finq_metrics_source *source)
{
    ap_rprintf(r, "<h3>%s</h3>\n<dl>\n", ap_escape_html(r->pool, source->host));
    for (const finq_metrics_figure *figure = finq_metrics_figures(source, r->pool); figure->name; figure++)
        ap_rprintf(r, "<dt>%s: %" APR_UINT64_T_FMT "</dt>\n", figure->name, figure->value);
    ap_rputs("</dl>\n", r);
}

static int status_show(request_rec *r, int flags)
{
    finq_metrics_view view = finq_observe_view(finq_paths_names(r->pool), r->pool);
    int is_short = flags & AP_STATUS_SHORT;
    if (!is_short)
        ap_rputs("<hr />\n<h2>Onboarding API (mod_finq)</h2>\n", r);
    for (int i = 0; i < view.count; i++) {
        if (is_short)
            status_lines(r, &view.sources[i], i);
        else
            status_list(r, &view.sources[i]);
    }
    return OK;
}

void finq_monitor_register(void)
{
    APR_OPTIONAL_HOOK(ap, status_hook, status_show, NULL, NULL, APR_HOOK_MIDDLE);
}
