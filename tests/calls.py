#!/usr/bin/python3
"""make calls: writes src/db/calls.c and its header from what a database says of the server's functions."""
from finqenv import calls, schema
from finqenv.process import main


def write():
    with schema.throw_away() as psql:
        for path, text in calls.made(psql).items():
            path.write_text(text)
            print(f"{path.relative_to(schema.ROOT)} is written")


main(write, "make calls")
