"""PostgreSQL absent, stopped, restarted, hanging, full, read-only: 503 with Retry-After within the deadline, never a crash,
never a wrong 401 or 404, and full service within two seconds of its return without touching httpd (threat 18).

Seen red: dbd_connected without finq_pg_set_owner (hosts_share); finq_pg_is_alive reading once (not_noticed, ended);
connection_event without PGEVT_CONNRESET (not_noticed); has_idle without DBDExptime (after_a_pause); is_broken without
answered_at (fewer_connections); may_connect without `connecting` (silent); give_back without finq_pg_cut (hangs);
socket_wait without its deadline (one_backend); may_be_retried without "25006" (read_only) or "55" (row_is_locked);
finq_upload_finish leaving every file (stopped, row_is_locked).
"""
import re
import signal
import socket
import subprocess
import threading
import time
import types

import pytest

from finqenv import documents, process
from finqenv.client import Client
from finqenv.installation import SANITIZED
from finqenv.load import at_once, memory, timed, under_load
from finqenv.locks import WAITING, Blocker, locked
from finqenv.places import reachable
from finqenv.postgres import OWNER, SERVER, programs
from finqenv.uploads import SKILL, Desk

PNG = documents.png()
TIMEOUT = 4       # FinqDatabaseTimeout of these servers; statement_timeout is 3 s, connect_timeout 2 s
MARGIN = 3        # of a machine that does other things too
RETURN = 2        # seconds, until all is served again
OURS = r"FINQ03: .* 503 service_unavailable: "
DBD = r"\[dbd:error\]"


@pytest.fixture(scope="module")
def desk(make_module_server):
    return Desk(make_module_server(children=1, threads=32, plain=True,
                                   directives={"FinqDatabaseTimeout": TIMEOUT, "FinqCacheTTL": "300"}))


@pytest.fixture(autouse=True)
def survivors(desk):
    """After each fault: the same children, a database in full service, no transaction left open."""
    httpd, parent = desk.installation.httpd, desk.installation.httpd.pid()
    children = set(httpd.children())
    desk.installation.httpd.log.allow(OURS)
    desk.installation.httpd.log.allow(DBD)
    httpd.log.allow("AH00484: server reached MaxRequestWorkers")  # who waits for the database holds a thread
    yield
    assert httpd.pid() != parent or set(httpd.children()) == children, "no child died"
    in_service(desk)
    desk.installation.postgres.wait_idle()


def in_service(desk, seconds=RETURN):
    """Waits until the flow works on every connection, and returns how long that took."""
    start = time.monotonic()
    process.until(lambda: set(at_once([lambda: onboard(desk)] * 16)) == {200}, seconds + MARGIN, "full service")
    return time.monotonic() - start


def onboard(desk):
    """A whole step, a connection a call: a kept one may be closed at any time. Returns 200, or the first other status."""
    client = Client(f"http://localhost:{desk.installation.httpd.settings.plain_port}", desk.tenant)
    started = client.start_session(SKILL)
    client.close()
    if started.status != 200:
        return check(started)
    user = types.SimpleNamespace(session_id=started["session_id"], nonce=started["nonce"], skill=SKILL)
    answer = client.submit(user, "papers", {})
    client.close()
    return check(answer)


def check(answer):
    """A success, or the 503 that the contract promises. Anything else ends the test."""
    if answer.status != 200:
        assert (answer.status, answer.code) == (503, "service_unavailable"), answer.body
        assert answer["http"] == 503 and answer["type"] == "internal_error"
        assert answer["id"] == answer.headers["x-request-id"] and int(answer.headers["retry-after"]) >= 1
        assert "SQL" not in answer["message"] and "libpq" not in answer["message"]
    return answer.status


def calls_of(desk):
    """One call of each kind, which the database must be asked for; made while it works."""
    user, last, other = desk.user(), desk.user(), desk.user()
    assert last.submit("last", {}).status == 200 and last.upload("late", PNG).status == 200
    return {"step": lambda: user.submit("last", {}), "upload": lambda: other.upload("photo", PNG, form=True),
            "exchange": lambda: last.exchange()}


def demand_503(calls, seconds=TIMEOUT + MARGIN):
    for name, call in calls.items():
        answer, took = timed(call)
        assert answer.status == 503, name
        check(answer)
        assert took < seconds, f"{name} took {took:.1f} s"


def demand_200(calls):
    """What was refused spent nothing."""
    for name, call in calls.items():
        answer = call()
        assert answer.status == 200, (name, answer.body)


def without_the_database(desk):
    """What needs no database is answered: a cached start, a forged nonce, a wrong path; and at once, but for the one start in a minute
    that would tell of its key's use."""
    starts = [timed(desk.client.start_session, SKILL) for _ in range(3)]
    assert [answer.status for answer, _ in starts] == [200] * 3 and sum(took >= MARGIN for _, took in starts) <= 1
    for call, status in ((lambda: desk.client.upload_raw(desk_step(), "A" * 150, "photo", PNG), 401),
                         (lambda: desk.client.call("/nothing", {}), 404)):
        answer, took = timed(call)
        assert answer.status == status and took < MARGIN


def desk_step():
    return "00000000-0000-7000-8000-000000000000"


def warm(desk):
    """Every connection that there may be is there, and both hosts remember the tenant."""
    assert set(at_once([lambda: onboard(desk)] * 32)) == {desk.client.start_session(SKILL).status} == {200}


# -- away and back

def test_stopped_and_started(desk):
    warm(desk)
    calls = calls_of(desk)
    desk.installation.postgres.stop()
    demand_503(calls, MARGIN)
    without_the_database(desk)
    assert desk.staged() == []
    desk.installation.postgres.start()
    in_service(desk)
    demand_200(calls)


def test_killed_with_all_its_processes(desk):
    warm(desk)
    calls = calls_of(desk)
    desk.installation.postgres.kill9()
    demand_503(calls, MARGIN)
    desk.installation.postgres.start()
    in_service(desk)
    demand_200(calls)


def test_a_restart_between_requests_is_not_noticed(desk):
    """Every idle connection has ended: each is made anew, and its statements prepared again."""
    warm(desk)
    desk.installation.postgres.restart()
    for _ in range(40):
        assert onboard(desk) == 200


def test_backends_that_are_ended(desk):
    warm(desk)
    end_connections(desk)
    assert [onboard(desk) for _ in range(40)] == [200] * 40


def is_full(results, since):
    """Whether a whole second was full service."""
    begun = max(since, time.monotonic() - 1)
    return begun > since and {status for when, status in list(results) if when > begun} == {200}


def restarts(desk, count):
    with under_load(lambda _: onboard(desk), 6) as results:
        for _ in range(count):
            desk.installation.postgres.restart("immediate")
            back = time.monotonic()
            process.until(lambda: is_full(results, back), RETURN + MARGIN + 1, "full service two seconds after its return")
    return results


def test_restarts_under_load(desk):
    assert {status for _, status in restarts(desk, 2)} == {200, 503}


@pytest.mark.long
def test_twenty_restarts_under_load(desk):
    restarts(desk, 3)
    children = desk.installation.httpd.children()
    before = sum(map(memory, children))
    restarts(desk, 20)
    assert sum(map(memory, children)) - before < 2 * 2**20


def test_absent_when_the_server_starts(desk, make_server, server):
    """A child whose first request finds nothing grows neither a crash nor memory."""
    own = Desk(make_server(children=1, plain=True, directives={"FinqDatabaseTimeout": TIMEOUT}), "Absent")
    httpd, postgres = own.installation.httpd, own.installation.postgres
    httpd.stop()
    postgres.stop()
    httpd.log.expect(OURS)
    httpd.log.expect(DBD)
    httpd.start()
    answer, took = timed(own.client.start_session, SKILL)
    assert check(answer) == 503 and took < MARGIN
    assert own.client.call("/nothing", {}).status == 404
    for _ in range(600):
        assert check(own.client.start_session(SKILL)) == 503
    (child,) = httpd.children()
    grown = []
    for _ in range(5):
        before = memory(child)
        for _ in range(600):
            own.client.start_session(SKILL)
        grown.append(memory(child) - before)
        if grown[-1] < 2**18:
            break
    assert SANITIZED or min(grown) < 2**18, grown  # a thread's first requests take some; what a sanitizer keeps is not the server's
    postgres.start()
    start = time.monotonic()
    process.until(lambda: onboard(own) == 200, RETURN + MARGIN, "full service")
    assert time.monotonic() - start < RETURN + MARGIN and httpd.children() == [child]


# -- there, but silent

@pytest.fixture
def paused(desk):
    """The database stops answering; its sockets stay open."""
    yield desk.installation.postgres.pause
    desk.installation.postgres.resume()
    process.until(desk.installation.postgres.ready)


def test_hanging(desk, paused):
    warm(desk)
    calls = calls_of(desk)
    paused()
    demand_503(calls)
    without_the_database(desk)
    desk.installation.postgres.resume()
    in_service(desk)
    demand_200(calls)


def test_many_at_a_silent_database(desk, paused):
    """They do not wait for each other's connections to fail."""
    warm(desk)
    paused()
    for _ in range(2):
        results = at_once([lambda: timed(onboard, desk)] * 24)
        assert {status for status, _ in results} == {503}
        assert max(took for _, took in results) < TIMEOUT + MARGIN
    without_the_database(desk)


def test_a_silent_database_after_a_pause(make_server, server):
    """mod_dbd has dropped the connections that lay unused, and would make them one after another."""
    own = Desk(make_server(children=1, threads=48, plain=True, dbd=(0, 8, 8), server="DBDExptime 1",
                           directives={"FinqDatabaseTimeout": TIMEOUT}), "Expired")
    own.installation.httpd.log.expect(OURS)
    own.installation.httpd.log.allow(DBD)
    users = [own.user(own.installation.client(own.tenant)) for _ in range(16)]
    assert at_once([lambda: onboard(own)] * 32).count(200) == 32
    time.sleep(1.2)  # DBDExptime: what must pass is time itself
    postgres = own.installation.postgres
    postgres.pause()
    try:
        results = at_once([lambda user=user: timed(user.submit, "last", {}) for user in users])
    finally:
        postgres.resume()
    assert {check(answer) for answer, _ in results} == {503}
    assert max(took for _, took in results) < TIMEOUT + MARGIN
    process.until(lambda: onboard(own) == 200, RETURN + MARGIN, "full service")


def test_one_backend_hangs(desk):
    """Who meets it waits to the deadline; the others are served."""
    warm(desk)
    assert onboard(desk) == 200  # alone: so that the last to answer is the next to be handed out
    postgres = desk.installation.postgres
    victim = int(desk.installation.psql("SELECT pid FROM pg_stat_activity WHERE usename = '" + SERVER
                                        + "' ORDER BY state_change DESC LIMIT 1"))
    postgres.pause_backend(victim)
    try:
        results = [timed(onboard, desk) for _ in range(60)]
    finally:
        postgres.resume_backend(victim)
    assert max(took for _, took in results) < TIMEOUT + MARGIN
    assert 1 <= sum(status == 503 for status, _ in results) <= 2
    process.until(lambda: victim not in postgres.backends(), what="the end of the connection that was given up")


def test_the_sessions_row_is_locked(desk):
    calls = calls_of(desk)
    with Blocker(desk.installation, "SELECT 1 FROM finq.session FOR UPDATE"):
        demand_503(calls)
        assert onboard(desk) == 200, "other sessions go on"
    assert desk.staged() == []
    demand_200(calls)


def test_hosts_share_what_mod_dbd_lets_them_share(desk):
    """While a call over TLS waits for a lock, others over TLS are served, though plain HTTP made the connections."""
    desk.installation.httpd.restart()
    assert set(at_once([lambda: onboard(desk)] * 32)) == {200}
    user = desk.user()
    other = desk.user(desk.installation.client(desk.tenant))
    with Blocker(desk.installation, locked(user)):
        blocked = threading.Thread(target=lambda: check(user.submit("last", {})))
        blocked.start()
        process.until(lambda: desk.installation.psql(WAITING), what="the call that waits")
        answer, took = timed(other.submit, "last", {})
        assert answer.status == 200 and desk.installation.psql(WAITING), "it still waits"
        blocked.join()


def test_a_statement_that_takes_too_long(desk):
    """statement_timeout answers where no lock is in the way of lock_timeout."""
    calls = calls_of(desk)
    del calls["upload"]  # touches no session
    desk.installation.psql("CREATE FUNCTION finq.slow() RETURNS trigger LANGUAGE plpgsql AS"
                           " 'BEGIN PERFORM pg_sleep(10); RETURN new; END';"
                           "CREATE TRIGGER slow BEFORE INSERT OR UPDATE ON finq.session FOR EACH ROW EXECUTE FUNCTION finq.slow()")
    try:
        demand_503({"step": calls["step"]}, 3 + MARGIN)
    finally:
        desk.installation.psql("DROP FUNCTION finq.slow() CASCADE")
    demand_200(calls)


# -- there, but full or read-only

def set_role(desk, what):
    desk.installation.psql(f"ALTER ROLE {SERVER} {what}")


def end_connections(desk):
    desk.installation.psql(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{SERVER}'")


def test_no_connection_to_be_had(desk):
    calls = calls_of(desk)
    set_role(desk, "CONNECTION LIMIT 0")
    try:
        end_connections(desk)
        demand_503(calls, MARGIN)
        without_the_database(desk)
    finally:
        set_role(desk, "CONNECTION LIMIT -1")
    in_service(desk)
    demand_200(calls)


def test_fewer_connections_than_dbdmax(desk):
    """Those that there are serve nearly everybody; there is no second of 503 beside idle connections."""
    set_role(desk, "CONNECTION LIMIT 4")
    try:
        end_connections(desk)
        for _ in range(20):
            onboard(desk)
        with under_load(lambda _: onboard(desk), 8) as results:
            process.until(lambda: len(results) >= 400, 60, "400 answers")
        good = sum(status == 200 for _, status in results)
        assert good >= 0.7 * len(results), f"{good} of {len(results)}"
    finally:
        set_role(desk, "CONNECTION LIMIT -1")


def test_max_connections_taken_by_others(make_server):
    own = Desk(make_server(children=1, plain=True, directives={"FinqDatabaseTimeout": TIMEOUT},
                           postgres={"max_connections": 12, "superuser_reserved_connections": 3}), "Crowded")
    postgres = own.installation.postgres
    own.installation.httpd.log.expect(OURS + r"database: no connection could be made: .*remaining connection slots")
    own.installation.httpd.log.allow(DBD)
    user = own.user()
    own.installation.psql(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{SERVER}'")
    others = []
    try:
        while not others or others[-1].stdout.readline():  # until one is refused
            others.append(subprocess.Popen([programs() / "psql", "-XqAt", postgres.conninfo(OWNER)], stdin=subprocess.PIPE,
                                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=process.clean_environ()))
            try:
                others[-1].stdin.write(b"SELECT 1;\n")
                others[-1].stdin.flush()
            except BrokenPipeError:
                pass
        answer, took = timed(user.upload, "photo", PNG)
        assert check(answer) == 503 and took < MARGIN and own.files() == {}
    finally:
        for other in others:
            other.communicate()
    process.until(lambda: onboard(own) == 200, RETURN + MARGIN, "full service")
    assert user.upload("photo", PNG).status == 200


def test_read_only(desk):
    calls = calls_of(desk)
    desk.installation.psql("ALTER SYSTEM SET default_transaction_read_only = on")
    desk.installation.psql("SELECT pg_reload_conf()")
    try:
        process.until(lambda: desk.installation.psql("SHOW default_transaction_read_only") == "on")
        process.until(lambda: onboard(desk) == 503, what="the servers' sessions to know")
        process.until(lambda: all(onboard(desk) == 503 for _ in range(20)), what="all of them")
        demand_503(calls, MARGIN)
        without_the_database(desk)
    finally:
        desk.installation.psql("SET default_transaction_read_only = off; ALTER SYSTEM RESET default_transaction_read_only")
        desk.installation.psql("SELECT pg_reload_conf()")
    in_service(desk)
    demand_200(calls)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_slow_readers_hold_no_connection(make_server, server, most):
    own = Desk(make_server(cluster=server.postgres, database=f"readers_{most}", children=1, threads=32, plain=True,
                           dbd=(0, most, most)), "Readers")
    readers = []
    for _ in range(12):  # they ask and do not read
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        reader.connect(("127.0.0.1", own.installation.httpd.settings.plain_port))
        user = own.user(own.plain)
        body = (f'{{"client_id":"{own.tenant.client_id}","nonce":"{user.nonce}","skill":"{user.skill}","step":"last","data":{{}}}}')
        reader.sendall((f"POST /v1/sessions/{user.session_id}/steps HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
                        f"\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode() * 40)
        readers.append(reader)
    slowest = max(took for _, took in (timed(own.user) for _ in range(10)))
    assert slowest < MARGIN
    assert len(own.installation.postgres.backends(database=own.installation.database)) <= most
    for reader in readers:
        reader.close()


# -- between the two

@pytest.fixture
def pooler(desk, run_directory):
    """Debian's pgbouncer, one transaction a connection. Later ones know prepared statements by themselves, unless told not to."""
    directory = reachable(run_directory / "pgbouncer", "postgres")
    postgres, port = desk.installation.postgres, process.free_port()
    (directory / "users").write_text(f'"{SERVER}" "{postgres.passwords[SERVER]}"\n')
    version = [int(part) for part in re.search(r"PgBouncer (\d+)\.(\d+)", process.run("/usr/sbin/pgbouncer", "-V").stdout).groups()]
    (directory / "ini").write_text(f"""[databases]
finq = host=127.0.0.1 port={postgres.port} dbname=finq
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {directory}/users
pool_mode = transaction
default_pool_size = 2
ignore_startup_parameters = options,extra_float_digits
logfile =
pidfile =
{"max_prepared_statements = 0" if version >= [1, 21] else ""}
""")
    pooled = subprocess.Popen(["/usr/sbin/pgbouncer", "-q", directory / "ini"], user="postgres", stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
    conninfo = postgres.conninfo(SERVER).replace(f"port={postgres.port} ", f"port={port} ")
    process.until(lambda: process.run("/usr/bin/psql", "-wXAtc", "SELECT 1", conninfo, check=False).returncode == 0,
                  what="pgbouncer")
    yield conninfo
    pooled.send_signal(signal.SIGTERM)
    pooled.wait()


def test_a_transaction_pooler(desk, pooler, make_server, server):
    own = make_server(cluster=server.postgres, database="pooled", plain=True, threads=24,
                      directives={"FinqPreparedStatements": "off", "FinqSecretFile": desk.installation.secret_file})
    own.httpd.settings.database = pooler
    own.httpd.restart()
    through = types.SimpleNamespace(installation=own, tenant=desk.tenant)
    assert at_once([lambda: onboard(through)] * 40).count(200) == 40
    desk.installation.psql(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{SERVER}'")
    own.httpd.log.allow(OURS)
    process.until(lambda: onboard(through) == 200, RETURN + MARGIN, "full service")


def test_a_pooler_that_hands_out_others_statements(desk, pooler, make_server, server):
    """The log names what to set. Red without hint_for."""
    own = make_server(cluster=server.postgres, database="unhinted", plain=True,
                      directives={"FinqSecretFile": desk.installation.secret_file})
    own.httpd.settings.database = pooler
    own.httpd.restart()
    own.httpd.log.allow(OURS)
    own.httpd.log.expect(r"FINQ03.*SQLSTATE (26000|42P05): .*\(behind a transaction pooler set FinqPreparedStatements off\)")
    through = types.SimpleNamespace(installation=own, tenant=desk.tenant)
    assert any(status >= 500 for status in at_once([lambda: onboard(through)] * 40))
