"""The end of a consent before its time: finqctl consent, the event, and what its credentials are good for (contract
sections 7 and 9).

Seen red: see each test.
"""
import json
import uuid

import pytest

from finqenv.flows import walk
from finqenv.load import at_once
from finqenv.locks import Hold
from finqenv.receiver import Receiver
from finqenv.wire import is_error, steady


@pytest.fixture(scope="module")
def own(make_module_server, server):
    return make_module_server(cluster=server.postgres, database="consents", children=1)


@pytest.fixture(scope="module")
def receiver():
    made = Receiver()
    yield made
    made.stop()


@pytest.fixture
def client(own, receiver):
    """Of a tenant of the test's own, whose events go to the receiver."""
    receiver.reset()
    own.psql("DELETE FROM finq.outbox; DELETE FROM finq.webhook")
    tenant = own.create_tenant(f"Consents {uuid.uuid4()}")
    own.finqctl("webhook", "set", tenant.client_id, receiver.url, "--secret-file", own.secret_file,
                "--allow-address", "127.0.0.0/8")
    connected = own.client(tenant)
    yield connected
    connected.close()


def consent(client):
    """(a user who has exchanged, the consent's id)"""
    user = walk(client)
    return user, user.exchange()["credentials_id"]


def delete(own, credentials_id):
    return own.finqctl("consent", "delete", credentials_id)


def told(own, receiver, credentials_id):
    """What the tenant's server has been told of a consent, once time has been looked at and all is delivered."""
    own.finqctl("janitor", "run")
    own.finqctl("outbox", "run", "--once", "--secret-file", own.secret_file, "--allow-address", "127.0.0.0/8", check=False)
    return [event["type"] for event in receiver.events() if event["data"].get("credentials_id") == credentials_id]


def set_end(own, credentials_id, left):
    own.psql(f"UPDATE finq.credential SET consent_exp = clock_timestamp() + interval '{left}'"
             f" WHERE credentials_id = '{credentials_id}'")


def trail(own, client):
    return [line["detail"] for line in own.finqctl("audit", "--tenant", client.tenant.client_id)
            if line["object"] == "credential"]


# -- what the operator sees

def test_consents_are_shown(own, client):
    user, credentials_id = consent(client)
    shown = own.finqctl("consent", "show", credentials_id)
    assert set(shown) == {"credentials_id", "client_id", "tenant", "skill", "session_id", "status", "consent_exp",
                          "max_data_retention", "created_at", "updated_at", "account_data"}, "no key, no hash"
    assert shown["credentials_id"] == credentials_id and shown["client_id"] == client.tenant.client_id
    assert (shown["session_id"], shown["skill"], shown["status"]) == (user.session_id, user.skill, "ACTIVE")
    assert shown.pop("account_data") is None, "nothing was asked for yet"
    assert own.finqctl("consent", "list", client.tenant.client_id) == [shown]


def test_consents_are_listed(own, client):
    """Newest first, a tenant's own. Red without the clause of client_id, of the status, or the order."""
    ids = [consent(client)[1] for _ in range(4)]
    consent(own.client(own.create_tenant(f"Another {uuid.uuid4()}")))
    delete(own, ids[1])
    set_end(own, ids[2], "-1 second")

    def listed(*options):
        return [one["credentials_id"] for one in own.finqctl("consent", "list", client.tenant.client_id, *options)]
    assert listed() == ids[::-1] and listed("--limit", 2) == [ids[3], ids[2]]
    assert listed("--status", "active") == [ids[3], ids[0]]
    assert listed("--status", "deleted") == [ids[1]]
    assert listed("--status", "expired") == [ids[2]], "marked or not"


@pytest.mark.parametrize("words, code", [
    (("list", str(uuid.uuid4())), 3), (("show", str(uuid.uuid4())), 3), (("delete", str(uuid.uuid4())), 3),
    (("show", "x"), 1), (("delete", "x"), 1), (("list",), 2), (("delete",), 2)])
def test_what_is_not_there(own, words, code):
    done = own.finqctl("consent", *words, check=False)
    assert done.returncode == code and done.stdout == "" and done.stderr


@pytest.mark.parametrize("options", [("--status", "gone"), ("--limit", "0"), ("--limit", "100001")])
def test_lists_that_are_none(own, client, options):
    assert own.finqctl("consent", "list", client.tenant.client_id, *options, check=False).returncode == 1


# -- one end

def test_deletion(own, client, receiver):
    """Told once, in the trail once. Red without `c.deleted_at IS NULL` in finq.consent_end."""
    user, credentials_id = consent(client)
    gone = delete(own, credentials_id)
    assert gone["status"] == "DELETED" and gone["updated_at"] >= gone["created_at"]
    assert own.psql(f"SELECT updated_at > created_at FROM finq.credential WHERE credentials_id = '{credentials_id}'") == "t"
    assert delete(own, credentials_id) == gone == own.finqctl("consent", "show", credentials_id)
    assert told(own, receiver, credentials_id) == ["consent.deleted"]
    event = receiver.events()[-1]
    assert set(event) == {"type", "timestamp", "data"}
    assert set(event["data"]) == {"client_id", "session_id", "skill", "credentials_id", "consent_exp"}
    assert event["data"]["session_id"] == user.session_id
    assert trail(own, client) == [{"credentials_id": credentials_id, "status": "DELETED"}]
    kept = own.psql(f"SELECT length(access_token_hash) FROM finq.credential WHERE credentials_id = '{credentials_id}'")
    assert kept == "32", "who holds the token may still ask how the consent stands"


@pytest.mark.parametrize("left", ["6 days", "-1 second"])
def test_what_is_deleted_does_not_expire(own, client, receiver, left):
    """Nor is its end announced. Red without `o.status = 'ACTIVE'` in finq.janitor_expire_consents, or in
    finq.janitor_announce_consents."""
    _, credentials_id = consent(client)
    delete(own, credentials_id)
    set_end(own, credentials_id, left)
    assert told(own, receiver, credentials_id) == ["consent.deleted"]
    assert own.finqctl("consent", "show", credentials_id)["status"] == "DELETED"


@pytest.mark.parametrize("marked", [True, False])
def test_what_has_expired_is_not_deleted(own, client, receiver, marked):
    """Whoever marks it first. Red where finq.consent_end does not look at consent_exp."""
    _, credentials_id = consent(client)
    set_end(own, credentials_id, "-1 second")
    if marked:
        told(own, receiver, credentials_id)
    assert delete(own, credentials_id)["status"] == "EXPIRED"
    assert told(own, receiver, credentials_id) == ["consent.expired"]
    assert trail(own, client) == ([] if marked else [{"credentials_id": credentials_id, "status": "EXPIRED"}])


@pytest.mark.parametrize("left, end", [("1 hour", "deleted"), ("-1 second", "expired")])
def test_of_many_ends_one_takes_effect(own, client, receiver, left, end):
    """Deletions and the look at the time, at once. Red without `c.deleted_at IS NULL` in finq.consent_end, or without
    its FOR NO KEY UPDATE."""
    _, credentials_id = consent(client)
    told(own, receiver, credentials_id)
    set_end(own, credentials_id, left)
    hold = Hold(own, f"FROM finq.credential WHERE credentials_id = '{credentials_id}' FOR UPDATE", 4)  # the janitor passes over what is held
    looked, *shown = at_once([lambda: told(own, receiver, credentials_id), *[lambda: delete(own, credentials_id)] * 4])
    hold.join()
    assert {one["status"] for one in shown} == {end.upper()}
    told(own, receiver, credentials_id)
    ends = [event for event in told(own, receiver, credentials_id) if event != "consent.expiring"]
    assert ends == [f"consent.{end}"] and len(trail(own, client)) <= 1, looked


def test_an_end_and_its_event_are_one(own, client):
    """Neither without the other. Red where finq.consent_end catches what finq.event raises."""
    _, credentials_id = consent(client)
    own.psql("CREATE FUNCTION public.fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room'; END $$;"
             "CREATE TRIGGER fails BEFORE INSERT ON finq.outbox FOR EACH ROW EXECUTE FUNCTION public.fails()")
    try:
        assert own.finqctl("consent", "delete", credentials_id, check=False).returncode == 1
    finally:
        own.psql("DROP FUNCTION public.fails CASCADE")
    assert own.finqctl("consent", "show", credentials_id)["status"] == "ACTIVE" and trail(own, client) == []


# -- what its credentials are good for

@pytest.mark.parametrize("end", ["deleted", "expired", "expired and marked"])
def test_a_repeated_exchange_of_what_has_ended(own, client, receiver, end):
    """No token any more. Red where finq.exchange_token does not ask finq.consent_status, and (expired) where that does not
    look at consent_exp."""
    user, credentials_id = consent(client)
    assert user.exchange().status == 200
    if end == "deleted":
        delete(own, credentials_id)
    else:
        set_end(own, credentials_id, "-1 second")
    if "marked" in end:
        told(own, receiver, credentials_id)
    refused = user.exchange("/tokens")
    assert is_error(refused, 401, "inactive_credentials") and steady(refused) == steady(user.exchange("/token"))
    assert is_error(client.exchange(user.temp_token, client_secret="wrong"), 401, "invalid_client_secret")
    stranger = own.client(own.create_tenant(f"Stranger {uuid.uuid4()}"))
    assert is_error(stranger.exchange(user.temp_token), 401, "invalid_temp_token"), "a foreign token is none"
    stranger.close()
    own.psql(f"UPDATE finq.session SET exchanged_at = exchanged_at - interval '121 seconds' WHERE session_id = '{user.session_id}'")
    assert is_error(user.exchange(), 401, "invalid_temp_token")
    count = own.psql(f"SELECT count(*) FROM finq.credential WHERE session_id = '{user.session_id}'")
    assert count == "1" and json.loads(refused.body)["type"] == "unauthorized"
