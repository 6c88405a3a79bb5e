"""The database (sql/): who owns what, who may do what, its picture, and what the functions refuse by themselves, whatever a
server tells them.

Seen red: a GRANT SELECT on a table, functions left to PUBLIC, a function without SECURITY DEFINER's search_path; the
version not compared (a_schema_that_does_not_fit); a column added (the_picture_is_true); the lock of migrate.c's PREPARE left
out (two_migrate_at_once); each clause of finq.submit_step's and finq.exchange_token's conditions (the functions' own guards).
"""
import json
import re
import threading
import uuid

import pytest

from finqenv import schema
from finqenv.flows import AISP, CARD, begin, submit, walk
from finqenv.ids import new_id
from finqenv.postgres import OWNER, SERVER
from finqenv.process import Failure, clean_environ, run, until
from finqenv.wire import is_error

GRANTED = {"schema_version", "tenant_seen", "skill_get", "session_exists", "submit_step", "upload_record", "upload_sweep", "exchange_token"}


def as_server(installation, sql):
    """The outcome of one statement of the server's role: rows, or the SQLSTATE's name."""
    done = run("/usr/bin/psql", "-wXAt", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=sqlstate", installation.postgres.conninfo(SERVER, installation.database),
               "-c", sql, check=False, env=clean_environ())
    return done.stdout.strip() if done.returncode == 0 else done.stderr.strip().splitlines()[-1].split()[-1]


def may(installation, *statements):
    """Those of them that the server's role may run; each is undone."""
    tries = "".join(f"BEGIN EXECUTE $s${statement}$s$; RAISE SQLSTATE 'OK000'; EXCEPTION WHEN SQLSTATE 'OK000' THEN"
                    f" RAISE NOTICE 'may: {statement.replace(chr(39), '')}'; WHEN insufficient_privilege OR wrong_object_type THEN NULL; END;\n"
                    for statement in statements)
    done = run("/usr/bin/psql", "-wXq", "-v", "ON_ERROR_STOP=1", installation.postgres.conninfo(SERVER, installation.database),
               "-c", f"DO $do$ BEGIN {tries} END $do$", env=clean_environ())
    return re.findall(r"may: (.*)", done.stderr)


@pytest.fixture(scope="module")
def own(make_module_server, server):
    return make_module_server(cluster=server.postgres, database="own_schema", children=1)


# -- rights

def test_the_servers_role_touches_no_table(server):
    relations = server.psql("SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'finq'::regnamespace AND c.relkind IN ('r', 'v', 'S', 'm', 'p')")
    names = relations.split()
    assert {"finq.tenant", "finq.tenant_key", "finq.session", "finq.step", "finq.upload", "finq.credential", "finq.migration"} <= set(names)
    assert sum(name.startswith("finq.session_2") for name in names) >= 6, "the weeks too"
    tried = [statement.format(name) for name in names for statement in (
        "SELECT 1 FROM {}", "DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}", "ALTER TABLE {} ADD x int")]
    for first in range(0, len(tried), 100):
        assert may(server, *tried[first:first + 100]) == []
    some = server.psql("SELECT string_agg(grantee || ' ' || table_name, ', ') FROM information_schema.role_table_grants"
                       f" WHERE table_schema = 'finq' AND grantee <> '{OWNER}'")
    assert some == ""


def test_the_servers_role_executes_the_granted_functions_alone(server):
    rows = server.psql(f"SELECT p.proname, has_function_privilege('{SERVER}', p.oid, 'EXECUTE') FROM pg_proc p"
                       " WHERE p.pronamespace = 'finq'::regnamespace").splitlines()
    allowed = {name for name, right in (row.split("|") for row in rows) if right == "t"}
    text = (schema.SQL / "functions/grants.sql").read_text()
    granted = {name for list_ in re.findall(r"GRANT EXECUTE ON FUNCTION\s+([^;]*?)\s+TO finq_server", text) for name in re.findall(r"finq\.(\w+)", list_)}
    assert GRANTED <= allowed <= granted and len(rows) > len(allowed), allowed ^ granted
    assert may(server, "SELECT finq.tenant_list()", "SELECT finq.skill_list()", f"SELECT finq.session_show('{uuid.uuid4()}')",
               "SELECT finq.tenant_create('x', NULL, sha256('a'), sha256('b'))", "SELECT finq.skill_publish('{}')",
               "SELECT finq.missing_uploads(NULL, '{}')", "SELECT finq.servicer_id('x', 'y')") == []


def test_what_the_role_may_is_seen(server):
    assert may(server, "SELECT finq.schema_version()", "SELECT 1 FROM finq.tenant") == ["SELECT finq.schema_version()"]


def test_the_servers_role_makes_nothing(server):
    assert may(server, "CREATE TABLE finq.x (a int)", "CREATE TABLE public.x (a int)", "CREATE SCHEMA x", "CREATE ROLE x",
               "CREATE FUNCTION finq.x() RETURNS int LANGUAGE sql RETURN 1", "COPY (SELECT 1) TO PROGRAM 'true'", f"SET ROLE {OWNER}",
               "SELECT pg_read_file('/etc/passwd')", "ALTER ROLE finq_web CREATEROLE") == []


def test_nothing_is_open_to_the_public(server):
    assert server.psql("SELECT count(*) FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a"
                       " WHERE p.pronamespace = 'finq'::regnamespace AND a.grantee = 0") == "0"
    assert server.psql("SELECT count(*) FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname = 'finq' AND a.grantee = 0") == "0"


def test_one_owner_that_is_no_superuser(server):
    owners = server.psql("SELECT DISTINCT pg_get_userbyid(o) FROM (SELECT relowner FROM pg_class WHERE relnamespace = 'finq'::regnamespace"
                         " UNION SELECT proowner FROM pg_proc WHERE pronamespace = 'finq'::regnamespace"
                         " UNION SELECT typowner FROM pg_type WHERE typnamespace = 'finq'::regnamespace"
                         " UNION SELECT nspowner FROM pg_namespace WHERE nspname = 'finq') AS all_of_them (o)")
    assert owners == OWNER
    assert server.psql(f"SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname IN ('{OWNER}', '{SERVER}')").splitlines() == ["f|f"] * 2


def test_functions_that_run_as_their_owner_name_their_schemas(server):
    """Or a caller's temporary table could stand in the place of ours."""
    loose = server.psql("SELECT string_agg(p.proname, ' ') FROM pg_proc p WHERE p.pronamespace = 'finq'::regnamespace AND p.prosecdef"
                        " AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)")
    assert loose == ""
    definers = set(server.psql("SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'finq'::regnamespace AND p.prosecdef").split())
    assert GRANTED <= definers


def test_a_temporary_table_takes_nobodys_place(server):
    hidden = ("CREATE TEMP TABLE tenant (client_id uuid, status text); CREATE TEMP TABLE migration (version int);"
              "INSERT INTO migration VALUES (999); SET search_path = pg_temp, finq; SELECT finq.schema_version()")
    assert as_server(server, hidden).splitlines()[-1] == str(schema.VERSION)


# -- the text of the SQL

def statements():
    return [(file, re.sub(r"--[^\n]*", "", file.read_text())) for file in sorted(schema.SQL.glob("[mf]*/*.sql"))]


STAR = re.compile(r"SELECT\s+\*|RETURNING\s+\*|,\s*\*")
INSERT = re.compile(r"INSERT\s+INTO\s+([\w.]+)(?![\w.])(?:\s+AS\s+(\w+)\b)?(?!\s*\()(?!\s+AS\b)")


def test_columns_are_written_out():
    """Names of columns everywhere; `alias.*` into a row variable is that row, whole."""
    assert len(statements()) > 10
    for file, text in statements():
        assert not STAR.search(text), file.name
        assert not INSERT.search(text), file.name


@pytest.mark.parametrize("text", ["SELECT * FROM finq.x", "SELECT a, * FROM x", "RETURNING *", "INSERT INTO finq.x VALUES (1)",
                                  "INSERT INTO finq.x AS s SELECT 1"])
def test_the_guard_of_columns_can_fail(text):
    assert STAR.search(text) or INSERT.search(text)


def test_migrations_are_numbered_without_a_gap():
    assert [int(file.name[:3]) for file in schema.MIGRATIONS] == list(range(1, schema.VERSION + 1))


def test_each_function_is_defined_once():
    """By one CREATE, in one place: sql/functions, or beside the triggers that call it."""
    defined = [name for _, text in statements() for name in re.findall(r"CREATE (?:OR REPLACE )?FUNCTION finq\.(\w+)\(", text)]
    assert len(defined) > 80 and sorted(set(defined)) == sorted(defined)


def test_finqctl_carries_every_file_of_functions():
    assert sorted(schema.functions()) == sorted((schema.SQL / "functions").glob("*.sql"))


def test_the_picture_is_true(own):
    """sql/schema.sql: `make schema` draws it anew."""
    assert schema.picture(own.psql) == schema.PICTURE.read_text()


def test_ids_lie_between_bounds_of_their_own():
    """Where a statement is joined with a row of bounds, the planner takes a ninth of the table for what lies between, and reads all of one that
    is large. Red: `JOIN finq.step e ON e.step_id BETWEEN w.first AND w.last` in any function."""
    bounds = [bound for _, text in statements() for bound in re.findall(r"_id BETWEEN\s+(\S+)", text)]
    assert len(bounds) > 20
    assert {bound for bound in bounds if not re.match(r"finq\.time_first\(|v_first$", bound)} == set()


def test_what_the_server_asks_is_not_compiled(server):
    """A statement over many weeks looks dear to the planner, and compiling it takes a tenth of a second. Red without `SET jit = off` of one."""
    found = server.psql("SELECT p.proname, 'jit=off' = ANY (p.proconfig) FROM pg_proc p WHERE p.pronamespace = 'finq'::regnamespace AND p.prosecdef").split("\n")
    assert len(found) > 80 and [line for line in found if not line.endswith("|t")] == []


def test_a_plan_that_is_kept_reads_no_table_from_end_to_end(server):
    """Where a week was empty when the plan was made, to read it all is the cheapest, and stays so as it grows. Red without `SET enable_seqscan = off` of one."""
    found = server.psql("SELECT p.proname, 'enable_seqscan=off' = ANY (p.proconfig) FROM pg_proc p WHERE p.pronamespace = 'finq'::regnamespace"
                        " AND 'plan_cache_mode=force_generic_plan' = ANY (p.proconfig)").split("\n")
    assert len(found) > 35 and [line for line in found if not line.endswith("|t")] == []


def test_a_crowd_limits_its_own_waits(server):
    """Where all that share a transaction are crowds, nothing else does (src/db/pg.c). Red without `SET lock_timeout` of one."""
    found = server.psql("SELECT c.proname, 'lock_timeout=50ms' = ANY (c.proconfig) FROM pg_proc p JOIN pg_proc c ON c.pronamespace = p.pronamespace"
                        " AND c.proname = substring(obj_description(p.oid, 'pg_proc') FROM 'crowd: (\\w+)')"
                        " WHERE p.pronamespace = 'finq'::regnamespace").split("\n")
    assert len(found) == 7 and [line for line in found if not line.endswith("|t")] == []


def test_a_session_has_one_key_alone(server):
    """A first step is told from a repeat by ON CONFLICT, which names no key: of another one it would hide the breach."""
    keys = "SELECT string_agg(pg_get_indexdef(i.indexrelid), E'\n') FROM pg_index i WHERE i.indrelid = 'finq.session'::regclass AND i.indisunique"
    assert server.psql(keys) == "CREATE UNIQUE INDEX session_pkey ON ONLY finq.session USING btree (session_id, kept)"
    assert "UNIQUE" in server.psql(f"BEGIN; CREATE UNIQUE INDEX other ON finq.session (credentials_id, kept, session_id); {keys}; ROLLBACK").replace(
        "CREATE UNIQUE INDEX session_pkey", ""), "the question sees another one"


def test_functions_that_answer_whole_rows_are_texts(server):
    """A parsed body keeps the columns that its table had, and fails once a migration has added one."""
    rows = "t.typrelid <> 0 AND (SELECT c.relkind FROM pg_class c WHERE c.oid = t.typrelid) = 'r'"
    found = server.psql("SELECT p.proname, p.prosqlbody IS NULL FROM pg_proc p JOIN pg_type t ON t.oid = p.prorettype"
                        f" WHERE p.pronamespace = 'finq'::regnamespace AND {rows} ORDER BY 1").split("\n")
    assert len(found) >= 5 and all(line.endswith("|t") for line in found), found


# -- migrating

def test_migrating_again_changes_nothing(own):
    before = own.psql("SELECT string_agg(md5(p.prosrc || p.proname), '' ORDER BY p.oid) FROM pg_proc p WHERE p.pronamespace = 'finq'::regnamespace")
    assert own.finqctl("db", "migrate") == {"from": schema.VERSION, "to": schema.VERSION}
    assert own.psql("SELECT string_agg(md5(p.prosrc || p.proname), '' ORDER BY p.oid) FROM pg_proc p"
                    " WHERE p.pronamespace = 'finq'::regnamespace") == before


def test_two_migrate_at_once(server):
    server.postgres.create_database("two_at_once")
    conninfo = server.postgres.conninfo(database="two_at_once")
    done = []
    threads = [threading.Thread(target=lambda: done.append(server.finqctl("db", "migrate", "--db", conninfo, check=False))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [d.returncode for d in done] == [0] * 4, [d.stderr for d in done]
    assert sorted(json.loads(d.stdout)["from"] for d in done) == [0] + [schema.VERSION] * 3
    assert server.postgres.psql("SELECT count(*) FROM finq.migration", database="two_at_once") == str(schema.VERSION)


def test_a_migration_that_fails_leaves_nothing(server):
    server.postgres.create_database("half_way")
    server.postgres.psql(f"SET ROLE {OWNER}; CREATE SCHEMA finq; CREATE TABLE finq.credential (mine int)", database="half_way")
    done = server.finqctl("db", "migrate", "--db", server.postgres.conninfo(database="half_way"), check=False)
    assert done.returncode == 5 and "was not applied, and nothing of it is left" in done.stderr and done.stdout == ""
    assert server.postgres.psql("SELECT count(*) FROM pg_class WHERE relnamespace = 'finq'::regnamespace AND relkind = 'r'",
                                database="half_way") == "2", "the stranger's table, and the empty list of migrations"


def test_migrating_while_the_server_runs(own):
    """No request fails meanwhile, and none waits for the migration's locks."""
    client = own.client(own.create_tenant("while migrating"))
    stop = threading.Event()

    def again_and_again():
        while not stop.is_set():
            own.finqctl("db", "migrate")
    migrating = threading.Thread(target=again_and_again)
    migrating.start()
    try:
        for _ in range(30):
            assert walk(client, AISP).exchange().status == 200
    finally:
        stop.set()
        migrating.join()


def restart_connections(installation):
    for pid in installation.postgres.backends(database=installation.database):
        installation.postgres.psql(f"SELECT pg_terminate_backend({pid})")
    until(lambda: not installation.postgres.backends(database=installation.database), what="the end of the connections")


def unavailable(installation, user, words):
    """503, and a line in the log that says what to run."""
    restart_connections(installation)
    assert is_error(submit(user, 1), 503, "service_unavailable")
    installation.httpd.log.expect(f"FINQ03.*{words}.*run: finqctl db migrate")


def test_a_schema_that_does_not_fit(own):
    """Too old, not there, not for this user: never a 500 or a wrong 401, and full service once it is mended."""
    user = begin(own.client(own.create_tenant("schema")), CARD)
    own.psql("CREATE TABLE public.kept AS SELECT * FROM finq.migration; DELETE FROM finq.migration")
    unavailable(own, user, "schema is older than this module")
    own.psql("INSERT INTO finq.migration SELECT * FROM public.kept; DROP TABLE public.kept")
    own.psql("ALTER SCHEMA finq RENAME TO hidden")
    try:
        unavailable(own, user, "schema is not there")
    finally:
        own.psql("ALTER SCHEMA hidden RENAME TO finq")
    own.psql("REVOKE USAGE ON SCHEMA finq FROM finq_server")
    try:
        unavailable(own, user, "no member of finq_server")
    finally:
        own.psql("GRANT USAGE ON SCHEMA finq TO finq_server")
    until(lambda: submit(user, 1).status == 200)


def test_a_newer_schema_serves_an_older_module(own):
    own.psql("INSERT INTO finq.migration (version, name) VALUES (900, 'of the future')")
    restart_connections(own)
    client = own.client(own.create_tenant("future"))
    assert walk(client, AISP).exchange().status == 200
    own.psql("DELETE FROM finq.migration WHERE version = 900")


# -- ids that tell the time

def test_ids_of_what_lives_short_carry_their_sessions_time(server, client):
    user = walk(client, CARD)
    ids = [user.session_id, *server.psql(f"SELECT e.step_id FROM finq.step e WHERE e.session_id = '{user.session_id}'").split(),
           *server.psql(f"SELECT u.upload_id FROM finq.upload u JOIN finq.step e ON e.step_id = u.step_id WHERE e.session_id = '{user.session_id}'").split()]
    assert len(ids) == 6 and {uuid.UUID(i).version for i in ids} == {7}
    assert len({i[:13] for i in ids}) == 1, "found by a partition's bounds from any of them"


# -- what the functions refuse by themselves

NOW = "floor(extract(epoch FROM clock_timestamp()))::bigint"


LAST, FURTHER = {"p_status": "'SESSION_COMPLETED'"}, {"p_status": "'SESSION_IN_PROGRESS'"}
MORE = {"p_generation": "0", "p_place": "1", "p_next_place": "2", **dict.fromkeys(
    ("p_waits_for", "p_reply", "p_return_link", "p_return_until", "p_reasons"), "NULL")}


class Submission(dict):
    """The arguments of finq.submit_step, good ones; as SQL."""

    def __init__(self, server, tenant, **change):
        key, skill = server.psql(f"SELECT (SELECT key_id FROM finq.tenant_key WHERE client_id = '{tenant.client_id}' AND kind = 'APP_KEY'),"
                                 f" (SELECT skill_id FROM finq.skill WHERE name = '{AISP}')").split("|")
        super().__init__(
            p_client_id=f"'{tenant.client_id}'", p_session_id=f"'{new_id()}'", p_skill_id=skill, p_ordinal="1", p_app_key_id=key,
            p_tenant_user_id="NULL", p_started_at=NOW, p_nonce_expires_at=f"{NOW} + 60", p_step_id=f"'{new_id()}'", p_step_name="'s'",
            p_body_hash="sha256('body')", p_data="'{}'", p_required="'{}'", p_secret_id="1", p_answer_ttl="60", p_session_ttl="600")
        self.update(LAST | MORE | change)

    def __str__(self):
        return "SELECT outcome FROM finq.submit_step(" + ", ".join(f"{name} => {value}" for name, value in self.items()) + ")"


@pytest.mark.parametrize("change, outcome", [
    ({}, "ok"), ({"p_nonce_expires_at": NOW}, "expired_nonce"), ({"p_nonce_expires_at": f"{NOW} - 1"}, "expired_nonce"),
    ({"p_started_at": f"{NOW} - 601"}, "expired_session"), ({"p_started_at": f"{NOW} - 590"}, "ok"),
    ({"p_app_key_id": "0"}, "invalid_client_app_key"), ({"p_skill_id": "0"}, "unauthorized_tenant"),
    ({"p_client_id": f"'{uuid.uuid4()}'"}, "unauthorized_tenant"), ({"p_ordinal": "2"}, "invalid_session_id"),
    ({"p_ordinal": "0"}, "unauthorized_tenant"), ({"p_ordinal": "-1"}, "unauthorized_tenant")])
def test_step_submit(server, tenant, change, outcome):
    submission = Submission(server, tenant, **change)
    said = as_server(server, str(submission))
    stored = server.psql(f"SELECT count(*) FROM finq.session WHERE session_id = {submission['p_session_id']}")
    assert (stored == "1") == (outcome == "ok")
    assert said == outcome


@pytest.mark.parametrize("erased, started, outcome", [
    ("0", "- 1", "expired_session"), ("0", "+ 5", "expired_session"), ("0", "+ 3600", "expired_session"),
    ("20 seconds", "- 1", "ok"), ("20 seconds", "+ 5", "ok"), ("20 seconds", "+ 11", "expired_session"), (None, "+ 3600", "ok")])
def test_a_start_ahead_of_the_database(server, tenant, erased, started, outcome):
    """Passes no erasure by for as long as it is: a server an hour ahead may have made it before. Later it is as good as one after the erasure. Red
    where was_erased does not look at how far ahead it is."""
    mac = f"sha256('{uuid.uuid4()}')"
    if erased:
        server.psql(f"""WITH e AS (INSERT INTO finq.erasure (client_id, user_mac, erased_at, counts)
                                   VALUES ('{tenant.client_id}', {mac}, now() - interval '{erased}', '{{}}') RETURNING client_id, user_mac, erasure_id, erased_at)
                        INSERT INTO finq.erased_user SELECT * FROM e""")
    assert as_server(server, str(Submission(server, tenant, p_user_mac=mac, p_started_at=f"{NOW} {started}"))) == outcome


def test_a_key_of_another_tenant_starts_nothing(server, tenant, other_tenant):
    key = Submission(server, other_tenant)["p_app_key_id"]
    assert as_server(server, str(Submission(server, tenant, p_app_key_id=key))) == "invalid_client_app_key"


def test_steps_are_not_left_out(server, tenant):
    first = Submission(server, tenant, **FURTHER)
    assert as_server(server, str(first)) == "ok"
    third = Submission(server, tenant, p_session_id=first["p_session_id"], p_ordinal="3")
    assert as_server(server, str(third)) != "ok"
    assert server.psql(f"SELECT step_ordinal, status FROM finq.session WHERE session_id = {first['p_session_id']}") == "1|SESSION_IN_PROGRESS"


def test_a_session_takes_its_own_tenants_steps_alone(server, tenant, other_tenant):
    first = Submission(server, tenant, **FURTHER)
    assert as_server(server, str(first)) == "ok"
    second = Submission(server, other_tenant, p_session_id=first["p_session_id"], p_ordinal="2")
    assert as_server(server, str(second)) == "invalid_session_id"
    assert server.psql(f"SELECT step_ordinal, status FROM finq.session WHERE session_id = {first['p_session_id']}") == "1|SESSION_IN_PROGRESS"


def test_a_session_that_waits_for_a_bank_takes_no_step(server, tenant):
    first = Submission(server, tenant, **FURTHER, **{
        "p_waits_for": "'BANK'", "p_return_link": "'https://tenant.example/'", "p_return_until": f"{NOW} + 60"})
    assert as_server(server, str(first)) == "ok"
    second = Submission(server, tenant, p_session_id=first["p_session_id"], p_ordinal="2")
    assert as_server(server, str(second)) == "invalid_step"
    assert server.psql(f"SELECT step_ordinal, waits_for FROM finq.session WHERE session_id = {first['p_session_id']}") == "1|BANK"


def test_no_session_begins_with_a_later_generation(server, tenant):
    first = Submission(server, tenant, p_generation="1")
    assert as_server(server, str(first)) == "unauthorized_tenant"
    assert server.psql(f"SELECT count(*) FROM finq.session WHERE session_id = {first['p_session_id']}") == "0"


def test_a_completed_session_takes_no_further_step(server, tenant):
    done = Submission(server, tenant)
    assert as_server(server, str(done)) == "ok"
    second = Submission(server, tenant, p_session_id=done["p_session_id"], p_ordinal="2")
    assert as_server(server, str(second)) != "ok"
    assert server.psql(f"SELECT step_ordinal, status FROM finq.session WHERE session_id = {done['p_session_id']}") == "1|SESSION_COMPLETED"


def test_the_owner_alone_reads_secrets_hashes(server):
    with pytest.raises(Failure):
        server.psql("SELECT hash FROM finq.tenant_key", user=SERVER)
