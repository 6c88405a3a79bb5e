#include "httpd/api.h"

#include "httpd/intake.h"
#include "httpd/observe.h"
#include "flow/session.h"
#include "flow/status.h"

void finq_api_put_started(finq_json_writer *reply, finq_request *request, const finq_id *client_id,
                          const finq_session_started *started)
{
    finq_observe_recognised(request, client_id, started->published, NULL);
    finq_observe_session(request, started->published, FINQ_PROGRESS_CREATED);
    finq_json_put(reply, "nonce", started->nonce);
    finq_api_put_id(reply, request, "session_id", &started->session_id);
    finq_json_put(reply, "status", finq_status_name(FINQ_STATUS_CREATED));
    finq_api_put_time(reply, "expires_at", started->expires_at, request->r->pool);
    finq_json_put(reply, "next_step", started->next_step);
}

finq_error *finq_api_session_start(finq_request *request, finq_json_writer *reply)
{
    static const finq_json_member members[] = {
        {"client_id", FINQ_JSON_STRING, 1},
        {"client_app_key", FINQ_JSON_STRING, 1},
        {"skill", FINQ_JSON_STRING, 1},
        {"tenant_user_id", FINQ_JSON_STRING, 0},
        {NULL, 0, 0},
    };
    apr_pool_t *pool = request->r->pool;
    finq_session_started started;
    finq_directory_claim claim;
    json_t *body;
    FINQ_TRY(finq_intake_read(&body, &claim.client_id, request, members));
    claim.app_key = finq_json_string(body, "client_app_key");
    claim.skill = finq_json_string(body, "skill");
    FINQ_TRY(finq_intake_key(
        request, finq_session_start(&started, &request->service, &claim, finq_json_string(body, "tenant_user_id"), pool)));
    finq_api_put_started(reply, request, &claim.client_id, &started);
    return NULL;
}
