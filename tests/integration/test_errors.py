"""Bad input: bodies, headers, methods, paths, request lines (contract section 1, "Errors"). Whatever comes, the answer is
the contract's object, and the connection is closed or in step.

Seen red: keepalive not set to AP_CONN_CLOSE in body_error (nothing_follows); framing_check without its three refusals;
the error filter not inserted; finq_request_create or finq_request_read without effect (error_documents, early errors);
finq_router_map at APR_HOOK_MIDDLE (TRACE); JSON_REJECT_DUPLICATES left out; the depth not counted; the limit of
body_flatten lifted (long, chunked).
"""
import json
import socket
import ssl
import uuid

import pytest

from finqenv.client import Client
from finqenv.flows import CARD, begin, submit
from finqenv.installation import SANITIZED
from finqenv.process import until
from finqenv.wire import chunked, is_error, request, steady

ROUTES = ["/sessions", "/sessions/6e1f4a3c-52d0-4b8e-9a77-0c1d2e3f4a5b/steps", "/tokens", "/token", "/consents/get", "/consents/delete", "/consents/list", "/consents/renew"]
MEMBERS = {"/sessions": {"client_id": str, "client_app_key": str, "skill": str, "tenant_user_id": str},
           ROUTES[1]: {"client_id": str, "nonce": str, "skill": str, "step": str, "data": dict},
           "/tokens": {"client_id": str, "client_secret": str, "temp_token": str}}
MEMBERS["/token"] = MEMBERS["/tokens"]
MEMBERS["/consents/get"] = MEMBERS["/consents/delete"] = MEMBERS["/consents/renew"] = {
    "client_id": str, "client_secret": str, "credentials_id": str, "access_token": str, "tenant_user_id": str}
MEMBERS["/consents/list"] = {"client_id": str, "client_secret": str, "tenant_user_id": str, "status": str, "cursor": str}
OPTIONAL = {"tenant_user_id", "status", "cursor"}


@pytest.fixture(scope="module")
def pages(make_module_server, server):
    """A host on which every error has a page, in each of the ways there are; and one path that is closed."""
    made = make_module_server(cluster=server.postgres, database="pages", plain=True, vhost="""
ErrorDocument 400 https://elsewhere.example/
ErrorDocument 403 https://elsewhere.example/
ErrorDocument 404 /page.html
ErrorDocument 405 /page.html
ErrorDocument 408 "late"
ErrorDocument 413 "large"
ErrorDocument 414 /page.html
ErrorDocument 417 https://elsewhere.example/
ErrorDocument 503 /page.html
LimitRequestBody 40000
<If "%{REQUEST_URI} =~ m#^/(v1/steps|denied)#">
Require all denied
</If>
""")
    (made.httpd.documents / "page.html").write_text("a page")
    (made.httpd.documents / "index.html").write_text("a page")
    return made


@pytest.fixture
def wire(server, tenant):
    return Client(f"http://localhost:{server.httpd.settings.plain_port}", tenant)


@pytest.fixture
def good(tenant):
    """The body of a request that succeeds."""
    return json.dumps({"client_id": tenant.client_id, "client_app_key": tenant.client_app_key, "skill": CARD}).encode()


def sample(path):
    values = {str: "x", dict: {}}
    return {**{name: values[kind] for name, kind in MEMBERS[path].items()}, "client_id": str(uuid.uuid4())}


def last(good):
    """A good request that ends its connection: it is answered with 200, or not at all."""
    return request("/v1/sessions", good, ["Connection: close"])


# -- members

@pytest.mark.parametrize("path", ROUTES)
def test_missing_members_are_all_named(client, path):
    everything = set(MEMBERS[path]) - OPTIONAL
    answer = client.call(path, {})
    assert is_error(answer, 400, "missing_fields")
    assert all(name in answer["message"] for name in everything)
    for name in everything:
        body = sample(path)
        del body[name]
        answer = client.call(path, body)
        assert is_error(answer, 400, "missing_fields")
        assert [m for m in everything if m in answer["message"].split(": ")[1].rstrip(".").split(", ")] == [name]


@pytest.mark.parametrize("path", ROUTES)
def test_unknown_members_are_all_named(client, path):
    answer = client.call(path, {**sample(path), "surprise": 1, "another": None, "Client_id": "x"})
    assert is_error(answer, 400, "unknown_fields")
    assert all(name in answer["message"] for name in ("surprise", "another", "Client_id"))


@pytest.mark.parametrize("path", ROUTES)
def test_wrongly_typed_members_are_named(client, path):
    for name, kind in MEMBERS[path].items():
        for value in (None, 1, 1.5, True, [], ["x"], {} if kind is str else "x"):
            answer = client.call(path, {**sample(path), name: value})
            if (value is None and name in OPTIONAL) or (value == [] and kind is dict):  # as absent; what PHP makes of {}
                absent = client.call(path, {key: given for key, given in sample(path).items() if key != name or kind is dict})
                assert steady(answer) == steady(absent), (name, value)
            else:
                assert is_error(answer, 400, "invalid_field") and name in answer["message"], (name, value)


@pytest.mark.parametrize("number", ["1e999", "9" * 400, "-0.0", "1E+2"])
def test_numbers_of_any_size_are_json(client, number):
    answer = client.call("/sessions", b'{"a":' + number.encode() + b"}")
    assert is_error(answer, 400, "unknown_fields") and answer["fields"] == ["a"]


@pytest.mark.parametrize("path", ROUTES)
def test_doubled_members(client, path):
    text = json.dumps(sample(path))
    for again in ('"client_id":', '"client_\\u0069d" :'):
        answer = client.call(path, text[:-1] + f', {again} "{uuid.uuid4()}"}}')
        assert is_error(answer, 400, "invalid_body")


def test_doubled_members_inside_data(client):
    user = begin(client)
    text = json.dumps({"client_id": client.tenant.client_id, "nonce": user.nonce, "skill": CARD, "step": "personal_data"})
    answer = client.call(f"/sessions/{user.session_id}/steps", text[:-1] + ', "data": {"a": {"b": 1, "b": 2}}}')
    assert is_error(answer, 400, "invalid_body")
    assert submit(user, 1).status == 200


def test_names_that_are_no_text_for_a_log(server, client):
    answer = client.call("/sessions", {**sample("/sessions"), "a\nb\x7f\u2028é": 1, "x" * 5000: 2})
    assert is_error(answer, 400, "unknown_fields")
    assert "\n" not in answer["message"] and len(answer["message"]) < 300
    answer = client.call("/sessions", {f"m{i}": 1 for i in range(3000)})
    assert is_error(answer, 400, "unknown_fields") and len(answer["message"]) < 3000


def test_a_nul_in_a_name(client):
    assert is_error(client.call("/sessions", '{"client_id\\u0000x": "a"}'), 400, "invalid_body")


# -- bodies

BODIES = {
    "empty": b"", "space": b" \n", "text": b"hello", "number": b"1", "null": b"null", "string": b'"x"', "list": b"[]",
    "cut": b'{"a":', "cut string": b'{"a":"x', "two": b"{}{}", "trailing": b"{} x", "comma": b'{"a":1,}', "single": b"{'a':1}",
    "comment": b"{/*x*/}", "nan": b'{"a":NaN}', "infinity": b'{"a":-Infinity}', "hex": b'{"a":0x1}', "zero": b'{"a":01}',
    "plus": b'{"a":+1}', "split number": b'{"a":1 2}', "split word": b'{"a":tr ue}', "bare key": b"{a:1}",
    "no quotes": b"client_id=x&skill=y", "bom": b"\xef\xbb\xbf{}", "utf-16": '{"a":1}'.encode("utf-16"),
    "latin-1": b'{"a":"\xe9"}', "overlong": b'{"a":"\xc0\x80"}', "surrogate bytes": b'{"a":"\xed\xa0\x80"}',
    "beyond": b'{"a":"\xf4\x90\x80\x80"}', "cut utf-8": b'{"a":"\xe2\x82"}', "lone surrogate": b'{"a":"\\ud800"}',
    "nul": b'{"a":"\\u0000"}', "nul byte": b'{"a":"x\x00y"}', "nul after": b"{}\x00", "control": b'{"a":"x\x01y"}',
    "line end": b'{"a":"x\ny"}', "escape": b'{"a":"\\x"}',
    "deep": b'{"a":' * 33 + b"1" + b"}" * 33, "deep list": b'{"a":' + b"[" * 32 + b"]" * 32 + b"}",
    "very deep": b"[" * 60000, "deep and closed": b'{"a":' + b"[" * 30000 + b"]" * 30000 + b"}",
    "only closed": b"]" * 5000, "form feed": b"{\x0c}", "nbsp": b"{\xc2\xa0}",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_bodies_that_are_no_object(client, body):
    for path in ("/sessions", "/token", ROUTES[1]):
        assert is_error(client.call(path, body), 400, "invalid_body")


def test_the_deepest_body_that_will_do(client):
    body = b'{"a":' + b"[" * 31 + b"]" * 31 + b"}"
    assert is_error(client.call("/sessions", body), 400, "unknown_fields")


def test_brackets_in_strings_are_no_depth(client):
    assert is_error(client.call("/sessions", {"a": "[" * 1000 + '"\\' + "{" * 1000}), 400, "unknown_fields")


@pytest.mark.parametrize("more, http", [(0, 200), (1, 413), (100000, 413)])
def test_the_longest_body(wire, good, more, http):
    body = good + b" " * (65536 - len(good) + more)
    for data in (request("/v1/sessions", body, ["Connection: close"]),
                 request("/v1/sessions", chunked(body), ["Transfer-Encoding: chunked", "Connection: close"], length=False)):
        answer, = wire.raw(data)
        assert answer.status == http
        if http == 413:
            assert is_error(answer, 413, "payload_too_large") and answer.headers["connection"] == "close"


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_chunked_body(wire, good, size):
    data = request("/v1/sessions", chunked(good, size), ["Transfer-Encoding: chunked"], length=False)
    assert [a.status for a in wire.raw(data + last(good))] == [200, 200]


def test_a_body_cut_short(wire, server):
    with wire.open_socket() as connection:
        connection.sendall(request("/v1/sessions", b'{"client_id":', ["Content-Length: 500"], length=False))
        connection.shutdown(socket.SHUT_WR)
        text = connection.makefile("rb").read()
    assert text.startswith(b"HTTP/1.1 400") and b'"code":"invalid_body"' in text


# -- answers are whole

@pytest.mark.parametrize("headers", [["Range: bytes=0-3"], ["Range: bytes=900000-"], ["Range: bytes=0-1,3-4"], ["Request-Range: bytes=0-3"],
                                     ["Range: bytes=0-3", "If-Range: Sat, 28 Nov 2026 00:00:00 GMT"], ["If-None-Match: *"],
                                     ["If-Modified-Since: Sat, 28 Nov 2099 00:00:00 GMT"]])
@pytest.mark.parametrize("method, path", [("POST", "/v1/sessions"), ("POST", "/v1/tokens"), ("GET", "/v1/openapi.json")])
def test_no_answer_comes_in_parts(wire, good, headers, method, path):
    """httpd's own filter would send 206 and a piece of JSON, or 416 and a page, after the effect. Red without answer_whole."""
    def ask(*more):
        answer, = wire.raw(request(path, good if method == "POST" else b"", ["Connection: close", *more], method=method))
        return answer
    answer, plain = ask(*headers), ask()
    assert (answer.status, set(answer.json)) == (plain.status, set(plain.json)) and answer.status in (200, 400)
    assert "content-range" not in answer.headers and "accept-ranges" not in answer.headers


def test_head_is_where_get_is(wire):
    """The same head, and no body."""
    def ask(method, path="/v1/openapi.json"):
        with wire.open_socket() as connection, connection.makefile("rb") as file:
            connection.sendall(request(path, b"", ["Connection: close"], method=method))
            head, _, body = file.read().partition(b"\r\n\r\n")
        lines = {line for line in head.decode().split("\r\n") if not line.startswith(("Date:", "X-Request-Id:"))}
        return lines, body
    (asked, body), (head, nothing) = ask("GET"), ask("HEAD")
    assert head == asked and body and nothing == b""
    refused, _ = ask("HEAD", "/v1/sessions")
    assert "Allow: POST, OPTIONS" in refused and any(line.startswith("HTTP/1.1 405") for line in refused)


# -- headers of the body

@pytest.mark.parametrize("media_type, good_one", [
    ("application/json", True), ("application/json; charset=utf-8", True), ("APPLICATION/JSON", True),
    ("application/x-www-form-urlencoded", True), ("application/vnd.finq+json", True), ("application/problem+JSON;x=y", True),
    (None, True), ("text/plain", False), ("application/xml", False), ("multipart/form-data; boundary=x", False),
    ("application/jsonp", False), ("json", False), ("+json", False), ("text/json, application/json", False),
    ("application/octet-stream", False), ("application/json+zip", False),
])
def test_content_types(wire, good, media_type, good_one):
    headers = [f"Content-Type: {media_type}"] if media_type else []
    answers = wire.raw(request("/v1/sessions", good, headers) + last(good))
    if good_one:
        assert [a.status for a in answers] == [200, 200]
    else:
        assert len(answers) == 1 and is_error(answers[0], 415, "unsupported_media_type")


FRAMINGS = {
    "gzip": (["Content-Encoding: gzip"], 415, "unsupported_media_type"),
    "br": (["Content-Encoding: br"], 415, "unsupported_media_type"),
    "identity and gzip": (["Content-Encoding: identity", "Content-Encoding: gzip"], 415, "unsupported_media_type"),
    "both lengths": (["Transfer-Encoding: chunked"], 400, "invalid_headers"),
    "two lengths": (["Content-Length: 3"], 400, "invalid_headers"),
    "signed length": (["Content-Length: +5"], 400, "invalid_headers"),
    "two codings": (["Transfer-Encoding: gzip, chunked"], 400, "invalid_headers"),
    "chunked twice": (["Transfer-Encoding: chunked, chunked"], 400, "invalid_headers"),
    "no chunks": (["Transfer-Encoding: gzip"], 400, "invalid_headers"),
    "identity": (["Transfer-Encoding: identity"], 400, "invalid_headers"),
}


@pytest.mark.parametrize("headers, http, code", FRAMINGS.values(), ids=FRAMINGS.keys())
def test_nothing_follows_a_framing_in_doubt(wire, good, headers, http, code):
    """Not the request that stands behind it, nor one that stands in what one of two readers takes for the body."""
    body = chunked(good) if "Transfer" in headers[0] else good
    both = headers == FRAMINGS["both lengths"][0] or "Transfer" not in headers[0]
    answers = wire.raw(request("/v1/sessions", body, headers, length=both) + last(good))
    assert len(answers) == 1 and is_error(answers[0], http, code) and answers[0].headers["connection"] == "close"


KEPT = "timeout=15"  # of HTTP/1.0, which asks for it; KeepAliveTimeout's


@pytest.mark.parametrize("headers, version, kept, connection", [
    ([], "HTTP/1.1", True, None), (["Connection: close"], "HTTP/1.1", False, "close"), ([], "HTTP/1.0", False, "close"),
    (["Connection: keep-alive"], "HTTP/1.0", True, "Keep-Alive")])
def test_a_connection_outlives_a_400(wire, good, headers, version, kept, connection):
    """Whose body was understood, where it would outlive a 200. Red without finq_keep_alive, and where it sets the connection's
    keepalive by itself."""
    wrong = [request("/v1/sessions", body, headers, version=version) for body in (b"{}", b'{"x": 1}', b"{}")]
    answers = wire.raw(b"".join(wrong) + last(good))
    assert [answer.status for answer in answers] == ([400, 400, 400, 200] if kept else [400])
    for answer, code in zip(answers, ("missing_fields", "unknown_fields", "missing_fields")):
        assert is_error(answer, 400, code) and answer.headers.get("connection") == connection
        assert answer.headers.get("keep-alive") == (KEPT if connection == "Keep-Alive" else None)


@pytest.mark.parametrize("path, body", [("/v1/steps/x/upload", b"x" * 100), ("/v1/steps/x/upload", b"x" * 100_000)])
def test_no_connection_outlives_a_body_that_was_not_read(wire, good, path, body):
    """Red where neither finq_api_upload ends the connection nor is_understood asks for body_ended: httpd reads what is left, and goes on."""
    answer, = wire.raw(request(path, body, ["Content-Type: image/png"]) + last(good))
    assert is_error(answer, 400, "missing_fields") and answer.headers["connection"] == "close"


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"\xff": 1}'])
def test_no_connection_outlives_a_body_that_was_not_understood(wire, good, body):
    """Red where is_understood asks for no code."""
    answer, = wire.raw(request("/v1/sessions", body) + last(good))
    assert is_error(answer, 400, "invalid_body") and answer.headers["connection"] == "close"


@pytest.mark.parametrize("length", [True, False])
def test_transfer_encoding_alone_is_no_length(wire, good, length):
    """Seen red: httpd drops the Content-Length beside it, and the module saw one length only."""
    data = request("/v1/sessions", chunked(good), ["Transfer-Encoding: chunked"], length=length)
    assert [a.status for a in wire.raw(data + last(good))] == ([400] if length else [200, 200])


@pytest.mark.parametrize("chunks", [
    b"zz\r\nabc\r\n0\r\n\r\n", b"-1\r\n", b"5\r\nab", b"3\r\nabcd\r\n0\r\n\r\n", b"ffffffffffffffffffff\r\n", b"\r\n\r\n",
    b"0x3\r\nabc\r\n0\r\n\r\n", b"3;" + b"e" * 9000 + b"\r\nabc\r\n0\r\n\r\n"])
def test_bad_chunks(wire, good, chunks):
    with wire.open_socket() as connection:
        connection.sendall(request("/v1/sessions", chunks, ["Transfer-Encoding: chunked"], length=False))
        connection.shutdown(socket.SHUT_WR)
        text = connection.makefile("rb").read()
    assert text.count(b"HTTP/1.1 ") == 1 and text.startswith(b"HTTP/1.1 4") and b'"http":4' in text, text


def test_expect_is_answered_before_the_body(wire, good):
    """413, 415 and 404 without "100 Continue", on a connection that is then closed; else 100 and the answer."""
    def told(path, *headers, length=len(good)):
        with wire.open_socket(10) as connection:
            connection.sendall(request(path, b"", ["Expect: 100-continue", f"Content-Length: {length}", *headers], length=False))
            text = connection.recv(65536)
            if not text.startswith(b"HTTP/1.1 100"):
                while piece := connection.recv(65536):
                    text += piece
            return text
    assert told("/v1/sessions") == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert told("/v1/sessions", length=65537).startswith(b"HTTP/1.1 413")
    assert told("/v1/sessions", "Content-Type: text/plain").startswith(b"HTTP/1.1 415")
    assert told("/v1/sessions", "Content-Encoding: gzip").startswith(b"HTTP/1.1 415")
    assert told("/v1/nothing").startswith(b"HTTP/1.1 404")
    assert b"100 Continue" not in told("/v1/sessions", length=10 ** 12) + told("/v1/nothing")
    answer, = wire.raw(request("/v1/sessions", good, ["Expect: nonsense", "Connection: close"]))
    assert is_error(answer, 400, "invalid_headers")


# -- methods and paths

@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS", "TRACE", "NONSENSE", "post", "DELETE", "PATCH", "PROPFIND"])
@pytest.mark.parametrize("path", ["/v1/sessions", ROUTES[1].join(["/v1", ""]), "/v1/token"])
def test_methods(wire, good, method, path):
    answer, after = wire.raw(request(path, method=method, headers=["X-Finq-Nonce: in-a-header"]) + last(good))
    assert is_error(answer, 405, "method_not_allowed") and answer.headers["allow"] == "POST, OPTIONS"
    assert b"in-a-header" not in answer.body and after.status == 200


def test_head(wire, good):
    """An answer without a body: the next one follows its headers."""
    with wire.open_socket() as connection:
        connection.sendall(request("/v1/sessions", method="HEAD") + last(good))
        text = connection.makefile("rb").read()
    head, rest = text.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 405") and b"application/json" in head and rest.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("path", ["//v1/sessions", "/v1/../v1/sessions", "/v1//sessions", "/v1/./sessions", "/v1/%73essions",
                                  "/%76%31/sessions", "/v1/sessions?", "/v1/sessions?a=b", "http://localhost/v1/sessions"])
def test_spellings_of_a_path(wire, good, path):
    """httpd reads these as /v1/sessions, and so they are it."""
    assert [a.status for a in wire.raw(request(path, good) + last(good))] == [200, 200]


@pytest.mark.parametrize("path", [
    "/v1", "/v1/", "/v1/sessions/", "/v1/session", "/v1/sessionss", "/v1/sessions;x", "/v1/sessions/steps", "/v1/sessions//steps",
    "/v1/Sessions", "/v1/sessions%2F", "/v1/sessions%00", "/v1/%2e%2e%2fv1/sessions", "/v1/sessions/x/steps/", "/v1/steps/upload",
    "/v1/tokens/x", "/v1/sessions%20", "/v1/*", "/v1/sessions/a/b/steps", "/v1/sessions/a%2Fb/steps", "/v1%2Fsessions", "/v1/sessions/\xc3\xa9"])
def test_paths_with_nothing_there(wire, good, path):
    answers = wire.raw(request(path, good) + last(good))
    assert is_error(answers[0], 404, "not_found")
    assert [a.status for a in answers[1:]] in ([200], [])


@pytest.mark.parametrize("path", ["/V1/sessions", "/v1x/sessions", "/v1sx/sessions", "/v1;x/sessions", "/xv1/sessions",
                                  "/v2/v1/sessions", "/"])
def test_paths_outside_the_base(wire, good, path):
    """Not the API's: whatever else the host serves answers, and never 200 to this."""
    answers = wire.raw(request(path, good) + last(good))
    assert answers[0].status >= 400 and answers[0].code is None
    assert [a.status for a in answers[1:]] in ([200], [])


# -- what httpd itself finds wrong

EARLY = {
    "no path": b"BROKEN\r\n\r\n", "nothing": b"GET\r\n\r\n", "binary": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
    "two spaces": b"POST  /v1/sessions HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "trailing": b"POST /v1/sessions HTTP/1.1 x\r\nHost: localhost\r\n\r\n",
    "protocol": b"POST /v1/sessions HTTQ/1.1\r\nHost: localhost\r\n\r\n",
    "relative": b"POST v1/sessions HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "star": b"POST * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no host": b"POST /v1/sessions HTTP/1.1\r\n\r\n",
    "two hosts": b"POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nHost: other\r\n\r\n",
    "bad host": b"POST /v1/sessions HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "bad header": b"POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nX A: 1\r\n\r\n",
    "no colon": b"POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nX\r\n\r\n",
    "nul": b"POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
    "large header": b"POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 9000 + b"\r\n\r\n",
    "many headers": b"POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    "long line": b"POST /v1/" + b"x" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "bad escape": b"POST /v1/sessions% HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("data", EARLY.values(), ids=EARLY.keys())
def test_early_errors(server, pages, tenant, good, data):
    """With and without error pages the same object, and no second answer on the connection."""
    for installation in (server, pages):
        installation.httpd.log.allow("AH10244: invalid URI path")
        plain = Client(f"http://localhost:{installation.httpd.settings.plain_port}", tenant)
        answers = plain.raw(data + last(good))
        assert len(answers) == 1 and is_error(answers[0], 400, "invalid_headers")


def test_no_proxy_is_here(wire, good):
    answer, after = wire.raw(b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n" + last(good))
    assert is_error(answer, 405, "method_not_allowed") and after.status == 200
    assert answer.headers["allow"] == "POST, OPTIONS"


def test_old_protocols(wire, good):
    answers = wire.raw(request("/v1/sessions", good, version="HTTP/1.0") + last(good))
    assert [a.status for a in answers] == [200]
    with wire.open_socket() as connection:
        connection.sendall(b"GET /v1/sessions\r\n\r\n")
        assert json.loads(connection.makefile("rb").read())["code"] == "method_not_allowed"


def test_no_tls_on_the_tls_port(server, pages, good):
    for installation in (server, pages):
        plain = Client(f"http://localhost:{installation.httpd.settings.port}", None)
        answer, = plain.raw(request("/v1/sessions", good) + last(good))
        assert is_error(answer, 400, "invalid_headers")


def test_error_documents_do_not_stand_in_the_place_of_the_object(pages):
    """A page of the host's own, a text, an address elsewhere: none of it under the base; all of it outside."""
    plain = Client(f"http://localhost:{pages.httpd.settings.plain_port}", None)
    close = ["Connection: close"]
    pages.httpd.log.allow("AH01630: client denied")
    for data, http, code in (
            (request("/v1/nothing", b"", close), 404, "not_found"),
            (request("/v1/sessions%2F", b"", close), 404, "not_found"),
            (request("/v1/sessions", b"", close, method="GET"), 405, "method_not_allowed"),
            (request("/v1/sessions", b"{}", [*close, "Expect: nonsense"]), 400, "invalid_headers"),
            (request(f"/v1/steps/{uuid.uuid4()}/upload", b"x", close), 403, "forbidden"),
            (request(f"/%76%31/steps/{uuid.uuid4()}/upload", b"x", close), 403, "forbidden"),
            (request("/v1/sessions", b" " * 50000, close), 413, "payload_too_large"),
            (request("/v1/sessions", chunked(b" " * 50000), [*close, "Transfer-Encoding: chunked"], length=False),
             413, "payload_too_large")):
        answer, = plain.raw(data)
        assert is_error(answer, http, code) and "location" not in answer.headers
    answer, = plain.raw(request("/missing", b"", close, method="GET"))
    assert (answer.status, answer.body) == (404, b"a page")
    answer, = plain.raw(request("/denied", b"", close, method="GET"))
    assert (answer.status, answer.headers["location"]) == (302, "https://elsewhere.example/")


def test_denied_by_the_servers_rules(make_server, server):
    """httpd's own 403 in the contract's words, and never a 200 for who is let in by nobody."""
    closed = make_server(cluster=server.postgres, database="closed", vhost='<If "true">\nRequire all denied\n</If>')
    client = closed.client(closed.create_tenant("closed"))
    closed.httpd.log.allow("AH01630: client denied")
    for path in ("/sessions", "/nothing", "/token"):
        assert is_error(client.call(path, {}), 403, "forbidden")


def test_slow_headers_and_bodies_time_out(make_server, server, good, contract):
    """408, and the connection is closed."""
    slow = make_server(cluster=server.postgres, database="slow_requests", plain=True, server="RequestReadTimeout header=1 body=1")
    plain = Client(f"http://localhost:{slow.httpd.settings.plain_port}", None)
    answer, = plain.raw(request("/v1/sessions", good[:5], [f"Content-Length: {len(good)}"], length=False), 10)
    assert is_error(answer, 408, "request_timeout") and answer.headers["connection"] == "close"
    contract.check("POST", "/sessions", answer)
    for answer in plain.raw(b"POST /v1/sessions HTTP/1.1\r\nHost: loc", 10):
        assert is_error(answer, 408, "request_timeout")


def test_an_error_stands_in_the_log_beside_its_id(server, client):
    answer = client.call("/sessions", {})
    line = server.httpd.log.wait_for(rf"FINQ04: \[{answer['id']}\] 400 missing_fields.*").group(0)
    assert "client_app_key" in line


def test_the_sni_of_a_stranger(server):
    context = ssl.create_default_context(cafile=server.httpd.authority.certificate)
    context.check_hostname = False
    with socket.create_connection(("127.0.0.1", server.httpd.settings.port), 10) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            connection.sendall(b"POST /v1/sessions HTTP/1.1\r\nHost: elsewhere.example\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
            assert b'"code":"' in connection.makefile("rb").read()


# -- amplification

def resident(httpd):
    """KiB that the children hold."""
    total = 0
    for child in httpd.children():
        with open(f"/proc/{child}/status", encoding="ascii") as status:
            total += int(next(line for line in status if line.startswith("VmRSS")).split()[1])
    return total


def growth(server, wire, data, times=8):
    """KiB that the children grow by once each thread has had its share: rounds until one adds little."""
    before = None
    for _ in range(12):
        for _ in range(times):
            answer, = wire.raw(data)
            assert answer.status in (400, 413)
        now = resident(server.httpd)
        if before is not None and now - before < 512:
            return now - before
        before = now
    return now - before


WIDE = {"lists": b'{"a":[' + b"[]," * 21000 + b"1]}", "objects": b'{"a":[' + b"{}," * 21000 + b"1]}",
        "numbers": b'{"a":[' + b"1," * 32000 + b"1]}", "members": b"{" + b",".join(b'"%d":1' % i for i in range(6500)) + b"}",
        "escapes": b'{"a":"' + b"\\u0041" * 10000 + b'"}', "depth": b'{"a":' + b"[" * 60000}


measures_memory = pytest.mark.skipif(SANITIZED, reason="what a sanitizer keeps is not the server's")


@measures_memory
@pytest.mark.parametrize("body", WIDE.values(), ids=WIDE.keys())
def test_wide_and_deep_bodies_cost_little(server, wire, body):
    """What one body takes is given back or used again: the children stop growing, and stay within 4 MiB a thread."""
    assert len(body) <= 65536
    assert growth(server, wire, request("/v1/sessions", body, ["Connection: close"])) < 512
    assert resident(server.httpd) < 32 * 4096 + 2 * 32768


@measures_memory
def test_small_chunks_cost_little(server, wire):
    """Seen red: a kept brigade holds each chunk's bucket."""
    data = request("/v1/sessions", chunked(b" " * 65000, 1), ["Transfer-Encoding: chunked", "Connection: close"], length=False)
    before = resident(server.httpd)
    for _ in range(3):
        assert wire.raw(data)[0].status == 400
    assert resident(server.httpd) - before < 4096


@measures_memory
@pytest.mark.long
def test_a_million_chunks(server, wire):
    data = request("/v1/sessions", b"1\r\n \r\n" * 1000000, ["Transfer-Encoding: chunked"], length=False)
    before = resident(server.httpd)
    with wire.open_socket() as connection:
        try:
            connection.sendall(data)
        except ConnectionError:
            pass
    assert until(lambda: resident(server.httpd) - before < 8192)
