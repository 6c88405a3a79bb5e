"""Browsers on other origins (contract section 1): what they ask and what they must be told.

Seen red: finq_cors_apply left out of the error filter (errors_too); origins compared without regard to case,
or by their beginning; no `Vary`.
"""
import pytest

from finqenv.flows import CARD
from finqenv.client import Client
from finqenv.wire import is_error, request

APP, OTHER, SHELL = "https://app.example.com", "https://admin.example.com:8443", "capacitor://localhost"


@pytest.fixture(scope="module")
def open_server(make_module_server, server):
    return make_module_server(cluster=server.postgres, database="cors", plain=True, vhost="LimitRequestBody 40000",
                              directives={"FinqAllowOrigin": f"{APP} {OTHER} {SHELL}",
                                          "FinqAllowHeaders": "X-App-Version X-App-Build"})


@pytest.fixture(scope="module")
def open_tenant(open_server):
    return open_server.create_tenant("browsers")


@pytest.fixture
def browser(open_server, open_tenant):
    client = open_server.client(open_tenant)
    yield client
    client.close()


def preflight(client, path, origin=APP, method="POST", headers="content-type"):
    return client.request("OPTIONS", f"/v1{path}", b"", {"origin": origin, "access-control-request-method": method,
                                                        "access-control-request-headers": headers})


def test_a_signed_base_answers_preflights_as_any(browser, open_server):
    """A browser signs none of them, and finds out by them what it may send; nothing else goes there unsigned."""
    asked = {"origin": APP, "access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    answer = browser.request("OPTIONS", "/v1s/sessions", b"", asked)
    assert answer.status == 204 and answer.headers["access-control-allow-origin"] == APP
    assert {"authorization", "signature", "signature-input", "content-digest"} <= words(answer.headers["access-control-allow-headers"])
    unsigned = browser.request("POST", "/v1s/sessions", b"{}", {"origin": APP})
    assert is_error(unsigned, 401, "invalid_signature") and unsigned.headers["access-control-allow-origin"] == APP


def words(text):
    return {word.strip().lower() for word in text.split(",")}


@pytest.mark.parametrize("origin", [APP, OTHER, SHELL])
@pytest.mark.parametrize("path", ["/sessions", "/sessions/x/steps", "/steps/x/upload", "/tokens", "/token"])
def test_preflight(browser, path, origin):
    answer = preflight(browser, path, origin)
    assert answer.status == 204 and answer.body == b""
    assert answer.headers["access-control-allow-origin"] == origin
    assert words(answer.headers["access-control-allow-methods"]) == {"post"}
    assert {"content-type", "authorization", "x-finq-client-id", "x-finq-nonce", "x-finq-document",
            "traceparent", "tracestate", "baggage", "sentry-trace", "x-requested-with", "x-app-version", "x-app-build"} <= \
        words(answer.headers["access-control-allow-headers"])
    assert int(answer.headers["access-control-max-age"]) > 0
    assert answer.headers["vary"] == "Origin" and answer.headers["x-request-id"] and "set-cookie" not in answer.headers
    assert "access-control-allow-credentials" not in answer.headers, "no cookies, ever"


@pytest.mark.parametrize("origin", ["https://evil.example.com", "https://app.example.com.evil.org", "http://app.example.com",
                                    "https://app.example.com:443", "https://APP.example.com", "null", "https://app.example.co", "*", ""])
def test_other_origins_are_told_nothing(browser, origin):
    for answer in (preflight(browser, "/sessions", origin), browser.call("/sessions", {}, origin=origin)):
        assert not any(name.startswith("access-control") for name in answer.headers)
        assert answer.headers["vary"] == "Origin", "a cache must not give this answer to another origin"


def test_answers(browser):
    answer = browser.call("/sessions", {"client_id": browser.tenant.client_id, "skill": CARD,
                                        "client_app_key": browser.tenant.client_app_key}, origin=APP)
    assert answer.status == 200 and answer.headers["access-control-allow-origin"] == APP
    assert "x-request-id" in words(answer.headers["access-control-expose-headers"])
    assert answer.headers["vary"] == "Origin"
    assert browser.call("/sessions", {}).headers["vary"] == "Origin", "asked by no browser"


def test_errors_too(open_server):
    """A browser shows its page an error only with these headers: ours, and those that httpd makes."""
    plain = Client(f"http://localhost:{open_server.httpd.settings.plain_port}", None)
    headers = [f"Origin: {APP}", "Connection: close"]
    for data, http, code in (
            (request("/v1/sessions", b"{}", headers), 400, "missing_fields"),
            (request("/v1/nothing", b"{}", headers), 404, "not_found"),
            (request("/v1/sessions%2F", b"{}", headers), 404, "not_found"),
            (request("/v1/sessions", b" " * 50000, headers), 413, "payload_too_large"),
            (request("/v1/sessions", b"zz\r\n", [*headers, "Transfer-Encoding: chunked"], length=False), 400, "invalid_headers"),
            (request("/v1/sessions", b"", [*headers, "Expect: nonsense"]), 400, "invalid_headers"),
            (request("/v1/sessions", b"", headers, method="GET"), 405, "method_not_allowed")):
        answer, = plain.raw(data)
        assert is_error(answer, http, code)
        assert answer.headers["access-control-allow-origin"] == APP and answer.headers["vary"] == "Origin"


def test_what_is_no_preflight(browser):
    assert is_error(browser.request("OPTIONS", "/v1/sessions", b"", {"origin": APP}), 405, "method_not_allowed")
    assert is_error(browser.request("OPTIONS", "/v1/sessions", b"", {"access-control-request-method": "POST"}), 405, "method_not_allowed")
    assert is_error(preflight(browser, "/nothing"), 404, "not_found")
    assert preflight(browser, "/sessions", method="DELETE").headers["access-control-allow-methods"] == "POST"


def test_no_other_origin_is_the_default(client):
    answer = preflight(client, "/sessions")
    assert not any(name.startswith("access-control") for name in answer.headers) and "vary" not in answer.headers


def test_any_origin(make_server, server):
    made = make_server(cluster=server.postgres, database="any_origin", directives={"FinqAllowOrigin": "*"})
    client = made.client(made.create_tenant("any"))
    assert preflight(client, "/token", "null").headers["access-control-allow-origin"] == "*"
    assert client.call("/sessions", {}, origin="https://x.example").headers["access-control-allow-origin"] == "*"
