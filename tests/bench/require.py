"""What Require finq-consent costs while the consent is remembered: a file of a Location that requires one, beside the same file of
one that does not. Both requests have the same headers."""
from finqenv.flows import AISP, walk

from . import wire

ROUNDS = 20
COUNT = 2048
LOCATIONS = """
<Location "/required">
    AuthType finq
    Require finq-consent xyz_aisp_sbx_#1.0
</Location>
"""


def _file(installation, name):
    file = installation.httpd.documents / name / "file.json"
    file.parent.mkdir()
    file.parent.chmod(0o755)
    file.write_text('{"account":"' + "x" * 300 + '"}')
    file.chmod(0o644)


def _headers(tenant, credentials):
    return (f"Authorization: Bearer {credentials['access_token']}\r\nX-Finq-Credentials-Id: {credentials['credentials_id']}\r\n"
            f"X-Finq-Client-Id: {tenant.client_id}\r\nX-Finq-Client-Secret: {tenant.client_secret}\r\n")


def _request(path, headers):
    return f"GET /{path}/file.json HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode()


def measure(table, site, _database):
    with wire.server(site, "required", vhost=LOCATIONS, modules=("authn_core",), directives={"FinqCacheTTL": 300}) as installation:
        tenant = installation.create_tenant("Bench")
        client = installation.client(tenant)
        headers = _headers(tenant, walk(client, AISP).exchange().json)
        client.close()
        for name in ("open", "required"):
            _file(installation, name)
        port = installation.httpd.settings.plain_port
        wanted = {name: (port, [_request(name, headers)] * COUNT, 200) for name in ("open", "required")}
        taken = wire.rounds(installation.httpd, wanted, ROUNDS)
    micro = {name: table.median(times) for name, times in taken.items()}
    table.add("a file: with Require finq-consent / without", wire.ratio(taken, "open", "required"), target=0.8,
              note=f"by processor time: {micro['required']:.2f} us a request with, {micro['open']:.2f} us without")
