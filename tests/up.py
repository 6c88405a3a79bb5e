#!/usr/bin/python3
"""make up [PORT=N]: starts the demonstration's servers and leaves them running."""
import shlex
import sys

from finqenv import standing
from finqenv.installation import FINQCTL
from finqenv.process import Failure, main

NEXT = """
  {url}/
                                 onboardings to click through, in a browser that accepts its certificate
  . {environment}
                                 its address, keys, database and the secret of its events, for a shell and what it starts
  curl --cacert "$FINQ_CA" "$FINQ_URL/v1/catalogs/skills" \\
    -d '{{"client_id": "'$FINQ_CLIENT_ID'", "client_app_key": "'$FINQ_CLIENT_APP_KEY'"}}'
                                 the skills that its tenant may start
  tail -f {events}
                                 the tenant's events, as they are delivered
  . {environment}; node tests/example/server.mjs
                                 an application: http://localhost:3000/ (it needs Node; first have the browser accept the
                                 certificate of {url}/)
  . {environment}; {finqctl} doctor --config {config} --allow-address 127.0.0.1
                                 the operator's command, here with what it finds of these servers; {finqctl} help
  make psql, make log            its database, the logs of its servers
  make down                      stops it and removes its files

{url}/v1/openapi.json describes the API; README.md walks through it.
Users of xyz_aisp_sbx_#2.0 visit a sandbox bank, where any customer number and PIN will do."""


def wanted_port(arguments):
    if not arguments:
        return None
    if not arguments[0].isdigit() or not 0 < int(arguments[0]) < 65536:
        raise Failure(f"PORT is a number from 1 to 65535, not {arguments[0]}")
    return int(arguments[0])


def up():
    url, changed = standing.up(wanted_port(sys.argv[1:]))
    print(f"mod_finq {'is up' if changed else 'is running already'} at {url}/v1")
    paths = {"environment": standing.ENVIRONMENT, "events": standing.DIRECTORY / "events.log", "finqctl": FINQCTL,
             "config": standing.DIRECTORY / "httpd/httpd.conf"}
    print(NEXT.format(url=url, **{name: shlex.quote(str(path)) for name, path in paths.items()}))


main(up, "make up")
