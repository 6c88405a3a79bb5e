"""POST /sessions/{id}/steps (contract section 3).

Seen red, in sql/001: `AND s.step_ordinal = p_ordinal - 1`, the comparison of body hashes, each clause of the first step's
WHERE, the tenant's clause of the later steps', the clause of missing uploads, both of expiry. In C: the comparison of
skills and of steps in submission_check; the comparison of client_ids in finq_session_pass_open; `plain[0] !=
token->kind` in src/flow/token.c; the hash taken of the body as it came (whitespace); finq_session_pass_check.
"""
import base64
import json
import types
import uuid

import pytest

from finqenv import documents
from finqenv.flows import AISP, CARD, DEPOSIT, begin, example, required, steps, submit, upload_required, walk
from finqenv.process import until
from finqenv.wire import is_error, steady

FIRST = steps(CARD)[0]


@pytest.fixture(scope="module")
def own(make_module_server):
    """One child, and a database that may be stopped."""
    return make_module_server(children=1, directives={"FinqCacheTTL": "300"})


def rows(server, user):
    """What the user's session has left in the database."""
    return server.psql(f"SELECT step_ordinal, status, (SELECT count(*) FROM finq.step e WHERE e.session_id = s.session_id)"
                       f" FROM finq.session s WHERE s.session_id = '{user.session_id}'")


def body_of(user, **change):
    return {"client_id": user.client.tenant.client_id, "nonce": user.nonce, "skill": user.skill, "step": FIRST["name"],
            "data": example(FIRST), **change}


def send(user, body, session_id=None):
    return user.client.call(f"/sessions/{session_id or user.session_id}/steps", body)


def test_a_further_step_follows(client):
    user = begin(client)
    answer = submit(user, 1)
    assert list(answer.json) == ["step_id", "nonce", "status", "data", "expires_at", "next_step", "uploads"]
    assert answer["status"] == "SESSION_IN_PROGRESS" and answer["data"] == {}
    assert answer["next_step"] == steps(CARD)[1]["name"]
    assert uuid.UUID(answer["step_id"]).version == 7
    assert answer["uploads"] == [{name: upload[name] for name in ("document", "title", "description", "required", "media_types", "max_bytes")}
                                 for upload in FIRST["uploads"]]
    assert answer.body == json.dumps(answer.json, separators=(",", ":")).encode(), "compact"
    assert answer.headers["cache-control"] == "no-store" and uuid.UUID(answer.headers["x-request-id"])


def test_what_php_and_older_clients_write(server, client):
    """[] for an object without members, and the app key that older pages of the documentation send along."""
    user = begin(client, AISP)
    body = {**body_of(user), "skill": AISP, "step": steps(AISP)[0]["name"], "data": []}
    wrong = send(user, {**body, "client_app_key": "x"})
    assert is_error(wrong, 401, "invalid_client_app_key")
    assert is_error(send(user, {**body, "client_app_key": 7}), 400, "invalid_field")
    assert is_error(send(user, {**body, "data": [1]}), 400, "invalid_field")
    assert rows(server, user) == ""
    answer = send(user, {**body, "client_app_key": client.tenant.client_app_key})
    assert answer["status"] == "SESSION_COMPLETED"
    assert server.entered(user.session_id) == {steps(AISP)[0]["name"]: "{}"}
    assert send(user, {**body, "data": {}, "client_app_key": None}).status in (200, 409)


def test_null_is_as_absent(client):
    user = begin(client, AISP, tenant_user_id=None)
    answer = client.call(f"/sessions/{user.session_id}/status", {"client_id": client.tenant.client_id, "nonce": user.nonce, "wait": None})
    assert answer["status"] == "SESSION_CREATED"


def test_the_last_step(server, client):
    user = walk(client, CARD, to=1)
    answer = submit(user, 2)
    assert list(answer.json) == ["step_id", "temp_token", "status", "data", "expires_at", "uploads"]
    assert answer["status"] == "SESSION_COMPLETED"
    assert [upload["document"] for upload in answer["uploads"]] == ["income_proof"]
    assert rows(server, user) == "2|SESSION_COMPLETED|2"


def test_three_steps(server, client):
    user = walk(client, DEPOSIT)
    assert rows(server, user) == "3|SESSION_COMPLETED|3"
    shown = server.finqctl("session", "show", user.session_id, "--data")
    assert [step["data"] for step in shown["steps"]] == [example(step) for step in steps(DEPOSIT)]


def test_a_step_without_uploads(client):
    assert submit(begin(client, AISP), 1)["uploads"] == []


# -- the same again

def test_the_same_body_gets_the_same_answer(server, client):
    """Byte for byte, however its whitespace lies, over any connection; and nothing more takes effect."""
    user = begin(client)
    text = json.dumps(body_of(user))
    first = send(user, text)
    for variant in (text, json.dumps(body_of(user), separators=(",", ":")), json.dumps(body_of(user), indent=3),
                    "\r\n\t " + text.replace(": ", "\t:\r\n") + "\n \n"):
        client.close()
        assert steady(send(user, variant)) == steady(first)
    assert first["nonce"] == send(user, text)["nonce"]
    assert rows(server, user) == "1|SESSION_IN_PROGRESS|1"


def test_the_last_steps_answer_is_repeated_too(client):
    user = begin(client, AISP)
    body = body_of(user, step="sca_implicit", data={})
    assert steady(send(user, body)) == steady(send(user, body))
    user.temp_token = send(user, body)["temp_token"]
    assert user.exchange().status == 200
    assert send(user, body)["temp_token"] == user.temp_token


@pytest.mark.parametrize("change", [{"first_name": "Maria"}, {"first_name": "A na"}, {"first_name": "Ana "}])
def test_another_body_is_refused(server, client, change):
    """Whitespace inside a string is part of it."""
    user = begin(client)
    first = send(user, body_of(user))
    assert is_error(send(user, body_of(user, data={**example(FIRST), **change})), 409, "step_already_submitted")
    assert steady(send(user, body_of(user))) == steady(first), "the first one stands"
    assert json.loads(server.entered(user.session_id)[FIRST["name"]])["first_name"] == "Ana"


@pytest.mark.parametrize("respell", [
    lambda text: text.replace("Ana", "\\u0041na"),
    lambda text: json.dumps(dict(reversed(json.loads(text).items())))])
def test_another_spelling_means_the_same_body(client, respell):
    """Escapes and the order of members are the client's library's choice, and change from one try to the next."""
    user = begin(client)
    text = json.dumps(body_of(user))
    first = send(user, text)
    assert respell(text) != text and steady(send(user, respell(text))) == steady(first)


def test_a_repetition_ends_with_the_next_step(client):
    user = begin(client)
    body = body_of(user)
    submit(user, 1)
    upload_required(user, 1)
    assert send(user, body).status == 200
    submit(user, 2)
    assert is_error(send(user, body), 409, "step_already_submitted")


def test_the_answer_of_a_session_that_has_grown_too_old_meanwhile(server, client):
    user = begin(client)
    body = body_of(user)
    first = send(user, body)
    server.psql(f"UPDATE finq.session SET expires_at = expires_at - interval '25 hours' WHERE session_id = '{user.session_id}'")
    assert steady(send(user, body)) == steady(first)


# -- refusals, each of which spends nothing

@pytest.mark.parametrize("change, http, code", [
    ({"data": {}}, 400, "invalid_input"),
    ({"data": {**example(FIRST), "more": 1}}, 400, "invalid_input"),
    ({"step": "product_form"}, 400, "invalid_step"),
    ({"step": ""}, 400, "invalid_step"),
    ({"skill": AISP}, 400, "invalid_skill_name"),
    ({"skill": "unknown_#1.0"}, 400, "invalid_skill_name"),
    ({"client_id": "no uuid"}, 400, "invalid_client_id"),
    ({"client_id": "3f4b1f5e-0000-4000-8000-000000000000"}, 401, "invalid_nonce"),
    ({"nonce": ""}, 401, "invalid_nonce"),
    ({"data": []}, 400, "invalid_input"),
    ({"data": [1]}, 400, "invalid_field"),
    ({"data": None}, 400, "invalid_field"),
    ({"extra": 1}, 400, "unknown_fields"),
])
def test_a_refusal_spends_nothing(server, client, change, http, code):
    user = begin(client)
    assert is_error(send(user, body_of(user, **change)), http, code)
    assert rows(server, user) == ""
    assert send(user, body_of(user)).status == 200


def test_the_expected_step_is_named(client):
    user = begin(client)
    assert FIRST["name"] in send(user, body_of(user, step="product_form"))["message"]


def test_details_point_at_the_fault(client):
    user = begin(client)
    data = {**example(FIRST), "email": 7, "a/b~c": 1}
    del data["first_name"]
    answer = send(user, body_of(user, data=data))
    assert is_error(answer, 400, "invalid_input")
    assert {detail["field"] for detail in answer["details"]} >= {"/email", "/a~1b~0c"}
    assert all(list(detail) == ["field", "keyword", "limit", "message"] for detail in answer["details"])
    told = {detail["field"]: (detail["keyword"], detail["limit"]) for detail in answer["details"]}
    assert told["/first_name"] == ("required", None) and told["/a~1b~0c"] == ("additionalProperties", False)
    assert told["/email"] == ("type", "string")
    assert "7" not in str(answer["details"]), "values are not repeated"


def test_a_number_with_a_space_inside_is_no_number(client):
    """Seen red: the body compacted before it was parsed, and "5 000" was 5000."""
    user = walk(client, CARD, to=1)
    step = steps(CARD)[1]
    body = json.dumps(body_of(user, step=step["name"], data=example(step)))
    assert '"limit": 5000' in body
    assert is_error(send(user, body.replace('"limit": 5000', '"limit": 5 000')), 400, "invalid_body")
    assert is_error(send(user, body.replace('"limit": 5000', '"limit": t rue')), 400, "invalid_body")
    assert send(user, body).status == 200


@pytest.mark.parametrize("have", [0, 1])
def test_missing_uploads_are_named(server, client, have):
    user = begin(client)
    submit(user, 1)
    for document in required(FIRST)[:have]:
        user.upload(document, documents.png())
    answer = submit(user, 2)
    assert is_error(answer, 400, "missing_uploads")
    for document in required(FIRST):
        assert (document in answer["message"]) == (document in required(FIRST)[have:])
    assert rows(server, user) == "1|SESSION_IN_PROGRESS|1"
    upload_required(user, 1)
    assert submit(user, 2).status == 200


def test_an_optional_upload_is_not_waited_for(client):
    assert required(steps(DEPOSIT)[0]) != [u["document"] for u in steps(DEPOSIT)[0]["uploads"]]
    walk(client, DEPOSIT, to=2)


# -- nonces

def damaged(nonce):
    """Everything that is nearly this nonce."""
    raw = base64.urlsafe_b64decode(nonce + "=" * (-len(nonce) % 4))
    for place in (0, 1, 4, 5, 20, 36, 37, 40, len(raw) - 1):
        flipped = bytearray(raw)
        flipped[place] ^= 1
        yield base64.urlsafe_b64encode(flipped).rstrip(b"=").decode()
    yield from (nonce[:-1], nonce[:-4], nonce + "A", nonce + "=", nonce + "AAAA", " " + nonce, nonce + "\n", nonce.lower(),
                nonce.replace("_", "/").replace("-", "+") + "x", "A" * 44, "A", "é" * 40, "A" * 5000, "' OR 1=1 --")


def test_a_damaged_nonce(client):
    user = begin(client)
    answers = {str(steady(send(user, body_of(user, nonce=nonce)))) for nonce in damaged(user.nonce)}
    assert len(answers) == 1, "which of the checks failed is not told"
    assert is_error(send(user, body_of(user, nonce="A" * 44)), 401, "invalid_nonce")
    assert submit(user, 1).status == 200


def test_unused_bits_of_a_nonces_text_are_no_second_nonce(client):
    user = begin(client)
    text = {user.nonce[:-1] + c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"} - {user.nonce}
    assert {send(user, body_of(user, nonce=nonce)).code for nonce in text} == {"invalid_nonce"}


def test_tokens_of_other_kinds_are_no_nonce(client, tenant):
    user = walk(client, AISP)
    temp_token = user.temp_token
    user.nonce = temp_token
    assert is_error(send(user, body_of(user, skill=AISP, step="sca_implicit", data={})), 401, "invalid_nonce")
    user.nonce = tenant.client_secret
    assert is_error(send(user, body_of(user)), 401, "invalid_nonce")


def test_the_nonce_of_the_step_before_opens_no_later_step(client):
    user = begin(client)
    old = user.nonce
    submit(user, 1)
    upload_required(user, 1)
    step = steps(CARD)[1]
    body = body_of(user, nonce=old, step=step["name"], data=example(step))
    assert is_error(send(user, body), 400, "invalid_step")
    assert submit(user, 2).status == 200


def test_a_nonce_of_another_session_of_the_same_tenant(client):
    mine, other = walk(client, CARD, to=1), begin(client)
    assert is_error(send(other, body_of(other), session_id=mine.session_id), 401, "invalid_nonce")
    unstored = begin(client)
    assert is_error(send(other, body_of(other), session_id=unstored.session_id), 404, "invalid_session_id")


@pytest.mark.parametrize("session_id", [
    "6e1f4a3c-52d0-4b8e-9a77-0c1d2e3f4a5b", "00000000-0000-0000-0000-000000000000", "x", "%27", "null", "1" * 36, "..."])
def test_an_unknown_session(client, session_id):
    user = begin(client)
    assert is_error(send(user, body_of(user), session_id=session_id), 404, "invalid_session_id")


def test_the_id_in_the_path_may_be_in_capitals(client):
    user = begin(client)
    assert send(user, body_of(user), session_id=user.session_id.upper()).status == 200


def test_a_forged_nonce_asks_no_database(own):
    """Seen red: the session looked up before the nonce is opened answers 503 here."""
    client = own.client(own.create_tenant("no round trip"))
    user = begin(client)
    submit(user, 1)
    own.postgres.pause()
    try:
        user.nonce = "A" * 139
        assert is_error(send(user, body_of(user)), 401, "invalid_nonce")
        assert is_error(send(user, body_of(user), session_id=uuid.uuid4()), 401, "invalid_nonce")
        client_id = str(uuid.uuid4())
        assert is_error(send(user, body_of(user, client_id=client_id)), 401, "invalid_nonce")
        assert is_error(client.upload_raw(user.step_id, user.nonce, "id_front", documents.png()), 401, "invalid_nonce")
    finally:
        own.postgres.resume()


def test_a_database_that_is_down_spends_nothing(own):
    client = own.client(own.create_tenant("down"))
    user = begin(client)
    body = body_of(user)
    own.postgres.stop()
    own.httpd.log.expect("FINQ03.*503")
    own.httpd.log.allow("AH00639")
    answer = send(user, body)
    assert is_error(answer, 503, "service_unavailable") and answer.headers["retry-after"] == "1"
    own.postgres.start()
    own.httpd.log.allow("FINQ03.*503")
    until(lambda: send(user, body).status == 200)


# -- other tenants' objects: whatever B asks for of A's, it learns what it would learn of nothing

def objects(client):
    """A's: (session_id, step_id, nonce, step_nonce, temp_token) of one under way and one completed."""
    under_way, completed = walk(client, CARD, to=1), walk(client, CARD)
    return [(u.session_id, u.step_id, u.nonce or completed.step_nonce, u.step_nonce, completed.temp_token)
            for u in (under_way, completed)]


NOTHING = types.SimpleNamespace(session_id="01a20000-0000-7000-8000-000000000000",
                                step_id="01a20000-0000-7000-8000-000000000001", token="A" * 139)


def intrusions(client, session_id, step_id, nonce, temp_token):
    """Every route, asked with `client`'s keys: each answer's unchanging part."""
    own = walk(client, CARD, to=1)
    step = steps(CARD)[1]
    submission = {"client_id": client.tenant.client_id, "skill": CARD, "step": step["name"], "data": example(step)}
    file = documents.png()
    return [steady(answer) for answer in (
        client.call(f"/sessions/{session_id}/steps", {**submission, "nonce": own.nonce}),
        client.call(f"/sessions/{session_id}/steps", {**submission, "nonce": nonce}),
        client.upload_raw(step_id, own.step_nonce, "id_front", file),
        client.upload_raw(step_id, nonce, "id_front", file),
        client.upload_form(step_id, own.step_nonce, "id_front", file),
        client.upload_form(step_id, nonce, "id_front", file),
        client.exchange(temp_token), client.exchange(temp_token, "/token"))]


def test_foreign_objects_answer_as_unknown_ones(client, other_client):
    """Seen red: the client_id's clause left out of session_exists, of exchange_token, of finq_session_pass_open."""
    unknown = intrusions(other_client, NOTHING.session_id, NOTHING.step_id, NOTHING.token, NOTHING.token)
    assert [(a[0], json.loads(a[2])["code"]) for a in unknown] == [
        (404, "invalid_session_id"), (401, "invalid_nonce"), (404, "invalid_step_id"), (401, "invalid_nonce"),
        (404, "invalid_step_id"), (401, "invalid_nonce"), (401, "invalid_temp_token"), (401, "invalid_temp_token")]
    for session_id, step_id, nonce, step_nonce, temp_token in objects(client):
        assert intrusions(other_client, session_id, step_id, nonce, temp_token) == unknown
        assert intrusions(other_client, session_id, step_id, step_nonce, temp_token) == unknown


def test_foreign_keys_with_own_nonce(server, client, other_tenant):
    """A's nonce with B's client_id, and the other way round, in a body that is else as A's."""
    user = begin(client)
    assert is_error(send(user, body_of(user, client_id=other_tenant.client_id)), 401, "invalid_nonce")
    assert rows(server, user) == ""


# -- revoked in between: the first step checks again what the start believed

@pytest.mark.parametrize("sql, code", [
    ("UPDATE finq.tenant SET status = 'DISABLED' WHERE client_id = '{}'", "unauthorized_tenant"),
    ("DELETE FROM finq.tenant_skill WHERE client_id = '{}'", "unauthorized_tenant"),
    ("UPDATE finq.tenant_key SET ends_at = clock_timestamp() WHERE client_id = '{}' AND kind = 'APP_KEY'",
     "invalid_client_app_key"),
    ("DELETE FROM finq.tenant_key WHERE client_id = '{}' AND kind = 'APP_KEY'", "invalid_client_app_key"),
])
def test_revoked_between_start_and_first_step(server, sql, code):
    tenant = server.create_tenant(f"revoked {uuid.uuid4()}")
    user = begin(server.client(tenant))
    server.psql(sql.format(tenant.client_id))
    assert is_error(submit(user, 1), 401, code)
    assert rows(server, user) == ""
    assert is_error(submit(user, 1), 401, code)


def test_a_tenant_disabled_between_two_steps(server):
    tenant = server.create_tenant(f"revoked {uuid.uuid4()}")
    user = walk(server.client(tenant), CARD, to=1)
    server.psql(f"UPDATE finq.tenant SET status = 'DISABLED' WHERE client_id = '{tenant.client_id}'")
    assert is_error(submit(user, 2), 401, "unauthorized_tenant")
    assert is_error(user.upload("id_front", documents.png(shade=1)), 401, "unauthorized_tenant")
    assert rows(server, user) == "1|SESSION_IN_PROGRESS|1"
    server.psql(f"UPDATE finq.tenant SET status = 'ACTIVE' WHERE client_id = '{tenant.client_id}'")
    assert submit(user, 2).status == 200


def test_a_session_too_old_for_its_next_step(server, client):
    user = walk(client, CARD, to=1)
    ends = f"UPDATE finq.session SET expires_at = clock_timestamp() + interval '{{}}' WHERE session_id = '{user.session_id}'"
    assert server.psql("SELECT expires_at - started_at = interval '24 hours' FROM finq.session"
                       f" WHERE session_id = '{user.session_id}'") == "t"
    server.psql(ends.format("-1 second"))
    assert is_error(submit(user, 2), 401, "expired_session")
    assert rows(server, user) == "1|SESSION_IN_PROGRESS|1"
    server.psql(ends.format("1 minute"))
    assert submit(user, 2).status == 200
