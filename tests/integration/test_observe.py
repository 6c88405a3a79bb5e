"""What an operator sees, on a real httpd with two children: exact numbers, in a format that Prometheus' own parser reads.

Seen red: finq_observe_answer without its call in the error filter (httpd_s_own_errors); is_gone always false (a_crash); FINQ_NONCE_OTHER_CLIENT counted as forged (exactly_what_was_done); the notes of
finq_observe_recognised set before the nonce was opened (nothing_personal); host_name without its numbers (hosts);
ready_answer that is always ready, ready_check that asks for no other host (readiness); gate_show that does nothing
(the_pool); see_handler without its list (configtest).
"""
import signal
import uuid

import pytest
from prometheus_client.parser import text_string_to_metric_families

from finqenv import documents, process
from finqenv.banking import Bank
from finqenv.client import Client, Onboarding

SKILL = "xyz_card_sbx_#1.0"
PERSONAL_DATA = {"first_name": "Ana", "last_name": "Popescu", "email": "ana.popescu@example.com",
                 "phone": "+40712345678", "birth_date": "1990-04-17"}
PRODUCT_FORM = {"card": "gold", "limit": 5000, "currency": "RON", "monthly_income": "6500.00", "employment": "employed",
                "employer": "Example SRL", "iban": "RO49AAAA1B31007593840000"}
PAGES = "".join(f'<Location "{path}">\nSetHandler {handler}\nRequire all granted\n</Location>\n' for path, handler in
                (("/metrics", "finq-metrics"), ("/health", "finq-health"), ("/server-status", "server-status")))
LOG = ('LogFormat "%>s %U tenant=%{finq-tenant}n skill=%{finq-skill}n step=%{finq-step}n outcome=%{finq-outcome}n" finq\n'
       'CustomLog "{path}" finq\n')


@pytest.fixture
def watched_server(make_server):
    made = make_server(modules=("status",), plain=True, vhost=PAGES, log_level="info")
    made.access_log = made.httpd.directory / "access.log"
    made.httpd.settings.vhost += LOG.replace("{path}", str(made.access_log))
    made.httpd.restart()
    made.first, made.second = (made.create_tenant(name) for name in ("First", "Second"))
    return made


def get(server, path):
    client = server.client(None)
    try:
        return client.request("GET", path)
    finally:
        client.close()


def scrape(server):
    """{(name, labels without the TLS host's): value}"""
    answer = get(server, "/metrics")
    assert answer.status == 200 and answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    values, tls = {}, f"localhost:{server.httpd.settings.port}"
    for family in text_string_to_metric_families(answer.body.decode()):
        assert family.type in ("counter", "gauge", "histogram") and family.documentation
        for sample in family.samples:
            labels = dict(sample.labels)
            if labels.get("host") == tls:
                del labels["host"]
            key = (sample.name, *sorted(labels.items()))
            assert key not in values, f"{key} comes twice"
            values[key] = sample.value
    return values


def value(values, name, **labels):
    return values.get((name, *sorted(labels.items())), 0)


def requests(values, endpoint, outcome, status):
    return value(values, "finq_requests_total", endpoint=endpoint, outcome=outcome, status=str(status))


def onboard(client):
    """The whole of SKILL: 1 session, 2 steps, 3 uploads, 1 exchange."""
    user = Onboarding(client, SKILL)
    answers = [user.start(tenant_user_id="canary-user"), user.submit("personal_data", PERSONAL_DATA)]
    answers += [user.upload("id_front", documents.png()), user.upload("selfie", documents.png(), form=True)]
    answers += [user.submit("product_form", PRODUCT_FORM), user.upload("income_proof", documents.pdf())]
    answers += [user.exchange()]
    assert [a.status for a in answers] == [200] * 7
    return user


def misbehave(server, client):
    """One of each refusal."""
    tenant, other = server.first, server.client(server.second)
    start = {"client_id": tenant.client_id, "client_app_key": tenant.client_app_key, "skill": SKILL}
    user = Onboarding(client, SKILL)
    assert user.start().status == 200
    assert client.call("/sessions", {**start, "client_app_key": "wrong"}).status == 401
    assert client.call("/sessions", {**start, "client_id": str(uuid.uuid4())}).status == 401
    assert client.call("/sessions", {**start, "client_id": "canary-id"}).status == 400
    assert client.call("/sessions", {**start, "skill": "canary_skill_#1.0"}).status == 400
    assert client.call("/canary-path", {}).status == 404
    assert client.request("GET", "/v1/token").status == 405
    good, user.nonce = user.nonce, "canary-nonce"
    assert user.submit("personal_data", PERSONAL_DATA).status == 401
    user.nonce, user.client = good, other
    assert user.submit("personal_data", PERSONAL_DATA).status == 401
    user.client = client
    assert user.submit("canary-step", PERSONAL_DATA).status == 400
    other.close()


def test_exactly_what_was_done(watched_server):
    client = watched_server.client(watched_server.first)
    for _ in range(3):
        onboard(client)
        client.close()  # the next may meet the other child
    misbehave(watched_server, client)
    client.close()
    seen = scrape(watched_server)
    expected = {
        ("/sessions", "ok", 200): 4, ("/sessions/*/steps", "ok", 200): 6, ("/steps/*/upload", "ok", 200): 9,
        ("/tokens", "ok", 200): 3, ("/sessions", "invalid_client_app_key", 401): 1,
        ("/sessions", "invalid_client_id", 401): 1, ("/sessions", "invalid_client_id", 400): 1,
        ("/sessions", "invalid_skill_name", 400): 1, ("other", "not_found", 404): 1,
        ("/token", "method_not_allowed", 405): 1, ("/sessions/*/steps", "invalid_nonce", 401): 2,
        ("/sessions/*/steps", "invalid_step", 400): 1}
    assert {key: requests(seen, *key) for key in expected} == expected
    assert sum(v for k, v in seen.items() if k[0] == "finq_requests_total") == sum(expected.values())
    sessions = {k[2][1]: v for k, v in seen.items() if k[0] == "finq_sessions_total" and ("skill", SKILL) in k}
    assert sessions == {"created": 4, "in_progress": 3, "completed": 3, "exchanged": 3}
    assert value(seen, "finq_nonce_failures_total", cause="forged") == 1
    assert value(seen, "finq_nonce_failures_total", cause="other_client") == 1
    assert value(seen, "finq_nonce_failures_total", cause="expired") == 0
    assert value(seen, "finq_request_duration_seconds_count", endpoint="/tokens") == 3
    assert value(seen, "finq_request_duration_seconds_bucket", endpoint="/tokens", le="+Inf") == 3
    assert 0 < value(seen, "finq_request_duration_seconds_sum", endpoint="/tokens") < 10
    # each step, upload and exchange asks once; what a child remembers of tenant and skill more or less often
    assert value(seen, "finq_database_wait_seconds_count") >= 6 + 9 + 3
    assert value(seen, "finq_uploads_in_progress") == 0


def test_sessions_that_wait_or_have_failed(make_server, run_directory):
    """Are no progress. Red where progress_of knows only who was given a temp_token."""
    bank = Bank(make_server, run_directory / "observed")
    try:
        bank.server.httpd.settings.vhost += PAGES
        bank.server.httpd.restart()
        bank.user("review_last").submit("form", {})
        for scenario in ("pend", "fail", "fail", "accept"):
            bank.user("sca").submit("sca", {"scenario": scenario})
        bank.user("plain").submit("form", {})
        seen = scrape(bank.server)
    finally:
        bank.stop()
    told = {}
    for key, number in seen.items():
        if key[0] == "finq_sessions_total":
            told[dict(key[1:])["state"]] = told.get(dict(key[1:])["state"], 0) + number
    assert told == {"created": 6, "pending": 2, "failed": 2, "completed": 1, "in_progress": 1}


def test_the_pool_is_seen(watched_server):
    client = watched_server.client(watched_server.first)
    onboard(client)
    client.close()
    seen = scrape(watched_server)
    assert value(seen, "finq_database_connections", state="in_use") == 0
    assert 1 <= value(seen, "finq_database_connections", state="idle") <= 2
    assert value(seen, "finq_database_connections_most") in (8 + 1, 8 + 8)


def test_httpd_s_own_errors_and_preflights_count(watched_server):
    client = watched_server.client(None)
    assert client.raw(b"POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nbroken header\r\n\r\n")[0].status == 400
    preflight = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}
    assert client.request("OPTIONS", "/v1/sessions", headers=preflight).status == 204
    client.close()
    seen = scrape(watched_server)
    assert requests(seen, "other", "invalid_headers", 400) == 1
    assert requests(seen, "/sessions", "preflight", 204) == 1


def test_hosts_are_told_apart(watched_server):
    plain = Client(f"http://localhost:{watched_server.httpd.settings.plain_port}", watched_server.first)
    assert plain.start_session(SKILL).status == 200
    plain.close()
    seen = scrape(watched_server)
    host = f"localhost:{watched_server.httpd.settings.plain_port}"
    assert requests(seen, "/sessions", "ok", 200) == 0
    assert value(seen, "finq_requests_total", host=host, endpoint="/sessions", outcome="ok", status="200") == 1
    watched_server.httpd.settings.server = "".join(
        '<VirtualHost *:1>\nServerName twin:1\n<Location "/v1">\nSetHandler finq\n'
        "</Location>\n</VirtualHost>\n" for _ in range(2))
    watched_server.httpd.graceful()
    body = get(watched_server, "/metrics").body
    assert b'host="twin:1"' in body and b'host="twin:1#2"' in body
    scrape(watched_server)


def half_upload(server):
    """A socket on which an upload has begun, of a session of its own."""
    client = server.client(server.first)
    user = Onboarding(client, SKILL)
    user.start()
    user.submit("personal_data", PERSONAL_DATA)
    client.close()
    connection = client.open_socket()
    connection.sendall((f"POST /v1/steps/{user.step_id}/upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
                        f"Content-Length: 50000\r\nX-Finq-Client-Id: {server.first.client_id}\r\n"
                        f"X-Finq-Nonce: {user.step_nonce}\r\nX-Finq-Document: id_front\r\n\r\n").encode()
                       + documents.png().content[:50])
    return connection


def uploads(server):
    return value(scrape(server), "finq_uploads_in_progress")


def counted(server):
    return sum(number for key, number in scrape(server).items() if key[0] == "finq_requests_total")


def test_a_crash_takes_what_was_under_way_and_nothing_else(watched_server):
    began = counted(watched_server)
    connections = [half_upload(watched_server) for _ in range(3)]
    process.until(lambda: uploads(watched_server) == 3 and counted(watched_server) >= began + 6,
                  what="the uploads to be seen, and the sessions and steps before them to be counted, which follows their answers")
    before = scrape(watched_server)
    for child in watched_server.httpd.children():
        process.send(child, signal.SIGKILL)
        process.until(lambda child=child: child not in watched_server.httpd.children())
    process.until(lambda: watched_server.httpd.children(), what="new children")
    assert uploads(watched_server) == 0
    after = scrape(watched_server)
    assert {k: v for k, v in before.items() if "total" in k[0] or "seconds" in k[0]} == \
           {k: v for k, v in after.items() if "total" in k[0] or "seconds" in k[0]}
    for connection in connections:
        connection.close()


def test_an_upload_that_is_cut_is_under_way_no_more(watched_server):
    connection = half_upload(watched_server)
    process.until(lambda: uploads(watched_server) == 1, what="the upload to be seen")
    connection.close()
    process.until(lambda: uploads(watched_server) == 0, what="the upload to be gone")


def test_readiness_needs_the_database_and_liveness_does_not(watched_server):
    def health(what):
        answer = get(watched_server, f"/health/{what}")
        return answer.status, answer.json
    assert health("live") == (200, {"status": "live"}) and health("ready") == (200, {"status": "ready"})
    assert get(watched_server, "/health").status == 404 and get(watched_server, "/health/other").status == 404
    watched_server.postgres.stop()
    watched_server.httpd.log.expect("FINQ07: not ready: database: ")
    assert health("live") == (200, {"status": "live"}) and health("ready") == (503, {"status": "unavailable"})
    process.until(lambda: health("ready")[0] == 503 and value(
        scrape(watched_server), "finq_database_refusals_total", cause="unreachable") > 0, 5, "a refusal to be counted")
    watched_server.httpd.log.allow("AH00629|AH00632|AH00635|DBD")
    watched_server.postgres.start()
    process.until(lambda: health("ready") == (200, {"status": "ready"}), what="the server to be ready again")


def test_readiness_on_a_host_of_its_own(make_server):
    made = make_server()
    port = process.free_port()
    made.httpd.settings.server = f"Listen 127.0.0.1:{port}\n<VirtualHost 127.0.0.1:{port}>\n{PAGES}</VirtualHost>\n"
    made.httpd.settings.modules = ("status",)
    made.httpd.restart()
    probe = Client(f"http://127.0.0.1:{port}", None)
    assert probe.request("GET", "/health/ready").status == 200
    body = probe.request("GET", "/metrics").body.decode()
    assert f'host="localhost:{made.httpd.settings.port}"' in body and str(port) not in body
    made.postgres.stop()
    made.httpd.log.expect("FINQ07")
    made.httpd.log.allow("DBD")
    assert probe.request("GET", "/health/ready").status == 503
    for path in ("/metrics", "/health/live"):
        refused = probe.request("POST", path)
        assert refused.status == 405 and {"GET", "HEAD"} <= set(refused.headers["allow"].split(",")), path
    probe.close()


def test_mod_status_has_a_section(watched_server):
    client = watched_server.client(watched_server.first)
    onboard(client)
    misbehave(watched_server, client)
    client.close()
    page = get(watched_server, "/server-status").body.decode()
    assert "<h2>Onboarding API (mod_finq)</h2>" in page
    assert f"<h3>localhost:{watched_server.httpd.settings.port}</h3>" in page
    lines = dict(line.split(": ", 1) for line in get(watched_server, "/server-status?auto").body.decode().splitlines()
                 if line.startswith("FinqHost["))
    names = {v: k[:-4] for k, v in lines.items() if k.endswith("Name")}
    host = names[f"localhost:{watched_server.httpd.settings.port}"]
    got = {k[len(host):]: int(v) for k, v in lines.items() if k.startswith(host) and not k.endswith("Name")}
    assert (got["Requests"], got["ClientErrors"], got["ServerErrors"]) == (7 + 10, 9, 0)
    assert (got["SessionsCreated"], got["SessionsCompleted"], got["SessionsExchanged"]) == (2, 1, 1)
    assert got["NonceFailures"] == 2 and got["LimitsHit"] == 0 and got["UploadsInProgress"] == 0
    for name in got:
        assert f"<dt>{name}: " in page


def test_nothing_personal_stands_in_logs_and_pages(watched_server):
    client = watched_server.client(watched_server.first)
    onboard(client)
    misbehave(watched_server, client)
    client.close()
    process.until(lambda: watched_server.access_log.read_text().count("\n") >= 17)
    log = watched_server.access_log.read_text()
    lines = [line.split(" ", 1)[1] for line in log.splitlines()]
    me = watched_server.first.client_id
    assert f"/v1/sessions tenant={me} skill={SKILL} step=- outcome=ok" in lines
    assert any(f"tenant={me} skill={SKILL} step=personal_data outcome=ok" in line for line in lines)
    assert f"/v1/tokens tenant={me} skill={SKILL} step=- outcome=ok" in lines
    assert "/v1/sessions tenant=- skill=- step=- outcome=invalid_client_app_key" in lines
    assert sum("tenant=- skill=- step=- outcome=invalid_nonce" in line for line in lines) == 2
    assert any(f"tenant={me} skill={SKILL} step=personal_data outcome=invalid_step" in line for line in lines)
    noted = " ".join(line.split(" ", 1)[1] for line in lines)
    shown = get(watched_server, "/metrics").body.decode() + get(watched_server, "/server-status").body.decode()
    for canary in ("canary", "Popescu", "ana.popescu", "+40712345678", watched_server.second.client_id,
                   watched_server.first.client_app_key, watched_server.first.client_secret):
        assert canary not in noted and canary not in shown.replace("/v1/canary-path", "")
    assert me not in get(watched_server, "/metrics").body.decode()


def test_a_handler_that_is_misspelt_is_refused_at_configtest(watched_server):
    watched_server.httpd.settings.vhost = '<Location "/x">\nSetHandler finq-metric\n</Location>'
    ok, said = watched_server.httpd.configtest()
    assert not ok and 'SetHandler takes finq, finq-page, finq-documents, finq-metrics, finq-health or finq-sandbox, not "finq-metric"' in said
