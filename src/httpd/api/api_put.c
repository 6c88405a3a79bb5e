#include "httpd/api.h"

#include "httpd/limits.h"
#include "httpd/observe.h"

finq_error *finq_api_client_id(finq_id *client_id, const char *text, finq_request *request)
{
    const finq_id *bound = request->config->tenant;
    if (!finq_id_parse(client_id, text))
        return finq_error_make(request->r->pool, FINQ_E_INVALID_CLIENT_ID_FORM, "client_id is not a UUID.");
    if (bound && !finq_id_equal(bound, client_id))
        return finq_error_make(request->r->pool, FINQ_E_UNAUTHORIZED_TENANT, "This host does not serve this client.");
    return finq_limits_tenant(request, client_id);
}

finq_error *finq_api_nonce(finq_session_pass *pass, finq_request *request, const finq_id *client_id, const char *nonce,
                           int grace)
{
    finq_error *error = finq_session_pass_open(pass, &request->service, client_id, nonce, grace, request->r->pool);
    finq_observe_nonce(request, pass->state);
    FINQ_TRY(error);
    finq_observe_recognised(request, client_id, pass->published, pass->step->name);
    return NULL;
}

void finq_api_put_id(finq_json_writer *reply, const char *name, const finq_id *id)
{
    char text[FINQ_ID_TEXT + 1];
    finq_json_put(reply, name, finq_id_write(text, id));
}

void finq_api_put_time(finq_json_writer *reply, const char *name, apr_int64_t seconds, apr_pool_t *pool)
{
    finq_json_put(reply, name, finq_reply_time(seconds, pool));
}

static void put_upload(finq_json_writer *reply, const finq_skill_upload *upload)
{
    finq_json_open(reply, NULL, '{');
    finq_json_put(reply, "document", upload->document);
    finq_json_put(reply, "title", upload->title);
    finq_json_put_bool(reply, "required", upload->required);
    finq_json_open(reply, "media_types", '[');
    for (const char *const *type = upload->media_types; *type; type++)
        finq_json_put(reply, NULL, *type);
    finq_json_close(reply, ']');
    finq_json_put_integer(reply, "max_bytes", upload->max_bytes);
    finq_json_close(reply, '}');
}

void finq_api_put_uploads(finq_json_writer *reply, const finq_skill_step *step)
{
    finq_json_open(reply, "uploads", '[');
    for (int i = 0; i < step->upload_count; i++)
        put_upload(reply, &step->uploads[i]);
    finq_json_close(reply, ']');
}
