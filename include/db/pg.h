/* PostgreSQL: with the calls made of it, the one room that knows libpq. One call is one prepared statement, one round trip. */
#ifndef FINQ_PG_H
#define FINQ_PG_H

#include <apr_pools.h>
#include <apr_time.h>
#include <libpq-fe.h>

#include "ground/codec.h"
#include "ground/error.h"
#include "ground/id.h"

/** Most parameters of a call. */
#define FINQ_PG_ARGS 30

/** A call that the server makes: prepared under `name` once a connection. */
typedef struct finq_pg_statement {
    const char *name;
    const char *sql;
    int repeatable; /**< a second time it answers the same, and has no effect beyond that of the first */
    /** The same of many (sql/functions/crowd.sql): its parameters are arrays of this one's, its columns this one's and then the
     * member's number. NULL where there is none. */
    const struct finq_pg_statement *crowd;
} finq_pg_statement;

/** Parameters of a call, added in order. The bytes must live until the call returns. */
typedef struct finq_pg_args {
    int count;
    const char *values[FINQ_PG_ARGS];
    int lengths[FINQ_PG_ARGS];
    int formats[FINQ_PG_ARGS];
    Oid types[FINQ_PG_ARGS];
    unsigned char numbers[FINQ_PG_ARGS][8];
    const finq_id *session; /* see finq_pg_arg_session; else NULL */
} finq_pg_args;

void finq_pg_arg_id(finq_pg_args *args, const finq_id *id);
/** The id of a session, or of a page, and a promise: its row, and what hangs on it, is all that the call locks. So the call may share
 * a transaction with others of that kind; in the order of these ids they are seldom in each other's way. */
void finq_pg_arg_session(finq_pg_args *args, const finq_id *id);
void finq_pg_arg_text(finq_pg_args *args, const char *text);  /**< NULL is SQL's NULL */
void finq_pg_arg_bytes(finq_pg_args *args, finq_bytes bytes); /**< NULL data is SQL's NULL, as is a NULL id */
void finq_pg_arg_int(finq_pg_args *args, apr_int32_t number);
void finq_pg_arg_long(finq_pg_args *args, apr_int64_t number);
void finq_pg_arg_bool(finq_pg_args *args, int truth);

/** An array literal of text, for a text[] parameter; elements hold no quotes or backslashes (they are our own names). */
const char *finq_pg_array(const char *const *elements, int count, apr_pool_t *pool);

/** The elements (const char *) of such an array as PostgreSQL writes it; none of NULL. */
apr_array_header_t *finq_pg_elements(const char *array, apr_pool_t *pool);

/** Makes a connection ready for finq_pg_call: notes which statements it has prepared, and forgets them whenever the
 * connection is reset. May be called again. Returns 0 if memory ran out. */
int finq_pg_adopt(PGconn *connection);

/** Calls a statement whose results come in binary. The rows belong to `pool`. `deadline` is absolute: when it
 * passes, the connection is shut down, so that its next user opens it anew.
 * `named` 0 sends the statement unprepared, for poolers that hand each transaction another connection.
 * Errors: service_unavailable where trying again can help (the connection was lost, the deadline passed, the database
 * is full or shutting down), else internal_server_error; the cause holds SQLSTATE and primary message, no row data.
 * Where the database has ended, or is one that can't be written to, the error has `moved`, and the connection is cut. */
finq_error *finq_pg_call(const PGresult **rows, PGconn *connection, const finq_pg_statement *statement, const finq_pg_args *args,
                         apr_time_t deadline, int named, apr_pool_t *pool);

/** One of several calls, and what came of it: rows, or an error. Both belong to its pool. */
typedef struct finq_pg_job {
    const finq_pg_statement *statement;
    const finq_pg_args *args;
    apr_pool_t *pool;
    int is_crowd; /**< it is one call of many, and limits its waits for locks itself: of those that go together all are, or none */
    const PGresult *rows;
    finq_error *error;
    int aside; /**< it had no effect among others, and is to be made by itself: so nobody waits for what it waits for */
} finq_pg_job;

/** Makes several calls in one round trip and one transaction, in their order, so that they cost one commit. None waits for a lock
 * for more than 50 ms. If one fails, none has had an effect, and each is made again in a transaction of its own; who fails there is put
 * aside. An error is that the connection was lost. Only one thread may use the jobs' pools meanwhile. */
void finq_pg_calls(finq_pg_job *const *jobs, int count, PGconn *connection, apr_time_t deadline, int named);

/** Makes several calls, each of a statement that there is for a crowd too, of which those come first that promise what they lock
 * (finq_pg_arg_session). Those of a kind are one call, and these share a transaction; whoever it did not answer is asked after that by
 * finq_pg_calls, and who promises nothing in a transaction of its own. A call that is by itself is made as finq_pg_call does. */
void finq_pg_together(finq_pg_job *const *jobs, int count, PGconn *connection, apr_time_t deadline, int named);

/** Somewhere to send calls: the business rooms know this, and not where connections come from. */
typedef struct finq_db finq_db;
struct finq_db {
    finq_error *(*call)(finq_db *db, const PGresult **rows, const finq_pg_statement *statement, const finq_pg_args *args,
                        apr_pool_t *pool);
};

/** Whether an idle connection still has a server behind it: one that was closed from there is noticed without asking. */
int finq_pg_is_alive(PGconn *connection);
/** Whether finq_pg_set_checked was called since the connection was made or reset: what is asked once a connection. */
int finq_pg_is_checked(PGconn *connection);
void finq_pg_set_checked(PGconn *connection);
/** What finq_pg_set_generation said since the connection was made or reset, else 0. */
apr_uint32_t finq_pg_generation(PGconn *connection);
void finq_pg_set_generation(PGconn *connection, apr_uint32_t generation);
/** What finq_pg_set_owner said of an adopted connection, NULL before: the pool that it belongs to. */
void *finq_pg_owner(PGconn *connection);
void finq_pg_set_owner(PGconn *connection, void *owner);
/** Whether a connection may go back to the pool for others: alive, and in no transaction. */
int finq_pg_is_clean(PGconn *connection);
/** What libpq last said of a connection, in one line, in the pool: for the operator's log. */
const char *finq_pg_why(const PGconn *connection, apr_pool_t *pool);
/** Cuts a connection off, so that its next user opens it anew. */
void finq_pg_cut(PGconn *connection);

/** How many hosts a connection string names; 1 for none, and for one that can't be read. */
int finq_pg_hosts(const char *conninfo);
/** Whether it names several hosts, and takes one that can't be written to: it asks for no target_session_attrs that rules it out. */
int finq_pg_takes_standbys(const char *conninfo);
/** Which of them, from 0, a connection has reached; -1 where that can't be told. */
int finq_pg_host_index(const char *conninfo, PGconn *connection);
/** The same connection string, but that host is tried first. A URI stays as it is. */
const char *finq_pg_host_first(const char *conninfo, int place, apr_pool_t *pool);

/** How many rows a call gave. */
int finq_pg_rows(const PGresult *rows);
/** Reads columns of a binary row, where they lie: they live as long as the rows. A column that is NULL reads as NULL, 0 or
 * no bytes. */
const char *finq_pg_text(const PGresult *rows, int row, int column);
apr_int64_t finq_pg_number(const PGresult *rows, int row, int column);
int finq_pg_bool(const PGresult *rows, int row, int column);
const finq_id *finq_pg_id(const PGresult *rows, int row, int column);
finq_bytes finq_pg_bytes(const PGresult *rows, int row, int column);

#endif
