#include "httpd/request.h"

#include <apr_strings.h>
#include <apr_uri.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_log.h>
#include <string.h>

#include "httpd/dbd.h"
#include "httpd/paths.h"

APLOG_USE_MODULE(finq);

finq_request *finq_request_of(request_rec *r)
{
    finq_request *request = ap_get_module_config(r->request_config, &finq_module);
    finq_id id;
    if (request)
        return request;
    request = apr_pcalloc(r->pool, sizeof *request);
    request->r = r;
    request->config = finq_config_of(r->server);
    if (finq_id_new(&id, r->pool) != NULL) /* no randomness: an id from the clock still tells requests apart */
        id = finq_id_v7(r->request_time, (const unsigned char *)"\0\0\0\0\0\0\0\0\0");
    finq_id_write(request->id, &id);
    ap_set_module_config(r->request_config, &finq_module, request);
    return request;
}

finq_error *finq_request_wrong_method(const request_rec *r, const char *allowed, const char *message)
{
    apr_table_setn(r->err_headers_out, "Allow", allowed);
    return finq_error_make(r->pool, FINQ_E_METHOD_NOT_ALLOWED, "%s", message);
}

const char *finq_request_address(request_rec *r, apr_pool_t *pool)
{
    const server_rec *server = r->server;
    const char *scheme = server->server_scheme ? server->server_scheme : ap_http_scheme(r);
    apr_port_t port = server->port ? server->port : r->connection->local_addr->port;
    const char *host = server->server_hostname ? server->server_hostname : "localhost";
    if (port != apr_uri_port_of_scheme(scheme))
        host = apr_psprintf(pool, "%s:%d", host, port);
    return apr_pstrcat(pool, scheme, "://", host, NULL);
}

/* ---- errors that httpd makes ---- */

/* mod_ssl puts "GET /" in the place of a request that came without TLS to a port that wants it, and notes why it fails. */
static int has_no_path(const request_rec *r)
{
    const char *path = r->parsed_uri.path;
    return !path || path[0] != '/' || (path[1] == '\0' && apr_table_get(r->notes, "error-notes"));
}

int finq_request_is_ours(const request_rec *r)
{
    const finq_config *config = finq_config_of(r->server);
    while (r->prev) /* after an internal redirect the path that counts is the first one */
        r = r->prev;
    return config->bases->nelts > 0 &&
           (has_no_path(r) || finq_paths_base(config, r->uri) != NULL || finq_paths_guarded(config, r->uri));
}

/* A text for a status stands before any ErrorDocument; the error filter puts our answer in its place. */
static char instead[] = "\"";

static void texts_set(request_rec *r)
{
    core_request_config *core = ap_get_core_module_config(r->request_config);
    if (!core->response_code_strings)
        core->response_code_strings = apr_pcalloc(r->pool, RESPONSE_CODES * sizeof(char *));
    for (int i = 0; i < RESPONSE_CODES; i++)
        core->response_code_strings[i] = instead;
}

/* Leaves alone what another module has put there meanwhile. */
static void texts_unset(request_rec *r)
{
    core_request_config *core = ap_get_core_module_config(r->request_config);
    for (int i = 0; core->response_code_strings && i < RESPONSE_CODES; i++) {
        if (core->response_code_strings[i] == instead)
            core->response_code_strings[i] = NULL;
    }
}

/* At trace5 httpd writes the request's line to its log before anybody could take what is for no log out of it. */
static void line_hold(request_rec *r)
{
    if (!APLOG_R_MODULE_IS_LEVEL(r, core_module.module_index, APLOG_TRACE5))
        return;
    struct ap_logconf *held = ap_new_log_config(r->pool, &r->server->log);
    ap_set_module_loglevel(r->pool, held, core_module.module_index, APLOG_TRACE4);
    r->log = held;
}

/* Some requests fail before they have been read; where they were to go is not known then. */
int finq_request_create(request_rec *r)
{
    if (finq_config_of(r->server)->bases->nelts > 0) {
        texts_set(r);
        line_hold(r);
    }
    return OK;
}

/* httpd writes headers to its log at trace4, and LogFormat can; a nonce is for neither. */
static void nonce_take(request_rec *r)
{
    const char *nonce = apr_table_get(r->headers_in, FINQ_REQUEST_NONCE);
    if (!nonce)
        return;
    finq_request_of(r)->nonce = nonce;
    apr_table_unset(r->headers_in, FINQ_REQUEST_NONCE);
}

static const char *without_query(const char *text, apr_pool_t *pool)
{
    const char *query = strchr(text, '?');
    return query ? apr_pstrcat(pool, apr_pstrmemdup(pool, text, (apr_size_t)(query - text)), strchr(query, ' '), NULL) : text;
}

/* The state and code of a bank's return stand in its query, and that in access logs, traces and mod_status's page. */
static void query_take(request_rec *r)
{
    const char *base = finq_paths_base(finq_config_of(r->server), r->uri);
    if (!base || !r->args || strncmp(r->uri + strlen(base), FINQ_PATHS_RETURNS, sizeof FINQ_PATHS_RETURNS - 1) != 0)
        return;
    finq_request_of(r)->returned = r->args;
    r->args = r->parsed_uri.query = NULL;
    r->the_request = (char *)without_query(r->the_request, r->pool);
    r->unparsed_uri = (char *)without_query(r->unparsed_uri, r->pool);
}

/* Has the request name another path, without a query, wherever that is looked at. */
static void line_replace(request_rec *r, char *path)
{
    r->uri = r->parsed_uri.path = path;
    r->args = r->parsed_uri.query = NULL;
    r->unparsed_uri = r->uri;
    r->the_request = apr_pstrcat(r->pool, r->method, " ", r->uri, strrchr(r->the_request, ' '), NULL);
}

/* A page's address is its key: it stands in no log, and nor does what a bank's return adds to it. Names of files, which alone have a
 * dot, may. */
static void page_take(request_rec *r)
{
    const char *home = finq_paths_page(finq_config_of(r->server), r->uri);
    if (!home || !r->uri[strlen(home)] || strchr(r->uri + strlen(home), '.'))
        return;
    finq_request_of(r)->page = r->uri + strlen(home) + 1;
    finq_request_of(r)->returned = r->args;
    line_replace(r, apr_pstrcat(r->pool, home, "/", NULL));
}

/* Nor does the address of an unfinished upload, which is a permission. */
static void address_take(request_rec *r)
{
    const char *base = finq_paths_base(finq_config_of(r->server), r->uri), *path = base ? r->uri + strlen(base) : "";
    if (strncmp(path, FINQ_PATHS_UPLOADS, sizeof FINQ_PATHS_UPLOADS - 1) != 0)
        return;
    finq_request_of(r)->address = path + sizeof FINQ_PATHS_UPLOADS - 1;
    line_replace(r, apr_pstrcat(r->pool, base, FINQ_PATHS_UPLOADS "*", NULL));
}

int finq_request_read(request_rec *r)
{
    if (finq_config_of(r->server)->bases->nelts > 0) {
        nonce_take(r);
        query_take(r);
        page_take(r);
        address_take(r);
        apr_table_setn(r->notes, "finq-path", r->uri);
        r->log = NULL; /* what line_hold held; those of a Location come later */
    }
    if (finq_request_is_ours(r))
        texts_set(r);
    else
        texts_unset(r);
    return DECLINED;
}

void finq_request_claim(request_rec *r)
{
    const core_request_config *core = ap_get_core_module_config(r->request_config);
    if (!core->response_code_strings || core->response_code_strings[0] != instead)
        texts_set(r);
}

void finq_request_database(finq_request *request, apr_pool_t *pool)
{
    request->service.db = finq_dbd_of(request->r->server, request->config->runtime->gate, pool);
}
