/* A request to the API: its typed state, its body, its answer. */
#ifndef FINQ_REQUEST_H
#define FINQ_REQUEST_H

#include <httpd.h>

#include "httpd/child.h"
#include "httpd/paths.h"
#include "ground/id.h"
#include "json/json.h"
#include "sign/proof.h"
#include "flow/service.h"

/** What the module keeps of a request. One a request_rec; internal redirects and subrequests have their own. */
typedef struct finq_request {
    request_rec *r;
    finq_config *config;
    finq_service service;
    char id[FINQ_ID_TEXT + 1];   /**< X-Request-Id */
    const char *path_id;         /**< what stands in the path in the place of an id; NULL where the route has none */
    const char *asking;          /**< the path of the connector that is being asked; NULL while none is */
    const finq_proof *proof;     /**< that it is signed; NULL where it is not, or need not be */
    finq_proof_digests *digests; /**< of the body as it arrives; NULL where nobody asks */
    finq_id signer;              /**< whose signature it is, once finq_access_tenant has seen to it */
    const finq_error *refusal;   /**< why the checker refused it; NULL if it did not */
    const unsigned char *body_hash; /**< of the compact body, once finq_body_object has read it */
    const char *answer_text;     /**< JSON to answer with in the place of the endpoint's reply; NULL for that */
    const char *nonce;           /**< of the header; NULL where there is none */
    const char *returned;        /**< the query that a bank's return came with; NULL where there is none */
    int is_told;                 /**< a limit has refused this client in the same second, and the log has its line */
    const char *cache_control;   /**< of an answer that others may keep; NULL for no-store */
    finq_route_number route;     /**< once the router has found it */
    apr_uint64_t address_key, tenant_key; /**< of httpd/limits.h: whom the request counts for; 0 for nobody */
    apr_bucket_brigade *brigade; /**< of finq_body_read */
    int body_ended;
    const char *location;        /**< where the browser goes, of an answer that is a redirect; else NULL */
    int is_empty;                /**< whether the answer is 204: nothing was asked for, and nothing was done */
    finq_error *(*rest)(struct finq_request *request, finq_json_writer *reply); /**< of the endpoint, where its answer is held
                                                                                  back; else NULL */
    const struct finq_session_pass *pass; /**< for that rest */
    int answered;                /**< a status has been sent for it, by httpd itself or by us */
} finq_request;

/** The state of a request, made at the first call. */
finq_request *finq_request_of(request_rec *r);

/** The same with what an endpoint needs of the child; NULL if the child could not be set up (it logged why). */
finq_request *finq_request_begin(request_rec *r);

/** Whether an error of this request is the API's to answer: it is under a base, would lead to a connector, or is so broken
 * that it has no path, on a host that has a base. */
int finq_request_is_ours(const request_rec *r);

/** The header that a nonce may come in; finq_request_read takes it to finq_request.nonce. */
#define FINQ_REQUEST_NONCE "X-Finq-Nonce"

/** The create_request and post_read_request hooks: no ErrorDocument stands in the place of our errors. */
int finq_request_create(request_rec *r);
int finq_request_read(request_rec *r);
/** The same for a path that turned out to be under a base only when it was normalised. */
void finq_request_claim(request_rec *r);

/* ---- body.c ---- */

/** Checks what can be checked before the body is read: content coding, framing, declared length and type (contract section 1).
 * `is_type` says whether a media type will do. Errors: invalid_headers, unsupported_media_type, payload_too_large. */
finq_error *finq_body_precheck(finq_request *request, apr_off_t most, int (*is_type)(const char *type));

/** Reads a body that claims to be JSON as it was sent, at most FinqMaxBody bytes. Errors: those of the precheck,
 * request_timeout, invalid_body where it is cut short. */
finq_error *finq_body_text(finq_request *request, char **text, apr_size_t *length);

/** Reads the body as one JSON object: compact, strictly parsed, hashed. Errors: those of the precheck, invalid_body,
 * request_timeout. */
finq_error *finq_body_object(finq_request *request, json_t **object);

/** Reads the next piece of the body into `bytes`; `*length` is 0 at its end. Never waits longer than httpd's timeouts. */
finq_error *finq_body_read(finq_request *request, char *bytes, apr_size_t room, apr_size_t *length);

/* ---- reply.c ---- */

/** Sends an answer, and returns what the handler returns. */
int finq_reply_json(finq_request *request, const char *text);
/** Sends an error and logs it; the one place that turns errors into HTTP. */
int finq_reply_error(finq_request *request, const finq_error *error);
/** Refuses a request from a hook: returns the status for httpd, whose page the insert_error_filter hook replaces by this
 * error, and logs it then. */
int finq_reply_refuse(finq_request *request, const finq_error *error);
/** Answers a preflight, without a body. */
int finq_reply_preflight(finq_request *request);
/** Answers 204: nothing was asked for that has an answer. */
int finq_reply_empty(finq_request *request);
/** Sends the browser elsewhere. `location` is a whole address. Returns what the handler returns. */
int finq_reply_redirect(finq_request *request, const char *location);
/** "YYYY-MM-DDTHH:MM:SSZ", in the pool. */
const char *finq_reply_time(apr_int64_t seconds, apr_pool_t *pool);

/** The insert_error_filter hook: gives the errors that httpd itself makes under a base the contract's form. */
void finq_reply_insert_filter(request_rec *r);
/** Registers the filter of that hook. */
void finq_reply_register(void);

/* ---- cors.c ---- */

/** Adds what a browser on another origin asks for; to be called before any answer. */
void finq_cors_apply(finq_request *request);
/** Whether this is a preflight. */
int finq_cors_is_preflight(request_rec *r);
/** Reads FinqAllowOrigin. */
const char *finq_cors_set_origin(cmd_parms *cmd, void *dummy, const char *value);
/** Reads FinqAllowHeaders. */
const char *finq_cors_set_header(cmd_parms *cmd, void *dummy, const char *value);

#endif
