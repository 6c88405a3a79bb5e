"""Require finq-consent [skill …]: Locations, static and proxied, that a consent in force opens.

Seen red: see each test.
"""
import json
import re
import socket
import threading
import uuid

import pytest

from finqenv.client import Onboarding, read_answer
from finqenv.flows import AISP, CARD, steps, submit, walk
from finqenv.httpd_conf import Site
from finqenv.process import clean_environ, free_port, run, until
from finqenv.signing import MessageSigner, key_for
from finqenv.wire import is_error, request, steady

TOLD = {"x-finq-consent-tenant", "x-finq-consent-user", "x-finq-consent-skill", "x-finq-consent-expires"}
TTL = 2


class Backend(threading.Thread):
    """A real server behind mod_proxy: answers each request with what it got, as JSON, and keeps it in `got`."""

    def __init__(self):
        super().__init__(daemon=True)
        self.got, self.headers, self.status = [], [], "200 OK"
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, connection.makefile("rb") as file:
            while line := file.readline():
                headers = []
                while (header := file.readline().decode("latin-1").rstrip("\r\n")):
                    headers.append(tuple(header.split(": ", 1)))
                length = int(dict((n.lower(), v) for n, v in headers).get("content-length", 0))
                told = {"line": line.decode().strip(), "headers": headers, "body": file.read(length).decode()}
                self.got.append(told)
                body = json.dumps(told).encode()
                lines = [f"HTTP/1.1 {self.status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *self.headers]
                connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def stop(self):
        self.socket.close()


GUARD = "AuthType finq\n    Require finq-consent"
VHOST = """
Protocols h2 http/1.1
LogFormat "%h %{Authorization}i %{X-Finq-Client-Secret}i %{finq-tenant}n %>s" bearing
CustomLog bearing.log bearing
CacheSocache shmcb
CacheEnable socache /cached
RewriteEngine On
RewriteRule ^/led/(.*)$ /static/$1 [PT]
DirectoryIndex index.html
Options +Includes
<Location "/app">
    GUARD
    ProxyPass "http://127.0.0.1:PORT/app"
</Location>
<Location "/cached">
    GUARD
    ProxyPass "http://127.0.0.1:PORT/cached"
</Location>
<Location "/card">
    GUARD xyz_card_sbx_#1.0 "xyz_sbx_#3.0"
    ErrorDocument 403 https://elsewhere.example/
    ProxyPass "http://127.0.0.1:PORT/card"
</Location>
<Location "/any">
    AuthType finq
    <RequireAny>
        Require finq-consent xyz_card_sbx_#1.0
        Require finq-consent xyz_aisp_sbx_#1.0
        Require expr "%{HTTP:X-Staff} == 'yes'"
    </RequireAny>
    ProxyPass "http://127.0.0.1:PORT/any"
</Location>
<Location "/not">
    AuthType finq
    <RequireAll>
        Require expr "%{HTTP:X-Staff} == 'yes'"
        Require finq-consent
    </RequireAll>
    ProxyPass "http://127.0.0.1:PORT/not"
</Location>
<Location "/typeless">
    Require finq-consent
    ProxyPass "http://127.0.0.1:PORT/typeless"
</Location>
<Location "/open">
    Require all granted
    ProxyPass "http://127.0.0.1:PORT/open"
</Location>
<Location "/static">
    GUARD
    ErrorDocument 401 /static/login.html
    ErrorDocument 403 "no"
</Location>
<Location "/pages">
    Require all granted
    SetOutputFilter INCLUDES
</Location>
"""


@pytest.fixture(scope="module")
def backend():
    made = Backend()
    yield made
    made.stop()


# A host without an API, and one that is bound to a tenant.
BARE = """
Listen 127.0.0.1:PLAIN
<VirtualHost *:PLAIN>
ServerName bare.example
<Location "/app">
    GUARD
    ProxyPass "http://127.0.0.1:PORT/app"
</Location>
</VirtualHost>
"""


@pytest.fixture(scope="module")
def guarded(make_module_server, server, backend):
    made = start(make_module_server, server, backend)
    made.bound_tenant = made.create_tenant("Bound")
    location = f'<Location "/app">\n{GUARD}\nProxyPass "http://127.0.0.1:{backend.port}/app"\n</Location>'
    made.httpd.settings.hosts = (Site("bound.example", text=f"FinqTenant {made.bound_tenant.client_id}\n{location}"),)
    made.httpd.graceful()
    return made


def start(make_module_server, server, backend):
    bare = free_port()
    made = make_module_server(
        cluster=server.postgres, database="required", children=1, directives={"FinqCacheTTL": f"{TTL}s"}, plain=True,
        modules=("proxy", "proxy_http", "http2", "rewrite", "dir", "include", "authn_core", "cache", "cache_socache"),
        vhost=VHOST.replace("GUARD", GUARD).replace("PORT", str(backend.port)),
        server=BARE.replace("GUARD", GUARD).replace("PORT", str(backend.port)).replace("PLAIN", str(bare)))
    made.bare = bare
    for path, text in {"static/index.html": "inside", "static/page.txt": "a page", "pages/open.shtml": '[<!--#include virtual="/static/page.txt" -->]',
                       "pages/app.shtml": '[<!--#include virtual="/app/part" -->]'}.items():
        file = made.httpd.documents / path
        file.parent.mkdir(exist_ok=True)
        file.parent.chmod(0o755)
        file.write_text(text)
        file.chmod(0o644)
    return made


class Bearer:
    """Who has a consent, and asks with it. `tenant` is a new one by default."""

    def __init__(self, installation, skill=AISP, tenant=None, **more):
        self.installation = installation
        self.tenant = tenant or installation.create_tenant(f"Bears {uuid.uuid4()}")
        self.client = installation.client(self.tenant)
        self.client.base = ""
        api = installation.client(self.tenant)
        self.api, self.credentials = api, walk(api, skill, **more).exchange().json

    @property
    def headers(self):
        return {"Authorization": f"Bearer {self.credentials['access_token']}", "X-Finq-Credentials-Id": self.credentials["credentials_id"],
                "X-Finq-Client-Id": self.tenant.client_id, "X-Finq-Client-Secret": self.tenant.client_secret}

    def get(self, path, method="GET", body=b"", exactly=None, **changed):
        headers = {**self.headers, **{name.replace("_", "-"): value for name, value in changed.items()}, **(exactly or {})}
        return self.client.request(method, path, body, {name: value for name, value in headers.items() if value is not None})


@pytest.fixture(scope="module")
def own_tenant(guarded):
    return guarded.create_tenant("Bears")


@pytest.fixture
def bearer(guarded, backend, own_tenant):
    backend.headers, backend.status = [], "200 OK"
    backend.got.clear()
    made = Bearer(guarded, tenant=own_tenant, tenant_user_id="ana-7")
    yield made
    made.client.close()
    made.api.close()


def told(answer):
    """The headers that the back end got, names in lower case."""
    assert answer.status == 200, answer.body
    return {name.lower(): value for name, value in answer.json["headers"]}


# -- what goes in, and on

def test_what_goes_on(bearer):
    """Red where require.c leaves a header out, or bearing.c takes neither the secret nor Authorization."""
    for _ in range(2):
        got = told(bearer.get("/app/x?y=1"))
        assert {name: got.get(name) for name in TOLD} == {
            "x-finq-consent-tenant": bearer.tenant.client_id, "x-finq-consent-user": "ana-7", "x-finq-consent-skill": AISP,
            "x-finq-consent-expires": bearer.credentials["consent_exp"]}
        assert got["x-finq-credentials-id"] == bearer.credentials["credentials_id"]
        assert "authorization" not in got and "x-finq-client-secret" not in got
    answer = bearer.get("/app/x", "POST", b"some body")
    assert answer.json["body"] == "some body" and answer.json["line"] == "POST /app/x HTTP/1.1"


@pytest.mark.parametrize("path", ["/app/x", "/open/x"])
@pytest.mark.parametrize("name", ["X-Finq-Consent-User", "x-finq-consent-tenant", "X_Finq_Consent_Skill", "X-Finq-Consent-Anything",
                                  "X-FINQ_CONSENT-Expires"])
def test_what_a_client_pretends(bearer, path, name):
    """Is gone wherever the host guards anything. Red without pretence_remove, or where it knows one spelling alone."""
    answer = bearer.get(path, exactly={name: "forged"})
    assert answer.status == 200 and "forged" not in answer.body.decode()


def test_pretences_sent_many_times(guarded, bearer):
    lines = [f"{name}: {value}" for name, value in bearer.headers.items()] + ["X-Finq-Consent-User: forged"] * 5 + ["X_finq_consent_user: forged"] * 2
    answer, = [a for a in bearer.client.raw(request("/app/x", b"", [*lines, "Connection: close"], method="GET"))]
    assert answer.status == 200 and b"forged" not in answer.body and b"ana-7" in answer.body


@pytest.mark.parametrize("names", ["X-Finq-Consent-User, x-finq-consent-skill", "keep-alive,X-FINQ-CONSENT-Tenant ,\tX-Finq-Consent-Expires", "X-Finq-Consent-User"])
def test_connection_takes_nothing_away(bearer, names):
    """mod_proxy drops what it names. Red without connection_clean."""
    got = told(bearer.get("/app/x", Connection=names))
    assert TOLD <= got.keys() and got["x-finq-consent-user"] == "ana-7"
    assert "x-other" not in told(bearer.get("/app/x", Connection=f"{names}, X-Other", X_Other="hop")), "what else it names goes, as ever"


def test_a_user_that_is_no_header(guarded, bearer):
    """Percent-encoded: a line end in it ends no header. Red where headers_tell does without visible()."""
    for user, encoded in (("a\r\nX-Admin: yes", "a%0D%0AX-Admin:%20yes"), ("ă%", "%C4%83%25"), ("~!a.b@c", "~!a.b@c")):
        other = Bearer(guarded, tenant=bearer.tenant, tenant_user_id=user)
        got = told(other.get("/app/x"))
        assert got["x-finq-consent-user"] == encoded and "x-admin" not in got


def test_nobody_named(guarded, bearer):
    assert told(Bearer(guarded, tenant=bearer.tenant).get("/app/x")).keys() & TOLD == TOLD - {"x-finq-consent-user"}


def test_what_is_not_guarded_is_left_alone(bearer):
    """But for the secret. Red where finq_bearing_settle does not give Authorization back."""
    got = told(bearer.get("/open/x"))
    assert got["authorization"] == f"Bearer {bearer.credentials['access_token']}" and not got.keys() & TOLD
    assert "x-finq-client-secret" not in got
    got = told(bearer.get("/open/x", X_Finq_Credentials_Id=None, Authorization="Basic YTpi"))
    assert got["authorization"] == "Basic YTpi"


# -- who is refused

WRONG = [({"X_Finq_Client_Id": None}, "invalid_client_id"), ({"X_Finq_Client_Id": "x"}, "invalid_client_id"),
         ({"X_Finq_Client_Id": str(uuid.UUID(int=7))}, "invalid_client_id"), ({"X_Finq_Client_Secret": None}, "invalid_client_secret"),
         ({"X_Finq_Client_Secret": "wrong"}, "invalid_client_secret"), ({"X_Finq_Credentials_Id": None}, "invalid_credentials_id"),
         ({"X_Finq_Credentials_Id": "x"}, "invalid_credentials_id"), ({"X_Finq_Credentials_Id": str(uuid.UUID(int=7))}, "invalid_credentials_id"),
         ({"Authorization": None}, "invalid_access_token"), ({"Authorization": "Bearer wrong"}, "invalid_access_token"),
         ({"Authorization": "Bearer"}, "invalid_access_token"), ({"Authorization": "Bearer "}, "invalid_access_token"),
         ({"Authorization": "Basic YTpi"}, "invalid_access_token"), ({"Authorization": "Bearer a b"}, "invalid_access_token"),
         ({"Authorization": "Bearer " + "x" * 600}, "invalid_access_token")]


@pytest.mark.parametrize("place", range(len(WRONG)))
def test_who_is_refused(bearer, backend, place):
    """In the contract's form, and the back end hears nothing; also while the right ones are remembered."""
    changed, code = WRONG[place]
    for _ in range(2):
        refused = bearer.get("/app/x", **changed)
        assert is_error(refused, 401, code) and refused.headers["www-authenticate"] == "Bearer"
        heard = len(backend.got)
        assert bearer.get("/app/x").status == 200
        assert len(backend.got) == heard + 1


def test_the_scheme_has_no_case(bearer):
    assert bearer.get("/app/x", Authorization=f"bearer   {bearer.credentials['access_token']}").status == 200


def test_what_is_anothers_does_not_exist(guarded, bearer):
    other = Bearer(guarded)
    foreign = other.get("/app/x", X_Finq_Credentials_Id=bearer.credentials["credentials_id"],
                        Authorization=f"Bearer {bearer.credentials['access_token']}")
    unknown = other.get("/app/x", X_Finq_Credentials_Id=str(uuid.uuid4()))
    assert is_error(foreign, 401, "invalid_credentials_id") and steady(foreign) == steady(unknown)


def test_skills(guarded, bearer):
    """Red where check_authorization does not ask skill_fits; and without finq_request_claim in finq_require_refuse, whose place the
    ErrorDocument would take."""
    refused = bearer.get("/card/x")
    assert is_error(refused, 403, "forbidden") and "www-authenticate" not in refused.headers
    card = Bearer(guarded, CARD, tenant=bearer.tenant)
    assert told(card.get("/card/x"))["x-finq-consent-skill"] == CARD
    assert card.get("/app/x").status == 200


def test_any_of_several(guarded, bearer, backend):
    """Red where the provider answers AUTHZ_DENIED for AUTHZ_DENIED_NO_USER; and the error of a back end stays its own."""
    assert told(bearer.get("/any/x"))["x-finq-consent-skill"] == AISP
    stranger = {name: None for name in ("Authorization", "X_Finq_Client_Id", "X_Finq_Client_Secret", "X_Finq_Credentials_Id")}
    got = told(bearer.get("/any/x", **{**stranger, "X_Staff": "yes"}))
    assert not got.keys() & TOLD
    got = told(bearer.get("/any/x", X_Staff="yes", Authorization="Bearer wrong"))
    assert not got.keys() & TOLD and "authorization" not in got and "x-finq-client-secret" not in got
    got = told(bearer.get("/any/x", X_Staff="yes", X_Finq_Credentials_Id=None))
    assert "authorization" not in got, "whoever let it in"
    assert is_error(bearer.get("/any/x", **stranger), 401, "invalid_client_id")
    backend.status = "404 Not Found"
    assert bearer.get("/any/x").json["line"] == "GET /any/x HTTP/1.1"


def test_all_of_several(guarded, bearer):
    assert bearer.get("/not/x", X_Staff="yes").status == 200
    assert is_error(bearer.get("/not/x", X_Staff="yes", Authorization="Bearer wrong"), 401, "invalid_access_token")
    guarded.httpd.log.expect("AH01630: client denied by server configuration")
    assert bearer.get("/not/x").status == 403


def test_without_an_auth_type(guarded, bearer):
    """Nor does the token go on. Red where headers_tell leaves it."""
    got = told(bearer.get("/typeless/x"))
    assert "authorization" not in got and got["x-finq-consent-user"] == "ana-7"
    guarded.httpd.log.expect("AH01630: client denied by server configuration")
    assert bearer.get("/typeless/x", Authorization="Bearer wrong").status == 403


# -- its end

def test_a_deletion_is_seen_within_the_time(bearer):
    """Red where recall does not look at `until`."""
    assert bearer.get("/app/x").status == 200
    bearer.api.consent("delete", bearer.credentials)
    until(lambda: bearer.get("/app/x").status == 401, TTL + 2, "the deletion to be seen")
    assert is_error(bearer.get("/app/x"), 401, "inactive_credentials")


def test_a_tenant_that_is_disabled(guarded, bearer):
    other = Bearer(guarded)
    assert other.get("/app/x").status == 200
    guarded.finqctl("tenant", "disable", other.tenant.client_id)
    until(lambda: other.get("/app/x").code == "unauthorized_tenant", TTL + 2, "the tenant's state to be seen")


def test_its_end_is_never_passed(guarded, bearer):
    """However long it may be remembered. Red where finq_bearers_find keeps each for ttl."""
    guarded.psql(f"UPDATE finq.credential SET consent_exp = clock_timestamp() + interval '1 second'"
                 f" WHERE credentials_id = '{bearer.credentials['credentials_id']}'")
    assert bearer.get("/app/x").status == 200
    until(lambda: guarded.psql(f"SELECT consent_exp <= clock_timestamp() FROM finq.credential WHERE credentials_id = "
                               f"'{bearer.credentials['credentials_id']}'") == "t", 5, "its end")
    assert is_error(bearer.get("/app/x"), 401, "inactive_credentials")


def test_one_call_a_while(guarded, bearer):
    """One in TTL seconds, however many ask; a refusal is asked for each time. Red where remember is not called."""
    name = f"SELECT last_used_at FROM finq.tenant_key WHERE client_id = '{bearer.tenant.client_id}' AND kind = 'SECRET'"
    assert bearer.get("/app/x").status == 200
    guarded.psql(f"UPDATE finq.tenant_key SET last_used_at = NULL WHERE client_id = '{bearer.tenant.client_id}'")
    for _ in range(20):
        assert bearer.get("/app/x").status == 200
    assert guarded.psql(name) == "", "the database was not asked"
    assert bearer.get("/app/x", Authorization="Bearer wrong").status == 401
    assert guarded.psql(name) != ""


def test_a_renewal_goes_on(guarded, bearer):
    assert bearer.get("/app/x").status == 200
    begun = bearer.api.consent("renew", bearer.credentials)
    renewal = Onboarding(bearer.api, AISP)
    renewal.session_id, renewal.nonce = begun["session_id"], begun["nonce"]
    assert all(submit(renewal, n).status == 200 for n in range(1, len(steps(AISP)) + 1))
    old, bearer.credentials = bearer.credentials, renewal.exchange().json
    assert told(bearer.get("/app/x"))["x-finq-consent-expires"] == bearer.credentials["consent_exp"]
    bearer.credentials = old
    until(lambda: bearer.get("/app/x").code == "invalid_access_token", TTL + 2, "the older token to be dead")


# -- signed instead of with the secret

COVERED = ("@method", "@target-uri", "content-digest", "authorization", "x-finq-credentials-id")


@pytest.fixture(scope="module")
def key(guarded, own_tenant):
    made = key_for("ed25519")
    made.id = f"{own_tenant.client_id}/{guarded.add_key(own_tenant, 'bears@bank.example', made.pem, '--algorithm', 'ed25519')[0]}"
    return made


def signed(bearer, key, path, method="GET", body=b"", sent=None, covered=COVERED, keyid=None, **more):
    """A request as it is signed; `sent`, where given, is the body that goes in its place."""
    headers = {name.lower(): value for name, value in bearer.headers.items() if name != "X-Finq-Client-Secret"}
    signature = MessageSigner(key, "ed25519", keyid or key.id, covered=covered, **more)(
        method, f"https://localhost:{bearer.client.url.port}{path}", headers, body)
    return bearer.client.request(method, path, body if sent is None else sent, {**headers, **signature})


@pytest.mark.parametrize("size", [0, 9, 60000])
def test_a_signature_in_the_secrets_place(bearer, key, size):
    """The back end gets the body that was read for the digest. Red without body_give_back."""
    body = b"x" * size
    for _ in range(2):
        answer = signed(bearer, key, "/app/x?y=1", "POST", body)
        assert told(answer)["x-finq-consent-user"] == "ana-7" and answer.json["body"] == body.decode()
        assert "authorization" not in told(answer)
    assert told(signed(bearer, key, "/app/x"))["x-finq-consent-user"] == "ana-7"


def test_signatures_that_are_none(guarded, bearer, key, backend):
    """Red where whole_prove leaves a check out."""
    other = Bearer(guarded)
    theirs = f"{other.tenant.client_id}/{guarded.add_key(other.tenant, 'others@bank.example', key.pem, '--algorithm', 'ed25519')[0]}"
    heard = len(backend.got)
    for refused, code in (
            (signed(bearer, key, "/app/x", "POST", b"signed", b"change"), "invalid_digest"),
            (signed(bearer, key, "/app/x", "POST", b"", b"more"), "invalid_digest"),
            (signed(bearer, key, "/app/x", covered=COVERED[:3]), "invalid_signature"),
            (signed(bearer, key, "/app/x", covered=COVERED[:4]), "invalid_signature"),
            (signed(bearer, key, "/app/x", covered=(*COVERED[:3], COVERED[4])), "invalid_signature"),
            (signed(bearer, key, "/app/x", keyid=theirs), "invalid_signature"),
            (signed(bearer, key_for("ed25519"), "/app/x", keyid=key.id), "invalid_signature"),
            (signed(bearer, key, "/app/x", created=1700000000), "expired_signature"),
            (bearer.get("/app/x", X_Finq_Client_Secret=None, Signature="sig=:AAAA:"), "invalid_signature")):
        assert is_error(refused, 401, code), refused.body
    assert len(backend.got) == heard


def test_a_signature_is_used_once(bearer, key):
    """Where it has a nonce. Red without finq_access_use."""
    nonce = uuid.uuid4().hex
    assert signed(bearer, key, "/app/x", nonce=nonce).status == 200
    assert is_error(signed(bearer, key, "/app/x", nonce=nonce), 401, "invalid_signature")


def test_a_signed_body_that_is_too_large(bearer, key):
    assert is_error(signed(bearer, key, "/app/x", "POST", b"x" * 70000), 413, "payload_too_large")


def test_a_signed_request_that_is_led_on(bearer, key):
    """By a redirect within, to an index. Red where finq_require_signed asks for the signature again."""
    assert signed(bearer, key, "/static/").body == b"inside"


def test_what_a_signature_opened(guarded, bearer, key):
    """No secret does, and a wrong token is none. Red where finq_bearers_find remembers both alike."""
    assert signed(bearer, key, "/app/x").status == 200
    assert is_error(bearer.get("/app/x", X_Finq_Client_Secret=""), 401, "invalid_client_secret")
    kept, bearer.credentials = bearer.credentials, {**bearer.credentials, "access_token": "wrong"}
    assert is_error(signed(bearer, key, "/app/x"), 401, "invalid_access_token")
    bearer.credentials = kept
    bearer.api.consent("delete", bearer.credentials)
    until(lambda: signed(bearer, key, "/app/x").code == "inactive_credentials", TTL + 2, "the deletion to be seen")


# -- the ways that lead there

def test_static_files(bearer):
    """The index by an internal redirect. No ErrorDocument stands in the place of the refusal."""
    assert bearer.get("/static/page.txt").body == b"a page" and bearer.get("/static/").body == b"inside"
    assert is_error(bearer.get("/static/page.txt", Authorization="Bearer wrong"), 401, "invalid_access_token")


def test_a_rewrite(bearer):
    assert bearer.get("/led/page.txt").body == b"a page"
    assert is_error(bearer.get("/led/page.txt", Authorization="Bearer wrong"), 401, "invalid_access_token")


def test_forms_of_a_path(bearer):
    for path in ("//app/x", "/open/../app/x", "/%61pp/x", "/open/%2e%2e/app/x"):
        answer = bearer.get(path, Authorization="Bearer wrong")
        assert answer.status in (401, 404), path


def test_a_part_of_a_page(guarded, bearer):
    """A subrequest is guarded by what its Location says, with what the client's request bears. Red where finq_bearing_of looks at
    the subrequest alone."""
    guarded.httpd.log.expect("unable to include")
    assert bearer.get("/pages/open.shtml").body == b"[a page]"
    assert b"a page" not in bearer.get("/pages/open.shtml", Authorization="Bearer wrong").body
    assert b"ana-7" in bearer.get("/pages/app.shtml").body
    assert b"ana-7" not in bearer.get("/pages/app.shtml", X_Finq_Client_Secret=None).body


def test_what_is_behind_is_not_kept_for_others(bearer, backend):
    """By mod_cache, which looks before anybody is asked. Red without r->no_cache."""
    backend.headers = ["Cache-Control: public, max-age=600", "ETag: \"x\""]
    for _ in range(3):
        assert bearer.get("/cached/x").status == 200
    assert len(backend.got) == 3
    assert is_error(bearer.get("/cached/x", Authorization=None), 401, "invalid_access_token")


def test_one_connection_and_several_bearers(guarded, bearer):
    """Kept alive, each request by what it bears itself."""
    other = Bearer(guarded, tenant_user_id="ion")
    mine = bearer.headers
    for headers, user in ((mine, "ana-7"), (other.headers, "ion"), ({}, None), (mine, "ana-7"), ({**mine, "Authorization": "Bearer x"}, None)):
        answer = bearer.client.request("GET", "/app/x", b"", headers)
        assert (told(answer)["x-finq-consent-user"] == user) if user else answer.status == 401


def test_http2(guarded, bearer):
    for token, status in (("", "200"), ("x", "401")):
        lines = {**bearer.headers, "Authorization": bearer.headers["Authorization"] + token}
        done = run("curl", "-sS", "--http2", "--cacert", guarded.httpd.authority.certificate, "-w", "\n%{http_version} %{http_code}",
                   *[word for name, value in lines.items() for word in ("-H", f"{name}: {value}")], f"{guarded.httpd.url}/app/x",
                   env=clean_environ()).stdout
        assert done.splitlines()[-1] == f"2 {status}" and ("ana-7" in done) == (status == "200")


def test_the_log_shows_neither(guarded, bearer):
    """Red where bearing.c leaves them in the headers."""
    bearer.get("/app/x")
    bearer.get("/app/x", Authorization="Bearer w0rd-for-the-log")
    log = guarded.httpd.directory / "bearing.log"
    until(lambda: " 401" in log.read_text(), what="the log")
    text = log.read_text()
    assert bearer.tenant.client_secret not in text and bearer.credentials["access_token"] not in text and "w0rd" not in text
    assert re.search(rf"- - {bearer.tenant.client_id} 200", text)


def test_a_host_that_is_bound_to_a_tenant(guarded, bearer):
    """Others are refused there, whether or not they exist. Red where claim_read does without finq_intake_client_id."""
    own = Bearer(guarded, tenant=guarded.bound_tenant)
    for one in own, bearer:
        one.client.close()
        one.client.host = "bound.example"
    assert own.get("/app/x").status == 200
    foreign, unknown = bearer.get("/app/x"), bearer.get("/app/x", X_Finq_Client_Id=str(uuid.uuid4()))
    assert is_error(foreign, 401, "unauthorized_tenant") and steady(foreign) == steady(unknown)
    own.client.close()
    own.client.host = "localhost"
    assert own.get("/app/x").status == 200, "what one host remembers is its own"


def test_a_host_without_an_api(guarded, bearer):
    lines = [f"{name}: {value}" for name, value in bearer.headers.items()]
    for token, status in (("", 200), ("x", 401)):
        with socket.create_connection(("127.0.0.1", guarded.bare), 10) as connection, connection.makefile("rb") as file:
            lines[0] = f"Authorization: {bearer.headers['Authorization']}{token}"
            connection.sendall(request("/app/x", b"", [*lines, "Connection: close"], method="GET"))
            answer = read_answer(file)
        assert answer.status == status and (b"ana-7" in answer.body) == (status == 200)


# -- the configuration

@pytest.mark.parametrize("line", ["Require finq-consent nonsense", "Require finq-consent xyz_sbx_#3", 'Require finq-consent "xyz_sbx_#3.0" x'])
def test_lines_that_are_none(guarded, line):
    ok, words = guarded.httpd.configtest(vhost=f'<Location "/x">\n{line}\n</Location>')
    assert not ok and "names of skills" in words
