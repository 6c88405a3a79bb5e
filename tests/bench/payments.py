"""/payments/get: M beside B = 1 / (1/H + 1/D), measured in turn. H parses and answers, D calls the same function, for the same payment."""
import hashlib
import json
import re
import statistics

from finqenv import sandbox
from finqenv.client import Onboarding
from finqenv.payments import PAY, order, transfer
from finqenv.postgres import SERVER, programs
from finqenv.process import Failure, clean_environ, run

from . import wire
from .site import CLIENTS, POOL, compact

ROUNDS = 7
SECONDS = 1
COLUMNS = "outcome, payment_id, session_id, data_key, book, phase, is_final, is_due, told_at"
SCRIPT = f"SELECT {COLUMNS} FROM finq.payment_get(:client_id, :secret_hash, :credentials_id, :token_hash);\n"


def _paid(site, installation):
    """The members of a call about a payment that has come to its end: its bank is asked no more."""
    file = site.directory / "payments.json"
    file.write_text(json.dumps(PAY))
    installation.finqctl("skill", "publish", file)
    tenant = installation.create_tenant("Bench", (PAY["name"],))
    client = installation.client(tenant)
    user = Onboarding(client, PAY["name"])
    user.start()
    user.submit("payment_intent", order(None, transfer(amount="1250.05")))
    credentials = user.exchange().json
    client.close()
    return {"client_id": tenant.client_id, "client_secret": tenant.client_secret, "credentials_id": credentials["credentials_id"],
            "access_token": credentials["access_token"]}


class _Direct:
    """D: pgbench."""

    def __init__(self, site, installation, members):
        self.installation, self.script = installation, site.directory / "payments.pgbench"
        self.script.write_text(SCRIPT)
        hashed = {name: "\\x" + hashlib.sha256(members[member].encode()).hexdigest()
                  for name, member in (("secret_hash", "client_secret"), ("token_hash", "access_token"))}
        self.variables = {name: members[name] for name in ("client_id", "credentials_id")} | hashed
        told = installation.psql(re.sub(r":(\w+)", lambda name: f"'{self.variables[name[1]]}'", SCRIPT))
        if not told.startswith("ok|"):
            raise Failure(f"finq.payment_get: {told}")

    def rate(self):
        postgres = self.installation.postgres
        done = run(programs() / "pgbench", "-n", "-M", "prepared", "-c", CLIENTS, "-j", 1, "-T", SECONDS, "-f", self.script,
                   *(f"-D{name}={value}" for name, value in self.variables.items()), "-h", "127.0.0.1", "-p", postgres.port,
                   "-U", SERVER, self.installation.database, env=clean_environ(PGPASSWORD=postgres.passwords[SERVER]))
        return float(re.search(r"tps = ([0-9.]+)", done.stdout)[1])


def _rounds(site, installation):
    members = _paid(site, installation)
    direct, body, port = _Direct(site, installation, members), compact(members), installation.httpd.settings.plain_port
    for turn in range(ROUNDS + 1):
        shown = {"H": site.fixed("/floor", body, port, SECONDS)["rate"], "D": direct.rate(),
                 "M": site.fixed("/v1/payments/get", body, port, SECONDS)["rate"]}
        if turn > 0:  # the first fills caches
            yield shown


def measure(table, site, _database):
    with wire.server(site, "payments", vhost=sandbox.BANK, children=2, threads=2 * CLIENTS, dbd=(0, POOL // 2, POOL // 2)) as installation:
        rounds = list(_rounds(site, installation))
    figures = "  ".join(f"{part} {table.median([shown[part] for shown in rounds]):,.0f}" for part in "HDM")
    ratios = [shown["M"] * (1 / shown["H"] + 1 / shown["D"]) for shown in rounds]
    table.add("/payments/get, HTTP: M / B", statistics.median(ratios), target=0.85, note=f"{figures} /s")
