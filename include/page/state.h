/* What a page's form carries besides its nonce: sealed, so that the next request needs no look at the database for it. */
#ifndef FINQ_STATE_H
#define FINQ_STATE_H

#include "crypto/secrets.h"
#include "json/json.h"
#include "page/entry.h"
#include "skills/skill.h"

/** What is carried. A text that is NULL is not there. */
typedef struct finq_state {
    finq_id page_id;
    const char *language, *tenant, *style, *logo, *return_link;
    const char *moment;          /**< when the form was shown */
    const char *session, *skill; /**< on a device that is to take over: the ids of the session and its skill, as text */
    json_t *typed; /**< {step: data} of what was typed since the page was opened, to be shown again; NULL for nothing */
    finq_numbers *numbers;
    json_t *files;       /**< {document: "size name"} of files that were sent from here; NULL for none */
    const json_t *parts; /**< what was typed into the other parts of a form (part.h); NULL for nothing */
} finq_state;

/** Seals it into text, however long that becomes: who takes answers in bounds them. */
finq_error *finq_state_seal(const char **text, const finq_state *state, const finq_secrets *secrets, apr_pool_t *pool);

/** Leaves out what was typed into steps for which there is no room, in bytes, of the first ones first. */
void finq_state_fit(finq_state *state, const finq_skill *skill, apr_size_t room, apr_pool_t *pool);

/** Opens it. `*is_ours` is 0 for a text (or NULL) that is none, or that is another page's. */
finq_error *finq_state_open(finq_state *state, int *is_ours, const char *text, const finq_id *page_id,
                            const finq_secrets *secrets, apr_pool_t *pool);

#endif
