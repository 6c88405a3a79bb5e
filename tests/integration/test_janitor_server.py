"""The janitor in the server: by itself, each FinqJanitorInterval, with what it does in log, numbers and pages.

Seen red: see each test.
"""
import re

import pytest

from finqenv import documents
from finqenv.postgres import SERVER
from finqenv.process import until
from finqenv.proxy import Proxy
from finqenv.uploads import Desk

DAY = 24 * 3600
PNG, OTHER = documents.png(), documents.png(shade=0x77)
PAGES = "".join(f'<Location "{path}">\nSetHandler {handler}\nRequire all granted\n</Location>\n'
                for path, handler in (("/metrics", "finq-metrics"), ("/server-status", "server-status")))


@pytest.fixture(scope="module")
def desk(make_module_server, server):
    return Desk(make_module_server(cluster=server.postgres, database="janitor_server", vhost=PAGES, modules=("status",),
                                   directives={"FinqJanitorInterval": "1"}))


def page(desk, path):
    return desk.client.request("GET", path).body.decode()


def figure(desk, name):
    return int(re.search(rf"^FinqHost\[0\]{name}: (\d+)$", page(desk, "/server-status?auto"), re.MULTILINE)[1])


def metric(desk, name):
    return int(re.search(rf"^{re.escape(name)} (\d+)$", page(desk, "/metrics"), re.MULTILINE)[1])


def jobs_done(desk, host):
    """Of a host, of whatever job."""
    return sum(map(int, re.findall(rf"^finq_janitor_done_total{{{re.escape(host)},job=\S+}} (\d+)$", page(desk, "/metrics"), re.MULTILINE)))


def end(desk, user, ago="31 days"):
    desk.installation.psql("UPDATE finq.session SET status = 'SESSION_FAILED', is_over = true, updated_at = clock_timestamp(),"
                           f" started_at = clock_timestamp() - interval '{ago}', expires_at = clock_timestamp() - interval '{ago}' WHERE session_id = '{user.session_id}'")


def test_it_works_by_itself(desk):
    """What has ended goes, rows and files; what has not stays. Red without finq_janitor_start, and without files_tidy."""
    host = f'host="localhost:{desk.installation.httpd.settings.port}"'

    def counted():
        return [metric(desk, f'finq_janitor_done_total{{{host},job="{job}"}}') for job in ("files_removed", "sessions_removed")]
    before, failures = counted(), figure(desk, "JanitorFailures")
    gone, stays = desk.user(), desk.user()
    gone.upload("photo", PNG)
    kept = stays.upload("photo", PNG)["upload_id"]
    end(desk, gone)
    until(lambda: desk.placed() == [kept], what="the file's end")
    assert desk.rows(gone.step_id) == {} and stays.submit("last", {}).status == 200
    assert desk.installation.psql("SELECT count(*) FROM finq.upload_removed") == "0"
    until(lambda: counted() == [number + 1 for number in before], what="their numbers")
    assert metric(desk, f"finq_janitor_failures_total{{{host}}}") == failures
    now = int(desk.installation.psql("SELECT finq.seconds(clock_timestamp())"))
    until(lambda: now - 5 <= metric(desk, f"finq_janitor_last_run_timestamp_seconds{{{host}}}"), what="the time of the run")
    until(lambda: figure(desk, "JanitorDone") == jobs_done(desk, host) >= 2, what="the sum of all jobs")
    assert figure(desk, "JanitorFailures") == failures and figure(desk, "JanitorLagSeconds") == 0
    desk.installation.httpd.log.wait_for(r"FINQ12: janitor: sessions_removed 1")


def test_finqctl_goes_by_what_the_servers_go_by(make_server, server):
    """Where it is told nothing else. Red with presets of its own, and where janitor_begin does not note them."""
    patient = Desk(make_server(cluster=server.postgres, database="janitor_patient", directives={"FinqJanitorInterval": "1", "FinqSessionRetention": "90d",
                                                                                               "FinqEventRetention": "45d", "FinqAuditRetention": "20y"}))
    psql, user = patient.installation.psql, patient.user()
    end(patient, user, "40 days")
    until(lambda: psql("SELECT sessions, events, audit FROM finq.retention") == f"{90 * DAY}|{45 * DAY}|{20 * 365 * DAY}", what="the server's run")
    patient.installation.httpd.stop()  # which would be at it now and then
    assert "sessions_removed" not in filled(patient.installation.finqctl("janitor", "run"))
    assert filled(patient.installation.finqctl("janitor", "run", "--session-retention", f"{30 * DAY}"))["sessions_removed"] == 1
    assert psql(f"SELECT count(*) FROM finq.session WHERE session_id = '{user.session_id}'") == "0"
    assert psql("SELECT sessions FROM finq.retention") == f"{90 * DAY}", "it was for once"


def filled(done):
    """The jobs that found something."""
    return {job: rows for job, rows in done.items() if rows}


def test_a_disk_that_refuses(desk):
    """Nothing wrong is shown, no other file is held up, and what was to go goes once it can. Red where rows_follow ends at the
    first error."""
    log = desk.installation.httpd.log
    user, other = desk.user(), desk.user()
    stuck = user.upload("photo", PNG)["upload_id"]
    free = other.upload("photo", OTHER)["upload_id"]
    file = next(desk.directory.glob(f"2*/{stuck}"))
    file.unlink()
    file.mkdir()  # nothing that unlink() takes
    log.expect(r"FINQ11: janitor: 1 files could not be removed: .*; the next run tries again")
    end(desk, user)
    end(desk, other)
    until(lambda: free not in desk.placed() and not desk.rows(user.step_id), what="the other file's end")
    log.wait_for("FINQ11: janitor: 1 files")
    assert desk.installation.psql("SELECT upload_id FROM finq.upload_removed") == stuck
    assert figure(desk, "JanitorFailures") > 0
    file.rmdir()
    file.write_bytes(PNG.content)
    until(lambda: stuck not in desk.placed(), what="its end")
    until(lambda: desk.installation.psql("SELECT count(*) FROM finq.upload_removed") == "0", what="the row's end")


@pytest.mark.parametrize("lost", ["questions", "answers"])
def test_a_child_ends_in_the_midst_of_a_run(make_server, server, lost):
    """It waits for the call that the janitor has out: else the thread would use what has gone with the child's memory, and mod_dbd
    abort the child for the connection that has not come back. Red without child_end in janitor.c."""
    made = make_server(cluster=server.postgres, database=f"midst_{lost}", children=1, plain=True,
                       directives={"FinqJanitorInterval": "1", "FinqDatabaseTimeout": "2"})
    proxy = Proxy(server.postgres.port)
    made.httpd.settings.database = proxy.conninfo(server.postgres.conninfo(SERVER, made.database))
    made.httpd.restart()
    try:
        made.httpd.log.expect("FINQ11: janitor: ")  # whatever it asked just then
        made.httpd.log.tolerate("dbd:error")
        until(lambda: made.psql("SELECT given_at FROM finq.lease WHERE name = 'janitor'"), what="its first run, with a connection")
        proxy.lost.clear()
        proxy.lose = lost
        assert proxy.lost.wait(30), "nobody else asks"
        made.httpd.graceful_stop()
    finally:
        proxy.close()
