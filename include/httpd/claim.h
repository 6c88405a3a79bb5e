/* A consent's credentials, as they come in a body. */
#ifndef FINQ_CLAIM_H
#define FINQ_CLAIM_H

#include "consent/consent.h"
#include "httpd/request.h"

/** Reads a body of these `members`, of which client_id, client_secret, credentials_id and access_token are some, and tenant_user_id
 * may be. Errors: those of finq_intake_read; invalid_credentials_id (400). */
finq_error *finq_claim_read(json_t **body, finq_consent_claim *claim, finq_request *request, const finq_json_member *members);

#endif
