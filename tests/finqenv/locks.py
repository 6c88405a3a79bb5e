"""Transactions of somebody else's, which hold what the server's calls need."""
import subprocess

from .postgres import programs
from .process import clean_environ


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


def locked(*users):
    """The statement that locks the sessions of these users."""
    sessions = ", ".join(f"'{user.session_id}'" for user in users)
    return f"SELECT 1 FROM finq.session WHERE session_id IN ({sessions}) FOR UPDATE"
