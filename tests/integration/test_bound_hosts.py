"""A host that serves one tenant (FinqTenant) knows nothing of the others: on every route of the router all that another
tenant holds answers as what does not exist, and nothing is changed, nobody asked (threats 1, 22).

Seen red: finq_service_open without finq_service_serves (redirects); finq.step_decide without p_tenant (decisions);
finq_intake_client_id without it (all others); a route in paths.c without a row here; finq_access_use without it
(…uses_nothing_up).
"""
import json
import re
import secrets
import urllib.parse
import uuid

import pytest

from connector import protocol
from finqenv import documents, sandbox
from finqenv.banking import SKILLS, Bank
from finqenv.httpd_conf import Site
from finqenv.places import ROOT
from finqenv.resumable import Tus
from finqenv.signing import Key, by_pyjwt, claims_of
from finqenv.wire import steady

ROUTES = re.findall(r'\{"(/\S+)", [A-Z| ]+, [01], ', (ROOT / "src/httpd/host/paths.c").read_text())
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def bank(make_module_server, run_directory):
    """own.test serves `other` alone, with a connector of its own that has the same name and secret."""
    made = Bank(make_module_server, run_directory / "bound")
    connector = sandbox.CONNECTOR.format(name="bank", port=made.service.port, secret=made.secret, timeout=2, limit="")
    made.server.httpd.settings.hosts = (
        Site("own.test", f"FinqTenant {made.other.tenant.client_id}\n{connector}"),)
    made.server.httpd.restart()
    made.own = made.server.client(made.other.tenant, host="own.test")
    yield made
    made.own.close()
    made.stop()


def keys_of(tenant):
    return {"client_id": tenant.client_id, "client_secret": tenant.client_secret, "client_app_key": tenant.client_app_key}


def held_by(bank):
    """All that the tenant of another host holds: a session under way, one at its bank, one that waits, one that is done."""
    going, waiting, done = bank.user("plain"), bank.user("review"), bank.user("sca")
    going.submit("form", {})
    assert going.client.upload_raw(going.step_id, going.step_nonce, "proof", documents.png()).status == 200
    begun = bank.user("plain")
    begun.submit("form", {})
    film = Tus(begun, "proof", documents.png().content)
    assert film.create().status == 201
    waiting.submit("form", {})
    done.submit("sca", {"scenario": "accept"})
    consented = bank.user("sca")
    consented.submit("sca", {"scenario": "accept"})
    credentials = consented.exchange()
    _, answer = bank.at_bank()
    pending = bank.user("sca")
    pending.submit("sca", {"scenario": "pend"})
    method, path, body, headers = post(keys_of(bank.tenant), "/pages", "client_secret", skill=SKILLS["plain"]["name"])
    page = bank.client.request(method, "/v1" + path, body, headers)
    state = urllib.parse.parse_qs(urllib.parse.urlsplit(answer["data"]["url"]).query)["state"][0]
    return {"session": going.session_id, "nonce": going.nonce, "step_nonce": going.step_nonce, "step": going.step_id,
            "state": state, "temp_token": done.temp_token, "pending": pending.step_id, "page": page["page_id"],
            "address": film.address.rpartition("/")[2],
            "credentials_id": credentials["credentials_id"], "access_token": credentials["access_token"]}


def nothing():
    tokens, ids = ("nonce", "step_nonce", "state", "temp_token", "access_token", "address"), ("session", "step", "pending", "credentials_id", "page")
    return {**{name: secrets.token_urlsafe(90) for name in tokens}, **{name: str(uuid.uuid4()) for name in ids}}


def nobody():
    return {"client_id": str(uuid.uuid4()), "client_secret": secrets.token_urlsafe(32),
            "client_app_key": secrets.token_urlsafe(32)}


def post(keys, path, *names, **more):
    return "POST", path, json.dumps({**{n: keys[n] for n in ("client_id", *names)}, **more}).encode(), JSON


def of_consent(keys, path, things):
    return post(keys, path, "client_secret", credentials_id=things["credentials_id"], access_token=things["access_token"])


def decision(bank, step_id):
    body = json.dumps({"step_id": step_id, "decision": "accepted"}).encode()
    return "POST", "/decisions", body, {**JSON, **protocol.sign(bank.service.secrets, "decision", "bank", str(uuid.uuid4()), body)}


# How each route is asked with somebody's keys and things; None: it names nobody.
ASKED = {
    "/sessions": lambda bank, k, t: post(k, "/sessions", "client_app_key", skill=SKILLS["plain"]["name"]),
    "/sessions/*/steps": lambda bank, k, t: post(k, f"/sessions/{t['session']}/steps", nonce=t["nonce"], step="last", data={},
                                                 skill=SKILLS["plain"]["name"]),
    "/sessions/*/status": lambda bank, k, t: post(k, f"/sessions/{t['session']}/status", nonce=t["nonce"]),
    "/sessions/*/resume": lambda bank, k, t: post(k, f"/sessions/{t['session']}/resume", "client_secret"),
    "/sessions/*/back": lambda bank, k, t: post(k, f"/sessions/{t['session']}/back", nonce=t["nonce"]),
    "/sessions/*/cancel": lambda bank, k, t: post(k, f"/sessions/{t['session']}/cancel", "client_secret"),
    "/steps/*/upload": lambda bank, k, t: (
        "POST", f"/steps/{t['step']}/upload", documents.png().content,
        {"content-type": "image/png", "x-finq-client-id": k["client_id"], "x-finq-nonce": t["step_nonce"],
         "x-finq-document": "proof"}),
    "/uploads/*": lambda bank, k, t: ("HEAD", f"/uploads/{t['address']}", b"", {"Tus-Resumable": "1.0.0"}),
    "/redirects/*": lambda bank, k, t: ("GET", f"/redirects/sca?state={t['state']}&code=approve-1", b"", {}),
    "/decisions": lambda bank, k, t: decision(bank, t["pending"]),
    "/tokens": lambda bank, k, t: post(k, "/tokens", "client_secret", temp_token=t["temp_token"]),
    "/token": lambda bank, k, t: post(k, "/token", "client_secret", temp_token=t["temp_token"]),
    "/consents/get": lambda bank, k, t: of_consent(k, "/consents/get", t),
    "/consents/delete": lambda bank, k, t: of_consent(k, "/consents/delete", t),
    "/consents/list": lambda bank, k, t: post(k, "/consents/list", "client_secret"),
    "/consents/renew": lambda bank, k, t: of_consent(k, "/consents/renew", t),
    **{route: lambda bank, k, t, route=route: of_consent(k, route, t)
       for route in ("/accounts/get", "/accounts", "/balances/get", "/transactions/get", "/transactions", "/transactions/sync",
                     "/payments/get", "/users/export", "/users/erase")},
    "/pages": lambda bank, k, t: post(k, "/pages", "client_secret", skill=SKILLS["plain"]["name"]),
    "/pages/renew": lambda bank, k, t: post(k, "/pages/renew", "client_secret", page_id=t["page"]),
    "/catalogs/skills": lambda bank, k, t: post(k, "/catalogs/skills", "client_app_key"),
    "/catalogs/servicers": lambda bank, k, t: post(k, "/catalogs/servicers", "client_app_key"),
    "/keys": None,
    "/openapi.json": None,
}


def ask(bank, client, route, keys, things):
    method, path, body, headers = ASKED[route](bank, keys, things)
    return client.request(method, "/v1" + path, body, headers)


def stored(bank):
    """All rows that a request could have changed."""
    return [bank.psql(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM finq.{table} t")
            for table in ("session", "step", "upload", "credential", "outbox", "page")]


@pytest.mark.parametrize("route", ROUTES)
def test_what_another_tenant_holds_does_not_exist(bank, route):
    """With the other tenant's keys and things, and with the host's own keys and the other's things."""
    if ASKED[route] is None:
        return
    theirs, own = keys_of(bank.tenant), keys_of(bank.other.tenant)
    held, before, asked = held_by(bank), stored(bank), len(bank.service.seen)
    for keys, unknown in ((theirs, nobody()), ({**theirs, "client_id": own["client_id"]}, {**nobody(), "client_id": own["client_id"]}),
                          (own, own)):
        if keys is own and route in ("/sessions", "/consents/list", "/pages", "/catalogs/skills", "/catalogs/servicers"):
            continue
        answer, none = ask(bank, bank.own, route, keys, held), ask(bank, bank.own, route, unknown, nothing())
        assert answer.status >= 400 and steady(answer) == steady(none), (answer.body, none.body)
    assert stored(bank) == before and len(bank.service.seen) == asked
    answer = ask(bank, bank.client, route, theirs, held)
    assert answer.status in (200, 204, 302) or (route, answer.code) == ("/payments/get", "unauthorized_tenant"), "elsewhere it is what it is"


def test_codes_of_what_is_served_elsewhere(bank):
    held, theirs = held_by(bank), keys_of(bank.tenant)
    assert (r := ask(bank, bank.own, "/redirects/*", theirs, held)).status == 400 and r.code == "tpp_redirect_error"
    assert (r := ask(bank, bank.own, "/decisions", theirs, held)).status == 404 and r.code == "invalid_step_id"


def test_tokens_are_opened_in_one_place():
    """So that whoever opens one has asked whose it is."""
    openers = {file.name for file in (ROOT / "src").rglob("*.c") if "finq_token_open(" in file.read_text()}
    assert openers == {"token.c", "service.c"}


def test_a_signature_of_another_tenant_uses_nothing_up(bank):
    """It is refused for whose it is, and good where its tenant is served."""
    key = Key()
    bank.server.add_key(bank.tenant, "bound@bank.example", key.pem)
    body = post(keys_of(bank.tenant), "", "client_app_key", skill=SKILLS["plain"]["name"])[2]
    claims = claims_of("bound@bank.example", body, jti="once")
    headers = {**JSON, "authorization": f"Bearer {by_pyjwt(key, {'kid': key.thumbprint}, claims)}"}
    assert bank.own.request("POST", "/v1s/sessions", body, headers).code == "unauthorized_tenant"
    assert bank.client.request("POST", "/v1s/sessions", body, headers).status == 200
