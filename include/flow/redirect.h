/* Redirects: a user's visit to a bank, and the way back (contract section 6). */
#ifndef FINQ_REDIRECT_H
#define FINQ_REDIRECT_H

#include "flow/service.h"
#include "flow/session.h"

/** What a bank's return brought. */
typedef struct finq_redirect_return {
    const char *kind;  /**< as in the path */
    const char *state; /**< NULL where none came, and so below */
    const char *code;
    const char *error;
    const char *error_description;
} finq_redirect_return;

/** Finishes the step that the state names: one return has an effect, however many arrive. `*location` is where the browser
 * goes: the client's own link with temp_token, status or error added. `*session_id` is the state's, and is left alone where that
 * does not open. Error: tpp_redirect_error where no link is known; those of a call. A connector that cannot be reached leaves
 * the return to be tried again. */
finq_error *finq_redirect_finish(const char **location, finq_id *session_id, const finq_service *service,
                                 const finq_redirect_return *came, apr_pool_t *pool);

#endif
