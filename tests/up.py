#!/usr/bin/python3
"""make up [PORT=N]: starts the demonstration's servers and leaves them running."""
import sys

from finqenv import standing
from finqenv.process import Failure, main


def wanted_port(arguments):
    if not arguments:
        return None
    if not arguments[0].isdigit() or not 0 < int(arguments[0]) < 65536:
        raise Failure(f"PORT is a number from 1 to 65535, not {arguments[0]}")
    return int(arguments[0])


def up():
    url, changed = standing.up(wanted_port(sys.argv[1:]))
    print(f"mod_finq {'is up' if changed else 'is running already'} at {url}/v1")
    print(f"Its address, keys and database are in {standing.ENVIRONMENT}; 'make down' stops it.")


main(up, "make up")
