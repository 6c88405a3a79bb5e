"""POST /consents/list (contract section 9): which consents, in which order, page by page.

Seen red: see each test.
"""
import base64
import json
import uuid

import pytest

from finqenv.flows import AISP, begin, walk
from finqenv.wire import is_error, steady

UNKNOWN_CURSOR = "cursor is not one that was given for this query."


@pytest.fixture
def client(server):
    made = server.client(server.create_tenant(f"Lists {uuid.uuid4()}"))
    yield made
    made.close()


def store(server, client, count, columns="", values=""):
    """Consents as exchanges leave them, of newer and newer ids. Returns the ids, newest first."""
    start = float(server.psql("SELECT extract(epoch FROM clock_timestamp())"))
    return server.psql(f"""INSERT INTO finq.credential (credentials_id, client_id, skill_id, session_id, access_token_hash, consent_exp,
            max_data_retention, created_at, updated_at{columns})
        SELECT (lpad(to_hex({int(start * 1000)} + i), 12, '0') || '70008000' || lpad(i::text, 12, '0'))::uuid,
               '{client.tenant.client_id}', (SELECT min(skill_id) FROM finq.skill), gen_random_uuid(), sha256(i::text::bytea),
               clock_timestamp() + interval '1 day', clock_timestamp() + interval '2 days', clock_timestamp(), clock_timestamp(){values}
          FROM generate_series(1, {count}) i RETURNING credentials_id""").split()[::-1]


def ids(answer):
    assert answer.status == 200, answer.body
    return [one["credentials_id"] for one in answer["result"]["consents"]]


def pages(client, **more):
    """All pages, by their cursors."""
    found = [client.consents(**more)]
    while cursor := found[-1]["result"]["next_cursor"]:
        found.append(client.consents(**more, cursor=cursor))
    return found


def end(server, credentials_id, what):
    server.psql(f"UPDATE finq.credential SET {what} WHERE credentials_id = '{credentials_id}'")


# -- what is told

def test_what_is_told(client):
    """Each as /consents/get tells it. Red without the order in finq.consents_before."""
    given = [walk(client, tenant_user_id=name).exchange().json for name in ("ana", "ion")]
    answer = client.consents()
    assert {**answer.json, "result": 0} == {"op_type": "read", "code": "credentials_list", "http": 200, "message": "Consents retrieved",
                                            "result": 0}
    assert answer["result"] == {"consents": [client.consent("get", one)["result"] for one in given[::-1]], "next_cursor": None}


def test_nothing_is_told_of_nobody(client):
    assert client.consents()["result"] == {"consents": [], "next_cursor": None}
    walk(client, tenant_user_id="ana").exchange()
    assert ids(client.consents(tenant_user_id="Ana")) == ids(client.consents(tenant_user_id="")) == []


def test_another_tenants_are_never_shown(server, client):
    """Nor is it told that there are any. Red without client_id in either half of finq.consents_before."""
    other = server.client(server.create_tenant(f"Other {uuid.uuid4()}"))
    empty, empty_of_ana = other.consents(), other.consents(tenant_user_id="ana")
    walk(client, tenant_user_id="ana").exchange()
    assert steady(other.consents()) == steady(empty)
    assert steady(other.consents(tenant_user_id="ana")) == steady(empty_of_ana)
    assert is_error(other.consents(client_id=client.tenant.client_id), 401, "invalid_client_secret")
    other.close()


def test_filters(server, client):
    """Red without the clause of the status in finq.consent_page, or the second half of finq.consents_before."""
    anas, ions = (store(server, client, 3, ", user_mac", f", {server.user_mac(client.tenant, name)}") for name in ("ana", "ion"))
    end(server, anas[0], "status = 'DELETED', deleted_at = clock_timestamp()")
    end(server, ions[1], "consent_exp = clock_timestamp()")
    assert sorted(ids(client.consents())) == sorted(anas + ions)
    assert ids(client.consents(tenant_user_id="ana")) == anas and ids(client.consents(tenant_user_id="ion")) == ions
    assert ids(client.consents(status="DELETED")) == [anas[0]]
    assert ids(client.consents(status="EXPIRED")) == [ions[1]], "marked or not"
    assert ids(client.consents(status="ACTIVE", tenant_user_id="ana")) == anas[1:]
    assert ids(client.consents(status=None, tenant_user_id=None, cursor=None, count=None)) == ids(client.consents())


def test_what_get_no_longer_tells_of_is_not_listed(server, client):
    """Red without finq.consent_is_known in finq.consent_page."""
    stored = store(server, client, 2)
    end(server, stored[0], "consent_exp = clock_timestamp(), max_data_retention = clock_timestamp() - interval '1 year'")
    end(server, stored[1], "max_data_retention = clock_timestamp() - interval '2 years'")
    assert ids(client.consents()) == [stored[1]], "what is in force is told however short its data are kept"


# -- pages

@pytest.mark.parametrize("count, sizes", [(1, [1] * 7), (3, [3, 3, 1]), (6, [6, 1]), (7, [7]), (500, [7])])
def test_pages(server, client, count, sizes):
    """Red where finq.consent_page asks for p_count alone, or tells no next page."""
    stored = store(server, client, 7)
    found = pages(client, count=count)
    assert [len(ids(page)) for page in found] == sizes and sum(map(ids, found), []) == stored


def test_without_a_count_a_page_has_a_hundred(server, client):
    stored = store(server, client, 101)
    assert [ids(page) for page in pages(client)] == [stored[:100], stored[100:]]


@pytest.mark.parametrize("filters", [{}, {"status": "ACTIVE"}, {"tenant_user_id": "ana"}])
def test_pages_while_consents_come_and_go(server, client, filters):
    """Nothing twice, nothing left out that stayed. Red where a cursor counts rows."""
    ana = ", user_mac", f", {server.user_mac(client.tenant, 'ana')}"
    stored = store(server, client, 6, *ana)
    first = client.consents(count=2, **filters)
    store(server, client, 3, *ana)
    for one in stored[1], stored[3]:
        end(server, one, "status = 'DELETED', deleted_at = clock_timestamp()")
    rest = client.consents(cursor=first["result"]["next_cursor"], **filters)
    stayed = [one for one in stored[2:] if "status" not in filters or one != stored[3]]
    assert ids(first) == stored[:2] and ids(rest) == stayed and rest["result"]["next_cursor"] is None


def test_a_page_ends_where_too_much_was_looked_at(server, client):
    """However rare what is asked for is, a request looks at 10000. Red without the LIMIT of finq.consents_before, and where a
    page that holds too few is the last."""
    last = store(server, client, 1)[0]
    store(server, client, 10000, ", status, deleted_at", ", 'DELETED', clock_timestamp()")
    assert [ids(page) for page in pages(client, status="ACTIVE")] == [[], [last]]


# -- cursors

def test_a_cursor_is_of_its_query(server, client):
    """Red without query_hash in cursor_open."""
    for user in ("ana", "ion"):
        store(server, client, 3, ", user_mac", f", {server.user_mac(client.tenant, user)}")
    cursor = client.consents(count=1, tenant_user_id="ana")["result"]["next_cursor"]
    for count in (1, 2, 500):
        assert client.consents(count=count, tenant_user_id="ana", cursor=cursor).status == 200
    other = server.client(server.create_tenant(f"Other {uuid.uuid4()}"))
    for asked in (client.consents(cursor=cursor), client.consents(cursor=cursor, tenant_user_id="ion"),
                  client.consents(cursor=cursor, tenant_user_id="ana", status="ACTIVE"),
                  other.consents(cursor=cursor, tenant_user_id="ana")):
        assert is_error(asked, 400, "invalid_field") and asked["message"] == UNKNOWN_CURSOR
    other.close()


def test_forged_cursors(server, client):
    """Each bit counts, and each spelling but one. Red where cursor_open asks neither for the seal nor for the query."""
    store(server, client, 2)
    cursor = client.consents(count=1)["result"]["next_cursor"]
    sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    flipped = [base64.urlsafe_b64encode(bytes(b ^ (i == place) for i, b in enumerate(sealed))).rstrip(b"=").decode()
               for place in range(0, len(sealed), 7)]
    user = begin(client, AISP)
    for forged in ["", "x", "A" * len(cursor), cursor[:-1], cursor + "A", cursor + "=", cursor + " ", str(uuid.uuid4()), "A" * 9000,
                   user.nonce, *flipped]:
        assert is_error(client.consents(cursor=forged), 400, "invalid_field"), forged
    assert ids(client.consents(cursor=cursor))


def test_a_cursor_is_no_nonce(server, client):
    store(server, client, 2)
    user = begin(client, AISP)
    user.nonce = client.consents(count=1)["result"]["next_cursor"]
    assert is_error(user.submit("sca_implicit", {}), 401, "invalid_nonce")


# -- bad input

@pytest.mark.parametrize("name, text", [
    *[("count", text) for text in ("0", "-1", "501", "1e2", "1.0", "100.5", "9223372036854775807", "4294967297", "1" + "0" * 30, "1e999",
                                   '"1"', "true", "[]", "{}")],
    *[("status", text) for text in ('"active"', '"GONE"', '""', '" ACTIVE"', "1", "true", "[]", "{}")],
    *[("tenant_user_id", text) for text in ("1", "[]", "{}", "false")], *[("cursor", text) for text in ("1", "[]", "{}", "true")]])
def test_bad_members(client, name, text):
    """Before anybody's key is looked at. Red without status_check, or count_check."""
    for secret in (client.tenant.client_secret, "wrong"):
        body = json.dumps({"client_id": client.tenant.client_id, "client_secret": secret})
        refused = client.call("/consents/list", f'{body[:-1]}, "{name}": {text}}}')
        assert is_error(refused, 400, "invalid_field") and name in refused["message"]


@pytest.mark.parametrize("name", ["credentials_id", "access_token", "pcd_data_retention", "limit"])
def test_members_that_are_of_other_calls(client, name):
    assert is_error(client.consents(**{name: "x"}), 400, "unknown_fields")


def test_who_may(server, client):
    """Red without finq.key_claim in finq.consent_page."""
    store(server, client, 1)
    assert is_error(client.consents(client_id=str(uuid.uuid4())), 401, "invalid_client_id")
    assert is_error(client.consents(client_secret="wrong"), 401, "invalid_client_secret")
    assert is_error(client.consents(client_secret=client.tenant.client_app_key), 401, "invalid_client_secret")
    server.finqctl("tenant", "disable", client.tenant.client_id)
    assert is_error(client.consents(), 401, "unauthorized_tenant")
    server.finqctl("tenant", "enable", client.tenant.client_id)
    assert len(ids(client.consents())) == 1
