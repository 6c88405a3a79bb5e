"""Connectors through httpd's own proxy: every way in which one can go wrong, and the gate before it.

No PostgreSQL runs here: asking a connector needs none. Red, each tried: what the tests' comments name.
"""
import itertools
import json
import pathlib
import re
import secrets
import socket
import ssl
import subprocess
import sys
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from connector import protocol
from connector.behaviours import BEHAVIOURS, replays
from connector.service import Service
from finqenv.client import Client
from finqenv.httpd import Httpd
from finqenv.httpd_conf import Site
from finqenv.installation import SANITIZED
from finqenv.places import BUILD, ROOT, reachable
from finqenv.process import free_port, until

MODULE = BUILD / "modules/mod_finq.so"
ACCEPTED, REJECTED, REDIRECT, PENDING, FAILED = range(5)
NAMES = {"connection": "external_api_connection_error", "timeout": "external_api_timeout",
         "many": "external_api_too_many_requests", "unauthorized": "external_api_unauthorized",
         "forbidden": "external_api_forbidden", "invalid": "external_api_invalid_answer"}
# Behaviour, the contract's code, what the log says of the cause.
WRONG = [
    ("html", "invalid", "not application/json"), ("html as json", "invalid", "not a JSON object"),
    ("another type", "invalid", "not application/json"), ("empty", "invalid", "not a JSON object"),
    ("too large", "invalid", "larger than 64 KiB"), ("just too large", "invalid", "larger than 64 KiB"),
    ("wrong shape", "invalid", "does not belong to accepted"), ("doubled", "invalid", "names a member twice"),
    ("foreign redirect", "invalid", "not an https URL"), ("unsigned", "invalid", "X-Finq-Timestamp is missing"),
    ("reflects", "invalid", "not that of this message"), ("stale", "invalid", "300 seconds away"),
    ("another signature", "invalid", "not that of this message"),
    ("another time", "invalid", "not that of this message"),
    ("late", "timeout", "no answer within"), ("hangs up", "connection", "connection broke before"),
    ("cut off", "connection", "broke within its answer"), ("no http", "", ""),
    ("201", "invalid", "HTTP 201"), ("204", "invalid", "HTTP 204"), ("301", "invalid", "HTTP 301"),
    ("302", "invalid", "HTTP 302"), ("400", "invalid", "HTTP 400"), ("401", "unauthorized", "HTTP 401"),
    ("403", "forbidden", "HTTP 403"), ("404", "invalid", "HTTP 404"), ("407", "invalid", "HTTP 407"),
    ("429", "many", "HTTP 429"), ("500", "invalid", "HTTP 500"), ("502", "connection", "HTTP 502"),
    ("503", "connection", "HTTP 503"), ("504", "timeout", "HTTP 504")]
HOST = """
ProxyPass /internal/bank http://127.0.0.1:{port}/ask timeout=2 connectiontimeout=1 retry=0
ProxyPass /internal/down http://127.0.0.1:{closed}/ask timeout=5 retry=0
FinqConnector bank /internal/bank "{secret}"
FinqConnector down /internal/down "{secret}"
FinqConnector unproxied /internal/unproxied "{secret}"
<Location "/ask">
    SetHandler test-ask
</Location>
<Location "/decide">
    SetHandler test-decide
</Location>
"""


def secret_file(path, *more):
    path.touch(mode=0o600)
    path.write_text("".join(f"{secret}\n" for secret in (more or [secrets.token_hex(32)])))
    return path


@pytest.fixture(scope="module")
def service(run_directory):
    made = Service("bank", secret_file(run_directory / "bank.secret"), "https://localhost/sandbox",
                   behaviours=BEHAVIOURS)
    yield made.start()
    made.stop()


@pytest.fixture(scope="module")
def make_httpd(run_directory, watched, service):
    """An httpd with the module for tests; `vhost`, `server` and further settings as httpd_conf.Settings has them."""
    made, numbers = [], itertools.count()

    def make(vhost="", server="", modules=(), start=True, **settings):
        directory = run_directory / f"connector-{next(numbers)}"
        directory.mkdir(mode=0o755)
        words = {"port": service.port, "closed": free_port(), "secret": run_directory / "bank.secret"}
        httpd = Httpd(directory, module=str(MODULE), asan=SANITIZED, modules=("proxy", "proxy_http", *modules),
                      vhost=HOST.format(**words) + vhost, server=f'LoadModule finq_ask_module "{MODULE}"\n{server}',
                      **settings)
        httpd.settings.directives = {"FinqSecretFile": secret_file(directory / "secret"),
                                     "FinqDataKey": secret_file(directory / "data-key"), "FinqUploadDir": httpd.writable("uploads")}
        if start:
            made.append(httpd)
            watched.append(httpd)
            httpd.log.allow("FinqConnector unproxied: no ProxyPass leads")
            httpd.start()
        return httpd
    yield make
    for httpd in made:
        httpd.stop()
        watched.remove(httpd)


@pytest.fixture(scope="module")
def httpd(make_httpd):
    return make_httpd()


@pytest.fixture
def asker(httpd, service):
    service.behaviour = None
    service.until_idle()
    service.seen.clear()
    client = Client(httpd.url, None, httpd.authority.certificate, base="")
    yield client
    service.behaviour = None
    client.close()


def ask(client, scenario="accept", connector="bank", attempt=None, headers=None, **more):
    body = {"connector": connector, "attempt": attempt or str(uuid.uuid4()), "data": {"scenario": scenario},
            "documents": [], **more}
    return client.call("/ask", body, **(headers or {}))


def expect_failure(httpd, cause):
    httpd.log.expect(f"FINQ08: .*{re.escape(cause)}" if cause else "FINQ08")
    httpd.log.allow(r"\[proxy")


# ---- answers


@pytest.mark.parametrize("scenario, verdict, member, value", [
    ("accept", ACCEPTED, "data", {"reference": "XYZ-1"}),
    ("reject", REJECTED, "details", [{"field": "/scenario", "message": "The bank does not know this user."}]),
    ("pend", PENDING, "reasons", ["A clerk looks at it."]), ("fail", FAILED, "reasons", ["The bank declined."])])
def test_answers_arrive(asker, scenario, verdict, member, value):
    answer = ask(asker, scenario)
    assert answer.status == 200, answer.body
    assert answer["verdict"] == verdict and answer[member] == value


def test_a_redirect_carries_what_the_server_prepared(asker, service):
    answer = ask(asker, "none", state="st-1", redirect_uri="https://localhost/v1/redirects/sca")
    assert answer["verdict"] == REDIRECT
    assert answer["url"] == ("https://localhost/sandbox?state=st-1"
                             "&redirect_uri=https%3A%2F%2Flocalhost%2Fv1%2Fredirects%2Fsca")
    done = ask(asker, "none", state="st-1", code="approve-1")
    assert done["verdict"] == ACCEPTED
    assert [question["event"] for question, _ in service.seen] == ["submit", "return"]


def test_a_question_holds_nothing_of_the_client(asker, service):
    """Red: question_headers begun as a copy of the client's."""
    ask(asker, headers={"authorization": "Bearer x", "cookie": "a=b", "range": "bytes=0-1", "x_finq_nonce": "n",
                        "expect": "", "if_none_match": "*"})
    question, headers = service.seen[-1]
    assert set(question) == {"event", "session_id", "step_id", "attempt", "skill", "step", "environment",
                             "tenant_user_id", "data", "documents", "state", "redirect_uri", "code"}
    assert not {"authorization", "cookie", "range", "x-finq-nonce", "if-none-match"} & {n.lower() for n in headers}
    assert headers["Content-Type"] == "application/json"


def test_the_same_attempt_gets_the_same_answer(asker, service):
    attempt = str(uuid.uuid4())
    answers = [ask(asker, state="s", redirect_uri="u", attempt=attempt).body for _ in range(3)]
    assert len(set(answers)) == 1
    assert {question["attempt"] for question, _ in service.seen} == {attempt}
    assert len({headers["X-Finq-Id"] for _, headers in service.seen}) == 3, "each message has an id of its own"


def test_connections_are_kept(asker, service):
    """Red: kept_body not set, after which mod_proxy drops body and connection. httpd has two children."""
    before = len(service.connections)
    for _ in range(12):
        assert ask(asker).status == 200
    assert len(service.connections) - before <= 2


@pytest.mark.parametrize("size", [1, 8000, 9000, 60000])
def test_questions_of_any_size(asker, service, size):
    data = {"scenario": "accept", "text": "é" * (size // 2)}
    assert asker.call("/ask", json.dumps({"connector": "bank", "attempt": str(uuid.uuid4()), "data": data},
                                         ensure_ascii=False)).status == 200
    assert service.seen[-1][0]["data"] == data


def test_with_mod_request(make_httpd, service):
    """mod_request has a filter of its own for a kept_body, which must not come between."""
    httpd = make_httpd(modules=("request",), location="KeptBodySize 1000000\n")
    client = Client(httpd.url, None, httpd.authority.certificate, base="")
    assert ask(client).status == 200
    client.close()


# ---- what goes wrong


@pytest.mark.parametrize("behaviour, name, cause", [row for row in WRONG if row[1]])
def test_a_connector_that_goes_wrong(asker, httpd, service, behaviour, name, cause):
    """Each row is red when what its cause names is not checked. The next question is answered: nothing of a bad
    answer is left behind."""
    service.behaviour = behaviour
    expect_failure(httpd, cause)
    answer = ask(asker)
    assert (answer.status, answer.code) == (400, NAMES[name]), answer.body
    assert set(answer.json) == {"id", "type", "http", "code", "message"}
    assert "HTTP" not in answer["message"] and "127.0.0.1" not in answer["message"]
    service.behaviour = None
    assert ask(asker).status == 200


def test_what_is_no_http(asker, httpd, service):
    service.behaviour = "no http"
    expect_failure(httpd, "")
    assert ask(asker).code in (NAMES["connection"], NAMES["invalid"])


def test_the_largest_answer(asker, service):
    service.behaviour = "just not too large"
    assert ask(asker).status == 200


def test_a_second_answer_is_none(asker, httpd, service):
    """mod_proxy drops an idle connection on which it finds bytes; those that come after its look belong to another message,
    and are refused."""
    service.behaviour = "twice"
    httpd.log.allow(r"\[proxy|not that of this message")
    assert ask(asker)["verdict"] == ACCEPTED, "nothing came before it"
    for scenario, verdict in (("accept", ACCEPTED), ("pend", PENDING), ("fail", FAILED)):
        answer = ask(asker, scenario)
        assert answer.code == NAMES["invalid"] if answer.status == 400 else answer["verdict"] == verdict


def test_an_answer_is_to_its_question_alone(asker, httpd, service):
    """Red: the question's id left out of the signed text."""
    service.behaviours["replays"] = replays()
    service.behaviour = "replays"
    assert ask(asker).status == 200
    expect_failure(httpd, "not that of this message")
    assert ask(asker, "fail").code == NAMES["invalid"]


def test_a_connector_that_is_down(asker, httpd):
    expect_failure(httpd, "HTTP 503")
    assert ask(asker, connector="down").code == NAMES["connection"]


@pytest.mark.parametrize("connector, cause", [("unproxied", "nothing is proxied at /internal/unproxied"),
                                              ("unknown", "set FinqConnector unknown /path SECRETFILE")])
def test_connectors_that_the_host_lacks(asker, httpd, connector, cause):
    """Sending the same again would not help: it is the operator's to mend."""
    httpd.log.expect(f"FINQ03: .*{re.escape(cause)}")
    answer = ask(asker, connector=connector)
    assert (answer.status, answer.code) == (500, "internal_server_error")


def test_a_connector_with_another_secret(asker, httpd, service):
    service.secrets, kept = [secrets.token_bytes(32)], service.secrets
    try:
        expect_failure(httpd, "HTTP 401")
        assert ask(asker).code == NAMES["unauthorized"]
    finally:
        service.secrets = kept


def test_rotation(make_httpd, run_directory, service):
    """The new secret second on one side, then first: no question fails. Red: verifying under the first secret alone."""
    old, new = service.secrets[0].hex(), secrets.token_hex(32)
    httpd = make_httpd(start=False)
    httpd.settings.vhost = httpd.settings.vhost.replace(str(run_directory / "bank.secret"),
                                                        str(secret_file(run_directory / "two.secret", old, new)))
    httpd.start()
    kept, service.secrets = service.secrets, [bytes.fromhex(new), bytes.fromhex(old)]
    client = Client(httpd.url, None, httpd.authority.certificate, base="")
    try:
        assert ask(client).status == 200
    finally:
        service.secrets = kept
        client.close()
        httpd.stop()


# ---- the gate


FORMS = ["/internal/bank", "/internal/bank/", "/internal/bank/ask", "//internal/bank", "/internal//bank",
         "/internal/./bank",
         "/x/../internal/bank", "/%69nternal/bank", "/internal/%62ank", "/internal/bank?x=1", "/internal/bank/../bank",
         "/internal/down", "/internal/unproxied"]
SPELLINGS = ["/internal/bank;x", "/internal;x/bank", "/internal/;x/bank", "/internal/bank;x=1/ask", "/internal/bank;", "/Internal/BANK",
             "/internal%5Cbank", "/internal/bank%5Cask", "/internal/%3B/../bank;"]


def assert_closed(answer):
    assert (answer.status, answer.code) == (404, "not_found"), answer.body


@pytest.mark.parametrize("method, path", [
    (method, path) for method in ("GET", "POST", "PUT", "HEAD", "OPTIONS", "TRACE") for path in FORMS
    if (method, path) != ("TRACE", "/internal/unproxied")])  # httpd answers TRACE itself where nothing is proxied
def test_nobody_reaches_a_connector_from_outside(httpd, service, asker, method, path):
    """Red: the gate not hooked; and for single rows, leads_to without its slashes or without "below"."""
    service.seen.clear()
    answer = asker.request(method, path, b"{}" if method == "POST" else b"")
    assert answer.status == 404
    if method != "HEAD":
        assert answer.code == "not_found"
    assert service.seen == []


@pytest.fixture(scope="module")
def wide(make_httpd, service):
    """Where all that is below /internal leads to one back end."""
    httpd = make_httpd(server=f"ProxyPass /v1 !\nProxyPass /v1s !\nProxyPass / http://127.0.0.1:{service.port}/ timeout=5\n")
    client = Client(httpd.url, None, httpd.authority.certificate, base="")
    yield client
    client.close()


@pytest.mark.parametrize("path", [*FORMS, *SPELLINGS])
def test_a_wider_proxypass_does_not_lead_there(wide, service, path):
    """Its back end may pass over what httpd compares. Red: path_next without its parameters, its case, its backslash."""
    service.seen.clear()
    assert_closed(wide.request("POST", path, b"{}"))
    assert service.seen == []
    assert wide.request("GET", "/elsewhere").headers["server"].startswith("BaseHTTP"), "the rest does lead there"


def test_paths_beside_a_connectors_are_free(asker):
    """Red: leads_to comparing the beginning only."""
    for path in ("/internal/bankers", "/internal/bank-x", "/internalbank", "/internal/x;/internal/bank", "/internal"):
        assert asker.request("GET", path).code is None, path


DETOURS = """
MergeSlashes Off
Alias /page "{directory}"
<Location "/internal/bank">
    Satisfy Any
    Require all granted
</Location>
<Location "/page">
    Require all granted
    Options +Includes
    SetOutputFilter INCLUDES
</Location>
<Directory "{directory}">
    Require all granted
    RewriteEngine On
    RewriteRule ^inside$ /internal/bank [L]
</Directory>
ErrorDocument 410 /internal/bank
Redirect 410 /gone
RewriteEngine On
RewriteRule ^/before$ /internal/bank [PT]
"""


@pytest.fixture(scope="module")
def detours(make_httpd, run_directory):
    directory = reachable(run_directory / "page", Httpd.USER)
    (directory / "included").write_text('[<!--#include virtual="/internal/bank" -->]')
    (directory / "inside").write_text("")
    return make_httpd(DETOURS.format(directory=directory), "ProxyPass /shared http://127.0.0.1:9/\n",
                      modules=("alias", "rewrite", "include", "access_compat"))


@pytest.fixture
def wanderer(detours, service):
    service.behaviour = None
    service.seen.clear()
    client = Client(detours.url, None, detours.authority.certificate, base="")
    yield client
    client.close()
    assert service.seen == []


@pytest.mark.parametrize("path", [*FORMS, "/internal///bank", "/internal//bank//x", "/before", "/page/inside"])
def test_no_detour_leads_there(wanderer, path):
    """Satisfy Any, rewrites of a server and of a directory, slashes that are not merged. Red: the gate as an access
    checker passes the first; a gate that lets every internal redirect or every subrequest pass, the others."""
    assert wanderer.request("POST", path, b"{}").status == 404


def test_an_error_page_does_not_lead_there(wanderer):
    assert wanderer.request("GET", "/gone").status in (404, 410)


def test_an_include_does_not_lead_there(wanderer, detours):
    """Red: is_asked true for every subrequest."""
    detours.log.allow(r"\[include:error\].*unable to include")
    answer = wanderer.request("GET", "/page/included")
    assert answer.status == 200 and b"error" in answer.body


def test_other_hosts_do_not_lead_there(make_httpd, service):
    """The main server's ProxyPass serves every host; so must the gate. Red: `guarded` kept per host."""
    httpd = make_httpd(server=f"ProxyPass /internal/bank http://127.0.0.1:{service.port}/ask timeout=5\n",
                       hosts=(Site("other.test"),))
    service.seen.clear()
    context = ssl.create_default_context(cafile=httpd.authority.certificate)
    plain = socket.create_connection(("127.0.0.1", httpd.settings.port))
    with context.wrap_socket(plain, server_hostname="other.test") as tls:
        tls.sendall(b"POST /internal/bank HTTP/1.1\r\nHost: other.test\r\nContent-Length: 2\r\n"
                    b"Connection: close\r\n\r\n{}")
        assert tls.makefile("rb").readline().split()[1] == b"404"
    assert service.seen == []


# ---- decisions


DECISION = {"step_id": "018f2b6e-7c1a-7000-8000-0123456789ab", "decision": "resubmit", "reasons": ["Too dark."]}


def decide(client, service, body=DECISION, kind="decision", connector="bank", age=0, **headers):
    text = json.dumps(body).encode()
    signed = protocol.sign(service.secrets, kind, connector, str(uuid.uuid4()), text, age)
    return client.request("POST", "/decide", text, {"Content-Type": "application/json", **signed, **headers})


def test_a_decision(asker, service):
    answer = decide(asker, service)
    assert answer.status == 200 and answer.json == {"connector": "bank", **DECISION}


def test_a_decision_is_signed_as_sent(asker, service):
    """Whitespace and all. Red: verifying the compact text."""
    text = json.dumps(DECISION, indent=2).encode()
    signed = protocol.sign(service.secrets, "decision", "bank", str(uuid.uuid4()), text)
    assert asker.request("POST", "/decide", text, {"Content-Type": "application/json", **signed}).status == 200


def test_the_connector_decides_later(asker, httpd, service):
    """`pending` at the return, and the decision afterwards, of itself."""
    service.decisions, service.authority = f"{httpd.url}/decide", httpd.authority.certificate
    assert ask(asker, code="later-1")["verdict"] == PENDING
    told = until(lambda: service.told, what="the decision")
    assert told == [("00000000-0000-0000-0000-000000000000", "accepted", 200)]
    service.decisions = ""


def test_the_program_of_the_example(run_directory, asker, httpd, service):
    """tests/connector/run.py, as the demo runs it. SIGTERM ends it."""
    port = free_port()
    child = subprocess.Popen([sys.executable, ROOT / "tests/connector/run.py", "bank", run_directory / "bank.secret",
                              str(port), "https://localhost/sandbox"], stdout=subprocess.PIPE, text=True)
    try:
        assert str(port) in child.stdout.readline()
        body = json.dumps({"event": "return", "code": "deny", "attempt": "1", "data": {}, "state": "s"}).encode()
        caller = Client(f"http://127.0.0.1:{port}", None, base="")
        good = caller.request("POST", "/", body, protocol.sign(service.secrets, "question", "bank", "id", body))
        assert good.json == {"verdict": "failed", "reasons": ["The bank did not confirm."]}
        for wrong in ({}, protocol.sign(service.secrets, "answer", "bank", "id", body),
                      protocol.sign(service.secrets, "question", "bank", "id", body, age=400),
                      protocol.sign(service.secrets, "question", "other", "id", body)):
            assert caller.request("POST", "/", body, wrong).status == 401
        caller.close()
    finally:
        child.terminate()
        assert child.wait(30) == 0


@pytest.mark.parametrize("more, code", [
    ({"kind": "answer"}, "invalid_signature"), ({"kind": "question"}, "invalid_signature"),
    ({"connector": "unknown"}, "invalid_signature"),
    ({"connector": "down", "X-Finq-Connector": "bank"}, "invalid_signature"),
    ({"age": 400}, "expired_signature"), ({"age": -400}, "expired_signature"),
    ({"X-Finq-Signature": "v1=" + "0" * 64}, "invalid_signature"),
    ({"X-Finq-Id": str(uuid.uuid4())}, "invalid_signature"),
    ({"X-Finq-Timestamp": "1"}, "invalid_signature")])
def test_a_decision_of_nobody(asker, service, more, code):
    """Red: finq_connector_receive without its verify."""
    answer = decide(asker, service, **more)
    assert (answer.status, answer.code) == (401, code)


@pytest.mark.parametrize("body, code", [({}, "missing_fields"), ({**DECISION, "decision": "redirect"}, "invalid_field"),
                                        ({**DECISION, "extra": 1}, "unknown_fields"), ([], "invalid_body")])
def test_a_malformed_decision(asker, service, body, code):
    answer = decide(asker, service, body)
    assert (answer.status, answer.code) == (400, code)


# ---- configtest


@pytest.mark.parametrize("line, words", [
    ('FinqConnector Bank /internal/x "{secret}"', "a name is a lower-case letter"),
    ('FinqConnector bank /internal/x "{secret}"', '"bank" is defined twice'),
    ('FinqConnector x internal/x "{secret}"', "the path is one such as /internal/bank"),
    ('FinqConnector x sandbox sandbox', "the sandbox bank's page is at a path such as /sandbox"),
    ('FinqConnector x / "{secret}"', "the path is one such as"),
    ('FinqConnector x /internal/ "{secret}"', "the path is one such as"),
    ('FinqConnector x /internal/../x "{secret}"', "the path is one such as"),
    ('FinqConnector x /internal//x "{secret}"', "the path is one such as"),
    ('FinqConnector x /internal/%41 "{secret}"', "the path is one such as"),
    ('FinqConnector x /internal/x?y "{secret}"', "the path is one such as"),
    ("FinqConnector x /internal/x /nonexistent", "cannot be read"),
    ('FinqConnector x /internal/x "{open}"', "chmod 600"),
    ("FinqConnector x /internal/x", "takes a name, a path, the file of the secrets"),
    ('FinqConnector x /v1/x "{secret}"', "lies under the API's own Location /v1"),
    ('<Location /x>\nFinqConnector x /internal/x "{secret}"\n</Location>', "not allowed in <Location> context")])
def test_configtest_says_what_is_wrong(make_httpd, run_directory, line, words):
    open_file = secret_file(run_directory / "open.secret")
    open_file.chmod(0o644)
    httpd = make_httpd(start=False)
    httpd.settings.vhost += line.format(secret=run_directory / "bank.secret", open=open_file)
    sound, said = httpd.configtest()
    assert not sound and words in said + "\n".join(httpd.log.lines())


def test_configtest_wants_mod_proxy(make_httpd):
    httpd = make_httpd(start=False)
    httpd.settings.modules = ()
    lines = httpd.settings.vhost.splitlines()
    httpd.settings.vhost = "\n".join(line for line in lines if not line.startswith("ProxyPass"))
    sound, said = httpd.configtest()
    assert not sound and "mod_proxy is not loaded" in said + "\n".join(httpd.log.lines())
