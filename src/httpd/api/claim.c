#include "httpd/claim.h"

#include "httpd/intake.h"

finq_error *finq_claim_read(json_t **body, finq_consent_claim *claim, finq_request *request, const finq_json_member *members)
{
    claim->is_signed = 0; /* a signed base asks for the secret as well */
    FINQ_TRY(finq_intake_read(body, &claim->client_id, request, members));
    if (!finq_id_parse(&claim->credentials_id, finq_json_string(*body, "credentials_id")))
        return finq_error_make(request->r->pool, FINQ_E_INVALID_CREDENTIALS_ID_FORM, "credentials_id is not a UUID.");
    claim->client_secret = finq_json_string(*body, "client_secret");
    claim->access_token = finq_json_string(*body, "access_token");
    claim->tenant_user_id = finq_json_string(*body, "tenant_user_id");
    return NULL;
}
