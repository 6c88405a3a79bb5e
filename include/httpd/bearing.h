/* A consent's credentials in a request's headers: out of them before anybody else sees them. */
#ifndef FINQ_BEARING_H
#define FINQ_BEARING_H

#include <httpd.h>

/** The type of authentication of a Location that requires consents: AuthType finq. */
#define FINQ_BEARING_AUTH_TYPE "finq"

/** What a request bears; a member is NULL where its header is not there. */
typedef struct finq_bearing {
    const char *authorization;
    const char *client_id, *client_secret, *credentials_id; /**< of X-Finq-Client-Id, -Client-Secret, -Credentials-Id */
} finq_bearing;

/** The post_read_request hook, where the host requires consents: takes the secret out of the headers of a request that was just read, and Authorization where X-Finq-Credentials-Id says that
 * it is a consent's: no log shows them, and no back end gets them. Takes away whatever X-Finq-Consent-… the client sent. */
int finq_bearing_take(request_rec *r);
/** What the client's request bears that this one came of, by redirects or as a subrequest. */
const finq_bearing *finq_bearing_of(request_rec *r);

/** The header_parser hook: Authorization goes back where AuthType is another than finq. */
int finq_bearing_settle(request_rec *r);
/** A fixup: no Authorization goes on from a Location with AuthType finq, whoever let the request in. */
int finq_bearing_fixup(request_rec *r);

#endif
