"""Calls that wait for a connection, and of which there is a statement for many, are made with the next call that has one: in one
transaction where they lock no more than a session.

What is seen of it: which transaction wrote a row (xmin). One connection, a call on it that waits for a lock, and others behind
it; so what goes together is known.

Seen red: finq_gate_gather taking none along (shares_one_transaction), or those too of which there is no statement for many (others_go_alone),
or waking nobody (nobody_is_forgotten); jobs_send without short_waits (none_of_several_waits_long); finq_pg_calls without the calls alone
after a failure (fails_alone), with `failed` not last (culprit); jobs_fail leaving an error out (ends_for_all); jobs_read
without PQexitPipelineMode (every test); gate_learn without the part of FinqDatabaseConcurrency (held_to_a_number); answer_read keeping the first result whatever comes (a_commit_that_fails).
"""
import contextlib
import functools
import threading

import pytest

from finqenv import documents, process
from finqenv.client import Client, Onboarding
from finqenv.httpd_conf import STATUS, Site
from finqenv.load import at_once, timed
from finqenv.locks import WAITING, Blocker, locked
from finqenv.uploads import SKILL, Desk

TOGETHER = 32     # FINQ_GATE_TOGETHER
CROWD = 3         # CROWD_LEAST
PNG = documents.png()


@pytest.fixture(scope="module")
def desk(make_module_server):
    return Desk(make_module_server(children=1, threads=48, plain=True, dbd=(0, 1, 1), modules=("status",), vhost=STATUS,
                                   directives={"FinqDatabaseTimeout": "8", "FinqCacheTTL": "300"}))


@pytest.fixture(autouse=True)
def refusals(desk):
    desk.installation.httpd.log.allow(r"FINQ03: .* 503 service_unavailable: database: ")


def new_client(desk):
    return Client(f"http://localhost:{desk.installation.httpd.settings.plain_port}", desk.tenant)


def users(desk, count):
    """Each with a connection of their own, and the first step done."""
    made = [Onboarding(new_client(desk), SKILL) for _ in range(count)]
    for user in made:
        assert user.start().status == 200 and user.submit("papers", {}).status == 200
    return made


def done(user, what="1"):
    return f"SELECT {what} FROM finq.step WHERE session_id = '{user.session_id}' AND ordinal = 2"


class Behind:
    """Calls in threads, made one after another while the only connection is taken."""

    def __init__(self, desk):
        self.desk, self.threads, self.answers = desk, [], {}

    def call(self, name, call):
        self.start(name, call)
        self.wait()

    def start(self, name, call):
        thread = threading.Thread(target=lambda: self.answers.update({name: call()}), daemon=True)
        self.threads.append(thread)
        thread.start()

    def wait(self):
        until_waiting(self.desk, len(self.threads), "the call")

    def first(self, user):
        """It has the connection, and waits for its session's lock."""
        self.call("first", lambda: user.submit("last", {}))
        process.until(lambda: self.desk.installation.psql(WAITING), what="the lock waited for")

    def last_steps(self, several):
        for place, user in enumerate(several):
            self.call(place, lambda user=user: user.submit("last", {}))

    def crowd(self, several):
        """Last steps that come in whatever order: the first of all waits for its lock no longer than many take one by one."""
        for user in several:
            self.start(user.session_id, lambda user=user: user.submit("last", {}))
        self.wait()

    def join(self):
        for thread in self.threads:
            thread.join()
        return self.answers


def until_waiting(desk, count, what):
    """Until so many requests are being worked on, and have come to where they wait."""
    children = process.children(desk.installation.httpd.pid())
    process.until(lambda: busy(desk) == count and all(map(process.is_asleep, children)), what=f"{what} to wait")


@functools.cache
def watcher(desk):
    """One connection for all questions: of one that was asked on another connection the worker may still count when the next is asked."""
    return new_client(desk)


def busy(desk):
    """Requests that have been read and are being worked on, the question apart."""
    page = watcher(desk).request("GET", "/server-status?auto").body.decode()
    return dict(line.split(": ", 1) for line in page.splitlines() if ": " in line)["Scoreboard"].count("W") - 1


def writers(desk, several):
    """Of each user's second step: the transaction that wrote it, and whether it is there once."""
    rows = [desk.installation.psql(done(user, "xmin")) for user in several]
    assert all(row.isdigit() for row in rows), rows
    return rows


def statuses(answers):
    return [answers[name].status for name in sorted(answers, key=str)]


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


def exchanged(desk, several):
    """Those that have come to their exchange."""
    for user in several:
        assert user.submit("last", {}).status == 200 and user.upload("late", PNG).status == 200
    return several


def exchangers(desk, several):
    """Of each: the transaction that wrote its consent."""
    return [desk.installation.psql(f"SELECT xmin FROM finq.credential WHERE session_id = '{user.session_id}'") for user in several]


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


def test_a_call_that_fails_fails_alone(desk):
    """What was done beside it is undone with it, and done again without it; it leaves nothing, and its nonce works."""
    first, *others = users(desk, 6)
    culprit = others[2]
    behind = Behind(desk)
    with Blocker(desk.installation, locked(culprit)):
        with Blocker(desk.installation, locked(first)):
            behind.first(first)
            behind.last_steps(others)
        answers = behind.join()
    assert statuses(answers) == [200, 200, 503, 200, 200, 200]
    assert int(answers[2].headers["retry-after"]) >= 1
    good = [user for user in others if user is not culprit]
    assert len(set(writers(desk, good))) == len(good), "each in a transaction of its own"
    assert desk.installation.psql(f"SELECT count(*) FROM finq.step WHERE session_id = '{culprit.session_id}'") == "1"
    assert culprit.submit("last", {}).status == 200


def test_the_culprit_is_tried_again_last(desk):
    """Whoever waits for a lock does not keep the others."""
    first, *others = users(desk, 4)
    behind = Behind(desk)
    with Blocker(desk.installation, locked(others[0])):
        with Blocker(desk.installation, locked(first)):
            behind.first(first)
            behind.last_steps(others)
        both = f"SELECT 1 WHERE EXISTS ({done(others[1])}) AND EXISTS ({done(others[2])}) AND EXISTS ({WAITING})"
        process.until(lambda: desk.installation.psql(both), what="the others, while the culprit waits still")
        assert statuses(behind.join()) == [503, 200, 200, 200]


def test_a_connection_that_ends_ends_for_all_on_it(desk):
    first, *others = users(desk, 5)
    behind = Behind(desk)
    with Blocker(desk.installation, locked(*others)):
        with Blocker(desk.installation, locked(first)):
            behind.first(first)
            behind.last_steps(others)
        both = f"SELECT 1 WHERE EXISTS ({done(first)}) AND EXISTS ({WAITING})"
        process.until(lambda: desk.installation.psql(both), what="the others' turn")
        desk.installation.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'finq_web'")
        answers = behind.join()
    assert statuses(answers) == [503, 503, 503, 503, 200]
    for user in others:
        assert user.submit("last", {}).status == 200
    writers(desk, others)


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


def twin_of(desk, user):
    """The same user on another connection."""
    twin = Onboarding(new_client(desk), SKILL)
    twin.session_id, twin.nonce = user.session_id, user.nonce
    return twin


def test_none_of_several_waits_long_for_a_lock(desk):
    """So no two transactions can lock each other out. Who comes alone waits as long as a connection's own limit says."""
    psql = desk.installation.psql
    first, *others = users(desk, CROWD)
    psql("CREATE TABLE public.limits (session_id uuid, value text);"
         "CREATE FUNCTION public.note_limit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
         " $$BEGIN INSERT INTO public.limits VALUES (NEW.session_id, current_setting('lock_timeout')); RETURN NEW; END$$;"
         "CREATE TRIGGER note_limit BEFORE INSERT ON finq.step FOR EACH ROW EXECUTE FUNCTION public.note_limit()")
    try:
        behind = Behind(desk)
        with Blocker(desk.installation, locked(first)):
            behind.first(first)
            behind.last_steps(others)
        assert set(statuses(behind.join())) == {200} and len(set(writers(desk, others))) == 1
        limits = dict(row.split("|") for row in psql("SELECT * FROM public.limits").splitlines())
    finally:
        psql("DROP TRIGGER note_limit ON finq.step; DROP FUNCTION public.note_limit(); DROP TABLE public.limits")
    assert limits == {first.session_id: "1s", **{user.session_id: "50ms" for user in others}}


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


def test_a_commit_that_fails(desk):
    """Rows that were read mean nothing where the commit failed, of one call or of several."""
    first, alone, *others = users(desk, 2 + CROWD)
    desk.installation.httpd.log.expect(r"FINQ03: .* 500 internal_server_error: database: finq_submit_step: SQLSTATE P0001")
    desk.installation.psql("CREATE FUNCTION finq.no_commit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END';"
                           "CREATE CONSTRAINT TRIGGER no_commit AFTER INSERT ON finq.step DEFERRABLE INITIALLY DEFERRED"
                           " FOR EACH ROW EXECUTE FUNCTION finq.no_commit()")
    try:
        assert alone.submit("last", {}).status == 500
        behind = Behind(desk)
        with Blocker(desk.installation, locked(first)):
            behind.first(first)
            behind.last_steps(others)
        assert min(statuses(behind.join())) >= 500
    finally:
        desk.installation.psql("DROP TRIGGER no_commit ON finq.step; DROP FUNCTION finq.no_commit()")
    everyone = (first, alone, *others)
    assert not any(desk.installation.psql(done(user)) for user in everyone)
    assert [user.submit("last", {}).status for user in everyone] == [200] * len(everyone)


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
