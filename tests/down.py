#!/usr/bin/python3
"""make down: stops what `make up` started."""
import sys

from finqenv import standing
from finqenv.process import Failure, exit_on_signals


def main():
    exit_on_signals()
    try:
        print("mod_finq is down" if standing.down() else "mod_finq was not up")
    except Failure as failure:
        sys.exit(f"make down: {failure}")


main()
