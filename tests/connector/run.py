#!/usr/bin/python3
"""Runs the example connector: run.py NAME SECRETFILE PORT SANDBOX_URL [DECISIONS_URL [CA_FILE]]. SIGTERM ends it."""
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from connector.service import Service  # noqa: E402


def run(name, secret_file, port, page, decisions="", authority=None):
    service = Service(name, secret_file, page, int(port), decisions=decisions, authority=authority).start()
    print(f"connector {name} listens at http://127.0.0.1:{service.port}/", flush=True)
    try:
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
    finally:
        service.stop()


if __name__ == "__main__":
    if not 5 <= len(sys.argv) <= 7:
        sys.exit(__doc__)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    run(*sys.argv[1:])
