"""The single calls: M beside B = 1 / (1/H + 1/D), measured in turn."""
import statistics

from .site import CLIENTS

ROUNDS = 5
SECONDS = 0.6           # of a measurement, about
SESSIONS = (1600, 12800)  # that go through a phase in one round: fewest and most, as fast as the machine is now
NAMES = {"step1": "first step", "step2": "later step", "token": "/token", "status": "status", "consent": "/consents/get", "sessions": "/sessions", "forged": "forged nonce"}
CROWDS = {"step1", "step2", "token"}  # whose calls go together, where D makes each alone
WITH_DATABASE = {"step1", "step2", "token", "status", "consent"}


def _floor(site, port, kinds):
    return {kind: site.fixed("/floor", site.body(kind), port, SECONDS) for kind in kinds}


def _module(site, port, kinds, sessions):
    shown = {}
    if kinds & WITH_DATABASE:
        phases = site.load("phases", port, count=sessions)
        shown = {kind: phases[kind] for kind in kinds & WITH_DATABASE}
    if "sessions" in kinds:
        shown["sessions"] = site.fixed("/v1/sessions", site.body("sessions"), port, SECONDS)
    if "step1" in kinds:
        shown["bare"] = site.fixed("/floor/step", site.body("bare"), port, SECONDS)
    if "forged" in kinds:
        path = "/v1/sessions/01890000-0000-7000-8000-000000000000/steps"
        shown["forged"] = site.fixed(path, site.body("forged"), port, SECONDS, status=401)
    return shown


def _warm(site, ports):
    """Fills connections, statements and caches. Returns how many sessions make a phase of the wanted length."""
    few, most = SESSIONS
    rates = [site.load("phases", port, count=few)["step2"]["rate"] for port in (*ports.values(), *ports.values())]
    return int(min(max(max(rates) * SECONDS, few), most)) // CLIENTS * CLIENTS


def _rounds(site, database, kinds, ports):
    """For each round and port: what was measured of H, D and M."""
    sessions = _warm(site, ports)
    for _ in range(ROUNDS):
        direct = database.rates(sessions) if kinds & WITH_DATABASE else {}
        for how, port in ports.items():
            yield how, {"H": _floor(site, port, kinds), "D": direct, "M": _module(site, port, kinds, sessions)}


def _bound(floor, direct):
    """What the two parts make together: rates add by their inverses, processor times as they are."""
    if direct is None:
        return floor["rate"], floor["cpu"]
    return 1 / (1 / floor["rate"] + 1 / direct["rate"]), floor["cpu"] + direct["cpu"]


def _compare(table, how, kind, rounds):
    """The target is on the ratio of rates. A round's H, D and M lie close together, so each round has its own ratio."""
    rate = {part: table.median([shown[part][kind]["rate"] for shown in rounds])
            for part in "HDM" if kind in rounds[0][part]}
    ratios, times = [], []
    for shown in rounds:
        bound, cpu = _bound(shown["H"][kind], shown["D"].get(kind))
        ratios.append(shown["M"][kind]["rate"] / bound)
        times.append(cpu / shown["M"][kind]["cpu"])
    figures = "  ".join(f"{part} {value:,.0f}" for part, value in rate.items())
    table.add(f"{NAMES[kind]}, {how}: M / {'B' if kind in WITH_DATABASE else 'H'}", statistics.median(ratios),
              target=(2 if CLIENTS > 16 else 1.1) if kind in CROWDS else 0.85 if kind in WITH_DATABASE else 0.6,
              note=f"{figures} /s; by processor time {statistics.median(times):.2f}")


def _compare_bare(table, how, rounds):
    """How near a handler that does nothing but the call comes to the bound, and how near this module to that."""
    bounds = [shown["M"]["bare"]["rate"] / _bound(shown["H"]["step1"], shown["D"]["step1"])[0] for shown in rounds]
    table.add(f"first step, {how}: a bare handler over mod_dbd / B", statistics.median(bounds), note="the call alone")
    shares = [shown["M"]["step1"]["rate"] / shown["M"]["bare"]["rate"] for shown in rounds]
    times = [shown["M"]["bare"]["cpu"] / shown["M"]["step1"]["cpu"] for shown in rounds]
    table.add(f"first step, {how}: M / the bare handler", statistics.median(shares),
              note=f"by processor time {statistics.median(times):.2f}")


def measure(table, site, database, kinds):
    """Figures of `kinds` over plain HTTP and over TLS."""
    kinds, ports = set(kinds), {"HTTP": site.plain, "TLS": site.tls}
    rounds = {how: [] for how in ports}
    for how, shown in _rounds(site, database, kinds, ports):
        rounds[how].append(shown)
    for how in ports:
        for kind in (kind for kind in NAMES if kind in kinds):
            _compare(table, how, kind, rounds[how])
        if "step1" in kinds:
            _compare_bare(table, how, rounds[how])
