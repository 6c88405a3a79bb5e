"""A private httpd with TLS."""
import contextlib
import dataclasses
import os
import pathlib
import signal
import socket
import subprocess

from . import httpd_conf
from .authority import Authority
from .client import Client
from .errorlog import ErrorLog
from .places import reachable
from .process import (Failure, alive, children, clean_environ, free_port, kill_tree, listens, loopback_addresses,
                      read_pid, run, send, until)

PROGRAM = "/usr/sbin/apache2"


class Httpd:
    """One httpd of its own configuration. Files: httpd.conf, error.log, httpd.pid, tls/, and links to what
    www-data writes. `settings` are httpd_conf.Settings' fields; change them and `restart` or `graceful`."""

    USER = "www-data"

    def __init__(self, directory, **settings):
        self.directory = pathlib.Path(directory)
        self.settings = httpd_conf.Settings(**settings)
        self.runtime = self.directory / "runtime"
        self.pid_file = self.directory / "httpd.pid"
        self.config = self.directory / "httpd.conf"
        self.log = ErrorLog(self.directory / "error.log")
        self.authority = Authority(self.directory / "tls")
        self.runtime.mkdir(parents=True, exist_ok=True)
        self.settings.port = self.settings.port or free_port()
        if self.settings.plain:
            self.settings.plain_port = self.settings.plain_port or free_port()
        self.documents = self.writable("htdocs")  # empty: what is not the API's is 404
        self.sanitizer_logs = self.writable("asan")

    def writable(self, name):
        """A directory for the module to write to, such as FinqUploadDir's."""
        return reachable(self.directory / name, self.USER)

    def certificate_for(self, name):
        return self.authority.issue(name, [] if name == "localhost" else [name])

    @property
    def url(self):
        return f"https://localhost:{self.settings.port}"

    # -- running it

    def _environ(self):
        if self.settings.clock:  # a monotonic clock is nobody's to set
            library = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
            how = "FAKETIME_TIMESTAMP_FILE" if isinstance(self.settings.clock, pathlib.Path) else "FAKETIME"
            return clean_environ(LD_PRELOAD=library, DONT_FAKE_MONOTONIC="1", FAKETIME_NO_CACHE="1", **{how: self.settings.clock})
        if not self.settings.asan:
            return clean_environ()
        library = subprocess.check_output(["gcc", "-print-file-name=libasan.so"], text=True).strip()
        # httpd and APR keep what they allocate until they exit, so leaks are looked for elsewhere (resident size).
        return clean_environ(LD_PRELOAD=os.path.realpath(library),
                             ASAN_OPTIONS=f"detect_leaks=0:log_path='{self.sanitizer_logs}/log'",
                             UBSAN_OPTIONS=f"print_stacktrace=1:log_path='{self.sanitizer_logs}/log'")

    def _write(self):
        self.config.touch(mode=0o600)  # it holds the database's password
        self.config.write_text(httpd_conf.render(self, self.settings, loopback_addresses()))

    def _httpd(self, *arguments, check=True):
        self._write()
        return run(PROGRAM, "-d", self.directory, "-f", self.config, *arguments, check=check, cwd="/",
                   env=self._environ(), start_new_session=True)

    def configtest(self, directives=None, **settings):
        """(whether the configuration is right, what httpd says about it); with further or other `directives` and `settings`, for
        this look alone."""
        kept = self.settings
        self.settings = dataclasses.replace(kept, directives={**kept.directives, **(directives or {})}, **settings)
        try:
            done = self._httpd("-t", check=False)
        finally:
            self.settings = kept
            self._write()
        return done.returncode == 0, done.stdout + done.stderr

    def directives(self):
        """What httpd and its modules know: the output of `apache2 -L`."""
        return self._httpd("-L").stdout

    def start(self):
        """Starts it and waits until it accepts connections and has its children."""
        done = self._httpd("-k", "start", check=False)
        if done.returncode:
            raise Failure(f"httpd did not start: {done.stdout}{done.stderr}{self._last_words()}")
        until(lambda: self._serves() or self._died(), what="httpd to serve")
        return self

    def _serves(self):
        """Connections are accepted before there is a child to take them."""
        return self.listening() and len(self.children()) >= self.settings.children

    def _died(self):
        if self.pid_file.exists() and not self.pid():
            raise Failure(f"httpd ended at once: {self._last_words()}")
        return False

    def _last_words(self):
        return "\n".join(self.log.lines()[-15:])

    def pid(self):
        """The parent's pid, or None."""
        return read_pid(self.pid_file, self.directory)

    def children(self):
        return children(self.pid()) if self.pid() else []

    def listening(self):
        try:
            socket.create_connection(("127.0.0.1", self.settings.port), 1).close()
        except OSError:
            return False
        return self.pid() is not None

    def stop(self):
        """Stops it and waits for the last child. A stopped httpd is no error.

        mpm_event itself may crash where a child is to end at once while TLS connections are just closing: the main thread shuts
        down sockets that a worker frees. So the children are first asked to end in peace, and have a second for it; only one
        that is alive then may die so.
        """
        pid = self.pid()
        if not pid:
            return
        family = children(pid)
        send(pid, signal.SIGWINCH)
        with contextlib.suppress(Failure):
            until(lambda: not any(map(alive, family)), 1)  # those who have something to do may be told to end at once
        if busy := [str(child) for child in family if alive(child)]:
            self.log.allow(rf"AH00052: child pid ({'|'.join(busy)}) exit signal Segmentation fault")
        send(pid, signal.SIGTERM)
        until(lambda: not any(map(alive, [pid, *family])), what="httpd to end")

    def graceful_stop(self, seconds=60):
        """Stops accepting, lets requests under way finish."""
        pid = self.pid()
        if not pid:
            return
        family = [pid, *children(pid)]
        send(pid, signal.SIGWINCH)
        until(lambda: not any(map(alive, family)), seconds, "httpd to end")

    def _generations(self):
        return sum("resuming normal operations" in line for line in self.log.lines())

    def graceful(self):
        """Takes over changed settings; requests under way finish with the old ones. Who connects from now on meets a new child,
        and every Client does: the old ones no longer listen, and end what they had kept at any moment."""
        before, old = self._generations(), self.children()
        self.log.allow("AH03490: scoreboard is full")  # while an old child keeps its place
        self._httpd("-k", "graceful")
        until(lambda: self._generations() > before, what="the new generation")
        until(lambda: not any(map(listens, old)), what="the old generation to stop listening")
        Client.renew()

    def restart(self):
        self.stop()
        self.start()

    def kill9(self):
        if self.pid():
            kill_tree(self.pid())

    def check(self):
        """Ends a test: complaints about the error log and the sanitizers' reports."""
        complaints = self.log.check()
        for report in sorted(self.sanitizer_logs.iterdir()):
            complaints.append(f"sanitizer: {report.read_text(errors='replace')}")
            report.unlink()
        return complaints
