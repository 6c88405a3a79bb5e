/* Persons: all that is held of one, told and ended (contract section 15). */
#ifndef FINQ_PERSON_H
#define FINQ_PERSON_H

#include "crypto/data_key.h"
#include "flow/service.h"

/** Who is meant, by which tenant. */
typedef struct finq_person {
    finq_id client_id;
    const char *client_secret;     /**< NULL where the operator asks */
    const char *tenant_user_id;    /**< NULL of whom the tenant has no id of */
    const finq_id *credentials_id; /**< of these a consent; else NULL */
    const char *access_token;      /**< with it */
} finq_person;

/** The HMACs by which a person's rows are found, as an array of SQL's. Error: internal. */
finq_error *finq_person_macs(const char **macs, const finq_person *person, const finq_data_keys *keys, apr_pool_t *pool);

/** Where a person's data are asked for, page by page: finq.person_page, whoever may call it. `page` is the pool's. */
typedef struct finq_person_pages finq_person_pages;
struct finq_person_pages {
    finq_error *(*ask)(finq_person_pages *pages, const char **page, const char *part, const char *after, apr_pool_t *pool);
};

/** Takes a piece of an export. Returns 0 where nobody reads it any more. */
typedef int (*finq_person_take)(void *baton, const char *text, apr_size_t length);

/** Exports all that is held of a person, as one object of JSON, piece by piece; whatever is wrong with the question is known before
 * the first. Memory is that of a page. Errors: those of `ask`, of finq_sealed_tree_open. */
finq_error *finq_person_export(finq_person_pages *pages, const finq_person *person, const finq_data_keys *keys,
                               finq_person_take take, void *baton, apr_pool_t *pool);

/** The pages as a tenant's server may have them. Errors: invalid_client_id, invalid_client_secret, unauthorized_tenant,
 * invalid_credentials_id, invalid_access_token; invalid_field where the consent is of somebody whom the tenant has an id of; those of a call. */
finq_error *finq_person_page(const char **page, const finq_person *person, const char *part, const char *after,
                             const finq_service *service, apr_pool_t *pool);

/** Erases a person. `claims` is what a receipt is to say: the same for as long as, within 30 days, there is nothing new to erase.
 * Errors: those of finq_person_page. */
finq_error *finq_person_erase(const char **claims, const finq_person *person, const finq_service *service, apr_pool_t *pool);

#endif
