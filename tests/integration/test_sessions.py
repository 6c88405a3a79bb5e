"""POST /sessions (contract section 2).

Seen red: tenant_judge without its key, or without its active clause (refusals, a_disabled_tenant); another code where the
grant is missing; the skill looked up before the keys are judged (keys_are_judged_before_the_skill); TEXT_MAX of
src/flow/token.c too short by two (user_ids); no second look where a key does not fit (a_new_key_and_a_new_grant); nothing fresh
in tenant_look (starts_need_no_database); no Retry-After; no Cache-Control.
"""
import json
import re
import time
import uuid

import pytest

from finqenv.flows import AISP, CARD, DEPOSIT, begin, steps, submit, walk
from finqenv.wire import is_error, steady

TABLES = ("session", "step", "upload", "upload_removed", "credential", "tenant", "tenant_key", "skill", "tenant_skill")


@pytest.fixture(scope="module")
def warm(make_module_server):
    """One child that remembers tenants for long, with a database that may be stopped."""
    return make_module_server(children=1, plain=True, directives={"FinqCacheTTL": "300"})


@pytest.fixture(scope="module")
def forgetful(make_module_server, server):
    """A server that remembers no tenant."""
    return make_module_server(cluster=server.postgres, database="forgetful", directives={"FinqCacheTTL": "0"})


def counts(installation):
    return installation.psql(" UNION ALL ".join(f"SELECT '{t}', count(*) FROM finq.{t}" for t in TABLES))


def seconds(text):
    return time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone


def test_the_reply(client):
    before = int(time.time())
    answer = client.start_session(CARD, tenant_user_id="user 1")
    assert answer.status == 200
    assert list(answer.json) == ["nonce", "session_id", "status", "expires_at", "next_step"]
    assert answer["status"] == "SESSION_CREATED" and answer["next_step"] == steps(CARD)[0]["name"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{43,}", answer["nonce"]), "URL-safe"
    assert uuid.UUID(answer["session_id"]).version == 7
    assert before + 1800 <= seconds(answer["expires_at"]) <= time.time() + 1800
    assert answer.body == json.dumps(answer.json, separators=(",", ":")).encode(), "compact"
    assert answer.headers["content-type"] == "application/json" and answer.headers["cache-control"] == "no-store"
    assert uuid.UUID(answer.headers["x-request-id"]) and "set-cookie" not in answer.headers


def test_each_start_is_another_session(client):
    first, second = client.start_session(CARD), client.start_session(CARD)
    assert first["nonce"] != second["nonce"] and first["session_id"] != second["session_id"]


def test_a_start_stores_nothing(server, client):
    before = counts(server)
    for _ in range(10):
        begin(client)
    assert counts(server) == before


def test_starts_need_no_database(warm):
    """No round trip once the tenant and the skill are known: the database may be away."""
    client = warm.client(warm.create_tenant("warm"))
    begin(client, CARD)
    warm.postgres.stop()
    try:
        assert client.start_session(CARD).status == 200
        warm.httpd.log.expect("FINQ03.*503")
        warm.httpd.log.allow("AH00639")
        unknown = client.call("/sessions", {"client_id": str(uuid.uuid4()), "client_app_key": "x", "skill": CARD})
        assert is_error(unknown, 503, "service_unavailable") and unknown.headers["retry-after"] == "1"
        wrong = client.start_session(CARD, client_app_key="wrong")
        assert is_error(wrong, 503, "service_unavailable"), "never a wrong 401: it may be a new key"
    finally:
        warm.postgres.start()


@pytest.mark.parametrize("change, http, code", [
    ({"client_id": "3f4b1f5e-0000-4000-8000-000000000000"}, 401, "invalid_client_id"),
    ({"client_id": "not a uuid"}, 400, "invalid_client_id"),
    ({"client_id": ""}, 400, "invalid_client_id"),
    ({"client_app_key": "wrong"}, 401, "invalid_client_app_key"),
    ({"client_app_key": ""}, 401, "invalid_client_app_key"),
    ({"skill": "unknown_#1.0"}, 400, "invalid_skill_name"),
    ({"skill": ""}, 400, "invalid_skill_name"),
    ({"skill": CARD.upper()}, 400, "invalid_skill_name"),
    ({"tenant_user_id": ""}, 400, "invalid_field"),
    ({"tenant_user_id": "x" * 257}, 400, "invalid_field"),
])
def test_refusals(client, change, http, code):
    assert is_error(client.start_session(**{"skill": CARD, **change}), http, code)


def test_null_is_no_user(client, server):
    user = begin(client, CARD, tenant_user_id=None)
    assert submit(user, 1).status == 200
    assert server.finqctl("session", "show", user.session_id)["tenant_user_id"] is None


def test_the_secret_is_no_app_key(client, tenant):
    answer = client.start_session(CARD, client_app_key=tenant.client_secret)
    assert is_error(answer, 401, "invalid_client_app_key")


def test_one_tenants_key_opens_nothing_of_another(client, other_tenant):
    answer = client.start_session(CARD, client_app_key=other_tenant.client_app_key)
    assert is_error(answer, 401, "invalid_client_app_key")


def test_keys_are_judged_before_the_skill(client):
    """Who has no key learns nothing of skills: an unknown one and a known one answer alike."""
    known, unknown = (client.start_session(skill, client_app_key="wrong") for skill in (CARD, "unknown_#1.0"))
    assert steady(known) == steady(unknown) and known.code == "invalid_client_app_key"


def test_a_skill_that_the_tenant_may_not_use(server):
    client = server.client(server.create_tenant("aisp only", [AISP]))
    assert client.start_session(AISP).status == 200
    assert is_error(client.start_session(CARD), 401, "unauthorized_tenant")


def test_a_new_key_and_a_new_grant_work_at_once(server):
    """A server that remembers the old state asks again before it refuses."""
    tenant = server.create_tenant("changing", [AISP])
    client = server.client(tenant)
    for _ in range(6):  # both children know the tenant
        client.start_session(AISP)
        client.close()
    server.finqctl("tenant", "allow", tenant.client_id, DEPOSIT)
    server.psql(f"INSERT INTO finq.tenant_key (client_id, kind, hash) VALUES ('{tenant.client_id}', 'APP_KEY',"
                " sha256('another-key'))")
    for _ in range(6):
        assert client.start_session(DEPOSIT).status == 200
        assert client.start_session(AISP, client_app_key="another-key").status == 200
        client.close()


def test_a_disabled_tenant_and_an_ended_key(forgetful):
    tenant = forgetful.create_tenant("disabled")
    client = forgetful.client(tenant)
    assert client.start_session(CARD).status == 200
    where = f"WHERE client_id = '{tenant.client_id}'"
    forgetful.psql(f"UPDATE finq.tenant SET status = 'DISABLED' {where}")
    assert is_error(client.start_session(CARD), 401, "unauthorized_tenant")
    assert is_error(client.start_session(CARD, client_app_key="wrong"), 401, "invalid_client_app_key")
    forgetful.psql(f"UPDATE finq.tenant SET status = 'ACTIVE' {where}")
    assert client.start_session(CARD).status == 200
    forgetful.psql(f"UPDATE finq.tenant_key SET ends_at = clock_timestamp() {where} AND kind = 'APP_KEY'")
    assert is_error(client.start_session(CARD), 401, "invalid_client_app_key")


@pytest.mark.parametrize("user_id", ["x", "x" * 256, "ă" * 256, "𝄞" * 256, " ", '"\\/\b', "a\nb", "../.."])
def test_user_ids(server, client, user_id):
    """Characters are counted, not bytes; the id travels in the nonce, as it is, and stands in the session."""
    user = walk(client, AISP, tenant_user_id=user_id)
    assert server.finqctl("session", "show", user.session_id)["tenant_user_id"] == user_id


def test_a_session_without_a_user_id(server, client):
    user = walk(client, AISP)
    assert server.finqctl("session", "show", user.session_id)["tenant_user_id"] is None
