"""Changes of transactions: whoever applies every round holds what the bank says, whatever happens between (contract section 11, sync).

Each test says what should turn it red; not all of it has been tried.
"""
import random

import pytest

from finqenv import sandbox
from finqenv.wire import is_error

PERSON = {"wait": 5, "psu_ip_address": "192.0.2.1"}


@pytest.fixture(scope="module")
def installation(make_module_server, server):
    made = make_module_server(cluster=server.postgres, database="sync", vhost=sandbox.BANK)
    made.psql("UPDATE finq.sandbox SET seed = sha256('the same in each run')")
    return made


@pytest.fixture(scope="module")
def tenant(installation):
    made = installation.create_tenant("Keeps a copy", [sandbox.SKILL])
    installation.finqctl("tenant", "redirect-allow", made.client_id, sandbox.LINK)
    return made


@pytest.fixture
def client(installation, tenant):
    connected = installation.client(tenant)
    yield connected
    connected.close()


def pass_days(installation, days):
    installation.finqctl("sandbox", "date", "--days", str(days))


class Copy:
    """What a client holds: transactions by utx_id, and its cursor. `lost` is how often an answer is asked for twice."""

    def __init__(self, client, credentials, chance=None):
        self.client, self.credentials, self.chance = client, credentials, chance
        self.held, self.cursor, self.resets = {}, None, 0

    def ask(self, **more):
        cursor = {"cursor": self.cursor} if self.cursor else {}
        answer = self.client.data("/transactions/sync", self.credentials, **cursor, **more)
        assert answer.status == 200, answer.body
        return answer.json

    def page(self, **more):
        """Applies a page. Returns whether there are more in its round."""
        told = self.ask(**more)
        if self.chance and self.chance.random() < 0.3:
            again = self.ask(**{name: value for name, value in more.items() if name == "count"})
            assert [again[name] for name in ("added", "modified", "removed", "has_more", "reset")] == \
                [told[name] for name in ("added", "modified", "removed", "has_more", "reset")]
        if told["reset"] and not self.resets:
            self.held.clear()
        self.resets = told["reset"] and told["has_more"]
        self.apply(told)
        self.cursor = told["next_cursor"]
        return told["has_more"]

    def apply(self, told):
        for one in told["removed"]:
            del self.held[one["utx_id"]]
        for one in told["added"]:
            assert one["utx_id"] not in self.held
        for one in told["modified"]:
            assert one["utx_id"] in self.held
        self.held.update((one["utx_id"], one) for one in told["added"] + told["modified"])

    def round(self, **more):
        while self.page(**more):
            pass

    def is_true(self):
        """Whether it is what the bank says, as it is stored."""
        truth = self.client.data("/transactions/get", self.credentials).json
        assert {utx: {**one, "identity": 0} for utx, one in self.held.items()} == {one["utx_id"]: {**one, "identity": 0} for one in truth}
        return True


def test_a_copy_is_kept(installation, client):
    """Everything at first, then what is new, then nothing. Red where a round's end is not its moment."""
    copy = Copy(client, sandbox.agree(client, "1000"))
    first = copy.ask()
    assert not first["reset"] and first["removed"] == first["modified"] == [] and len(first["added"]) == 100 and first["has_more"]
    assert {one["identity"] for one in first["added"]} == {"bank"}
    assert first["access"]["used"] == 0 and first["access"]["of"] == 4 and first["access"]["error"] is None and first["as_of"]
    copy.round(count=500)
    assert copy.is_true()
    pass_days(installation, 10)
    assert copy.ask()["added"] == [], "nobody has asked the bank"
    copy.round(**PERSON)
    assert copy.is_true() and not copy.ask()["has_more"]


def test_what_changes_meanwhile_waits(installation, client):
    """For the next round; an id comes once a round. Red where a page takes the newest change in the place of its round's end."""
    copy = Copy(client, sandbox.agree(client, "1005"))
    begun = copy.page(count=100)
    before = client.data("/transactions/get", copy.credentials).json
    pass_days(installation, 10)
    client.data("/accounts/get", copy.credentials, **PERSON)
    assert begun
    copy.round(count=100)
    assert {**copy.held}.keys() == {one["utx_id"] for one in before}
    copy.round()
    assert copy.is_true()


def test_what_is_gone_says_why(installation, client):
    """Pending ones are booked otherwise, and closed accounts are withdrawn. Red where an account that is gone is not looked for."""
    reasons = set()
    for customer in ("1004", "1006"):
        installation.psql("UPDATE finq.sandbox SET days = 0")  # an account of 1006 is closed on day 10
        copy = Copy(client, sandbox.agree(client, customer))
        copy.round(count=500)
        pass_days(installation, 11)
        told = copy.ask(count=500, **PERSON)
        reasons |= {one["reason"] for one in told["removed"]}
        for one in told["removed"]:
            assert one["utx_id"] in copy.held and (one.get("replaced_by") is None or one["replaced_by"] in {new["id"] for new in told["added"]})
        copy.round(count=500)
        assert copy.is_true()
    assert "account_withdrawn" in reasons and reasons <= {"account_withdrawn", "pending_booked", "bank_removed"}


@pytest.mark.parametrize("how", ["pruned", "restored"])
def test_a_cursor_that_is_too_old(installation, client, how):
    """Says reset on each page of its round, and is no error. Red without either half of is_reset."""
    copy = Copy(client, sandbox.agree(client, "1000"))
    copy.round(count=500)
    copy.held["left over"] = {}
    name = copy.credentials["credentials_id"]
    if how == "pruned":
        installation.psql(f"UPDATE finq.feed SET seq = seq + 1000, kept_from = seq + 500 WHERE credentials_id = '{name}'")
    else:
        installation.psql(f"UPDATE finq.feed SET seq = seq - 10 WHERE credentials_id = '{name}';"
                          f"DELETE FROM finq.transaction t USING finq.feed f WHERE t.credentials_id = '{name}' AND f.credentials_id = t.credentials_id AND t.seq > f.seq")
    told, more = copy.ask(count=100), True
    assert told["reset"] and told["has_more"]
    while more:
        assert copy.ask(count=100)["reset"]
        more = copy.page(count=100)
    assert copy.is_true() and not copy.ask()["reset"]


@pytest.mark.parametrize("how", ["pruned", "restored", "overtaken"])
def test_a_reset_in_the_midst_of_a_round(installation, client, how):
    """The round begins anew, and is a reset on each of its further pages too, whatever is stored meanwhile: nothing that was dropped is
    missing at its end. Red where the cursor of a reset holds where the client was before."""
    copy = Copy(client, sandbox.agree(client, "1000"))
    name = copy.credentials["credentials_id"]

    def feed(sets):
        installation.psql(f"UPDATE finq.feed SET {sets} WHERE credentials_id = '{name}'")
    if how == "pruned":
        assert copy.page(count=100)
        feed("seq = seq + 1000, kept_from = seq + 500")
    else:
        copy.round(count=500)
        pass_days(installation, 10)
        client.data("/accounts/get", copy.credentials, **PERSON)
        assert copy.page(count=5)
        feed(f"seq = seq - {5 if how == 'restored' else 100}")
        installation.psql(f"DELETE FROM finq.transaction t USING finq.feed f WHERE t.credentials_id = '{name}' AND f.credentials_id = t.credentials_id AND t.seq > f.seq")
    copy.held["left over"] = {}
    told = copy.ask(count=100)
    assert told["reset"] and copy.page(count=100)
    if how == "overtaken":
        feed("seq = seq + 1000")
    more = True
    while more:
        assert copy.ask(count=100)["reset"]
        more = copy.page(count=100)
    assert copy.is_true() and not copy.ask()["reset"]


def test_cursors_of_others(client):
    """Of another consent, of a walk through /transactions/get, forged. Red where the kind is not looked at."""
    held, other = sandbox.agree(client, "1000"), sandbox.agree(client, "1000")
    cursor = client.data("/transactions/sync", held)["next_cursor"]
    walk = client.data("/transactions/get", held, count=5)["next_cursor"]
    for credentials, shown in ((other, cursor), (held, walk), (held, cursor[:-1] + ("A" if cursor[-1] != "A" else "B")), (held, "x"), (held, "")):
        assert is_error(client.data("/transactions/sync", credentials, cursor=shown), 400, "invalid_field")
    assert is_error(client.data("/transactions/get", held, cursor=cursor), 400, "invalid_field")
    client.consent("delete", held)
    assert is_error(client.data("/transactions/sync", held, cursor=cursor), 401, "inactive_credentials")


def walk_at_random(installation, client, customer, seed, steps):
    """Days pass, the bank is asked, consents are renewed, answers are lost; at the end of each round the copy is what the bank says."""
    chance = random.Random(seed)
    copy = Copy(client, sandbox.agree(client, customer), chance)
    for _ in range(steps):
        what = chance.choice(["day", "days", "refresh", "refresh", "page", "round", "round", "renewal"])
        if what in ("day", "days"):
            pass_days(installation, 1 if what == "day" else chance.randint(2, 9))
        elif what == "refresh":
            client.data("/balances/get", copy.credentials, **PERSON)
        elif what == "page":
            copy.page(count=chance.choice([20, 100, 500]))
        elif what == "renewal":
            copy.credentials = sandbox.agree(client, customer, renewed=copy.credentials)
        else:
            copy.round(count=500)
    copy.round(count=500)
    copy.round(count=500)
    assert copy.is_true(), (customer, seed)


@pytest.mark.parametrize("customer, seed", [("1003", 1), ("1004", 2), ("1005", 3)])
def test_a_schedule(installation, client, customer, seed):
    walk_at_random(installation, client, customer, seed, 8)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("customer", [f"100{n}" for n in range(7)])
def test_schedules(installation, client, customer, seed):
    walk_at_random(installation, client, customer, seed, 40)
