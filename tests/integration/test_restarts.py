"""Graceful restart and stop under load lose nothing; the module is unloaded and loaded again; a changed configuration and
secret file take effect.

Seen red: finq_secrets_open for the first secret only (new_secret).
"""
import secrets
import signal

import pytest

from finqenv import documents, process
from finqenv.client import Client, read_answer
from finqenv.load import under_load
from finqenv.uploads import SKILL, Desk, connect, head

PNG = documents.png()


@pytest.fixture
def desk(server, make_server, request):
    name = f"restarts_{abs(hash(request.node.name)) % 10**9}"
    return Desk(make_server(cluster=server.postgres, database=name, children=2, threads=16, plain=True))


class Visitor:
    """Onboards on a kept connection. A connection that ends before its answer begins was never accepted: the request is
    sent again, as any client would, and what it says then must be right."""

    def __init__(self, desk):
        self.desk, self.refused = desk, 0
        self._clients = {}

    def _call(self, number, call):
        client = self._clients.setdefault(number, Client(self.desk.plain.url.geturl(), self.desk.tenant))
        for _ in range(20):
            try:
                return call(client)
            except ConnectionRefusedError:
                raise
            except (ConnectionError, OSError):
                self.refused += 1
        raise AssertionError("no connection lasts")

    def onboard(self, number):
        """Everything from the start to the last step. Returns the statuses."""
        start = self._call(number, lambda c: c.start_session(SKILL))
        user = Carrier(start)
        first = self._call(number, lambda c: c.submit(user, "papers", {}))
        upload = self._call(number, lambda c: c.upload_raw(first["step_id"], user.nonce, "photo", PNG))
        return start.status, first.status, upload.status


class Carrier:
    def __init__(self, start):
        self.session_id, self.nonce, self.skill = start["session_id"], start["nonce"], SKILL


def test_graceful_restarts_under_load(desk):
    httpd = desk.installation.httpd
    visitor = Visitor(desk)
    first = set(httpd.children())
    with under_load(visitor.onboard, 6) as results:
        for _ in range(4):
            done = len(results)
            httpd.graceful()
            process.until(lambda: len(results) >= done + 12, what="load on the new generation")
    assert {statuses for _, statuses in results} == {(200, 200, 200)}
    process.until(lambda: not first & set(httpd.children()), what="the end of the first generation")
    stored = int(desk.installation.psql("SELECT count(*) FROM finq.session"))
    uploads = int(desk.installation.psql("SELECT count(*) FROM finq.upload"))
    assert stored == uploads == len(results) and desk.staged() == [] and len(desk.placed()) == uploads


def test_a_graceful_stop_under_load(desk):
    """Who was answered 200 is stored; nobody was answered anything else; the rest found the door closed."""
    httpd, parent = desk.installation.httpd, desk.installation.httpd.pid()
    visitor, statuses = Visitor(desk), []

    def has_ended():  # the pid file goes long before
        return not process.alive(parent)

    def work(number):
        try:
            statuses.extend(visitor.onboard(number))
        except (ConnectionRefusedError, AssertionError):
            process.until(has_ended, 60, "the stop")
    with under_load(work, 6):
        process.until(lambda: len(statuses) >= 60, what="load")
        with connect(desk.plain) as slow, slow.makefile("rb") as file:
            user = desk.user(desk.plain)
            slow.sendall(head(user, len(PNG.content)) + PNG.content[:30])
            time_of = user.session_id[:13]  # which its uploads' ids carry too
            process.until(lambda: any(name.startswith(time_of) for name in desk.staged()), what="its upload under way")
            process.send(parent, signal.SIGWINCH)
            process.until(lambda: not httpd.listening(), what="the closed door")
            slow.sendall(PNG.content[30:])
            assert read_answer(file).status == 200, "what was under way ends well"
        process.until(has_ended, 60, "the stop")
    assert set(statuses) == {200} and desk.staged() == []
    httpd.start()
    assert desk.user().upload("photo", PNG).status == 200


def test_an_upload_outlives_its_generation(desk):
    user = desk.user(desk.plain)
    with connect(desk.plain) as slow, slow.makefile("rb") as file:
        slow.sendall(head(user, len(PNG.content)) + PNG.content[:30])
        process.until(desk.staged, what="an upload under way")
        desk.installation.httpd.graceful()
        assert desk.user().upload("photo", PNG).status == 200
        assert len(desk.staged()) == 1, "the new children's sweep leaves it alone"
        slow.sendall(PNG.content[30:])
        assert read_answer(file).status == 200
    assert desk.staged() == []


def test_a_changed_configuration_takes_effect(desk):
    httpd = desk.installation.httpd
    httpd.settings.directives["FinqMaxBody"] = "1024"
    httpd.settings.location = 'Header always set X-Generation "2"'
    httpd.settings.modules = ("headers",)
    httpd.graceful()
    process.until(lambda: desk.client.start_session(SKILL).headers.get("x-generation") == "2", what="the new generation")
    assert desk.client.start_session(SKILL, tenant_user_id="u" * 200).status == 200
    assert desk.client.call("/sessions", " " * 1025).status == 413


def test_the_module_leaves_and_comes_back(desk):
    httpd, module = desk.installation.httpd, desk.installation.httpd.settings.module
    outsider = desk.installation.client(desk.client.tenant, base="") # who is answered by httpd alone
    httpd.settings.module = ""
    httpd.graceful()
    process.until(lambda: outsider.request("POST", "/v1/sessions", b"{}").headers.get("content-type") != "application/json",
                  what="a server without the module")
    httpd.settings.module = module
    httpd.graceful()
    process.until(lambda: desk.client.start_session(SKILL).status == 200, what="the module")
    assert desk.user().upload("photo", PNG).status == 200
    for _ in range(5):
        httpd.graceful()
    assert desk.user().upload("photo", PNG).status == 200


def test_a_new_secret_keeps_running_sessions(desk):
    """The new one comes first and seals; the old one still opens. Then it goes, and its sessions with it."""
    secret, httpd = desk.installation.secret_file, desk.installation.httpd
    old, new = secret.read_text(), secrets.token_hex(32) + "\n"
    started, under_way, done = desk.user(), desk.user(), desk.user()
    assert done.submit("last", {}).status == 200 and done.upload("late", PNG).status == 200
    secret.write_text(new + old)
    httpd.graceful()
    process.until(lambda: desk.installation.psql("SELECT count(DISTINCT answer_secret_id) FROM finq.session")
                  == "2" or desk.user() is None, what="answers under the new secret")
    assert under_way.upload("photo", PNG).status == 200, "an old nonce"
    assert under_way.submit("last", {}).status == 200 and under_way.upload("late", PNG).status == 200
    assert done.exchange().status == 200, "an old temp_token"
    fresh = desk.user()
    secret.write_text(new)
    httpd.graceful()
    process.until(lambda: started.upload("photo", PNG).code == "invalid_nonce", what="the old secret's end")
    assert fresh.upload("photo", PNG).status == 200 and fresh.submit("last", {}).status == 200
    assert under_way.exchange().status == 200, "sealed by the new one"


def test_children_end_without_a_crash(desk):
    """mpm_event's own (Httpd.stop) needs TLS. Red where place_leave of src/httpd/call/observe.c ends in raise(SIGSEGV)."""
    httpd = desk.installation.httpd
    for _ in range(3):
        user = desk.user(desk.plain)
        assert user.upload("photo", PNG).status == 200
        httpd.restart()
    assert not any("exit signal" in line for line in httpd.log.lines())
