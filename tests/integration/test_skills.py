"""finqctl: its verbs, exit codes and help; publishing skills (contract section 12).

Seen red: skill_publish's comparison of definitions left out; the exit codes of SQLSTATE P0002, 23505, 42501 and 3F000 in
src/ctl/db.c; finq_skill_compile not called before a skill is stored; ferror left out of src/ctl/main.c.
"""
import json
import re
import uuid

import pytest

from finqenv.flows import AISP, CARD, DEFINITIONS, steps, walk
from finqenv.installation import DEMO_SKILLS, FINQCTL, SKILLS
from finqenv.places import ROOT
from finqenv.process import clean_environ, run
from finqenv.wire import is_error

VERBS = ["db migrate", "tenant create", "tenant allow", "tenant list", "skill publish", "skill list", "session show"]
OK, REFUSED, USAGE, NOT_FOUND, CONFLICT, DATABASE = range(6)


def ctl(server, *arguments, code=OK, text=None, db=True):
    """The finished command, whose exit code is as announced, and whose errors are on standard error alone."""
    environ = clean_environ(**({"FINQ_DB": server.conninfo(), "FINQ_DATA_KEY_FILE": str(server.data_key_file)} if db else {}))
    done = run(FINQCTL, *arguments, check=False, text=text, cwd=ROOT, env=environ)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    if code != OK:
        assert done.stdout == "" and done.stderr.startswith(("finqctl: ", "finqctl, ", "Usage:"))
    return done


def definition(**change):
    base = {"name": f"test_{uuid.uuid4().hex[:8]}_#1.0", "title": "A test", "type": "marketplace", "environment": "sandbox",
            "servicer": {"name": "Test Bank", "country": "Romania"}, "steps": [{"name": "form", "title": "A form", "schema": {"type": "object"}}]}
    return {**base, **change}


def publish(server, text, code=OK):
    return ctl(server, "skill", "publish", "-", text=text if isinstance(text, str) else json.dumps(text), code=code)


# -- the command line

def test_help(server):
    everything = ctl(server, "--help", db=False).stdout
    for verb in VERBS:
        assert f"finqctl {verb}" in everything
        shown = ctl(server, *verb.split(), "--help", db=False)
        assert shown.stdout.count(f"finqctl {verb}") == 1 and shown.stderr == "" and len(shown.stdout.splitlines()[0]) > 20
    assert "FINQ_DB" in everything and "Exit codes" in everything


@pytest.mark.parametrize("line", ["", "tenant", "tenant nothing", "tenant create", "tenant create --name", "tenant list more",
                                  "tenant create --nmae x", "tenant create --name x --name y", "skill publish", "tenant allow x",
                                  "session show", "session show a b", "db migrate --force", "tenant list --db"])
def test_wrong_usage(server, line):
    assert "sage" in ctl(server, *line.split(), code=USAGE).stderr


def test_a_noun_that_is_none(server):
    assert ctl(server, "nothing", "here", code=USAGE).stderr == \
        'finqctl: there is no "nothing"\nfinqctl help lists what there is.\n'


def test_no_database_is_named(server):
    assert "--db CONNINFO" in ctl(server, "tenant", "list", code=USAGE, db=False).stderr


@pytest.mark.parametrize("place", [0, 2])
def test_db_option(server, place):
    words = ["tenant", "list"]
    words[place:place] = ["--db", server.conninfo()]
    assert isinstance(json.loads(ctl(server, *words, db=False).stdout), list)


def test_databases_that_cannot_be_used(server):
    nowhere = "host=127.0.0.1 port=1 dbname=finq user=x password=very-secret"
    done = ctl(server, "tenant", "list", "--db", nowhere, code=DATABASE)
    assert "cannot be reached" in done.stderr and "very-secret" not in done.stderr
    ctl(server, "tenant", "list", "--db", "host=", "--db", "no conninfo at all", code=DATABASE)
    empty = server.postgres.conninfo(database="postgres")
    assert "run: finqctl db migrate" in ctl(server, "tenant", "list", "--db", empty, code=DATABASE).stderr
    web = server.postgres.conninfo("finq_web")
    for words in (["tenant", "list"], ["db", "migrate"], ["session", "show", str(uuid.uuid4())]):
        assert "connect as the role" in ctl(server, *words, "--db", web, code=DATABASE).stderr


# -- tenants

def test_tenant_create(server):
    done = ctl(server, "tenant", "create", "--name", "Shown once", "--servicer", "Some Bank")
    shown = json.loads(done.stdout)
    assert set(shown) == {"client_id", "client_secret", "client_app_key"} and uuid.UUID(shown["client_id"])
    for name in ("client_secret", "client_app_key"):
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", shown[name]), "256 bits, URL-safe"
    assert shown["client_secret"] != shown["client_app_key"]
    listed = {tenant["client_id"]: tenant for tenant in json.loads(ctl(server, "tenant", "list").stdout)}
    row = listed[shown["client_id"]]
    assert (row["name"], row["servicer"], row["status"], row["skills"]) == ("Shown once", "Some Bank", "ACTIVE", [])
    assert shown["client_secret"] not in ctl(server, "tenant", "list").stdout
    assert "exists already" in ctl(server, "tenant", "create", "--name", "Shown once", code=CONFLICT).stderr


@pytest.mark.parametrize("name", ["", "x" * 201])
def test_names_that_will_not_do(server, name):
    ctl(server, "tenant", "create", "--name", name, code=REFUSED)


def test_names_are_text(server):
    name = "Robert'); DROP TABLE finq.tenant; -- \\ \" é 𝄞"
    client_id = json.loads(ctl(server, "tenant", "create", "--name", name).stdout)["client_id"]
    assert {t["client_id"]: t["name"] for t in json.loads(ctl(server, "tenant", "list").stdout)}[client_id] == name


def test_tenant_allow(server):
    client_id = json.loads(ctl(server, "tenant", "create", "--name", "Allowed").stdout)["client_id"]
    shown = json.loads(ctl(server, "tenant", "allow", client_id, AISP).stdout)
    assert shown == {"client_id": client_id, "skill": AISP, "consent_duration": 129600, "cache_max_data_retention": 172800}
    shown = json.loads(ctl(server, "tenant", "allow", client_id, AISP, "--consent-duration", 60).stdout)
    assert (shown["consent_duration"], shown["cache_max_data_retention"]) == (60, 172800)
    shown = json.loads(ctl(server, "tenant", "allow", client_id, AISP, "--cache-max-data-retention", 0).stdout)
    assert (shown["consent_duration"], shown["cache_max_data_retention"]) == (60, 0), "what is not given stays"
    listed = {t["client_id"]: t for t in json.loads(ctl(server, "tenant", "list").stdout)}[client_id]["skills"]
    assert listed == [{"name": AISP, "consent_duration": 60, "cache_max_data_retention": 0}]


@pytest.mark.parametrize("option, value", [("--consent-duration", 0), ("--consent-duration", -5), ("--consent-duration", "x"),
                                           ("--consent-duration", 52560001), ("--consent-duration", 10 ** 12), ("--consent-duration", ""),
                                           ("--cache-max-data-retention", -1), ("--cache-max-data-retention", 1.5)])
def test_durations_that_will_not_do(server, tenant, option, value):
    ctl(server, "tenant", "allow", tenant.client_id, CARD, option, value, code=REFUSED)


def test_what_is_not_there(server, tenant):
    assert "No tenant" in ctl(server, "tenant", "allow", uuid.uuid4(), CARD, code=NOT_FOUND).stderr
    assert "No skill" in ctl(server, "tenant", "allow", tenant.client_id, "none_#1.0", code=NOT_FOUND).stderr
    assert "No session" in ctl(server, "session", "show", uuid.uuid4(), code=NOT_FOUND).stderr
    ctl(server, "session", "show", "no uuid", code=REFUSED)
    ctl(server, "tenant", "allow", "no uuid", CARD, code=REFUSED)


def test_session_show(server, client, tenant):
    user = walk(client, CARD, tenant_user_id="u-1")
    user.exchange()
    shown = json.loads(ctl(server, "session", "show", user.session_id).stdout)
    assert (shown["session_id"], shown["client_id"], shown["skill"]) == (user.session_id, tenant.client_id, CARD)
    assert (shown["status"], shown["tenant_user_id"]) == ("SESSION_COMPLETED", "u-1")
    assert [step["name"] for step in shown["steps"]] == [step["name"] for step in steps(CARD)]
    assert [[u["document"] for u in step["uploads"]] for step in shown["steps"]] == [["id_front", "selfie"], ["income_proof"]]
    assert len(shown["steps"][0]["uploads"][0]["sha256"]) == 64
    assert shown["credentials_id"] and shown["exchanged_at"]


# -- skills

def test_skill_list(server):
    listed = {skill["name"]: skill for skill in json.loads(ctl(server, "skill", "list").stdout)}
    for name in DEMO_SKILLS:
        assert listed[name]["steps"] == [step["name"] for step in steps(name)]
        assert listed[name]["servicer"] == DEFINITIONS[name]["servicer"]["name"]


def test_publishing_the_same_again_is_no_error(server):
    for file in SKILLS.glob("*.json"):
        assert json.loads(ctl(server, "skill", "publish", file).stdout)["published"] is False
    new = definition()
    assert json.loads(publish(server, new).stdout) == {"name": new["name"], "published": True}
    again = json.dumps(dict(reversed(new.items())), indent=7)
    assert json.loads(publish(server, again).stdout)["published"] is False, "the same, written otherwise"


@pytest.mark.parametrize("change", [{"title": "Another"}, {"type": "payment_initiation"}, {"steps": []}, {"servicer": {"name": "Other", "country": "Romania"}},
                                    {"steps": [{"name": "form", "title": "A form", "schema": {"type": "object", "required": ["a"]}}]}])
def test_a_published_skill_never_changes(server, change):
    new = definition()
    publish(server, new)
    before = server.psql(f"SELECT s.definition::text FROM finq.skill s WHERE s.name = '{new['name']}'")
    done = publish(server, {**new, **change}, code=REFUSED if change == {"steps": []} else CONFLICT)
    assert "never changes" in done.stderr or change == {"steps": []}
    assert server.psql(f"SELECT s.definition::text FROM finq.skill s WHERE s.name = '{new['name']}'") == before


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "no json", '{"name":1}', '{"name":"x","name":"x"}', "{" * 100])
def test_what_is_no_definition(server, text):
    publish(server, text, code=REFUSED)


@pytest.mark.parametrize("change", [
    {"name": "no version"}, {"name": "x_#1"}, {"name": "x_#1.0 "}, {"name": "X_#1.0"}, {"name": "../x_#1.0"}, {"name": "_#1.0"},
    {"type": "loan"}, {"steps": [{"name": "form", "title": "x", "schema": {"type": "object", "contains": {}}}]},
    {"steps": [{"name": "form", "title": "x", "schema": {"type": "object", "pattern": "("}}]},
    {"steps": [{"name": "form", "title": "x", "schema": {"type": "strange"}}]}, {"extra": 1}])
def test_definitions_that_are_refused(server, change):
    new = definition(**change)
    publish(server, new, code=REFUSED)
    assert new["name"] not in [skill["name"] for skill in json.loads(ctl(server, "skill", "list").stdout)]


def test_a_schemas_fault_is_pointed_at(server):
    bad = definition(steps=[{"name": "form", "title": "x", "schema": {"type": "object", "properties": {"a": {"minlength": 1}}}}])
    assert "/steps/0/schema/properties/a" in publish(server, bad, code=REFUSED).stderr


def test_files_that_cannot_be_read(server, tmp_path):
    ctl(server, "skill", "publish", tmp_path / "missing.json", code=REFUSED)
    ctl(server, "skill", "publish", tmp_path, code=REFUSED)
    (tmp_path / "large.json").write_text(" " * (1024 * 1024 + 1))
    assert "larger than 1048576 bytes" in ctl(server, "skill", "publish", tmp_path / "large.json", code=REFUSED).stderr


def test_output_that_cannot_be_written(server):
    """Of any length: seen red for one that fills the buffer, where only its last part failed to be written."""
    for number in range(40):
        ctl(server, "tenant", "create", "--name", f"One of many, so that the list is long {number}")
    done = run("/bin/sh", "-c", f'"{FINQCTL}" tenant list > /dev/full', check=False, env=clean_environ(FINQ_DB=server.conninfo()))
    assert done.returncode == REFUSED and "could not be written" in done.stderr


def test_a_new_skill_is_served_at_once(server, client, tenant):
    new = definition()
    assert is_error(client.start_session(new["name"]), 400, "invalid_skill_name")
    publish(server, new)
    assert is_error(client.start_session(new["name"]), 401, "unauthorized_tenant")
    server.finqctl("tenant", "allow", tenant.client_id, new["name"])
    for _ in range(4):
        client.close()
        assert client.start_session(new["name"]).status == 200


# -- looking without changing

def test_skill_check_needs_no_database(tmp_path):
    """Red where ctl_skill_check does not compile what it reads."""
    wrong = tmp_path / "wrong.json"
    good = min((ROOT / "conf/skills").glob("*.json"))
    done = run(FINQCTL, "skill", "check", good)
    assert json.loads(done.stdout) == {"name": json.loads(good.read_text())["name"], "good": True,
                                       "steps": len(json.loads(good.read_text())["steps"])}
    wrong.write_text(json.dumps({**json.loads(good.read_text()), "steps": []}))
    refused = run(FINQCTL, "skill", "check", wrong, check=False)
    assert refused.returncode == REFUSED and "steps" in refused.stderr and not refused.stdout


def test_db_status(server):
    """Red where it compares no hash of functions."""
    shown = json.loads(ctl(server, "db", "status").stdout)
    assert shown["current"] is True and shown["schema"] == shown["finqctl_schema"] and shown["functions"] == shown["finqctl"]
    assert shown["read_only"] is False and [m["version"] for m in shown["migrations"]][-1] == shown["schema"]
    empty = server.postgres.conninfo(database="postgres")
    assert "run: finqctl db migrate" in ctl(server, "db", "status", "--db", empty, code=DATABASE).stderr
    server.psql("UPDATE finq.functions SET hash = sha256('other')")
    done = server.finqctl("db", "status", check=False)
    assert done.returncode == DATABASE and json.loads(done.stdout)["current"] is False and "run: finqctl db migrate" in done.stderr
    ctl(server, "db", "migrate")
    ctl(server, "db", "status")


def test_sessions_are_listed_newest_first_and_paged(server, client, tenant):
    """Red where finq.session_list leaves out any one of its conditions, and where it does not sort."""
    who = f"u-{uuid.uuid4()}"
    users = [walk(client, CARD, tenant_user_id=who) for _ in range(3)]
    ids = [user.session_id for user in reversed(users)]

    def listed(*options):
        return [row["session_id"] for row in json.loads(ctl(server, "session", "list", *options).stdout)]

    mine = ("--tenant", tenant.client_id, "--tenant-user-id", who)
    assert listed(*mine) == ids == listed(*mine, "--status", "completed", "--skill", CARD)
    assert listed(*mine, "--limit", "2") == ids[:2] and listed(*mine, "--limit", "2", "--before", ids[1]) == ids[2:]
    assert listed(*mine, "--status", "failed") == listed(*mine, "--since", "2100-01-01") == []
    other = server.create_tenant(f"none {uuid.uuid4()}", ())
    assert listed("--tenant", other.client_id) == [] and not set(ids) & set(listed(*mine[:3], "another"))
    skill = next(row["name"] for row in json.loads(ctl(server, "skill", "list").stdout) if row["name"] != CARD)
    assert listed(*mine, "--skill", skill) == []
    row = json.loads(ctl(server, "session", "list", *mine, "--limit", "1").stdout)[0]
    assert list(row) == ["session_id", "client_id", "tenant", "skill", "status", "started_at", "updated_at",
                         "tenant_user_id", "waits_for"]
    assert row["tenant_user_id"] == who and row["status"] == "SESSION_COMPLETED" and row["skill"] == CARD
    assert "No skill" in ctl(server, "session", "list", "--skill", "none_#1.0", code=NOT_FOUND).stderr
    assert "No tenant" in ctl(server, "session", "list", "--tenant", str(uuid.uuid4()), code=NOT_FOUND).stderr
    assert "in_progress, pending, completed" in ctl(server, "session", "list", "--status", "gone", code=REFUSED).stderr
