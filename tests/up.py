#!/usr/bin/python3
"""make up [PORT=N]: starts the demonstration's servers and leaves them running."""
import sys

from finqenv import standing
from finqenv.process import Failure, exit_on_signals


def main(arguments):
    exit_on_signals()
    try:
        url, changed = standing.up(int(arguments[0]) if arguments else None)
    except (Failure, ValueError) as failure:
        sys.exit(f"make up: {failure}")
    print(f"mod_finq {'is up' if changed else 'is running already'} at {url}/v1")
    print(f"Its address, keys and database are in {standing.ENVIRONMENT}; 'make down' stops it.")


main(sys.argv[1:])
