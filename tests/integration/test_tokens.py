"""POST /tokens and /token (contract section 7), and what of keys and tokens stands in the database.

Seen red, in sql/001: `AND s.exchanged_at IS NULL`, p_repeat_within, exchange_key_id, the clause of the tenant's state, of
the secret's end, hash and kind, of missing uploads, of the token's expiry, the policy's durations. In C: the access_token
itself in the place of its hash (only_hashes_are_stored); a nonce's expiry left to the database. That a temp_token is the
tenant's own is guarded twice, in src/flow/credential.c and by the session's client_id: either alone keeps these tests green.
"""
import json
import time
import urllib.parse
import uuid

import pytest

from finqenv import documents, pages
from finqenv.banking import definition, step
from finqenv.flows import AISP, CARD, begin, publish, steps, submit, upload_required, walk
from finqenv.installation import FINQCTL
from finqenv.process import clean_environ, run, until
from finqenv.wire import is_error, steady

MINUTE, DAY = 60, 86400


@pytest.fixture(scope="module")
def brief(make_module_server, server):
    """Tokens of ten seconds, the shortest there are."""
    return make_module_server(cluster=server.postgres, database="brief",
                              directives={"FinqNonceTTL": "10", "FinqTempTokenTTL": "10"})


@pytest.fixture(scope="module")
def aged(brief):
    """A user whose tokens all expire, begun when the first test of this file runs."""
    client = brief.client(brief.create_tenant("aged"))
    started, under_way, done = begin(client), walk(client, CARD, to=1), walk(client, AISP)
    done.body = {"client_id": client.tenant.client_id, "nonce": done.step_nonce, "skill": AISP, "step": "sca_implicit", "data": {}}
    return started, under_way, done, time.time() + 10.1


@pytest.fixture(scope="module")
def aged_page(brief):
    """A person at the second part of a step's form, and when its nonce has expired."""
    client = brief.client(brief.create_tenant("aged page", ("xyz_deposit_sbx_#1.0",)))
    visitor = pages.visit(brief, client, "xyz_deposit_sbx_#1.0", language="en")
    visitor.open()
    visitor.press("start")
    visitor.press("next", {"/amount": "2000", "/currency": "EUR", "/period": "12", "/interest": "end"})
    visitor.press("next", {"/first_name": "Ana-Maria", "/last_name": "O'Neill", "/birth_date~d": "7", "/birth_date~m": "4", "/birth_date~y": "1990"})
    return visitor, time.time() + 10.1


@pytest.fixture(scope="module")
def aged_behind(brief):
    """A person at a step, with another window at the step before, and when that one's nonce has expired."""
    tenant = brief.create_tenant("aged behind")
    client = brief.client(tenant)
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in ("name", "street")}}
    skill = publish(brief, tenant, definition("page_behind_sbx_#1.0", *(step(name, schema=schema) for name in ("person", "company"))))
    visitor = pages.visit(brief, client, skill, language="en", prefill={"company": {"name": "Bank Ltd", "street": "Strada Lungă 7"}})
    visitor.open()
    behind = visitor.press("start")
    visitor.press("next", {"/name": "Ana Pop"})
    client.close()
    return visitor, behind, time.time() + 10.1


@pytest.fixture(autouse=True)
def ageing(aged, aged_page, aged_behind):
    """Time passes for it while the other tests run."""


def credentials(server, user):
    return server.psql(f"SELECT count(*) FROM finq.credential WHERE session_id = '{user.session_id}'")


def age(server, user, seconds):
    server.psql(f"UPDATE finq.session SET exchanged_at = exchanged_at - interval '{seconds} seconds'"
                f" WHERE session_id = '{user.session_id}'")


def seconds_of(text):
    return time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone


@pytest.mark.parametrize("path", ["/tokens", "/token"])
def test_the_reply(server, client, path):
    user = walk(client)
    now = time.time()
    answer = user.exchange(path)
    assert answer.status == 200
    assert list(answer.json) == ["access_token", "credentials_id", "consent_exp", "max_data_retention", "session_id", "skill"]
    assert answer["session_id"] == user.session_id and answer["skill"] == user.skill
    assert len(answer["access_token"]) >= 43 and uuid.UUID(answer["credentials_id"])
    assert abs(seconds_of(answer["consent_exp"]) - now - 90 * DAY) < 60
    assert abs(seconds_of(answer["max_data_retention"]) - now - 120 * DAY) < 60
    assert answer.body == json.dumps(answer.json, separators=(",", ":")).encode()
    assert answer.headers["cache-control"] == "no-store" and "x-request-id" in answer.headers
    assert credentials(server, user) == "1"
    shown = server.finqctl("session", "show", user.session_id)
    assert shown["credentials_id"] == answer["credentials_id"] and shown["exchanged_at"]


def test_durations_are_the_tenants_and_skills_own(server):
    tenant = server.create_tenant("durations", [CARD])
    server.finqctl("tenant", "allow", tenant.client_id, AISP, "--consent-duration", 5, "--cache-max-data-retention", 0)
    now = time.time()
    answer = walk(server.client(tenant)).exchange()
    assert abs(seconds_of(answer["consent_exp"]) - now - 5 * MINUTE) < 60
    assert abs(seconds_of(answer["max_data_retention"]) - now) < 60


def test_a_repeated_exchange_gets_the_same_answer(server, client):
    user = walk(client)
    first = user.exchange("/tokens")
    assert steady(user.exchange("/token")) == steady(first), "the two paths are one"
    age(server, user, 115)
    client.close()
    assert steady(user.exchange()) == steady(first)
    age(server, user, 6)
    assert is_error(user.exchange(), 401, "invalid_temp_token")
    assert credentials(server, user) == "1"


def test_another_secret_gets_no_repetition(server):
    tenant = server.create_tenant("two secrets")
    server.psql(f"INSERT INTO finq.tenant_key (client_id, kind, hash) VALUES ('{tenant.client_id}', 'SECRET', sha256('second'))")
    client = server.client(tenant)
    user = walk(client)
    first = user.exchange()
    assert is_error(client.exchange(user.temp_token, client_secret="second"), 401, "invalid_temp_token")
    assert steady(user.exchange()) == steady(first)
    other = walk(client)
    assert client.exchange(other.temp_token, client_secret="second").status == 200
    assert is_error(other.exchange(), 401, "invalid_temp_token")


@pytest.mark.parametrize("change, http, code", [
    ({"client_id": "3f4b1f5e-0000-4000-8000-000000000000"}, 401, "invalid_client_id"),
    ({"client_id": "no uuid"}, 400, "invalid_client_id"),
    ({"client_secret": "wrong"}, 401, "invalid_client_secret"),
    ({"client_secret": ""}, 401, "invalid_client_secret"),
    ({"temp_token": "A" * 120}, 401, "invalid_temp_token"),
    ({"temp_token": ""}, 401, "invalid_temp_token"),
    ({"temp_token": None}, 400, "invalid_field"),
    ({"more": 1}, 400, "unknown_fields"),
])
def test_a_refusal_spends_nothing(server, client, change, http, code):
    user = walk(client)
    assert is_error(client.exchange(**{"temp_token": user.temp_token, **change}), http, code)
    assert credentials(server, user) == "0"
    assert user.exchange().status == 200


def test_other_keys_are_no_secret_and_other_tokens_no_temp_token(client, tenant):
    user = walk(client)
    assert is_error(client.exchange(user.temp_token, client_secret=tenant.client_app_key), 401, "invalid_client_secret")
    assert is_error(client.exchange(user.step_nonce), 401, "invalid_temp_token")
    assert is_error(client.exchange(user.exchange()["access_token"]), 401, "invalid_temp_token")


def test_another_tenant_cannot_exchange(server, client, other_client):
    user = walk(client)
    foreign, unknown = other_client.exchange(user.temp_token), other_client.exchange("A" * 120)
    assert steady(foreign) == steady(unknown) and foreign.code == "invalid_temp_token"
    assert credentials(server, user) == "0"
    user.exchange()
    assert steady(other_client.exchange(user.temp_token)) == steady(unknown), "nor have the repetition"


def test_who_has_no_secret_learns_nothing_of_a_token(client):
    """A good token and a bad one answer alike to a wrong secret, missing uploads or not."""
    good, waiting = walk(client), begin(client)
    submit(waiting, 1)
    upload_required(waiting, 1)
    submit(waiting, 2)
    answers = [client.exchange(token, client_secret="wrong") for token in (good.temp_token, waiting.temp_token, "A" * 120)]
    assert len({str(steady(answer)) for answer in answers}) == 1


def test_missing_uploads_keep_the_token_good(server, client):
    """And the last step's uploads may come after the temp_token was issued."""
    user = walk(client, CARD, to=1)
    submit(user, 2)
    answer = user.exchange()
    assert is_error(answer, 400, "missing_uploads") and "income_proof" in answer["message"]
    assert credentials(server, user) == "0"
    assert user.upload("income_proof", documents.pdf()).status == 200
    assert user.upload("income_proof", documents.pdf(text="Another")).status == 200, "replaced until the exchange"
    assert user.exchange().status == 200
    assert is_error(user.upload("income_proof", documents.pdf(text="Late")), 409, "step_already_submitted")


@pytest.mark.parametrize("sql, code", [
    ("UPDATE finq.tenant SET status = 'DISABLED' WHERE client_id = '{}'", "unauthorized_tenant"),
    ("UPDATE finq.tenant_key SET ends_at = clock_timestamp() WHERE client_id = '{}' AND kind = 'SECRET'", "invalid_client_secret"),
])
def test_revoked_before_the_exchange(server, sql, code):
    tenant = server.create_tenant(f"revoked {uuid.uuid4()}")
    user = walk(server.client(tenant))
    server.psql(sql.format(tenant.client_id))
    assert is_error(user.exchange(), 401, code)
    assert credentials(server, user) == "0"


def test_a_grant_removed_before_the_exchange_leaves_the_defaults(server):
    """The user has consented; how long it lasts is then the contract's default."""
    tenant = server.create_tenant("grant removed")
    user = walk(server.client(tenant))
    server.psql(f"DELETE FROM finq.tenant_skill WHERE client_id = '{tenant.client_id}'")
    assert abs(seconds_of(user.exchange()["consent_exp"]) - time.time() - 90 * DAY) < 60


def test_only_hashes_are_stored(server, tenant, client):
    """No key, secret, nonce or token stands in any table, as text or as bytes in hexadecimal."""
    user = begin(client, tenant_user_id="someone")
    nonce = user.nonce
    submit(user, 1)
    upload_required(user, 1)
    second = user.nonce
    submit(user, 2)
    upload_required(user, 2)
    access_token = user.exchange()["access_token"]
    tables = server.psql("SELECT string_agg(c.relname, ' ') FROM pg_class c WHERE c.relnamespace = 'finq'::regnamespace AND c.relkind = 'r'")
    everything = "\n".join(server.psql(f"SELECT t::text FROM finq.{table} t") for table in tables.split())
    assert user.session_id in everything
    for secret in (tenant.client_secret, tenant.client_app_key, nonce, second, user.temp_token, access_token):
        assert secret not in everything and secret.encode().hex() not in everything
        assert secret[:24] not in everything and secret[:24].encode().hex() not in everything


# -- expiry; last, since the tokens have aged meanwhile

def test_a_page_that_was_open_for_long_keeps_its_answers(aged_page):
    """Those of other parts too, whatever button is pressed. Red without begin() in finq_page_visit_act, without state.parts kept in it, and where
    it is handed what was typed with "next" alone."""
    visitor, when = aged_page
    time.sleep(max(0, when - time.time()))
    back = visitor.ask("POST", None, visitor.body("back", {"/email": "ana@example.com"}), {"Content-Type": pages.FORM})
    assert back.status == 200 and "open for a long time" in back.text and ["/email", "ana@example.com"] in back.form("next").fields
    page = visitor.press("next", {"/email": "ana@example.com"})
    assert page.status == 200 and "open for a long time" in page.text and ["/email", "ana@example.com"] in page.form("next").fields
    visitor.press("next")
    visitor.press("next", {"/street": "Strada Lungă 7", "/city": "Brașov", "/postal_code": "500035", "/country": "RO"})
    page = visitor.press("next", {"/agree": "true"})
    assert page.heading == "Check your answers" and "Ana-Maria" in page.text and "ana@example.com" in page.text


@pytest.mark.parametrize("act", ["next", "add:/name"])
def test_a_page_of_a_step_that_is_behind_fills_no_other(aged_behind, act):
    """Red where begin() does not ask which step the form was of: the company would be called as the person."""
    visitor, behind, when = aged_behind
    time.sleep(max(0, when - time.time()))
    body = urllib.parse.urlencode(dict(behind.form("next").fields) | {"/name": "Ana Pop", "act": act})
    page = visitor.ask("POST", None, body.encode(), {"Content-Type": pages.FORM})
    fields = page.form("next").fields
    assert page.heading == "company" and ["/name", "Bank Ltd"] in fields and ["/street", "Strada Lungă 7"] in fields
    assert "open for a long time" not in page.text


def test_expired_tokens(aged, brief):
    """An expired nonce and temp_token are refused, with or without a database, and take no effect."""
    started, under_way, done, when = aged
    time.sleep(max(0, when - time.time()))
    assert is_error(submit(started, 1), 401, "expired_nonce")
    assert is_error(submit(under_way, 2), 401, "expired_nonce")
    assert is_error(done.exchange(), 401, "invalid_temp_token")
    assert is_error(done.client.call(f"/sessions/{done.session_id}/steps", done.body), 401, "expired_nonce"), "no repetition either"
    assert brief.psql(f"SELECT count(*), max(step_ordinal) FROM finq.session WHERE client_id = '{done.client.tenant.client_id}'") == "2|1"
    assert brief.psql("SELECT count(*) FROM finq.credential") == "0"


def test_an_expired_nonce_asks_no_database(aged, brief):
    started, under_way, _, when = aged
    time.sleep(max(0, when - time.time()))
    submit(started, 1)
    for pid in brief.postgres.backends(database="brief"):
        brief.psql(f"SELECT pg_terminate_backend({pid})")
    until(lambda: brief.postgres.backends(database="brief") == [])
    for _ in range(8):
        assert is_error(submit(started, 1), 401, "expired_nonce")
        assert is_error(submit(under_way, 2), 401, "expired_nonce")
        started.client.close()
    assert brief.postgres.backends(database="brief") == [], "no child has come back to the database"


# -- finqctl token explain

def explain(installation, token, secret_file=None, **more):
    return run(FINQCTL, "token", "explain", "--secret-file", secret_file or installation.secret_file, check=False, text=token,
               env=clean_environ(**more))


def test_what_is_sealed_in_a_token_is_explained(server, client):
    """Red where a kind is taken for another, or where the time is local."""
    user = begin(client, CARD, tenant_user_id="user-7")
    first, done = explain(server, user.nonce + "\n"), walk(client)
    shown = json.loads(first.stdout)
    assert first.returncode == 0 and not first.stderr
    assert (shown["kind"], shown["client_id"], shown["session_id"]) == ("nonce", client.tenant.client_id, user.session_id)
    assert (shown["submission"], shown["place"], shown["tenant_user_id"]) == (1, 1, "user-7")
    assert shown["expired"] is False and abs(seconds_of(shown["expires_at"]) - time.time() - 30 * MINUTE) < 60
    assert shown["secret"]["place"] == 1 and shown["app_key_id"] > 0
    temp = json.loads(explain(server, done.temp_token, TZ="Pacific/Auckland").stdout)
    assert temp["kind"] == "temp_token" and temp["session_id"] == done.session_id and "tenant_user_id" not in temp
    assert abs(seconds_of(temp["expires_at"]) - time.time()) < DAY / 4


def test_why_a_token_does_not_open_is_said(server, client, tmp_path):
    """Red where one reason is told for another."""
    nonce = begin(client).nonce
    other = tmp_path / "secret"
    other.touch(mode=0o600)
    other.write_text("ab" * 32)
    forged = nonce[:-1] + ("A" if nonce[-1] != "A" else "Q")
    for token, file, why in ((forged, None, "forged"), (nonce, other, "unknown secret"), (nonce[:20], None, "malformed"),
                             ("", None, "malformed"), (f'"{nonce}"', None, "malformed")):
        done = explain(server, token, file)
        assert done.returncode == 1 and not done.stdout and done.stderr.startswith(f"finqctl: {why}: "), done.stderr
        assert len(done.stderr.splitlines()) == 1 and (not token or token not in done.stderr)


def test_a_token_stands_in_no_list_of_processes(server, client):
    done = run(FINQCTL, "token", "explain", begin(client).nonce, check=False)
    assert done.returncode == 2 and not done.stdout
