#include "httpd/api.h"

#include "flow/credential.h"
#include "httpd/intake.h"
#include "httpd/observe.h"

finq_error *finq_api_token_exchange(finq_request *request, finq_json_writer *reply)
{
    static const finq_json_member members[] = {
        {"client_id", FINQ_JSON_STRING, 1},
        {"client_secret", FINQ_JSON_STRING, 1},
        {"temp_token", FINQ_JSON_STRING, 1},
        {NULL, 0, 0},
    };
    apr_pool_t *pool = request->r->pool;
    finq_credential_request wanted;
    finq_credential credential;
    json_t *body;
    FINQ_TRY(finq_intake_read(&body, &wanted.client_id, request, members));
    wanted.client_secret = finq_json_string(body, "client_secret");
    wanted.temp_token = finq_json_string(body, "temp_token");
    FINQ_TRY(finq_intake_key(request, finq_credential_exchange(&credential, &request->service, &wanted, pool)));
    finq_observe_recognised(request, &wanted.client_id, credential.published, NULL);
    finq_observe_session(request, credential.published, FINQ_PROGRESS_EXCHANGED);
    if (credential.is_fed) /* of a renewal the first refresh, else mostly none */
        finq_api_refresh_afterwards(request, &credential.credentials_id, NULL);
    finq_json_put(reply, "access_token", credential.access_token);
    finq_api_put_id(reply, request, "credentials_id", &credential.credentials_id);
    finq_api_put_time(reply, "consent_exp", credential.consent_exp, pool);
    finq_api_put_time(reply, "max_data_retention", credential.max_data_retention, pool);
    finq_api_put_id(reply, request, "session_id", &credential.session_id);
    finq_json_put(reply, "skill", credential.published->skill->name);
    finq_json_put(reply, "tenant_user_id", credential.tenant_user_id);
    return NULL;
}
