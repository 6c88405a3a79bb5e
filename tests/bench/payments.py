"""/payments/get: M beside B = 1 / (1/H + 1/D), measured in turn. H parses and answers, D calls the same function, for the same payment."""
import hashlib
import json
import statistics

from finqenv import sandbox
from finqenv.client import Onboarding
from finqenv.payments import PAY, order, transfer
from finqenv.process import Failure

from . import wire
from .site import CLIENTS, POOL, compact

ROUNDS = 5
SECONDS = 0.6
CALLS = 500
COLUMNS = "outcome, payment_id, session_id, data_key, book, phase, is_final, is_due, told_at"


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


def _call(members):
    """What the handler calls."""
    hashed = [f"'\\x{hashlib.sha256(members[name].encode()).hexdigest()}'" for name in ("client_secret", "access_token")]
    return f"SELECT {COLUMNS} FROM finq.payment_get('{members['client_id']}', {hashed[0]}, '{members['credentials_id']}', {hashed[1]});\n"


def _rounds(site, installation):
    members, port = _paid(site, installation), installation.httpd.settings.plain_port
    body, call = compact(members), _call(members)
    if not installation.psql(call).startswith("ok|"):
        raise Failure(installation.psql(call))
    for turn in range(ROUNDS + 1):
        shown = {"H": site.fixed("/floor", body, port, SECONDS)["rate"], "D": wire.direct(site, installation, call, CALLS),
                 "M": site.fixed("/v1/payments/get", body, port, SECONDS)["rate"]}
        if turn > 0:  # the first fills caches
            yield shown


def measure(table, site, _database):
    with wire.server(site, "payments", vhost=sandbox.BANK, children=2, threads=2 * CLIENTS, dbd=(0, POOL // 2, POOL // 2)) as installation:
        rounds = list(_rounds(site, installation))
    figures = "  ".join(f"{part} {table.median([shown[part] for shown in rounds]):,.0f}" for part in "HDM")
    ratios = [shown["M"] * (1 / shown["H"] + 1 / shown["D"]) for shown in rounds]
    table.add("/payments/get, HTTP: M / B", statistics.median(ratios), target=0.85, note=f"{figures} /s")
