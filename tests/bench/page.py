"""The first page of an address, beside the handler H that parses and answers: processor time of httpd for a request of each."""
from finqenv import pages
from finqenv.flows import CARD

from . import wire
from .site import compact

ROUNDS = 10
COUNT = 512


def measure(table, site, _database):
    with wire.server(site, "page") as installation:
        client = installation.client(installation.create_tenant("Bench", (CARD,)))
        address = pages.Visitor(installation, pages.make(client, CARD, language="en")["url"]).path
        client.close()
        port, body = installation.httpd.settings.plain_port, compact({"client_id": "x" * 36, "skill": CARD})
        opened = f"GET {address} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n".encode()
        wanted = {"H": (port, [wire.request("/floor", body)] * COUNT, 200), "page": (port, [opened] * COUNT, 200, b"</html>\n")}
        taken = wire.rounds(installation.httpd, wanted, ROUNDS)
    micro = {name: table.median(times) for name, times in taken.items()}
    table.add("the first page / H", wire.ratio(taken, "H", "page"), target=0.6,
              note=f"by processor time: {micro['page']:.2f} us a page, {micro['H']:.2f} us for H")
