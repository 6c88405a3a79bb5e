"""Slow clients at four times the threads: those who need little are served all the same (threat 16).

Seen red: RequestReadTimeout left out (headers and bodies hold on); slot_take always 1 (uploads take every thread).
"""
import contextlib
import socket
import statistics
import threading
import time

import pytest

from finqenv import documents, process
from finqenv.load import timed
from finqenv.uploads import SKILL, Desk, connect, head

PNG = documents.png()
THREADS = 8
CROWD = 4 * THREADS
PATIENCE = 3  # RequestReadTimeout below, and a margin
TIMEOUTS = "RequestReadTimeout header=1-2,MinRate=1000 body=1-2,MinRate=8192\nKeepAliveTimeout 2\nTimeout 3"


@pytest.fixture(scope="module")
def desk(server, make_module_server):
    """One child of few threads, whose time limits suit a test."""
    made = Desk(make_module_server(cluster=server.postgres, database="slow", children=1, threads=THREADS, plain=True,
                                   dbd=(0, 2, 2), server="GracefulShutdownTimeout 5", vhost=TIMEOUTS,
                                   directives={"FinqCacheTTL": "300"}))
    yield made
    # Told to stop at once, mod_mpm_event closes the sockets of busy threads under their feet, and may crash over it.
    made.installation.httpd.graceful_stop()


@pytest.fixture(autouse=True)
def busy(desk):
    desk.installation.httpd.log.allow("AH00484: server reached MaxRequestWorkers")


@contextlib.contextmanager
def crowd(desk, start, drip):
    """Connections that send `start` at once, and then `drip` every tenth of a second."""
    end = threading.Event()
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(connect(desk.plain)) for _ in range(CROWD)]
        for each in sockets:
            each.sendall(start)

        def drip_on():
            while not end.wait(0.1):
                for each in sockets:
                    try:
                        each.send(drip)
                    except OSError:
                        pass
        thread = threading.Thread(target=drip_on, daemon=True)
        thread.start()
        try:
            yield sockets
        finally:
            end.set()
            thread.join()


def is_over(connection):
    """Whether the server has ended a connection; what it said before does not matter."""
    connection.setblocking(False)
    try:
        while connection.recv(65536):
            pass
        return True
    except BlockingIOError:
        return False
    except OSError:
        return True


def fast_afterwards(desk, sockets=()):
    """The timeouts do their work, one after the other in each thread; then calls are quick."""
    process.until(lambda: all(map(is_over, sockets)), PATIENCE * CROWD / THREADS, "the end of the slow ones")
    client = desk.installation.client(desk.tenant)
    times = [timed(attempt, client) for _ in range(20)]
    assert {status for status, _ in times} == {200}
    assert statistics.median(took for _, took in times) < 1
    client.close()


def attempt(client):
    client.close()
    return client.start_session(SKILL).status


def test_slow_headers(desk):
    assert desk.client.start_session(SKILL).status == 200
    with crowd(desk, b"POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", b"x") as sockets:
        fast_afterwards(desk, sockets)


def test_slow_json_bodies(desk):
    assert desk.client.start_session(SKILL).status == 200
    start = b"POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{"
    with crowd(desk, start, b" ") as sockets:
        fast_afterwards(desk, sockets)


def test_slow_uploads_leave_threads_to_others(desk):
    """At once: the slots, half of the threads, are what uploads may take."""
    user = desk.user(desk.plain)
    desk.installation.httpd.log.expect("FINQ03: .*FinqMaxUploads")
    with crowd(desk, head(user, 50_000) + PNG.content, b"x") as sockets:
        process.until(lambda: len(desk.staged()) == THREADS // 2, what="uploads in every slot")
        answer, took = timed(desk.client.start_session, SKILL)
        assert answer.status == 200 and took < 1, "before any timeout"
        fast_afterwards(desk, sockets)
    process.until(lambda: desk.staged() == [], what="their end")
    user.client.close()  # httpd ends connections that are kept while all its threads are busy, at any moment
    assert user.upload("photo", PNG).status == 200


def test_slow_readers(desk):
    """They ask a lot and read nothing; a database connection is not held for them either."""
    readers = []
    user = desk.user()
    body = (f'{{"client_id":"{desk.tenant.client_id}","client_app_key":"{desk.tenant.client_app_key}","skill":"{SKILL}"}}')
    request = (f"POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
               f"Content-Length: {len(body)}\r\n\r\n{body}").encode()
    for _ in range(CROWD):
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        reader.connect(("127.0.0.1", desk.installation.httpd.settings.plain_port))
        reader.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            reader.send(request * 100)
        readers.append(reader)
    client, quick = desk.installation.client(desk.tenant), 0
    end = time.monotonic() + PATIENCE * CROWD / THREADS
    while quick < 20:  # in a row, once the timeouts have done their work
        (status, took) = timed(attempt, client)
        quick = quick + 1 if status == 200 and took < 1 else 0
        assert time.monotonic() < end, "the slow ones are in the way for ever"
    client.close()
    user.client.close()
    assert user.upload("photo", PNG).status == 200
    for reader in readers:
        reader.close()
