#include "flow/credential.h"

#include <apr_encode.h>
#include <string.h>

#include "crypto/digest.h"
#include "db/calls.h"
#include "db/outcome.h"
#include "flow/sealed.h"
#include "flow/step.h"

/* An exchange that is repeated because its answer was lost gets that answer again for so long (contract section 7). */
#define REPEAT_SECONDS 120

/* What the server offers the database to record; of a repeated exchange the first one's stands, and of a renewal the consent's own
 * id: so the access_token is derived from the session's. */
typedef struct {
    finq_token temp_token;
    finq_id credentials_id;
    unsigned char salt[FINQ_SALT_BYTES];
    unsigned char token[FINQ_ACCESS_TOKEN_BYTES];
    unsigned char token_hash[FINQ_DIGEST_SHA256];
    unsigned char secret_hash[FINQ_DIGEST_SHA256];
    const finq_published *published; /* the temp_token's skill; NULL where it could not be opened */
} offer;

/* Only the text of a token is ever hashed: it is what the client will show. */
static const char *token_text(const unsigned char *token, apr_pool_t *pool)
{
    return apr_pencode_base64_binary(pool, token, FINQ_ACCESS_TOKEN_BYTES, APR_ENCODE_BASE64URL, NULL);
}

/* Opens the temp_token; one that is none of this client's stays unopened, and the database hears of no session. The
 * skill tells which documents its last step requires. */
static finq_error *temp_token_open(finq_token *token, const finq_published **published, const finq_service *service,
                                   const finq_credential_request *request, apr_pool_t *pool)
{
    const finq_secret *secret;
    *published = NULL;
    token->kind = FINQ_TOKEN_TEMP;
    FINQ_TRY(finq_service_open(token, &secret, request->temp_token, service, pool));
    if (!secret || !finq_id_equal(&token->client_id, &request->client_id))
        return NULL;
    return finq_directory_skill(published, service->directory, service->db, token->skill_id, pool);
}

static finq_error *offer_make(offer *made, const finq_service *service, const finq_credential_request *request, apr_pool_t *pool)
{
    memset(made, 0, sizeof *made);
    FINQ_TRY(temp_token_open(&made->temp_token, &made->published, service, request, pool));
    FINQ_TRY(finq_id_new(&made->credentials_id, pool));
    FINQ_TRY(finq_random(made->salt, sizeof made->salt, pool));
    FINQ_TRY(finq_secret_access_token(made->token, finq_secrets_first(service->secrets), made->salt, &made->temp_token.session_id,
                                      pool));
    const char *text = token_text(made->token, pool);
    finq_digest_sha256(made->token_hash, text, strlen(text));
    finq_digest_sha256(made->secret_hash, request->client_secret, strlen(request->client_secret));
    return NULL;
}

static finq_error *exchange_call(finq_exchange_token_out *row, const finq_service *service, const offer *made,
                                 const finq_credential_request *request, apr_pool_t *pool)
{
    const finq_token *token = &made->temp_token;
    const finq_published *published = made->published;
    finq_exchange_token_in in = {
        .client_id = &request->client_id,
        .secret_hash = {made->secret_hash, sizeof made->secret_hash},
        .session_id = published ? &token->session_id : NULL,
        .token_expires_at = token->expires_at,
        .required = published ? finq_session_required(&published->skill->steps[token->place - 1], pool) : "{}",
        .credentials_id = &made->credentials_id,
        .access_token_hash = {made->token_hash, sizeof made->token_hash},
        .salt = {made->salt, sizeof made->salt},
        .secret_id = finq_secret_id(finq_secrets_first(service->secrets)),
        .repeat_within = REPEAT_SECONDS,
    };
    return finq_call_exchange_token(row, service->db, &in, pool);
}

/* The token that stands: the offered one, or that of the first exchange, from its salt and secret. */
static finq_error *credential_read(finq_credential *credential, const finq_service *service, const finq_exchange_token_out *row,
                                   const finq_id *client_id, apr_pool_t *pool)
{
    unsigned char token[FINQ_ACCESS_TOKEN_BYTES];
    const finq_secret *secret = finq_secrets_find(service->secrets, row->secret_id);
    credential->credentials_id = *row->credentials_id;
    credential->consent_exp = row->consent_exp;
    credential->max_data_retention = row->max_data_retention;
    FINQ_TRY(finq_sealed_user_read(&credential->tenant_user_id, service->data_keys, row->data_key, client_id, row->tenant_user_id,
                                   pool));
    if (!secret || row->salt.length != FINQ_SALT_BYTES)
        return finq_error_internal(pool, FINQ_E_SERVICE_UNAVAILABLE,
                                   "the secret of an earlier exchange is not in this server's secret file");
    FINQ_TRY(finq_secret_access_token(token, secret, row->salt.data, &credential->session_id, pool));
    credential->access_token = token_text(token, pool);
    finq_wipe(token, sizeof token);
    return NULL;
}

finq_error *finq_credential_exchange(finq_credential *credential, const finq_service *service,
                                     const finq_credential_request *request, apr_pool_t *pool)
{
    finq_exchange_token_out row;
    offer made;
    FINQ_TRY(offer_make(&made, service, request, pool));
    finq_id offered = made.credentials_id;
    finq_error *error = exchange_call(&row, service, &made, request, pool);
    credential->published = made.published;
    credential->session_id = made.temp_token.session_id;
    finq_wipe(&made, sizeof made);
    FINQ_TRY(error);
    if (strcmp(row.outcome, "ok") != 0)
        return finq_outcome_error(row.outcome, row.missing, "", pool);
    credential->is_fed = !finq_id_equal(row.credentials_id, &offered);
    return credential_read(credential, service, &row, &request->client_id, pool);
}
