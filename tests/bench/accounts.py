"""Account data at the sandbox bank: /accounts/get of two accounts beside B = 1 / (1/H + 1/D), /transactions/get of 20,000 rows beside COPY of
the same rows, a page of /transactions/sync where a million rows are stored, and what refreshes cost."""
import hashlib
import http.client
import os
import pathlib
import re
import statistics
import time

from finqenv import sandbox

from . import wire
from .site import CLIENTS, compact

ROUNDS, SECONDS = 5, 0.6
PAGE_SECONDS, STORED = 2, 1_000_000
CONSENTS, TURNS, A_MINUTE = 100, 5, 1000
PERSON = {"wait": 25, "psu_ip_address": "192.0.2.1"}


class Bank:
    def __init__(self, site, installation):
        self.site, self.installation = site, installation
        self.tenant = installation.create_tenant("Bench", [sandbox.SKILL])
        installation.finqctl("tenant", "redirect-allow", self.tenant.client_id, sandbox.LINK)
        self.client = installation.client(self.tenant)
        self.port = installation.httpd.settings.plain_port

    def agreed(self, customer):
        held = sandbox.agree(self.client, customer)
        self.client.data("/accounts/get", held, **PERSON)
        return held

    def body(self, held, **more):
        return compact({"client_id": self.tenant.client_id, "client_secret": self.tenant.client_secret, "credentials_id": held["credentials_id"],
                        "access_token": held["access_token"], **more})

    def rate(self, path, body):
        return self.site.fixed(path, body, self.port, SECONDS)["rate"]

    def direct(self, held, function):
        """pgbench calling what a path calls."""
        hashes = [f"'\\x{hashlib.sha256(text.encode()).hexdigest()}'" for text in (self.tenant.client_secret, held["access_token"])]
        given = f"'{self.tenant.client_id}', {hashes[0]}, '{held['credentials_id']}', {hashes[1]}"
        return wire.direct(self.site, self.installation, f"SELECT * FROM {function.format(given)};\n")


def _calls(table, bank):
    held = bank.agreed("1000")
    body = bank.body(held)
    ratios, figures = [], []
    for _ in range(ROUNDS):
        floor, direct, module = bank.rate("/floor", body), bank.direct(held, "finq.accounts_get({})"), bank.rate("/v1/accounts/get", body)
        ratios.append(module / (1 / (1 / floor + 1 / direct)))
        figures.append((floor, direct, module))
    middle = [table.median(column) for column in zip(*figures)]
    table.add("/accounts/get of two accounts, HTTP: M / B", statistics.median(ratios), target=0.85, note="H {:,.0f}  D {:,.0f}  M {:,.0f} /s".format(*middle))


def _resident(bank):
    """Bytes that the largest child has had resident at most, since this was asked last."""
    most = 0
    for child in bank.installation.httpd.children():
        most = max(most, int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{child}/status").read_text())[1]) * 1024)
        pathlib.Path(f"/proc/{child}/clear_refs").write_text("5")
    return most


def _streamed(bank, held, **more):
    """(seconds to the first byte of the answer, seconds to its end, bytes)"""
    connection = http.client.HTTPConnection("localhost", bank.port)
    began = time.monotonic()
    connection.request("POST", "/v1/transactions/get", bank.body(held, **more), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read(1)
    first = time.monotonic() - began
    length = 1 + len(answer.read())
    connection.close()
    return first, time.monotonic() - began, length


def _copied(bank, held):
    """Seconds that PostgreSQL takes for COPY of the same rows, psql's start not counted."""
    shown = bank.installation.psql(f"\\timing on\n\\o /dev/null\nCOPY (SELECT * FROM finq.transaction WHERE credentials_id = '{held['credentials_id']}' AND "
                                   "superseded_by IS NULL ORDER BY booked_at DESC) TO STDOUT;")
    return float(re.findall(r"Time: ([0-9.]+) ms", shown)[-1]) / 1000


def _transactions(table, bank, held):
    count = int(bank.installation.psql(f"SELECT count(*) FROM finq.transaction WHERE credentials_id = '{held['credentials_id']}'"))
    _streamed(bank, held)
    few = (_resident(bank), _streamed(bank, held, filter={"gt": "999999999"}))[0]
    copies, streams = zip(*((_copied(bank, held), _streamed(bank, held)) for _ in range(ROUNDS)))
    table.add(f"/transactions/get of {count:,} rows / COPY of them, by rate", statistics.median(c / s[1] for c, s in zip(copies, streams)), target=0.3,
              note=f"COPY {1000 * statistics.median(copies):.0f} ms, the answer {1000 * statistics.median(s[1] for s in streams):.0f} ms")
    table.add("  its first byte", 1000 * table.median([s[0] for s in streams]), "ms", target=20, at_most=True)
    table.add("  resident memory that it adds", max(0, _resident(bank) - few) / 1e6, "MB", target=2, at_most=True)


def _sync(table, bank, held):
    """A million rows of other consents lie beside, and the database has done with their coming."""
    psql = bank.installation.psql
    columns = psql("SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns WHERE table_schema = 'finq' AND table_name = "
                   "'transaction' AND column_name <> 'credentials_id'")
    psql(f"INSERT INTO finq.transaction (credentials_id, {columns}) SELECT md5(n::text)::uuid, {columns} FROM finq.transaction, "
         f"generate_series(1, {STORED // 20_000}) n WHERE credentials_id = '{held['credentials_id']}'; VACUUM ANALYZE finq.transaction; CHECKPOINT")
    cursor = bank.client.data("/transactions/sync", held, count=100)["next_cursor"]
    before = bank.site.cpu(bank.installation.httpd.pid())
    took = bank.site.load("fixed", bank.port, path="/v1/transactions/sync", body=bank.body(held, cursor=cursor, count=100), seconds=PAGE_SECONDS, status=200,
                          connections=1)["fixed"]
    spent = (bank.site.cpu(bank.installation.httpd.pid()) - before) / took["requests"]
    table.add(f"a page of /transactions/sync, {int(psql('SELECT count(*) FROM finq.transaction')):,} rows stored, p50", took["request_p50_us"] / 1000, "ms",
              target=2, at_most=True, note=f"one client; {1000 * spent:.1f} ms of a processor")


def _refreshes(table, bank):
    """In the background, with a new day's movements each time. Who waits for their end is one connection, and looks seldom: one a look, or many of them,
    would cost more than some refreshes."""
    psql, ids = bank.installation.psql, [sandbox.agree(bank.client, f"{5000 + number}")["credentials_id"] for number in range(CONSENTS)]
    of_them = f"finq.feed WHERE credentials_id IN ({', '.join(map(repr, ids))}) AND (refresh_id IS NOT NULL OR refreshed_at IS NULL OR due_at <= clock_timestamp())"

    def turn():
        bank.installation.finqctl("sandbox", "date", "--days", "1")
        psql(f"UPDATE finq.feed SET due_at = now(), refreshes = '{{}}' WHERE credentials_id IN ({', '.join(map(repr, ids))})")
        psql(f"SET statement_timeout = '120s'; DO $$ BEGIN WHILE EXISTS (SELECT FROM {of_them}) LOOP COMMIT; PERFORM pg_sleep(0.2); END LOOP; END $$")
    turn()
    began, before = time.monotonic(), bank.site.cpu(bank.installation.httpd.pid())
    for _ in range(TURNS):
        turn()
    spent, took = bank.site.cpu(bank.installation.httpd.pid()) - before, time.monotonic() - began
    each = spent / (TURNS * CONSENTS)
    table.add(f"{A_MINUTE:,} consents refreshed a minute: share of the cores", each * A_MINUTE / 60 / os.cpu_count(), target=0.1, at_most=True,
              note=f"{1000 * each:.1f} ms of a processor each; {TURNS * CONSENTS} in {took:.0f} s")


def measure(table, site, _database):
    with wire.server(site, "accounts", vhost=sandbox.BANK, children=2, threads=2 * CLIENTS, dbd=(0, 4, 4), directives={"FinqJanitorInterval": "5"}) as installation:
        bank = Bank(site, installation)
        _calls(table, bank)
        _refreshes(table, bank)
        held = bank.agreed("1007")
        _transactions(table, bank, held)
        _sync(table, bank, held)
        bank.client.close()
