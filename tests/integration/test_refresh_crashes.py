"""Refreshes that a crash cuts off, of httpd and of PostgreSQL, at each question, or that another server overtakes: nothing of a half is
stored, and who comes next tells the client each change once.

Red where finq.feed_claim leaves feed_told; and clients are told of nothing above the feed's seq, which finq.feed_store moves at the end.
"""
import concurrent.futures

import pytest

from finqenv import sandbox
from finqenv.banking import Bank
from finqenv.process import until
from finqenv.telling import Telling, booked

KINDS = ("accounts", "balances", "transactions")
CRASHES = [("httpd", "transactions"), ("postgres", "transactions"),
           *(pytest.param(who, kind, marks=pytest.mark.long) for who in ("httpd", "postgres") for kind in KINDS[:2])]


@pytest.fixture(scope="module")
def bank(make_module_server, run_directory):
    made = Bank(make_module_server, run_directory / "crashes", timeout=20, children=1, directives={"FinqJanitorInterval": "1"})
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def alone(bank):
    """No consent of an earlier test is asked about any more."""
    bank.psql("UPDATE finq.feed SET due_at = NULL")
    until(lambda: bank.psql("SELECT count(*) FROM finq.feed WHERE refresh_until > now()") == "0", what="refreshes to end")


def consent(bank, monkeypatch):
    """(who tells its data, the consent, its row), once the first data are there."""
    asked = Telling()
    monkeypatch.setattr(bank.service, "answer", asked.answer)
    user = bank.user("sca")
    user.submit("sca", {})
    held = user.exchange().json
    of_feed = f"finq.feed WHERE credentials_id = '{held['credentials_id']}'"
    until(lambda: bank.psql(f"SELECT refreshed_at IS NOT NULL FROM {of_feed}") == "t", what="its first data")
    return asked, held, of_feed


@pytest.mark.parametrize("who, kind", CRASHES)
def test_a_refresh_that_a_crash_cuts_off(bank, monkeypatch, who, kind):
    asked, held, of_feed = consent(bank, monkeypatch)

    def changes(cursor):
        """(what came and what went, the next cursor) of a round that asks nobody."""
        told = bank.client.data("/transactions/sync", held, **({"cursor": cursor} if cursor else {})).json
        return [one["data"]["amount"] for one in told["added"]], told["removed"] + told["modified"], told["next_cursor"]
    came, _, cursor = changes(None)
    assert came == ["12.50"]
    asked.amounts, asked.hold = ["12.50", "7.00"], kind
    bank.psql(f"UPDATE finq.feed SET due_at = now() WHERE credentials_id = '{held['credentials_id']}'")
    assert asked.held.wait(20)
    bank.crash(who)
    asked.hold = None
    asked.go.set()
    bank.client.close()  # its connection has gone with the child
    until(lambda: bank.client.data("/accounts/get", held).status == 200, what="its service")
    if who == "httpd":
        assert changes(cursor)[:2] == ([], [])
    bank.psql(f"UPDATE finq.feed SET due_at = now(), refresh_until = NULL WHERE credentials_id = '{held['credentials_id']}'")  # two minutes later
    until(lambda: bank.psql(f"SELECT seq FROM {of_feed}") == "2", what="who comes next")
    assert changes(cursor)[:2] == changes(cursor)[:2] == (["7.00"], [])
    assert sorted(one["data"]["amount"] for one in bank.client.data("/transactions/get", held).json) == ["12.50", "7.00"]
    assert bank.psql("SELECT count(*) FROM finq.feed_told") == "0"


@pytest.mark.parametrize("who", ["httpd", pytest.param("postgres", marks=pytest.mark.long)])
def test_a_refresh_that_a_crash_cuts_off_between_its_pieces(bank, monkeypatch, who):
    """What is stored of it is told by nobody, until who comes next has told it once. Red where feed_tell moves the feed's seq."""
    pages = [[booked(f"{number}.00") for number in range(1, 2002)], [booked("0.50"), booked("12.50")]]
    asked, held, of_feed = consent(bank, monkeypatch)

    def says(question):
        if question["ask"] != "transactions":
            return None
        if "next" in question:
            asked.held.set()
            asked.go.wait(30)
        return {"transactions": pages[1]} if "next" in question else {"transactions": pages[0], "next": "1"}

    def told():
        return bank.client.data("/transactions/get", held).json
    asked.says = says
    bank.psql(f"UPDATE finq.feed SET due_at = now() WHERE credentials_id = '{held['credentials_id']}'")
    assert asked.held.wait(20)
    assert bank.psql(f"SELECT seq, numbered FROM {of_feed}") == "1|2001" and len(told()) == 1
    bank.crash(who)
    asked.go.set()
    bank.client.close()
    until(lambda: bank.client.data("/accounts/get", held).status == 200, what="its service")
    assert len(told()) == 1
    bank.psql(f"UPDATE finq.feed SET due_at = now(), refresh_until = NULL WHERE credentials_id = '{held['credentials_id']}'")
    until(lambda: bank.psql(f"SELECT seq FROM {of_feed}") == "2003", what="who comes next")
    assert sorted(float(one["data"]["amount"]) for one in told()) == sorted([0.5, 12.5, *range(1, 2002)])
    assert bank.psql("SELECT count(*) FROM finq.feed_told") == "0"


@pytest.fixture
def twin(bank, make_server):
    """A client of a second server, which has database and secrets in common with the first."""
    first = bank.server.httpd.settings
    other = make_server(cluster=bank.server.postgres, children=1, plain=True, modules=sandbox.MODULES, vhost=first.vhost,
                        directives={name: first.directives[name] for name in ("FinqSecretFile", "FinqDataKey")})
    connected = other.client(bank.tenant)
    yield connected
    connected.close()


def test_two_servers(bank, twin, monkeypatch):
    """The second waits for the first, and meanwhile asks nobody. Once the first's claim has lapsed it goes ahead, and what the first is
    told then is stored by nobody. Red without finq.feed_claim's look at refresh_until, and without finq.feed_held's at refresh_id."""
    asked, held, of_feed = consent(bank, monkeypatch)

    def amounts(client):
        """What somebody is told who is there."""
        return sorted(one["data"]["amount"] for one in client.data("/transactions/get", held, wait=1, psu_ip_address="192.0.2.1").json)
    asked.hold = "transactions"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(amounts, bank.client)
        assert asked.held.wait(30)
        questions, asked.hold, asked.amounts = len(asked.told), None, ["7.00"]
        assert amounts(twin) == ["12.50"] and len(asked.told) == questions
        bank.psql(f"UPDATE finq.feed SET refresh_until = NULL WHERE credentials_id = '{held['credentials_id']}'")  # two minutes later
        assert amounts(twin) == ["12.50", "7.00"] and len(asked.told) == questions + 3
        asked.amounts = ["9.00"]
        asked.go.set()
        assert first.result() == ["12.50", "7.00"]
    assert bank.psql(f"SELECT seq FROM {of_feed}") == "2"
