/* Skills: published definitions (contract section 12), read strictly and compiled. */
#ifndef FINQ_SKILL_H
#define FINQ_SKILL_H

#include <apr_pools.h>
#include <jansson.h>

#include "ground/error.h"
#include "form/form.h"

/** Most steps of a skill, and most documents of a step. */
#define FINQ_SKILL_MAX_STEPS 32
#define FINQ_SKILL_MAX_UPLOADS 32
/** Largest document that a skill may ask for: 1 GiB. */
#define FINQ_SKILL_MAX_BYTES 1073741824

/** A document that a step asks for. */
typedef struct finq_skill_upload {
    const char *document;            /**< unique in its step */
    const char *title, *description; /**< NULL where the definition gives none */
    int required;                    /**< whether the next step waits for it */
    const char *const *media_types;  /**< ends with NULL */
    apr_int64_t max_bytes;
} finq_skill_upload;

/** A way that may be taken after a step. */
typedef struct finq_skill_branch {
    const finq_form *when; /**< a schema for {step name: its data} of the steps so far; NULL fits always */
    const char *step;      /**< where it leads, always to a later step; NULL ends the session */
    int place;             /**< that step's place in the skill, from 1; 0 for the end */
} finq_skill_branch;

/** Most branches of a step. */
#define FINQ_SKILL_MAX_BRANCHES 16

typedef struct finq_skill_step {
    const char *name;      /**< unique in its skill */
    const char *title;     /**< NULL where the definition gives none */
    const char *connector; /**< who is asked about the data; NULL for nobody */
    const char *review;    /**< "offline" where a person decides later; else NULL */
    const finq_skill_branch *branches;
    int branch_count;
    const finq_form *form;
    const finq_form *order; /**< of a step about a payment (order/order.h): what its data must be beside; else NULL */
    int is_payment;         /**< whether it is the payment_intent */
    const finq_skill_upload *uploads;
    int upload_count;
    int last; /**< whether it is the last one where no branch says otherwise */
} finq_skill_step;

/** A compiled skill. Immutable: any number of threads may read it at once. */
typedef struct finq_skill {
    const char *name, *title, *type, *environment;
    const char *servicer_name, *servicer_country;
    const finq_skill_step *steps;
    int step_count;
    const json_t *definition; /**< as it was published, for whoever shows it to people */
} finq_skill;

/** Compiles a definition; `definition` may be released afterwards, `*skill` lives in `pool`. Error:
 * invalid_input, whose details point at every member that is missing, unknown or malformed, those of the
 * steps' schemas too. */
finq_error *finq_skill_compile(finq_skill **skill, const json_t *definition, apr_pool_t *pool);

/** Whether a text could be a skill's name (contract section 12). */
int finq_skill_is_name(const char *text, apr_pool_t *pool);

/** The index of a step; -1 for a name that is none of the skill's. */
int finq_skill_step_find(const finq_skill *skill, const char *name);

/** Where a session goes after step `place` (from 1): the place of the first branch that fits, else of the step behind;
 * 0 for the end. `data` holds the data of the steps so far, this one included, by their names; it is looked at only where
 * the step has branches. Total: a branch that cannot be decided within its budget does not fit. */
int finq_skill_next(const finq_skill *skill, int place, const json_t *data, const finq_numbers *numbers, apr_pool_t *pool);

/** The document of a name; NULL for one that the step does not ask for. */
const finq_skill_upload *finq_skill_upload_find(const finq_skill_step *step, const char *document);

#endif
