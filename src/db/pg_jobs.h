/* Calls that go together: what both ways of asking them share. */
#ifndef PG_JOBS_H
#define PG_JOBS_H

#include "db/pg.h"

/** Has the pool clear `rows`, which may be NULL, and returns them. */
PGresult *pg_rows_own(PGresult *rows, apr_pool_t *pool);
/** Gives each of the jobs the error with which their connection was lost: nobody knows what of them took effect. */
void pg_jobs_fail(finq_pg_job *const *jobs, int count, const finq_error *lost);

/** Makes one call, which may wait for a lock as long as the connection says; once more where it was undone for another's sake. */
void pg_job_alone(finq_pg_job *job, PGconn *connection, apr_time_t deadline, int named);

#endif
