#!/usr/bin/python3
"""make psql [ROLE=name]: psql in the database that `make up` runs, as its owner or as another role."""
import sys

from finqenv import standing
from finqenv.process import main

main(lambda: standing.psql(*sys.argv[1:]), "make psql")
