/* A page's address, which leads a person to one onboarding, and what the database knows of it (contract section 16). */
#ifndef FINQ_ENTRY_H
#define FINQ_ENTRY_H

#include "flow/session.h"
#include "flow/status.h"
#include "page/words.h"

/** So long an address is good. */
#define FINQ_ENTRY_TTL 604800

/** A page that a tenant asks for. */
typedef struct finq_entry_request {
    finq_id client_id;
    const char *client_secret, *skill;
    const char *tenant_user_id, *language, *return_link; /**< each may be NULL */
    const json_t *prefill;                               /**< {step: {member: value}}, or NULL */
    const finq_numbers *numbers;                         /**< how its numbers were spelt */
    const finq_words *words;                             /**< of whatever language, for making forms */
} finq_entry_request;

/** What the tenant is told of it. */
typedef struct finq_entry_made {
    finq_id page_id;
    const char *address; /**< the last segment of its path */
    apr_int64_t expires_at;
    apr_int32_t skill_id;
} finq_entry_made;

/** Makes a page. Errors: invalid_client_id, invalid_client_secret, unauthorized_tenant, invalid_skill_name, invalid_field, unknown_fields;
 * those of a call. */
finq_error *finq_entry_create(finq_entry_made *made, const finq_service *service, const finq_entry_request *request,
                              apr_pool_t *pool);

/** Makes a new address for a page, and the older ones useless. Errors: as above; not_found. */
finq_error *finq_entry_renew(finq_entry_made *made, const finq_service *service, const finq_id *client_id,
                             const char *client_secret, const finq_id *page_id, apr_pool_t *pool);

/** An address that has been opened. */
typedef struct finq_entry {
    finq_id client_id, page_id;
    int generation;
    const finq_id *handoff_id; /**< of one by which another device takes over (handoff.h); NULL of a page's own */
    const char *numbers;       /**< that one's numbers; else NULL */
    const finq_id *session_id; /**< the page's, once that is known; NULL for none */
} finq_entry;

/** Opens an address, without asking the database. Error: not_found for one that is none, or too old: then `entry` tells all the same
 * whose it was. What has become of a hand-off the database knows; its address is too old only when its session is over. */
finq_error *finq_entry_open(finq_entry *entry, const finq_service *service, const char *address, apr_pool_t *pool);

/** What is known of a page. */
typedef struct finq_entry_facts {
    const finq_published *published;
    const char *tenant, *colours, *logo; /**< its name; its colours and its logo's name, where it has any, else NULL */
    const char *tenant_user_id, *language, *return_link; /**< each may be NULL */
    const json_t *prefill;                               /**< NULL where there is none */
    finq_numbers *numbers;
    apr_int64_t expires_at;
    const finq_id *session_id; /**< NULL before the first start */
    int has_begun;             /**< whether that session has had a step: then it stands so: */
    finq_status status;
    apr_int64_t updated_at; /**< since when it does */
} finq_entry_facts;

/** Looks at a page. By the address of a hand-off it is found as long as that waits to be opened. Errors: not_found, unauthorized_tenant; those of a call. */
finq_error *finq_entry_look(finq_entry_facts *facts, const finq_service *service, const finq_entry *entry, apr_pool_t *pool);

/** Whether this is the page's session: whoever holds an address goes no further in another's. Error: invalid_nonce. */
finq_error *finq_entry_check(const finq_entry *entry, const finq_id *session_id, apr_pool_t *pool);

/** What the name of a logo begins with. */
#define FINQ_ENTRY_LOGO "logo-"

/** A tenant's logo by its name, as a file. Errors: those of a call. */
finq_error *finq_entry_logo(finq_page_file *file, int *is_there, const finq_service *service, const char *name, apr_pool_t *pool);

/** Starts a page's session, or finds it: of many who do at once all have the same. `started` is filled in where it has had no step.
 * Errors: as finq_entry_look. */
finq_error *finq_entry_begin(finq_entry_facts *facts, finq_session_started *started, const finq_service *service,
                             const finq_entry *entry, apr_pool_t *pool);

#endif
