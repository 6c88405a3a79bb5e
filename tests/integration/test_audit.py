"""The audit trail, what the operator's verbs answer, who may do what, and the way from version 1 with data in it.

Seen red: audit_refuse without TRUNCATE, or not ENABLE ALWAYS (lines_are_only_added); audit_stamp without `role`
(names_its_true_author); a trigger left out of 002 (every_change_leaves_a_line); audit_shown without 'hash'
(holds_no_key); the trigger of tenant_key for any column (last_use_is_no_change); COMMIT in the place of ROLLBACK
(changes_own_transaction); REVOKE … FROM PUBLIC left out of 002, or a server's function without its search_path
(public_and_the_server…); the bound of ten keys lifted (rotations_are_bounded); last_used_at NOT NULL, or tenant_get
without ends_at (version_1_with_data…).
"""
import concurrent.futures
import getpass
import hashlib
import itertools
import json
import secrets
import uuid

import pytest

from finqenv.client import Client, Onboarding
from finqenv.installation import DEMO_SKILLS, Installation
from finqenv.places import ROOT
from finqenv.postgres import OWNER, SERVER, SERVER_GROUP
from finqenv.process import Failure, until


def audit(server, *arguments):
    return server.finqctl("audit", *arguments)


def name():
    return f"Audited {secrets.token_hex(4)}"


def lines_of(server, client_id):
    """(object, action) of a tenant's lines, oldest first."""
    return [(line["object"], line["action"]) for line in reversed(audit(server, "--tenant", client_id))]


def test_every_change_leaves_a_line(server):
    tenant = server.create_tenant(name(), ())
    server.finqctl("tenant", "allow", tenant.client_id, DEMO_SKILLS[0])
    server.finqctl("tenant", "allow", tenant.client_id, DEMO_SKILLS[0])  # changes nothing
    server.finqctl("tenant", "allow", tenant.client_id, DEMO_SKILLS[0], "--consent-duration", 7)
    rotated = server.finqctl("tenant", "rotate", tenant.client_id, "--secret", "--overlap", 5)
    server.finqctl("tenant", "revoke", tenant.client_id, rotated["key_id"])
    server.finqctl("tenant", "disable", tenant.client_id)
    server.finqctl("tenant", "disable", tenant.client_id)
    server.finqctl("tenant", "enable", tenant.client_id)
    assert lines_of(server, tenant.client_id) == [
        ("tenant", "INSERT"), ("tenant_key", "INSERT"), ("tenant_key", "INSERT"),
        ("tenant_skill", "INSERT"), ("tenant_skill", "UPDATE"),
        ("tenant_key", "UPDATE"), ("tenant_key", "INSERT"), ("tenant_key", "UPDATE"),
        ("tenant", "UPDATE"), ("tenant", "UPDATE")]
    newest = audit(server, "--tenant", tenant.client_id, "--limit", 1)
    assert len(newest) == 1 and newest[0]["detail"]["changed"] == {"status": ["DISABLED", "ACTIVE"]}
    server.psql(f"DELETE FROM finq.tenant_skill WHERE client_id = '{tenant.client_id}'", user=OWNER)
    assert lines_of(server, tenant.client_id)[-1] == ("tenant_skill", "DELETE"), "what psql changes leaves a line too"


def test_skills_servicers_and_migrations_leave_lines(server):
    bank = name()
    server.finqctl("servicer", "create", "--name", bank, "--country", "Malta")
    line = audit(server, "--limit", 1)[0]
    assert (line["object"], line["action"], line["detail"]["name"]) == ("servicer", "INSERT", bank)
    server.finqctl("skill", "retire", DEMO_SKILLS[0])
    line = audit(server, "--limit", 1)[0]
    assert line["detail"]["name"] == DEMO_SKILLS[0] and line["detail"]["changed"]["retired_at"][0] is None
    server.finqctl("skill", "retire", DEMO_SKILLS[0], "--undo")
    objects = {(line["object"], line["action"]) for line in audit(server, "--limit", 100000)}
    assert {("skill", "INSERT"), ("skill", "UPDATE"), ("migration", "INSERT")} <= objects


def test_trail_names_its_true_author(server):
    tenant = server.create_tenant(name(), ())
    line = audit(server, "--tenant", tenant.client_id)[0]
    assert (line["role"], line["application"]) == (OWNER, "finqctl")
    assert line["os_user"].startswith(getpass.getuser()) and line["address"] == "127.0.0.1"
    server.psql("INSERT INTO finq.audit (at, role, application, object, action, detail)"
                " VALUES ('2001-01-01', 'somebody', 'else', 'tenant', 'INSERT', '{}')", user=OWNER)
    forged = audit(server, "--limit", 1)[0]
    assert forged["role"] == OWNER and forged["at"] > "2026" and forged["application"] == "psql"
    assert forged["os_user"] is None


@pytest.mark.parametrize("user, statement", [
    *itertools.product([OWNER, "postgres"], ["UPDATE finq.audit SET role = 'x'", "DELETE FROM finq.audit",
                                             "TRUNCATE finq.audit", "DELETE FROM finq.audit WHERE false"]),
    ("postgres", "SET session_replication_role = replica; DELETE FROM finq.audit")])
def test_lines_are_only_added(server, user, statement):
    before = server.psql("SELECT count(*) FROM finq.audit")
    with pytest.raises(Failure, match="only ever added"):
        server.psql(statement, user=user)
    assert server.psql("SELECT count(*) FROM finq.audit") == before


def test_trail_is_of_the_changes_own_transaction(server):
    before = server.psql("SELECT max(audit_id) FROM finq.audit")
    server.psql(f"BEGIN; SELECT finq.tenant_create('{name()}', NULL, sha256('a'), sha256('b')); ROLLBACK", user=OWNER)
    assert server.psql("SELECT max(audit_id) FROM finq.audit") == before


def test_trail_holds_no_key(server):
    tenant = server.create_tenant(name(), ())
    rotated = server.finqctl("tenant", "rotate", tenant.client_id, "--app-key")
    server.psql(f"UPDATE finq.tenant_key SET hash = sha256('x') WHERE key_id = {rotated['key_id']}", user=OWNER)
    text = json.dumps(audit(server, "--tenant", tenant.client_id))
    keys = [tenant.client_secret, tenant.client_app_key, rotated["client_app_key"], "x"]
    for key in keys:
        assert hashlib.sha256(key.encode()).hexdigest() not in text
    assert not any(key in text for key in keys[:3])
    assert audit(server, "--tenant", tenant.client_id)[0]["detail"]["changed"] == {"hash": "changed"}


def test_last_use_is_no_change(server, client, tenant):
    before = server.psql("SELECT max(audit_id) FROM finq.audit")
    server.psql("UPDATE finq.tenant_key SET last_used_at = NULL", user=OWNER)
    session = Onboarding(client, "xyz_aisp_sbx_#1.0")
    session.start()
    session.submit("sca_implicit", {})
    assert session.exchange().status == 200
    assert server.psql("SELECT max(audit_id) FROM finq.audit") == before


def test_audit_filters(server):
    tenant = server.create_tenant(name(), ())
    middle = server.psql("SELECT clock_timestamp()")
    server.finqctl("tenant", "disable", tenant.client_id)
    only = audit(server, "--since", middle, "--tenant", tenant.client_id)
    assert [line["object"] for line in only] == ["tenant"] and only[0]["action"] == "UPDATE"
    assert audit(server, "--since", "2100-01-01") == []
    for arguments in (("--limit", "0"), ("--limit", "x"), ("--since", "once"), ("--tenant", "x")):
        done = server.finqctl("audit", *arguments, check=False)
        assert done.returncode == 1 and done.stderr.startswith("finqctl: ") and not done.stdout
    assert server.finqctl("audit", "now", check=False).returncode == 2
    assert "--since" in server.finqctl("audit", "--help", check=False).stdout


# ---- who may do what

def test_public_and_the_server_may_do_nothing_else(server):
    """Every migration's functions are looked at, those of later ones too."""
    public = server.psql("SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'finq'::regnamespace"
                         " AND (p.proacl IS NULL OR p.proacl::text ~ '[{,]=')")
    assert public == ""
    plain = server.psql(f"SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'finq'::regnamespace"
                        f" AND has_function_privilege('{SERVER_GROUP}', p.oid, 'execute')"
                        " AND NOT (p.prosecdef AND coalesce(p.proconfig::text, '') LIKE '%search_path=pg_catalog, pg_temp%')")
    assert plain == "", "what the server may call runs as its owner, on a fixed path"
    operators = server.psql(f"SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'finq'::regnamespace"
                            f" AND has_function_privilege('{SERVER_GROUP}', p.oid, 'execute')")
    assert not {n for n in operators.split() if n.startswith(("audit", "servicer", "key_", "tenant_set")) or
                n.split("_")[-1] in ("rotate", "revoke", "create", "retire", "show", "list", "publish")}
    tables = server.psql("SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'finq'::regnamespace AND c.relkind IN "
                         f"('r', 'p', 'v', 'S') AND (has_table_privilege('{SERVER_GROUP}', c.oid, 'select, insert, update,"
                         " delete, truncate') OR c.relacl::text ~ '[{,]=')")
    assert tables == ""


# ---- the operator's verbs

def test_show_lists_keys(server):
    tenant = server.create_tenant(name())
    rotated = server.finqctl("tenant", "rotate", tenant.client_id, "--secret")
    shown = server.finqctl("tenant", "show", tenant.client_id)
    secrets_shown = [key for key in shown["keys"] if key["kind"] == "SECRET"]
    assert [key["key_id"] for key in secrets_shown][-1] == rotated["key_id"]
    assert all(key["live"] and key["age_minutes"] == 0 and key["last_used_at"] is None for key in shown["keys"])
    assert secrets_shown[0]["ends_at"] and secrets_shown[1]["ends_at"] is None
    assert [skill["name"] for skill in shown["skills"]] == sorted(DEMO_SKILLS)
    assert not any("hash" in key for key in shown["keys"])
    assert len(rotated["client_secret"]) == 43 and rotated["client_secret"] != tenant.client_secret


def test_rotations_are_bounded(server):
    tenant = server.create_tenant(name(), ())
    for _ in range(9):
        server.finqctl("tenant", "rotate", tenant.client_id, "--app-key")
    done = server.finqctl("tenant", "rotate", tenant.client_id, "--app-key", check=False)
    assert done.returncode == 1 and "ten live keys" in done.stderr
    assert server.finqctl("tenant", "rotate", tenant.client_id, "--app-key", "--overlap", 0)
    live = [k for k in server.finqctl("tenant", "show", tenant.client_id)["keys"] if k["live"] and k["kind"] == "APP_KEY"]
    assert len(live) == 1


@pytest.mark.parametrize("words, code", [
    (("tenant", "rotate", "ID"), 2), (("tenant", "rotate", "ID", "--secret", "--app-key"), 2),
    (("tenant", "rotate", "ID", "--secret", "--overlap", "-1"), 1),
    (("tenant", "rotate", "ID", "--secret", "--overlap", "525601"), 1),
    (("tenant", "rotate", "ID", "--secret", "--overlap", "soon"), 1),
    (("tenant", "rotate", "NOBODY", "--secret"), 3), (("tenant", "rotate", "x", "--secret"), 1),
    (("tenant", "show", "NOBODY"), 3), (("tenant", "disable", "NOBODY"), 3), (("tenant", "enable", "NOBODY"), 3),
    (("tenant", "revoke", "NOBODY", "1"), 3), (("tenant", "revoke", "ID", "0"), 3), (("tenant", "revoke", "ID", "x"), 1),
    (("tenant", "revoke", "ID", "OTHERS"), 3)])
def test_wrong_words(server, tenant, other_tenant, words, code):
    others = server.finqctl("tenant", "show", other_tenant.client_id)["keys"][0]["key_id"]
    names = {"ID": tenant.client_id, "NOBODY": str(uuid.uuid4()), "OTHERS": str(others)}
    done = server.finqctl(*[names.get(word, word) for word in words], check=False)
    assert done.returncode == code and done.stderr.startswith("finqctl: ") and not done.stdout
    live = [key for key in server.finqctl("tenant", "show", other_tenant.client_id)["keys"] if key["live"]]
    assert len(live) == 2


# ---- from version 1

class Version1:
    """A database as the first version left it, with a tenant, a grant and a session in it."""

    SKILL = {"name": "old_#1.0", "title": "Old", "type": "marketplace", "environment": "sandbox",
             "servicer": {"name": "Old Bank", "country": "Malta"},
             "steps": [{"name": "a", "schema": {"type": "object"}}, {"name": "b", "schema": {"type": "object"}}]}

    def __init__(self, installation):
        self.installation, self.tenant, self.skill_id, self.key_id = installation, None, None, None
        database = installation.postgres
        database.start()
        self.psql("CREATE SCHEMA finq; CREATE TABLE finq.migration (version integer NOT NULL PRIMARY KEY,"
                  " name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())")
        self.psql(next((ROOT / "sql").glob("001_*.sql")).read_text()
                  + "INSERT INTO finq.migration (version, name) VALUES (1, 'onboarding')")

    def psql(self, sql, user=OWNER):
        return self.installation.psql(sql, user=user)

    def fill(self):
        made = json.loads(self.psql("SELECT finq.tenant_create('Old tenant', 'Old Bank', sha256('secret'), sha256('app'))"))
        self.psql(f"SELECT finq.skill_publish('{json.dumps(self.SKILL)}');"
                  f"SELECT finq.tenant_allow('{made['client_id']}', 'old_#1.0', 7, 8)")
        self.tenant = made["client_id"]
        self.skill_id = self.psql("SELECT skill_id FROM finq.skill_get(NULL, 'old_#1.0')")
        self.key_id = json.loads(self.psql(f"SELECT finq.tenant_get('{self.tenant}')"))["app_keys"][0]["key_id"]

    def submission(self, ordinal, session, step):
        """A step, in the words of a server of version 1."""
        return (
            "SELECT outcome FROM finq.step_submit("
            f"'{self.tenant}', '{session}', {self.skill_id}, {ordinal}, {self.key_id}, NULL,"
            " extract(epoch FROM now())::bigint, extract(epoch FROM now())::bigint + 60,"
            f" '{step}', '{'ab'[ordinal - 1]}', sha256('{ordinal}'), '{{}}', '{{}}', {ordinal == 2}, 5, 1800, 86400)")

    def exchange(self, session, columns="outcome"):
        return (f"SELECT {columns} FROM finq.token_exchange('{self.tenant}',"
                f" sha256('secret'), '{session}', extract(epoch FROM now())::bigint + 60, '{{}}', '{uuid.uuid4()}',"
                " sha256('access'), '\\x00', 5, 120)")

    def onboarding(self, number):
        """A whole one."""
        session, *steps = (f"0197a000-0000-7000-800{place}-{number:012}" for place in (0, 1, 2))
        return "".join(f"{sql};\n" for sql in (self.submission(1, session, steps[0]),
                                               self.submission(2, session, steps[1]), self.exchange(session)))


def test_migrating_refuses_nobody(run_directory):
    """Servers of version 1 go on while the others are applied: no deadlock, no lock that is waited for in vain. Seen red with
    002's trigger exchange_note_use on finq.session."""
    installation = Installation(run_directory / "migrating")
    try:
        old = Version1(installation)
        old.fill()
        installation.postgres.create_server_role()
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            scripts = ["SET deadlock_timeout = '10ms'; SET lock_timeout = '1s'; SET ROLE finq_web;"
                       + "".join(old.onboarding(number * 1000 + n) for n in range(300)) for number in range(6)]
            running = [pool.submit(installation.psql, script) for script in scripts]
            until(lambda: int(installation.psql("SELECT count(*) FROM finq.credential")) > 100)
            assert installation.finqctl("db", "migrate")["from"] == 1
            under_load = not all(work.done() for work in running)
            outcomes = "\n".join(work.result() for work in running).split("\n")
        assert under_load, "the load ended too early to tell"
        assert set(outcomes) == {"ok"} and len(outcomes) == 6 * 300 * 3
    finally:
        installation.stop()


def test_version_1_with_data_becomes_the_newest(run_directory, watched):
    installation = Installation(run_directory / "from-version-1")
    try:
        old = Version1(installation)
        old.fill()
        installation.postgres.create_server_role()
        session, steps = "0197a000-0000-7000-8000-000000000001", [f"0197a000-0000-7000-8000-00000000000{n}" for n in "23"]
        assert old.psql(old.submission(1, session, steps[0]), SERVER) == "ok"
        migrated = installation.finqctl("db", "migrate")
        assert migrated["from"] == 1 and migrated["to"] >= 2
        assert installation.finqctl("db", "migrate") == {"from": migrated["to"], "to": migrated["to"]}
        # what stood there stands, and a server of version 1 goes on with it
        shown = installation.finqctl("tenant", "show", old.tenant)
        assert [(key["kind"], key["live"], key["last_used_at"]) for key in shown["keys"]] == \
            [("SECRET", True, None), ("APP_KEY", True, None)]
        assert (shown["skills"][0]["consent_duration"], shown["skills"][0]["retired"]) == (7, False)
        got = json.loads(old.psql(f"SELECT finq.tenant_get('{old.tenant}')", SERVER))
        assert got["active"] and got["app_keys"][0]["ends_at"] is None and got["skills"]
        assert old.psql(old.submission(2, session, steps[1]), SERVER) == "ok"
        columns = "outcome, consent_exp - extract(epoch FROM now())::bigint"
        outcome, lasts = old.psql(old.exchange(session, columns), SERVER).split("|")
        assert outcome == "ok" and abs(int(lasts) - 7 * 60) <= 2
        used = installation.finqctl("tenant", "show", old.tenant)["keys"]
        assert used[0]["last_used_at"] and not used[1]["last_used_at"]
        assert json.dumps(installation.finqctl("skill", "show", "old_#1.0")["definition"]) == json.dumps(old.SKILL)
        # and so does today's
        watched.append(installation.httpd)
        installation.start()
        with_keys = installation.finqctl("tenant", "rotate", old.tenant, "--app-key")
        client = Client(installation.httpd.url, None, installation.httpd.authority.certificate)
        answer = client.call("/sessions", {"client_id": old.tenant, "client_app_key": with_keys["client_app_key"],
                                           "skill": "old_#1.0"})
        assert answer.status == 200
        client.close()
    finally:
        installation.stop()
        complaints = installation.httpd.check()
        watched[:] = [httpd for httpd in watched if httpd is not installation.httpd]
    assert complaints == []
