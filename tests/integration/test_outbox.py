"""Events to tenants' servers: finqctl webhook, finqctl outbox (Standard Webhooks).

Seen red: see each test.
"""
import json
import signal
import socket
import threading
import time

import pytest

from finqenv.banking import Bank
from finqenv.process import until
from finqenv.receiver import Receiver, Runner, verifies

ALLOW = ("--allow-address", "127.0.0.0/8")
ANYWHERE = ("--allow-address", "0.0.0.0/0,::/0")


@pytest.fixture(scope="module")
def bank(make_module_server, run_directory):
    made = Bank(make_module_server, run_directory / "outbox")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def listening():
    made = Receiver()
    yield made
    made.stop()


@pytest.fixture
def receiver(bank, listening):
    """A receiver that has got nothing, an outbox in which nothing waits."""
    listening.reset()
    bank.psql("DELETE FROM finq.outbox; DELETE FROM finq.webhook")
    free(bank)
    bank.secret_of = hook(bank, listening.url)
    yield listening


def secret_file(bank):
    return "--secret-file", bank.server.secret_file


def hook(bank, url, *options, allowed=ALLOW):
    return bank.ctl("webhook", "set", bank.tenant.client_id, url, *secret_file(bank), *allowed, *options)["secret"]


def deliver(bank, *options):
    """One round. What it said, a JSON object a line."""
    done = bank.ctl("outbox", "run", "--once", *secret_file(bank), *(options or ALLOW), check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def free(bank):
    """The time of a runner that was killed is over."""
    bank.psql("UPDATE finq.lease SET until = '-infinity' WHERE name = 'outbox'")


def listed(bank, state="waiting"):
    return bank.ctl("outbox", "list", "--state", state)


def make_due(bank):
    bank.psql("UPDATE finq.outbox SET next_at = clock_timestamp() WHERE state = 'WAITING'")


def pend(bank):
    """A session that waits: its first event is session.pending."""
    user = bank.user("review_last")
    user.submit("form", {"name": "Ana Secret"})
    return user


def test_events_are_signed_and_hold_no_personal_data(bank, receiver):
    """Red where signature_add signs another text."""
    user = pend(bank)
    bank.ctl("step", "reject", user.step_id, "--reason", "Ana Secret is unknown")
    deliver(bank)
    assert receiver.types() == ["session.pending", "session.failed"]
    for headers, body in receiver.got:
        assert verifies(bank.secret_of, headers, body) == 0 and headers["Content-Type"] == "application/json"
        assert b"Ana" not in body and b"Secret" not in body
        event = json.loads(body)
        assert set(event) == {"type", "timestamp", "data"}
        assert set(event["data"]) == {"client_id", "session_id", "skill", "status", "step_id"} and event["data"]["skill"] == user.skill
        assert event["data"]["session_id"] == user.session_id
    ids = [headers["webhook-id"] for headers, _ in receiver.got]
    assert len(set(ids)) == 2 and listed(bank) == [] and len(listed(bank, "delivered")) == 2


@pytest.mark.parametrize("decision, wanted", [("approve", "session.completed"), ("resubmit", "session.resubmission_asked")])
def test_which_events(bank, receiver, decision, wanted):
    user = pend(bank)
    bank.ctl("step", decision, user.step_id, "--reason", "x")
    deliver(bank)
    assert receiver.types() == ["session.pending", wanted]


def test_an_event_and_its_change_are_one(bank, receiver):
    """A tenant without a webhook has no events; two submissions of one step make one."""
    bank.psql("DELETE FROM finq.webhook")
    pend(bank)
    assert listed(bank) == []
    hook(bank, receiver.url)
    user = pend(bank)
    nonce, user.nonce = user.nonce, user.step_nonce
    user.submit("form", {"name": "Ana Secret"})
    assert len(listed(bank)) == 1


def test_rotation(bank, receiver):
    """Two signatures while the older secret lasts, the newer first; then one. Red without old_ in message_make."""
    older = bank.secret_of
    newer = hook(bank, receiver.url, "--overlap", "10")
    pend(bank)
    deliver(bank)
    headers, body = receiver.got[-1]
    assert older != newer and verifies(newer, headers, body) == 0 and verifies(older, headers, body) == 1
    assert verifies("whsec_" + "A" * 43 + "=", headers, body) is None
    bank.psql("UPDATE finq.webhook SET old_until = clock_timestamp()")
    pend(bank)
    deliver(bank)
    headers, body = receiver.got[-1]
    assert verifies(newer, headers, body) == 0 and verifies(older, headers, body) is None
    assert " " not in headers["webhook-signature"]


def test_webhooks_are_listed_without_their_secret(bank, receiver):
    shown = bank.ctl("webhook", "list")
    mine = [one for one in shown if one["client_id"] == bank.tenant.client_id]
    assert mine[0]["url"] == receiver.url and mine[0]["enabled"] and "whsec" not in json.dumps(shown)
    assert bank.secret_of.removeprefix("whsec_") not in bank.psql("SELECT w::text FROM finq.webhook w")


@pytest.mark.parametrize("url", ["ftp://x.example/", "https://u:p@x.example/", "https://x.example/#f", "file:///etc/passwd", "x"])
def test_addresses_that_will_not_do(bank, url):
    assert bank.ctl("webhook", "set", bank.tenant.client_id, url, *secret_file(bank), check=False).returncode == 1


NOT_PUBLIC = ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0.0.0.0", "10.1.2.3", "172.31.255.255", "192.168.0.1", "169.254.169.254",
              "100.64.0.1", "192.0.2.1", "192.88.99.1", "198.19.0.1", "203.0.113.9", "224.0.0.1", "255.255.255.255", "[::1]", "[::]",
              "[::ffff:127.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b::7f00:1]", "[fec0::1]", "[fe80::1]", "[fe80::1%25lo]",
              "[fd00::1]", "[3fff::1]", "[5f00::1]", "[100::1]", "[100:0:0:1::1]", "[2001:db8::1]", "[2002:7f00:1::]", "[ff02::1]"]


@pytest.mark.parametrize("host", NOT_PUBLIC)
def test_private_addresses_are_no_webhooks(bank, receiver, host):
    """Told at once, and nothing is set. Red without host_problem, and for each network without its place in NOT_PUBLIC."""
    done = bank.ctl("webhook", "set", bank.tenant.client_id, f"https://{host}/x", *secret_file(bank), check=False)
    assert done.returncode == 1 and "its address is not public, and --allow-address does not name it" in done.stderr
    assert [one["url"] for one in bank.ctl("webhook", "list")] == [receiver.url]
    hook(bank, f"https://{host}/x", allowed=ANYWHERE)


@pytest.mark.parametrize("url", ["http://192.31.196.1/", "http://[2620:4f:8000::1]/", "http://no-such-host.invalid/"])
def test_http_is_no_webhook(bank, receiver, url):
    done = bank.ctl("webhook", "set", bank.tenant.client_id, url, *secret_file(bank), *ALLOW, check=False)
    assert done.returncode == 1 and "http is for allowed addresses alone" in done.stderr
    assert [one["url"] for one in bank.ctl("webhook", "list")] == [receiver.url]


@pytest.mark.parametrize("url", ["https://192.31.196.1/", "https://[2620:4f:8000::1]/", "https://no-such-host.invalid/"])
def test_what_may_be_public_is_a_webhook(bank, receiver, url):
    """A name that the operator's machine does not know may be known where events are delivered."""
    hook(bank, url, allowed=())


# -- in order, again and again

@pytest.mark.parametrize("status", [500, 404, 301, 302, 307])
def test_a_receiver_that_refuses(bank, receiver, status):
    """It is tried again later, after growing gaps, in order; redirects are not followed. Red without FOLLOWLOCATION's 0,
    and without NOT EXISTS in finq.outbox_due."""
    user = pend(bank)
    bank.ctl("step", "approve", user.step_id)
    receiver.status = status
    for attempt, gap in enumerate((5, 30, 120), 1):
        before = bank.psql("SELECT clock_timestamp()")
        said = deliver(bank)
        assert len(said) == 1 and said[0]["error"] == f"it answered {status}"
        first, second = listed(bank)
        assert (first["attempts"], second["attempts"]) == (attempt, 0)
        assert bank.psql(f"SELECT next_at - interval '{gap} s' BETWEEN '{before}' AND clock_timestamp()"
                         " FROM finq.outbox ORDER BY event_id LIMIT 1") == "t"
        assert deliver(bank) == [], "not before its time"
        make_due(bank)
    assert set(receiver.types()) == {"session.pending"} and len({h["webhook-id"] for h, _ in receiver.got}) == 1
    assert all(json.loads(body)["type"] for _, body in receiver.got)
    receiver.status = 204
    deliver(bank)
    assert receiver.types()[-2:] == ["session.pending", "session.completed"]


def test_one_session_does_not_hold_up_another(bank, receiver):
    one = pend(bank)
    receiver.status = 500
    deliver(bank)
    receiver.status = 200
    pend(bank)
    deliver(bank)
    assert [event["session_id"] for event in listed(bank)] == [one.session_id]


def test_a_receiver_that_is_down(bank, receiver):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        hook(bank, f"http://127.0.0.1:{closed.getsockname()[1]}/")
        pend(bank)
        said = deliver(bank)
    assert said[0]["error"] and listed(bank)[0]["last_error"] == said[0]["error"]
    hook(bank, receiver.url)
    make_due(bank)
    deliver(bank)
    assert receiver.types() == ["session.pending"]


def test_a_receiver_that_hangs(bank, receiver):
    """Its time is limited, and meanwhile the others' events arrive. Red without CURLOPT_TIMEOUT."""
    gate = threading.Event()
    users = [pend(bank), pend(bank)]
    hung = []

    def hold(handler):
        if not hung:
            hung.append(handler)
            gate.wait(25)
    receiver.hold = hold
    said = deliver(bank)
    gate.set()
    assert sorted(one["error"] is None for one in said) == [False, True] and len(users) == 2
    assert "imeout" in next(one["error"] for one in said if one["error"])


def test_sent_again_on_demand(bank, receiver):
    pend(bank)
    deliver(bank)
    event = listed(bank, "delivered")[0]
    bank.ctl("outbox", "resend", event["event_id"])
    deliver(bank)
    assert len(receiver.got) == 2 and receiver.got[0][1] == receiver.got[1][1]
    assert receiver.got[0][0]["webhook-id"] == receiver.got[1][0]["webhook-id"]
    assert bank.ctl("outbox", "resend", "999999999", check=False).returncode == 3


def test_what_was_sent_again_in_vain_stays(bank, receiver):
    """As long as any that was given up, however long ago it was delivered first. Red where finq.outbox_resend leaves delivered_at."""
    pend(bank)
    deliver(bank)
    bank.psql("UPDATE finq.outbox SET delivered_at = clock_timestamp() - interval '29 days 23 hours', created_at = created_at - interval '1 hour'")
    event = listed(bank, "delivered")[0]["event_id"]
    bank.ctl("outbox", "resend", event)
    bank.psql("UPDATE finq.outbox SET tried_since = tried_since - interval '73 hours'")
    receiver.status = 500
    assert deliver(bank)[0]["result"]["state"] == "GIVEN_UP"
    assert bank.psql("SELECT coalesce(delivered_at, next_at) > clock_timestamp() - interval '1 day' FROM finq.outbox") == "t"
    assert [one["event_id"] for one in listed(bank, "given_up")] == [event]


def give_up(bank, receiver):
    """An event that was tried in vain for three days; it takes the webhook with it."""
    pend(bank)
    receiver.status = 500
    deliver(bank)
    bank.psql("UPDATE finq.webhook SET failing_since = failing_since - interval '73 hours';"
              "UPDATE finq.outbox SET created_at = created_at - interval '73 hours', next_at = clock_timestamp()")
    return deliver(bank)


def test_a_dead_receiver_is_switched_off_with_notice(bank, receiver):
    """After three days of failures. The notice stands in the service's output, in webhook list and in the trail."""
    said = give_up(bank, receiver)
    assert said[0]["result"]["webhook_switched_off"] is True and said[0]["result"]["state"] == "GIVEN_UP"
    assert not bank.ctl("webhook", "list")[0]["enabled"] and len(listed(bank, "given_up")) == 1
    assert bank.ctl("audit", "--limit", "1")[0]["detail"]["changed"]["enabled"] == [True, False]


def test_a_webhook_that_is_switched_off_loses_nothing(bank, receiver):
    """What happens meanwhile waits, for longer than three days too, and comes in order. Red where finq.event asks for
    `enabled`, where finq.outbox_due does not or lets two of a session out, and where finq.webhook_set leaves tried_since."""
    give_up(bank, receiver)
    receiver.reset()
    user, others = pend(bank), [pend(bank) for _ in range(2)]
    bank.ctl("step", "reject", user.step_id, "--reason", "x")
    bank.psql("UPDATE finq.outbox SET created_at = created_at - interval '6 days' WHERE state = 'WAITING'")
    assert deliver(bank) == [] and bank.ctl("webhook", "list")[0]["waiting"] == 4
    bank.secret_of = hook(bank, receiver.url)
    receiver.status = 500
    assert [one["result"]["state"] for one in deliver(bank)] == ["WAITING"] * 3, "three days anew, one a session"
    receiver.reset()
    make_due(bank)
    deliver(bank)
    sessions = [event["data"]["session_id"] for event in receiver.events()]
    assert sorted(sessions) == sorted([user.session_id, user.session_id, *(other.session_id for other in others)])
    assert [event["type"] for event in receiver.events() if event["data"]["session_id"] == user.session_id] == [
        "session.pending", "session.failed"]
    assert listed(bank) == [] and len(listed(bank, "given_up")) == 1, "that one on demand"


def test_what_was_given_up_begins_anew_on_demand(bank, receiver):
    """With growing gaps and three days. Red where finq.outbox_resend leaves tried_since, or attempts, alone."""
    give_up(bank, receiver)
    hook(bank, receiver.url)
    event = listed(bank, "given_up")[0]["event_id"]
    bank.psql("UPDATE finq.outbox SET attempts = 9")
    bank.ctl("outbox", "resend", event)
    for gap in (5, 30, 120):
        assert deliver(bank)[0]["result"]["state"] == "WAITING"
        left = float(bank.psql("SELECT extract(epoch FROM next_at - clock_timestamp()) FROM finq.outbox"))
        assert gap - 3 < left <= gap
        make_due(bank)
    bank.psql("UPDATE finq.outbox SET tried_since = tried_since - interval '73 hours'")
    assert deliver(bank)[0]["result"]["state"] == "GIVEN_UP"
    receiver.status = 200
    bank.ctl("outbox", "resend", event)
    deliver(bank)
    assert receiver.types()[-1] == "session.pending" and listed(bank) == []


# -- one tenant's server does not hold up another's

@pytest.fixture
def hanging(bank, receiver):
    """The other tenant's server, which takes events and does not answer."""
    made, gate = Receiver(), threading.Event()
    made.hold = lambda _: gate.wait(60)
    bank.ctl("webhook", "set", bank.other.tenant.client_id, made.url, *secret_file(bank), *ALLOW)
    yield made
    gate.set()
    made.stop()


def write_events(bank, tenant, sessions, events=1):
    """As many events for each of as many sessions, a session's in the order of `number`."""
    bank.psql("INSERT INTO finq.outbox (client_id, session_id, type, payload)"
              f" SELECT '{tenant.client_id}', s.session_id, 'test', json_build_object('session', s.session_id, 'number', n.number)"
              f" FROM (SELECT gen_random_uuid() AS session_id FROM generate_series(1, {sessions})) s,"
              f" generate_series(1, {events}) AS n (number) ORDER BY n.number")


def test_a_dead_webhook_holds_up_no_other(bank, receiver, hanging):
    """A stranger's events arrive in seconds, though a hundred wait for a server that hangs, each for 15 s. A session's come
    in order, one after the other, while sessions go side by side. Red where worker_turn waits for all, and where
    finq.outbox_due leaves an event out that is under way, or its session's next in."""
    write_events(bank, bank.other.tenant, 100)
    receiver.hold = lambda _: time.sleep(0.05)
    runner = Runner(bank.server, *ALLOW)
    try:
        until(lambda: hanging.got, what="an event that hangs")
        for _ in range(3):
            written = time.monotonic()
            write_events(bank, bank.tenant, 6, 3)
            wanted = len(receiver.got) // 18 * 18 + 18
            until(lambda: len(receiver.got) >= wanted, what="the stranger's events")
            assert time.monotonic() - written < 12
    finally:
        runner.process.kill()
        runner.process.communicate()
    numbers = {}
    for event in receiver.events():
        numbers.setdefault(event["session"], []).append(event["number"])
    assert len(numbers) == 18 and set(map(tuple, numbers.values())) == {(1, 2, 3)}


def test_a_webhook_has_a_limit_of_its_own(bank, receiver, hanging):
    """Eight deliveries at once, and one where the last has failed, so that a hundred dead ones do not use up what there is.
    Red without finq.outbox_due's limit for a webhook."""
    write_events(bank, bank.other.tenant, 100)
    runner = Runner(bank.server, *ALLOW)
    try:
        until(lambda: len(hanging.got) == 8, what="eight")
        write_events(bank, bank.tenant, 30)
        until(lambda: len(receiver.got) == 30, 12, "the stranger's events")  # the dead ones are given up after 15 s
        assert len(hanging.got) == 8
        until(lambda: len(hanging.got) > 8, what="the first to be given up")
        write_events(bank, bank.tenant, 30)
        until(lambda: len(receiver.got) == 60, 12, "the stranger's events")  # as above
        assert len(hanging.got) == 9 and len(listed(bank)) == 100
    finally:
        runner.process.kill()
        runner.process.communicate()


# -- addresses

def test_private_addresses_are_refused(bank, receiver):
    """Red where socket_open does not look at NOT_PUBLIC: the connection would be made."""
    for url in (receiver.url, receiver.url.replace("http:", "https:"), receiver.url.replace("127.0.0.1", "localhost"),
                receiver.url.replace("127.0.0.1", "[::ffff:127.0.0.1]"), receiver.url.replace("127.0.0.1", "0.0.0.0"),
                receiver.url.replace("127.0.0.1", "2130706433")):
        bank.psql("DELETE FROM finq.outbox")
        hook(bank, url, allowed=ANYWHERE)
        pend(bank)
        for options in ((), ("--allow-address", "10.0.0.0/8,192.168.7.9,fd00::/8,127.0.0.2")):
            make_due(bank)
            said = [json.loads(line) for line in bank.ctl("outbox", "run", "--once", *secret_file(bank), *options, check=False).stdout.splitlines()]
            assert [one["error"] for one in said] == ["its address is not public, and --allow-address does not name it"], url
    assert receiver.got == []


def test_http_is_for_allowed_addresses(bank, receiver):
    """A public address is never sent anything in the clear. Red without is_plain. (192.31.196.1 is public, and no connection
    is made: that the answer is so certain and so fast is the proof.)"""
    hook(bank, "http://192.31.196.1/", allowed=ANYWHERE)
    pend(bank)
    assert deliver(bank)[0]["error"] == "http is for allowed addresses alone"


def test_tls_is_verified(bank, receiver):
    """An allowed address whose certificate nobody knows. Red with CURLOPT_SSL_VERIFYPEER 0."""
    hook(bank, f"{bank.server.httpd.url}/v1/sessions".replace("localhost", "127.0.0.1"))
    pend(bank)
    assert "certificate" in deliver(bank)[0]["error"].lower()


@pytest.mark.parametrize("networks", ["10.0.0.0/33", "10.0.0/8", "all", "::/129", "10.0.0.0/", "10.0.0.0/8x"])
def test_networks_that_are_none(bank, networks):
    done = bank.ctl("outbox", "run", "--once", *secret_file(bank), "--allow-address", networks, check=False)
    assert done.returncode == 2


# -- the service

def test_the_service_delivers_until_it_is_told_to_stop(bank, receiver):
    runner = Runner(bank.server, *ALLOW)
    try:
        pend(bank)
        until(lambda: receiver.got, what="an event")
    finally:
        status, output = runner.stop()
    assert status == 0 and '"error": null' in output


def leader(bank):
    """The number of the process that has the lease; None where nobody has."""
    held = bank.psql("SELECT substring(holder FROM 'process (\\d+)') FROM finq.lease WHERE name = 'outbox' AND until > clock_timestamp()")
    return int(held) if held else None


def test_of_two_runners_one_leads(bank, receiver):
    """Each event comes once; when the leader ends the other one takes over, at once. Red without lead, or without unlead."""
    receiver.hold = lambda _: threading.Event().wait(0.2)
    runners = [Runner(bank.server, *ALLOW) for _ in range(2)]
    try:
        until(lambda: leader(bank), what="a leader")
        for _ in range(6):
            pend(bank)
        until(lambda: len(receiver.got) >= 6, what="six events")
        until(lambda: len(listed(bank, "delivered")) == 6, what="their record")
        ids = [headers["webhook-id"] for headers, _ in receiver.got]
        assert len(ids) == len(set(ids)) == 6
        first = next(runner for runner in runners if runner.process.pid == leader(bank))
        assert first.stop()[0] == 0
        runners.remove(first)
        pend(bank)
        until(lambda: len(listed(bank, "delivered")) == 7, what="the other leader's delivery")
        assert leader(bank) == runners[0].process.pid
    finally:
        ended = [runner.stop()[0] for runner in runners]
    assert ended == [0]


def test_a_leader_that_was_stopped_past_its_lease_has_no_effect(bank, receiver):
    """Though its delivery was under way, and ends when it is woken: what the other has recorded stays."""
    gate = threading.Event()
    receiver.hold = lambda _: gate.wait(30)
    pend(bank)
    runners = [Runner(bank.server, *ALLOW) for _ in range(2)]
    try:
        until(lambda: receiver.got, what="a delivery under way")
        first, second = sorted(runners, key=lambda runner: runner.process.pid != leader(bank))
        first.process.send_signal(signal.SIGSTOP)
        receiver.hold = None
        free(bank)
        until(lambda: len(listed(bank, "delivered")) == 1, what="the other's delivery")
        gate.set()
        first.process.send_signal(signal.SIGCONT)
        until(lambda: bank.psql("SELECT epoch FROM finq.lease WHERE name = 'outbox'") and len(receiver.got) == 2, what="both answers")
        assert leader(bank) == second.process.pid
    finally:
        gate.set()
        said = [runner.stop()[1] for runner in (first, second)]
    assert "DELIVERED" not in said[0] and "DELIVERED" in said[1]
    assert [event["attempts"] for event in listed(bank, "delivered")] == [1]


def test_what_a_leader_says_that_has_lost_the_lease(bank, receiver):
    """Red without finq.lease_keep in finq.outbox_result, or in finq.outbox_turn."""
    pend(bank)
    epoch = bank.psql("SELECT finq.lease_take('outbox', 'a test', 60, 0)")
    event = json.loads(bank.psql(f"SELECT finq.outbox_turn({epoch}, 9, '{{}}')"))["due"][0]["event_id"]
    free(bank)
    assert json.loads(bank.psql(f"SELECT finq.outbox_turn({epoch}, 9, '{{}}')")) == {"held": False, "due": []}
    assert json.loads(bank.psql(f"SELECT finq.outbox_result({epoch}, {event}, NULL)"))["state"] == "LOST"
    assert [one["attempts"] for one in listed(bank)] == [0]


def test_killed_between_delivery_and_record(bank, receiver):
    """At least once: it comes again, with the same id. Red where the record is written before the delivery."""
    pend(bank)
    runner = Runner(bank.server, *ALLOW)
    receiver.hold = lambda _: runner.kill9()
    until(lambda: receiver.got and runner.process.poll() is not None, what="the kill")
    receiver.hold = None
    free(bank)
    assert len(listed(bank)) == 1
    deliver(bank)
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1 and len(receiver.got) == 2
    assert listed(bank) == []


def test_the_service_outlives_a_restart_of_the_database(bank, receiver):
    """Red where worker_run ends at CTL_DATABASE."""
    runner = Runner(bank.server, *ALLOW)
    try:
        pend(bank)
        until(lambda: len(receiver.got) == 1, what="an event")
        bank.server.httpd.log.allow("FINQ0")
        bank.server.postgres.restart()
        until(lambda: accepted(bank), what="a session after the restart")
        until(lambda: len(listed(bank)) == 0, what="its event")
        assert runner.process.poll() is None
    finally:
        runner.stop()


def accepted(bank):
    try:
        user = bank.user("review_last")
    except AssertionError:
        return False
    return user.submit("form", {}).status == 200


def test_a_secret_that_has_left_the_file(bank, receiver, tmp_path):
    """Nothing is sent unsigned."""
    pend(bank)
    other = tmp_path / "other.secret"
    other.touch(mode=0o600)
    other.write_text("cd" * 32 + "\n")
    done = bank.ctl("outbox", "run", "--once", "--secret-file", other, *ALLOW, check=False)
    assert json.loads(done.stdout)["error"] == "its secret is not in the secret file" and receiver.got == []


def test_what_the_service_needs(bank):
    assert bank.ctl("outbox", "run", "--once", check=False).returncode == 2


def test_a_webhook_is_locked_before_its_events(bank, receiver):
    """By results as by `webhook set`, or the two wait for each other, and one is given up. Red without the lock at the
    beginning of finq.outbox_result."""
    event = bank.psql("INSERT INTO finq.outbox (client_id, session_id, type, payload)"
                      f" VALUES ('{bank.tenant.client_id}', gen_random_uuid(), 'test', '{{}}') RETURNING event_id").split()[0]
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    hold = f"""BEGIN; SET application_name = 'holds'; SELECT FROM finq.webhook FOR NO KEY UPDATE;
        DO $$ BEGIN WHILE ({waits}) = 0 LOOP PERFORM pg_sleep(0.02), pg_stat_clear_snapshot(); END LOOP; END $$;
        SELECT 'free' FROM finq.outbox WHERE event_id = {event} FOR UPDATE SKIP LOCKED; COMMIT"""
    said = []
    holder = threading.Thread(target=lambda: said.append(bank.psql(hold)))
    holder.start()
    until(lambda: bank.psql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holds' AND wait_event = 'PgSleep'")
          == "1", 10, "the lock")
    epoch = bank.psql("SELECT finq.lease_take('outbox', 'a test', 60, 0)")
    assert json.loads(bank.psql(f"SELECT finq.outbox_result({epoch}, {event}, 'no')"))["state"] == "WAITING"
    holder.join()
    assert "free" in said[0]
