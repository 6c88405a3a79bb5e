"""The audit trail as a chain: what is changed, moved, removed or put in shows. Time is moved in the rows, with the triggers off.

Seen red: see each test.
"""
import json
import uuid

import pytest

from finqenv.flows import CARD, walk
from finqenv.process import Failure, until

OFF = "BEGIN; ALTER TABLE finq.audit DISABLE TRIGGER ALL; ALTER TABLE finq.audit_head DISABLE TRIGGER ALL;"


@pytest.fixture(scope="module")
def own(make_module_server, server):
    made = make_module_server(cluster=server.postgres, database="audit_chain", children=1, directives={"FinqJanitorInterval": "1"})
    until(lambda: made.psql("SELECT count(*) FROM finq.audit_head") == "1", what="a signed head")
    return made


def verify(own, secret_file=None, *more, check=True):
    return own.finqctl("audit", "verify", "--secret-file", secret_file or own.secret_file, *more, check=check)


def problem(own, *statements):
    """What is found after them; they are undone."""
    said = own.psql(f"{OFF} {'; '.join(statements)}; SELECT 'problem: ' || coalesce(finq.audit_verify() ->> 'problem', 'none'); ROLLBACK")
    return next(line for line in said.splitlines() if line.startswith("problem: ")).removeprefix("problem: ")


def changed(own, statements):
    """Heads, by who has dropped what refuses it."""
    head = "ALTER TABLE finq.audit_head"
    own.psql(f"BEGIN; {head} DISABLE TRIGGER ALL; {statements}; {head} ENABLE ALWAYS TRIGGER audit_refuse; {head} ENABLE ALWAYS TRIGGER audit_keep; COMMIT")


def chained(own):
    """Writes a line, and waits until all are chained. The place of the last."""
    own.create_tenant(f"Chained {uuid.uuid4()}", ())
    until(lambda: own.psql("SELECT count(*) FROM finq.audit WHERE place IS NULL") == "0", what="the chain")
    return int(own.psql("SELECT max(place) FROM finq.audit"))


def test_a_trail_that_is_whole(own):
    last = chained(own)
    shown = verify(own)
    assert (shown["lines"], shown["first"], shown["last"], shown["waiting"]) == (last, 1, last, 0)
    assert shown["signed"] >= 1 and len(shown["head"]) == 64 and problem(own) == "none"
    assert own.psql("SELECT bool_and(length(hash) = 32) FROM finq.audit") == "t"


@pytest.mark.parametrize("statement", ["UPDATE finq.audit SET role = 'x' WHERE place = 1", "UPDATE finq.audit SET place = 0 WHERE place = 1",
                                       "UPDATE finq.audit SET hash = sha256('x') WHERE place = 1", "DELETE FROM finq.audit WHERE place = 1",
                                       "DELETE FROM finq.audit_head", "UPDATE finq.audit_head SET signature = sha256('x')"])
def test_the_janitor_alone_keeps_it_and_changes_nothing(own, statement):
    """Who says that he is the janitor may do no more than that one. Red without finq.audit_keep."""
    for before in ("SET finq.audit_keeper = 'on'; ", ""):
        with pytest.raises(Failure, match="only ever added"):
            own.psql(before + statement)


@pytest.mark.parametrize("change", ["role = 'x'", "at = at + interval '1 microsecond'", "detail = detail || '{\"x\": 1}'", "hash = sha256('x')",
                                    "address = NULL", "os_user = 'x'", "client_id = gen_random_uuid()", "action = 'DELETE'", "object = 'x'",
                                    "application = 'x'", "audit_id = DEFAULT"])
def test_a_line_that_was_changed(own, change):
    """Red where finq.audit_hash leaves a column out."""
    place = chained(own) - 3
    assert f"at place {place}, was changed" in problem(own, f"UPDATE finq.audit SET {change} WHERE place = {place}")


def test_a_line_that_was_changed_with_its_hash(own):
    """The next one tells. Red where finq.audit_hash leaves the hash before out."""
    place = chained(own) - 3
    assert f"at place {place + 1}, was changed" in problem(
        own, f"UPDATE finq.audit SET role = 'x' WHERE place = {place}",
        f"UPDATE finq.audit a SET hash = finq.audit_hash((SELECT b.hash FROM finq.audit b WHERE b.place = {place - 1}), a.place, a) WHERE a.place = {place}")


def test_a_line_that_was_removed(own):
    place = chained(own) - 3
    assert problem(own, f"DELETE FROM finq.audit WHERE place = {place}") == f"1 of places {place} to {place} are missing"
    assert problem(own, "DELETE FROM finq.audit WHERE place = 1") == "1 of places 1 to 1 are missing"


def test_a_line_that_was_removed_with_a_new_count(own):
    """The places behind it are moved up. Red where finq.audit_hash leaves the place out, and the hash before."""
    place = chained(own) - 3
    assert f"at place {place}, was changed, moved" in problem(
        own, f"DELETE FROM finq.audit WHERE place = {place}", f"UPDATE finq.audit SET place = -place WHERE place > {place}",
        "UPDATE finq.audit SET place = -place - 1 WHERE place < 0")


def test_lines_that_were_reordered(own):
    place = chained(own) - 3
    assert f"at place {place}, was changed, moved" in problem(
        own, f"UPDATE finq.audit SET place = -place WHERE place IN ({place}, {place + 1})",
        f"UPDATE finq.audit SET place = {2 * place + 1} + place WHERE place < 0")


def test_a_line_that_was_put_in(own):
    place = chained(own)
    assert "was changed, moved or put there" in problem(
        own, "INSERT INTO finq.audit (at, role, application, object, action, detail, place, hash)"
        f" VALUES (clock_timestamp(), 'x', 'x', 'tenant', 'DELETE', '{{}}', {place + 1}, sha256('x'))")


def test_an_end_that_was_removed(own):
    """What was signed is missed. Red where finq.audit_verify does not look at heads."""
    chained(own)
    signed = own.psql("SELECT max(place) FROM finq.audit_head")
    assert problem(own, f"DELETE FROM finq.audit WHERE place >= {signed}").startswith(f"places {signed} to ")


def test_a_chain_that_was_made_anew(own):
    """All of it, by who knows how, but not the key."""
    chained(own)
    said = problem(own, "UPDATE finq.audit SET role = 'x' WHERE place = 1", "UPDATE finq.audit SET place = NULL, hash = NULL",
                   "SELECT finq.audit_chain(1000000)")
    assert "is not the one that was signed" in said


def test_heads_that_were_removed(own):
    """With a chain that was made anew. What is younger than two hours may have been signed by none; nothing is missed where none ever was. Red
    without finq.audit_verify's look at the lease, and at its time."""
    last = chained(own)
    anew = "DELETE FROM finq.audit_head", "UPDATE finq.audit SET place = NULL, hash = NULL", "SELECT finq.audit_chain(1000000)"
    def aged(hours):
        return problem(own, f"UPDATE finq.audit SET at = at - interval '{hours}'", *anew)
    assert f"there is no head for places 1 to {last}" in aged("3 hours") and aged("1 hour") == "none"
    assert problem(own, "UPDATE finq.lease SET given_at = NULL WHERE name = 'audit_head'", "UPDATE finq.audit SET at = at - interval '3 hours'", *anew) == "none"


def test_a_line_whose_transaction_was_open_for_long(own):
    """It is older than the newest head by more than two hours, and comes behind it. Red without l.epoch in finq.audit_verify. What was signed is
    missed all the same: red where finq.janitor_sign does not note the place."""
    chained(own)
    late = ("INSERT INTO finq.audit (at, role, application, object, action, detail) VALUES (clock_timestamp() - interval '3 hours', 'x', 'x', 'tenant', 'INSERT', '{}')",
            "SELECT finq.audit_chain(1000)")
    assert problem(own, *late) == "none"
    signed = int(own.psql("SELECT max(place) FROM finq.audit_head"))
    newest = f"DELETE FROM finq.audit_head WHERE place = {signed}"
    assert problem(own, *late, newest).startswith("the chain was signed at ")


def test_a_chain_that_was_made_and_signed_anew(make_server, server):
    """By who owns the database: the server signs what it finds. A head that was noted elsewhere is missed. Red without noted_find, and where
    it takes any answer for a place."""
    own = make_server(cluster=server.postgres, database="audit_anew", children=1, directives={"FinqJanitorInterval": "1"})
    until(lambda: own.psql("SELECT count(*) FROM finq.audit_head") == "1", what="a signed head")
    last, shown = chained(own), verify(own)
    place = int(own.psql("SELECT place FROM finq.audit_head"))
    assert verify(own, None, "--head", shown["head"])["noted"] == place and "noted" not in shown
    changed(own, "ALTER TABLE finq.audit DISABLE TRIGGER ALL; DELETE FROM finq.audit_head; UPDATE finq.lease SET given_at = NULL WHERE name = 'audit_head';"
                 "UPDATE finq.audit SET role = 'x', place = NULL, hash = NULL; SELECT finq.audit_chain(1000000);"
                 "ALTER TABLE finq.audit ENABLE ALWAYS TRIGGER audit_refuse; ALTER TABLE finq.audit ENABLE ALWAYS TRIGGER audit_keep")
    until(lambda: own.psql("SELECT count(*) FROM finq.audit_head") == "1", what="the forged chain's head")
    anew = verify(own)
    assert anew["head"] != shown["head"] and anew["last"] >= last, "by itself it sees nothing"
    missed = verify(own, None, "--head", shown["head"], check=False)
    assert missed.returncode == 1 and missed.stdout == "" and f"the head {shown['head']}, which was noted, is not in it" in missed.stderr
    assert verify(own, None, "--head", anew["head"].upper())["noted"] >= place


@pytest.mark.parametrize("head", ["", "ab", "g" * 64, "a" * 65])
def test_what_is_no_head(own, head):
    done = verify(own, None, "--head", head, check=False)
    assert done.returncode != 0 and "64 hexadecimal digits" in done.stderr and done.stdout == ""


def test_who_signs(own, tmp_path):
    """Red without is_signed in heads_problem."""
    chained(own)
    other = tmp_path / "other.secret"
    other.touch(mode=0o600)
    other.write_text("cd" * 32 + "\n")
    done = verify(own, other, check=False)
    assert done.returncode == 1 and "a secret that is not in the secret file" in done.stderr and done.stdout == ""
    changed(own, "CREATE TABLE public.kept AS SELECT h.* FROM finq.audit_head h; UPDATE finq.audit_head SET signature = sha256('x')")
    done = verify(own, check=False)
    changed(own, "UPDATE finq.audit_head h SET signature = k.signature FROM public.kept k WHERE k.place = h.place; DROP TABLE public.kept")
    assert done.returncode == 1 and "no server has signed the head" in done.stderr and verify(own)["signed"]


def test_a_head_an_hour(own):
    """Of what is new. Red without signed_at in finq.audit_head_due."""
    place = chained(own)
    assert own.psql("SELECT place FROM finq.audit_head_due()") == "" and int(own.psql("SELECT max(place) FROM finq.audit_head")) < place
    changed(own, "UPDATE finq.audit_head SET signed_at = signed_at - interval '61 minutes'")
    until(lambda: int(own.psql("SELECT max(place) FROM finq.audit_head")) == place, what="the next head")
    assert verify(own)["signed"] == 2


def build(lines):
    """Adds a chain's worth of lines, as the janitor would have made it."""
    return f"""DO $do$ DECLARE v finq.audit; h bytea; BEGIN
        SELECT a.* INTO v FROM finq.audit a ORDER BY a.place DESC LIMIT 1;
        h := v.hash;
        FOR i IN 1..{lines} LOOP
            v.place := v.place + 1; v.audit_id := v.audit_id + 1;
            v.hash := finq.audit_hash(h, v.place, v); h := v.hash;
            INSERT INTO finq.audit (audit_id, at, role, address, application, os_user, object, action, client_id, detail, place, hash)
                OVERRIDING SYSTEM VALUE
                VALUES (v.audit_id, v.at, v.role, v.address, v.application, v.os_user, v.object, v.action, v.client_id, v.detail, v.place, v.hash);
        END LOOP; END $do$"""


@pytest.mark.parametrize("lines", [100_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_one_of_many(own, lines):
    """The one that was changed, of all these."""
    last = chained(own)
    place = last + lines // 2
    find = "SELECT 'problem: ' || coalesce(finq.audit_verify() ->> 'problem', 'none')"
    said = own.psql(f"{OFF} {build(lines)}; {find}; UPDATE finq.audit SET os_user = 'x' WHERE place = {place}; {find}; ROLLBACK")
    whole, changed = [line.removeprefix("problem: ") for line in said.splitlines() if line.startswith("problem: ")]
    assert whole == "none" and f"at place {place}, was changed" in changed


def test_old_lines_go_and_leave_a_checkpoint(own):
    """The oldest first, once they are due for a day, and what is left is whole; that they went leaves a line. Red where
    finq.audit_prune leaves the checkpoint, and without `latest` there."""
    last = chained(own)
    prune = "SELECT 'pruned: ' || finq.audit_prune(86400, 50)"
    old = "UPDATE finq.audit SET at = at - interval '{}' WHERE place <= 5; UPDATE finq.audit SET place = NULL, hash = NULL; SELECT finq.audit_chain(100000)"
    shown = "SELECT 'left: ' || json_build_object('first', v ->> 'first', 'problem', v ->> 'problem')::text FROM finq.audit_verify() v"
    for age, count in (("47 hours", 0), ("49 hours", 5)):
        said = own.psql(f"{OFF} DELETE FROM finq.audit_head; UPDATE finq.lease SET given_at = NULL WHERE name = 'audit_head'; {old.format(age)}; ALTER TABLE finq.audit ENABLE TRIGGER ALL; {prune}; {shown}; ROLLBACK")
        assert f"pruned: {count}" in said
        left = json.loads(next(line for line in said.splitlines() if line.startswith("left: ")).removeprefix("left: "))
        assert left == {"first": str(count + 1), "problem": None} and last > 5
    said = own.psql(f"{OFF} UPDATE finq.audit SET at = at + interval '40 days' WHERE place = 3; {old.format('49 hours')}; ALTER TABLE finq.audit ENABLE"
                    f" TRIGGER ALL; {prune}; ROLLBACK")
    assert "pruned: 2" in said, "the chain keeps what comes before a line that stays"
    said = own.psql(f"{OFF} {old.format('49 hours')}; ALTER TABLE finq.audit ENABLE TRIGGER ALL; {prune}; SELECT 'line: ' || object || detail FROM finq.audit WHERE place IS NULL; ROLLBACK")
    assert 'line: audit_checkpoint{"changed": {"hash": "changed", "place": [0, 5]}}' in said


def test_nobody_is_in_the_trail(own):
    """Neither who a user is nor what a form said. Red where a table of people gets audit_write."""
    tenant = own.create_tenant("Of people")
    client = own.client(tenant)
    user = walk(client, tenant_user_id="canary user")
    other = walk(client, CARD, to=1, tenant_user_id="canary user")
    credentials_id = user.exchange()["credentials_id"]
    client.close()
    own.finqctl("consent", "delete", credentials_id)
    own.psql(f"UPDATE finq.session SET expires_at = '2020-01-01Z' WHERE session_id = '{other.session_id}'")
    until(lambda: own.psql(f"SELECT status FROM finq.session WHERE session_id = '{other.session_id}'") == "SESSION_EXPIRED", what="the run")
    text = own.psql("SELECT string_agg(a::text, ' ') FROM finq.audit a")
    assert credentials_id in text and "canary" not in text and "Popescu" not in text
    watched = own.psql("SELECT string_agg(DISTINCT c.relname, ' ') FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
                       " JOIN pg_attribute a ON a.attrelid = c.oid WHERE t.tgfoid = 'finq.audit_write'::regproc"
                       " AND a.attname IN ('tenant_user_id', 'data', 'reply', 'payload', 'told', 'returned')")
    assert watched == ""
