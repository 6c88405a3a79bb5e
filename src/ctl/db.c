#include "ctl.h"

#include <apr_strings.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static apr_status_t result_clear(void *result)
{
    PQclear(result);
    return APR_SUCCESS;
}

static PGresult *result_own(PGresult *result, apr_pool_t *pool)
{
    apr_pool_cleanup_register(pool, result, result_clear, apr_pool_cleanup_null);
    return result;
}

static void notice_print(void *baton, const char *message)
{
    (void)baton;
    fprintf(stderr, "finqctl: %s", message);
}

/* Who sits at the terminal, for the audit trail: where a role is shared, or sudo was used, the database cannot know. */
static const char *os_user(apr_pool_t *pool)
{
    const struct passwd *entry = getpwuid(getuid());
    const char *name = entry ? entry->pw_name : apr_psprintf(pool, "%lu", (unsigned long)getuid());
    const char *before_sudo = getenv("SUDO_USER");
    return before_sudo ? apr_psprintf(pool, "%s (sudo by %s)", name, before_sudo) : name;
}

static ctl_exit introduce(PGconn *connection, apr_pool_t *pool)
{
    const char *value = os_user(pool);
    PGresult *result = PQexecParams(connection, "SELECT set_config('finq.os_user', $1, false)", 1, NULL, &value, NULL, NULL, 0);
    apr_pool_cleanup_register(pool, result, result_clear, apr_pool_cleanup_null);
    return PQresultStatus(result) == PGRES_TUPLES_OK
               ? CTL_OK
               : ctl_fail(CTL_DATABASE, "the database refuses to be told the user: %s", PQerrorMessage(connection));
}

static ctl_exit connect_once(PGconn **connection, ctl_command *command)
{
    static const char *const names[] = {"dbname", "fallback_application_name", "connect_timeout", "options", NULL};
    *connection = command->connection;
    if (*connection)
        return CTL_OK;
    if (!command->conninfo)
        return ctl_fail(CTL_USAGE, "which database? Give --db CONNINFO or set FINQ_DB");
    const char *values[] = {command->conninfo, "finqctl", "10", "-c client_min_messages=warning -c TimeZone=UTC", NULL};
    *connection = command->connection = PQconnectdbParams(names, values, 1);
    if (PQstatus(*connection) != CONNECTION_OK)
        return ctl_fail(CTL_DATABASE, "the database cannot be reached: %s", PQerrorMessage(*connection));
    PQsetNoticeProcessor(*connection, notice_print, NULL);
    return introduce(*connection, command->pool);
}

/* What a SQLSTATE, or its beginning, means to a script, and what is said instead of PostgreSQL's own words. */
typedef struct {
    const char *state;
    ctl_exit code;
    const char *words;
} meaning;

static const meaning meanings[] = {
    {"P0002", CTL_NOT_FOUND, "it does not exist"},
    {"23505", CTL_CONFLICT, "it exists already"},
    {"23", CTL_FAILED, "a value is not one that may be stored"},
    {"22007", CTL_FAILED, "--since is a time, such as 2026-01-31, 2026-01-31T12:00:00Z or yesterday"},
    {"22008", CTL_FAILED,
     "--since is a time, such as 2026-01-31, 2026-01-31T12:00:00Z or yesterday, and such a day there is not"},
    {"22021", CTL_FAILED, "a word of the command line is not UTF-8"},
    {"22", CTL_FAILED, "a value is not one that the database can read"},
    {"P0001", CTL_FAILED, "it is refused"},
    {"3F000", CTL_DATABASE, "the database has no schema for this command; run: finqctl db migrate"},
    {"42883", CTL_DATABASE, "the database has no schema for this command, or another version's; run: finqctl db migrate"},
    {"42P01", CTL_DATABASE, "the database has no schema for this command, or another version's; run: finqctl db migrate"},
    {"42501", CTL_DATABASE, "the role may not do this: connect as the role that ran finqctl db migrate"},
    {"25006", CTL_DATABASE, "the database is read-only, as a standby is: connect to the one that is written to"},
    {"40", CTL_DATABASE, "others were at it at the same time: run it again"},
    {"55P03", CTL_DATABASE, "others hold what it needs: run it again"},
    {"57", CTL_DATABASE, "the database ends its connections, or has ended this one: run it again"},
    {"53", CTL_DATABASE, "the database has run out of room, memory or connections; its log tells which"},
    {NULL, CTL_DATABASE, NULL},
};

static const meaning *meaning_of(const char *state)
{
    const meaning *m = meanings;
    while (m->state && strncmp(m->state, state, strlen(m->state)) != 0)
        m++;
    return m;
}

/* Whether one of the functions of sql/ has raised it: it speaks to the operator. */
static int is_ours(const PGresult *result)
{
    const char *function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
    return function && strcmp(function, "exec_stmt_raise") == 0;
}

static ctl_exit error_explain(const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
    if (!state)
        return ctl_fail(CTL_DATABASE, "the database connection was lost: %s", PQresultErrorMessage(result));
    const meaning *m = meaning_of(state);
    if (is_ours(result))
        return ctl_fail(m->code, "%s%s%s", message, hint ? " " : "", hint ? hint : "");
    if (m->words)
        return ctl_fail(m->code, "%s", m->words);
    return ctl_fail(m->code, "the database failed in a way that finqctl does not know (SQLSTATE %s): %s", state, message);
}

void ctl_db_close(ctl_command *command)
{
    PQfinish(command->connection);
    command->connection = NULL;
}

static int succeeded(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

static ctl_exit run(PGresult **result, ctl_command *command, const char *sql, const char *const *values, int count)
{
    PGconn *connection;
    ctl_exit code = connect_once(&connection, command);
    if (code != CTL_OK)
        return code;
    *result = result_own(PQexecParams(connection, sql, count, NULL, values, NULL, NULL, 0), command->pool);
    return succeeded(*result) ? CTL_OK : error_explain(*result);
}

ctl_exit ctl_db_call(const char **json, ctl_command *command, const char *sql, const char *const *values, int count)
{
    PGresult *result;
    ctl_exit code = run(&result, command, sql, values, count);
    if (code == CTL_OK)
        *json = PQntuples(result) > 0 ? apr_pstrdup(command->pool, PQgetvalue(result, 0, 0)) : "null";
    return code;
}

/* Whether others held what it needed: lock_not_available, deadlock_detected. */
static int is_blocked(const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return state && (strcmp(state, "55P03") == 0 || strcmp(state, "40P01") == 0);
}

ctl_exit ctl_db_script(int *blocked, ctl_command *command, const char *sql)
{
    PGconn *connection;
    PGresult *result;
    *blocked = 0;
    ctl_exit code = connect_once(&connection, command);
    if (code != CTL_OK)
        return code;
    result = result_own(PQexec(connection, sql), command->pool);
    if (succeeded(result))
        return CTL_OK;
    *blocked = is_blocked(result);
    result_own(PQexec(connection, "ROLLBACK"), command->pool);
    return *blocked ? CTL_DATABASE : error_explain(result);
}

ctl_exit ctl_db_print(ctl_command *command, const char *sql, const char *const *values, int count)
{
    const char *json;
    ctl_exit code = ctl_db_call(&json, command, sql, values, count);
    if (code == CTL_OK)
        ctl_print(command, json);
    return code;
}
