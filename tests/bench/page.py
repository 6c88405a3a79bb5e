"""The first page of an address: its rate beside that of the handler H that parses and answers, and beside B = 1 / (1/H + 1/D), D being pgbench on the
function that says how a page stands; and the processor time of httpd for a request of each."""
import statistics

from finqenv import pages
from finqenv.flows import CARD

from . import wire
from .site import compact

ROUNDS, SECONDS, COUNT = 7, 0.6, 512


def _rates(table, site, installation, address, page, body):
    """In turn: their rounds lie close together."""
    port, figures = installation.httpd.settings.plain_port, []
    sql = f"SELECT * FROM finq.page_look('{page[0]}', '{page[1]}', 0);\n"
    for _ in range(ROUNDS):
        figures.append((site.fixed("/floor", body, port, SECONDS)["rate"], wire.direct(site, installation, sql),
                        site.fixed(address, "", port, SECONDS)["rate"]))
    note = "H {:,.0f}  D {:,.0f}  M {:,.0f} /s".format(*(table.median(column) for column in zip(*figures)))
    table.add("the first page: M / B", statistics.median(m * (1 / h + 1 / d) for h, d, m in figures), target=0.85, note=note)
    table.add("the first page: M / H", statistics.median(m / h for h, _, m in figures), target=0.6, note="H asks no database")


def measure(table, site, _database):
    with wire.server(site, "page") as installation:
        tenant = installation.create_tenant("Bench", (CARD,))
        client = installation.client(tenant)
        made = pages.make(client, CARD, language="en")
        client.close()
        address, body = pages.Visitor(installation, made["url"]).path, compact({"client_id": "x" * 36, "skill": CARD})
        _rates(table, site, installation, address, (tenant.client_id, made["page_id"]), body)
        opened = f"GET {address} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n".encode()
        wanted = {"H": (installation.httpd.settings.plain_port, [wire.request("/floor", body)] * COUNT, 200),
                  "page": (installation.httpd.settings.plain_port, [opened] * COUNT, 200, b"</html>\n")}
        taken = wire.rounds(installation.httpd, wanted, ROUNDS)
    micro = {name: table.median(times) for name, times in taken.items()}
    table.add("the first page, httpd's processor time", micro["page"], "us", note=f"{micro['H']:.2f} us for H; the call of the database is in it")
