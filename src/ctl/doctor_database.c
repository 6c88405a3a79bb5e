/* The database, as servers and operators meet it. */
#include "doctor.h"

#include <apr_strings.h>
#include <string.h>

#include "event.h"
#include "ground/clock.h"

#define JANITOR_SECONDS 600

/* Of the role that asks, which may call the API's functions and nothing else. */
static const char server_sql[] =
    "SELECT json_build_object('role', current_user, 'superuser', r.rolsuper,"
    " 'calls', (SELECT pg_has_role(g.oid, 'USAGE') FROM pg_roles g WHERE g.rolname = 'finq_server'),"
    " 'tables', (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    "             WHERE n.nspname = 'finq' AND c.relkind IN ('r', 'p')"
    "               AND has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE')),"
    " 'read_only', current_setting('transaction_read_only')::boolean,"
    " 'most', current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer)"
    " FROM pg_roles r WHERE r.rolname = current_user";

/* Calls, and keeps for itself why it could not. */
static const char *call(json_t **answer, ctl_doctor *doctor, ctl_command *command, const char *sql)
{
    const char *json;
    ctl_fail_hold(doctor->pool);
    ctl_exit code = ctl_db_call(&json, command, sql, NULL, 0);
    const char *why = ctl_fail_held();
    if (code != CTL_OK)
        return why;
    return finq_json_parse(answer, NULL, json, strlen(json), doctor->pool) ? "its answer cannot be read" : NULL;
}

static apr_int64_t number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

/* ---- as servers see it ---- */

static void role_look(ctl_doctor *doctor, const char *host, const json_t *seen)
{
    apr_pool_t *pool = doctor->pool;
    const char *role = finq_json_string(seen, "role");
    if (json_is_true(json_object_get(seen, "superuser")) || number_of(seen, "tables") > 0)
        ctl_doctor_found(doctor, CTL_WARNING, "role", host,
                         apr_pstrcat(pool, role, " may do more than call the API's functions: it reaches the tables", NULL),
                         "let servers log in as a role of their own, whose only right is to be a member of finq_server");
    else if (!json_is_true(json_object_get(seen, "calls")))
        ctl_doctor_found(doctor, CTL_ERROR, "role", host, apr_pstrcat(pool, role, " may not call the API's functions", NULL),
                         apr_psprintf(pool, "after finqctl db migrate, in psql: GRANT finq_server TO %s;", role));
    else
        ctl_doctor_found(doctor, CTL_GOOD, "role", host,
                         apr_pstrcat(pool, role, " may call the API's functions, and nothing else", NULL), NULL);
    if (json_is_true(json_object_get(seen, "read_only")))
        ctl_doctor_found(doctor, CTL_ERROR, "database", host, "it is read-only, as a standby is",
                         "add target_session_attrs=read-write to DBDParams, or name the primary");
}

static void server_look(ctl_doctor *doctor, const json_t *host, int children)
{
    ctl_command as_server = *doctor->command;
    const char *name = finq_json_string(host, "name");
    apr_int64_t wanted = 2 * children * number_of(host, "connections"); /* in a graceful restart as many are on their way out */
    json_t *seen;
    as_server.conninfo = finq_json_string(host, "database");
    as_server.connection = NULL;
    const char *problem = call(&seen, doctor, &as_server, server_sql);
    ctl_db_close(&as_server);
    if (problem) {
        ctl_doctor_found(doctor, CTL_ERROR, "database", name, problem,
                         "mend DBDParams, the role's password, or pg_hba.conf; is PostgreSQL up?");
        return;
    }
    ctl_doctor_found(doctor, CTL_GOOD, "database", name, "it can be reached as DBDParams say", NULL);
    role_look(doctor, name, seen);
    if (wanted > number_of(seen, "most"))
        ctl_doctor_found(doctor, CTL_WARNING, "connections", name,
                         apr_psprintf(doctor->pool,
                                      "%d children, and as many in a graceful restart, may open %" APR_INT64_T_FMT
                                      " connections, and PostgreSQL allows "
                                      "%" APR_INT64_T_FMT,
                                      children, wanted, number_of(seen, "most")),
                         "lower DBDMax or the number of children, or raise max_connections");
}

void ctl_doctor_servers(ctl_doctor *doctor, const json_t *httpd)
{
    const json_t *hosts = json_object_get(httpd, "hosts"), *host;
    size_t i;
    json_array_foreach(hosts, i, host)
    {
        if (ctl_doctor_is_first(hosts, i, "database")) /* hosts that log in alike share a pool */
            server_look(doctor, host, (int)number_of(httpd, "children"));
    }
}

/* ---- as the operator sees it ---- */

static void clock_look(ctl_doctor *doctor, const json_t *seen)
{
    apr_int64_t apart;
    const char *how = finq_clock_beside(&apart, number_of(seen, "clock"), doctor->pool);
    const char *finding = apr_psprintf(doctor->pool, "this machine's is %s the database's", how);
    if (apart > FINQ_CLOCK_APART)
        ctl_doctor_found(doctor, CTL_ERROR, "clock", "this machine", finding,
                         "run an NTP client on both (chrony); until then tokens and signatures end too early or too late");
    else
        ctl_doctor_found(doctor, CTL_GOOD, "clock", "this machine", finding, NULL);
}

static void webhook_look(ctl_doctor *doctor, const json_t *webhook, const char *allowed)
{
    const char *tenant = finq_json_string(webhook, "tenant"), *url = finq_json_string(webhook, "url");
    const char *problem = ctl_post_url_problem(url, allowed, doctor->pool);
    const char *since = finq_json_string(webhook, "failing_since");
    if (!problem)
        problem = ctl_doctor_unreachable(url, doctor->pool);
    if (!json_is_true(json_object_get(webhook, "enabled")))
        ctl_doctor_found(doctor, CTL_ERROR, "webhook", tenant, "it is switched off: nothing reached it for three days",
                         "mend the receiver, then webhook set; finqctl webhook test shows what it answers");
    else if (problem)
        ctl_doctor_found(doctor, CTL_ERROR, "webhook", tenant, apr_pstrcat(doctor->pool, url, ": ", problem, NULL),
                         "mend the receiver or its address (webhook set); give --allow-address as outbox run is given it");
    else if (since)
        ctl_doctor_found(doctor, CTL_WARNING, "webhook", tenant,
                         apr_pstrcat(doctor->pool, "deliveries have failed since ", since, NULL),
                         "finqctl webhook test shows what it answers");
    else
        ctl_doctor_found(doctor, CTL_GOOD, "webhook", tenant, apr_pstrcat(doctor->pool, "something listens at ", url, NULL),
                         NULL);
}

static void workers_look(ctl_doctor *doctor, const json_t *seen)
{
    const json_t *janitor = json_object_get(seen, "janitor_seconds");
    int has_webhooks = json_array_size(json_object_get(seen, "webhooks")) > 0;
    if (has_webhooks && !json_is_true(json_object_get(seen, "delivers")))
        ctl_doctor_found(
            doctor, CTL_ERROR, "outbox", "finqctl outbox run",
            apr_psprintf(doctor->pool, "nobody delivers events; %" APR_INT64_T_FMT " are overdue", number_of(seen, "overdue")),
            "systemctl enable --now finq-outbox");
    else if (number_of(seen, "overdue") > 0)
        ctl_doctor_found(doctor, CTL_WARNING, "outbox", "finqctl outbox run",
                         apr_psprintf(doctor->pool, "%" APR_INT64_T_FMT " events are overdue", number_of(seen, "overdue")),
                         "its output says what each try came to; outbox list shows the last error of each");
    if (!json_is_integer(janitor) || json_integer_value(janitor) > JANITOR_SECONDS)
        ctl_doctor_found(doctor, CTL_WARNING, "janitor", "the servers",
                         json_is_integer(janitor) ? apr_psprintf(doctor->pool, "its last run began %" APR_INT64_T_FMT " s ago",
                                                                 (apr_int64_t)json_integer_value(janitor))
                                                  : "it has never run",
                         "start a server, with mod_watchdog (a2enmod watchdog); finqctl janitor run makes a run at once");
    else
        ctl_doctor_found(doctor, CTL_GOOD, "janitor", "the servers", "it runs", NULL);
}

void ctl_doctor_operator(ctl_doctor *doctor)
{
    json_t *seen, *webhook;
    const char *allowed = NULL;
    size_t i;
    ctl_fail_hold(doctor->pool);
    ctl_exit code = ctl_db_current(doctor->command);
    const char *problem = ctl_fail_held();
    if (code != CTL_OK) {
        ctl_doctor_found(doctor, code == CTL_USAGE ? CTL_WARNING : CTL_ERROR, "schema", "--db", problem,
                         "give --db or FINQ_DB as the role that owns the schema, and run finqctl db migrate");
        return;
    }
    ctl_doctor_found(doctor, CTL_GOOD, "schema", "--db", "it is this finqctl's", NULL);
    problem = call(&seen, doctor, doctor->command, "SELECT finq.doctor()");
    if (problem) {
        ctl_doctor_found(doctor, CTL_ERROR, "database", "--db", problem, "give --db as the role that ran finqctl db migrate");
        return;
    }
    clock_look(doctor, seen);
    if (ctl_event_allowed(&allowed, doctor->command) != CTL_OK)
        return;
    json_array_foreach(json_object_get(seen, "webhooks"), i, webhook) webhook_look(doctor, webhook, allowed);
    workers_look(doctor, seen);
}
