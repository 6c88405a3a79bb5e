"""Processes, ports and waiting: by condition, never by a fixed pause."""
import contextlib
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import time

# Below Linux's ephemeral range, so that no outgoing connection holds the port. Each worker of pytest-xdist has its own:
# between its choice and its use, no other takes a port.
WORKER, WORKERS = os.environ.get("PYTEST_XDIST_WORKER", "gw0"), os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")
PORTS = range(20000, 32768)[int(WORKER.removeprefix("gw"))::int(WORKERS)]
SERVERS = {"apache2", "clamd", "postgres", "pgbouncer", "chromium-headless-shell", "chromedriver", "node", "finqctl"}
SERVICE = re.compile(r"/tests/(connector/run|bench/connector|events|gallery)\.py\0")


class Failure(Exception):
    """What a user of the environment is told, without a traceback."""


def clean_environ(**more):
    """The caller's environment without what would point clients or servers elsewhere."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("PG", "FINQ_", "APACHE_", "SSL_CERT", "MAKE", "MFLAGS"))}
    return {**kept, "LC_ALL": "C.UTF-8", **more}


def run(*command, check=True, text=None, **options):
    """Runs a command; its output is part of the failure where it fails."""
    options.setdefault("env", clean_environ())
    done = subprocess.run([str(word) for word in command], input=text, text=True, capture_output=True, **options)
    if check and done.returncode:
        raise Failure(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}".rstrip())
    return done


@contextlib.contextmanager
def running(command, **options):
    """A process that runs as long as the block does, however that ends."""
    options.setdefault("env", clean_environ())
    with subprocess.Popen([str(word) for word in command], text=True, **options) as child:
        try:
            yield child
        finally:
            child.terminate()


def until(condition, seconds=30, what="the condition"):
    """Waits until `condition()` is true and returns its value."""
    end = time.monotonic() + seconds
    pause = 0.005
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited {seconds} s in vain for {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def loopback_addresses():
    """127.0.0.1, and ::1 where the machine has it: localhost may mean either."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return ["127.0.0.1", "::1"]
    except OSError:
        return ["127.0.0.1"]


def port_is_free(port):
    for address in loopback_addresses():
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
                probe.listen(1)
            except OSError:
                return False
    return True


_given = set()


def free_port():
    """Never the same twice: who was given one may not listen there yet."""
    port = until(lambda: next((p for p in random.sample(PORTS, 20) if p not in _given and port_is_free(p)), None), what="a free port")
    _given.add(port)
    return port


def _entries(directory):
    """The paths in a directory; none where the process that it is about has gone."""
    try:
        return [f"{directory}/{name}" for name in os.listdir(directory)]
    except OSError:
        return []


def _told(path):
    """What a file of /proc says, or a link of it; nothing where what it is about has gone."""
    try:
        return os.readlink(path) if os.path.islink(path) else pathlib.Path(path).read_text()
    except OSError:
        return ""


def _stat(pid):
    """State letter and parent of a process, or None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return fields[0].decode(), int(fields[1])


def alive(pid):
    """Whether a process runs. A zombie does not: where nobody reaps, it stays in the table for ever."""
    stat = _stat(pid)
    return stat is not None and stat[0] not in "ZX"


def _pids():
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def children(pid):
    """Linux keeps a list, if it was built to; asking every process of the machine takes a hundred times as long."""
    lists = [_told(f"{thread}/children") for thread in _entries(f"/proc/{pid}/task")]
    asked = [int(child) for told in lists for child in told.split()] if any(lists) else _pids()
    return [p for p in asked if (stat := _stat(p)) and stat[1] == pid and stat[0] not in "ZX"]


def is_asleep(pid):
    """Whether none of its threads does anything: what they have begun has come to where it waits."""
    stats = [_told(f"{thread}/stat").rpartition(")")[2].split() for thread in _entries(f"/proc/{pid}/task")]
    return all(fields[0] == "S" for fields in stats if fields)


def listens(pid):
    """Whether a process may accept connections, on whatever port."""
    sockets = [line.split() for name in ("tcp", "tcp6") for line in _told(f"/proc/net/{name}").splitlines()[1:]]
    listening = {f"socket:[{fields[9]}]" for fields in sockets if fields[3] == "0A"}
    return any(_told(descriptor) in listening for descriptor in _entries(f"/proc/{pid}/fd"))


def _command(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")


def _mentions(pid, text):
    try:
        return text in _command(pid) or os.readlink(f"/proc/{pid}/cwd").startswith(text)
    except OSError:
        return False


def _is_server(pid):
    """Not somebody's shell or pager that happens to look at a server's files."""
    try:
        program = os.path.basename(os.readlink(f"/proc/{pid}/exe")).split()[0]
        return program in SERVERS or program.startswith("python3") and SERVICE.search(_command(pid)) is not None
    except OSError:
        return False


def servers_in(directory):
    """Running servers whose files are in a directory, or where its links lead."""
    directory = pathlib.Path(directory)
    links = (path for path in directory.rglob("*") if path.is_symlink() and path.is_dir())
    places = [f"{place}/" for place in (directory, *(link.resolve() for link in links))]
    return [p for p in _pids() if alive(p) and _is_server(p) and any(_mentions(p, place) for place in places)]


def read_pid(path, directory):
    """The process of a pid file, if it runs and is one of ours; a recycled number is not."""
    try:
        pid = int(path.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None
    return pid if alive(pid) and _mentions(pid, str(directory)) else None


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def kill_tree(pid):
    """SIGKILL to a process and its children; stopped ones die too."""
    send(pid, signal.SIGSTOP)  # or it would have more of them meanwhile
    family = [pid, *children(pid)]
    for member in family:
        send(member, signal.SIGKILL)
    until(lambda: not any(map(alive, family)), what=f"the end of process {pid}")


def end_servers_in(directory):
    """Kills what a stop did not reach, such as a server whose start was cut short. Returns the pids."""
    left = servers_in(directory)
    for pid in left:
        kill_tree(pid)
    return left


class Interrupted(KeyboardInterrupt):
    """A signal asked for the end; pytest and `finally` treat it as Ctrl-C."""

    def __init__(self, number):
        super().__init__()
        self.status = 128 + number


ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
asked = []  # the signals that have asked


@contextlib.contextmanager
def unbroken():
    """Signals that ask for the end wait until the block's: between a process's birth and its name nobody could end it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ASKING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_on_signals():
    """Makes the first SIGINT, SIGTERM or SIGHUP end the run through its cleanup, and the rest not disturb that."""
    def leave(number, _frame):
        for other in ASKING:
            signal.signal(other, signal.SIG_IGN)
        asked.append(number)
        raise Interrupted(number)
    for number in ASKING:
        signal.signal(number, leave)


def begin_run():
    """What every run begins with. What servers shall read they can read, whatever the caller's umask; secrets have modes
    of their own."""
    os.umask(0o022)
    end_on_signals()


def main(action, name):
    """Runs a command's action: a failure in one line, an interruption as the exit status that shells expect."""
    begin_run()
    try:
        action()
    except Failure as failure:
        sys.exit(f"\n{name}: {failure}")
    except Interrupted as interrupted:
        sys.exit(interrupted.status)
    if asked:  # in a finalizer, out of which Python lets no exception
        sys.exit(128 + asked[0])
