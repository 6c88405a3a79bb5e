/* The directory: what this process remembers of tenants and skills, so that a session's start asks no database. */
#ifndef FINQ_DIRECTORY_H
#define FINQ_DIRECTORY_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "db/pg.h"
#include "skills/skill.h"

/** One database's tenants and skills, as remembered. Threads may share it. */
typedef struct finq_directory finq_directory;

/** A published skill. It never changes, so it is compiled once and stays as long as the directory. */
typedef struct finq_published {
    apr_int32_t skill_id;
    const finq_skill *skill;
} finq_published;

/** Makes an empty directory whose tenants are believed for `ttl` seconds. `skills` (of const char *) narrows what may be
 * started; NULL does not. */
finq_error *finq_directory_create(finq_directory **directory, int ttl, const apr_array_header_t *skills, apr_pool_t *pool);

/** A skill by its name. Error: invalid_skill_name where none is published under it; those of a call. */
finq_error *finq_directory_skill_named(const finq_published **published, finq_directory *directory, finq_db *db, const char *name,
                                       apr_pool_t *pool);

/** A skill by its id, as a token holds it. Error: those of a call; internal where there is none. */
finq_error *finq_directory_skill(const finq_published **published, finq_directory *directory, finq_db *db, apr_int32_t skill_id,
                                 apr_pool_t *pool);

/** What authorises the start of a session (contract section 2). */
typedef struct finq_directory_claim {
    finq_id client_id;
    const char *app_key;
    const char *skill;
} finq_directory_claim;

/** Checks a claim in the contract's order: client, key, tenant's state, skill, grant. `*app_key_id` is the key that
 * fitted. What memory would refuse is asked of the database, so that a new key or grant works at once; so is, once a
 * minute, a key that fits, which notes its use there; a database that is away then refuses nothing. */
finq_error *finq_directory_authorise(apr_int64_t *app_key_id, const finq_published **published, finq_directory *directory,
                                     finq_db *db, const finq_directory_claim *claim, apr_pool_t *pool);

/** Whether a skill may be started where the directory is: FinqSkills does not leave it out. */
int finq_directory_serves(const finq_directory *directory, const char *skill);

/** Checks an app key alone, likewise: client, key, tenant's state. */
finq_error *finq_directory_know_key(finq_directory *directory, finq_db *db, const finq_id *client_id, const char *app_key,
                                    apr_pool_t *pool);

#endif
