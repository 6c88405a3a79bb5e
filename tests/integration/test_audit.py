"""The audit trail, what the operator's verbs answer, and who may do what.

Seen red: audit_refuse without TRUNCATE, or not ENABLE ALWAYS (lines_are_only_added); audit_stamp without `role`
(names_its_true_author); a trigger left out of 001_base (every_change_leaves_a_line); audit_shown without 'hash'
(holds_no_key); the trigger of tenant_key for any column (last_use_is_no_change); COMMIT in the place of ROLLBACK
(changes_own_transaction); REVOKE … FROM PUBLIC left out of grants.sql, or a server's function without its search_path
(public_and_the_server…); the bound of ten keys lifted (rotations_are_bounded).
"""
import getpass
import hashlib
import itertools
import json
import secrets
import uuid

import pytest

from finqenv.client import Onboarding
from finqenv.installation import DEMO_SKILLS
from finqenv.postgres import OWNER, SERVER_GROUP
from finqenv.process import Failure


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
    """All functions are looked at, those of later versions too."""
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
    (("tenant", "revoke", "NOBODY", "1"), 3), (("tenant", "revoke", "ID", "9999999"), 3), (("tenant", "revoke", "ID", "0"), 1), (("tenant", "revoke", "ID", "x"), 1),
    (("tenant", "revoke", "ID", "OTHERS"), 3)])
def test_wrong_words(server, tenant, other_tenant, words, code):
    others = server.finqctl("tenant", "show", other_tenant.client_id)["keys"][0]["key_id"]
    names = {"ID": tenant.client_id, "NOBODY": str(uuid.uuid4()), "OTHERS": str(others)}
    done = server.finqctl(*[names.get(word, word) for word in words], check=False)
    assert done.returncode == code and done.stderr.startswith("finqctl: ") and not done.stdout
    live = [key for key in server.finqctl("tenant", "show", other_tenant.client_id)["keys"] if key["live"]]
    assert len(live) == 2
