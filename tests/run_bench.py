#!/usr/bin/python3
"""make bench [BENCH='sessions step token status consent onboard upload memory tenants signed connector require accounts payments page'] [CLIENTS='64 16']: figures
beside their targets, on private servers, under so many clients at once, one number after the other. This program takes one; of another
than 64 it measures calls and onboarding where nothing is asked for. Ends with 0 whatever the figures are; with STRICT=1 a missed
target is a failure."""
import os
import sys
import time

from bench import accounts, calls, connectors, onboarding, page, payments, require, signed, site as sites, tenants, upload
from bench.database import Database
from bench.table import Table
from finqenv.process import Failure, main
from finqenv.runs import Run

CALLS = {"sessions": ("sessions", "forged"), "step": ("step1", "step2"), "token": ("token",), "status": ("status",), "consent": ("consent",)}
SECTIONS = {"onboard": onboarding.measure, "upload": upload.measure, "memory": upload.flat,
            "tenants": tenants.measure, "signed": signed.measure, "connector": connectors.measure,
            "require": require.measure, "accounts": accounts.measure, "payments": payments.measure,
            "page": page.measure}


def chosen():
    words = sys.argv[1:] or [*CALLS, *(SECTIONS if sites.CLIENTS == 64 else ["onboard"])]
    unknown = set(words) - {*CALLS, *SECTIONS}
    if unknown:
        raise Failure(f"BENCH knows {', '.join([*CALLS, *SECTIONS])}; not {', '.join(sorted(unknown))}")
    return words


def measure(site, words):
    table, database = Table(), Database(site)
    kinds = [kind for word in CALLS if word in words for kind in CALLS[word]]
    if kinds:
        print("Single calls ...", flush=True)
        calls.measure(table, site, database, kinds)
    for word, section in SECTIONS.items():
        if word in words:
            print(f"{word} ...", flush=True)
            section(table, site, database)
    return table.print()


def bench():
    words, began = chosen(), time.monotonic()
    with Run("bench-run") as run:
        site = sites.Site(run.directory)
        try:
            site.start()
            missed = measure(site, words)
        finally:
            site.stop()
    print(f"{time.monotonic() - began:.0f} s on {os.cpu_count()} processors, {sites.CLIENTS} clients; "
          "load generator, servers and database share them.")
    sys.exit(1 if missed and os.environ.get("STRICT") == "1" else 0)


main(bench, "make bench")
