"""POST /consents/get and /consents/delete (contract section 9): who may, in which order it is asked, what is told, and how a
consent ends.

Seen red: see each test.
"""
import datetime
import json
import uuid

import pytest

from finqenv.flows import AISP, walk
from finqenv.load import at_once
from finqenv.signing import Key, Signer
from finqenv.wire import Volley, is_error, request, steady

MINUTE, DAY = 60, 86400
KEYS = {"client_id", "credentials_id", "status", "max_data_retention"}
UNKNOWN = "credentials_id is not one of this client's."


@pytest.fixture
def user(client):
    """Who has exchanged: .credentials, of an onboarding with a tenant_user_id."""
    made = walk(client, tenant_user_id="ana-7")
    made.credentials = made.exchange().json
    return made


@pytest.fixture
def anonymous(client):
    made = walk(client)
    made.credentials = made.exchange().json
    return made


def row(server, user, columns):
    return server.psql(f"SELECT {columns} FROM finq.credential WHERE credentials_id = '{user.credentials['credentials_id']}'")


def change(server, user, what):
    server.psql(f"UPDATE finq.credential SET {what} WHERE credentials_id = '{user.credentials['credentials_id']}'")


def seconds(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc).timestamp()


def left(server, text):
    """How many seconds from now, by the database's clock."""
    return seconds(text) - float(server.psql("SELECT extract(epoch FROM clock_timestamp())"))


def trail(server, user):
    return [line["detail"] for line in server.finqctl("audit", "--tenant", user.client.tenant.client_id, "--limit", 1000)
            if line["detail"].get("credentials_id") == user.credentials["credentials_id"]]


def both(user, **more):
    return [user.client.consent(verb, user.credentials, **more) for verb in ("get", "delete")]


# -- what is told

def test_what_is_told(server, user):
    answer = user.client.consent("get", user.credentials)
    assert answer.status == 200
    assert list(answer.json) == ["op_type", "code", "http", "message", "result"]
    told = answer["result"]
    assert {**answer.json, "result": 0} == {"op_type": "read", "code": "credentials_info", "http": 200,
                                            "message": "Consent info retrieved", "result": 0}
    assert list(told) == ["credentials_id", "status", "consent_exp", "max_data_retention", "utc_created", "utc_last_update",
                          "originator", "tenant_app_info", "tenant_user_id"]
    assert told["status"] == "ACTIVE" and told["tenant_user_id"] == "ana-7"
    assert {name: told[name] for name in ("credentials_id", "consent_exp", "max_data_retention")} == {
        name: user.credentials[name] for name in ("credentials_id", "consent_exp", "max_data_retention")}
    assert told["originator"] == {"country": "Romania", "servicer": "XYZ Bank", "skill": AISP}
    assert told["tenant_app_info"] == {"client_id": user.client.tenant.client_id, "name": "First tenant"}
    assert told["utc_created"] == told["utc_last_update"] and -60 < left(server, told["utc_created"]) <= 0


def test_a_consent_of_nobody_named(anonymous):
    assert "tenant_user_id" not in anonymous.client.consent("get", anonymous.credentials)["result"]
    assert [a.status for a in both(anonymous, tenant_user_id="whoever")] == [200, 200], "there is nothing to compare it with"


def test_each_consent_tells_of_its_own(client):
    one, other = (walk(client, tenant_user_id=name).exchange().json for name in ("ana", "ion"))
    told = [client.consent("get", credentials)["result"] for credentials in (one, other)]
    assert [t["tenant_user_id"] for t in told] == ["ana", "ion"]
    assert client.consent("get", {**one, "access_token": other["access_token"]}).code == "invalid_access_token"


def test_signed(server, tenant, user):
    key = Key()
    server.add_key(tenant, "consents@finq.example", key.pem)
    signed = server.client(tenant, base="/v1s", sign=Signer(key, "consents@finq.example"))
    assert signed.consent("get", user.credentials).status == 200
    unsigned = server.client(tenant, base="/v1s")
    assert is_error(unsigned.consent("delete", user.credentials), 401, "invalid_signature")
    assert signed.consent("get", user.credentials)["result"]["status"] == "ACTIVE"


# -- who may, and which check comes first

# What may be wrong, in the order in which it is looked at; each is refused although all that follows is wrong as well.
WRONG = [("credentials_id", "x", 400, "invalid_credentials_id"),
         ("client_id", str(uuid.uuid4()), 401, "invalid_client_id"), ("client_secret", "wrong", 401, "invalid_client_secret"),
         ("credentials_id", str(uuid.uuid4()), 401, "invalid_credentials_id"),
         ("access_token", "wrong", 401, "invalid_access_token"), ("tenant_user_id", "ion", 401, "invalid_credentials_id")]


@pytest.mark.parametrize("place", range(len(WRONG)))
@pytest.mark.parametrize("verb", ["get", "delete"])
def test_the_order_of_the_checks(server, user, verb, place):
    """Red where finq.consent_claim asks for the credentials before finq.key_claim, compares the access_token (or does not),
    or the user before it."""
    name, value, http, code = WRONG[place]
    before = row(server, user, "credential.*::text")
    later = {n: v for n, v, _, _ in reversed(WRONG[place + 1:])}
    assert is_error(user.client.consent(verb, user.credentials, **{name: value}), http, code)
    assert is_error(user.client.consent(verb, user.credentials, **{**later, name: value}), http, code)
    assert row(server, user, "credential.*::text") == before


def test_a_bad_retention_is_told_before_who_asks(user):
    assert is_error(user.client.consent("delete", user.credentials, client_secret="wrong", pcd_data_retention=-1), 400,
                    "invalid_pcd_data_retention")


def test_what_is_anothers_does_not_exist(server, user, other_client):
    """Byte for byte, with the right access_token or a wrong one. Red without the clause of client_id in finq.consent_claim."""
    before = row(server, user, "credential.*::text")
    for verb in ("get", "delete"):
        foreign = other_client.consent(verb, user.credentials)
        unknown = other_client.consent(verb, {**user.credentials, "credentials_id": str(uuid.uuid4())})
        assert is_error(foreign, 401, "invalid_credentials_id") and foreign["message"] == UNKNOWN
        assert steady(foreign) == steady(unknown)
        assert steady(foreign) == steady(other_client.consent(verb, {**user.credentials, "access_token": "wrong"}))
        assert steady(foreign) == steady(user.client.consent(verb, user.credentials, tenant_user_id="ion"))
        assert user.client.consent(verb, user.credentials, client_id=other_client.tenant.client_id).code == "invalid_client_secret"
    assert row(server, user, "credential.*::text") == before.replace("DELETED", "ACTIVE")


def test_a_tenant_that_is_disabled(server):
    """Told only to who holds its secret. Red where finq.key_claim leaves the tenant's state out."""
    client = server.client(server.create_tenant(f"Disabled {uuid.uuid4()}"))
    credentials = walk(client).exchange().json
    server.finqctl("tenant", "disable", client.tenant.client_id)
    for verb in ("get", "delete"):
        assert is_error(client.consent(verb, credentials), 401, "unauthorized_tenant")
        assert is_error(client.consent(verb, credentials, client_secret="wrong"), 401, "invalid_client_secret")
    server.finqctl("tenant", "enable", client.tenant.client_id)
    assert client.consent("get", credentials)["result"]["status"] == "ACTIVE"


def test_a_look_leaves_the_secrets_use(server):
    client = server.client(server.create_tenant(f"Looks {uuid.uuid4()}"))
    credentials = walk(client).exchange().json
    of_key = f"WHERE client_id = '{client.tenant.client_id}' AND kind = 'SECRET'"
    server.psql(f"UPDATE finq.tenant_key SET last_used_at = NULL {of_key}")
    client.consent("get", credentials)
    assert server.psql(f"SELECT last_used_at > clock_timestamp() - interval '1 minute' FROM finq.tenant_key {of_key}") == "t"


# -- deletion

def test_deletion(server, user):
    """Once. Red without `c.deleted_at IS NULL` in finq.consent_end."""
    answer = user.client.consent("delete", user.credentials)
    assert answer.status == 200
    assert {**answer.json, "result": 0} == {"op_type": "delete", "code": "credentials_deleted", "http": 200,
                                            "message": "Consent deleted", "result": 0}
    assert answer["result"] == {"client_id": user.client.tenant.client_id, "credentials_id": user.credentials["credentials_id"],
                                "status": "DELETED", "max_data_retention": user.credentials["max_data_retention"]}
    told = user.client.consent("get", user.credentials)["result"]
    assert told["status"] == "DELETED" and told["utc_last_update"] >= told["utc_created"]
    before = row(server, user, "credential.*::text")
    for more in ({}, {"pcd_data_retention": 0}, {"pcd_data_retention": 5}):
        assert steady(user.client.consent("delete", user.credentials, **more)) == steady(answer)
    assert row(server, user, "credential.*::text") == before, "nothing is written again"
    assert trail(server, user) == [{"credentials_id": user.credentials["credentials_id"], "status": "DELETED"}]


@pytest.mark.parametrize("minutes, kept", [(0, 0), (1, MINUTE), (1440, DAY), (172799, 172799 * MINUTE)])
def test_data_that_go_sooner(server, user, minutes, kept):
    """Red where finq.consent_end leaves p_retention out."""
    answer = user.client.consent("delete", user.credentials, pcd_data_retention=minutes)
    end = answer["result"]["max_data_retention"]
    assert kept - 60 < left(server, end) <= kept
    assert user.client.consent("get", user.credentials)["result"]["max_data_retention"] == end
    again = user.client.consent("delete", user.credentials, pcd_data_retention=minutes + 7)
    assert again["result"]["max_data_retention"] == end
    detail, = trail(server, user)
    assert set(detail) == {"credentials_id", "status", "max_data_retention"}


@pytest.mark.parametrize("minutes", [None, 172801, 52560000])
def test_what_is_longer_than_the_rule_counts_as_absent(user, minutes):
    """Red without least() in finq.consent_end."""
    answer = user.client.consent("delete", user.credentials, pcd_data_retention=minutes)
    assert answer["result"]["max_data_retention"] == user.credentials["max_data_retention"]


@pytest.mark.parametrize("text", ["-1", "52560001", "9223372036854775807", "-9223372036854775808", "1e30", "1e999", "1" + "0" * 30, "0.0", "1.5", "5.0", "1e1", "-0.0",
                                  '""', '"5"', '"0"', "true", "false", "[]", "[5]", "{}"])
def test_retentions_that_are_none(server, user, text):
    """Red where retention_read lets a kind or a bound go."""
    body = {"client_id": user.client.tenant.client_id, "client_secret": user.client.tenant.client_secret, **user.credentials}
    body = json.dumps({n: body[n] for n in ("client_id", "client_secret", "credentials_id", "access_token")})
    refused = user.client.call("/consents/delete", f'{body[:-1]}, "pcd_data_retention": {text}}}')
    assert is_error(refused, 400, "invalid_pcd_data_retention") and "pcd_data_retention" in refused["message"]
    assert row(server, user, "status") == "ACTIVE" and trail(server, user) == []


def test_a_retention_is_no_member_of_a_look(user):
    assert is_error(user.client.consent("get", user.credentials, pcd_data_retention=5), 400, "unknown_fields")


def test_of_many_deletions_the_first_decides(server, user):
    """64 at once, each with another retention. Red without FOR NO KEY UPDATE in finq.consent_end."""
    tenant = user.client.tenant
    keys = {"client_id": tenant.client_id, "client_secret": tenant.client_secret,
            "credentials_id": user.credentials["credentials_id"], "access_token": user.credentials["access_token"]}
    bodies = [json.dumps({**keys, "pcd_data_retention": 1000 * i}).encode() for i in range(64)]
    volley = Volley([(server.httpd.settings.plain_port, request("/v1/consents/delete", body, ["Connection: close"])) for body in bodies])
    server.httpd.log.allow("AH00484: server reached MaxRequestWorkers")
    volley.fire()
    answers = volley.answers()
    assert [a.status for a in answers] == [200] * 64
    assert len({a.body for a in answers}) == 1, "whoever was first"
    assert len(trail(server, user)) == 1
    assert user.client.consent("get", user.credentials)["result"]["max_data_retention"] == answers[0]["result"]["max_data_retention"]


def test_a_deletion_beside_exchanges_that_are_repeated(server, client):
    """Whoever comes after it gets no token, and what was deleted stays that."""
    user = walk(client)
    user.credentials = user.exchange().json
    others = [server.client(client.tenant) for _ in range(9)]
    answers = at_once([*[lambda c=c: c.exchange(user.temp_token) for c in others[:8]],
                       lambda: others[8].consent("delete", user.credentials)])
    assert {a.code for a in answers[:8]} <= {None, "inactive_credentials"} and answers[8].status == 200
    assert all(a.json == user.credentials for a in answers[:8] if a.status == 200)
    assert is_error(user.exchange(), 401, "inactive_credentials")
    assert client.consent("get", user.credentials)["result"]["status"] == "DELETED"


# -- expiry

@pytest.mark.parametrize("marked", [False, True])
def test_expiry(server, user, marked):
    """By the database's clock, whether or not it was marked. Red where finq.consent_told does not ask finq.consent_status."""
    change(server, user, "consent_exp = clock_timestamp() - interval '1 second'" + (", status = 'EXPIRED'" if marked else ""))
    told = user.client.consent("get", user.credentials)["result"]
    assert told["status"] == "EXPIRED"
    end = user.client.consent("delete", user.credentials, pcd_data_retention=1)["result"]
    assert end["status"] == "EXPIRED" and 0 < left(server, end["max_data_retention"]) <= MINUTE, "its data go sooner"
    assert user.client.consent("delete", user.credentials, pcd_data_retention=0)["result"] == end
    detail, = trail(server, user)
    assert detail["status"] == "EXPIRED"


@pytest.mark.parametrize("end", ["DELETED", "EXPIRED"])
def test_how_long_an_end_is_told(server, user, end):
    """For a year after the data had to be gone. Red without finq.consent_is_known in finq.consent_claim."""
    if end == "DELETED":
        user.client.consent("delete", user.credentials)
    else:
        change(server, user, "consent_exp = clock_timestamp() - interval '1 second'")
    change(server, user, "max_data_retention = clock_timestamp() - interval '1 year' + interval '1 hour'")
    assert user.client.consent("get", user.credentials)["result"]["status"] == end
    change(server, user, "max_data_retention = clock_timestamp() - interval '1 year'")
    for answer in both(user):
        assert is_error(answer, 401, "invalid_credentials_id") and answer["message"] == UNKNOWN
    assert is_error(user.client.consent("get", {**user.credentials, "access_token": "wrong"}), 401, "invalid_credentials_id")


def test_what_is_in_force_is_told_however_short_its_data_are_kept(server, user):
    """Red where finq.consent_is_known asks for no status."""
    change(server, user, "max_data_retention = clock_timestamp() - interval '2 years'")
    assert user.client.consent("get", user.credentials)["result"]["status"] == "ACTIVE"
