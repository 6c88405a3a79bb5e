#!/usr/bin/python3
"""make down: stops what `make up` started."""
from finqenv import standing
from finqenv.process import main


def down():
    print("mod_finq is down" if standing.down() else "mod_finq was not up")


main(down, "make down")
