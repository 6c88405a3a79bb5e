"""The environment itself: its guards turn red, and what it starts it also ends.

Seen red: TROUBLE without "error", DEATH without "exit signal", HARMLESS matching every line (the three of the guard's
tests that name them); Httpd.stop without its wait, or without its signal (nothing_is_left); `_can_write` always true
(a_clone_that_servers_cannot_reach); Run without its sweep (a_killed_run_is_cleared_by_the_next).
"""
import os
import signal
import socket
import subprocess
import sys
import threading
import types

import pytest

from finqenv import places, process, workers
from finqenv.client import Client
from finqenv.errorlog import ErrorLog
from finqenv.httpd import Httpd
from finqenv.installation import MODULE, SANITIZED
from finqenv.postgres import OWNER, Postgres
from finqenv.runs import Run
from finqenv.sandbox import new_secret

ERROR = "[Sat Nov 21 21:57:41.152119 2026] [finq:error] [pid 1:tid 1] FINQ0001: the disk is full"
NOTICE = "[Sat Nov 21 21:57:41.152119 2026] [core:notice] [pid 1:tid 1] AH00052: child pid 7 exit signal Aborted (6)"
DENY = '<Location "/closed">\nRequire all denied\n</Location>'


@pytest.fixture
def log(tmp_path):
    return ErrorLog(tmp_path / "error.log")


@pytest.fixture
def bare_httpd(run_directory, watched):
    """An httpd without the module."""
    httpd = Httpd(run_directory / "bare", vhost=DENY, plain=True)
    watched.append(httpd)
    httpd.start()
    yield httpd
    httpd.stop()
    watched.remove(httpd)


@pytest.fixture(scope="module")
def postgres(run_directory):
    cluster = Postgres(run_directory / "own-pg")
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.mark.parametrize("line", [
    ERROR, ERROR.replace("error", "warn"), ERROR.replace("error", "emerg"), NOTICE,
    "==7==ERROR: AddressSanitizer: heap-use-after-free", "src/ground/id.c:7:3: runtime error: shift exponent 64",
    "apache2: src/ground/id.c:7: finq_id_parse: Assertion `text' failed.", "a line without a level"])
def test_trouble_must_be_announced(log, line):
    log.path.write_text(line + "\n")
    assert len(log.check()) == 1
    assert log.check() == [], "a line is held against one test only"


@pytest.mark.parametrize("line", [ERROR.replace("error", "info"), ERROR.replace("error", "notice"), ""])
def test_ordinary_lines_pass(log, line):
    log.path.write_text(line + "\n")
    assert log.check() == []


def test_a_line_is_judged_once_it_is_whole(log):
    """httpd's writes are seen page by page. Red where a check goes on from the file's size, or takes what has no end."""
    info = ERROR.replace("error", "info")
    for piece, complaints in ((info[:60], 0), (info[60:] + "\n" + ERROR[:60], 0), (ERROR[60:] + "\n", 1)):
        with open(log.path, "a") as file:
            file.write(piece)
        assert len(log.check()) == complaints


def test_announcements_hold_for_one_test_and_must_come_true(log):
    log.patience = 0.1
    log.path.write_text(ERROR + "\n")
    log.expect("FINQ0001")
    log.allow("never comes")
    assert log.check() == []
    log.path.write_text(2 * (ERROR + "\n"))
    assert len(log.check()) == 1
    log.expect("FINQ0002")
    assert log.check() == ["announced, but not in the error log: FINQ0002"]


def test_the_guard_fails_a_test_of_a_real_server(bare_httpd):
    closed = Client(bare_httpd.url, None, bare_httpd.authority.certificate)
    assert closed.request("GET", "/closed").status == 403
    assert any("client denied" in complaint for complaint in bare_httpd.check())
    bare_httpd.log.expect("client denied")
    assert closed.request("GET", "/closed").status == 403
    closed.close()


def test_the_guard_is_in_force_in_every_test(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(places.ROOT / "tests"))
    pytester.makepyfile(f"""
        import types
        from finqenv.errorlog import ErrorLog
        def test_with_trouble(watched, tmp_path):
            log = ErrorLog(tmp_path / "error.log")
            watched.append(types.SimpleNamespace(check=log.check))
            log.path.write_text({ERROR!r} + chr(10))
        def test_without():
            pass
    """)
    result = pytester.runpytest_subprocess("-p", "finqenv.fixtures", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*not announced*FINQ0001*"])


def test_a_dead_child_is_seen(bare_httpd):
    victim = bare_httpd.children()[0]
    process.send(victim, signal.SIGSEGV)
    process.until(lambda: victim not in bare_httpd.children())
    bare_httpd.log.expect(r"exit signal Segmentation fault")


def test_raw_bytes_get_their_answers(bare_httpd):
    plain = Client(f"http://localhost:{bare_httpd.settings.plain_port}", None)
    get = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert [a.status for a in plain.raw(get + get + b"BROKEN\r\n\r\n")] == [404, 404, 400]


def test_a_client_keeps_its_connection_and_sees_it_cut(bare_httpd):
    visitor = Client(bare_httpd.url, None, bare_httpd.authority.certificate)
    visitor.KEPT = 60
    visitor.request("GET", "/nothing")
    kept = visitor._connection
    visitor.request("GET", "/nothing")
    assert visitor._connection is kept
    bare_httpd.restart()
    assert visitor.request("GET", "/nothing").status == 404 and visitor._connection is not kept
    bare_httpd.stop()
    with pytest.raises(ConnectionError):
        visitor.request("GET", "/nothing")


def test_after_a_graceful_restart_everybody_meets_new_children(bare_httpd):
    """Though an old one is still busy. Red, in one of three runs, where graceful does not wait for the old ones; and where it renews no
    Client, of whose kept connections some may not have ended yet."""
    visitor = Client(bare_httpd.url, None, bare_httpd.authority.certificate)
    visitor.request("GET", "/nothing")
    old = bare_httpd.children()
    assert all(map(process.listens, old))
    with visitor.open_socket() as busy:
        busy.sendall(b"GET /nothing HTTP/1.1\r\n")
        bare_httpd.graceful()
        assert not any(map(process.listens, old))
        assert Client._renewed > visitor._used and visitor.request("GET", "/nothing").status == 404
    visitor.close()


@pytest.mark.parametrize("doubt", [lambda client: Client.renew(), lambda client: setattr(client, "KEPT", 0)], ids=["told", "idle"])
def test_a_client_makes_a_new_connection_where_the_kept_one_is_doubtful(bare_httpd, doubt):
    """Red where _is_doubtful looks at neither."""
    visitor = Client(bare_httpd.url, None, bare_httpd.authority.certificate)
    visitor.request("GET", "/nothing")
    kept = visitor._connection
    doubt(visitor)
    assert visitor.request("GET", "/nothing").status == 404 and visitor._connection is not kept
    visitor.close()


@pytest.mark.parametrize("doubt", [False, True], ids=["kept", "new"])
def test_a_client_shows_a_connection_that_is_cut_in_a_request(doubt):
    """And sends nothing twice. Red with a second try."""
    seen = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, connection.makefile("rb") as file:
                    while line := file.readline():
                        if line.startswith(b"GET "):
                            seen.append(line.split()[1])
                        if line == b"\r\n":
                            if seen[-1] == b"/cut":
                                break
                            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        threading.Thread(target=serve, daemon=True).start()
        visitor = Client(f"http://localhost:{listener.getsockname()[1]}", None)
        assert visitor.request("GET", "/kept").status == 204
        if doubt:
            visitor.close()
        with pytest.raises(ConnectionError):
            visitor.request("GET", "/cut")
        assert seen == [b"/kept", b"/cut"]
        listener.shutdown(socket.SHUT_RDWR)


def test_a_configuration_is_tested_and_taken_over(bare_httpd):
    assert bare_httpd.configtest()[0]
    bare_httpd.settings.vhost = 'Redirect 204 "/nowhere"'
    ok, words = bare_httpd.configtest()
    assert not ok and "Redirect" in words
    bare_httpd.settings.modules, bare_httpd.settings.vhost = ("alias",), "Redirect 410 /nowhere"
    bare_httpd.graceful()
    visitor = Client(bare_httpd.url, None, bare_httpd.authority.certificate)
    assert visitor.request("GET", "/nowhere").status == 410
    visitor.close()


def test_postgres_is_private_and_durable(postgres):
    assert postgres.psql("SHOW listen_addresses") == "127.0.0.1"
    assert postgres.psql("SELECT count(*) FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit',"
                         " 'full_page_writes') AND setting = 'on'") == "3"
    wrong = postgres.conninfo().replace(postgres.passwords[OWNER], "wrong")
    assert process.run("/usr/bin/psql", "-w", wrong, "-c", "SELECT 1", check=False).returncode == 2
    assert process.run("/usr/bin/psql", "-w", "-At", postgres.conninfo(), "-c", "SELECT 1").stdout == "1\n"


def test_postgres_faults(postgres):
    postgres.psql("CREATE TABLE kept (number int)")
    postgres.psql("INSERT INTO kept VALUES (7)")
    postgres.kill9()
    assert not postgres.ready()
    postgres.start()
    assert postgres.psql("SELECT number FROM kept") == "7"
    postgres.pause()
    assert not process.run("pg_isready", "-h", "127.0.0.1", "-p", postgres.port, "-t", 1, check=False).returncode == 0
    postgres.resume()
    process.until(postgres.ready)


def test_nothing_is_left(run_directory):
    with Run() as run:
        cluster, httpd = Postgres(run.directory / "pg").start(), Httpd(run.directory / "httpd").start()
        assert len(process.servers_in(run.directory)) >= 8
        httpd.stop()
        assert process.servers_in(run.directory / "httpd") == []
        cluster.stop()
        assert process.servers_in(run.directory) == []
    assert not run.directory.exists()


def test_a_killed_run_is_cleared_by_the_next():
    code = ("import os, signal; from finqenv.runs import Run; from finqenv.httpd import Httpd\n"
            "run = Run(); run.__enter__(); Httpd(run.directory / 'httpd').start(); print(run.directory, flush=True)\n"
            "os.kill(os.getpid(), signal.SIGKILL)")
    done = process.run("/usr/bin/python3", "-c", code, check=False, cwd=places.ROOT / "tests",
                       env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    left = done.stdout.strip()
    assert len(process.servers_in(left)) >= 2
    with Run():
        assert process.servers_in(left) == []
        assert not os.path.exists(left)


SLOW = """
    import pathlib, time
    from finqenv.httpd import Httpd
    def test_under_way(run_directory):
        httpd = Httpd(run_directory / "httpd").start()
        print(run_directory, file=open("{name}.begun", "w"))
        try:
            time.sleep(300)
        finally:
            time.sleep({seconds})
            httpd.stop()
            pathlib.Path("{name}.ended").touch()
"""


@pytest.mark.parametrize("seconds", [0.1, pytest.param(20, marks=pytest.mark.long)])
def test_an_interrupted_run_ends_in_all_its_workers(pytester, monkeypatch, seconds):
    """Each ends what it has begun, however long that takes. With 20 seconds red where Controller has no
    pytest_keyboard_interrupt."""
    monkeypatch.setenv("PYTHONPATH", str(places.ROOT / "tests"))
    names = ("one", "two")
    for name in names:
        pytester.makepyfile(**{f"test_{name}": SLOW.format(name=name, seconds=seconds)})
    run = pytester.popen([sys.executable, "-m", "pytest", "-p", "finqenv.fixtures", "-p", "no:cacheprovider", "-n", "2",
                          "--dist", "loadfile"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    begun = [pytester.path / f"{name}.begun" for name in names]
    process.until(lambda: all(file.exists() and file.read_text().endswith("\n") for file in begun), 60, "both workers' tests")
    run.terminate()
    assert run.wait(60) != 0
    for name, file in zip(names, begun):
        assert (pytester.path / f"{name}.ended").exists() and not os.path.exists(file.read_text().strip())


def test_the_longest_files_come_first():
    files = [path.stem for path in (places.ROOT / "tests/integration").glob("test_*.py")]
    assert set(workers.LONGEST) <= set(files), "none has gone"
    items = [types.SimpleNamespace(path=places.ROOT / f"{name}.py") for name in sorted(files)]
    assert [item.path.stem for item in workers.in_order(items)][:len(workers.LONGEST)] == list(workers.LONGEST)


def test_of_a_kept_run_only_what_is_read_stays():
    """Red where Run does not thin what it keeps: a run that fails has dozens of clusters."""
    with Run() as run:
        Postgres(run.directory / "pg").start().stop()
        run.keep = True
    assert "ready to accept" in (run.directory / "pg/log").read_text()
    assert not (run.directory / "pg/data").exists()
    places.discard(run.directory)


def test_a_path_may_hold_a_space(run_directory, watched):
    """Red where a path of httpd.conf stands without quotes."""
    httpd = Httpd(run_directory / "a place", module=str(MODULE), asan=SANITIZED)
    secret, data_key = (new_secret(httpd.directory / name) for name in ("a secret", "a data key"))
    httpd.settings.directives = {"FinqSecretFile": secret, "FinqDataKey": data_key, "FinqUploadDir": httpd.writable("the uploads")}
    watched.append(httpd)
    visitor = Client(httpd.start().url, None, httpd.authority.certificate, base="")
    try:
        assert visitor.request("GET", "/v1/openapi.json").status == 200
    finally:
        visitor.close()
        httpd.stop()
        watched.remove(httpd)


def test_servers_read_what_a_run_writes_under_any_umask(tmp_path):
    """Red where begin_run leaves the caller's umask in force."""
    code = f"import pathlib; from finqenv.process import main; main(lambda: pathlib.Path({str(tmp_path / 'page')!r}).touch(), 'x')"
    process.run("sh", "-c", 'umask 077; exec /usr/bin/python3 -B -c "$0"', code, cwd=places.ROOT / "tests")
    assert (tmp_path / "page").stat().st_mode & 0o777 == 0o644


def test_a_clone_that_servers_cannot_reach(run_directory, monkeypatch):
    monkeypatch.setattr(Postgres, "in_memory", False)
    closed = run_directory / "closed"
    closed.mkdir(mode=0o700)
    cluster = Postgres(closed / "pg")
    home = cluster.home
    try:
        cluster.start()
        assert cluster.psql("SELECT 1") == "1"
        assert Postgres(closed / "pg").pid() == cluster.pid(), "another process finds it"
        assert str(home).startswith("/var/tmp/finq-") and home.stat().st_mode & 0o777 == 0o700
    finally:
        cluster.stop()
    places.discard(closed)
    assert not home.exists()
