"""What is slow takes its share of a child's threads, and no more: connectors, uploads, bodies that show no nonce (threat 28).

Seen red: connector_share with a count for each host (a_slow_bank); places_of left out (forms_without_a_nonce).
"""
import concurrent.futures
import contextlib
import select
import threading
import time

import pytest

from connector import protocol
from connector.behaviours import BEHAVIOURS
from finqenv import documents, process
from finqenv.banking import Bank
from finqenv.client import Client, Onboarding, read_answer
from finqenv.uploads import Desk, connect, form, form_head, head, part, parts_of

THREADS = 12
PLACES = THREADS // 4
METRICS = '<Location "/metrics">\nSetHandler finq-metrics\nRequire all granted\n</Location>\n'
LINK = {"psu_redirect_link": "https://app.example/done"}
PNG = documents.png()


class Gate:
    """A connector that answers nobody before it is opened."""

    def __init__(self):
        self.open = threading.Event()

    def __call__(self, handler, message_id, answer):
        service = handler.server.service
        self.open.wait(60)
        handler.send(200, answer, protocol.sign(service.secrets, "answer", service.name, message_id, answer))


def gauge(server, name):
    text = server.client(None).request("GET", "/metrics").body.decode()
    return sum(int(line.split()[-1]) for line in text.splitlines() if line.startswith(name + "{"))


def make_bank(make_server, directory, **options):
    made = Bank(make_server, directory, timeout=50, children=1, threads=THREADS, server=METRICS, **options)
    made.service.behaviours = dict(BEHAVIOURS)
    made.server.httpd.log.allow("FINQ03: .*connector bank: ")
    return made


@pytest.fixture(scope="module")
def bank(make_module_server, run_directory):
    made = make_bank(make_module_server, run_directory / "bulkheads")
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def refusals(bank):
    bank.server.httpd.log.allow("FINQ03: .*connector bank: ")


class Slow:
    """Users, on both of the installation's hosts in turn, whose steps the bank has not answered yet."""

    def __init__(self, bank, number):
        self.bank, self.gate = bank, Gate()
        hosts = [bank.server.httpd.url, f"http://localhost:{bank.server.httpd.settings.plain_port}"]
        self.users = [Onboarding(Client(hosts[place % 2], bank.tenant, bank.server.httpd.authority.certificate),
                                 "sca_sbx_#1.0") for place in range(number)]
        self.pool = concurrent.futures.ThreadPoolExecutor(number)

    def __enter__(self):
        self.bank.service.behaviours["held"], self.bank.service.behaviour = self.gate, "held"
        assert [user.start().status for user in self.users] == [200] * len(self.users)
        seen = len(self.bank.service.seen)
        self.going = [self.pool.submit(user.submit, "sca", LINK) for user in self.users]
        process.until(lambda: gauge(self.bank.server, "finq_connector_questions") == len(self.users), what="the questions")
        process.until(lambda: len(self.bank.service.seen) == seen + len(self.users), what="their arrival")
        return self

    def release(self):
        """The answers of all that waited."""
        self.gate.open.set()
        self.bank.service.behaviour = None
        return [one.result(30) for one in self.going]

    def __exit__(self, *_):
        self.release()
        self.pool.shutdown()


def busy(answer):
    return (answer.status, answer.code) == (503, "service_unavailable") and int(answer.headers["retry-after"]) >= 1


def test_a_slow_bank_takes_a_quarter_of_the_threads(bank):
    """Those of all hosts together; others go on, and who was refused has lost nothing."""
    with Slow(bank, PLACES) as slow:
        user = bank.user("sca")
        nonce = user.nonce
        assert busy(user.submit("sca", LINK)) and busy(user.submit("sca", LINK))
        assert bank.psql(f"SELECT count(*) FROM finq.session WHERE session_id = '{user.session_id}'") == "0"
        assert bank.user("review").submit("form", {}).status == 200
        assert [answer.status for answer in slow.release()] == [200] * PLACES
        assert user.nonce == nonce and user.submit("sca", LINK).status == 200
    assert gauge(bank.server, "finq_connector_questions") == 0


def test_a_return_that_finds_no_place_is_repeated(bank):
    user, answer = bank.at_bank()
    path = bank.choose(answer["data"]["url"], "approve")
    with Slow(bank, PLACES) as slow:
        asked = len(bank.service.seen)
        assert busy(bank.client.request("GET", path)) and busy(bank.client.request("GET", path))
        assert bank.psql(f"SELECT returned_at IS NULL FROM finq.session WHERE session_id = '{user.session_id}'") == "t"
        assert len(bank.service.seen) == asked
        slow.release()
        assert "temp_token" in bank.back(path)[1]


def test_who_says_no_at_the_bank_needs_no_place(bank):
    _, answer = bank.at_bank()
    path = bank.choose(answer["data"]["url"], "deny")
    assert "error=" in path
    with Slow(bank, PLACES):
        assert bank.client.request("GET", path).status == 302


def test_a_limit_of_its_own(make_server, run_directory):
    one = make_bank(make_server, run_directory / "bulkhead-of-one", limit="limit=1")
    with Slow(one, 1) as slow:
        user = one.user("sca")
        assert busy(user.submit("sca", LINK))
        assert [answer.status for answer in slow.release()] == [200]
        assert user.submit("sca", LINK).status == 200
    one.stop()


@pytest.mark.parametrize("words", ["limit=0", "limit=", "limit=-1", "limit=1x", "limit=100001", "most=5", "limit=1 limit=1"])
def test_limits_that_are_refused(bank, words):
    httpd = bank.server.httpd
    ok, said = httpd.configtest(server=f'{httpd.settings.server}FinqConnector other /internal/other "{bank.secret}" {words}\n')
    assert not ok and "limit=N, from 1 to 100000" in said.replace("\n", " ")


def test_uploads_of_all_hosts_share_a_childs_places(make_server):
    desk = Desk(make_server(children=1, threads=THREADS, plain=True, server=METRICS, directives={"FinqMaxUploads": "2"}))
    desk.installation.httpd.log.expect("FINQ03: .*FinqMaxUploads")
    user = desk.user(desk.plain)
    with connect(desk.plain) as first, connect(desk.client) as second:
        for slow in (first, second):
            slow.sendall(head(user, 50_000) + PNG.content[:50])
        process.until(lambda: gauge(desk.installation, "finq_uploads_in_progress") == 2, what="an upload on each host")
        assert busy(desk.user().upload("photo", PNG)) and busy(desk.user(desk.plain).upload("photo", PNG))
    process.until(lambda: gauge(desk.installation, "finq_uploads_in_progress") == 0, what="their end")
    assert desk.user().upload("photo", PNG).status == 200


class Half(contextlib.ExitStack):
    """A form that has begun; where it comes from is told by mod_remoteip."""

    def __init__(self, desk, user, address, bytes_sent, length=50_000):
        super().__init__()
        self.connection = self.enter_context(connect(desk.plain))
        self.file = self.enter_context(self.connection.makefile("rb"))
        self.since = time.monotonic()
        self.connection.sendall(form_head(user, "XX", length, X_Client=address) + bytes_sent)

    def answer(self):
        return read_answer(self.file)


def test_forms_without_a_nonce_hold_no_uploads_place(make_server):
    desk = Desk(make_server(children=1, threads=THREADS, plain=True, modules=("remoteip",),
                            server=METRICS + "RemoteIPHeader X-Client\nRemoteIPInternalProxy 127.0.0.1\n"))
    desk.installation.httpd.log.expect("FINQ03: .*whose nonce has not come")
    user, whole = desk.user(desk.plain), form("XX", parts_of(desk.user(desk.plain), PNG))

    def unproven(number):
        process.until(lambda: gauge(desk.installation, "finq_forms_unproven") == number, what=f"{number} forms")

    begun = form("XX", [part("client_id", desk.tenant.client_id)], end=False)
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(Half(desk, user, "10.0.0.1", begun)) for _ in range(2)]
        unproven(2)
        assert busy(stack.enter_context(Half(desk, user, "10.0.0.1", begun)).answer()), "a third of one address"
        slow.append(stack.enter_context(Half(desk, user, "10.0.0.2", b"")))
        unproven(PLACES)
        assert busy(stack.enter_context(Half(desk, user, "10.0.0.3", whole, len(whole))).answer()), "all places are taken"
        assert user.upload("photo", PNG).status == 200, "no upload's place is"
        while not select.select([slow[2].connection], [], [], 0.1)[0]:
            slow[2].connection.send(b"x")  # now and then a byte: the time is that of all
        for one in slow:
            answer = one.answer()
            assert (answer.status, answer.code) == (408, "request_timeout")
            assert 4 < time.monotonic() - one.since < 30
    unproven(0)


def test_a_form_with_its_nonce_takes_its_time(make_server):
    """Longer than one without it has, and than FinqDatabaseTimeout: the database was asked before the file, and is once more behind it.
    Red where what passes between two calls counts as the database's time."""
    desk = Desk(make_server(children=1, threads=THREADS, plain=True, server=METRICS))
    user = desk.user(desk.plain)
    whole = form("XX", parts_of(user, PNG))
    with Half(desk, user, "10.0.0.1", whole[:-20], len(whole)) as slow:
        process.until(lambda: gauge(desk.installation, "finq_uploads_in_progress") == 1, what="the upload")
        assert gauge(desk.installation, "finq_forms_unproven") == 0
        time.sleep(6)
        slow.connection.sendall(whole[-20:])
        assert slow.answer().status == 200
