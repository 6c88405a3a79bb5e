#include "pg_jobs.h"

#include <apr_strings.h>
#include <string.h>

#include "ground/codec.h"

/* What PostgreSQL reads as an array: how many dimensions, whether there are NULLs, the elements' type, how many, counted from where. */
#define ARRAY_HEAD 5

static unsigned char *number_put(unsigned char *to, apr_uint32_t number)
{
    finq_codec_number_put(to, number, sizeof number);
    return to + sizeof number;
}

static apr_size_t array_size(finq_pg_job *const *members, int count, int parameter)
{
    apr_size_t size = ARRAY_HEAD * sizeof(apr_uint32_t);
    for (int i = 0; i < count; i++) {
        const finq_pg_args *args = members[i]->args;
        size += sizeof(apr_uint32_t) + (args->values[parameter] ? (apr_size_t)args->lengths[parameter] : 0);
    }
    return size;
}

static unsigned char *element_put(unsigned char *to, const finq_pg_args *args, int parameter)
{
    if (!args->values[parameter])
        return number_put(to, (apr_uint32_t)-1);
    to = number_put(to, (apr_uint32_t)args->lengths[parameter]);
    memcpy(to, args->values[parameter], (apr_size_t)args->lengths[parameter]);
    return to + args->lengths[parameter];
}

/* Adds one parameter of all members, as an array. */
static void array_add(finq_pg_args *to, finq_pg_job *const *members, int count, apr_pool_t *pool)
{
    int parameter = to->count++;
    apr_size_t size = array_size(members, count, parameter);
    unsigned char *at = apr_palloc(pool, size);
    to->values[parameter] = (const char *)at;
    to->lengths[parameter] = (int)size;
    to->formats[parameter] = 1;
    at = number_put(at, 1);
    at = number_put(at, 1);
    at = number_put(at, members[0]->args->types[parameter]);
    at = number_put(at, (apr_uint32_t)count);
    at = number_put(at, 1);
    for (int i = 0; i < count; i++)
        at = element_put(at, members[i]->args, parameter);
}

/* Gives a member one more row out of the answer to all; 0 where memory ran out. */
static int row_give(PGresult **own, const PGresult *rows, int row, apr_pool_t *pool)
{
    if (!*own)
        *own = pg_rows_own(PQcopyResult(rows, PG_COPYRES_ATTRS), pool);
    int place = *own ? PQntuples(*own) : 0;
    for (int column = 0; *own && column < PQnfields(rows); column++) {
        int length = PQgetisnull(rows, row, column) ? -1 : PQgetlength(rows, row, column);
        if (!PQsetvalue(*own, place, column, PQgetvalue(rows, row, column), length))
            return 0;
    }
    return *own != NULL;
}

/* Gives the members that are in the answer their rows, in its order. */
static void answer_share(finq_pg_job *const *members, int count, const PGresult *rows)
{
    int number_column = PQnfields(rows) - 1;
    PGresult **own = apr_pcalloc(members[0]->pool, (apr_size_t)count * sizeof *own);
    for (int row = 0; row < PQntuples(rows); row++) {
        apr_int64_t number = finq_pg_number(rows, row, number_column);
        finq_pg_job *member = number >= 1 && number <= count ? members[number - 1] : NULL;
        if (!member || member->error)
            continue;
        int is_given = row_give(&own[number - 1], rows, row, member->pool);
        member->rows = is_given ? own[number - 1] : NULL;
        if (is_given)
            continue;
        member->error = finq_error_internal(member->pool, FINQ_E_INTERNAL_SERVER_ERROR, "database: an answer: out of memory");
        member->error->uncertain = 1;
    }
}

/* Those that make the same call, and that call of them all. */
typedef struct {
    finq_pg_job call;
    finq_pg_args args;
    finq_pg_job **members;
    int count;
} crowd;

/* Whether one of the jobs makes the call of this one. */
static int has_alike(finq_pg_job *const *jobs, int count, const finq_pg_job *job)
{
    while (count > 0 && jobs[count - 1]->statement != job->statement)
        count--;
    return count > 0;
}

static crowd *crowd_make(finq_pg_job *const *jobs, int count, const finq_pg_job *first)
{
    crowd *made = apr_pcalloc(first->pool, sizeof *made);
    made->members = apr_palloc(first->pool, (apr_size_t)count * sizeof *made->members);
    for (int i = 0; i < count; i++) {
        if (jobs[i]->statement == first->statement)
            made->members[made->count++] = jobs[i];
    }
    while (made->args.count < first->args->count)
        array_add(&made->args, made->members, made->count, first->pool);
    made->call = (finq_pg_job){.statement = first->statement->crowd, .args = &made->args, .pool = first->pool, .is_crowd = 1};
    return made;
}

/* Asks crowds, in one transaction. One by itself is a crowd too: that costs little more than its call. Answers the error with which the
 * connection was lost. A crowd that was put aside had no effect, and its members are asked alone. */
static finq_error *crowds_ask(finq_pg_job *const *jobs, int count, PGconn *connection, apr_time_t deadline, int named)
{
    apr_pool_t *pool = jobs[0]->pool;
    crowd **crowds = apr_palloc(pool, (apr_size_t)count * sizeof *crowds);
    finq_pg_job **calls = apr_palloc(pool, (apr_size_t)count * sizeof *calls);
    finq_error *lost = NULL;
    int crowding = 0;
    for (int i = 0; i < count; i++) {
        if (has_alike(jobs, i, jobs[i]))
            continue;
        crowds[crowding] = crowd_make(jobs, count, jobs[i]);
        calls[crowding] = &crowds[crowding]->call;
        crowding++;
    }
    finq_pg_calls(calls, crowding, connection, deadline, named);
    for (int i = 0; i < crowding; i++) {
        if (!lost)
            lost = calls[i]->error;
        if (calls[i]->rows)
            answer_share(crowds[i]->members, crowds[i]->count, calls[i]->rows);
    }
    return lost;
}

/* Those that promise what they lock come first, and share a transaction; each of the others has one of its own. */
static void unanswered_ask(finq_pg_job *const *jobs, int count, PGconn *connection, apr_time_t deadline, int named)
{
    int together = 0;
    while (together < count && jobs[together]->args->session)
        together++;
    if (together)
        finq_pg_calls(jobs, together, connection, deadline, named);
    for (int i = together; i < count; i++)
        finq_pg_calls(&jobs[i], 1, connection, deadline, named);
}

void finq_pg_together(finq_pg_job *const *jobs, int count, PGconn *connection, apr_time_t deadline, int named)
{
    if (count == 1) {
        pg_job_alone(jobs[0], connection, deadline, named);
        return;
    }
    finq_pg_job **left = apr_palloc(jobs[0]->pool, (apr_size_t)count * sizeof *left);
    finq_error *lost = crowds_ask(jobs, count, connection, deadline, named);
    int unanswered = 0;
    for (int i = 0; i < count; i++) {
        if (!jobs[i]->rows && !jobs[i]->error && !jobs[i]->aside)
            left[unanswered++] = jobs[i];
    }
    if (lost)
        pg_jobs_fail(left, unanswered, lost);
    else
        unanswered_ask(left, unanswered, connection, deadline, named);
}
