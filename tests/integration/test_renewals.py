"""POST /consents/renew (contract section 9): a session whose exchange gives a consent a new time and a new access_token.

Seen red: see each test.
"""
import copy
import uuid

import pytest

from finqenv.client import Onboarding
from finqenv.flows import AISP, DEFINITIONS, publish, steps, submit, upload_required, walk
from finqenv.load import at_once
from finqenv.locks import Hold
from finqenv.wire import is_error, steady

TIMES = {"consent_exp", "max_data_retention"}


@pytest.fixture
def client(server):
    """Of a tenant of the test's own."""
    made = server.client(server.create_tenant(f"Renews {uuid.uuid4()}"))
    yield made
    made.close()


@pytest.fixture
def user(client):
    """Who has exchanged: .credentials, of an onboarding with a tenant_user_id; the consent began an hour ago."""
    made = walk(client, tenant_user_id="ana")
    made.credentials = made.exchange().json
    return made


def row(server, user, columns="credential.*::text"):
    return server.psql(f"SELECT {columns} FROM finq.credential WHERE credentials_id = '{user.credentials['credentials_id']}'")


def change(server, user, what):
    server.psql(f"UPDATE finq.credential SET {what} WHERE credentials_id = '{user.credentials['credentials_id']}'")


def expire(server, user):
    change(server, user, "consent_exp = clock_timestamp() - interval '1 second'")


def begin(user, credentials=None, **more):
    """The renewal's session, begun."""
    answer = user.client.consent("renew", credentials or user.credentials, **more)
    assert answer.status == 200, answer.body
    renewal = Onboarding(user.client, more.get("skill", user.skill))
    renewal.session_id, renewal.nonce = answer["session_id"], answer["nonce"]
    return renewal


def complete(renewal):
    for number in range(1, len(steps(renewal.skill)) + 1):
        assert submit(renewal, number).status == 200
        upload_required(renewal, number)
    return renewal


def renew(user, credentials=None, **more):
    """What the renewal's exchange gave."""
    exchanged = complete(begin(user, credentials, **more)).exchange()
    assert exchanged.status == 200, exchanged.body
    return exchanged.json


def works(user, credentials):
    return user.client.consent("get", credentials).status == 200


def another_version(server, user, version, words="renewed_sbx"):
    definition = {**copy.deepcopy(DEFINITIONS[AISP]), "name": f"{words}_#{version}"}
    return publish(server, user.client.tenant, definition)


# -- what it is

def test_a_renewal(server, user):
    """Red where finq.exchange_renewal leaves the times, the token or the session as they were."""
    change(server, user, "consent_exp = consent_exp - interval '1 day', max_data_retention = max_data_retention - interval '1 day',"
                         " created_at = created_at - interval '1 day', updated_at = updated_at - interval '1 day', expiry_told = true")
    before, stored = user.client.consent("get", user.credentials)["result"], row(server, user)
    answer = user.client.consent("renew", user.credentials)
    assert list(answer.json) == ["nonce", "session_id", "status", "expires_at", "next_step"]
    assert answer["status"] == "SESSION_CREATED" and answer["next_step"] == steps(AISP)[0]["name"]
    renewal = complete(begin(user))
    assert row(server, user) == stored, "nothing changes before the exchange"
    renewed = renewal.exchange().json
    assert set(renewed) == set(user.credentials) and renewed["credentials_id"] == user.credentials["credentials_id"]
    assert renewed["access_token"] != user.credentials["access_token"]
    after = user.client.consent("get", renewed)["result"]
    assert {**after, **dict.fromkeys([*TIMES, "utc_last_update"])} == {**before, **dict.fromkeys([*TIMES, "utc_last_update"])}
    assert all(after[name] == renewed[name] > before[name] for name in TIMES) and after["utc_last_update"] > before["utc_last_update"]
    assert row(server, user, "expiry_told, session_id") == f"f|{renewal.session_id}"
    assert server.finqctl("session", "show", renewal.session_id)["tenant_user_id"] == "ana"
    assert server.psql(f"SELECT s.credentials_id, s.data_key = c.data_key FROM finq.session s JOIN finq.credential c USING (credentials_id)"
                       f" WHERE s.session_id = '{renewal.session_id}'") == f"{renewed['credentials_id']}|t", "one key to destroy"
    assert server.psql(f"SELECT count(*) FROM finq.credential WHERE client_id = '{user.client.tenant.client_id}'") == "1"


def test_what_has_expired_is_active_again(server, user):
    expire(server, user)
    assert user.client.consent("get", user.credentials)["result"]["status"] == "EXPIRED"
    assert user.client.consent("get", renew(user))["result"]["status"] == "ACTIVE"


def test_its_event(server, user):
    server.psql(f"INSERT INTO finq.webhook (client_id, url, secret_id, salt) VALUES ('{user.client.tenant.client_id}',"
                " 'https://hook.example', 1, '')")
    renewal = complete(begin(user))
    renewed = renewal.exchange().json
    renewal.exchange()
    told = server.psql(f"SELECT type, payload -> 'data' ->> 'credentials_id', payload -> 'data' ->> 'consent_exp', payload -> 'data' ->> 'session_id'"
                       f" FROM finq.outbox WHERE client_id = '{user.client.tenant.client_id}' AND type LIKE 'consent.%'")
    assert told == f"consent.renewed|{renewed['credentials_id']}|{renewed['consent_exp']}|{renewal.session_id}"


def test_the_exchange_repeated(server, user):
    """After a lost answer. Red where the token is derived from an id that the server makes anew."""
    renewal = complete(begin(user))
    first = renewal.exchange()
    stored = row(server, user)
    assert steady(renewal.exchange("/tokens")) == steady(first) and row(server, user) == stored
    server.psql(f"UPDATE finq.session SET exchanged_at = exchanged_at - interval '121 seconds' WHERE session_id = '{renewal.session_id}'")
    assert is_error(renewal.exchange(), 401, "invalid_temp_token")


def test_left_open_or_failed(server, user):
    stored = row(server, user)
    begin(user)
    submit(begin(user), 1)
    complete(begin(user))
    assert row(server, user) == stored and works(user, user.credentials)


# -- the older token

def test_the_older_token_works_until_the_newer_is_used(server, user):
    """Red where finq.consent_has_token does not look at older_token_hashes, or finq.consent_claim does not note the use."""
    renewed = renew(user)
    for _ in range(3):
        assert works(user, user.credentials), "the answer may have been lost"
    assert works(user, renewed) and works(user, renewed)
    assert is_error(user.client.consent("get", user.credentials), 401, "invalid_access_token")
    assert row(server, user, "older_token_hashes") == "{}"


@pytest.mark.parametrize("used, left", [(0, {0, 1, 2}), (1, {1, 2}), (2, {2})])
def test_each_use_ends_those_before(user, used, left):
    """Red where finq.consent_token_used takes away all older ones, or none but the oldest."""
    tokens = [user.credentials, renew(user)]
    tokens.append(renew(user, user.credentials))
    assert works(user, tokens[used]) and works(user, tokens[used])
    assert {n for n in reversed(range(3)) if n <= used and works(user, tokens[n])} == {n for n in left if n <= used}
    assert works(user, tokens[2])


@pytest.mark.parametrize("verb", ["renew", "delete"])
def test_what_counts_as_a_use(user, verb):
    renewed = renew(user)
    assert user.client.consent(verb, renewed).status == 200
    assert is_error(user.client.consent("get", user.credentials), 401, "invalid_access_token")


@pytest.mark.parametrize("wrong", [{"access_token": "wrong"}, {"tenant_user_id": "ion"}, {"client_secret": "wrong"}])
def test_what_is_refused_is_no_use(user, wrong):
    renewed = renew(user)
    assert user.client.consent("get", renewed, **wrong).status == 401
    assert works(user, user.credentials)


def test_uses_at_once(server, user):
    """Of older and newer ones: never an error of the server's."""
    tokens = [user.credentials, renew(user)]
    tokens.append(renew(user, user.credentials))
    clients = [server.client(user.client.tenant) for _ in range(12)]
    answers = at_once([lambda c=c, t=tokens[n % 3]: c.consent("get", t) for n, c in enumerate(clients)])
    assert {a.status for a in answers} <= {200, 401} and {a.code for a in answers if a.status == 401} <= {"invalid_access_token"}
    assert all(answers[n].status == 200 for n in range(2, 12, 3)) and row(server, user, "older_token_hashes") == "{}"
    for one in clients:
        one.close()


# -- its skill

def test_a_higher_version(server, user):
    """By number, not by letter. Red where finq.skill_follows compares texts, or not the words."""
    words = f"renewed{uuid.uuid4().hex[:8]}_sbx"
    names = {version: another_version(server, user, version, words) for version in ("2.9", "2.10", "10.0", "1.99")}
    other = another_version(server, user, "11.0", words + "x")
    change(server, user, f"skill_id = (SELECT skill_id FROM finq.skill WHERE name = '{names['2.9']}')")
    for name in (names["1.99"], other, AISP, words + "_#99.0", words, "", "x" * 300):
        assert is_error(user.client.consent("renew", user.credentials, skill=name), 400, "invalid_skill_name"), name
    for version in ("2.9", "2.10", "10.0"):
        begin(user, skill=names[version])
    renewed = renew(user, skill=names["10.0"])
    assert user.client.consent("get", renewed)["result"]["originator"]["skill"] == names["10.0"]
    assert is_error(user.client.consent("renew", renewed, skill=names["2.9"]), 400, "invalid_skill_name")


def test_a_skill_that_the_tenant_may_not_use(server, user):
    """Red without the look at the grant in finq.consent_renew, or at retired_at."""
    words = f"renewed{uuid.uuid4().hex[:8]}_sbx"
    old, new = (another_version(server, user, version, words) for version in ("1.0", "2.0"))
    change(server, user, f"skill_id = (SELECT skill_id FROM finq.skill WHERE name = '{old}')")
    server.finqctl("tenant", "disallow", user.client.tenant.client_id, new)
    assert is_error(user.client.consent("renew", user.credentials, skill=new), 401, "unauthorized_tenant")
    server.finqctl("skill", "retire", old)
    assert is_error(user.client.consent("renew", user.credentials), 401, "unauthorized_tenant")


# -- who may, and when

ENDS = {"deleted": "status = 'DELETED', deleted_at = clock_timestamp()", "too late": "max_data_retention = clock_timestamp()",
        "expired and deleted": "status = 'EXPIRED', consent_exp = clock_timestamp(), deleted_at = clock_timestamp()"}


@pytest.mark.parametrize("end", list(ENDS))
def test_what_cannot_be_renewed(server, user, end):
    """At its start, at each step, and at the exchange; each leaves all as it was. Red without the look at the consent in
    finq.consent_renew, finq.step_refusal, each statement of finq.submit_step, finq.exchange_renewal."""
    begun, done = begin(user), complete(begin(user))
    change(server, user, ENDS[end])
    stored = row(server, user)
    assert is_error(user.client.consent("renew", user.credentials), 401, "inactive_credentials")
    assert is_error(submit(begun, 1), 401, "inactive_credentials")
    assert server.psql(f"SELECT count(*) FROM finq.session WHERE session_id = '{begun.session_id}'") == "0"
    assert is_error(done.exchange(), 401, "inactive_credentials") and row(server, user) == stored
    change(server, user, "status = 'ACTIVE', deleted_at = NULL, max_data_retention = clock_timestamp() + interval '1 hour'")
    assert submit(begun, 1).status == 200 and done.exchange().status == 200, "nothing was spent"


def test_a_further_step_looks_too(server, user):
    """Red without s.renews in the second statement of finq.submit_step."""
    definition = copy.deepcopy(DEFINITIONS[AISP])
    definition["name"] = f"two{uuid.uuid4().hex[:8]}_sbx_#1.0"
    definition["steps"].append({**definition["steps"][0], "name": "again"})
    name = publish(server, user.client.tenant, definition)
    change(server, user, f"skill_id = (SELECT skill_id FROM finq.skill WHERE name = '{name}')")
    user.skill = name
    renewal = begin(user)
    assert submit(renewal, 1).status == 200
    change(server, user, ENDS["deleted"])
    assert is_error(submit(renewal, 2), 401, "inactive_credentials")


def test_who_may(server, user):
    other = server.client(server.create_tenant(f"Other {uuid.uuid4()}"))
    foreign, unknown = other.consent("renew", user.credentials), other.consent("renew", {**user.credentials, "credentials_id": str(uuid.uuid4())})
    assert is_error(foreign, 401, "invalid_credentials_id") and steady(foreign) == steady(unknown)
    assert is_error(user.client.consent("renew", user.credentials, client_secret="wrong"), 401, "invalid_client_secret")
    assert is_error(user.client.consent("renew", user.credentials, access_token="wrong"), 401, "invalid_access_token")
    assert is_error(user.client.consent("renew", user.credentials, tenant_user_id="ion"), 401, "invalid_credentials_id")
    assert is_error(user.client.consent("renew", user.credentials, credentials_id="x"), 400, "invalid_credentials_id")
    for wrong in (1, [], {}, True):
        assert is_error(user.client.consent("renew", user.credentials, skill=wrong), 400, "invalid_field")
    other.close()


def test_a_renewals_nonce_is_its_own_tenants(server, user):
    renewal = begin(user)
    other = server.client(server.create_tenant(f"Other {uuid.uuid4()}"))
    renewal.client = other
    assert is_error(submit(renewal, 1), 401, "invalid_nonce")
    other.close()


def test_the_secret_that_started_it_ends(server, user):
    """Red where finq.step_refusal names client_app_key in any case."""
    renewal = begin(user)
    server.psql(f"UPDATE finq.tenant_key SET ends_at = clock_timestamp() WHERE client_id = '{user.client.tenant.client_id}' AND kind = 'SECRET'")
    assert is_error(submit(renewal, 1), 401, "invalid_client_secret")


# -- at once

def test_two_renewals(server, user):
    """The later exchange counts, and its times with it; the other's token works until the later's is used."""
    one, other = complete(begin(user)), complete(begin(user))
    first = one.exchange().json
    change(server, user, "consent_exp = consent_exp - interval '1 day'")
    later = other.exchange().json
    assert user.client.consent("get", first)["result"]["consent_exp"] == later["consent_exp"]
    assert works(user, later)
    assert is_error(user.client.consent("get", first), 401, "invalid_access_token")


def place(server, user, credentials):
    token = credentials["access_token"]
    return int(row(server, user, f"array_position(older_token_hashes || access_token_hash, sha256('{token}'))"))


def test_renewals_at_once(server, user):
    """Each is answered, and each token works until a newer one is used."""
    renewals = [complete(begin(user)) for _ in range(8)]
    for renewal in renewals:
        renewal.client = server.client(user.client.tenant)
    answers = at_once([renewal.exchange for renewal in renewals])
    assert [a.status for a in answers] == [200] * 8
    given = sorted((a.json for a in answers), key=lambda each: place(server, user, each))
    assert [place(server, user, each) for each in given] == list(range(2, 10))
    assert all(works(user, each) for each in given) and not works(user, given[6])
    for renewal in renewals:
        renewal.client.close()


def test_a_deletion_under_way(server, user):
    """The exchange waits for it, and is refused. Red without FOR NO KEY UPDATE in finq.exchange_renewal."""
    renewal = complete(begin(user))
    deletion = Hold(server, f"finq.consent_end('{user.credentials['credentials_id']}', NULL)", 1)
    refused = renewal.exchange()
    deletion.join()
    assert is_error(refused, 401, "inactive_credentials") and row(server, user, "status") == "DELETED"
    assert server.psql(f"SELECT exchanged_at FROM finq.session WHERE session_id = '{renewal.session_id}'") == ""


def test_a_deletion_beside_exchanges(server, user):
    """Whoever comes after it is refused, and what was renewed before it is deleted."""
    renewals = [complete(begin(user)) for _ in range(4)]
    for renewal in renewals:
        renewal.client = server.client(user.client.tenant)
    answers = at_once([*[renewal.exchange for renewal in renewals], lambda: user.client.consent("delete", user.credentials)])
    assert {a.code for a in answers[:4]} <= {None, "inactive_credentials"} and answers[4].status == 200
    assert row(server, user, "status") == "DELETED"
    assert all(is_error(renewal.exchange(), 401, "inactive_credentials") for renewal in renewals)
    for renewal in renewals:
        renewal.client.close()


def test_a_temp_token_exchanged_at_once(server, user):
    """Once, and the same answer for all. Red without `s.exchanged_at IS NULL` in finq.exchange_renewal."""
    renewal = complete(begin(user))
    clients = [server.client(user.client.tenant) for _ in range(8)]
    hold = Hold(server, f"FROM finq.credential WHERE credentials_id = '{user.credentials['credentials_id']}' FOR UPDATE", 2)
    answers = at_once([lambda c=c: c.exchange(renewal.temp_token) for c in clients])
    hold.join()
    assert {a.body for a in answers} == {answers[0].body} and answers[0].status == 200
    assert row(server, user, "cardinality(older_token_hashes)") == "1"
    for one in clients:
        one.close()
