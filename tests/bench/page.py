"""The first page of an address beside B = 1 / (1/H + 1/D), as it asks the database once, and beside H alone: by the clock, and by httpd's processor time."""
import statistics

from finqenv import pages
from finqenv.flows import CARD

from . import wire
from .site import CLIENTS, compact

ROUNDS, SECONDS, CALLS, COUNT = 5, 0.6, 400, 512


def _look(tenant, page):
    """What such a page asks the database."""
    return f"SELECT * FROM finq.page_look('{tenant.client_id}', '{page['page_id']}', 0);\n"


def _rates(table, site, installation, address, body, sql):
    """By the clock. A round's H, D and M lie close together, so each round has its own ratio."""
    port, figures = installation.httpd.settings.plain_port, []
    for _ in range(ROUNDS):
        figures.append((site.fixed("/floor", body, port, SECONDS)["rate"], wire.direct(site, installation, sql, CALLS), site.fixed(address, None, port, SECONDS)["rate"]))
    note = "H {:,.0f}  D {:,.0f}  M {:,.0f} /s".format(*(table.median(column) for column in zip(*figures)))
    table.add("the first page, HTTP: M / B", statistics.median(m * (1 / h + 1 / d) for h, d, m in figures), target=0.85, note=note)
    table.add("the first page, HTTP: M / H", statistics.median(m / h for h, _, m in figures),
              note="B / H, which one call of the database leaves: {:.2f}".format(statistics.median(1 / (1 + h / d) for h, d, _ in figures)))


def _times(table, installation, address, body):
    """By processor time, on one connection and with requests ahead of their answers: what httpd's part alone costs."""
    port, opened = installation.httpd.settings.plain_port, f"GET {address} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n".encode()
    wanted = {"H": (port, [wire.request("/floor", body)] * COUNT, 200), "page": (port, [opened] * COUNT, 200, b"</html>\n")}
    taken = wire.rounds(installation.httpd, wanted, ROUNDS)
    table.add("  H / the first page, by httpd's processor time", wire.ratio(taken, "H", "page"),
              note="{:.2f} us for H, {:.2f} us a page".format(*(table.median(taken[name]) for name in ("H", "page"))))


def measure(table, site, _database):
    with wire.server(site, "page", children=1, threads=2 * CLIENTS, dbd=(0, 8, 8), directives={"FinqDatabaseConcurrency": 2}) as installation:
        tenant = installation.create_tenant("Bench", (CARD,))
        client = installation.client(tenant)
        page = pages.make(client, CARD, language="en")
        client.close()
        address, body = pages.Visitor(installation, page["url"]).path, compact({"client_id": "x" * 36, "skill": CARD})
        _rates(table, site, installation, address, body, _look(tenant, page))
        _times(table, installation, address, body)
