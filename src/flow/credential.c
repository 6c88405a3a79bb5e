#include "flow/credential.h"

#include <apr_encode.h>
#include <string.h>

#include "crypto/digest.h"
#include "flow/step.h"

/* An exchange that is repeated because its answer was lost gets that answer again for so long (contract section 7). */
#define REPEAT_SECONDS 120

/* What the server offers the database to record; of a repeated exchange the first one's stands. */
typedef struct {
    finq_id credentials_id;
    unsigned char salt[FINQ_SALT_BYTES];
    unsigned char token[FINQ_ACCESS_TOKEN_BYTES];
    unsigned char token_hash[FINQ_DIGEST_SHA256];
    unsigned char secret_hash[FINQ_DIGEST_SHA256];
    const finq_published *published; /* the skill of the temp_token; NULL where that could not be opened */
} offer;

/* Only the text of a token is ever hashed: it is what the client will show. */
static const char *token_text(const unsigned char *token, apr_pool_t *pool)
{
    return apr_pencode_base64_binary(pool, token, FINQ_ACCESS_TOKEN_BYTES, APR_ENCODE_BASE64URL, NULL);
}

static finq_error *offer_make(offer *made, const finq_service *service, const char *client_secret, apr_pool_t *pool)
{
    FINQ_TRY(finq_id_new(&made->credentials_id, pool));
    FINQ_TRY(finq_random(made->salt, sizeof made->salt, pool));
    FINQ_TRY(finq_secret_access_token(made->token, finq_secrets_first(service->secrets), made->salt,
                                      &made->credentials_id, pool));
    const char *text = token_text(made->token, pool);
    finq_digest_sha256(made->token_hash, text, strlen(text));
    finq_digest_sha256(made->secret_hash, client_secret, strlen(client_secret));
    return NULL;
}

/* Opens the temp_token; one that is none of this client's stays unopened, and the database hears of no session. The
 * skill tells which documents its last step requires. */
static finq_error *temp_token_open(finq_token *token, const finq_published **published, const finq_service *service,
                                   const finq_credential_request *request, apr_pool_t *pool)
{
    const finq_secret *secret;
    *published = NULL;
    token->kind = FINQ_TOKEN_TEMP;
    FINQ_TRY(finq_token_open(token, &secret, request->temp_token, service->secrets, pool));
    if (!secret || !finq_id_equal(&token->client_id, &request->client_id))
        return NULL;
    return finq_directory_skill(published, service->directory, service->db, token->skill_id, pool);
}

static finq_error *exchange_call(const PGresult **rows, const finq_service *service, offer *made,
                                 const finq_credential_request *request, apr_pool_t *pool)
{
    static const finq_pg_statement exchange_token = {
        "finq_exchange_token", "SELECT outcome, credentials_id, salt, secret_id, consent_exp, max_data_retention, missing "
                               "FROM finq.exchange_token($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"};
    finq_token token = {0};
    const finq_published *published;
    finq_pg_args args = {0};
    FINQ_TRY(temp_token_open(&token, &published, service, request, pool));
    made->published = published;
    finq_pg_arg_id(&args, &request->client_id);
    finq_pg_arg_bytes(&args, made->secret_hash, sizeof made->secret_hash);
    finq_pg_arg_session(&args, published ? &token.session_id : NULL);
    finq_pg_arg_long(&args, token.expires_at);
    finq_pg_arg_text(&args, published ? finq_step_required(&published->skill->steps[token.place - 1], pool) : "{}");
    finq_pg_arg_id(&args, &made->credentials_id);
    finq_pg_arg_bytes(&args, made->token_hash, sizeof made->token_hash);
    finq_pg_arg_bytes(&args, made->salt, sizeof made->salt);
    finq_pg_arg_int(&args, finq_secret_id(finq_secrets_first(service->secrets)));
    finq_pg_arg_int(&args, REPEAT_SECONDS);
    return service->db->call(service->db, rows, &exchange_token, &args, pool);
}

/* The token that stands: the offered one, or that of the first exchange, from its salt and secret. */
static finq_error *credential_read(finq_credential *credential, const finq_service *service, const PGresult *rows,
                                   apr_pool_t *pool)
{
    unsigned char token[FINQ_ACCESS_TOKEN_BYTES];
    apr_size_t salt_length;
    const unsigned char *salt = finq_pg_bytes(rows, 0, 2, &salt_length);
    const finq_secret *secret = finq_secrets_find(service->secrets, (apr_int32_t)finq_pg_number(rows, 0, 3));
    credential->credentials_id = finq_pg_id(rows, 0, 1);
    credential->consent_exp = finq_pg_number(rows, 0, 4);
    credential->max_data_retention = finq_pg_number(rows, 0, 5);
    if (!secret || salt_length != FINQ_SALT_BYTES)
        return finq_error_internal(pool, FINQ_E_SERVICE_UNAVAILABLE,
                                   "the secret of an earlier exchange is not in this server's secret file");
    FINQ_TRY(finq_secret_access_token(token, secret, salt, &credential->credentials_id, pool));
    credential->access_token = token_text(token, pool);
    finq_wipe(token, sizeof token);
    return NULL;
}

finq_error *finq_credential_exchange(finq_credential *credential, const finq_service *service,
                                     const finq_credential_request *request, apr_pool_t *pool)
{
    const PGresult *rows;
    offer made;
    FINQ_TRY(offer_make(&made, service, request->client_secret, pool));
    finq_error *error = exchange_call(&rows, service, &made, request, pool);
    credential->published = made.published;
    finq_wipe(&made, sizeof made);
    FINQ_TRY(error);
    const char *outcome = finq_pg_text(rows, 0, 0, pool);
    if (strcmp(outcome, "ok") != 0)
        return finq_step_outcome(outcome, finq_pg_text(rows, 0, 6, pool), "", pool);
    return credential_read(credential, service, rows, pool);
}
