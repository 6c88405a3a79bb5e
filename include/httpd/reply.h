/* Answers: the one place that turns what came out into HTTP. */
#ifndef FINQ_REPLY_H
#define FINQ_REPLY_H

#include "httpd/request.h"

/** Sends an answer, and returns what the handler returns. */
int finq_reply_json(finq_request *request, const char *text);
/** Sends a page of HTML, and returns what the handler returns. `error` is what it tells of, and is logged; NULL for nothing. */
int finq_reply_page(finq_request *request, const finq_error *error, const char *html);
/** Begins an answer of JSON whose length nobody knows yet: its endpoint writes it, piece by piece. */
void finq_reply_flow(finq_request *request);
/** Writes a piece of such an answer, and waits for the client where that is slow. Returns 0 where it is gone. */
int finq_reply_write(finq_request *request, const char *text, apr_size_t length);
/** Breaks such an answer off, so that its client knows it is not whole, and logs why. Returns what the handler returns. */
int finq_reply_cut(finq_request *request, const finq_error *error);
/** Sends an error and logs it; the one place that turns errors into HTTP. */
int finq_reply_error(finq_request *request, const finq_error *error);
/** Refuses a request from a hook: returns the status for httpd, whose page the insert_error_filter hook replaces by this
 * error, and logs it then. */
int finq_reply_refuse(finq_request *request, const finq_error *error);
/** Answers a preflight, without a body. */
int finq_reply_preflight(finq_request *request);
/** Answers without a body, with the request's empty_status. */
int finq_reply_empty(finq_request *request);
/** Sends the browser elsewhere. `location` is a whole address. Returns what the handler returns. */
int finq_reply_redirect(finq_request *request, const char *location);

/** Sends all of an answer that the handler has given: what is done behind it, the client does not wait for. */
void finq_reply_end(request_rec *r);

/** The insert_error_filter hook: gives the errors that httpd itself makes under a base the contract's form. */
void finq_reply_insert_filter(request_rec *r);
/** Registers the filter of that hook. */
void finq_reply_register(void);

#endif
