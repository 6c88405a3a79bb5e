"""A clamd of our own: Debian's program, with a configuration, a directory and two signatures of the tests."""
import os
import pathlib
import pwd
import subprocess

from .places import reachable
from .process import kill_tree, send, unbroken, until

PROGRAM = "/usr/sbin/clamd"
USER = "www-data"
# Made here, so that no file of the project is what scanners look for.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE" + b"!$H+H*"
DEFAULTS = {"StreamMaxLength": "2M", "MaxFileSize": "2M", "MaxScanSize": "4M", "AlertExceedsMax": "yes"}


class Clamd:
    """`settings` are lines of clamd.conf; change them and `restart`."""

    def __init__(self, directory, **settings):
        self.directory = reachable(pathlib.Path(directory), USER, longest=60)
        self.socket, self.config = self.directory / "ctl", self.directory / "clamd.conf"
        self.settings = {**DEFAULTS, **settings}
        self._process = None

    @property
    def directive(self):
        """What FinqScan says of it."""
        return f'"clamd:{self.socket}"'

    @property
    def pid(self):
        return self._process.pid

    def _write(self):
        database, temporary = self.directory / "signatures", self.directory / "tmp"
        for directory in (database, temporary):
            directory.mkdir(exist_ok=True)
            os.chown(directory, pwd.getpwnam(USER).pw_uid, -1)
        (database / "own.ndb").write_text(f"Finq.Test.Eicar:0:*:{EICAR.hex()}\n")
        own = {"LocalSocket": self.socket, "DatabaseDirectory": database, "TemporaryDirectory": temporary, "LogFile": self.directory / "log",
               "Foreground": "yes", "MaxThreads": 4, "SelfCheck": 86400, "Bytecode": "no"}
        self.config.write_text("".join(f"{name} {value}\n" for name, value in {**own, **self.settings}.items()))
        self.config.chmod(0o644)

    def start(self):
        self._write()
        owner = pwd.getpwnam(USER)
        with unbroken(), (self.directory / "output").open("wb") as output:
            self._process = subprocess.Popen([PROGRAM, f"--config-file={self.config}"], stdin=subprocess.DEVNULL, stdout=output,
                                             stderr=output, cwd="/", user=owner.pw_uid, group=owner.pw_gid, extra_groups=[])
        until(lambda: self.socket.exists() or self._process.poll() is not None, what="clamd's socket")
        assert self._process.poll() is None, (self.directory / "output").read_text()
        return self

    def signal(self, number):
        send(self.pid, number)

    def stop(self):
        """At once: it has nothing to finish."""
        if self._process and self._process.poll() is None:
            kill_tree(self.pid)
            self._process.wait()
        self.socket.unlink(missing_ok=True)

    def restart(self):
        self.stop()
        return self.start()
