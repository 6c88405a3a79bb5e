"""Transactions of somebody else's, which hold what the server's calls need."""
import subprocess
import threading

from .postgres import programs
from .process import clean_environ, until


# Whether a call of the server's waits for a lock.
WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'finq_web'"


class Blocker:
    """A transaction of somebody else's, open until the end of the block."""

    def __init__(self, installation, *statements):
        postgres = installation.postgres
        self._psql = subprocess.Popen(
            [programs() / "psql", "-XqAt", "-h", postgres.socket, "-p", str(postgres.port), "-U", "postgres",
             "-d", installation.database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_environ(), cwd="/")
        self._psql.stdin.write("BEGIN;" + "".join(f"{each};\n" for each in statements) + "SELECT 'locked';\n")
        self._psql.stdin.flush()
        while self._psql.stdout.readline().strip() != "locked":
            assert self._psql.poll() is None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._psql.stdin.close()
        self._psql.stdout.close()
        self._psql.wait()


class Hold(threading.Thread):
    """A transaction of somebody else's that does `what` (the end of a SELECT, and statements behind it), and commits once `waiters`
    wait for it: begun when this is made, and over after join."""

    def __init__(self, installation, what, waiters):
        super().__init__(daemon=True)
        self._installation, self._statement = installation, f"""DO $$ BEGIN
            PERFORM {what};
            PERFORM set_config('application_name', 'holds', false);
            FOR i IN 1..1500 LOOP
                EXIT WHEN (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock') >= {waiters};
                PERFORM pg_sleep(0.02), pg_stat_clear_snapshot();
            END LOOP; END $$"""
        self.start()
        until(lambda: installation.psql("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'holds'"),
              what="the lock")

    def run(self):
        self._installation.psql(self._statement)


def locked(*users):
    """The statement that locks the sessions of these users."""
    sessions = ", ".join(f"'{user.session_id}'" for user in users)
    return f"SELECT 1 FROM finq.session WHERE session_id IN ({sessions}) FOR UPDATE"
