"""/sessions with the limits and without, with many tenants and with few."""
import random

from finqenv.process import free_port

from . import wire
from .site import compact

SKILL = "xyz_sbx_#3.0"
ROUNDS = 61
COUNT = 2048
PASSES = {5: 2, 300: 5}  # FinqCacheTTL, 5 by default: rounds that each go through all tenants
FEW, MANY = 10, 10000
LIMITED = """
Listen 127.0.0.1:{port}
<VirtualHost *:{port}>
ServerName localhost:{port}
FinqRateLimit address 100000/s burst 1000000
FinqRateLimit tenant 100000/s burst 1000000
FinqFailureLimit 60/min burst 100
<Location "/v1">
    SetHandler finq
    Require all granted
</Location>
</VirtualHost>
"""
# A tenant's id and its app key follow from its number.
ID = "'00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0')"
TENANTS = f"""
WITH tenants AS (
    INSERT INTO finq.tenant (client_id, name) SELECT ({ID})::uuid, 'Many ' || n FROM generate_series(1, {MANY}) n
    RETURNING client_id
), keys AS (
    INSERT INTO finq.tenant_key (client_id, kind, hash)
    SELECT client_id, 'APP_KEY', sha256(convert_to(rpad('{{prefix}}' || replace(client_id::text, '-', ''), 43, 'A'), 'UTF8'))
      FROM tenants
)
INSERT INTO finq.tenant_skill (client_id, skill_id, consent_duration, cache_max_data_retention)
SELECT client_id, skill_id, 60, 60 FROM tenants, finq.skill WHERE name = '{SKILL}'"""


def _start(client_id, app_key):
    return wire.request("/v1/sessions", compact({"client_id": client_id, "client_app_key": app_key, "skill": SKILL}))


def _tenants(installation, sample):
    """A request of each. Keys look as finqctl makes them: `sample` is one."""
    prefix = sample[:len(sample) - 43]
    installation.psql(TENANTS.format(prefix=prefix))
    ids = [f"00000000-0000-4000-8000-{n:012x}" for n in range(1, MANY + 1)]
    return [_start(one, (prefix + one.replace("-", "")).ljust(43, "A")) for one in ids]


def _limits(table, installation, tenant, limited):
    requests = [_start(tenant.client_id, tenant.client_app_key)] * COUNT
    taken = wire.rounds(installation.httpd, {"off": (installation.httpd.settings.plain_port, requests, 200),
                                             "on": (limited, requests, 200)}, ROUNDS)
    micro = {name: table.median(times) for name, times in taken.items()}
    table.add("/sessions: the limits cost, by processor time", 100 * (wire.ratio(taken, "on", "off") - 1), "%", target=2,
              at_most=True, note=f"{micro['off']:.2f} us a request without, {micro['on']:.2f} us with")


def _many(table, installation, sample, lifetime):
    port, many = installation.httpd.settings.plain_port, _tenants(installation, sample)
    random.Random(1).shuffle(many)
    wanted = {"few": (port, many[:FEW] * (MANY // FEW), 200), "many": (port, many, 200)}
    taken = wire.rounds(installation.httpd, wanted, PASSES[lifetime])
    micro = {name: table.median(times) for name, times in taken.items()}
    table.add(f"/sessions: {MANY:,} tenants / {FEW}, FinqCacheTTL {lifetime}", wire.ratio(taken, "few", "many"), target=0.95,
              note=f"by processor time: {micro['few']:.2f} us a request with {FEW}, {micro['many']:.2f} us with {MANY:,}")


def measure(table, site, _database):
    """With many tenants each asks the database again after FinqCacheTTL, however many requests come meanwhile."""
    limited = free_port()
    for lifetime in PASSES:
        with wire.server(site, f"tenants{lifetime}", LIMITED.format(port=limited),
                         directives={"FinqCacheTTL": lifetime}) as installation:
            tenant = installation.create_tenant("Bench")
            if lifetime == 300:
                _limits(table, installation, tenant, limited)
            _many(table, installation, tenant.client_app_key, lifetime)
