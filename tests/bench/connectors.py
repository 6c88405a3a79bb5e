"""A step with a connector behind it: what mod_finq and mod_proxy add, and how many wait beside each other."""
import contextlib
import json
import secrets
import socket
import statistics
import subprocess
import sys
import time
import uuid

from connector import protocol
from finqenv.places import ROOT
from finqenv.process import running

from . import wire
from .site import compact

NAME = "bench_connector_sbx_#1.0"
ROUNDS = 5
COUNT = 300
TOGETHER, THINKS = 64, 0.2
PLAIN = "bench_plain_sbx_#1.0"
SKILL = {"name": NAME, "title": "Benchmark", "type": "marketplace", "environment": "sandbox",
         "servicer": {"name": "XYZ Bank", "country": "Romania"},
         "steps": [{"name": "asked", "title": "Asked", "schema": {"type": "object"}, "connector": "bank"},
                   {"name": "last", "title": "Last", "schema": {"type": "object"}}]}
CONFIG = f"""
ProxyPass /internal/bank http://127.0.0.1:{{port}}/ask timeout=5 connectiontimeout=1 retry=0
FinqConnector bank /internal/bank "{{secret}}" limit={TOGETHER}
"""


@contextlib.contextmanager
def _connector(secret, seconds):
    command = [sys.executable, ROOT / "tests/bench/connector.py", secret, str(seconds)]
    with running(command, stdout=subprocess.PIPE) as child:
        yield int(child.stdout.readline())


@contextlib.contextmanager
def _server(site, name, seconds):
    """(installation, tenant, the connector's port, its secret). One child with more threads than sessions: a child
    that is short of threads closes connections that are kept alive."""
    secret = site.directory / f"{name}.secret"
    secret.touch(mode=0o600)
    secret.write_text(secrets.token_hex(32) + "\n")
    with _connector(secret, seconds) as port:
        with wire.server(site, name, modules=("proxy", "proxy_http"), vhost=CONFIG.format(port=port, secret=secret),
                         threads=128, dbd=(0, 16, 16)) as installation:
            first, last = SKILL["steps"]
            plain = {key: value for key, value in first.items() if key != "connector"}
            for skill in (SKILL, {**SKILL, "name": PLAIN, "steps": [plain, last]}):
                file = site.directory / f"{name}.json"
                file.write_text(json.dumps(skill))
                installation.finqctl("skill", "publish", file)
            # A commit waits for the disk either way, on a shared machine for very different times.
            installation.psql(f"ALTER DATABASE {installation.database} SET synchronous_commit = off")
            yield installation, installation.create_tenant("Bench", (NAME, PLAIN)), port, secret


def _step(site, installation, tenant, skill, connections, count):
    """What was measured of the first step."""
    return site.load("phases", installation.httpd.settings.plain_port, connections=connections, count=count,
                     **{"client-id": tenant.client_id, "client-secret": tenant.client_secret,
                        "app-key": tenant.client_app_key, "skill": skill, "step1": "asked", "step2": "last",
                        "data1": "{}", "data2": "{}"})["step1"]


def _own(port, secret):
    """The median microseconds of the same question, asked directly on a connection kept alive."""
    keys, times = protocol.read_secrets(secret), []
    body = compact({"event": "submit", "session_id": str(uuid.uuid4()), "step_id": str(uuid.uuid4()), "skill": NAME,
                    "step": "asked", "data": {}, "documents": [], "tenant_user_id": None, "attempt": str(uuid.uuid4())})
    signed = protocol.sign(keys, "question", "bank", str(uuid.uuid4()), body.encode())
    request = wire.request("/ask", body, "\r\n".join(f"{name}: {value}" for name, value in signed.items()))
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(COUNT):
            began = time.perf_counter()
            connection.sendall(request)
            if not connection.recv(65536).startswith(b"HTTP/1.1 200 "):
                raise AssertionError("the connector did not accept")
            times.append(1e6 * (time.perf_counter() - began))
    return statistics.median(times)


def _added(table, site):
    own, asked, plain = [], [], []
    with _server(site, "quick", 0) as (installation, tenant, port, secret):
        for _ in range(ROUNDS):
            own.append(_own(port, secret))
            for skill, times in ((NAME, asked), (PLAIN, plain)):
                times.append(_step(site, installation, tenant, skill, 1, COUNT)["request_p50_us"])
    added = statistics.median(a - b - c for a, b, c in zip(asked, own, plain))
    table.add("what the connector path adds to a step, beyond the connector's own time (p50)", added / 1000, "ms", target=1,
              at_most=True, note=f"step {table.median(asked):,.0f} us, connector {table.median(own):,.0f} us, "
                                 f"the same step without one {table.median(plain):,.0f} us; commits do not wait for the disk")


def _together(table, site):
    rates, bound = [], TOGETHER / THINKS
    with _server(site, "thinking", THINKS) as (installation, tenant, _, _):
        for _ in range(3):
            rates.append(_step(site, installation, tenant, NAME, TOGETHER, 10 * TOGETHER)["rate"])
    rate = table.median(rates)
    table.add(f"{TOGETHER} sessions at once, connector takes {THINKS * 1000:.0f} ms: rate / bound", rate / bound, target=0.8,
              note=f"{rate:,.0f} steps/s; {TOGETHER} / {THINKS} s = {bound:,.0f} /s are the bound")


def measure(table, site, _database):
    _added(table, site)
    _together(table, site)
