#!/usr/bin/python3
"""make down: stops what `make up` started, and what a demo, test or bench that was killed has left."""
from finqenv import runs, standing
from finqenv.process import main


def down():
    if runs.sweep():
        print("What killed runs had left is removed")
    print("mod_finq is down" if standing.down() else "mod_finq was not up")


main(down, "make down")
