"""The single calls: M beside B = 1 / (1/H + 1/D), measured in turn."""
from .site import CONNECTIONS

SESSIONS = 1500 * CONNECTIONS  # that go through a phase in one round
ROUNDS = 3
NAMES = {"step1": "first step", "step2": "later step", "token": "/token", "sessions": "/sessions", "forged": "forged nonce"}


def _floor(site, port, kinds):
    return {kind: site.fixed("/floor", site.body(kind), port) for kind in kinds}


def _module(site, port, kinds):
    rates = {}
    if kinds & {"step1", "step2", "token"}:
        phases = site.load("phases", port, count=SESSIONS)
        rates = {kind: shown["rate"] for kind, shown in phases.items() if kind in kinds}
    if "sessions" in kinds:
        rates["sessions"] = site.fixed("/v1/sessions", site.body("sessions"), port)
    if "forged" in kinds:
        rates["forged"] = site.fixed("/v1/sessions/01890000-0000-7000-8000-000000000000/steps", site.body("forged"), port,
                                     status=401)
    return rates


def _compare(table, how, kind, h, d, m):
    if kind in ("sessions", "forged"):
        table.add(f"{NAMES[kind]}, {how}: M / H", m / h, target=0.6, note=f"H {h:,.0f}  M {m:,.0f} requests/s")
        return
    bound = 1 / (1 / h + 1 / d)
    table.add(f"{NAMES[kind]}, {how}: M / B", m / bound, target=0.85,
              note=f"H {h:,.0f}  D {d:,.0f}  B {bound:,.0f}  M {m:,.0f} requests/s")


def measure(table, site, database, kinds):
    """Figures of `kinds` over plain HTTP and over TLS."""
    kinds, ports = set(kinds), {"HTTP": site.plain, "TLS": site.tls}
    rounds = {how: [] for how in ports}
    direct = []
    for how, port in ports.items():
        _module(site, port, kinds)  # connections, statements and caches are warm
    for _ in range(ROUNDS):
        if kinds & {"step1", "step2", "token"}:
            direct.append(database.rates(SESSIONS))
        for how, port in ports.items():
            rounds[how].append((_floor(site, port, kinds), _module(site, port, kinds)))
    for how in ports:
        for kind in (kind for kind in NAMES if kind in kinds):
            h, m = (table.median([shown[i][kind] for shown in rounds[how]]) for i in (0, 1))
            d = table.median([shown[kind] for shown in direct]) if direct and kind in direct[0] else None
            _compare(table, how, kind, h, d, m)
