"""Changes of transactions: whoever applies every round holds what the bank says, whatever happens between (contract section 11, sync).

Each test says what should turn it red; not all of it has been tried.
"""
import concurrent.futures
import hashlib
import random
import signal
import time
import uuid

import pytest

from finqenv import process, sandbox
from finqenv.locks import Hold
from finqenv.wire import is_error



@pytest.fixture(scope="module")
def installation(make_module_server, server):
    made = make_module_server(cluster=server.postgres, database="sync", vhost=sandbox.BANK)
    made.psql("UPDATE finq.sandbox SET seed = sha256('the same in each run')")
    return made


def tenant_of(installation, name):
    made = installation.create_tenant(name, [sandbox.SKILL])
    installation.finqctl("tenant", "redirect-allow", made.client_id, sandbox.LINK)
    return made


@pytest.fixture(scope="module")
def tenant(installation):
    return tenant_of(installation, "Keeps a copy")


@pytest.fixture
def client(installation, tenant):
    connected = installation.client(tenant)
    yield connected
    connected.close()


def pass_days(installation, days):
    installation.finqctl("sandbox", "date", "--days", str(days))


def restore(installation, name, changes):
    """The database is as it was so many changes ago: what they have ended holds again."""
    its = f"finq.feed f WHERE f.credentials_id = '{name}' AND t.credentials_id = f.credentials_id AND"
    installation.psql(f"UPDATE finq.feed SET seq = seq - {changes} WHERE credentials_id = '{name}';"
                      f"DELETE FROM finq.transaction t USING {its} t.seq > f.seq;"
                      f"UPDATE finq.transaction t SET superseded_by = NULL, ended_at = NULL, removed_for = NULL FROM {its} t.superseded_by > f.seq")


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
    copy.round(**sandbox.PERSON)
    assert copy.is_true() and not copy.ask()["has_more"]


def test_what_changes_meanwhile_waits(installation, client):
    """For the next round; an id comes once a round. Red where a page takes the newest change in the place of its round's end."""
    copy = Copy(client, sandbox.agree(client, "1005"))
    begun = copy.page(count=100)
    before = client.data("/transactions/get", copy.credentials).json
    pass_days(installation, 10)
    client.data("/accounts/get", copy.credentials, **sandbox.PERSON)
    assert begun
    copy.round(count=100)
    assert {**copy.held}.keys() == {one["utx_id"] for one in before}
    copy.round()
    assert copy.is_true()


@pytest.mark.parametrize("is_reset", [False, True])
def test_who_begins_anew_is_told_all(installation, client, is_reset):
    """However often, with what came meanwhile. Red where finq.round_begin keeps the end of a round that begins at nothing."""
    first = Copy(client, sandbox.agree(client, "1000"))
    first.round(count=500)
    if is_reset:
        installation.psql("UPDATE finq.feed SET seq = seq + 1000, numbered = seq + 1000, kept_from = seq + 500 "
                          f"WHERE credentials_id = '{first.credentials['credentials_id']}'")

    def told():
        copy = Copy(client, first.credentials)
        copy.cursor = first.cursor if is_reset else None
        copy.round(count=500)
        assert copy.is_true()
        return copy.held.keys()
    before = told()
    pass_days(installation, 3)
    client.data("/accounts/get", first.credentials, **sandbox.PERSON)
    assert told() - before


def test_who_waits_is_told_what_came(installation, client):
    """In the round that the call begins, although changes from before it were waiting too. Red where the read that admits begins it."""
    copy = Copy(client, sandbox.agree(client, "1000"))
    copy.round(count=500)
    pass_days(installation, 3)
    client.data("/accounts/get", copy.credentials, **sandbox.PERSON)
    pass_days(installation, 3)
    copy.round(count=500, **sandbox.PERSON)
    assert copy.is_true()


def test_what_is_gone_says_why(installation, client):
    """Pending ones are booked otherwise, and closed accounts are withdrawn. Red where an account that is gone is not looked for."""
    reasons = set()
    for customer in ("1004", "1006"):
        installation.psql("UPDATE finq.sandbox SET days = 0")  # an account of 1006 is closed on day 10
        copy = Copy(client, sandbox.agree(client, customer))
        copy.round(count=500)
        pass_days(installation, 11)
        told = copy.ask(count=500, **sandbox.PERSON)
        reasons |= {one["reason"] for one in told["removed"]}
        for one in told["removed"]:
            assert one["utx_id"] in copy.held and (one.get("replaced_by") is None or one["replaced_by"] in {new["id"] for new in told["added"]})
        copy.round(count=500)
        assert copy.is_true()
    assert "account_withdrawn" in reasons and reasons <= {"account_withdrawn", "pending_booked", "bank_removed"}


@pytest.mark.parametrize("since", [0, 1])
def test_a_page_reads_what_it_tells_of(installation, client, since):
    """And not what others have stored, from a connection's first page on. Red where the planner may read what a client held before into a
    hash: it takes the whole table for that."""
    tenant, held = client.tenant, sandbox.agree(client, "1000")
    assert client.data("/transactions/sync", held).status == 200
    secret, token = (hashlib.sha256(text.encode()).hexdigest() for text in (tenant.client_secret, held["access_token"]))
    columns = installation.psql("SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns "
                                "WHERE table_schema = 'finq' AND table_name = 'transaction' AND column_name <> 'credentials_id'")
    read = installation.psql(f"""BEGIN;
        INSERT INTO finq.transaction (credentials_id, {columns}) SELECT md5(n::text)::uuid, {columns} FROM finq.transaction, generate_series(1, 30) n
         WHERE credentials_id = '{held["credentials_id"]}';
        ANALYZE finq.transaction;
        CREATE TEMPORARY TABLE before AS SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'transaction';
        SELECT FROM finq.transactions_sync('{tenant.client_id}', '\\x{secret}', '{held["credentials_id"]}', '\\x{token}', {since}, {since}, 0, 101);
        SELECT s.seq_tup_read - b.seq_tup_read FROM pg_stat_xact_user_tables s, before b WHERE s.relname = 'transaction';
        ROLLBACK""").split()
    assert read[-1] == "0", read


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
        restore(installation, name, 10)
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
        client.data("/accounts/get", copy.credentials, **sandbox.PERSON)
        assert copy.page(count=5)
        restore(installation, name, 5 if how == "restored" else 100)
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


@pytest.mark.parametrize("has_begun", [False, True])
def test_a_cursor_that_grows_old_meanwhile(installation, client, has_begun):
    """While it waits for the end of a refresh, by which what it would be told of is pruned, be it that the round had begun before. Red where
    a cursor's age is looked at before finq.round_begin, and where it is not looked at behind what is read."""
    copy = Copy(client, sandbox.agree(client, "1000"))
    copy.round(count=500)
    pass_days(installation, 3)
    client.data("/accounts/get", copy.credentials, **sandbox.PERSON)
    if has_begun:
        assert not copy.ask()["reset"]
    refresh = Hold(installation, f"1; LOCK TABLE finq.transaction; UPDATE finq.feed SET kept_from = seq WHERE credentials_id = '{copy.credentials['credentials_id']}'", 1)
    told = copy.ask()
    refresh.join()
    assert told["reset"]


def test_cursors_of_others(installation, client):
    """Of another consent, of another tenant's, of a walk through /transactions/get, forged. Red where the kind is not looked at."""
    held, other = sandbox.agree(client, "1000"), sandbox.agree(client, "1000")
    cursor = client.data("/transactions/sync", held)["next_cursor"]
    walk = client.data("/transactions/get", held, count=5)["next_cursor"]
    for credentials, shown in ((other, cursor), (held, walk), (held, cursor[:-1] + ("A" if cursor[-1] != "A" else "B")), (held, "x"), (held, "")):
        assert is_error(client.data("/transactions/sync", credentials, cursor=shown), 400, "invalid_field")
    assert is_error(client.data("/transactions/get", held, cursor=cursor), 400, "invalid_field")
    stranger = installation.client(tenant_of(installation, "Keeps another copy"))
    assert is_error(stranger.data("/transactions/sync", sandbox.agree(stranger, "1000"), cursor=cursor), 400, "invalid_field")
    stranger.close()
    client.consent("delete", held)
    assert is_error(client.data("/transactions/sync", held, cursor=cursor), 401, "inactive_credentials")


class Schedule:
    """A customer's consent and its copy, through what may happen in whatever order; at the end of each round the copy is what is stored.
    `happened` are the kinds of what did."""

    KINDS = ("day", "days", "refresh", "refresh", "unattended", "page", "round", "round", "renewal", "crash", "erasure")

    def __init__(self, installation, client, customer, seed):
        self.installation, self.client, self.customer, self.chance = installation, client, customer, random.Random(seed)
        self.kinds, self.happened = random.Random(seed), set()  # what happens depends on no data, and so on no date
        self.come()

    def come(self):
        """Somebody whom the tenant has not known yet."""
        self.person = f"{self.customer} {uuid.uuid4()}"
        self.copy = Copy(self.client, sandbox.agree(self.client, self.customer, tenant_user_id=self.person), self.chance)

    def data(self, **more):
        """A call that may have the bank asked. A bank that fails is none of ours; one whose user has withdrawn the consent ends it."""
        answer = self.client.data("/balances/get", self.copy.credentials, **more)
        assert answer.status == 200 or answer.code == "inactive_credentials" or answer.code.startswith("external_api_"), answer.body

    def renew(self):
        self.copy.credentials = sandbox.agree(self.client, self.customer, renewed=self.copy.credentials)

    def crash(self):
        """The servers' children are killed while they ask the bank."""
        self.installation.httpd.log.allow("AH00052: child pid .* exit signal Killed|FINQ|proxy")
        before, other = set(self.installation.httpd.children()), self.installation.client(self.client.tenant)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asking = pool.submit(other.data, "/balances/get", self.copy.credentials, **sandbox.PERSON)
            time.sleep(self.chance.random() / 20)
            for child in before:
                process.send(child, signal.SIGKILL)
            process.until(lambda: set(self.installation.httpd.children()) - before, what="the next child")
            asking.exception()
        other.close()
        self.client.close()
        self.installation.psql("UPDATE finq.feed SET refresh_until = NULL")  # two minutes later

    def erase(self):
        self.installation.finqctl("user", "erase", self.client.tenant.client_id, self.person, "--receipt-key", self.installation.receipt_key_file)
        assert is_error(self.client.data("/transactions/sync", self.copy.credentials), 401, "invalid_credentials_id")
        self.come()

    def round(self):
        """The second finds what came while the first was read."""
        self.copy.round(count=500)
        self.copy.round(count=500)
        assert self.copy.is_true()

    def go(self, steps):
        what = {"day": lambda: pass_days(self.installation, 1), "days": lambda: pass_days(self.installation, self.chance.randint(2, 9)),
                "refresh": lambda: self.data(**sandbox.PERSON), "unattended": lambda: self.data(wait=1), "renewal": self.renew, "round": self.round,
                "page": lambda: self.copy.page(count=self.chance.choice([20, 100, 500])), "crash": self.crash, "erasure": self.erase}
        for kind in [self.kinds.choice(self.KINDS) for _ in range(steps)] + ["round"]:
            self.happened.add(kind)
            try:
                what[kind]()
            except (AssertionError, KeyError):  # of an answer, or of what it lacks
                if self.is_in_force():
                    raise
            if not self.is_in_force():
                self.come()
        return self

    def is_in_force(self):
        """The bank may say otherwise to a refresh that nobody waits for."""
        return self.client.consent("get", self.copy.credentials)["result"]["status"] == "ACTIVE"


BANKS_FAULTS = "FINQ08|FINQ18"


def test_schedules_cover_it_all(installation, client):
    """Red where a refresh is stored half, a number told twice, or a copy of somebody who was erased goes on."""
    installation.httpd.log.allow(BANKS_FAULTS)
    happened = set()
    for customer, seed in (("1003", 14), ("1004", 15), ("1005", 16), ("1010", 17)):
        happened |= Schedule(installation, client, customer, seed).go(5).happened
    assert happened >= set(Schedule.KINDS)


@pytest.mark.parametrize("customer", ["1000", "1001", "1002", "1003", "1004", "1005", "1006", "1008"])
def test_what_is_new_is_what_a_look_at_all_finds(installation, client, customer):
    """Two consents of one customer, of which one never knows what it was told before: what is stored is the same, change by change. Red where
    told.c takes for the same what has changed."""
    held = [sandbox.agree(client, customer) for _ in range(2)]

    def stored(one):
        return installation.psql("SELECT seq, superseded_by, transaction_id, account_id, ordinal, booked_at, amount, is_credit, balance, category, removed_for, "
                                 f"replaced_by FROM finq.transaction WHERE credentials_id = '{one['credentials_id']}' ORDER BY seq")
    for days in (0, 1, 1, 6, 0, 33, 1):
        pass_days(installation, days)
        for one in held:
            installation.psql(f"UPDATE finq.feed SET told = NULL WHERE credentials_id = '{held[1]['credentials_id']}'")
            assert client.data("/accounts/get", one, **sandbox.PERSON).status == 200
        assert stored(held[0]) == stored(held[1])


@pytest.mark.long
@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("customer", [one for one in (f"10{n:02}" for n in range(13)) if one != "1007"])
def test_schedules(installation, client, customer, seed):
    installation.httpd.log.allow(BANKS_FAULTS)
    Schedule(installation, client, customer, seed).go(40)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
def test_schedules_of_twenty_thousand(installation, client, seed):
    Schedule(installation, client, "1007", seed).go(10)
