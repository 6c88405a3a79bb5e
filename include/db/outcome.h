/* What a SQL function reports, as the error that a client is told. */
#ifndef FINQ_OUTCOME_H
#define FINQ_OUTCOME_H

#include "ground/error.h"

/** The error for an outcome that a SQL function reported. Where they matter, `missing` is the text of an array of documents, and
 * `refused` the step that is not taken. */
finq_error *finq_outcome_error(const char *outcome, const char *missing, const char *refused, apr_pool_t *pool);

/** The same for a caller who shows an app key, and has no session yet. */
finq_error *finq_outcome_refusal(const char *outcome, apr_pool_t *pool);

#endif
