"""Calls that wait for a connection, and of which there is a statement for many, are made with the next call that has one: in one
transaction where they lock no more than a session.

What is seen of it: which transaction wrote a row (xmin). One connection, a call on it that waits for a lock, and others behind
it; so what goes together is known.

Seen red: finq_gate_gather taking none along (shares_one_transaction), or those too of which there is no statement for many (others_go_alone),
or waking nobody (nobody_is_forgotten); jobs_read without PQexitPipelineMode (every test); gate_learn without the part of
FinqDatabaseConcurrency (held_to_a_number); finq_gate_leave without in_use (hosts_that_share).
"""
import contextlib

import pytest

from finqenv import process
from finqenv.client import Onboarding
from finqenv.httpd_conf import STATUS, Site
from finqenv.load import at_once, timed
from finqenv.locks import Blocker, locked
from finqenv.together import CROWD, PNG, Behind, exchanged, exchangers, new_client, one_connection, statuses, twin_of, users, writers
from finqenv.uploads import SKILL, Desk

TOGETHER = 32     # FINQ_GATE_TOGETHER


@pytest.fixture(scope="module")
def desk(make_module_server):
    return one_connection(make_module_server)


@pytest.fixture(autouse=True)
def refusals(desk):
    desk.installation.httpd.log.allow(r"FINQ03: .* 503 service_unavailable: database: ")


def test_what_waits_shares_one_transaction(desk):
    first, *others = users(desk, TOGETHER + 4)
    behind = Behind(desk)
    with Blocker(desk.installation, locked(first)):
        behind.first(first)
        behind.crowd(others[:TOGETHER])
        behind.crowd(others[TOGETHER:])
    assert set(statuses(behind.join())) == {200}
    written = writers(desk, others)
    assert len(set(written[:TOGETHER])) == 1, "the longest waiting went together"
    assert len(set(written[TOGETHER:])) == 1 and written[0] != written[-1], "the rest after them"
    assert writers(desk, [first])[0] not in written
    assert [user.upload("late", PNG).status for user in others] == [200] * len(others)
    assert [user.exchange().status for user in others] == [200] * len(others)


def called(*functions):
    """How often each has been called, of those that were."""
    return f"SELECT string_agg(calls::text, ' ') FROM pg_stat_user_functions WHERE funcname = ANY ('{{{','.join(functions)}}}')"


@contextlib.contextmanager
def counted(psql):
    """Has PostgreSQL count calls of functions."""
    psql("ALTER SYSTEM SET track_functions = 'pl'")
    psql("SELECT pg_reload_conf()")
    yield
    psql("ALTER SYSTEM RESET track_functions")
    psql("SELECT pg_reload_conf()")


def test_exchanges_and_steps_go_together(desk):
    first, one, two, three = users(desk, 4)
    exchanged(desk, [two, three])
    desk.installation.psql("UPDATE finq.tenant_key SET last_used_at = clock_timestamp()")  # whose key's use is noted goes by himself
    behind = Behind(desk)
    with Blocker(desk.installation, locked(first)):
        behind.first(first)
        behind.call("one", lambda: one.submit("last", {}))
        behind.call("two", two.exchange)
        behind.call("three", three.exchange)
    assert set(statuses(behind.join())) == {200}
    assert set(exchangers(desk, [two, three])) == set(writers(desk, [one]))


def test_crowds_of_several_kinds_share_a_transaction(desk):
    """Many steps and many exchanges: those of a kind are one statement, and all of them one commit."""
    psql = desk.installation.psql
    first, *others = users(desk, 2 * CROWD + 1)
    steppers, leavers = others[:CROWD], exchanged(desk, others[CROWD:])
    psql("UPDATE finq.tenant_key SET last_used_at = clock_timestamp()")
    behind = Behind(desk)
    with counted(psql):
        psql("SELECT pg_stat_reset()")
        with Blocker(desk.installation, locked(first)):
            behind.first(first)
            behind.last_steps(steppers)
            for user in leavers:
                behind.call(user.session_id, user.exchange)
        assert set(statuses(behind.join())) == {200}
        process.until(lambda: psql(called("submit_steps", "exchange_tokens")) == "1 1", what="one statement of each kind")
    assert len({*writers(desk, steppers), *exchangers(desk, leavers)}) == 1


def test_questions_go_together(desk):
    """Along with a step. Who is refused is refused alone, and each is told of his own. Red where goes_with asks for a session."""
    psql = desk.installation.psql
    first, stepper, *others = users(desk, 2 * CROWD + 2)
    askers, bearers = others[:CROWD], exchanged(desk, others[CROWD:])
    held = [user.exchange().json for user in bearers]
    psql("UPDATE finq.tenant_key SET last_used_at = clock_timestamp()")
    behind, stranger = Behind(desk), new_client(desk)
    with counted(psql):
        with Blocker(desk.installation, locked(first)):
            behind.first(first)
            behind.call("refused", lambda: stranger.consent("get", {**held[0], "access_token": held[1]["access_token"]}))
            for asker, bearer, given in zip(askers, bearers, held):
                behind.call(asker.session_id, lambda asker=asker: asker.client.call(
                    f"/sessions/{asker.session_id}/status", {"client_id": desk.tenant.client_id, "nonce": asker.nonce}))
                behind.call(given["credentials_id"], lambda bearer=bearer, given=given: bearer.client.consent("get", given))
            behind.call("step", lambda: stepper.submit("last", {}))
        answers = behind.join()
        process.until(lambda: psql(called("session_statuses", "consents_get")) == "1 1", what="one statement of each kind")
    assert answers.pop("refused").code == "invalid_access_token"
    assert set(statuses(answers)) == {200} and len(writers(desk, [first, stepper])) == 2
    assert [(answers[user.session_id]["session_id"], answers[user.session_id]["step_id"]) for user in askers] == [(user.session_id, user.step_id) for user in askers]
    assert [answers[given["credentials_id"]]["result"]["credentials_id"] for given in held] == [given["credentials_id"] for given in held]


def test_the_same_request_twice_in_one_transaction(desk):
    first, one, two, three = users(desk, 4)
    twin = twin_of(desk, one)
    behind = Behind(desk)
    with Blocker(desk.installation, locked(first)):
        behind.first(first)
        behind.last_steps([one, two, twin, three])
    answers = behind.join()
    assert set(statuses(answers)) == {200}
    assert answers[0].json == answers[2].json != answers[1].json
    assert len(set(writers(desk, [one, two, three]))) == 1


def test_others_go_alone(desk):
    """A call of which there is no statement for many takes none along, and is not taken along."""
    first, one, two, three = users(desk, 4)
    behind = Behind(desk)
    with Blocker(desk.installation, locked(first)):
        behind.first(first)
        behind.call("one", lambda: one.upload("photo", PNG))
        behind.last_steps([two])
        behind.call("three", lambda: three.upload("photo", PNG))
    assert set(statuses(behind.join())) == {200}
    uploads = [desk.installation.psql(f"SELECT u.xmin FROM finq.upload u WHERE u.step_id = '{user.step_id}'")
               for user in (one, three)]
    assert len({*uploads, *writers(desk, [two])}) == 3


def test_hosts_of_less_patience_go_alone(make_server):
    """Theirs would be the deadline of all."""
    desk = Desk(make_server(children=1, threads=32, plain=True, dbd=(0, 1, 1), modules=("status",), vhost=STATUS,
                            hosts=[Site("hasty.localhost", "FinqDatabaseTimeout 2")], directives={"FinqDatabaseTimeout": "8"}),
                "Patience")
    first, one, two = users(desk, 3)
    hasty = desk.user(desk.installation.client(desk.tenant, host="hasty.localhost"))
    behind = Behind(desk)
    with Blocker(desk.installation, locked(first)):
        behind.first(first)
        behind.last_steps([one, hasty, two])
    assert set(statuses(behind.join())) == {200}
    written = writers(desk, [one, two, hasty])
    assert written[0] == written[1] != written[2]


def test_connections_in_use_are_held_to_a_number(make_server):
    """Of three, each of two children has one, though DBDMax is eight; whoever has none waits, and goes together with others."""
    desk = Desk(make_server(children=2, threads=24, plain=True, dbd=(0, 8, 8), modules=("status",), vhost=STATUS,
                            directives={"FinqDatabaseConcurrency": "3", "FinqDatabaseTimeout": "8"}), "Held")
    several = users(desk, 8)
    behind = Behind(desk)
    with Blocker(desk.installation, locked(*several)):
        behind.last_steps(several)
    assert set(statuses(behind.join())) == {200}
    assert len(desk.installation.postgres.backends()) <= 2
    writers(desk, several)


def test_hosts_that_share_a_pool_share_its_number(make_server):
    """Whichever of them came first: the second finds a connection where it thought that it had to make one."""
    desk = Desk(make_server(children=1, threads=24, plain=True, dbd=(0, 8, 8), modules=("status",), vhost=STATUS,
                            hosts=[Site("second.localhost", ""), Site("third.localhost", "")],
                            directives={"FinqDatabaseConcurrency": "1", "FinqDatabaseTimeout": "8"}), "Shared")
    several = users(desk, 3)
    for host in ("second.localhost", "third.localhost"):
        several.append(desk.user(desk.installation.client(desk.tenant, host=host)))
    behind = Behind(desk)
    with Blocker(desk.installation, locked(*several)):
        behind.last_steps(several)
    assert set(statuses(behind.join())) == {200}
    assert len(desk.installation.postgres.backends()) == 1
    writers(desk, several)


def test_nobody_is_forgotten(make_server):
    """Three connections and a crowd of calls of both kinds, none of which may wait longer than its turn."""
    crowd = Desk(make_server(children=1, threads=64, plain=True, dbd=(0, 3, 3), directives={"FinqMaxUploads": "64", "FinqDatabaseTimeout": "20"}), "Crowd")

    def way():
        user = Onboarding(new_client(crowd), SKILL)
        assert user.start().status == 200 and user.submit("papers", {}).status == 200
        assert user.upload("photo", PNG).status == 200
        answer, took = timed(user.submit, "last", {})
        user.client.close()
        assert answer.status == 200
        return took

    for _ in range(6):
        assert max(at_once([way] * 48)) < 10
