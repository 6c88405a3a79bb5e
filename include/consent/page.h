/* A tenant's consents, page by page (contract section 9). */
#ifndef FINQ_CONSENT_PAGE_H
#define FINQ_CONSENT_PAGE_H

#include "consent/consent.h"
#include "crypto/secrets.h"

/** Most consents of a page. */
#define FINQ_CONSENT_PAGE_MAX 500

/** Which of a tenant's consents are asked for. */
typedef struct finq_consent_query {
    finq_id client_id;
    const char *client_secret;
    const char *tenant_user_id; /**< of this user alone; NULL for all */
    const char *status;         /**< that stand so alone; NULL for all */
    const char *cursor;         /**< where the page before has ended; NULL for the first one */
    apr_int64_t count;          /**< most of a page, 1 to FINQ_CONSENT_PAGE_MAX */
    const finq_id *before;      /**< what the cursor stands behind, once finq_consent_query_check has been here */
} finq_consent_query;

typedef struct finq_consent_page {
    const finq_consent *consents; /**< newest first */
    int count;
    const char *next_cursor; /**< NULL on the last page */
} finq_consent_page;

/** Checks a query, before anybody is asked, and opens its cursor. That is sealed, and good for its query alone, whatever `count`.
 * Error: invalid_field, for the status, the count, or a cursor that was not given for this query. */
finq_error *finq_consent_query_check(finq_consent_query *query, const finq_secrets *secrets, apr_pool_t *pool);

/** Reads a page of a query that was checked. What is added meanwhile is newer than all later pages, and what is deleted stays
 * where it is; a page may hold fewer than were asked for, and have a next one. Errors: invalid_client_id, invalid_client_secret,
 * unauthorized_tenant; those of a call. */
finq_error *finq_consent_page_read(finq_consent_page *page, const finq_service *service, const finq_consent_query *query,
                                   apr_pool_t *pool);

#endif
