"""The same request many times at once, on two servers over one database and one secret file (contract sections 3 and 7).

Seen red, in sql/001: ON CONFLICT left out (first step); the condition on step_ordinal (middle step; elsewhere the
session's status or missing uploads guard as well); `exchanged_at IS NULL` left out, or asked by a SELECT of its own (exchange).
"""
import json
import socket
import threading

import pytest

from finqenv.flows import AISP, CARD, begin, example, publish, steps, submit, upload_required, walk
from finqenv.httpd import Httpd
from finqenv.installation import MODULE
from finqenv.process import until
from finqenv.wire import Volley, request, steady

AT_ONCE = 64
ROUNDS = [20, pytest.param(500, marks=pytest.mark.long)]


def twin_of(installation, watched, **settings):
    """A second httpd with the same database and secrets, and nothing else in common."""
    first = installation.httpd.settings
    httpd = Httpd(installation.directory / "twin", module=str(MODULE), database=first.database, plain=True, asan=first.asan,
                  **settings)
    httpd.settings.directives = {**first.directives, "FinqUploadDir": httpd.writable("uploads")}
    watched.append(httpd)
    return httpd.start()


@pytest.fixture(scope="module")
def ports(server, watched):
    twin = twin_of(server, watched)
    yield [server.httpd.settings.plain_port, twin.settings.plain_port]
    twin.stop()
    complaints = twin.check()
    watched.remove(twin)
    assert not complaints


@pytest.fixture(autouse=True)
def crowded(watched, ports):
    """As many at once as there are workers, and connections that are closing beside them: httpd says so."""
    for httpd in watched:
        httpd.log.allow("AH00484: server reached MaxRequestWorkers")


def post(path, body):
    return request(f"/v1{path}", json.dumps(body).encode(), ["Connection: close"])


def submission(user, number=1):
    step = steps(user.skill)[number - 1]
    return f"/sessions/{user.session_id}/steps", {"client_id": user.client.tenant.client_id, "nonce": user.nonce, "skill": user.skill,
                                                  "step": step["name"], "data": example(step)}


def exchange(user):
    tenant = user.client.tenant
    return "/token", {"client_id": tenant.client_id, "client_secret": tenant.client_secret, "temp_token": user.temp_token}


def fire(ports, path, body, at_once=AT_ONCE):
    """The unchanging parts of the answers to so many of one request."""
    data = post(path, body)
    volley = Volley([(ports[i % len(ports)], data) for i in range(at_once)])
    volley.fire()
    return [steady(answer) for answer in volley.answers()]


def is_one(answers):
    assert len(answers) == AT_ONCE and len(set(map(str, answers))) == 1, set(map(str, answers))
    return answers[0][0] == 200


def effects(server, user):
    return server.psql(f"SELECT (SELECT count(*) FROM finq.session s WHERE s.session_id = '{user.session_id}'),"
                       f" (SELECT count(*) FROM finq.step e WHERE e.session_id = '{user.session_id}'),"
                       f" (SELECT count(*) FROM finq.credential c WHERE c.session_id = '{user.session_id}')")


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_first_step(server, client, ports, rounds):
    for _ in range(rounds):
        user = begin(client)
        assert is_one(fire(ports, *submission(user)))
        assert effects(server, user) == "1|1|0"


@pytest.fixture(scope="module")
def bare_skill(server, tenant):
    """Three steps that ask for nothing: no missing upload and no end of the session guards the second one."""
    form = {"schema": {"type": "object", "examples": [{}]}, "title": "A form"}
    return publish(server, tenant, {"name": "bare_sbx_#1.0", "title": "Bare", "type": "marketplace", "environment": "sandbox",
                                    "servicer": {"name": "XYZ Bank", "country": "Romania"},
                                    "steps": [{"name": f"form_{number}", **form} for number in (1, 2, 3)]})


@pytest.mark.parametrize("rounds", ROUNDS)
@pytest.mark.parametrize("place", ["last", "middle"])
def test_a_later_step(server, client, ports, bare_skill, place, rounds):
    for _ in range(rounds):
        user = walk(client, CARD if place == "last" else bare_skill, to=1)
        assert is_one(fire(ports, *submission(user, 2)))
        assert effects(server, user) == "1|2|0"


@pytest.mark.parametrize("rounds", ROUNDS)
def test_an_exchange(server, client, ports, rounds):
    for _ in range(rounds):
        user = walk(client, AISP)
        assert is_one(fire(ports, *exchange(user)))
        assert effects(server, user) == "1|1|1"


def test_different_bodies_at_once(server, client, ports):
    """One is taken, the others are told; which one it was stands in the database."""
    for number in (1, 2):
        user = begin(client) if number == 1 else walk(client, CARD, to=1)
        path, body = submission(user, number)
        name, values = ("first_name", [f"Ana {i}" for i in range(16)]) if number == 1 else ("limit", range(1000, 2600, 100))
        targets = [(ports[i % 2], post(path, {**body, "data": {**body["data"], name: value}})) for i, value in enumerate(values)]
        volley = Volley(targets * 2)
        volley.fire()
        answers = [a.status for a in volley.answers()]
        winners = [i for i in range(16) if answers[i] == 200]
        assert len(winners) == 1 and answers[16 + winners[0]] == 200 and answers.count(409) == 30, answers
        stored = server.finqctl("session", "show", user.session_id, "--data")["steps"][number - 1]["data"][name]
        assert stored == list(values)[winners[0]]


def test_either_server_goes_on_where_the_other_was(server, client, ports, watched):
    """A session from server to server, call by call, and the answers repeated on the other one."""
    twin = next(h for h in watched if h.settings.plain_port == ports[1])
    other = server.client(client.tenant)
    other.url = other.url._replace(netloc=f"localhost:{twin.settings.port}")
    other._context.load_verify_locations(twin.authority.certificate)
    user = begin(client, CARD)
    user.client = other
    nonce = user.nonce
    first = submit(user, 1)
    user.client, user.nonce = client, nonce
    assert steady(submit(user, 1)) == steady(first)
    user.client = other
    assert user.client.call(*submission(user, 2)).code == "missing_uploads"
    upload_required(user, 1)
    user.client = client
    assert submit(user, 2).status == 200
    upload_required(user, 2)
    user.client = other
    answer = user.exchange()
    user.client = client
    assert steady(user.exchange()) == steady(answer) and answer.status == 200


# -- answers that are lost

class Cutter:
    """A proxy that hands a request on, waits for the whole answer, and gives the client none of it."""

    def __init__(self, port):
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.swallowed = b""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        client, _ = self._listener.accept()
        with client, socket.create_connection(("127.0.0.1", self._to), 30) as server:
            server.sendall(client.recv(1 << 20))
            while piece := server.recv(65536):
                self.swallowed += piece
        self._listener.close()

    def send(self, data):
        """What the client sees: the end of the connection."""
        with socket.create_connection(("127.0.0.1", self.port), 30) as connection:
            connection.sendall(data)
            assert connection.recv(1) == b""
        self._thread.join()


@pytest.mark.parametrize("what", ["first step", "later step", "exchange"])
def test_the_answer_is_lost_after_the_commit(server, client, ports, what):
    """The retry gets it, on either server."""
    user = {"first step": begin, "later step": lambda c: walk(c, CARD, to=1), "exchange": walk}[what](client)
    path, body = exchange(user) if what == "exchange" else submission(user, 1 if what == "first step" else 2)
    cutter = Cutter(ports[0])
    cutter.send(post(path, body))
    assert cutter.swallowed.startswith(b"HTTP/1.1 200")
    before = effects(server, user)
    again = fire(ports, path, body, 4)
    assert len(set(map(str, again))) == 1 and cutter.swallowed.endswith(again[0][2])
    assert effects(server, user) == before


@pytest.fixture(scope="module")
def fragile(make_module_server, watched):
    """Two servers over a PostgreSQL that may be killed."""
    installation = make_module_server(plain=True)
    twin = twin_of(installation, watched)
    for httpd in (installation.httpd, twin):
        httpd.log.tolerate("^FATAL:  terminating connection")  # libpq writes what it hears; a connection that lay unused may hear it after the test
    yield installation, twin
    twin.stop()
    twin.check()
    watched.remove(twin)


def served(answers):
    """The different ones, once all are good."""
    return {str(answer) for answer in answers} if {answer[0] for answer in answers} == {200} else None


@pytest.mark.parametrize("rounds", [3, pytest.param(30, marks=pytest.mark.long)])
def test_the_database_is_killed_meanwhile(fragile, rounds):
    """At most one effect; and every retry gets the answer of that one, also who had it already."""
    installation, twin = fragile
    ports = [installation.httpd.settings.plain_port, twin.settings.plain_port]
    client = installation.client(installation.create_tenant(f"fragile {rounds}"))
    for number in range(rounds):
        user = begin(client, AISP) if number % 2 else walk(client, AISP)
        path, body = submission(user) if number % 2 else exchange(user)
        for httpd in (installation.httpd, twin):
            httpd.log.allow("FINQ03|dbd:error")
        volley = Volley([(ports[i % 2], post(path, body)) for i in range(32)])
        killer = threading.Timer(0.002 * number, installation.postgres.kill9)
        killer.start()
        volley.fire()
        seen = [steady(answer) for answer in volley.answers() if answer]
        killer.join()
        installation.postgres.start()
        assert {answer[0] for answer in seen} <= {200, 503}
        early = {str(answer) for answer in seen if answer[0] == 200}
        late = until(lambda: served(fire(ports, path, body, 32)), what="full service")
        assert len(late) == 1 and early <= late
        assert effects(installation, user) == ("1|1|0" if number % 2 else "1|1|1")
