"""Many clients wait for their sessions at once: no thread each, no connection to the database, one look for all; decisions
reach them; those who go away leave nothing; restarts and stops answer them (contract section 5).

Seen red: see each test.
"""
import io
import json
import pathlib
import re
import resource
import signal
import socket
import subprocess
import time

import pytest

from finqenv import process
from finqenv.banking import SKILLS, Bank
from finqenv.client import Client, read_answer
from finqenv.crowd import Crowd
from finqenv.httpd_conf import STATUS, Site
from finqenv.installation import SANITIZED
from finqenv.load import memory, timed

WAIT = 25
SOON = 12  # on whatever machine, and not after a wait
METRICS = '<Location "/metrics">\nSetHandler finq-metrics\nRequire all granted\n</Location>\n'
LOG = 'LogFormat "%>s %U %X %k %{finq-outcome}n %D" finq\nCustomLog "{path}" finq\n'
ROOM = "AsyncRequestWorkerFactor 200\n"  # that much more for waiting than the threads


@pytest.fixture(scope="module", autouse=True)
def files():
    """A thousand connections in a test, and two descriptors for each in a child, take more than a shell's usual limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 16384 if hard == resource.RLIM_INFINITY else min(16384, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def make_bank(server, make_module_server, run_directory):
    """make_bank(lines of the server's configuration, **options): in the shared cluster, but for who asks for `postgres`."""
    made = []

    def make_server(modules, more=(), **options):
        return make_module_server(modules=(*modules, *more), **options)

    def make(lines="", **options):
        options = {"dbd": (0, 2, 2), "log_level": "warn finq:info", **options}
        if "postgres" not in options:
            options.update(cluster=server.postgres, database=f"crowd_{len(made)}")
        made.append(Bank(make_server, run_directory / f"crowd-{len(made)}", server=METRICS + lines, **options))
        allow_busy(made[-1])
        return made[-1]
    make.made = made
    yield make
    for bank in made:
        bank.stop()


def allow_busy(bank):
    """All threads have something to do for a moment when many come or go at once."""
    bank.server.httpd.log.allow("AH00(484|286): server reached MaxRequestWorkers")  # event's line, worker's


@pytest.fixture(autouse=True)
def busy(make_bank):
    for bank in make_bank.made:
        allow_busy(bank)


@pytest.fixture(scope="module")
def bank(make_bank):
    """Two children of four threads each, and a second host; a database that may be stopped."""
    site = Site("slow.example", text="Timeout 8\nKeepAliveTimeout 5\nFinqDatabaseTimeout 20\n")
    made = make_bank(STATUS + ROOM, children=2, threads=4, hosts=(site,), more=("status",), postgres={})
    httpd = made.server.httpd
    made.access_log = httpd.directory / "access.log"
    httpd.settings.server += LOG.replace("{path}", str(made.access_log))
    httpd.settings.vhost += f'\nCustomLog "{made.access_log}" finq\n'
    httpd.restart()
    return made


def waiting(bank, skill="review"):
    user = bank.user(skill)
    answer = user.submit("form" if skill == "review" else "sca", {"scenario": "pend"})
    assert answer["status"] == "SESSION_PENDING", answer.body
    return user


def request(bank, user, wait=WAIT, client=None):
    body = json.dumps({"client_id": bank.tenant.client_id, "nonce": user.step_nonce, "wait": wait})
    host = client.host if client else "localhost"
    return (f"POST /v1/sessions/{user.session_id}/status HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


def plain(bank):
    return socket.create_connection(("127.0.0.1", bank.server.httpd.settings.plain_port), 30)


def scrape(bank):
    client = bank.server.client(bank.tenant)
    text = client.request("GET", "/metrics").body.decode()
    client.close()
    return text


def waiting_now(bank):
    """How many the server says are waiting, on all hosts."""
    return sum(int(number) for number in re.findall(r"^finq_waiting_clients\{.*\} (\d+)$", scrape(bank), re.MULTILINE))


def until_waiting(bank, number):
    process.until(lambda: waiting_now(bank) == number, what=f"{number} who wait")


def threads_of(pids):
    return {pid: int(re.search(r"Threads:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) for pid in pids}


def looks(bank):
    """How often the database has been asked how sessions stand, of one or of many at once."""
    return int(bank.psql("SELECT coalesce(sum(calls), 0) FROM pg_stat_user_functions"
                         " WHERE funcname IN ('sessions_settled', 'session_status')"))


def gather(crowd, bank, users, number):
    """Every second one over TLS."""
    for i in range(number):
        crowd.add(bank.client.open_socket() if i % 2 else plain(bank), request(bank, users[i % len(users)]))


def all_answered(crowd):
    """Long before their wait would end by itself, where that is WAIT."""
    crowd.listen(SOON)
    assert not crowd.cut and not crowd.waiting
    return crowd.answered


# -- the crowd

@pytest.fixture(params=[pytest.param((60, 4), id="60"), pytest.param((1000, 25), id="1000", marks=pytest.mark.long)])
def place(request, make_bank):
    """(a server of two children, how many threads each has, how many clients come)"""
    number, threads = request.param
    bank = make_bank(ROOM, children=2, threads=threads, postgres={"track_functions": "all"})
    return bank, number


def test_a_crowd(place):
    """Red where finq_longpoll_suits says no (all wait in threads, others are not served), where look asks for each session by
    itself (calls of the database), without call_settled (the decision arrives with the end of the wait), without `leave`
    (clients that went away are counted), and with is_stopping always 0 (restart and stop keep them waiting)."""
    bank, number = place
    httpd = bank.server.httpd
    users, decided = [waiting(bank) for _ in range(8)], waiting(bank)
    bank.status(users[0], wait=1)
    children, before = threads_of(httpd.children()), sum(map(memory, httpd.children()))
    with Crowd() as crowd:
        gather(crowd, bank, users, number)
        lucky = [crowd.add(plain(bank), request(bank, decided)) for _ in range(3)]
        until_waiting(bank, number + 3)

        # what they cost
        now = threads_of(httpd.children())
        assert now.keys() == children.keys() and all(now[pid] <= children[pid] + 1 for pid in now), "the watch, and no more"
        taken = sum(map(memory, httpd.children())) - before
        print(f"{taken / number:.0f} bytes a client")
        assert SANITIZED or taken < 8 << 20 or taken / number < 150_000
        start = time.monotonic()
        slowest = max(timed(attempt, bank)[1] for _ in range(20))
        print(f"{slowest:.3f} s at most for others")
        assert slowest < SOON
        assert len(bank.server.postgres.backends()) <= 2 * 2, "DBDMax of each child"
        crowd.listen(3 - time.monotonic() + start)
        assert looks(bank) < 2 * number + 60, "one for each who came, then two a second and child"
        assert not crowd.answered and not crowd.cut

        # a decision
        bank.ctl("step", "approve", decided.step_id)
        process.until(lambda: crowd.listen(0.1) or len(crowd.answered) >= len(lucky), SOON, "the decision's arrival")
        assert crowd.answered == lucky and not crowd.cut
        assert {one.answer["next_step"] for one in lucky} == {"last"}

        # who goes away leaves nothing
        crowd.leave(lucky)
        crowd.leave(crowd.members[:number // 3])
        until_waiting(bank, number - number // 3)

        # a graceful restart
        old = set(httpd.children())
        httpd.graceful()
        start = time.monotonic()
        answers = all_answered(crowd)
        print(f"{time.monotonic() - start:.1f} s to answer {len(answers)} after a graceful restart")
        assert {one.answer["status"] for one in answers} == {"SESSION_PENDING"} and len(answers) == number - number // 3
        process.until(lambda: not old & set(httpd.children()), what="the end of the first generation")
    with Crowd() as crowd:  # and a stop
        gather(crowd, bank, users, number // 4)
        until_waiting(bank, number // 4)
        parent = httpd.pid()
        process.send(parent, signal.SIGWINCH)
        assert {one.answer["status"] for one in all_answered(crowd)} == {"SESSION_PENDING"}
    process.until(lambda: not process.alive(parent), what="the stop")


def attempt(bank):
    client = bank.server.client(bank.tenant)
    assert client.start_session(SKILLS["plain"]["name"]).status == 200
    client.close()


# -- what ends a wait

def held(bank, crowd, user, connection=None, **more):
    """One more who waits, seen by the server."""
    before = waiting_now(bank)
    one = crowd.add(connection or bank.client.open_socket(), request(bank, user, **more))
    until_waiting(bank, before + 1)
    return one


def test_its_end(bank):
    """Red without call_due."""
    with Crowd() as crowd:
        one = held(bank, crowd, waiting(bank), wait=2)
        (answered,) = all_answered(crowd)
    assert one is answered and one.answer["status"] == "SESSION_PENDING" and 1.9 < one.seconds < SOON
    assert one.answer.headers["connection"] == "close" and one.answer.headers["x-request-id"]
    assert waiting_now(bank) == 0


@pytest.mark.parametrize("event, word", [
    (lambda bank, user: bank.resume(user), "invalid_nonce"),
    (lambda bank, user: bank.ctl("tenant", "disable", bank.tenant.client_id), "unauthorized_tenant"),
    (lambda bank, user: bank.psql(f"DELETE FROM finq.step WHERE session_id = '{user.session_id}';"
                                  f"DELETE FROM finq.session WHERE session_id = '{user.session_id}'"), "SESSION_CREATED"),
], ids=["resumption", "disabled", "gone"])
def test_events(bank, event, word):
    """Red without the comparison of generations in finq.sessions_settled; without that of t.status; where it joins instead of
    NOT EXISTS."""
    user = waiting(bank)
    try:
        with Crowd() as crowd:
            one = held(bank, crowd, user)
            event(bank, user)
            all_answered(crowd)
            assert word in (one.answer.code, one.answer.json.get("status"))
    finally:
        bank.ctl("tenant", "enable", bank.tenant.client_id)


def test_the_end_of_a_visit(bank):
    """Who is at the bank is waited for until the visit's time is over. Red without s.return_until in finq.sessions_settled, and
    without 'BANK' there."""
    user, _ = bank.at_bank()
    with Crowd() as crowd:
        one = held(bank, crowd, user)
        crowd.listen(1.2)
        assert not one.answer
        bank.psql(f"UPDATE finq.session SET return_until = clock_timestamp() WHERE session_id = '{user.session_id}'")
        all_answered(crowd)
    assert one.answer["next_step"] == "sca" and one.answer["nonce"]


def test_the_client_itself(bank):
    """Who says something more is answered, and then as to what it said, on the same connection; so is who says that it is
    done. Red where finq_longpoll_take ends every connection."""
    user = waiting(bank)
    with bank.client.open_socket() as connection, connection.makefile("rb") as file:
        connection.sendall(request(bank, user))
        until_waiting(bank, 1)
        connection.sendall(request(bank, user, wait=0))
        first, second = (read_kept(file) for _ in range(2))
        assert first["status"] == second["status"] == "SESSION_PENDING"
        assert "connection" not in first.headers and first.headers["x-request-id"] != second.headers["x-request-id"]
    with plain(bank) as connection, connection.makefile("rb") as file:
        connection.sendall(request(bank, user))
        until_waiting(bank, 1)
        connection.shutdown(socket.SHUT_WR)
        assert read_answer(file)["status"] == "SESSION_PENDING"
    until_waiting(bank, 0)


def read_kept(file):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = file.read(1)
        assert byte, "the connection has ended"
        head += byte
    return read_answer(io.BytesIO(head + file.read(int(re.search(rb"(?i)content-length: (\d+)", head)[1]))))


def test_the_hosts_timeout(bank):
    """httpd cuts what is silent for Timeout; half of it ends a wait. Red where wait_most is an hour. The answers come from the
    host's own settings, and a decision arrives there too: red where look_at_all looks at the first host alone."""
    other = Client(bank.server.httpd.url, bank.tenant, bank.server.httpd.authority.certificate, host="slow.example")
    user = waiting(bank)
    with Crowd() as crowd:
        one = held(bank, crowd, user, other.open_socket(), client=other)
        all_answered(crowd)
        assert one.answer["status"] == "SESSION_PENDING" and 3.9 < one.seconds < 8
        two = held(bank, crowd, user, other.open_socket(), client=other)
        bank.ctl("step", "approve", user.step_id)
        all_answered(crowd)
        assert two.answer["next_step"] == "last" and two.seconds < 3.9


def test_a_database_that_is_away(bank):
    """Nobody is told so who only waits. Red where look calls everybody back whose look failed."""
    user = waiting(bank)
    bank.server.httpd.log.allow(r"AH00629|AH00632|AH00639|AH02653|AH02655")  # mod_dbd's own complaints
    with Crowd() as crowd:
        one = held(bank, crowd, user)
        bank.server.postgres.stop()
        crowd.listen(1.5)
        assert not one.answer
        bank.server.postgres.start()
        bank.ctl("step", "approve", user.step_id)
        all_answered(crowd)
        assert one.answer.status == 200 and one.answer["next_step"] == "last"


def test_a_cut(bank):
    """A database that hangs holds up the watch, and httpd cuts a connection whose Timeout is over: no answer, but nothing is left
    of it either. Red without the cleanup in `enter`."""
    other = Client(bank.server.httpd.url, bank.tenant, bank.server.httpd.authority.certificate, host="slow.example")
    user = waiting(bank)
    bank.server.httpd.log.allow(r"FINQ03|\[dbd:error\]")
    with Crowd() as crowd:
        one = held(bank, crowd, user, other.open_socket(), client=other)
        bank.server.postgres.pause()
        try:
            process.until(lambda: crowd.listen(0.1) or one.cut, what="the cut")
        finally:
            bank.server.postgres.resume()
        crowd.leave([one])
        until_waiting(bank, 0)
        two = held(bank, crowd, user, wait=1)
        all_over(crowd)
        assert two.answer["status"] == "SESSION_PENDING"


def all_over(crowd):
    process.until(lambda: crowd.listen(0.1) or not crowd.waiting, what="the answers")


def test_logs(bank):
    """One line in the access log for each, once it has been answered, with the time that it waited; nothing waits on
    mod_status's page then. Red without ap_process_request_after_handler."""
    user = waiting(bank)
    bank.access_log.write_text("")
    with Crowd() as crowd:
        held(bank, crowd, user, wait=2)
        assert "WaitingClients: 1" in status_page(bank) and "/status" not in bank.access_log.read_text()
        all_answered(crowd)
    process.until(lambda: "/status" in bank.access_log.read_text(), what="the line")
    (line,) = [line for line in bank.access_log.read_text().splitlines() if "/status" in line and "server-status" not in line]
    status, path, ending, _, outcome, took = line.split()
    assert (status, path, ending, outcome) == ("200", f"/v1/sessions/{user.session_id}/status", "-", "ok")
    assert 1_900_000 < int(took) < SOON * 1_000_000
    assert "WaitingClients: 1" not in status_page(bank)


def status_page(bank):
    client = bank.server.client(bank.tenant)
    try:
        return client.request("GET", "/server-status?auto").body.decode()
    finally:
        client.close()


# -- children that end, and other ways of httpd's

def test_a_childs_end(make_bank):
    """After its last connection a child ends; who waits there is answered. Red with is_stopping always 0."""
    bank = make_bank(ROOM + "MaxConnectionsPerChild 24\n", children=1, threads=8)
    user = waiting(bank)
    (child,) = bank.server.httpd.children()
    bank.server.httpd.log.allow("AH03490: scoreboard is full")
    start = time.monotonic()
    with Crowd() as crowd:
        gather(crowd, bank, [user], 24)  # the last come to the next child, which begins when this one has ended
        process.until(lambda: crowd.listen(0.1) or not process.alive(child), SOON, "its end")
        crowd.listen(0.1)  # how many it had hangs on who looked before whether it listens
        assert crowd.answered and not crowd.cut and time.monotonic() - start < SOON + 5
    assert attempt(bank) is None


@pytest.mark.parametrize("factor, descriptors, places", [(3, None, 6), (200, 240, 60)], ids=["connections", "descriptors"])
def test_no_more_than_there_is_room_for(make_bank, factor, descriptors, places):
    """Half of the connections that AsyncRequestWorkerFactor allows beside the threads', a quarter of the descriptors; the others
    are answered at once. Red without hall.most, and without either in most_held."""
    bank = make_bank(f"AsyncRequestWorkerFactor {factor}\n", children=1, threads=4)
    if descriptors:
        restart_with(bank, descriptors)
    user = waiting(bank)
    with Crowd() as crowd:
        for _ in range(places + 3):
            crowd.add(plain(bank), request(bank, user))
        process.until(lambda: crowd.listen(0.1) or len(crowd.answered) == 3, SOON, "the answers to those without a place")
        assert waiting_now(bank) == places and timed(attempt, bank)[1] < SOON
        bank.ctl("step", "approve", user.step_id)
        all_answered(crowd)


def restart_with(bank, descriptors):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, limits[1]))
    try:
        bank.server.httpd.restart()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def poll(bank, user, protocol, url=None, wait=WAIT):
    """A client of any protocol; its last line of output is the protocol's version and the seconds that it took."""
    return subprocess.Popen(["curl", "-sS", protocol, "-w", "\n%{http_version} %{time_total}",
                             "--cacert", str(bank.server.httpd.authority.certificate), "-H", "Content-Type: application/json",
                             "-d", json.dumps({"client_id": bank.tenant.client_id, "nonce": user.step_nonce, "wait": wait}),
                             f"{url or bank.server.httpd.url}/v1/sessions/{user.session_id}/status"], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("mpm", ["worker", "event"])
def test_waiting_threads_leave_room(make_bank, mpm):
    """Where httpd cannot do without threads, as over HTTP/2 or with another MPM, half of them wait, and the rest is
    answered at once. Red without thread_take."""
    bank = make_bank(children=1, threads=8, mpm=mpm, more=("http2",))
    bank.server.httpd.settings.server += "Protocols h2 http/1.1\n"
    bank.server.httpd.settings.vhost += "\nProtocols h2 http/1.1\n"
    bank.server.httpd.restart()
    user = waiting(bank)
    polls = [poll(bank, user, "--http2" if mpm == "event" else "--http1.1") for _ in range(7)]
    process.until(lambda: waiting_now(bank) == 4, what="those who wait")
    assert timed(attempt, bank)[1] < SOON
    process.until(lambda: sum(poll.poll() is None for poll in polls) == 4, SOON, "the answers to the others")
    bank.ctl("step", "approve", user.step_id)
    answers = [poll.communicate(timeout=SOON)[0].splitlines() for poll in polls]
    assert sorted(json.loads(body)["status"] for body, _ in answers) == ["SESSION_IN_PROGRESS"] * 4 + ["SESSION_PENDING"] * 3
    assert {figures.split()[0] for _, figures in answers} == {"2" if mpm == "event" else "1.1"}


def seconds_of(one):
    return float(one.communicate(timeout=20)[0].split()[-1])


def test_threads_that_wait_are_counted_by_themselves(make_bank):
    """Who waits without a thread takes no place from who needs one. Red where thread_take counts with the gauge."""
    bank = make_bank(ROOM + "Protocols h2 http/1.1\n", children=1, threads=8, more=("http2",))
    bank.server.httpd.settings.vhost += "\nProtocols h2 http/1.1\n"
    bank.server.httpd.restart()
    user = waiting(bank)
    with Crowd() as crowd:
        for _ in range(8):
            crowd.add(bank.client.open_socket(), request(bank, user, wait=10))
        until_waiting(bank, 8)
        assert seconds_of(poll(bank, user, "--http2", wait=3)) > 1.5


def test_threads_that_wait_on_two_hosts(make_bank):
    """Half of the child's threads, not half for each host. Red where thread_take counts with the host's gauge."""
    bank = make_bank(children=1, threads=8, mpm="worker")
    other = f"http://localhost:{bank.server.httpd.settings.plain_port}"
    user = waiting(bank)
    polls = [poll(bank, user, "--http1.1") for _ in range(4)]
    process.until(lambda: waiting_now(bank) == 4, what="those who wait")
    assert seconds_of(poll(bank, user, "--http1.1", other)) < SOON
    assert all(one.poll() is None for one in polls), "these still wait"
    bank.ctl("step", "approve", user.step_id)
    assert all(seconds_of(one) > 0 for one in polls)
