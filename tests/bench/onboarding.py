"""The whole onboarding: start, two steps, exchange. mod_finq beside Node and PHP; its latencies and its WAL."""
from .rivals import Node, Php
from .site import CLIENTS

ROUNDS = 4
SECONDS = 2
WARM = 6  # by when Node's compiler is done: its first thousand onboardings cost three times what later ones do


def _onboard(site, port, seconds=SECONDS):
    return site.load("onboard", port, seconds=seconds)["onboard"]


def _latencies(table, how, rounds):
    for what in ("request", "onboarding"):
        for rank in ("p50", "p99"):
            values = [shown[f"{what}_{rank}_us"] / 1000 for shown in rounds]
            table.add(f"{rank} of a{'n' if what[0] == 'o' else ''} {what}, {how}", table.median(values), "ms")
        if what == "request":
            ratios = [shown["request_p99_us"] / shown["request_p50_us"] for shown in rounds]
            table.add(f"p99 / p50 of a request, {how}", table.median(ratios), target=2.5, at_most=True)


def _wal(table, site, database):
    before = database.wal()
    shown = _onboard(site, site.plain)
    table.add("WAL of an onboarding", (database.wal() - before) / shown["onboardings"], "bytes", target=1400, at_most=True)


def _rates(table, rounds):
    return {who: table.median([shown["onboardings_rate"] for shown in shown_all]) for who, shown_all in rounds.items()}


def _measure(table, site, ports):
    for port in ports.values():
        _onboard(site, port, WARM)
    rounds = {who: [] for who in ports}
    for _ in range(ROUNDS):
        for who, port in ports.items():
            rounds[who].append(_onboard(site, port))
    return rounds, _rates(table, rounds)


def measure(table, site, database):
    rivals, targets = [], {Node: 2.7, Php: 5} if CLIENTS > 16 else {Node: 2.3, Php: 3}
    try:
        for kind in targets:
            if kind.missing():
                print(f"{kind.name} is not measured: {kind.missing()}")
            else:
                rivals.append(kind(site, database))
        ports = {"HTTP": site.plain, **{rival.name: rival.port for rival in rivals}, "TLS": site.tls}
        rounds, rates = _measure(table, site, ports)
    finally:
        for rival in rivals:
            rival.stop()
    for rival in rivals:
        table.add(f"onboarding: mod_finq / {rival.name}", rates["HTTP"] / rates[rival.name], target=targets[type(rival)],
                  note=f"{rates['HTTP']:,.0f} and {rates[rival.name]:,.0f} onboardings/s")
    for how in ("HTTP", "TLS"):
        table.add(f"onboardings, {how}", rates[how], "/s")
        _latencies(table, how, rounds[how])
    _wal(table, site, database)
