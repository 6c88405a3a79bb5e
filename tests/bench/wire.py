"""Processor time of one request: the same bytes again and again on one connection to a server with one child."""
import contextlib
import itertools
import pathlib
import re
import secrets
import socket
import statistics

from finqenv.installation import Installation
from finqenv.postgres import SERVER, programs
from finqenv.process import Failure, clean_environ, run

from .site import CLIENTS, FLOOR

AHEAD = 32
FLOOR_CONFIG = f"""
LoadModule finq_floor_module "{FLOOR}"
<Location "/floor">
    SetHandler bench-floor
    Require all granted
</Location>
"""


@contextlib.contextmanager
def server(site, name, config="", **http):
    """A further installation on the site's PostgreSQL, with the skills of conf/skills."""
    database = f"bench_{name}_{secrets.token_hex(4)}"
    made = Installation(site.directory / name, cluster=site.installation.postgres, database=database, plain=True,
                        log_level="warn", **{"children": 1, "server": FLOOR_CONFIG + config, **http})
    try:
        made.start()
        made.publish_skills()
        yield made
    finally:
        made.stop()


def request(path, body, line="X-Padding: x"):
    return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n{line}\r\n\r\n{body}").encode()


def cpu(httpd):
    """Seconds that httpd's children have computed so far, to the nanosecond."""
    tasks = [task for child in httpd.children() for task in pathlib.Path(f"/proc/{child}/task").iterdir()]
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def send(port, requests, status, end=b"}"):
    """Requests on one connection, some ahead of their answers, as on a server that is busy with nothing else; each must get
    the status, and an answer that ends so. Returns how many there were."""
    count, requests = 0, iter(requests)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while some := list(itertools.islice(requests, AHEAD)):
            connection.sendall(b"".join(some))
            text = b""
            while text.count(b"HTTP/1.1 ") < len(some) or not text.endswith(end):
                text += connection.recv(1 << 20)
            if text.count(b"HTTP/1.1 %d " % status) != len(some):
                raise AssertionError(text)
            count += len(some)
    return count


def direct(site, installation, sql, calls=100):
    """How many calls of the same a second pgbench makes of the database, so many on each connection."""
    script, postgres = site.directory / "direct.pgbench", installation.postgres
    script.write_text(sql)
    done = run(programs() / "pgbench", "-n", "-M", "prepared", "-c", CLIENTS, "-j", 1, "-t", calls, "-f", script, "-h", "127.0.0.1",
               "-p", postgres.port, "-U", SERVER, installation.database, env=clean_environ(PGPASSWORD=postgres.passwords[SERVER]))
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if not found:
        raise Failure(done.stdout + done.stderr)
    return float(found[1])


def rounds(httpd, wanted, number):
    """`wanted`: name -> what send takes. Returns name -> microseconds a request, one for each of the interleaved
    rounds; a first one fills caches."""
    taken = {name: [] for name in wanted}
    for turn in range(number + 1):
        for name in sorted(wanted, reverse=turn % 2):
            before = cpu(httpd)
            count = send(*wanted[name])
            taken[name].append(1e6 * (cpu(httpd) - before) / count)
    return {name: times[1:] for name, times in taken.items()}


def ratio(taken, one, other):
    """Rounds lie close together, so each has a ratio of its own."""
    return statistics.median(a / b for a, b in zip(taken[one], taken[other]))
