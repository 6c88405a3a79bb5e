"""What must not pass as signed: the tables of threats 6 to 13 and 19, end to end.

No row of the tables passes vacuously: the good token of the same maker does (test_the_makers_are_good). Seen red:
finq_access_demand always NULL (no way around); check_alg and `forbidden` without their refusal (no other algorithm, no
header brings a key); check_times without each of its three, and `aud` (clock windows, claims); finq_keyset_check_holder
believing anybody (another's body); finq_access_body_end without its comparison (one bit); finq_reply_refuse without
rest_of_body (what follows a refusal).
"""
import base64
import hashlib
import hmac
import json
import re
import secrets
import socket
import subprocess
import threading
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from finqenv import documents
from finqenv.client import Onboarding
from finqenv.installation import DEMO_SKILLS, MODULE
from finqenv.places import ROOT
from finqenv.resumable import Tus, partials, stored
from finqenv.signing import Key, Signer, by_pyjwt, claims_of, encoded, handmade
from finqenv.uploads import Desk

ISSUER = "attacked@bank.example"
SKILL = "xyz_card_sbx_#1.0"


@pytest.fixture(scope="module")
def victim(server):
    return server.create_tenant(f"Victim {secrets.token_hex(4)}", DEMO_SKILLS)


@pytest.fixture(scope="module")
def key(server, victim):
    made = Key()
    server.add_key(victim, ISSUER, made.public_jwk(kid="k1"))
    return made


@pytest.fixture
def visitor(server, victim):
    """A client that signs nothing by itself."""
    client = server.client(victim, base="/v1s")
    yield client
    client.close()


@pytest.fixture(scope="module")
def body(victim):
    return json.dumps({"client_id": victim.client_id, "skill": SKILL, "client_app_key": victim.client_app_key}).encode()


@pytest.fixture
def send(visitor, body):
    """send(token): POST /v1s/sessions with it."""
    return lambda token: visitor.call("/sessions", body, authorization=f"Bearer {token}")


def refused(answer, check=None, codes=("invalid_signature", "expired_signature", "invalid_digest")):
    assert answer.status == 401 and answer.code in codes, (answer.status, answer.body)
    assert answer.json["id"] == answer.headers["x-request-id"] and answer.json["type"] == "unauthorized"
    if check:
        assert f"({check})" in answer["message"], answer.body


HEADER = {"alg": "RS256", "typ": "JWT", "kid": "k1"}


def test_the_makers_are_good(send, key, body):
    assert send(handmade(key, HEADER, claims_of(ISSUER, body))).status == 200
    assert send(by_pyjwt(key, {"kid": "k1"}, claims_of(ISSUER, body))).status == 200


# -- threat 6, 8: algorithms and headers

def _signed(text, sign):
    return f"{text}.{encoded(sign(text.encode()))}"


def _text(header, body):
    return f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims_of(ISSUER, body)).encode())}"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", "rs256", "RS384", "RS512", "HS256", "PS256", "ES256", "EdDSA"])
def test_no_other_algorithm(send, key, body, alg):
    text = _text({**HEADER, "alg": alg}, body)
    makers = [lambda t: b"", lambda t: hmac.digest(key.pem.encode(), t, hashlib.sha256),
              lambda t: key.private.sign(t, padding.PKCS1v15(), hashes.SHA256()),
              lambda t: key.private.sign(t, padding.PKCS1v15(), hashes.SHA512()),
              lambda t: key.private.sign(t, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()),
              lambda t: ec.generate_private_key(ec.SECP256R1()).sign(t, ec.ECDSA(hashes.SHA256()))]
    for maker in makers:
        refused(send(_signed(text, maker)))
        refused(send(_signed(text, maker) + "."))


def test_rs256_in_name_alone(send, key, body):
    text = _text(HEADER, body)
    for maker in (lambda t: key.private.sign(t, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()),
                  lambda t: key.private.sign(t, padding.PKCS1v15(), hashes.SHA512()),
                  lambda t: hmac.digest(key.pem.encode(), t, hashlib.sha256), lambda t: b"\0" * 256, lambda t: b"\xff" * 256,
                  lambda t: Key().private.sign(t, padding.PKCS1v15(), hashes.SHA256())):
        refused(send(_signed(text, maker)), "signature")


ADDRESS = "http://127.0.0.1:{port}/key"


@pytest.fixture
def listener():
    """A port that notes who connects."""
    seen, server = [], socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            try:
                seen.append(server.accept())
            except OSError:
                return
    threading.Thread(target=accept, daemon=True).start()
    yield server.getsockname()[1], seen
    server.close()


def test_no_header_brings_a_key_or_a_demand(send, key, body, listener):
    port, seen = listener
    own, address = Key(), f"http://127.0.0.1:{port}/key"
    public = json.loads(own.public_jwk())
    for extra in ({"jku": address}, {"x5u": address}, {"jwk": public}, {"x5c": ["MIIB"]}, {"crit": ["exp"]}, {"crit": []},
                  {"b64": False}, {"b64": True}, {"zip": "DEF"}, {"enc": "A256GCM"}, {"jwk": None}):
        for pair in (key, own):
            refused(send(handmade(pair, {**HEADER, **extra}, claims_of(ISSUER, body))), "form")
    assert seen == [], "an address in a header is not visited"


def test_the_module_cannot_fetch():
    needed = subprocess.run(["ldd", MODULE], capture_output=True, text=True, check=True).stdout
    symbols = subprocess.run(["nm", "-D", "--undefined-only", MODULE], capture_output=True, text=True, check=True).stdout
    direct = subprocess.run(["objdump", "-p", MODULE], capture_output=True, text=True, check=True).stdout
    assert "libpq" in needed and "PQsendQuery" in symbols, "the guard sees what is there"
    for name in ("curl", "neon", "serf", "soup"):
        assert not re.search(rf"NEEDED +lib{name}", direct)
    for symbol in ("OSSL_HTTP", "X509_load_http", "BIO_new_connect", "BIO_s_connect", "curl_", "getaddrinfo", "gethostbyname"):
        assert symbol not in symbols
    texts = {file: file.read_text() for file in (ROOT / "src").rglob("*.c") if "ctl" not in file.parts}
    assert [file.name for file, text in texts.items() if "apr_socket_connect" in text] == ["scan_limits.c"]
    assert sorted(line for text in texts.values() for line in text.splitlines() if "apr_sockaddr_info_get" in line) == [
        "    apr_status_t status = apr_sockaddr_info_get(&address, path, APR_UNIX, 0, 0, pool);",
        '    if (apr_sockaddr_info_get(&connection->client_addr, "127.0.0.1", APR_INET, server->port, 0, pool) != APR_SUCCESS)'], "to clamd's file, and what stands for a client"


@pytest.mark.parametrize("kid", ["' OR ''='", "../../k1", "k1\0", "k1 ", "", "k" * 129, "k1;drop", "k\u0131", 7, None, ["k1"],
                                 "../../../dev/null", "k1/k1", "%6b1"])
def test_kids_as_injections(send, key, body, kid):
    refused(send(handmade(key, {**HEADER, "kid": kid}, claims_of(ISSUER, body))), "form")


# -- threat 9: spellings

def _parts(key, body):
    return handmade(key, HEADER, claims_of(ISSUER, body)).split(".")


def test_one_spelling(send, key, body):
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    header, payload, signature = _parts(key, body)
    good = f"{header}.{payload}.{signature}"
    last = alphabet.index(signature[-1])
    for unused in range(1, 16):
        refused(send(good[:-1] + alphabet[last ^ unused]))
    for token in (good + "=", good + "===", good + ".", good + ".e30", f".{good}", f"{header}..{signature}", f"{header}.{payload}",
                  f"{header}.{payload}.", f"{header}\t.{payload}.{signature}", f"{header}. {payload}.{signature}",
                  good.replace(".", "%2E"), good.replace(".", ".."), f"{header}=.{payload}.{signature}", "", ".", "..", "a.b.c",
                  good + "\u00e9".encode().decode("latin-1"), f'"{good}"', good + " " + good, good[:-4] + "+/" + good[-2:]):
        refused(send(token))
    assert send(good).status == 200


@pytest.mark.parametrize("part", range(3))
def test_no_flipped_bit_in_a_token(send, key, body, part):
    pieces = _parts(key, body)
    for place in range(0, len(pieces[part]), 7):
        changed = chr(ord(pieces[part][place]) ^ 1)
        if changed not in ".= ,":
            damaged = pieces[part][:place] + changed + pieces[part][place + 1:]
            refused(send(".".join([*pieces[:part], damaged, *pieces[part + 1:]])))


def test_doubled_members(send, key, body):
    claims = claims_of(ISSUER, body)
    text = json.dumps(claims)
    for payload in (text[:-1] + f',"exp":{claims["exp"]}}}', text[:-1] + ',"aud":"x"}', text[:-1] + ',"\\u0065xp":1}',
                    text + "{}", "[" + text + "]", text.replace("}", ",}"), text + "\0", "\ufeff" + text, "null", '"x"', "1"):
        refused(send(handmade(key, HEADER, payload.encode())), "form")
    refused(send(handmade(key, b'{"alg":"RS256","kid":"k1","alg":"none"}', claims)), "form")
    refused(send(handmade(key, b'{"alg":"none","kid":"k1","alg":"RS256"}', claims)), "form")
    refused(send(handmade(key, b"\xff\xfe", claims)), "form")


def test_headers_in_numbers_and_sizes(visitor, key, body):
    token = handmade(key, HEADER, claims_of(ISSUER, body))

    def raw(lines):
        text = (f"POST /v1s/sessions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
                f"{lines}\r\n").encode() + body
        return visitor.raw(text)[0]
    assert raw(f"Authorization: Bearer {token}\r\n").status == 200
    refused(raw(f"Authorization: Bearer {token}\r\n" * 2))
    refused(raw(f"Authorization: Bearer {token}\r\nAuthorization: Basic YTpi\r\n"))
    refused(raw(f"Authorization: Bearer x\r\nAuthorization: Bearer {token}\r\n"))
    refused(raw("Authorization: Basic YTpi\r\n"), "no header")
    refused(raw(f"Authorization: {token}\r\n"), "no header")
    refused(raw("Authorization: Bearer\r\n"), "no header")
    refused(raw(f"Authorization: Bearer{token}\r\n"), "no header")
    refused(raw(f"X-Authorization: Bearer {token}\r\n"), "no header")
    assert raw(f"Authorization: Bearer {'A' * 65536}\r\n").status in (400, 431), "httpd's own limit"
    refused(raw(f"Authorization: Bearer {'A' * 8000}\r\n"), "form")


# -- threat 19: claims and clocks

BAD_TIMES = [1.5, -1, "1700000000", None, True, [1], {}, 1e300, 10**18, 10**30, 253402300800, 0.0, -0.5]


@pytest.mark.parametrize("name", ["iat", "exp", "nbf"])
@pytest.mark.parametrize("value", BAD_TIMES, ids=str)
def test_times_that_are_none(send, key, body, name, value):
    if name == "nbf" and value in (1.5, 0.0):
        value = -value - 1  # a long time ago is no fault of it
    refused(send(handmade(key, HEADER, {**claims_of(ISSUER, body), name: value})),
            None, ("invalid_signature",))


@pytest.mark.parametrize("spell", [lambda time: f"{time}.0", lambda time: f"{time}.25", lambda time: f"{time / 1e9:.9f}e9",
                                   lambda time: f"{time}E0"], ids=["1.0", "1.25", "1e9", "1E0"])
def test_times_with_fractions_and_exponents(send, key, body, spell):
    """RFC 7519, section 2: a NumericDate is a number; languages without integers write it as they can."""
    now = int(time.time())
    claims = json.dumps(claims_of(ISSUER, body, iat="IAT", exp="EXP", nbf="IAT"))
    claims = claims.replace('"IAT"', spell(now)).replace('"EXP"', spell(now + 300))
    assert send(handmade(key, HEADER, claims.encode())).status == 200


@pytest.mark.parametrize("name", ["iat", "exp", "nbf"])
def test_milliseconds_are_told_as_such(send, key, body, name):
    answer = send(handmade(key, HEADER, {**claims_of(ISSUER, body), name: time.time_ns() // 10**6}))
    refused(answer, "claim", ("invalid_signature",))
    assert f'"{name}" is in milliseconds' in answer["message"]


@pytest.mark.parametrize("iat, exp, check", [
    (0, 300, None), (9, 300, None), (-299, 1, None), (-300, 0, None), (-355, -55, None), (0, 3600, None), (-3000, 600, None),
    (12, 300, "clock"), (70, 300, "clock"), (86400, 86700, "clock"), (-400, -62, "exp"), (-86700, -86400, "exp"),
    (0, 3601, "lifetime"), (-1, 3600, "lifetime"), (0, 0, "lifetime"), (0, -1, "lifetime"), (-10, -20, "lifetime"),
    (0, 2 ** 31, "lifetime"), (2 ** 31, 2 ** 31 + 300, "clock"), (-1700000000, 10, "lifetime")])
def test_clock_windows(send, key, body, iat, exp, check):
    now = int(time.time())
    answer = send(handmade(key, HEADER, claims_of(ISSUER, body, iat=now + iat, exp=now + exp)))
    if check is None:
        assert answer.status == 200, answer.body
    else:
        refused(answer, check, ("expired_signature",) if check == "exp" else ("invalid_signature",))


def test_not_yet(send, key, body):
    now = int(time.time())
    refused(send(handmade(key, HEADER, claims_of(ISSUER, body, nbf=now + 30))), "clock")
    assert send(handmade(key, HEADER, claims_of(ISSUER, body, nbf=now + 5))).status == 200


@pytest.mark.parametrize("changes, check", [
    ({"aud": "api.finqware.com.evil"}, "aud"), ({"aud": ""}, "aud"), ({"aud": []}, "aud"), ({"aud": None}, "aud"),
    ({"aud": ["x"]}, "aud"), ({"aud": {"api.finqware.com": 1}}, "aud"), ({"sub": "other"}, "iss"), ({"email": "other"}, "iss"),
    ({"sub": None}, "claim"), ({"iss": None}, "claim"), ({"email": None}, "claim"), ({"digest": None}, "claim"),
    ({"digest": 7}, "claim"), ({"digest": ""}, "claim"), ({"jti": 7}, "jti"), ({"jti": ""}, "jti"), ({"jti": "x" * 257}, "jti"),
    ({"exp": None}, "claim"), ({"iat": None}, "claim"), ({"iss": "x" * 400, "sub": "x" * 400, "email": "x" * 400}, "iss"),
    ({"iss": "nobody", "sub": "nobody", "email": "nobody"}, "unknown kid")], ids=str)
def test_claims(send, key, body, changes, check):
    refused(send(handmade(key, HEADER, claims_of(ISSUER, body, **changes))), check)


# -- threat 10: the body

def test_one_bit_of_the_body(server, victim, key, visitor):
    user = Onboarding(server.client(victim, base="/v1s", sign=Signer(key, ISSUER, kid="k1")), "xyz_sbx_#3.0")
    assert user.start().status == 200
    step = {"client_id": victim.client_id, "nonce": user.nonce, "skill": user.skill, "step": "product_form",
            "data": {"value": "1000", "currency": "EUR", "period": "12"}}
    body = json.dumps(step, separators=(",", ":")).encode()
    path = f"/sessions/{user.session_id}/steps"
    header = "Bearer " + by_pyjwt(key, {"kid": "k1"}, claims_of(ISSUER, body))
    for bit in range(0, 8 * len(body), 11):  # 11 has no common factor with 8: each bit of a byte comes along
        damaged = bytearray(body)
        damaged[bit // 8] ^= 1 << bit % 8
        refused(visitor.call(path, bytes(damaged), authorization=header), "digest", ("invalid_digest",))
    for damaged in (body[:-1], body + b"}", body + b"\0", b"{}" + body, b"\xef\xbb\xbf" + body, body + body):
        refused(visitor.call(path, damaged, authorization=header), "digest", ("invalid_digest",))
    assert server.psql(f"SELECT count(*) FROM finq.session WHERE session_id = '{user.session_id}'") == "0"
    assert visitor.call(path, body, authorization=header).status == 200
    user.client.close()


DRAFT = {"tus_resumable": None, "upload_metadata": None, "upload_length": None, "upload_draft_interop_version": "8", "upload_complete": "?1",
         "content_type": "image/png"}


@pytest.mark.parametrize("headers", [{}, DRAFT], ids=["tus", "draft"])
def test_a_creation_that_is_not_proven_stores_nothing(server, headers):
    """Another body behind its signature, and its own again: what is stored stays. Red: go_on that finishes before it asks prove."""
    desk, pair, issuer = Desk(server), Key(), f"{secrets.token_hex(4)}@bank.example"
    server.add_key(desk.tenant, issuer, pair.pem)
    user = desk.user(server.client(desk.tenant, base="/v1s", sign=Signer(pair, issuer)))
    genuine, other = documents.png().content, documents.png(shade=0x33).content
    user.client.sign = None
    header = "Bearer " + by_pyjwt(pair, {"kid": pair.thumbprint}, claims_of(issuer, genuine, False, jti="once"))

    def create(body):
        return Tus(user, "photo", body).create(body, authorization=header, **headers)
    refused(create(other), "digest")
    assert desk.rows(user.step_id) == partials(desk, user) == {}
    assert create(genuine).status < 300
    upload_id = stored(desk, user, "photo", genuine)
    file = next(desk.directory.glob(f"2*/{upload_id}"))
    sealed = file.read_bytes()
    before = partials(desk, user)
    for body, check in ((other, "digest"), (genuine, "jti")):
        refused(create(body), check)
        assert stored(desk, user, "photo", genuine) == upload_id and file.read_bytes() == sealed
        assert partials(desk, user) == before
    user.client.close()


@pytest.mark.parametrize("headers", [{}, {**DRAFT, "upload_complete": "?0", "upload_length": len(documents.png().content)}], ids=["tus", "draft"])
@pytest.mark.parametrize("size", [0, 20], ids=["alone", "with a piece"])
def test_a_creation_that_is_replayed_leaves_the_upload_under_way(server, size, headers):
    """What the first of the two has begun goes on. Red where a creation ends it before prove."""
    desk, pair, issuer = Desk(server), Key(), f"{secrets.token_hex(4)}@bank.example"
    server.add_key(desk.tenant, issuer, pair.pem)
    user = desk.user(server.client(desk.tenant, base="/v1s", sign=Signer(pair, issuer)))
    picture, other = documents.png().content, documents.png(shade=0x33).content
    user.client.sign = None
    header = "Bearer " + by_pyjwt(pair, {"kid": pair.thumbprint}, claims_of(issuer, picture[:size], False, jti="once"))

    def create(body):
        tus = Tus(user, "photo", picture)
        return tus, tus.create(body, authorization=header, **headers)
    begun, answer = create(picture[:size])
    assert answer.status == 201
    held = desk.held(user.step_id), partials(desk, user)
    refused(create(picture[:size])[1], "jti")
    refused(create(other[:size] + b"x")[1], "digest")
    assert (desk.held(user.step_id), partials(desk, user)) == held
    begun.client = server.client(desk.tenant, base="/v1s")
    assert begun.send(offset=size).status == 204
    stored(desk, user, "photo", picture)
    user.client.close()


def test_anothers_body(server, victim, key, other_tenant, visitor):
    others = json.dumps({"client_id": other_tenant.client_id, "skill": SKILL,
                         "client_app_key": other_tenant.client_app_key}).encode()
    header = "Bearer " + by_pyjwt(key, {"kid": "k1"}, claims_of(ISSUER, others))
    refused(visitor.call("/sessions", others, authorization=header), "iss")
    for client_id, code in ((victim.client_id.upper(), None), ("x", "invalid_client_id"), (secrets.token_hex(16),
                                                                                          "invalid_client_id")):
        text = json.dumps({"client_id": client_id, "skill": SKILL, "client_app_key": victim.client_app_key}).encode()
        answer = visitor.call("/sessions", text, authorization="Bearer " + by_pyjwt(key, {"kid": "k1"},
                                                                                    claims_of(ISSUER, text)))
        assert answer.code == code, answer.body


def test_anothers_key_and_issuer(server, victim, other_tenant, key, visitor, body):
    theirs = Key()
    server.add_key(other_tenant, "theirs@bank.example", theirs.public_jwk(kid="k1"))
    for issuer, check in ((ISSUER, "signature"), ("theirs@bank.example", "iss")):
        token = by_pyjwt(theirs, {"kid": "k1"}, claims_of(issuer, body))
        refused(visitor.call("/sessions", body, authorization="Bearer " + token), check)


# -- threat 12: ways around the checker

PATHS = ["/v1s/sessions", "//v1s/sessions", "/v1/../v1s/sessions", "/%76%31s/sessions", "/v1s/./sessions", "/v1s//sessions",
         "/v1s/x/../sessions", "/v1s/sessions/", "/v1s/sessions?x=1", "/V1S/sessions", "/v1s;x/sessions", "/v1s/sessions;x",
         "/v1s/sessions%00", "/v1s%2fsessions", "/v1s/%2e%2e/v1s/sessions", "/v1s", "/v1s/", "/v1s/sessions/index.html",
         "/v1s\\sessions", "/.//v1s/sessions", "/v1s/tokens", "/v1s/token", "/v1s/nothing", "http://localhost/v1s/sessions",
         "/v1s/sessions#x", "/v1s/steps/x/upload"]


LINES = ["", "Origin: https://a.example\r\nAccess-Control-Request-Method: POST\r\n",
         "X-HTTP-Method-Override: POST\r\nX-Original-URL: /v1/sessions\r\n"]


@pytest.mark.parametrize("method", ["POST", "GET", "PUT", "OPTIONS", "HEAD", "post", "TRACE"])
def test_no_path_leads_there_unsigned(server, visitor, body, method):
    server.httpd.log.allow("Invalid method|AH00026|AH10244|AH00127|AH00036|AH00126")
    for path in PATHS:
        for lines in LINES if method in ("POST", "OPTIONS") else LINES[:1]:
            text = (f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
                    f"{lines}\r\n").encode() + body
            with visitor.open_socket(5) as connection, connection.makefile("rb") as file:
                connection.sendall(text)
                answer = file.read()  # of HEAD, the head
            elsewhere = method == "OPTIONS" and b"content-length: 0" in answer.lower()  # httpd's own, off the base
            preflight = method == "OPTIONS" and "Access-Control-Request-Method" in lines  # says what may be sent, and no more
            assert not answer.startswith(b"HTTP/1.1 2") or elsewhere or preflight, (path, answer)
            assert b"nonce" not in answer and b"session_id" not in answer
            assert not (elsewhere and path.startswith("/v1s/")), answer


AROUND = """
RewriteEngine On
RewriteRule ^/alias/(.*)$ /v1s/$1 [PT]
RewriteRule ^/again/(.*)$ /v1s/$1
RewriteRule ^/handler/ - [H=finq]
ErrorDocument 410 /v1s/sessions
Redirect 410 /gone
ErrorDocument 401 /v1s/sessions
Alias /per-dir "{directory}"
<Directory "{directory}">
    RewriteEngine On
    RewriteRule ^(.*)$ /v1s/$1
    Require all granted
</Directory>
<Location /included.shtml>
    SetOutputFilter INCLUDES
    Options +Includes
</Location>
<Directory "{documents}">
    Options +Includes
</Directory>
<Location /any>
    SetHandler finq
    FinqSignature required
</Location>
<Location /v1s>
    AuthType Basic
    AuthName x
    AuthBasicProvider file
    AuthUserFile "{directory}/users"
    Satisfy Any
</Location>
"""


@pytest.fixture(scope="module")
def ways(make_module_server):
    """A server configured with every way around a checker that we know of."""
    made = make_module_server(modules=("rewrite", "alias", "include", "access_compat", "authn_core", "authn_file",
                                       "authz_user", "auth_basic"))
    directory = made.httpd.writable("ways")
    (directory / "sessions").write_text("")
    (directory / "users").write_text("a:{SHA}" + base64.b64encode(hashlib.sha1(b"b").digest()).decode() + "\n")
    (made.httpd.documents / "included.shtml").write_text('<!--#include virtual="/v1s/sessions" -->END')
    made.httpd.settings.vhost = AROUND.format(directory=directory, documents=made.httpd.documents)
    made.httpd.restart()
    return made


@pytest.mark.parametrize("path", ["/alias/sessions", "/again/sessions", "/handler/x", "/gone", "/per-dir/sessions", "/any/sessions",
                                  "/v1s/sessions", "/v1s/nothing", "/v1s/tokens"])
@pytest.mark.parametrize("header", [{}, {"authorization": "Basic " + base64.b64encode(b"a:b").decode()},
                                    {"authorization": "Bearer x"}], ids=["nothing", "password", "nonsense"])
def test_no_way_around(ways, path, header):
    ways.httpd.log.allow(".")
    mine = ways.create_tenant(f"Way {secrets.token_hex(4)}", DEMO_SKILLS)
    client = ways.client(mine, base="")
    for _ in range(2):
        answer = client.call(path, {"client_id": mine.client_id, "skill": SKILL, "client_app_key": mine.client_app_key},
                             **header)
        assert answer.status >= 400, answer.body
        assert b"nonce" not in answer.body
    client.close()


def test_no_subrequest_gets_there(ways):
    ways.httpd.log.allow(".")
    client = ways.client(ways.create_tenant(f"Way {secrets.token_hex(4)}", DEMO_SKILLS), base="")
    for method in ("GET", "POST"):
        answer = client.request(method, "/included.shtml", b"{}")
        assert b"nonce" not in answer.body and b"session_id" not in answer.body
    assert b"END" in client.request("GET", "/included.shtml").body, "the page itself was served"
    client.close()


def test_a_signature_opens_the_ways_that_lead_to_the_api(ways):
    """Or the two tests above would pass where nothing works at all."""
    ways.httpd.log.allow(".")
    mine, pair = ways.create_tenant(f"Way {secrets.token_hex(4)}", DEMO_SKILLS), Key()
    ways.add_key(mine, ISSUER, pair.pem)
    client = ways.client(mine, base="", sign=Signer(pair, ISSUER))
    body = {"client_id": mine.client_id, "skill": SKILL, "client_app_key": mine.client_app_key}
    for path in ("/v1s/sessions", "/alias/sessions", "/per-dir/sessions", "/any/sessions"):
        assert client.call(path, body).status == 200, path
    client.close()


# -- threat 13, and what a refusal costs

def test_what_follows_a_refusal(visitor, key, body):
    """A refused large or chunked body is not read to its end, and nothing in it is taken for a request."""
    inner = (b"POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)) + body
    large = inner + b" " * 200_000
    head = b"POST /v1s/sessions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n"
    answers = visitor.raw(head + b"Content-Length: %d\r\n\r\n" % len(large) + large, silence=1)
    assert [a.status for a in answers] == [401] and answers[0].headers.get("connection") == "close"
    answers = visitor.raw(head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(inner), inner), silence=1)
    assert [a.status for a in answers] == [401] and answers[0].headers.get("connection") == "close"
    answers = visitor.raw(head + b"Content-Length: %d\r\n\r\n" % len(body) + body + inner, silence=1, answers=2)
    assert [a.status for a in answers] == [401, 200], "a small one is, and the connection stays"


def test_directives_are_checked(make_server):
    made = make_server()
    for lines, says in (("FinqSignature maybe", "required or off"), ("FinqSignatureSchemes hmac", "jws, message")):
        sound, words = made.httpd.configtest(signed=lines)
        assert not sound and says in words
    for name, value, says in (("FinqKeyCacheTTL", "-1", "0 to 3600"), ("FinqSignatureMaxLifetime", "2d", "1 to 86400"),
                              ("FinqSignatureReplay", "never", "optional or require"), ("FinqSignature", "required", "not allowed")):
        sound, words = made.httpd.configtest({name: value})
        assert not sound and says in words, words
