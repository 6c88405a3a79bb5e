"""Signed requests as tenants make them, with libraries that are not ours (contract section 8).

Seen red: finq_access_body_end without its comparison (the vector, the digests of uploads); finq_compact_push touching
strings (whitespace); set_serves asking for each unknown kid (how often the database is asked), or believing for ever
(revocation); a hundred for the ten in key_add; signing_key_put without its look at other tenants (a kid means one key), or
at revoked_at (a revoked key never comes back); finq_keyset_check_holder believing any holder (shared issuer);
finq_proof_use without its call (jti); signature_use without its DELETE (used tokens that have expired).
"""
import datetime
import json
import secrets
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from finqenv import documents
from finqenv.client import Onboarding
from finqenv.installation import DEMO_SKILLS
from finqenv.signing import JOSE, MAKERS, Key, Signer, claims_of, digest

ISSUER = "signer@bank.example"
SKILL = "xyz_card_sbx_#1.0"
PERSONAL_DATA = {"first_name": "Ana", "last_name": "Popescu", "email": "ana@example.com", "phone": "+40712345678",
                 "birth_date": "1990-04-17"}
PRODUCT_FORM = {"card": "gold", "limit": 5000, "currency": "RON", "monthly_income": "6500.00", "employment": "employed",
                "employer": "Example SRL", "iban": "RO49AAAA1B31007593840000"}


def certificate(key, name="signer"):
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime(2020, 1, 1)
    made = x509.CertificateBuilder(subject, subject, key.public, x509.random_serial_number(), now,
                                   now + datetime.timedelta(days=1)).sign(key.private, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture(scope="module")
def key(server, tenant):
    made = Key()
    assert server.add_key(tenant, ISSUER, made.pem) == [made.thumbprint]
    return made


@pytest.fixture
def signed(server, tenant, key):
    """signed(**signer options): a client of /v1s."""
    made = []

    def connect(**options):
        made.append(server.client(tenant, base="/v1s", sign=Signer(key, ISSUER, **options)))
        return made[-1]
    yield connect
    for client in made:
        client.close()


def authorization(key, body, is_json=True, kid=None, **changes):
    claims = claims_of(changes.pop("issuer", ISSUER), body, is_json, **changes)
    return "Bearer " + MAKERS["PyJWT"](key, {"kid": kid or key.thumbprint}, claims)


@pytest.mark.parametrize("named", [True, False], ids=["kid", "no kid"])
@pytest.mark.parametrize("maker", MAKERS)
def test_any_library_will_do(signed, key, maker, named):
    if maker == "jose" and not JOSE.exists():
        pytest.skip("npm could not install jose: see what tests/install.sh said")

    def make(pair, header, claims):
        return MAKERS[maker](pair, header if named else {}, claims)
    client = signed(maker=make)
    for _ in range(3):  # the lengths of the parts modulo 3 differ: google-auth 1.5 pads them
        client.sign.issuer = ISSUER
        answer = client.start_session(SKILL, tenant_user_id=secrets.token_hex(20)[:_ + 5])
        assert answer.status == 200, answer.body


def test_the_whole_flow(signed):
    user = Onboarding(signed(jti=lambda: secrets.token_hex(8)), SKILL)
    assert user.start().status == 200
    nonce = user.nonce
    first = user.submit("personal_data", PERSONAL_DATA)
    assert first.status == 200, first.body
    user.nonce, after = nonce, user.nonce
    again = user.submit("personal_data", PERSONAL_DATA)
    assert again.body == first.body, "a retry is signed anew, and answered as before"
    user.nonce = after
    assert user.upload("id_front", documents.png()).status == 200
    assert user.upload("selfie", documents.png("selfie.png", 48, 64, 0xA0), form=True).status == 200
    assert user.submit("product_form", PRODUCT_FORM).status == 200
    assert user.upload("income_proof", documents.pdf(), form=True).status == 200
    done = user.exchange("/token")
    assert done.status == 200 and done["access_token"]
    assert user.exchange("/tokens").body == done.body


@pytest.mark.parametrize("form", [False, True], ids=["raw", "form"])
def test_an_upload_changed_on_its_way_leaves_nothing(server, signed, form):
    user = Onboarding(signed(), SKILL)
    user.start()
    user.submit("personal_data", PERSONAL_DATA)
    whole = user.client.sign
    user.client.sign = lambda method, url, headers, body: whole(method, url, headers, body[:-30] + b"x" + body[-29:])
    answer = user.upload("id_front", documents.png(), form)
    assert (answer.status, answer.code) == (401, "invalid_digest"), answer.body
    assert server.psql(f"SELECT count(*) FROM finq.upload WHERE step_id = '{user.step_id}'") == "0"
    files = [file for file in server.httpd.writable("uploads").rglob("*") if file.is_file()]
    assert not [file for file in files if file.stat().st_mtime > time.time() - 5 and "partial" in str(file)]
    user.client.sign = whole
    assert user.upload("id_front", documents.png(), form).status == 200


def test_an_uploads_digest_is_over_its_bytes_as_they_are(signed):
    user = Onboarding(signed(), SKILL)
    user.start()
    user.submit("personal_data", PERSONAL_DATA)
    picture = documents.png()
    key, body = user.client.sign.key, picture.content
    user.client.sign = lambda *_: {"authorization": authorization(key, body, True)}  # as if whitespace did not count
    assert digest(body) != digest(body, False)
    assert user.upload("id_front", picture).code == "invalid_digest"


def test_the_vector_of_the_contract(signed):
    body = b'{"key1":"value1", "key2":"value2"}'
    right, wrong = "tzRBPGROxJ9qfAfYiyZyRFgtZCLYnu6VVRH2s8DcsPI=", "ygpgdpX8/0+cpsqGE64Xu0/YBSD6ou/b7P0LCVNbnfc="
    assert digest(body) == right
    assert signed(digest=right).call("/sessions", body).code == "missing_fields"  # signed well, and no session
    answer = signed(digest=wrong).call("/sessions", body)
    assert (answer.status, answer.code) == (401, "invalid_digest")
    assert right in answer["message"] and "digest" in answer["message"]


def test_whitespace_is_the_senders_own(signed, tenant):
    body = {"client_id": tenant.client_id, "skill": SKILL, "client_app_key": tenant.client_app_key,
            "tenant_user_id": 'a "b" \\ \t c  {d}'}
    client = signed()
    for text in (json.dumps(body, indent=4), json.dumps(body, separators=(",", ":")), "\r\n\t " + json.dumps(body) + "\n"):
        assert client.call("/sessions", text).status == 200
    told = digest(json.dumps(body).encode())
    answer = signed(digest=told).call("/sessions", json.dumps({**body, "tenant_user_id": 'a "b" \\ \t c {d}'}))
    assert answer.code == "invalid_digest", "within a string it counts"


def _chunked(pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def test_chunked_and_empty_bodies(signed, key, tenant):
    body = json.dumps({"client_id": tenant.client_id, "skill": SKILL, "client_app_key": tenant.client_app_key}).encode()

    def send(framed, signed_body):
        head = ("POST /v1s/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"Transfer-Encoding: chunked\r\nAuthorization: {authorization(key, signed_body)}\r\n\r\n")
        return signed().raw(head.encode() + framed, silence=0.1)[0]
    assert send(_chunked([body[i:i + 1] for i in range(len(body))]), body).status == 200
    assert send(_chunked([body[:7], body[8:]]), body).code == "invalid_digest"
    assert send(_chunked([]), body).code == "invalid_digest"
    assert send(_chunked([]), b"").code == "invalid_body"


def test_two_requests_on_one_connection(signed, key, tenant):
    body = json.dumps({"client_id": tenant.client_id, "skill": SKILL, "client_app_key": tenant.client_app_key}).encode()

    def request(header):
        return (f"POST /v1s/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{header}\r\n").encode() + body
    good, none = request(f"Authorization: {authorization(key, body)}\r\n"), request("")
    client = signed()
    assert [a.status for a in client.raw(good + none + good, silence=0.5, answers=3)] == [200, 401, 200]


def test_what_is_off_looks_at_nothing(server, tenant):
    client = server.client(tenant, sign=lambda *_: {"authorization": "Bearer nonsense", "signature": "x=:AAAA:"})
    assert client.start_session(SKILL).status == 200
    client.close()


def test_forms_of_keys(server, tenant):
    keys = [Key() for _ in range(5)]
    forms = [keys[0].public_jwk(kid="form-1", use="sig", alg="RS256"), json.dumps({"keys": [json.loads(
        keys[1].public_jwk(kid="form-2"))]}), keys[2].pem, certificate(keys[3]),
        json.dumps({"form-5": certificate(keys[4])})]
    mine = server.create_tenant("Forms of keys", DEMO_SKILLS)
    for pair, form in zip(keys, forms):
        kid, = server.add_key(mine, "forms@bank.example", form)
        client = server.client(mine, base="/v1s", sign=Signer(pair, "forms@bank.example", kid=kid))
        assert client.start_session(SKILL).status == 200
        client.close()
    private = server.finqctl("key", "add", mine.client_id, "--issuer", "a@b", "/dev/null", check=False)
    assert private.returncode == 1


def test_finqctl_signs_and_explains(server, signed, tenant, key, tmp_path):
    pem, public, body = tmp_path / "key.pem", tmp_path / "public.pem", tmp_path / "body.json"
    pem.write_text(key.private_pem)
    public.write_text(key.pem)
    body.write_text(json.dumps({"client_id": tenant.client_id, "skill": SKILL, "client_app_key": tenant.client_app_key},
                               indent=1))
    header = server.finqctl("sign", "--key", pem, "--issuer", ISSUER, "--jti", body, check=False).stdout.strip()
    name, value = header.split(": ")
    client = server.client(tenant, base="/v1s", sign=lambda *_: {name: value})
    assert client.call("/sessions", body.read_text()).status == 200
    assert client.call("/sessions", body.read_text()).code == "invalid_signature", "--jti makes it single"
    client.close()
    told = server.finqctl("verify", "--key", public, header, body)
    assert told["good"] and told["passed"][-1] == "digest" and told["digest"] == digest(body.read_bytes())
    body.write_text("{}")
    told = server.finqctl("verify", "--key", public, header, body, check=False)
    assert told.returncode == 1 and "(digest)" in json.loads(told.stdout)["failed"]
    assert server.finqctl("sign", "--key", pem, "--issuer", "x", "--lifetime", "1e3", body, check=False).returncode == 2


# -- the life of keys

@pytest.fixture(scope="module")
def quick(make_module_server):
    """A server that remembers keys for two seconds, in one child, and counts what it asks."""
    return make_module_server(directives={"FinqKeyCacheTTL": "2s"}, children=1, postgres={"track_functions": "'all'"})


@pytest.fixture
def company(quick):
    """company() makes a tenant; its clients sign with a key and issuer."""
    clients = []

    def connect(tenant, pair, issuer, **options):
        clients.append(quick.client(tenant, base="/v1s", sign=Signer(pair, issuer, **options)))
        return clients[-1]
    yield connect
    for client in clients:
        client.close()


def _tenant(quick):
    return quick.create_tenant(f"Tenant {secrets.token_hex(4)}", DEMO_SKILLS)


def test_rotation_and_revocation(quick, company):
    mine, old, new = _tenant(quick), Key(), Key()
    quick.add_key(mine, ISSUER, old.pem)
    assert company(mine, old, ISSUER).start_session(SKILL).status == 200
    time.sleep(1.1)  # or the unknown kid has just been asked for
    quick.add_key(mine, ISSUER, new.pem)
    assert company(mine, new, ISSUER).start_session(SKILL).status == 200, "at once: an unknown kid is asked for"
    quick.finqctl("key", "revoke", mine.client_id, "--", old.thumbprint)
    time.sleep(2.1)
    answer = company(mine, old, ISSUER).start_session(SKILL)
    assert answer.status == 401 and "(key revoked)" in answer["message"]
    assert company(mine, new, ISSUER).start_session(SKILL).status == 200
    quick.httpd.log.allow("no such")
    back = quick.finqctl("key", "add", mine.client_id, "--issuer", ISSUER, _file(quick, old.pem), check=False)
    assert back.returncode == 4, "a revoked key never comes back"
    assert quick.finqctl("key", "revoke", mine.client_id, "nobody", check=False).returncode == 3
    assert len(quick.finqctl("key", "list", mine.client_id)) == 2


def _file(quick, text):
    file = quick.directory / f"material-{secrets.token_hex(4)}"
    file.write_text(text)
    return file


def test_ten_live_keys(quick):
    mine, keys = _tenant(quick), [Key() for _ in range(11)]
    kids = [quick.add_key(mine, "ten@bank.example", key.pem)[0] for key in keys[:10]]
    full = quick.finqctl("key", "add", mine.client_id, "--issuer", "ten@bank.example", _file(quick, keys[10].pem),
                         check=False)
    assert full.returncode == 1 and "10" in full.stderr
    assert quick.add_key(mine, "ten@bank.example", keys[3].pem) == [kids[3]], "the same again changes nothing"
    quick.finqctl("key", "revoke", mine.client_id, "--", kids[0])
    quick.add_key(mine, "ten@bank.example", keys[10].pem)


def test_an_issuer_of_several_tenants(quick, company):
    one, two, stranger, pair, other = _tenant(quick), _tenant(quick), _tenant(quick), Key(), Key()
    issuer = "shared@company.example"
    quick.add_key(one, issuer, pair.public_jwk(kid="shared"))
    quick.add_key(two, issuer, pair.public_jwk(kid="shared"))
    quick.add_key(stranger, "other@company.example", other.pem)
    for tenant in (one, two):
        assert company(tenant, pair, issuer, kid="shared").start_session(SKILL).status == 200
    answer = company(stranger, pair, issuer, kid="shared").start_session(SKILL)
    assert answer.status == 401 and "(iss)" in answer["message"]
    clash = quick.finqctl("key", "add", stranger.client_id, "--issuer", issuer, _file(quick, Key().public_jwk(kid="shared")),
                          check=False)
    assert clash.returncode == 4, "a kid means one key of an issuer"
    quick.finqctl("key", "revoke", two.client_id, "shared")
    time.sleep(2.1)
    answer = company(two, pair, issuer, kid="shared").start_session(SKILL)
    assert answer.status == 401 and "(key revoked)" in answer["message"]
    assert company(one, pair, issuer, kid="shared").start_session(SKILL).status == 200


def _anonymous(key, header, claims):
    """A JWS that names no kid."""
    return MAKERS["PyJWT"](key, {name: value for name, value in header.items() if name != "kid"}, claims)


def test_tenants_that_call_the_same_key_differently(quick, company):
    """Where no kid is sent the key is asked for, and not what one of them calls it. Red without by_any_kid (one), without
    is_same (a third one's other key), without the look at the algorithm (pss), and where a jti is used by the kid that was found
    first."""
    one, two, third, pss, pair = _tenant(quick), _tenant(quick), _tenant(quick), _tenant(quick), Key()
    issuer = "differently@company.example"
    quick.add_key(one, issuer, pair.public_jwk(kid="one", alg="RS256"))
    quick.add_key(third, issuer, Key().public_jwk(kid="three", alg="RS256"))
    quick.add_key(pss, issuer, pair.pem, "--algorithm", "rsa-pss-sha512")
    body = json.dumps({"client_id": one.client_id, "client_app_key": one.client_app_key, "skill": SKILL}).encode()
    once = f"Bearer {_anonymous(pair, {}, claims_of(issuer, body, jti='once'))}"
    client = quick.client(one, base="/v1s")
    assert client.call("/sessions", body, authorization=once).status == 200
    quick.add_key(two, issuer, pair.public_jwk(kid="two", alg="RS256"))
    time.sleep(2.1)
    again = client.call("/sessions", body, authorization=once)
    assert again.status == 401 and "(jti)" in again["message"]
    client.close()
    for tenant in (one, two):
        assert company(tenant, pair, issuer, maker=_anonymous).start_session(SKILL).status == 200
    for tenant in (third, pss):
        answer = company(tenant, pair, issuer, maker=_anonymous).start_session(SKILL)
        assert answer.status == 401 and "(iss)" in answer["message"]
    answer = company(one, pair, issuer, kid="two").start_session(SKILL)
    assert answer.status == 401 and "(iss)" in answer["message"], "a kid that is named is asked for"
    quick.finqctl("key", "revoke", one.client_id, "one")
    time.sleep(2.1)
    answer = company(one, pair, issuer, maker=_anonymous).start_session(SKILL)
    assert answer.status == 401 and "(key revoked)" in answer["message"]
    assert company(two, pair, issuer, maker=_anonymous).start_session(SKILL).status == 200


def _asked(quick):
    time.sleep(1.2)  # PostgreSQL's own statistics are late
    return int(quick.psql("SELECT coalesce(sum(calls), 0) FROM pg_stat_user_functions WHERE funcname = 'signing_keys'"))


def test_how_often_the_database_is_asked(quick, company):
    mine, pair = _tenant(quick), Key()
    quick.add_key(mine, "asked@bank.example", pair.pem)
    client, unknown = company(mine, pair, "asked@bank.example"), company(mine, pair, "asked@bank.example", kid="unknown")
    nobody = company(mine, pair, "nobody@bank.example")
    client.start_session(SKILL)
    before, start = _asked(quick), time.monotonic()
    while time.monotonic() - start < 1.5:
        assert client.start_session(SKILL).status == 200
        assert "(unknown kid)" in unknown.start_session(SKILL)["message"]
        assert "(unknown kid)" in nobody.start_session(SKILL)["message"]
    took = time.monotonic() - start
    assert _asked(quick) - before <= 3 + 2 * took


# -- once

def test_a_jti_is_used_once_on_all_servers(quick, make_server, company):
    second = make_server(cluster=quick.postgres, database="finq")
    mine, pair = _tenant(quick), Key()
    quick.add_key(mine, "once@bank.example", pair.pem)
    body = json.dumps({"client_id": mine.client_id, "skill": SKILL, "client_app_key": mine.client_app_key}).encode()
    header = authorization(pair, body, issuer="once@bank.example", jti="j-1")
    elsewhere = second.client(mine, base="/v1s")
    here = quick.client(mine, base="/v1s")
    damaged = here.call("/sessions", body.replace(b"xyz_card", b"xyz_bard"), authorization=header)
    assert damaged.code == "invalid_digest", "a refused request uses up nothing"
    assert here.call("/sessions", body, authorization=header).status == 200
    for client in (here, elsewhere):
        again = client.call("/sessions", body, authorization=header)
        assert again.status == 401 and "(jti)" in again["message"] and "j-1" in again["message"]
    fresh = authorization(pair, body, issuer="once@bank.example", jti="j-2")
    assert elsewhere.call("/sessions", body, authorization=fresh).status == 200
    elsewhere.close()
    here.close()


def test_a_jti_may_be_required(make_server):
    strict = make_server(directives={"FinqSignatureReplay": "require", "FinqSignatureAudience": "bank.example",
                                     "FinqSignatureMaxLifetime": "60"})
    mine, pair = strict.create_tenant("Strict", DEMO_SKILLS), Key()
    strict.add_key(mine, ISSUER, pair.pem)

    def start(**changes):
        client = strict.client(mine, base="/v1s", sign=Signer(pair, ISSUER, **{"aud": "bank.example", **changes}))
        answer = client.start_session(SKILL)
        client.close()
        return answer
    now = int(time.time())
    assert start(jti="a", exp=now + 50).status == 200
    assert "(jti)" in start(exp=now + 50)["message"]
    assert "(lifetime)" in start(jti="b")["message"]
    assert "(aud)" in start(jti="c", exp=now + 50, aud="api.finqware.com")["message"]
    assert start(jti="d", exp=now + 50, aud=["x", "bank.example"]).status == 200
