#include "httpd/api.h"

#include <apr_strings.h>

#include "httpd/intake.h"
#include "httpd/observe.h"
#include "page/entry.h"

/* Where this host's pages are, the address behind it. */
static finq_error *url_make(const char **url, finq_request *request, const char *address)
{
    const apr_array_header_t *pages = request->config->pages;
    apr_pool_t *pool = request->r->pool;
    if (pages->nelts == 0)
        return finq_error_make(pool, FINQ_E_NOT_FOUND, "No pages are served on this host (SetHandler finq-page).");
    *url = apr_pstrcat(pool, finq_request_address(request->r, pool), APR_ARRAY_IDX(pages, 0, const char *), "/", address, NULL);
    return NULL;
}

static finq_error *made_put(finq_json_writer *reply, finq_request *request, const finq_entry_made *made)
{
    const char *url;
    FINQ_TRY(url_make(&url, request, made->address));
    finq_api_put_id(reply, request, "page_id", &made->page_id);
    finq_json_put(reply, "url", url);
    finq_api_put_time(reply, "expires_at", made->expires_at, request->r->pool);
    return NULL;
}

finq_error *finq_api_page_create(finq_request *request, finq_json_writer *reply)
{
    static const finq_json_member members[] = {
        {"client_id", FINQ_JSON_STRING, 1},   {"client_secret", FINQ_JSON_STRING, 1},
        {"skill", FINQ_JSON_STRING, 1},       {"tenant_user_id", FINQ_JSON_STRING, 0},
        {"language", FINQ_JSON_STRING, 0},    {"prefill", FINQ_JSON_OBJECT, 0},
        {"return_link", FINQ_JSON_STRING, 0}, {NULL, 0, 0},
    };
    apr_pool_t *pool = request->r->pool;
    finq_entry_request asked;
    finq_entry_made made;
    const char *none;
    json_t *body;
    FINQ_TRY(finq_intake_read(&body, &asked.client_id, request, members));
    FINQ_TRY(url_make(&none, request, ""));
    asked.client_secret = finq_json_string(body, "client_secret");
    asked.skill = finq_json_string(body, "skill");
    asked.tenant_user_id = finq_json_string(body, "tenant_user_id");
    asked.language = finq_json_string(body, "language");
    asked.return_link = finq_json_string(body, "return_link");
    asked.prefill = json_object_get(body, "prefill");
    asked.numbers = request->numbers;
    asked.words = finq_pages_at(request->config->page_set, 0);
    FINQ_TRY(finq_intake_key(request, finq_entry_create(&made, &request->service, &asked, pool)));
    finq_observe_recognised(request, &asked.client_id, NULL, NULL);
    return made_put(reply, request, &made);
}

finq_error *finq_api_page_renew(finq_request *request, finq_json_writer *reply)
{
    static const finq_json_member members[] = {{"client_id", FINQ_JSON_STRING, 1},
                                               {"client_secret", FINQ_JSON_STRING, 1},
                                               {"page_id", FINQ_JSON_STRING, 1},
                                               {NULL, 0, 0}};
    apr_pool_t *pool = request->r->pool;
    finq_id client_id, page_id;
    finq_entry_made made;
    const char *none;
    json_t *body;
    FINQ_TRY(finq_intake_read(&body, &client_id, request, members));
    FINQ_TRY(url_make(&none, request, ""));
    if (!finq_id_parse(&page_id, finq_json_string(body, "page_id")))
        return finq_error_make(pool, FINQ_E_INVALID_FIELD, "page_id is not a UUID.");
    FINQ_TRY(finq_intake_key(request, finq_entry_renew(&made, &request->service, &client_id,
                                                       finq_json_string(body, "client_secret"), &page_id, pool)));
    finq_observe_recognised(request, &client_id, NULL, NULL);
    return made_put(reply, request, &made);
}
