"""The way from one version of the SQL to the next (finqctl db migrate), while servers run, and what is refused.

Each further version is this tree's SQL with something changed, carried by a finqctl made of it.

Seen red: in migrate.c, schema_refuse left out (each refusal); a lock_timeout of 3 s without a second try (a_live_database…, in
one run of two: a migration and a server wait for each other's tables).
"""
import json
import pathlib
import shutil
import threading

import pytest

from finqenv import schema
from finqenv.flows import AISP, CARD, walk
from finqenv.installation import FINQCTL, SANITIZED
from finqenv.places import BUILD, ROOT
from finqenv.postgres import OWNER
from finqenv.process import clean_environ, run, until

ADDED = """\
ALTER TABLE finq.session ADD COLUMN note text NULL;
ALTER TABLE finq.step ADD COLUMN note text NULL;
ALTER TABLE finq.skill ADD COLUMN note text NULL;
ALTER TABLE finq.tenant ADD COLUMN note text NULL;
CREATE TABLE finq.added (added_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
"""
STEP = ("INSERT INTO finq.step (step_id, session_id, ordinal, name, data, submitted_at, place, decided, kept)\n"
        "        VALUES (p_step_id, p_session_id, p_ordinal, p_step_name, p_data, v_now, p_place,")
NOTED = STEP.replace("submitted_at,", "submitted_at, note,").replace("v_now,", "v_now, 'of the next version',")
FUNCTIONS_NOW = ("SELECT md5(string_agg(pg_get_functiondef(p.oid) || coalesce(p.proacl::text, ''), '' ORDER BY p.oid::regprocedure::text))"
                 " FROM pg_proc p WHERE p.pronamespace = 'finq'::regnamespace")


class Next:
    """The SQL of a version to come, and its finqctl."""

    def __init__(self, folder, version="0.2.0"):
        self.folder, self.version = pathlib.Path(folder), version
        shutil.copytree(schema.SQL, self.folder / "sql")

    def add(self, sql):
        (self.folder / f"sql/migrations/{schema.VERSION + 1:03}_added.sql").write_text(sql)

    def change(self, file, old, new):
        path = self.folder / "sql/functions" / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def build(self):
        sanitizers = ["CFLAGS=-O1 -g", "SANITIZE=-fsanitize=address,undefined"] if SANITIZED else []
        run("make", "-s", f"B={BUILD.relative_to(ROOT)}", f"SQL={self.folder}/sql", f"SQL_B={self.folder}", f"VERSION={self.version}",
            *sanitizers, f"{self.folder}/finqctl", cwd=ROOT, env=clean_environ())
        return self

    def migrate(self, conninfo):
        return migrate(self.folder / "finqctl", conninfo)


def migrate(finqctl, conninfo):
    done = run(finqctl, "db", "migrate", check=False, env=clean_environ(FINQ_DB=conninfo))
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


@pytest.fixture(scope="module")
def following(tmp_path_factory):
    """One migration more, and a function that needs it."""
    made = Next(tmp_path_factory.mktemp("following") / "next", version="0.3.0")
    made.add(ADDED)
    made.change("step.sql", STEP, NOTED)
    return made.build()


@pytest.fixture
def fresh(server, request):
    """An empty database: psql and conninfo."""
    name = f"upgrade_{abs(hash(request.node.name))}"
    server.postgres.create_database(name)
    yield lambda sql: server.postgres.psql(sql, user=OWNER, database=name), server.postgres.conninfo(database=name)


def refused(answer, words):
    code, printed, said = answer
    assert (code, printed) == (1, None) and words in said and said.count("finqctl:") == 1, said


def test_a_live_database_is_upgraded_without_a_failed_request(make_server, following, server):
    live = make_server(cluster=server.postgres, database="upgraded_live")
    stop, failures, walked = threading.Event(), [], [0] * 4

    def load(place):
        client = live.client(live.create_tenant(f"upgrade {place}"))
        while not stop.is_set():
            try:
                assert walk(client, (AISP, CARD)[place % 2]).exchange().status == 200
            except BaseException as failure:  # whatever it is, the test tells it
                failures.append(failure)
                return
            walked[place] += 1
    clients = [threading.Thread(target=load, args=(place,)) for place in range(4)]
    for client in clients:
        client.start()
    try:
        enough(walked, failures, 3)
        code, printed, said = following.migrate(live.conninfo())
        assert (code, printed) == (0, {"from": schema.VERSION, "to": schema.VERSION + 1}), said
        enough(walked, failures, max(walked) + 3)
    finally:
        stop.set()
        for client in clients:
            client.join()
    assert failures == []
    noted = live.psql("SELECT count(*) FILTER (WHERE note IS NULL) > 0, count(*) FILTER (WHERE note = 'of the next version') > 0 FROM finq.step")
    assert noted == "t|t", "steps of before and after"
    server.postgres.create_database("upgraded_at_once")
    assert following.migrate(server.postgres.conninfo(database="upgraded_at_once"))[1] == {"from": 0, "to": schema.VERSION + 1}
    at_once = lambda sql: server.postgres.psql(sql, database="upgraded_at_once")
    assert schema.picture(live.psql) == schema.picture(at_once) != schema.PICTURE.read_text()
    assert live.psql(FUNCTIONS_NOW) == at_once(FUNCTIONS_NOW)


def enough(walked, failures, least):
    """Waits until each client has walked so often."""
    until(lambda: failures or min(walked) >= least, 60, what=f"{least} walks of each client")
    assert failures == []


def test_an_older_finqctl_leaves_a_newer_schema_alone(fresh, following):
    psql, conninfo = fresh
    assert following.migrate(conninfo)[0] == 0
    before = psql(FUNCTIONS_NOW)
    refused(migrate(FINQCTL, conninfo), f"schema has version {schema.VERSION + 1}, and this finqctl knows none after {schema.VERSION}; "
            "nothing was changed")
    assert psql(FUNCTIONS_NOW) == before


def test_an_older_finqctl_leaves_later_functions_alone(fresh, tmp_path):
    psql, conninfo = fresh
    later = Next(tmp_path / "next", version="0.10.0")
    later.change("step.sql", "-- what a first step needs: its", "-- a first step needs this: its")
    later.build()
    assert migrate(FINQCTL, conninfo)[0] == 0
    assert later.migrate(conninfo)[:2] == (0, {"from": schema.VERSION, "to": schema.VERSION})
    before = psql(FUNCTIONS_NOW)
    refused(migrate(FINQCTL, conninfo), "functions come from a later finqctl than this one")
    assert psql(FUNCTIONS_NOW) == before and psql("SELECT version FROM finq.functions") == "0.10.0"


def test_a_database_from_before_the_base_is_refused(fresh):
    psql, conninfo = fresh
    psql(schema.MIGRATION_TABLE + "INSERT INTO finq.migration (version, name) VALUES (1, 'onboarding'), (2, 'tenancy')")
    refused(migrate(FINQCTL, conninfo), "was made before version 0.2.0, whose schema begins anew; nothing was changed")
    assert psql("SELECT count(*) FROM pg_class WHERE relnamespace = 'finq'::regnamespace AND relkind = 'r'") == "1"


def test_functions_change_together_or_not_at_all(fresh, tmp_path):
    psql, conninfo = fresh
    assert migrate(FINQCTL, conninfo)[0] == 0
    before = psql(FUNCTIONS_NOW)
    broken = Next(tmp_path / "next")
    broken.change("session.sql", "'invalid_session_id'", "'changed'")
    broken.change("audit.sql", "RETURNS json\n", "RETURNS jsonb\n")
    broken.build()
    code, printed, said = broken.migrate(conninfo)
    assert (code, printed) == (5, None) and "no function was changed" in said
    assert psql(FUNCTIONS_NOW) == before


def test_functions_that_are_there_are_not_made_again(fresh):
    psql, conninfo = fresh
    first, again = migrate(FINQCTL, conninfo), migrate(FINQCTL, conninfo)
    assert first[0] == again[0] == 0
    assert "applying the functions" in first[2] and again[2] == ""
    lines = psql("SELECT action FROM finq.audit WHERE object = 'functions'")
    assert lines == "INSERT"
