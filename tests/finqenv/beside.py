"""What stands beside the servers of `make up`: a receiver that prints a tenant's events, finqctl, which delivers them
there, and the gallery, which opens the module's own pages. They go on when `make up` has ended, and write into files."""
import subprocess
import sys

from .installation import FINQCTL
from .places import ROOT
from .process import clean_environ, free_port, kill_tree, port_is_free, servers_in, unbroken, until

PROGRAMS = ("events.py", "outbox", "gallery.py")
MODULES = ("proxy", "proxy_http", "authz_host")
# The gallery is what stands at the top; numbers and health are for whoever asks here.
GALLERY = """
ProxyPassMatch "^/(try|done)?$" "http://127.0.0.1:{port}/$1"
<Location "/finq/metrics">
    SetHandler finq-metrics
    Require local
</Location>
<Location "/finq/health">
    SetHandler finq-health
    Require local
</Location>
"""


class Beside:
    """Of one installation. `ports` are the receiver's and the gallery's, the same for as long as it is up."""

    def __init__(self, directory, ports=None):
        self.directory = directory
        self.ports = ports or {"events": free_port(), "gallery": free_port()}
        self.events_secret = directory / "events.secret"
        self.events = directory / "events.log"

    def events_url(self):
        return f"http://127.0.0.1:{self.ports['events']}/events"

    def vhost(self):
        return GALLERY.format(port=self.ports["gallery"])

    def hook(self, installation, tenant):
        """Has the tenant's events sent to the receiver."""
        shown = installation.finqctl("webhook", "set", tenant.client_id, self.events_url(), "--secret-file", installation.secret_file,
                                     "--allow-address", "127.0.0.1")
        self.events_secret.touch(mode=0o600)
        self.events_secret.write_text(shown["secret"])

    def _commands(self, installation):
        return {
            "events.py": (sys.executable, ROOT / "tests/events.py", str(self.ports["events"]), self.events_secret),
            "gallery.py": (sys.executable, ROOT / "tests/gallery.py", str(self.ports["gallery"]), self.directory / "finq.env"),
            "outbox": (FINQCTL, "outbox", "run", "--secret-file", installation.secret_file, "--allow-address", "127.0.0.1"),
        }

    def running(self):
        """Those of PROGRAMS that run."""
        found = {}
        for pid in servers_in(self.directory):
            words = _words(pid)
            found.update({name: pid for name in PROGRAMS if any(word.endswith(name) for word in words)})
        return found

    def start(self, installation, anew=False):
        """Starts those that do not run; all of them `anew`. Returns whether there was one."""
        before = self.running()
        if anew:
            for pid in before.values():
                kill_tree(pid)
            before = {}
        for name, command in self._commands(installation).items():
            if name not in before:
                self._launch(command, self.events if name == "events.py" else self.directory / "beside.log",
                             clean_environ(FINQ_DB=installation.conninfo()))
        for port in self.ports.values():
            until(lambda port=port: not port_is_free(port), what=f"a listener at port {port}")
        return set(before) != set(PROGRAMS)

    def _launch(self, command, log, environ):
        with unbroken(), log.open("a") as output:
            subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environ,
                             cwd=ROOT, start_new_session=True)


def _words(pid):
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            return file.read().split("\0")
    except OSError:
        return []
