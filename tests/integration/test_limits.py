"""FinqRateLimit and FinqFailureLimit on a real httpd with two children, addresses told by mod_remoteip.

Seen red: is_told left alone (a_flood); the key of an address without its /64 (a_network_of_ipv6); `host` left out of the key (hosts_count_apart); judge
never refusing (each that expects 429); is_proven never asked for (a_tenants_server,
a_signed_caller); settle without the tenant's token (keys_that_do_not_fit), without the address's
(failures); is_guess always true (what_has_expired); the Retry-After of reply.c over that of the limit (retry_after);
tables in the children's own memory (across_children); rest_of_body left out (no_body); the span unchecked, GLOBAL_ONLY
unchecked (directives); the merge without a host's own (its_own_limits); no preset (where_nobody_says).
"""
import concurrent.futures
import itertools
import secrets
import signal
import time
import uuid

import pytest

from finqenv import process
from finqenv.client import Client
from finqenv.signing import Key, Signer

SKILL = "xyz_sbx_#3.0"
REMOTEIP = "RemoteIPHeader X-Client\nRemoteIPInternalProxy 127.0.0.1 ::1\n"
_addresses = itertools.count(1)


def address():
    """One that no test has used."""
    number = next(_addresses)
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


@pytest.fixture(scope="module")
def limited(make_module_server):
    made = make_module_server(modules=("remoteip",), plain=True, server=REMOTEIP)
    made.tenants = [made.create_tenant(name) for name in ("First", "Second")]
    return made


def limits(server, *lines, **directives):
    """Takes over these limits, with empty tables."""
    server.httpd.settings.server = REMOTEIP + "\n".join(lines)
    server.httpd.settings.directives.update({"FinqFailureLimit": "off", **directives})
    server.httpd.restart()


def start(server, client_address=None, tenant=0, key=None):
    """POST /sessions on a connection of its own, so that any child may get it."""
    tenant = server.tenants[tenant]
    client = server.client(tenant)
    try:
        headers = {"x_client": client_address} if client_address else {}
        return client.call("/sessions", {"client_id": tenant.client_id, "skill": SKILL,
                                         "client_app_key": key or tenant.client_app_key}, **headers)
    finally:
        client.close()


def statuses(server, number, *arguments, **options):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return sorted(a.status for a in pool.map(lambda _: start(server, *arguments, **options), range(number)))


def test_an_address_is_limited_across_children(limited):
    limits(limited, "FinqRateLimit address 1/min burst 20")
    mine = address()
    assert statuses(limited, 50, mine) == [200] * 20 + [429] * 30
    assert start(limited, address()).status == 200
    refused = start(limited, mine)
    assert refused.json == {"id": refused.headers["x-request-id"], "type": "invalid_request", "http": 429,
                            "code": "too_many_requests", "message": refused["message"]}
    assert "this address" in refused["message"]
    assert 30 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit-limit"] == "20" and refused.headers["ratelimit-remaining"] == "0"
    assert refused.headers["ratelimit-reset"] == refused.headers["retry-after"]
    assert "retry-after" not in start(limited, address()).headers


def test_a_flood_of_refusals_fills_no_log(limited):
    """One line a second from each address."""
    limits(limited, "FinqRateLimit address 1/min burst 1")
    mine, other = address(), address()
    since = time.monotonic()
    assert statuses(limited, 200, mine) == [200] + [429] * 199
    assert start(limited, other).status == 200
    told = time.monotonic()
    assert start(limited, other).status == 429
    logged = time.monotonic()
    lines = [line for line in limited.httpd.log.lines() if "429 too_many_requests" in line]
    assert 1 <= len([line for line in lines if f"client {mine}" in line]) <= told - since + 1
    assert len([line for line in lines if f"client {other}" in line]) == 1
    time.sleep(max(0, logged + 1.1 - time.monotonic()))
    assert start(limited, other).status == 429
    limited.httpd.log.wait_for(f"(?s)client {other}.*429 too_many")
    lines = [line for line in limited.httpd.log.lines() if "429 too_many_requests" in line]
    assert len([line for line in lines if f"client {other}" in line]) == 2


def test_retry_after_is_honoured(limited):
    limits(limited, "FinqRateLimit address 1000/h burst 1")
    mine = address()
    assert start(limited, mine).status == 200
    refused = start(limited, mine)
    assert refused.status == 429 and 2 <= int(refused.headers["retry-after"]) <= 4
    time.sleep(int(refused.headers["retry-after"]))
    assert start(limited, mine).status == 200


def test_a_network_of_ipv6_is_one_client(limited):
    limits(limited, "FinqRateLimit address 1/min burst 5")
    answers = [start(limited, f"2001:db8:1:2::{n:x}:1").status for n in range(8)]
    assert answers == [200] * 5 + [429] * 3
    assert start(limited, "2001:db8:1:3::1").status == 200
    assert start(limited, "2001:db8:1:2:ffff:ffff:ffff:ffff").status == 429


def test_real_addresses_without_remoteip(limited):
    limits(limited, "FinqRateLimit address 1/min burst 2")
    six, four = (Client(f"http://{name}:{limited.httpd.settings.plain_port}", limited.tenants[0], host="localhost")
                 for name in ("[::1]", "127.0.0.1"))
    assert [six.start_session(SKILL).status for _ in range(3)] == [200, 200, 429]
    assert [four.start_session(SKILL).status for _ in range(3)] == [200, 200, 429]
    six.close()
    four.close()


def test_a_refusal_waits_for_no_body(limited):
    limits(limited, "FinqRateLimit address 1/min burst 1")
    mine = address()
    start(limited, mine)
    head = f"POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nX-Client: {mine}\r\nContent-Length: {1 << 30}\r\n\r\n"
    since = time.monotonic()
    answers = limited.client(limited.tenants[0]).raw(head.encode(), silence=5)
    assert [a.status for a in answers] == [429] and time.monotonic() - since < 4
    assert answers[0].headers["connection"] == "close"


def test_everything_under_a_base_counts(limited):
    limits(limited, "FinqRateLimit address 1/min burst 3")
    client, mine = limited.client(limited.tenants[0]), {"X-Client": address()}
    assert client.request("GET", "/v1/sessions", headers=mine).status == 405
    assert client.request("POST", "/v1/nothing", headers=mine).status == 404
    assert client.request("POST", "/v1/sessions", b"not json", headers=mine).status == 400
    assert client.request("POST", "/v1/nothing", headers=mine).status == 429
    assert client.request("GET", "/elsewhere", headers=mine).status == 404
    client.close()


def test_a_tenant_is_limited_wherever_it_comes_from(limited):
    limits(limited, "FinqRateLimit tenant 1/min burst 10")
    answers = [start(limited, address()) for _ in range(12)]
    assert [a.status for a in answers] == [200] * 10 + [429] * 2
    assert "this tenant" in answers[-1]["message"] and answers[-1].headers["ratelimit-limit"] == "10"
    assert start(limited, address(), tenant=1).status == 200


def test_keys_that_do_not_fit_use_no_tenant_up(limited):
    limits(limited, "FinqRateLimit tenant 1/min burst 10")
    for _ in range(30):
        assert start(limited, address(), key="x" * 43).status == 401
    assert statuses(limited, 12) == [200] * 10 + [429] * 2


NO_SESSION = "019a2003-0000-7000-8000-00000000dead"


@pytest.mark.parametrize("path, body", [
    ("/sessions", {"skill": SKILL, "client_app_key": "x" * 43, "tenant_user_id": "u" * 257}),
    ("/sessions", {"skill": SKILL, "client_app_key": "x" * 43}),
    ("/sessions", {"skill": "xyz_sbx_#9.9", "client_app_key": "x" * 43}),
    ("/catalogs/skills", {"client_app_key": "x" * 43}),
    (f"/sessions/{NO_SESSION}/status", {"nonce": "n", "wait": 26}),
    (f"/sessions/{NO_SESSION}/steps", {"nonce": "n", "skill": SKILL, "step": "s", "data": {}}),
    (f"/sessions/{NO_SESSION}/resume", {"client_secret": "x" * 43}),
    (f"/sessions/{NO_SESSION}/back", {"nonce": "n"}), (f"/sessions/{NO_SESSION}/cancel", {"nonce": "n"}),
    (f"/sessions/{NO_SESSION}/cancel", {"client_secret": "x" * 43}),
    ("/token", {"client_secret": "x" * 43, "temp_token": "t"})])
def test_refusals_before_proof_use_no_tenant_up_and_are_failures(limited, path, body):
    """Whatever else is wrong with the request."""
    limits(limited, "FinqRateLimit tenant 1/min burst 3", FinqFailureLimit="1/min burst 6")
    client, mine = limited.client(limited.tenants[0]), address()
    body = {"client_id": limited.tenants[0].client_id, **body}
    answers = [client.call(path, body, x_client=mine) for _ in range(7)]
    assert [a.status for a in answers] == [401] * 6 + [429] and "failed authentications" in answers[-1]["message"]
    client.close()
    assert statuses(limited, 5) == [200] * 3 + [429] * 2


def test_a_tenants_server_is_not_shut_out_by_its_users(limited):
    """It shows its secret with each temp_token that it is handed, made up or not."""
    limits(limited, FinqFailureLimit="1/min burst 3")
    tenant, mine = limited.tenants[0], {"x_client": address()}
    client, keys = limited.client(tenant), {"client_id": tenant.client_id, "client_secret": tenant.client_secret}
    made_up = [client.call("/token", {**keys, "temp_token": secrets.token_urlsafe(100)}, **mine).code for _ in range(8)]
    assert made_up == ["invalid_temp_token"] * 8
    assert start(limited, mine["x_client"]).status == 200
    guessed = {**keys, "client_secret": secrets.token_urlsafe(32), "temp_token": "t"}
    assert [client.call("/token", guessed, **mine).status for _ in range(4)] == [401] * 3 + [429]
    client.close()


def test_what_is_not_granted_is_no_guess(limited):
    limits(limited, FinqFailureLimit="1/min burst 2")
    tenant = limited.create_tenant("Nothing granted", skills=())
    client, mine = limited.client(tenant), {"x_client": address()}
    body = {"client_id": tenant.client_id, "client_app_key": tenant.client_app_key, "skill": SKILL}
    assert [client.call("/sessions", body, **mine).code for _ in range(5)] == ["unauthorized_tenant"] * 5
    client.close()


def waits(server):
    """How often anybody went to the database."""
    answer = server.client(None).request("GET", "/metrics")
    return sum(int(line.split()[-1]) for line in answer.body.decode().splitlines()
               if line.startswith("finq_database_wait_seconds_count"))


def test_failures_close_an_address_before_keys_are_looked_at(limited):
    limited.httpd.settings.vhost = '<Location "/metrics">\nSetHandler finq-metrics\nRequire all granted\n</Location>'
    limits(limited, FinqFailureLimit="1/min burst 5")
    mine = address()
    assert [start(limited, mine, key=secrets.token_urlsafe(32)).status for _ in range(5)] == [401] * 5
    before = waits(limited)
    refused = start(limited, mine)
    assert refused.status == 429 and "failed authentications" in refused["message"]
    assert refused.headers["ratelimit-limit"] == "5" and int(refused.headers["retry-after"]) <= 60
    assert [start(limited, mine, key=secrets.token_urlsafe(32)).status for _ in range(20)] == [429] * 20
    assert waits(limited) == before, "the database was asked"
    assert start(limited, address()).status == 200


def start_signed(server, client_address, sign=None, **headers):
    tenant = server.tenants[0]
    client = server.client(tenant, base="/v1s", sign=sign)
    try:
        return client.call("/sessions", {"client_id": tenant.client_id, "skill": SKILL,
                                         "client_app_key": tenant.client_app_key}, x_client=client_address, **headers)
    finally:
        client.close()


def test_failed_signatures_close_an_address_too(limited):
    """Red: settle left out of the checker; admit left out of it (the last of the first four)."""
    limits(limited, FinqFailureLimit="1/min burst 3")
    guesser = address()
    forged = {"authorization": "Bearer a.b.c"}
    assert [start_signed(limited, guesser, **forged).status for _ in range(4)] == [401, 401, 401, 429]
    assert start(limited, guesser).status == 429
    assert start(limited, address()).status == 200


def test_a_signed_request_counts_once(limited):
    """Both the checker and the router ask. Red: admit without its memory."""
    limits(limited, "FinqRateLimit address 1/min burst 4")
    key, caller = Key(), address()
    limited.add_key(limited.tenants[0], "limits@bank.example", key.pem)
    sign = Signer(key, "limits@bank.example")
    assert [start_signed(limited, caller, sign).status for _ in range(5)] == [200, 200, 200, 200, 429]


def test_a_signed_caller_makes_no_guesses(limited):
    """Its nonces and keys are what its users handed it."""
    limits(limited, FinqFailureLimit="1/min burst 3")
    key, tenant, mine = Key(), limited.tenants[0], {"x_client": address()}
    limited.add_key(tenant, "handed@bank.example", key.pem)
    client = limited.client(tenant, base="/v1s", sign=Signer(key, "handed@bank.example"))
    body = {"client_id": tenant.client_id, "nonce": "n", "skill": SKILL, "step": "s", "data": {}}
    assert [client.call(f"/sessions/{uuid.uuid4()}/steps", body, **mine).code for _ in range(6)] == ["invalid_nonce"] * 6
    client.close()


def test_successes_and_mistakes_are_no_failures(limited):
    limits(limited, FinqFailureLimit="1/min burst 2")
    mine, client = {"x_client": address()}, limited.client(limited.tenants[0])
    for _ in range(4):
        assert client.call("/sessions", "{}", **mine).code == "missing_fields"
        assert client.call("/sessions", {"client_id": "x", "client_app_key": "k", "skill": SKILL}, **mine).status == 400
    assert start(limited, mine["x_client"]).status == 200
    client.close()


@pytest.mark.parametrize("body", [
    {"client_id": str(uuid.uuid4()), "client_app_key": "k", "skill": SKILL},
    {"client_id": str(uuid.uuid4()), "client_secret": "s", "temp_token": "t"},
    {"client_id": str(uuid.uuid4()), "nonce": "n", "skill": SKILL, "step": "s", "data": {}}])
def test_each_kind_of_guess_is_a_failure(limited, body):
    limits(limited, FinqFailureLimit="1/min burst 3")
    path = "/tokens" if "temp_token" in body else f"/sessions/{uuid.uuid4()}/steps" if "step" in body else "/sessions"
    client, mine = limited.client(limited.tenants[0]), address()
    assert [client.call(path, body, x_client=mine).status for _ in range(5)] == [401] * 3 + [429] * 2
    client.close()


@pytest.mark.long
def test_what_has_expired_is_no_guess(limited):
    limits(limited, FinqFailureLimit="1/min burst 2", FinqNonceTTL="10")
    session, client, mine = start(limited, address()), limited.client(limited.tenants[0]), address()
    time.sleep(11)
    body = {"client_id": limited.tenants[0].client_id, "nonce": session["nonce"], "skill": SKILL, "step": "s", "data": {}}
    path = f"/sessions/{session['session_id']}/steps"
    assert [client.call(path, body, x_client=mine).code for _ in range(5)] == ["expired_nonce"] * 5
    del limited.httpd.settings.directives["FinqNonceTTL"]
    client.close()


def test_hosts_count_apart(limited):
    limits(limited, "FinqRateLimit address 1/min burst 3")
    mine = address()
    plain = Client(f"http://localhost:{limited.httpd.settings.plain_port}", limited.tenants[0])
    body = {"client_id": limited.tenants[0].client_id, "skill": SKILL, "client_app_key": limited.tenants[0].client_app_key}
    assert [start(limited, mine).status for _ in range(4)] == [200] * 3 + [429]
    assert [plain.call("/sessions", body, x_client=mine).status for _ in range(4)] == [200] * 3 + [429]
    plain.close()


def test_a_host_has_its_own_limits(limited):
    limited.httpd.settings.vhost = "FinqRateLimit off"
    limits(limited, "FinqRateLimit address 1/min burst 1", "FinqRateLimit tenant 1/min burst 1")
    mine = address()
    assert statuses(limited, 5, mine) == [200] * 5
    limited.httpd.settings.vhost = ""


def test_a_full_table_refuses_nobody(limited):
    limits(limited, "FinqRateLimit address 1/h burst 1", "FinqLimitClients 64", "FinqRateLimit tenant 100000/s")
    client, body = limited.client(limited.tenants[0]), {"client_id": limited.tenants[0].client_id, "skill": SKILL,
                                                        "client_app_key": limited.tenants[0].client_app_key}
    assert {client.call("/sessions", body, x_client=address()).status for _ in range(500)} == {200}
    client.close()


def test_a_crash_forgets_nothing(limited):
    limits(limited, "FinqRateLimit address 1/min burst 4")
    mine = address()
    assert statuses(limited, 4, mine) == [200] * 4
    for child in limited.httpd.children():
        process.send(child, signal.SIGKILL)
        process.until(lambda child=child: child not in limited.httpd.children())
    assert start(limited, mine).status == 429
    assert start(limited, address()).status == 200


def test_a_graceful_restart_begins_anew(limited):
    limits(limited, "FinqRateLimit address 1/min burst 2")
    mine = address()
    for _ in range(3):
        assert [start(limited, mine).status for _ in range(3)] == [200, 200, 429]
        old = limited.httpd.children()
        limited.httpd.graceful()
        process.until(lambda old=old: not set(old) & set(limited.httpd.children()), what="the old children to end")


def test_what_stands_where_nobody_says(limited):
    del limited.httpd.settings.directives["FinqFailureLimit"]
    limited.httpd.settings.server = REMOTEIP
    limited.httpd.restart()
    mine = address()
    assert statuses(limited, 150, mine) == [200] * 150
    since = time.monotonic()
    assert statuses(limited, 100, mine, key="x" * 43) == [401] * 100

    def is_shut():
        """To who has the right key too. One failure a second comes back, which may be just before that one is asked."""
        return (429 in statuses(limited, 5 + int(time.monotonic() - since), mine, key="x" * 43)
                and start(limited, mine).status == 429)
    process.until(is_shut, what="an address that has failed too often")
    limited.httpd.settings.directives["FinqFailureLimit"] = "off"


@pytest.mark.parametrize("line, words", [
    ("FinqRateLimit 100/s", "begins with address or tenant"),
    ("FinqRateLimit off now", "or says off"),
    ("FinqRateLimit user 100/s", "begins with address or tenant"),
    ("FinqRateLimit address", "takes off, or a rate from 1 to 100000 such as 100/s, 600/min or 1000/h"),
    ("FinqRateLimit address 100", 'not "100"'),
    ("FinqRateLimit address 0/s", 'not "0/s"'),
    ("FinqRateLimit address -5/s", 'not "-5/s"'),
    ("FinqRateLimit address 100001/s", 'not "100001/s"'),
    ("FinqRateLimit address 99999999999999999999/s", "takes off, or a rate"),
    ("FinqRateLimit address 10/day", 'not "10/day"'),
    ("FinqRateLimit tenant 10/s burst", "burst N"),
    ("FinqRateLimit tenant 10/s bust 5", "burst N"),
    ("FinqRateLimit tenant 10/s burst 0", 'takes a burst from 1 to 1000000, not "0"'),
    ("FinqRateLimit tenant 10/s burst 5 6", "burst N"),
    ("FinqRateLimit tenant 1/h burst 25", "come back within a day"),
    ("FinqRateLimit tenant off now", "takes off, or a rate"),
    ("FinqFailureLimit", "takes off, or a rate"),
    ("FinqFailureLimit 5", "takes off, or a rate"),
    ("FinqLimitClients 10", "must be a whole number of clients from 64 to 16777216"),
    ('<VirtualHost *:1>\nFinqLimitClients 100\n</VirtualHost>', "FinqLimitClients cannot occur within <VirtualHost>"),
    ('<Location "/x">\nFinqRateLimit address off\n</Location>', "FinqRateLimit not allowed"),
])
def test_directives_that_are_refused(limited, line, words):
    ok, said = limited.httpd.configtest(server=REMOTEIP + line)
    assert not ok and words in said.replace("\n", " ")
    assert limited.httpd.configtest()[0]
