/* The schema: migrations by their numbers, then the functions. */
#include "ctl.h"

#include <apr_escape.h>
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"

/* One migrates at a time; the lock goes with the connection. */
#define PREPARE                                                                                            \
    "SELECT pg_advisory_lock(hashtextextended('finq migrate', 0));"                                        \
    "CREATE SCHEMA IF NOT EXISTS finq;"                                                                    \
    "CREATE TABLE IF NOT EXISTS finq.migration (version integer NOT NULL PRIMARY KEY, name text NOT NULL," \
    " applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"

/* Each in one transaction. Running servers wait behind the locks that it has and for those that it waits for, and may hold
 * what it needs while they wait for what it has: so it soon lets go of all, and tries again. */
#define BEGIN "BEGIN; SET LOCAL lock_timeout = '100ms'; "
#define TRIES 100
#define PAUSE (apr_time_from_sec(1) / 5)

/* What is known of a schema that is not empty. */
typedef struct {
    int version;           /* of its newest migration; 0 for an empty one */
    const char *functions; /* the hash of its functions, in hexadecimal; "null" where there are none yet */
} schema;

static ctl_exit number_read(int *number, ctl_command *command, const char *sql, const char *const *values, int count)
{
    const char *text;
    ctl_exit code = ctl_db_call(&text, command, sql, values, count);
    if (code == CTL_OK)
        *number = atoi(text);
    return code;
}

static int newest(void)
{
    int version = 0;
    for (const ctl_migration *m = ctl_migrations; m->version; m++)
        version = m->version;
    return version;
}

/* A schema that this finqctl does not know is left alone. */
static ctl_exit schema_refuse(const schema *found, ctl_command *command)
{
    int before, later;
    ctl_exit code =
        number_read(&before, command, "SELECT count(*) FROM finq.migration m WHERE m.version = 1 AND m.name <> 'base'", NULL, 0);
    if (code != CTL_OK)
        return code;
    if (before)
        return ctl_fail(CTL_FAILED, "the database was made before version 0.2.0, whose schema begins anew; nothing was changed. "
                                    "Make a new database for this version");
    if (found->version > newest())
        return ctl_fail(CTL_FAILED,
                        "the database's schema has version %d, and this finqctl knows none after %d; nothing was "
                        "changed. Use the finqctl that belongs to the newest server",
                        found->version, newest());
    code = number_read(&later, command,
                       "SELECT count(*) FROM finq.functions f WHERE string_to_array(f.version, '.')::integer[] > "
                       "string_to_array($1, '.')::integer[]",
                       (const char *const[]){ctl_version}, 1);
    if (code == CTL_OK && later)
        return ctl_fail(CTL_FAILED,
                        "the database's functions come from a later finqctl than this one of version %s; nothing was "
                        "changed. Use the finqctl that belongs to the newest server",
                        ctl_version);
    return code;
}

static ctl_exit schema_read(schema *found, ctl_command *command)
{
    found->functions = "null";
    ctl_exit code = number_read(&found->version, command, "SELECT coalesce(max(m.version), 0) FROM finq.migration m", NULL, 0);
    if (code == CTL_OK && found->version)
        code = schema_refuse(found, command);
    if (code == CTL_OK && found->version)
        code = ctl_db_call(&found->functions, command, "SELECT encode(f.hash, 'hex') FROM finq.functions f", NULL, 0);
    return code;
}

static ctl_exit transaction_run(ctl_command *command, const char *sql)
{
    int blocked = 0;
    ctl_exit code = CTL_OK;
    for (int i = 0; i < TRIES; i++) {
        code = ctl_db_script(&blocked, command, sql);
        if (!blocked)
            return code;
        apr_sleep(PAUSE);
    }
    return ctl_fail(code, "others hold the tables that it would change");
}

static ctl_exit migration_apply(ctl_command *command, const ctl_migration *migration)
{
    const char *sql =
        apr_psprintf(command->pool, BEGIN "%s\n; INSERT INTO finq.migration (version, name) VALUES (%d, '%s'); COMMIT",
                     migration->sql, migration->version, migration->name);
    fprintf(stderr, "finqctl: applying %03d_%s\n", migration->version, migration->name);
    ctl_exit code = transaction_run(command, sql);
    if (code != CTL_OK)
        ctl_fail(code, "%03d_%s was not applied, and nothing of it is left", migration->version, migration->name);
    return code;
}

static const char *functions_hash(apr_pool_t *pool)
{
    unsigned char hash[FINQ_DIGEST_SHA256];
    finq_digest_sha256(hash, ctl_functions, strlen(ctl_functions));
    return apr_pescape_hex(pool, hash, sizeof hash, 0);
}

/* All functions or none; not at all where they are there. */
static ctl_exit functions_apply(ctl_command *command, const schema *found)
{
    const char *ours = functions_hash(command->pool);
    if (strcmp(ours, found->functions) == 0)
        return CTL_OK;
    const char *sql = apr_psprintf(
        command->pool,
        BEGIN
        "%s\n; INSERT INTO finq.functions AS f (hash, version, applied_at) VALUES ('\\x%s', '%s', clock_timestamp())"
        " ON CONFLICT (only_one) DO UPDATE SET hash = excluded.hash, version = excluded.version, applied_at = excluded.applied_at;"
        " COMMIT",
        ctl_functions, ours, ctl_version);
    fprintf(stderr, "finqctl: applying the functions\n");
    ctl_exit code = transaction_run(command, sql);
    if (code != CTL_OK)
        ctl_fail(code, "no function was changed");
    return code;
}

ctl_exit ctl_db_migrate(ctl_command *command)
{
    schema found;
    int blocked;
    ctl_exit code = ctl_db_script(&blocked, command, PREPARE);
    if (code == CTL_OK)
        code = schema_read(&found, command);
    for (const ctl_migration *m = ctl_migrations; m->version && code == CTL_OK; m++) {
        if (m->version > found.version)
            code = migration_apply(command, m);
    }
    if (code == CTL_OK)
        code = functions_apply(command, &found);
    if (code == CTL_OK)
        code = transaction_run(command, BEGIN "SELECT finq.weeks_make(); COMMIT");
    if (code == CTL_OK)
        ctl_print(command, apr_psprintf(command->pool, "{\"from\":%d,\"to\":%d}", found.version, newest()));
    return code;
}

static int is_current(const schema *found, apr_pool_t *pool)
{
    const char *ours = functions_hash(pool);
    return found->version == newest() && strcmp(ours, found->functions) == 0;
}

static ctl_exit current_tell(int current)
{
    return current ? CTL_OK : ctl_fail(CTL_DATABASE, "the database's schema is not this finqctl's yet; run: finqctl db migrate");
}

ctl_exit ctl_db_current(ctl_command *command)
{
    schema found;
    ctl_exit code = schema_read(&found, command);
    return code == CTL_OK ? current_tell(is_current(&found, command->pool)) : code;
}

ctl_exit ctl_db_status(ctl_command *command)
{
    schema found;
    ctl_exit code = schema_read(&found, command);
    if (code != CTL_OK)
        return code;
    int current = is_current(&found, command->pool);
    const char *values[] = {ctl_version, apr_psprintf(command->pool, "%d", newest()), current ? "true" : "false"};
    code = ctl_db_print(
        command,
        "SELECT json_build_object('database', current_database(), 'postgresql', current_setting('server_version'),"
        " 'role', current_user, 'read_only', current_setting('transaction_read_only')::boolean,"
        " 'schema', (SELECT max(m.version) FROM finq.migration m), 'functions', (SELECT f.version FROM finq.functions f),"
        " 'finqctl', $1::text, 'finqctl_schema', $2::integer, 'current', $3::boolean,"
        " 'weeks', (SELECT to_json(w) FROM finq.week_report() w),"
        " 'migrations', (SELECT json_agg(json_build_object('version', m.version, 'name', m.name,"
        " 'applied_at', finq.utc(p_at => m.applied_at)) ORDER BY m.version) FROM finq.migration m))",
        values, 3);
    return code == CTL_OK ? current_tell(current) : code;
}
