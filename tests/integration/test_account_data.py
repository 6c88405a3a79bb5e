"""Account data: what a consent's bank tells, as it is stored and read (contract section 11), with the sandbox bank.

Each test says what should turn it red; not all of it has been tried.
"""
import decimal
import json
import re
import subprocess
import uuid

import pytest

from finqenv import sandbox
from finqenv.flows import CARD, walk
from finqenv.installation import DEMO_SKILLS
from finqenv.locks import Hold
from finqenv.places import ROOT
from finqenv.wire import is_error

PATHS = ("/accounts/get", "/balances/get", "/transactions/get")
TABLES = ("feed", "account", "balance", "transaction", "feed_told")


@pytest.fixture(scope="module")
def installation(make_module_server, server):
    made = make_module_server(cluster=server.postgres, database="account_data", vhost=sandbox.BANK)
    made.psql("UPDATE finq.sandbox SET seed = sha256('the same in each run')")
    return made


def tenant_of(installation, name):
    made = installation.create_tenant(name, (*DEMO_SKILLS, sandbox.SKILL))
    installation.finqctl("tenant", "redirect-allow", made.client_id, sandbox.LINK)
    return made


@pytest.fixture(scope="module")
def client(installation):
    connected = installation.client(tenant_of(installation, "Reads accounts"))
    yield connected
    connected.close()


@pytest.fixture(scope="module")
def stranger(installation):
    connected = installation.client(tenant_of(installation, "Reads others"))
    yield connected
    connected.close()


@pytest.fixture(scope="module")
def credentials(client):
    """Of a customer whose bank is as it should be. Its data stay as they are."""
    return sandbox.agree(client, "1000", tenant_user_id="user-1")


def read(client, path, credentials, **more):
    answer = client.data(path, credentials, **more)
    assert answer.status == 200, answer.body
    return answer.json


def transactions(client, credentials, **more):
    return read(client, "/transactions/get", credentials, **more)


@pytest.fixture(scope="module")
def known(client, credentials):
    """All of its transactions."""
    return transactions(client, credentials)


def pass_days(installation, days=1):
    return installation.finqctl("sandbox", "date", "--days", str(days))


def rows(installation, credentials):
    """How many rows there are of a consent, by table."""
    return {table: int(installation.psql(f"SELECT count(*) FROM finq.{table} t WHERE t.credentials_id = '{credentials['credentials_id']}'"))
            for table in TABLES[:-1]}


# -- what is told

def test_accounts(client, credentials):
    """At once after the exchange, for a client that knows nothing of `wait`."""
    current, savings = read(client, "/accounts/get", credentials)
    assert (current["data"]["currency"], savings["data"]["currency"]) == ("RON", "EUR") and current["servicer_name"] == "XYZ Bank"
    scheme, = current["data"]["account_schemes"]
    assert scheme["scheme_name"] == "IBAN" and int("".join(str(int(c, 36)) for c in scheme["identification"][4:] + scheme["identification"][:4])) % 97 == 1
    assert {b["balance_type"] for b in current["data"]["balances"]} == {"InterimAvailable", "ClosingBooked"}
    assert read(client, "/accounts", credentials) == [current, savings]


def test_balances(client, credentials):
    """Red where a member of the filter is not looked at."""
    everything = read(client, "/balances/get", credentials)
    assert len(everything) == 4 and all(re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{6}", one["timestamp"]) for one in everything)
    assert read(client, "/balances/get", credentials, tenant_user_id="user-1") == everything
    for filter in ({"type": "ClosingBooked"}, {"currency": "EUR"}, {"account_id": everything[0]["account_id"]}, {"type": "Expected"},
                   {"type": "ClosingBooked", "currency": "EUR"}):
        assert read(client, "/balances/get", credentials, filter=filter) == [
            one for one in everything if all({**one["data"], **one}[name] == value for name, value in filter.items())]


def test_transactions_add_up(client, credentials, known):
    """The newest transaction's balance is the account's, and each one's that of the one before and its own amount."""
    for account in read(client, "/accounts/get", credentials):
        own = [one["data"] for one in known if one["account_id"] == account["id"]]
        closing, = [b["balance_amount"] for b in account["data"]["balances"] if b["balance_type"] == "ClosingBooked"]
        assert own[0]["balance"] == closing
        for later, earlier in zip(own, own[1:]):
            sign = 1 if later["credit_debit_indicator"] == "credit" else -1
            assert decimal.Decimal(later["balance"]) == decimal.Decimal(earlier["balance"]) + sign * decimal.Decimal(later["amount"])
    assert len(known) > 300 and len({one["id"] for one in known}) == len({one["utx_id"] for one in known}) == len(known)


def test_the_newest_come_first(known):
    assert [one["data"]["booking_date_time"] for one in known] == sorted((one["data"]["booking_date_time"] for one in known), reverse=True)


def test_what_is_shared_is_told(client):
    """Red where the sandbox bank tells of accounts that were not chosen."""
    account, = read(client, "/accounts/get", sandbox.agree(client, "1000", accounts=("savings",)))
    assert account["data"]["currency"] == "EUR"


def test_a_consent_without_a_bank_has_no_data(installation, client):
    """The skill has no connector: nobody told anything."""
    held = walk(client).exchange().json
    assert [read(client, path, held) for path in PATHS] == [[], [], []]
    assert rows(installation, held) == dict.fromkeys(TABLES[:-1], 0)


def test_ids_are_the_tenants(client, stranger, credentials, known):
    """The same in all consents of one tenant, others for another. Red where the MAC's key is the same for both."""
    again, other = sandbox.agree(client, "1000"), sandbox.agree(stranger, "1000")
    for path in ("/accounts/get", "/transactions/get"):
        first = [one["id"] for one in (known if path != "/accounts/get" else read(client, path, credentials))]
        assert [one["id"] for one in read(client, path, again)] == first
        assert not set(first) & {one["id"] for one in read(stranger, path, other)}
    assert {one["utx_id"] for one in transactions(client, again)} == {one["utx_id"] for one in known}


# -- who may ask

@pytest.mark.parametrize("path", PATHS)
def test_another_tenant_is_told_nothing(client, stranger, credentials, path):
    assert is_error(stranger.data(path, credentials), 401, "invalid_credentials_id")
    assert is_error(client.data(path, {**credentials, "credentials_id": str(uuid.uuid4())}), 401, "invalid_credentials_id")
    assert is_error(client.data(path, {**credentials, "access_token": "x"}), 401, "invalid_access_token")
    assert is_error(client.data(path, credentials, tenant_user_id="user-2"), 401, "invalid_credentials_id")


@pytest.mark.parametrize("path", PATHS)
def test_a_consent_for_something_else(client, path):
    """Red without the look at the skill's type in finq.data_claim."""
    held = walk(client, CARD).exchange().json
    assert is_error(client.data(path, held), 401, "unauthorized_tenant")


def test_a_consent_that_has_ended(installation, client):
    """Of one that was deleted nothing is told, and its data go with the janitor. Red without the look at its status."""
    held = sandbox.agree(client, "1000")
    client.consent("delete", held, pcd_data_retention=0)
    for path in PATHS:
        assert is_error(client.data(path, held), 401, "inactive_credentials")
        assert is_error(client.data(path, held, wait=1), 401, "inactive_credentials")
    assert rows(installation, held)["transaction"] > 0
    installation.finqctl("janitor", "run")
    assert rows(installation, held) == dict.fromkeys(TABLES[:-1], 0)


def test_a_person_is_erased_with_their_data(installation, client, tmp_path):
    held = sandbox.agree(client, "1000", tenant_user_id="to be erased")
    key = tmp_path / "receipt.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    assert rows(installation, held)["transaction"] > 0
    installation.finqctl("user", "erase", client.tenant.client_id, "to be erased", "--receipt-key", key)
    assert rows(installation, held) == dict.fromkeys(TABLES[:-1], 0)


# -- filters

def fits(one, name, value):
    """As the contract has it, in another language."""
    data = one["data"]
    compare = {"eq": lambda a, b: a == b, "gt": lambda a, b: a > b, "gte": lambda a, b: a >= b, "lt": lambda a, b: a < b, "lte": lambda a, b: a <= b}
    of, _, how = name.rpartition("_")
    if name in compare:
        return compare[name](decimal.Decimal(data["amount"]), decimal.Decimal(str(value)))
    if of in ("booking_date", "timestamp"):
        return compare[how](data["booking_date_time"] if of == "booking_date" else one["timestamp"], value)
    return {**data, **one}[name] == value


def filters(known):
    """Of each member one that some fit and others do not."""
    some = known[len(known) // 2]
    amount, day = some["data"]["amount"], some["data"]["booking_date_time"]
    yield from ({name: value} for name in ("eq", "gt", "gte", "lt", "lte") for value in (amount, float(amount)))
    yield from ({f"booking_date_{how}": day} for how in ("eq", "gt", "gte", "lt", "lte"))
    yield from ({f"timestamp_{how}": some["timestamp"]} for how in ("eq", "gt", "gte", "lt", "lte"))
    yield from ({name: some["data"][name]} for name in ("currency", "status", "credit_debit_indicator"))
    yield from ({"account_id": some["account_id"]}, {"status": "pending"}, {"currency": "USD"}, {})
    yield {"currency": "RON", "credit_debit_indicator": "debit", "lt": 100, "booking_date_lt": day}


def test_filters_are_exact(client, credentials, known):
    """Red, each tried: a WHEN of finq.transaction_fits turned round or left out; bool_and without its inner coalesce."""
    for filter in filters(known):
        assert transactions(client, credentials, filter=filter) == [
            one for one in known if all(fits(one, name, value) for name, value in filter.items())], filter


def test_an_amount_that_is_a_number_is_rounded(client, credentials, known):
    """To what its currency is counted in; a text is exact. Red without the rounding in finq.amount_meant."""
    amount = known[0]["data"]["amount"]
    near = json.dumps({"filter": {"eq": 0}}).replace("0}", f"{amount}00000000000001}}")
    body = {**json.loads('{"client_id": "", "client_secret": "", "credentials_id": "", "access_token": ""}'), "client_id": client.tenant.client_id,
            "client_secret": client.tenant.client_secret, "credentials_id": credentials["credentials_id"], "access_token": credentials["access_token"]}
    found = client.call("/transactions/get", json.dumps(body)[:-1] + ", " + near[1:]).json
    assert found and found == transactions(client, credentials, filter={"eq": amount})
    assert transactions(client, credentials, filter={"eq": f"{amount}00000000000001"}) == []


def test_what_currencies_are_counted_in(installation):
    """The database rounds by the list that orders are checked by. Red where either list is another."""
    source = (ROOT / "src/bank/data.c").read_text()
    named = re.search(r"currencies\[\] =([^;]*);", source)[1]
    others = {name: int(digits) for names, digits in re.findall(r'\{" ([A-Z ]+) ", (\d)\}', source) for name in names.split()}
    digits = {name: others.get(name, 2) for name in re.findall(r"\b[A-Z]{3}\b", named)}
    rounded = installation.psql("SELECT c, scale(finq.amount_meant('1.234567', c)) FROM unnest(ARRAY['" + "','".join(digits) + "']) c")
    assert len(digits) > 150 and set(others) < set(digits) and dict(line.split("|") for line in rounded.splitlines()) == {
        name: str(count) for name, count in digits.items()}


@pytest.mark.parametrize("filter, code", [
    ({"merchant": "x"}, "unknown_fields"), ({"eq": "1e3"}, "invalid_field"), ({"eq": "NaN"}, "invalid_field"), ({"eq": True}, "invalid_field"),
    ({"eq": "1" * 41}, "invalid_field"), ({"eq": int("9" * 300)}, "invalid_field"), ({"eq": "+1"}, "invalid_field"), ({"eq": ""}, "invalid_field"),
    ({"gt": []}, "invalid_field"), ({"account_id": "x"}, "invalid_field"), ({"status": "BOOKED"}, "invalid_field"), ({"currency": 1}, "invalid_field"),
    ({"booking_date_eq": "2026-02-30T00:00:00Z"}, "invalid_field"), ({"booking_date_eq": "2026-02-28"}, "invalid_field"),
    ({"booking_date_eq": 1}, "invalid_field"), ({"timestamp_gt": "0000-01-01T00:00:00Z"}, "invalid_field"),
    ({"timestamp_gt": "2026-01-01T00:00:00+01:00"}, "invalid_field"), ({"category": "x" * 141}, "invalid_field")])
def test_filters_that_are_none(client, credentials, filter, code):
    """The member at fault is named. Red where a check of `known` in filter.c is another's."""
    refused = client.data("/transactions/get", credentials, filter=filter)
    assert is_error(refused, 400, code) and next(iter(filter)) in refused["message"]


@pytest.mark.parametrize("text", ["9" * 1000, "0." + "9" * 41, "1e400"])
def test_a_decimal_of_too_many_digits(client, credentials, text):
    """Is told the limit, be it a number. Red where the message has none."""
    body = json.dumps({"client_id": client.tenant.client_id, "client_secret": client.tenant.client_secret, "filter": {"eq": 0},
                       **{name: credentials[name] for name in ("credentials_id", "access_token")}})
    for spelled in (text, f'"{text}"'):
        refused = client.call("/transactions/get", body.replace('"eq": 0', f'"eq": {spelled}'))
        assert is_error(refused, 400, "invalid_field") and "at most 40 digits" in refused["message"]


def test_a_filter_of_a_million_digits(client, credentials):
    for path, filter in (("/transactions/get", {"eq": "9" * 10 ** 6}), ("/balances/get", {"currency": "9" * 10 ** 6})):
        assert is_error(client.data(path, credentials, filter=filter), 413, "payload_too_large")


@pytest.mark.parametrize("path, more", [
    ("/transactions/get", {"filter": []}), ("/transactions/get", {"filter": None}), ("/balances/get", {"filter": {}})])
def test_filters_that_ask_for_nothing(client, credentials, path, more):
    assert read(client, path, credentials, **more) == read(client, path, credentials)


@pytest.mark.parametrize("path, more", [
    ("/transactions/get", {"wait": 0}), ("/transactions/get", {"wait": 26}), ("/accounts/get", {"wait": "5"}), ("/accounts/get", {"wait": 1.5}),
    ("/accounts/get", {"wait": 1, "psu_ip_address": "x"}), ("/accounts/get", {"wait": 1, "psu_ip_address": "256.1.1.1"}),
    ("/accounts/get", {"psu_ip_address": "192.0.2.1"}), ("/transactions/get", {"count": 0}), ("/transactions/get", {"count": 501}),
    ("/balances/get", {"filter": {"account_id": "x"}})])
def test_members_that_are_none(client, credentials, path, more):
    assert is_error(client.data(path, credentials, **more), 400, "invalid_field")


# -- pages

def pages(client, credentials, **more):
    found, cursor = [], None
    while True:
        answer = read(client, "/transactions/get", credentials, **({"cursor": cursor} if cursor else {}), **more)
        found += answer["transactions"]
        cursor = answer["next_cursor"]
        assert len(answer["transactions"]) <= more["count"]
        if cursor is None:
            return found


@pytest.mark.parametrize("more", [{"count": 137}, {"count": 7, "filter": {"currency": "EUR"}}])
def test_pages_are_the_list(client, credentials, more):
    """Red where transaction_id is left out of the order, or of where a page begins."""
    assert pages(client, credentials, **more) == transactions(client, credentials, **{k: v for k, v in more.items() if k != "count"})


def test_cursors_of_others(client, stranger, credentials):
    """Of another consent, another filter, another tenant, forged, a token. Red without each part of query_hash, or its comparison."""
    page = read(client, "/transactions/get", credentials, count=5)
    cursor = page["next_cursor"]
    other = sandbox.agree(client, "1000")
    for who, held, more in ((client, other, {}), (client, credentials, {"filter": {"lt": 1}}), (stranger, sandbox.agree(stranger, "1000"), {})):
        assert is_error(who.data("/transactions/get", held, cursor=cursor, **more), 400, "invalid_field")
    for forged in ("x", "", cursor[:-1] + ("A" if cursor[-1] != "A" else "B"), cursor[4:], credentials["access_token"]):
        assert is_error(client.data("/transactions/get", credentials, cursor=forged), 400, "invalid_field")
    assert len(read(client, "/transactions/get", credentials, cursor=cursor, count=3)["transactions"]) == 3


# -- refreshes

def test_a_day_passes(installation, client):
    """New transactions come, those of before keep their ids, and a walk through pages sees neither. Red where a page takes the newest
    moment in the place of its cursor's."""
    held = sandbox.agree(client, "1000")
    before = transactions(client, held)
    begun = read(client, "/transactions/get", held, count=10)
    pass_days(installation, 10)
    assert transactions(client, held) == before, "nobody has asked the bank"
    after = transactions(client, held, wait=5)
    old = {one["utx_id"] for one in before}
    assert [one for one in after if one["utx_id"] in old] == before and len(after) > len(before)
    rest = read(client, "/transactions/get", held, cursor=begun["next_cursor"], count=500)["transactions"]
    assert begun["transactions"] + rest == before[:510]


@pytest.mark.parametrize("how", ["pruned", "pruned meanwhile", "restored"])
def test_a_walk_whose_moment_is_gone(installation, client, how):
    """Is refused: what there is now would not go with the pages before. Red where kept_from, or seq, is not looked at; where kept_from is
    not looked at behind what is read; a list that begins is of now."""
    held = sandbox.agree(client, "1000")
    before = transactions(client, held)
    cursor = read(client, "/transactions/get", held, count=10)["next_cursor"]

    def rest():
        return client.data("/transactions/get", held, cursor=cursor, count=500)
    of_feed = f"credentials_id = '{held['credentials_id']}'"
    gone = f"DELETE FROM finq.transaction WHERE {of_feed} AND superseded_by IS NOT NULL; UPDATE finq.feed SET kept_from = seq WHERE {of_feed}"
    installation.psql(f"UPDATE finq.transaction t SET superseded_by = f.seq + 1 FROM finq.feed f WHERE f.{of_feed} AND t.{of_feed} AND t.transaction_id = '{before[50]['id']}';"
                      f"UPDATE finq.feed SET seq = seq + 1 WHERE {of_feed}")
    assert rest().json["transactions"] == before[10:510], "its moment is kept"
    if how == "pruned meanwhile":
        refresh = Hold(installation, f"1; LOCK TABLE finq.transaction; {gone}", 1)
        told = rest()
        refresh.join()
    else:
        installation.psql(gone if how == "pruned" else f"UPDATE finq.feed SET seq = seq - 2 WHERE {of_feed}")
        told = rest()
    assert is_error(told, 400, "invalid_field") and "cursor" in told.json["message"]
    if how != "restored":
        assert transactions(client, held) == before[:50] + before[51:]


def test_a_renewal_keeps_ids(installation, client):
    """Red where feed_renew makes a feed of its own."""
    held = sandbox.agree(client, "1000")
    before = transactions(client, held)
    pass_days(installation, 10)
    renewed = sandbox.agree(client, "1000", renewed=held)
    assert renewed["credentials_id"] == held["credentials_id"]
    old = {one["utx_id"] for one in before}
    after = transactions(client, renewed, wait=5, psu_ip_address="192.0.2.1")
    kept = [one for one in after if one["utx_id"] in old]
    assert 0 < len(old) - len(kept) < 100, "all was asked for, and the bank forgets the oldest days"
    assert kept == before[:len(kept)] and len(after) > len(kept)


def test_a_budget_is_spent_quietly(installation, client):
    """Four refreshes that nobody attends; then what is stored answers. Who is there is not counted. Red without the comparison with
    `frequency`, and where an attended refresh is counted."""
    held = sandbox.agree(client, "1000")
    def seen():
        return installation.finqctl("consent", "show", held["credentials_id"])["account_data"]
    for used in range(1, 5):
        read(client, "/accounts/get", held, wait=1)
        assert (seen()["used"], seen()["of"]) == (used, 4)
    last = seen()["refreshed_at"], seen()["seq"]
    pass_days(installation, 10)
    count = len(transactions(client, held, wait=1))
    assert (seen()["used"], seen()["seq"]) == (4, last[1])
    assert len(transactions(client, held, wait=1, psu_ip_address="2001:db8::1")) > count and seen()["used"] == 4


def test_a_consent_tells_of_its_budget(installation, client):
    """As sync does, while it is in force, alone and in a list. Red without consent_access in finq.consent_told, and without its look at the
    status."""
    held = sandbox.agree(client, "1000")
    read(client, "/accounts/get", held, wait=5)
    def told(consent):
        consent.get("access", {}).pop("next_allowed", None)  # the moment of the answer
        return consent
    one, sync = told(client.consent("get", held)["result"]), told(read(client, "/transactions/sync", held))
    assert (one["access"]["used"], one["access"]["of"], one["access"]["error"]) == (1, 4, None) and one["access"]["resets_at"] and one["access"]["last"]
    assert one["access"] == sync["access"] and [told(each) for each in client.consents(count=1)["result"]["consents"]] == [one]
    client.consent("delete", held)
    for without in (held, walk(client).exchange().json):
        assert "access" not in client.consent("get", without)["result"], "of one that has ended, or has no bank"


def test_one_refresh_at_a_time(installation, client):
    """Who finds another at it waits, and goes on with what there is. Red without the comparison of refresh_until."""
    held = sandbox.agree(client, "1000")
    before = transactions(client, held)
    installation.psql(f"UPDATE finq.feed SET refresh_id = gen_random_uuid(), refresh_until = now() + interval '1 hour'"
                      f" WHERE credentials_id = '{held['credentials_id']}'")
    pass_days(installation, 10)
    assert transactions(client, held, wait=1) == before
    installation.psql(f"UPDATE finq.feed SET refresh_until = now() - interval '1 hour' WHERE credentials_id = '{held['credentials_id']}'")
    assert len(transactions(client, held, wait=1)) > len(before)


# -- banks that are difficult

def failing(client, held, code, path="/accounts/get"):
    refused = client.data(path, held, wait=1, psu_ip_address="192.0.2.1")
    return (refused.status, refused.code) == (400, code)


def test_a_bank_that_gives_nonsense(installation, client):
    """Each kind in its turn: who waits is told, nothing is stored, and nothing is left of the pages. Red where a refresh stores its
    pages as they come."""
    installation.httpd.log.expect(r"FINQ18: .*account data")
    held = sandbox.agree(client, "1012")
    for _ in range(6):
        installation.httpd.log.expect("FINQ08: .*external_api_invalid_answer")
        assert failing(client, held, "external_api_invalid_answer")
    assert {**rows(installation, held), "feed": 1} == {**dict.fromkeys(TABLES[:-1], 0), "feed": 1}
    assert int(installation.psql("SELECT count(*) FROM finq.feed_told")) == 0
    assert installation.finqctl("consent", "show", held["credentials_id"])["account_data"]["error"] == "external_api_invalid_answer"


def test_who_does_not_wait_is_told_no_fault_of_the_bank(installation, client):
    """Of a consent that has no data yet: the bank is asked, and what is stored answers. The log has the fault. Red where
    finq_data_refresh passes each error on."""
    installation.httpd.log.expect(r"FINQ18: .*account data: connector bank: ")
    held = sandbox.agree(client, "1012")
    assert [read(client, path, held) for path in PATHS] == [[], [], []]
    told = read(client, "/transactions/sync", held)
    assert (told["added"], told["has_more"], told["as_of"]) == ([], False, None)
    assert told["access"]["error"]["code"] == "external_api_invalid_answer"


def test_a_bank_that_fails_loses_nothing(installation, client):
    """Slow, then nobody is there, then cut off. Red where finq.feed_fail removes data."""
    held = sandbox.agree(client, "1011")
    before = transactions(client, held)
    assert transactions(client, held, wait=5, psu_ip_address="192.0.2.1") == before, "the slow one"
    for _ in range(2):
        installation.httpd.log.expect("FINQ08: .*external_api_connection_error")
        assert failing(client, held, "external_api_connection_error")
    assert transactions(client, held) == before != []


def test_a_consent_that_is_withdrawn_at_the_bank(installation, client):
    """It is deleted. Red where the page's word is passed over."""
    held = sandbox.agree(client, "1010")
    assert len(read(client, "/accounts/get", held)) == 2
    assert is_error(client.data("/accounts/get", held, wait=1), 401, "inactive_credentials")
    assert client.consent("get", held)["result"]["status"] == "DELETED"


@pytest.mark.parametrize("customer", ["1001", "1002", "1003"])
def test_references_that_are_none(installation, client, customer):
    """Blank, alike, or made anew each night: ids stay, nothing doubles. Red where a reference that was not declared stable makes an id."""
    held = sandbox.agree(client, customer)
    before = {one["utx_id"]: one["data"]["amount"] for one in transactions(client, held)}
    pass_days(installation)
    after = {one["utx_id"]: one["data"]["amount"] for one in transactions(client, held, wait=5)}
    assert before.items() <= after.items() and len(before) > 300


def test_what_is_pending_is_booked_otherwise(installation, client):
    held = sandbox.agree(client, "1004")
    pending = [one for one in transactions(client, held) if one["data"]["status"] == "pending"]
    assert all(one["data"]["booking_date_time"] is None for one in pending)
    pass_days(installation, 3)
    now = transactions(client, held, wait=5)
    assert not {one["id"] for one in pending} & {one["id"] for one in now}
    assert [one["data"]["status"] for one in now] == sorted((one["data"]["status"] for one in now), reverse=True), "pending first"


def test_accounts_come_and_go(installation, client):
    """A card without an IBAN, and accounts that open and close. Red where the transactions of a closed account stay."""
    start = pass_days(installation, 0)["days"]
    held = sandbox.agree(client, "1006")
    schemes = {scheme["scheme_name"] for account in read(client, "/accounts/get", held) for scheme in account["data"]["account_schemes"]}
    assert schemes == {"IBAN", "MASKEDPAN"}
    pass_days(installation, max(0, 10 - start))
    names = {account["data"]["name"] for account in read(client, "/accounts/get", held, wait=5)}
    assert names == {"Card", "Joint account", "New savings"}
    ids = {account["id"] for account in read(client, "/accounts/get", held)}
    assert {one["account_id"] for one in transactions(client, held)} <= ids


def test_a_bank_that_limits_history(client):
    """The module asks for no more than is given."""
    held = sandbox.agree(client, "1008")
    assert len(transactions(client, held, wait=5)) > 300


# -- at rest

def test_words_are_sealed(installation, client):
    """What stands in clear is ids, amounts, currencies and times. Red where `info`, `details` or `reference` is stored as it came."""
    held = sandbox.agree(client, "1000")
    identification = read(client, "/accounts/get", held)[0]["data"]["account_schemes"][0]["identification"]
    info = transactions(client, held)[0]["data"]["info"]
    for table in TABLES:
        stored = installation.psql(f"SELECT t::text FROM finq.{table} t")
        assert not [word for word in (identification, info, "Current account") for spelt in (word, word.encode().hex()) if spelt in stored], table
    assert "approve-" not in installation.psql("SELECT encode(reference, 'escape') FROM finq.feed")


@pytest.mark.long
def test_twenty_thousand_flow(installation, client):
    """One list, sent as it is read."""
    held = sandbox.agree(client, "1007", accounts=("current",))
    found = transactions(client, held)
    assert len(found) > 19000 and len({one["id"] for one in found}) == len(found)
