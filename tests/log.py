#!/usr/bin/python3
"""make log: follows the error logs of the servers that `make up` runs."""
from finqenv import standing
from finqenv.process import main

main(standing.log, "make log")
