/* A request to the API: its typed state, its body, its answer. */
#ifndef FINQ_REQUEST_H
#define FINQ_REQUEST_H

#include <httpd.h>

#include "httpd/paths.h"
#include "httpd/runtime.h"
#include "ground/id.h"
#include "json/json.h"
#include "sign/proof.h"
#include "flow/service.h"

/** What the module keeps of a request. One a request_rec; internal redirects and subrequests have their own. */
typedef struct finq_request {
    request_rec *r;
    finq_config *config;
    finq_service service; /**< what endpoints ask with, once finq_service_begin has been here */

    /* What came in. */
    char id[FINQ_ID_TEXT + 1];      /**< X-Request-Id */
    finq_route_number route;        /**< once the router has found it */
    const char *path_id;            /**< what stands in the path in the place of an id; NULL where the route has none */
    const char *nonce;              /**< of the header; NULL where there is none */
    struct finq_bearing *bearing;   /**< a consent's credentials, of the headers (bearing.c); NULL where there are none */
    struct finq_required *required; /**< what Require finq-consent found (require.c); NULL where nothing was asked */
    const char *returned;           /**< the query that a bank's return, or a page, came with; NULL where there is none */
    const char *address;            /**< the sealed part of an unfinished upload's address; NULL elsewhere */
    const char *page;               /**< what stands in the path behind a page's Location; NULL elsewhere */
    const unsigned char *body_hash; /**< of the compact body, once finq_intake_read has read it */
    finq_numbers *numbers;          /**< how its numbers were spelt; likewise */

    /* The body, as body.c reads it. */
    apr_bucket_brigade *brigade;
    int body_ended;
    apr_time_t read_until;       /**< of the steady clock: nothing of it is waited for any longer; 0 for as long as httpd waits */
    finq_proof_digests *digests; /**< fed with what is read; NULL where nobody asks */

    /* The proof, as access.c sees it. */
    const finq_proof *proof;   /**< that the request is signed; NULL where it is not, or need not be */
    finq_id signer;            /**< whose signature it is, once finq_access_tenant has seen to it */
    const finq_error *refusal; /**< why a hook refused the request; NULL if none did */
    int is_proven;             /**< whether who asks has shown a signature, a nonce or a key that is what it claims to be */

    /* Whom it counts for, as limits.c counts; 0 for nobody. */
    apr_uint64_t address_key, tenant_key;
    int is_told; /**< a limit has refused this client in the same second, and the log has its line */

    const char *told; /**< of finq_observe_tell; NULL for nothing */

    const char *asking; /**< the path of the connector that ask.c is asking; NULL while none is */

    /* What goes out. */
    const char *answer_text;   /**< JSON to answer with in the place of the endpoint's reply; NULL for that */
    const char *cache_control; /**< of an answer that may be kept; NULL for no-store */
    const char *location;      /**< where the browser goes, of an answer that is a redirect; else NULL */
    int empty_status;          /**< of an answer without a body; 0 for one that has a body */
    int is_flowing;            /**< the answer is on its way, and comes in pieces */
    int answered;              /**< a status has been sent, by httpd itself or by us */

    /* What is done once the client has its answer, in the same thread; NULL for nothing. */
    void (*afterwards)(struct finq_request *request, void *of);
    void *afterwards_of;

    /* An answer that is held back (longpoll.c). */
    finq_error *(*continuation)(struct finq_request *request, finq_json_writer *reply); /**< makes the answer then; else NULL */
    const struct finq_session_pass *pass;                                               /**< for the continuation */
} finq_request;

/** The state of a request, made at the first call. */
finq_request *finq_request_of(request_rec *r);

/** Whether an error of this request is the API's to answer: it is under a base, would lead to a connector, or is so broken
 * that it has no path, on a host that has a base. */
int finq_request_is_ours(const request_rec *r);

/** The refusal of a request's method: method_not_allowed, and an Allow with those that there are. */
finq_error *finq_request_wrong_method(const request_rec *r, const char *allowed, const char *message);

/** This server's address by its configuration, whatever the client called it: scheme, host, and port where one is needed. */
const char *finq_request_address(request_rec *r, apr_pool_t *pool);

/** The header that a nonce may come in; finq_request_read takes it to finq_request.nonce. */
#define FINQ_REQUEST_NONCE "X-Finq-Nonce"

/** The create_request and post_read_request hooks: no ErrorDocument stands in the place of our errors. */
int finq_request_create(request_rec *r);
int finq_request_read(request_rec *r);
/** Does as finq_request_read for a path that turned out to be under a base only when it was normalised. */
void finq_request_claim(request_rec *r);

/** Gives a request's service the database anew, with its full time (FinqDatabaseTimeout): what was spent before, on another
 * page or before somebody outside was asked, does not count. */
void finq_request_database(finq_request *request, apr_pool_t *pool);

#endif
