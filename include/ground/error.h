/* Error values: what went wrong, in the contract's terms, on its way up to the one place that answers. */
#ifndef FINQ_ERROR_H
#define FINQ_ERROR_H

#include <apr_pools.h>
#include <apr_tables.h>

/* Every code of the contract (section 1, "Errors"): X(enumerator, type, http, name on the wire).
 * A code that the contract lists under two types has two enumerators: _FORM is the malformed value. */
#define FINQ_CODES(X)                                                                              \
    X(MISSING_FIELDS, "invalid_request", 400, "missing_fields")                                    \
    X(UNKNOWN_FIELDS, "invalid_request", 400, "unknown_fields")                                    \
    X(INVALID_FIELD, "invalid_request", 400, "invalid_field")                                      \
    X(INVALID_INPUT, "invalid_request", 400, "invalid_input")                                      \
    X(INVALID_BODY, "invalid_request", 400, "invalid_body")                                        \
    X(INVALID_HEADERS, "invalid_request", 400, "invalid_headers")                                  \
    X(INVALID_STEP, "invalid_request", 400, "invalid_step")                                        \
    X(INVALID_SKILL_NAME, "invalid_request", 400, "invalid_skill_name")                            \
    X(INVALID_CLIENT_ID_FORM, "invalid_request", 400, "invalid_client_id")                         \
    X(INVALID_CLIENT_SECRET_FORM, "invalid_request", 400, "invalid_client_secret")                 \
    X(INVALID_CREDENTIALS_ID_FORM, "invalid_request", 400, "invalid_credentials_id")               \
    X(INVALID_ACCESS_TOKEN_FORM, "invalid_request", 400, "invalid_access_token")                   \
    X(INVALID_PCD_DATA_RETENTION, "invalid_request", 400, "invalid_pcd_data_retention")            \
    X(TPP_REDIRECT_ERROR, "invalid_request", 400, "tpp_redirect_error")                            \
    X(MISSING_UPLOADS, "invalid_request", 400, "missing_uploads")                                  \
    X(FORBIDDEN, "invalid_request", 403, "forbidden")                                              \
    X(NOT_FOUND, "invalid_request", 404, "not_found")                                              \
    X(INVALID_SESSION_ID, "invalid_request", 404, "invalid_session_id")                            \
    X(INVALID_STEP_ID, "invalid_request", 404, "invalid_step_id")                                  \
    X(UPLOAD_GONE, "invalid_request", 404, "upload_gone")                                          \
    X(METHOD_NOT_ALLOWED, "invalid_request", 405, "method_not_allowed")                            \
    X(REQUEST_TIMEOUT, "invalid_request", 408, "request_timeout")                                  \
    X(STEP_ALREADY_SUBMITTED, "invalid_request", 409, "step_already_submitted")                    \
    X(OFFSET_MISMATCH, "invalid_request", 409, "offset_mismatch")                                  \
    X(UNSUPPORTED_VERSION, "invalid_request", 412, "unsupported_version")                          \
    X(PAYLOAD_TOO_LARGE, "invalid_request", 413, "payload_too_large")                              \
    X(QUOTA_EXCEEDED, "invalid_request", 413, "quota_exceeded")                                    \
    X(UNSUPPORTED_MEDIA_TYPE, "invalid_request", 415, "unsupported_media_type")                    \
    X(PASSWORD_PROTECTED, "invalid_request", 415, "password_protected")                            \
    X(UNSAFE_DOCUMENT, "invalid_request", 415, "unsafe_document")                                  \
    X(MISDIRECTED_REQUEST, "invalid_request", 421, "misdirected_request")                          \
    X(TOO_MANY_REQUESTS, "invalid_request", 429, "too_many_requests")                              \
    X(CHECKSUM_MISMATCH, "invalid_request", 460, "checksum_mismatch")                              \
    X(INVALID_API_KEYS, "unauthorized", 401, "invalid_api_keys")                                   \
    X(UNAUTHORIZED_TENANT, "unauthorized", 401, "unauthorized_tenant")                             \
    X(INVALID_ACCESS_TOKEN, "unauthorized", 401, "invalid_access_token")                           \
    X(INVALID_CREDENTIALS_ID, "unauthorized", 401, "invalid_credentials_id")                       \
    X(INVALID_CLIENT_ID, "unauthorized", 401, "invalid_client_id")                                 \
    X(INVALID_CLIENT_SECRET, "unauthorized", 401, "invalid_client_secret")                         \
    X(INVALID_CLIENT_APP_KEY, "unauthorized", 401, "invalid_client_app_key")                       \
    X(INACTIVE_CREDENTIALS, "unauthorized", 401, "inactive_credentials")                           \
    X(EXPIRED_CREDENTIALS, "unauthorized", 401, "expired_credentials")                             \
    X(INVALID_UUID, "unauthorized", 401, "invalid_uuid")                                           \
    X(INVALID_TENANT_KEYS, "unauthorized", 401, "invalid_tenant_keys")                             \
    X(INVALID_TEMP_TOKEN, "unauthorized", 401, "invalid_temp_token")                               \
    X(INVALID_NONCE, "unauthorized", 401, "invalid_nonce")                                         \
    X(EXPIRED_NONCE, "unauthorized", 401, "expired_nonce")                                         \
    X(EXPIRED_SESSION, "unauthorized", 401, "expired_session")                                     \
    X(INVALID_SIGNATURE, "unauthorized", 401, "invalid_signature")                                 \
    X(EXPIRED_SIGNATURE, "unauthorized", 401, "expired_signature")                                 \
    X(INVALID_DIGEST, "unauthorized", 401, "invalid_digest")                                       \
    X(EXTERNAL_API_CONNECTION_ERROR, "external_api_error", 400, "external_api_connection_error")   \
    X(EXTERNAL_API_TOO_MANY_REQUESTS, "external_api_error", 400, "external_api_too_many_requests") \
    X(EXTERNAL_API_UNAUTHORIZED, "external_api_error", 400, "external_api_unauthorized")           \
    X(EXTERNAL_API_FORBIDDEN, "external_api_error", 400, "external_api_forbidden")                 \
    X(EXTERNAL_API_TIMEOUT, "external_api_error", 400, "external_api_timeout")                     \
    X(EXTERNAL_API_INVALID_ANSWER, "external_api_error", 400, "external_api_invalid_answer")       \
    X(INTERNAL_SERVER_ERROR, "internal_error", 500, "internal_server_error")                       \
    X(SERVICE_UNAVAILABLE, "internal_error", 503, "service_unavailable")                           \
    X(INSUFFICIENT_STORAGE, "internal_error", 507, "insufficient_storage")

typedef enum {
#define X(enumerator, type, http, name) FINQ_E_##enumerator,
    FINQ_CODES(X)
#undef X
        FINQ_E_COUNT
} finq_code;

/** One wrong place in a document (contract section 3: `details`). */
typedef struct finq_detail {
    const char *field;   /**< JSON Pointer (RFC 6901) of the value at fault */
    const char *message; /**< what is wrong with it, for developers */
    const char *keyword; /**< the schema's keyword that it does not meet; NULL where it is none */
    const char *limit;   /**< what the schema says there, as JSON; NULL where that is nothing to be told */
} finq_detail;

/** A fact of an error that a program can use without reading the message: a member of the answer (contract section 1). */
typedef struct finq_fact {
    const struct finq_fact *next;
    const char *name;
    enum { FINQ_FACT_TEXT, FINQ_FACT_NUMBER, FINQ_FACT_TEXTS } kind;
    const char *text; /**< NULL is told as null: nothing fits */
    apr_int64_t number;
    const apr_array_header_t *texts; /**< of const char * */
} finq_fact;

/** An error on its way up. NULL stands for success. Lives in the pool that it was made in. */
typedef struct finq_error {
    finq_code code;
    const char *message;         /**< for the client's developer; holds no secret and no SQL text */
    const char *cause;           /**< for the operator's log alone; NULL where the message says it all */
    apr_array_header_t *details; /**< of finq_detail; NULL where there are none */
    const finq_fact *facts;      /**< NULL where there are none */
    int uncertain;               /**< whether the effect may have taken place all the same: the answer was lost */
    int moved;                   /**< whether a new connection may lead to a database that answers: this one's has ended */
    int undone;                  /**< whether the database has undone the call for another's sake: it may be made again at once */
} finq_error;

/** Makes an error whose message is the formatted text. Never fails, never returns NULL. */
finq_error *finq_error_make(apr_pool_t *pool, finq_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4), returns_nonnull));

/** Makes a 500 or 503 (`code`) with the standard message for clients; the formatted text goes to the log only. */
finq_error *finq_error_internal(apr_pool_t *pool, finq_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4), returns_nonnull));

/** Adds a fact to an error: a text (NULL is null), a number, or texts (of const char *). `name` and what is told must live as
 * long as the error, which is returned. */
finq_error *finq_error_tell(finq_error *error, const char *name, const char *text, apr_pool_t *pool);
finq_error *finq_error_tell_number(finq_error *error, const char *name, apr_int64_t number, apr_pool_t *pool);
finq_error *finq_error_tell_texts(finq_error *error, const char *name, const apr_array_header_t *texts, apr_pool_t *pool);

/** missing_fields: names the members (of const char *, at least one) in its message and in the fact `fields`. */
finq_error *finq_error_missing(const apr_array_header_t *names, apr_pool_t *pool);

/** payload_too_large with the fact `max_bytes`, and a message that says so: "{what} is larger than {most} bytes." */
finq_error *finq_error_too_large(const char *what, apr_int64_t most, apr_pool_t *pool);

/** What went wrong, for the operator: the cause, or the message where that says it all. */
const char *finq_error_why(const finq_error *error);

/** The contract's `type` of a code. */
const char *finq_code_type(finq_code code);
/** The HTTP status of a code. */
int finq_code_http(finq_code code);
/** The contract's name of a code, as on the wire. */
const char *finq_code_name(finq_code code);
/** The code for a name that a SQL function reported; where a name stands under two types, the 401 one.
 * FINQ_E_INTERNAL_SERVER_ERROR for a name that is none. */
finq_code finq_code_by_name(const char *name);

/** Passes an error up. */
#define FINQ_TRY(expression)                       \
    do {                                           \
        finq_error *finq_try_error = (expression); \
        if (finq_try_error)                        \
            return finq_try_error;                 \
    } while (0)

#endif
