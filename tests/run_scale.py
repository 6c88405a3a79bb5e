#!/usr/bin/python3
"""make bench-scale [SCALE=1] [CLIENTS=64]: what a year leaves of speed and room. Loads SCALE million sessions with two steps each, a
tenth of them with a consent in force, over 52 weeks that no janitor has tidied; has the janitor go over them, under load; and
compares with an empty database beside it. Ends with 0 whatever the figures are; with STRICT=1 a missed target is a failure."""
import os
import statistics
import subprocess
import sys
import time

from bench import site as sites, year
from bench.site import compact
from bench.table import Table
from finqenv.installation import FINQCTL
from finqenv.process import Failure, clean_environ, main
from finqenv.runs import Run

SCALE = float(os.environ.get("SCALE", 1))
ROUNDS = 21
SECONDS = 0.7
MEGABYTE = 1 << 20
NAMES = {"sessions": "/sessions", "step1": "first step", "step2": "later step", "token": "/token", "consents": "/consents/get"}


def consent(site):
    """The body of /consents/get about a consent that is as old as the newest week's."""
    client = site.client()
    started = client.start_session(sites.SKILL).json
    token, path = started["nonce"], f"/sessions/{started['session_id']}/steps"
    for step, data in zip(sites.STEPS, sites.DATA):
        answer = client.call(path, {"client_id": site.tenant.client_id, "nonce": token, "skill": sites.SKILL, "step": step, "data": data}).json
        token = answer.get("nonce") or answer["temp_token"]
    keys = {"client_id": site.tenant.client_id, "client_secret": site.tenant.client_secret}
    given = client.call("/token", {**keys, "temp_token": token}).json
    client.close()
    return compact({**keys, "credentials_id": given["credentials_id"], "access_token": given["access_token"]})


def rates(site, count, body):
    shown = site.load("phases", count=count)
    return {**{kind: shown[kind]["rate"] for kind in ("sessions", "step1", "step2", "token")},
            "consents": site.fixed("/v1/consents/get", body, seconds=SECONDS)["rate"]}


def alike(empty, full):
    """What was made beside the janitor is there in both, and neither writes whole pages for a checkpoint that the other had long ago."""
    year.fill_today(empty, max(year.today(full) - year.today(empty), 0))
    for site in (empty, full):
        site.psql("VACUUM ANALYZE")
        site.psql("CHECKPOINT")


def compare(table, empty, full):
    """In turn: their rounds lie close together, so each has its own ratio."""
    alike(empty, full)
    bodies = {site: consent(site) for site in (empty, full)}
    count = int(min(max(rates(empty, 1600, bodies[empty])["step2"] * SECONDS, 1600), 12800)) // sites.CLIENTS * sites.CLIENTS
    rates(full, count, bodies[full])  # plans and caches
    rounds = [{site: rates(site, count, bodies[site]) for site in ((empty, full) if i % 2 else (full, empty))} for i in range(ROUNDS)]
    for kind, name in NAMES.items():
        table.add(f"{name}: after a year / empty", statistics.median(shown[full][kind] / shown[empty][kind] for shown in rounds), target=0.95,
                  note=f"{table.median([shown[full][kind] for shown in rounds]):,.0f} and "
                       f"{table.median([shown[empty][kind] for shown in rounds]):,.0f} /s")


def p99(site, seconds=2):
    return site.load("onboard", seconds=seconds)["onboard"]["request_p99_us"] / 1000


def janitor(table, site):
    """A run over a year that was never tidied, and what requests notice of it."""
    before, quiet = year.size(site), statistics.median(p99(site) for _ in range(5))
    began, seen = time.monotonic(), []
    with subprocess.Popen([FINQCTL, "janitor", "run"], env=clean_environ(FINQ_DB=site.installation.conninfo()), stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as run:
        while run.poll() is None:
            seen.append(p99(site))
        took, done = time.monotonic() - began, run.stdout.read()
    if run.returncode:
        raise Failure(f"the janitor failed: {done}")
    table.add("p99 of a request: beside the janitor / without", statistics.median(seen) / quiet, target=1.5, at_most=True,
              note=f"{statistics.median(seen):.1f} and {quiet:.1f} ms; at most {max(seen):.1f} ms in a window of 2 s; {len(seen)} windows")
    table.add("the janitor's run over the year", took, "s", note=done.strip().replace("\n", " ")[:200])
    site.psql("VACUUM")
    after = year.size(site)
    table.add("the database before it", before / MEGABYTE, "MB")
    table.add("the database after it", after / MEGABYTE, "MB", note=f"{1 - after / before:.0%} given back to the disk")


def drop(table, site, count):
    """A week whose sessions have all ended: taken out and dropped, table by table."""
    year.week(site, 60, count, share=count + 1)
    site.psql("VACUUM ANALYZE")
    longest, began = 0, time.monotonic()
    for attached in ("true", "false"):
        while True:
            start = time.monotonic()
            if site.psql(f"SELECT finq.week_end_next({attached}, 2592000, 2592000)") == "0":
                break
            longest = max(longest, time.monotonic() - start)
    table.add(f"a week of {count:,} sessions dropped", time.monotonic() - began, "s", target=1, at_most=True,
              note=f"the longest of its transactions {longest * 1000:.0f} ms, psql's start included")


def bench():
    began, table, sessions = time.monotonic(), Table(), int(SCALE * 1_000_000)
    with Run("bench-run") as run:
        made = []
        try:
            for name in ("empty", "year"):
                made.append(sites.Site(run.directory / name))
                made[-1].start()
            empty, full = made
            print(f"Loading {sessions:,} sessions ...", flush=True)
            start = time.monotonic()
            year.load(full, sessions)
            table.add("loading", time.monotonic() - start, "s", note=f"{sessions:,} sessions, {2 * sessions:,} steps, {sessions // year.SHARE:,} consents")
            print("The janitor ...", flush=True)
            janitor(table, full)
            drop(table, full, max(sessions // year.WEEKS, 1000))
            print("Requests ...", flush=True)
            compare(table, empty, full)
        finally:
            for site in made:
                site.stop()
    missed = table.print()
    print(f"{time.monotonic() - began:.0f} s on {os.cpu_count()} processors, {sites.CLIENTS} clients; "
          "load generator, servers and databases share them.")
    sys.exit(1 if missed and os.environ.get("STRICT") == "1" else 0)


main(bench, "make bench-scale")
