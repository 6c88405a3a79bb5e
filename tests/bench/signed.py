"""What a signature costs: /v1s/sessions against /v1/sessions, and one RSA-2048 verification of `openssl speed` in the same
run. Nothing remembers a JWS that was verified, so one will do; the unsigned requests have as many bytes of headers."""
import statistics

from finqenv.installation import SIGNING_ISSUER
from finqenv.process import run

from . import wire
from .site import compact

SKILL = "xyz_sbx_#3.0"
BLOCKS = 9  # each lies between two verifications: the processors' speed strays, with a neighbour at work and without
ROUNDS = 4
COUNT = 1024


def _wanted(installation, tenant):
    body = compact({"client_id": tenant.client_id, "client_app_key": tenant.client_app_key, "skill": SKILL})
    file = installation.directory / "body.json"
    file.write_text(body)
    header = installation.finqctl("sign", "--key", installation.signing_key(tenant), "--issuer", SIGNING_ISSUER,
                                  "--lifetime", "3600", file, check=False).stdout.strip()
    padding = "X-Padding: " + "x" * (len(header) - 11)
    port = installation.httpd.settings.plain_port
    return {name: (port, [wire.request(path, body, line)] * COUNT, status) for name, path, line, status in (
        ("floor", "/floor", padding, 200), ("plain", "/v1/sessions", padding, 200), ("signed", "/v1s/sessions", header, 200),
        ("malformed", "/v1s/sessions", header.replace(".", "..", 1), 401))}


def _verification():
    """Microseconds of one RSA-2048 verification."""
    return 1e6 / float(run("openssl", "speed", "-seconds", "1", "rsa2048").stdout.split()[-1])


def _blocks(httpd, wanted):
    """For each block: what its rounds took, and one verification meanwhile."""
    before = _verification()
    for _ in range(BLOCKS):
        taken, after = wire.rounds(httpd, wanted, ROUNDS), _verification()
        yield taken, (before + after) / 2
        before = after


def measure(table, site, _database):
    blocks, all_taken = [], {}
    with wire.server(site, "signed") as installation:
        wanted = _wanted(installation, installation.create_tenant("Bench"))
        for taken, one in _blocks(installation.httpd, wanted):
            added = statistics.median(a - b for a, b in zip(taken["signed"], taken["plain"]))
            blocks.append((added / one, added, one))
            for name, times in taken.items():
                all_taken.setdefault(name, []).extend(times)
    micro = {name: table.median(times) for name, times in all_taken.items()}
    added, one = (statistics.median(block[i] for block in blocks) for i in (1, 2))
    table.add("a signature adds, in RSA-2048 verifications", table.median([block[0] for block in blocks]), target=1.35,
              at_most=True, note=f"{micro['plain']:.1f} us + {added:.1f} us of processor time; openssl speed: {one:.1f} us")
    table.add("malformed JWS: M / H, by processor time", wire.ratio(all_taken, "floor", "malformed"), target=0.5,
              note=f"H {micro['floor']:.1f} us, M {micro['malformed']:.1f} us")
