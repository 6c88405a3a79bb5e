#include "finq_api.h"

#include "finq_limits.h"
#include "finq_observe.h"

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

void finq_api_put(json_t *reply, const char *name, const char *value)
{
    json_object_set_new_nocheck(reply, name, json_string_nocheck(value));
}

void finq_api_put_id(json_t *reply, const char *name, const finq_id *id)
{
    char text[FINQ_ID_TEXT + 1];
    finq_api_put(reply, name, finq_id_write(text, id));
}

void finq_api_put_time(json_t *reply, const char *name, apr_int64_t seconds, apr_pool_t *pool)
{
    finq_api_put(reply, name, finq_reply_time(seconds, pool));
}

static json_t *upload_json(const finq_skill_upload *upload)
{
    json_t *types = json_array();
    for (const char *const *type = upload->media_types; *type; type++)
        json_array_append_new(types, json_string(*type));
    return json_pack("{s:s, s:s*, s:b, s:o, s:I}", "document", upload->document, "title", upload->title, "required",
                     upload->required, "media_types", types, "max_bytes", (json_int_t)upload->max_bytes);
}

void finq_api_put_uploads(json_t *reply, const finq_skill_step *step)
{
    json_t *uploads = json_array();
    for (int i = 0; i < step->upload_count; i++)
        json_array_append_new(uploads, upload_json(&step->uploads[i]));
    json_object_set_new(reply, "uploads", uploads);
}
