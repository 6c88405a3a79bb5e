"""A database that moves: a primary with a streaming standby, which is promoted; and backends that are ended in the middle of
a call. The client notices seconds of 503 at most, and what it was told of is there.

Seen red: see each test.
"""
import concurrent.futures
import contextlib
import socket
import threading
import time
import types

import pytest

from finqenv import documents, process
from finqenv.banking import Bank
from finqenv.client import Client
from finqenv.load import at_once, under_load
from finqenv.locks import Blocker
from finqenv.postgres import SERVER
from finqenv.proxy import Proxy
from finqenv.uploads import SKILL, Desk
from finqenv.wire import is_error

PNG = documents.png()
HEALTH = '<Location "/health">\nSetHandler finq-health\nRequire all granted\n</Location>\n'
RETURN = 5  # seconds from a promotion to full service, on a machine that does other things too
OURS = r"FINQ03: .* 503 service_unavailable: "
DBD = r"\[dbd:error\]"


# -- a backend that ends in the middle of a call

@pytest.fixture(scope="module")
def desk(make_module_server):
    made = Desk(make_module_server(children=1, threads=16, plain=True))
    made.installation.httpd.log.allow(OURS)
    return made


def steps_of(desk, user):
    asked = f"SELECT ordinal FROM finq.step WHERE session_id = '{user.session_id}' ORDER BY ordinal"
    return desk.installation.psql(asked).split()


def end_in_the_middle(desk, session_id, call):
    """What a call answers whose backend is ended while it waits for its session's row."""
    holds = ("SELECT 1 FROM pg_stat_activity WHERE application_name = 'holds' AND wait_event = 'PgSleep'")
    hold = f"""BEGIN; SET application_name = 'holds'; SELECT FROM finq.session WHERE session_id = '{session_id}' FOR UPDATE;
        DO $$ BEGIN LOOP
            PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{SERVER}' AND wait_event_type = 'Lock';
            EXIT WHEN FOUND;
            PERFORM pg_sleep(0.02), pg_stat_clear_snapshot();
        END LOOP; END $$; SELECT 'ended'; COMMIT"""
    said = []
    holder = threading.Thread(target=lambda: said.append(desk.installation.psql(hold)))
    holder.start()
    process.until(lambda: desk.installation.psql(holds), what="the lock")
    answer = call()
    holder.join()
    assert "ended" in said[0]
    return answer


def whole(desk):
    """A user at the end of his way."""
    user = desk.user()
    assert user.submit("last", {}).status == 200 and user.upload("late", PNG).status == 200
    return user


def test_a_step(desk):
    """Red where request_call does not repeat, and where answer_read's loss has no `moved`."""
    user = desk.user()
    answer = end_in_the_middle(desk, user.session_id, lambda: user.submit("last", {}))
    assert answer.status == 200 and steps_of(desk, user) == ["1", "2"]


def test_an_upload(desk):
    """One file, one row."""
    user = desk.user()
    before = len(desk.placed())
    answer = end_in_the_middle(desk, user.session_id, lambda: user.upload("photo", PNG))
    assert answer.status == 200 and len(desk.rows(user.step_id)) == 1
    assert len(desk.placed()) == before + 1 and desk.staged() == []


def test_an_exchange(desk):
    """The same token again afterwards: there is one consent."""
    user = whole(desk)
    answer = end_in_the_middle(desk, user.session_id, user.exchange)
    assert answer.status == 200 and user.exchange()["access_token"] == answer["access_token"]
    assert desk.installation.psql(f"SELECT count(*) FROM finq.credential WHERE session_id = '{user.session_id}'") == "1"


def test_a_look_at_the_status(desk):
    """Of a session whose token is over, which changes it: no other status locks."""
    user = desk.user()
    desk.installation.psql(f"UPDATE finq.session SET waits_since = now(), answer_expires_at = now() WHERE session_id = '{user.session_id}'")
    ask = {"client_id": desk.tenant.client_id, "nonce": user.nonce}
    answer = end_in_the_middle(desk, user.session_id, lambda: desk.client.call(f"/sessions/{user.session_id}/status", ask))
    assert answer.status == 200 and answer["status"] == "SESSION_IN_PROGRESS"


def test_a_resumption(desk):
    """The nonce that is given is the newest."""
    user = desk.user()
    ask = {"client_id": desk.tenant.client_id, "client_secret": desk.tenant.client_secret}
    answer = end_in_the_middle(desk, user.session_id, lambda: desk.client.call(f"/sessions/{user.session_id}/resume", ask))
    assert answer.status == 200
    user.nonce = answer["nonce"]
    assert user.submit("last", {}).status == 200


def use(request):
    """Uses a token up, in SQL."""
    return ("SELECT finq.signature_use('00000000-0000-7000-8000-000000000001', 'k', '\\x2a', 4102444800, "
            f"'00000000-0000-7000-8000-00000000000{request}')")


def test_a_signature_is_used_by_one_request(desk):
    """Which may ask again where the answer was lost. Red without request_id in finq.signature_use."""
    psql = desk.installation.psql
    assert [psql(use(1)), psql(use(1)), psql(use(2)), psql(use(1))] == ["t", "t", "f", "t"]


# -- an answer that is lost on its way: the effect was there before

@pytest.fixture(scope="module")
def bank(make_module_server, run_directory, server):
    """A bank whose database is behind a proxy; a call is one question there, with nothing to be prepared before it."""
    made = Bank(make_module_server, run_directory / "moved", cluster=server.postgres, database="moved", children=1,
                directives={"FinqPreparedStatements": "off"})
    made.proxy = Proxy(server.postgres.port)
    made.server.httpd.settings.database = made.proxy.conninfo(server.postgres.conninfo(SERVER, "moved"))
    made.server.httpd.restart()
    yield made
    made.stop()
    made.proxy.close()


def answer_lost(bank, has_effect, call):
    """What a call answers whose effect is there, and whose answer from the database never came: the connection is cut."""
    assert has_effect() == ""
    bank.proxy.lose = "answers"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        called = pool.submit(call)
        process.until(has_effect, what="the effect")
        bank.proxy.lose = None
        bank.proxy.cut()
        return called.result()


def asked(bank, user):
    return len([question for question, _ in bank.service.seen if question["session_id"] == user.session_id])


def test_a_return_from_a_bank(bank):
    """Red without returned_by in finq.redirect_take, and where its comment does not say repeatable."""
    user, answer = bank.at_bank()
    path = bank.choose(answer["data"]["url"], "approve")
    before, taken = asked(bank, user), f"SELECT returned_at FROM finq.session WHERE session_id = '{user.session_id}'"
    came = answer_lost(bank, lambda: bank.psql(taken), lambda: bank.client.request("GET", path))
    assert came.status == 302 and "temp_token=" in came.headers["location"] and asked(bank, user) == before + 1


def test_a_decision(bank):
    """Red without decided_by in finq.step_decide, and where its comment does not say repeatable."""
    user = bank.user("sca")
    user.submit("sca", {"scenario": "pend"})
    ended = f"SELECT status FROM finq.session WHERE session_id = '{user.session_id}' AND waits_for IS NULL"
    answer = answer_lost(bank, lambda: bank.psql(ended), lambda: bank.decide(user.step_id, "accepted"))
    assert answer.status == 200 and answer["status"] == "SESSION_COMPLETED"
    assert is_error(bank.decide(user.step_id, "failed"), 409, "step_already_submitted")


def test_a_step_that_a_connector_is_asked_about(bank):
    """Red without request_id in finq.step_take, and where finq.step_context's comment does not say repeatable."""
    user = bank.user("sca")
    claimed = f"SELECT attempt FROM finq.step_claim WHERE session_id = '{user.session_id}'"
    answer = answer_lost(bank, lambda: bank.psql(claimed), lambda: user.submit("sca", {"scenario": "accept"}))
    assert answer.status == 200 and answer["status"] == "SESSION_COMPLETED" and asked(bank, user) == 1
    assert bank.psql(claimed) == ""


# -- a standby that is promoted

def onboard_at_once(desk, condition):
    """Sixteen users, who wait until the condition is true: at most eight calls share a connection, so there are two at least."""
    with concurrent.futures.ThreadPoolExecutor(16) as users:
        with Blocker(desk.installation, "LOCK TABLE finq.session"):
            onboarded = [users.submit(onboard, desk, []) for _ in range(16)]
            process.until(condition, what="a new connection")
        assert {each.result() for each in onboarded} == {200}


@pytest.fixture
def pair(make_server, run_directory, request):
    """(Desk, primary, standby): what the primary has acknowledged the standby has."""
    own = make_server(children=1, threads=32, plain=True, dbd=(0, 8, 8), vhost=HEALTH)
    desk, primary = Desk(own), own.postgres
    standby = primary.standby(run_directory / f"standby-{request.node.name[:12]}")
    request.addfinalizer(standby.stop)
    primary.psql("ALTER SYSTEM SET synchronous_standby_names = '*'")
    primary.psql("SELECT pg_reload_conf()")
    process.until(lambda: primary.psql("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"), what="the standby")
    own.httpd.settings.database = primary.conninfo_with(standby)
    own.httpd.restart()
    own.httpd.log.allow(OURS)
    own.httpd.log.allow(DBD)
    return desk, primary, standby


def onboard(desk, acknowledged):
    """A first step, with a connection of its own. Its status; where it was taken its session is noted."""
    client = Client(f"http://localhost:{desk.installation.httpd.settings.plain_port}", desk.tenant)
    started = client.start_session(SKILL)
    client.close()  # a kept one may be closed at any time
    if started.status == 200:
        user = types.SimpleNamespace(session_id=started["session_id"], nonce=started["nonce"], skill=SKILL)
        answer = client.submit(user, "papers", {})
        if answer.status == 200:
            acknowledged.append(started["session_id"])
    else:
        answer = started
    client.close()
    assert answer.status == 200 or (answer.status, answer.code) == (503, "service_unavailable"), answer.body
    return answer.status


def soften(primary):
    """What a demotion does to sessions that go on."""
    primary.psql("ALTER SYSTEM SET default_transaction_read_only = on")
    primary.psql("SELECT pg_reload_conf()")


def move(desk, primary, standby, demote):
    """Demotes and promotes under load: soon all are served again, and what was acknowledged is there, once."""
    acknowledged = []
    with under_load(lambda _: onboard(desk, acknowledged), 4) as results:
        process.until(lambda: len(results) > 20, what="some load")
        demote(primary)
        standby.psql("SELECT pg_promote()")
        moved = time.monotonic()
        process.until(lambda: results[-1][0] > moved + RETURN + 3, RETURN + 20, "the load after it")
    after = [status for when, status in results if when > moved + RETURN]
    assert len(after) > 10 and set(after) == {200}
    there = set(standby.psql("SELECT session_id FROM finq.session").split())
    assert len(acknowledged) > 40 and set(acknowledged) <= there
    assert standby.psql("SELECT count(*) FROM finq.step s GROUP BY s.session_id, s.ordinal HAVING count(*) > 1") == ""
    assert standby.backends(), "it is asked now"


def test_a_soft_demotion(pair):
    """The pool's connections stay, and can't write: they are cut as soon as one says so. Red where `moved` is without "25006",
    and where connection_take does not look at the generation."""
    desk, primary, standby = pair
    move(desk, primary, standby, soften)
    process.until(lambda: not primary.backends(), what="the end of the connections to the old primary")


def test_a_primary_that_ends(pair):
    """Its place is refused, or silent: the next host is asked."""
    desk, primary, standby = pair
    move(desk, primary, standby, lambda old: old.stop())


def move_quietly(primary, standby):
    soften(primary)
    standby.psql("SELECT pg_promote()")
    process.until(lambda: standby.psql("SELECT pg_is_in_recovery()") == "f", what="the promotion")


def test_a_move_that_nobody_notices(pair):
    """Between two requests: none is refused. What the first finds out the others' connections need not find out again. Red
    without request_call's repetition, and where connection_take does not look at the generation."""
    desk, primary, standby = pair
    users = [desk.user(desk.installation.client(desk.tenant)) for _ in range(9)]
    onboard_at_once(desk, lambda: len(primary.backends()) > 1)
    move_quietly(primary, standby)
    assert users[0].submit("last", {}).status == 200
    refusals = primary.log.read_text().count("read-only transaction")
    assert {answer.status for answer in at_once([lambda user=user: user.submit("last", {}) for user in users[1:]])} == {200}
    assert standby.psql("SELECT count(*) FROM finq.step WHERE name = 'last'") == str(len(users))
    assert primary.log.read_text().count("read-only transaction") == refusals == 1


def test_ready_after_a_move(pair):
    """Though nobody wrote meanwhile. Red where finq_dbd_check does not ask again."""
    desk, primary, standby = pair
    ready = Client(f"http://localhost:{desk.installation.httpd.settings.plain_port}", None)
    assert ready.request("GET", "/health/ready").status == 200
    move_quietly(primary, standby)
    assert ready.request("GET", "/health/ready").status == 200
    assert not primary.backends() and standby.backends()


# -- a host that is silent

class Silent:
    """A host that takes connections and says nothing; `asked` of them."""

    def __init__(self):
        self.listening, self.kept = socket.create_server(("127.0.0.1", 0), backlog=64), []
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                self.kept.append(self.listening.accept()[0])

    @property
    def asked(self):
        return len(self.kept)

    def stop(self):
        self.listening.close()
        for one in self.kept:
            one.close()


def test_the_host_that_was_good_is_tried_first(make_server, request):
    """After it was found once, though others stand before it: connect_timeout is waited for no more. Red without
    finq_gate_prefer."""
    silent = Silent()
    request.addfinalizer(silent.stop)
    own = make_server(children=1, threads=16, plain=True, dbd=(0, 1, 8), postgres={"log_connections": "on"})
    desk, postgres = Desk(own), own.postgres
    own.httpd.settings.database = postgres.conninfo(SERVER).replace("host=127.0.0.1", "host=127.0.0.1,127.0.0.1").replace(
        f"port={postgres.port}", f"port={silent.port},{postgres.port} target_session_attrs=read-write")
    own.httpd.restart()

    def connected():
        return postgres.log.read_text().count(f"connection authorized: user={SERVER}")
    assert onboard(desk, []) == 200 and silent.asked == 1
    before = connected()
    onboard_at_once(desk, lambda: connected() > before)
    assert silent.asked == 1
