"""A person's data, told and ended over HTTP: POST /users/export, POST /users/erase, GET /keys (contract section 15).

Seen red: see each test.
"""
import base64
import concurrent.futures
import contextlib
import json
import socket
import uuid

import pytest

from finqenv import sandbox
from finqenv.ends import client, person, settle  # noqa: F401
from finqenv.flows import AISP, CARD, begin, submit, walk
from finqenv.installation import DEMO_SKILLS
from finqenv.locks import WAITING, Blocker
from finqenv.process import run, until
from finqenv.wire import is_error, request


@pytest.fixture(scope="module")
def own(make_module_server, server):
    made = make_module_server(cluster=server.postgres, database="users", children=1, plain=True, vhost=sandbox.BANK)
    settle(made, "Tells and ends", (*DEMO_SKILLS, sandbox.SKILL))
    made.finqctl("tenant", "redirect-allow", made.tenant.client_id, sandbox.LINK)
    return made


def named(credentials):
    return {"credentials_id": credentials["credentials_id"], "access_token": credentials["access_token"]}


def export(client, **whose):
    answer = client.user("export", **whose)
    assert answer.status == 200, answer.body
    return answer.json


def erase(client, **whose):
    answer = client.user("erase", **whose)
    assert answer.status == 200, answer.body
    return answer["receipt"]


def claims(receipt):
    return json.loads(base64.urlsafe_b64decode(receipt.split(".")[1] + "=="))


def nothing_of(shown):
    return not any(shown[part] for part in ("sessions", "consents", "accounts", "transactions", "pages", "events", "documents"))


def test_all_that_is_held_is_shown(own, client, person):
    """As finqctl shows it, and of nobody else. Red where finq.person_rows leaves a part out, or looks at another's."""
    credentials = sandbox.agree(client, "1000", tenant_user_id=person)
    under_way = walk(client, CARD, to=1, tenant_user_id=person)
    sandbox.agree(client, "1000", tenant_user_id=f"{person} else")
    shown = export(client, tenant_user_id=person)
    assert shown["tenant_user_id"] == person and "credentials_id" not in shown
    assert [one["credentials_id"] for one in shown["consents"]] == [credentials["credentials_id"]]
    sessions = {one["session_id"]: one for one in shown["sessions"]}
    assert set(sessions) == {credentials["session_id"], under_way.session_id}
    assert sessions[under_way.session_id]["tenant_user_id"] == person and sessions[under_way.session_id]["steps"][0]["data"]["first_name"]
    assert {one["session_id"] for one in shown["documents"]} == {under_way.session_id}
    assert {one["data"]["session_id"] for one in shown["events"]} == {credentials["session_id"]}
    told = client.data("/accounts/get", credentials).json
    assert {one["id"]: one["data"] for one in shown["accounts"]} == {one["id"]: one["data"] for one in told}
    transactions = client.data("/transactions/get", credentials).json
    assert len(transactions) > 500, "more than a page"
    by_id = {one["id"]: one for one in shown["transactions"]}
    assert len(by_id) == len(shown["transactions"]) and by_id == {
        one["id"]: {**one, "credentials_id": credentials["credentials_id"], "ended_at": None} for one in transactions}
    said = own.finqctl("user", "export", own.tenant.client_id, person)
    assert {**said, "exported_at": ""} == {**shown, "exported_at": ""}
    assert nothing_of(export(client, tenant_user_id="nobody"))


def transactions_of(client, credentials):
    """By their ids, as the bank has them today: the person is there, and the bank is asked."""
    client.data("/accounts/get", credentials, **sandbox.PERSON)
    return {one["id"]: one["data"] for one in client.data("/transactions/get", credentials).json}


def test_what_the_bank_has_corrected_is_shown(own, client, person):
    """As long as it is kept, with what it said before; a receipt counts transactions, not versions. Red where finq.person_rows tells only
    what is in force."""
    credentials = sandbox.agree(client, "1005", tenant_user_id=person)
    now, corrected = transactions_of(client, credentials), {}
    for _ in range(10):  # the bank corrects one of eight, by chance
        own.finqctl("sandbox", "date", "--days", "10")
        before, now = now, transactions_of(client, credentials)
        corrected = {name: data for name, data in before.items() if now[name] != data}
        if corrected:
            break
    shown = export(client, tenant_user_id=person)["transactions"]
    ended = {one["id"]: one["data"] for one in shown if one["ended_at"]}
    assert {one["id"]: one["data"] for one in shown if not one["ended_at"]} == now
    assert ended == corrected != {}
    assert claims(erase(client, tenant_user_id=person))["counts"]["transactions"] == len(now)


def test_more_sessions_than_a_page(own, client, person):
    """Red where finq.person_page tells no `next`."""
    users = [walk(client, AISP, tenant_user_id=person) for _ in range(21)]
    shown = export(client, tenant_user_id=person)
    assert [one["session_id"] for one in shown["sessions"]] == sorted(user.session_id for user in users)


def test_an_erasure_leaves_a_receipt(own, client, person, tmp_path):
    """That verifies with /keys, by finqctl and by anybody's own means; the same again. Red where finq_api_keys shows another key."""
    credentials = sandbox.agree(client, "1000", tenant_user_id=person)
    transactions = len(client.data("/transactions/get", credentials).json)
    receipt = erase(client, tenant_user_id=person)
    said = claims(receipt)
    assert said["counts"] == {"sessions": 1, "steps": 1, "documents": 0, "consents": 1, "accounts": 2, "transactions": transactions, "payments": 0, "pages": 0}
    assert person not in json.dumps(said) and erase(client, tenant_user_id=person) == receipt
    keys = client.request("GET", "/v1/keys")
    assert keys.status == 200 and keys.headers["cache-control"] == "public, max-age=300"
    header = json.loads(base64.urlsafe_b64decode(receipt.split(".")[0] + "=="))
    assert header["kid"] == keys.json["keys"][0]["kid"]
    (tmp_path / "keys.json").write_bytes(keys.body)
    (tmp_path / "receipt").write_text(receipt)
    assert own.finqctl("receipt", "verify", "--key", tmp_path / "keys.json", tmp_path / "receipt") == said
    x = base64.urlsafe_b64decode(keys.json["keys"][0]["x"] + "=")
    (tmp_path / "key.der").write_bytes(bytes.fromhex("302a300506032b6570032100") + x)
    signed, signature = receipt.rsplit(".", 1)
    (tmp_path / "signed").write_text(signed)
    (tmp_path / "signature").write_bytes(base64.urlsafe_b64decode(signature + "=="))
    run("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", tmp_path / "key.der", "-keyform", "DER", "-rawin", "-in", tmp_path / "signed",
        "-sigfile", tmp_path / "signature")
    assert nothing_of(export(client, tenant_user_id=person))
    assert own.finqctl("user", "erase", own.tenant.client_id, person, "--receipt-key", own.receipt_key_file)["receipt"] == receipt


def test_whoever_has_no_id_is_named_by_a_consent(own, client):
    """And by nothing else of it. Red without access_token_hash in finq.user_erase, and without p_credentials_id in
    finq.person_consents."""
    credentials, others = (sandbox.agree(client, "1000") for _ in range(2))
    shown = export(client, **named(credentials))
    assert shown["credentials_id"] == credentials["credentials_id"] and "tenant_user_id" not in shown
    assert [one["session_id"] for one in shown["sessions"]] == [credentials["session_id"]] and len(shown["accounts"]) == 2
    assert is_error(client.user("erase", **{**named(credentials), "access_token": others["access_token"]}), 401, "invalid_access_token")
    receipt = erase(client, **named(credentials))
    assert claims(receipt)["counts"]["consents"] == 1 and erase(client, **named(credentials)) == receipt
    assert is_error(client.user("erase", **{**named(credentials), "access_token": others["access_token"]}), 401, "invalid_credentials_id")
    assert is_error(client.user("export", **named(credentials)), 401, "invalid_credentials_id")
    assert is_error(client.consent("get", credentials), 401, "invalid_credentials_id")
    assert client.consent("get", others).status == 200 and len(export(client, **named(others))["accounts"]) == 2


def test_the_operator_names_them_by_a_consent_too(own, client, person):
    """finqctl needs no access_token for it. Red without finq.person_named in either call of verbs_user.c, and without each of its lines."""
    credentials, others = (sandbox.agree(client, "1000", **more) for more in ({}, {"tenant_user_id": person}))
    key = ("--receipt-key", own.receipt_key_file)

    def ctl(verb, *words, tenant=own.tenant, check=False):
        return own.finqctl("user", verb, tenant.client_id, *words, *(key if verb == "erase" else ()), check=check)
    by_consent, by_other = (("--consent", held["credentials_id"]) for held in (credentials, others))
    shown = ctl("export", *by_consent, check=True)
    assert {**shown, "exported_at": 0} == {**export(client, **named(credentials)), "exported_at": 0} and len(shown["accounts"]) == 2
    stranger = own.create_tenant(f"Asks by a consent {uuid.uuid4()}")
    for verb in ("export", "erase"):
        for words, tenant, code, said in (((), own.tenant, 2, "by TENANT_USER_ID, or by --consent"),
                                          ((person, *by_consent), own.tenant, 2, "by TENANT_USER_ID, or by --consent"),
                                          (by_other, own.tenant, 1, "name them by that"), (by_consent, stranger, 3, "has no consent"),
                                          (("--consent", str(uuid.UUID(int=1))), own.tenant, 3, "has no consent")):
            refused = ctl(verb, *words, tenant=tenant)
            assert refused.returncode == code and said in refused.stderr and refused.stdout == "", (verb, words)
    done = ctl("erase", *by_consent, check=True)
    assert done["erased"]["counts"]["consents"] == 1 and ctl("erase", *by_consent, check=True) == done
    assert nothing_of(ctl("export", *by_consent, check=True)) and is_error(client.consent("get", credentials), 401, "invalid_credentials_id")
    assert client.consent("get", others).status == 200


def test_a_renewal_ends_with_its_consent(own, client):
    """Of who has no id: one whose step was taken, and one that was only started. Red without finq_sealed_whose_mac in
    finq_session_user_mac, and where finqctl data-key rewrap forgets whose a renewal is."""
    credentials = sandbox.agree(client, "1000")
    users = []
    for _ in range(2):
        user = begin(client, sandbox.SKILL)
        started = client.consent("renew", credentials)
        user.session_id, user.nonce = started["session_id"], started["nonce"]
        users.append(user)
    taken, started = users
    page = taken.submit("sca", {"psu_redirect_link": sandbox.LINK})["data"]["url"]
    path = sandbox.choose(client, page, "approve", "1000")
    mac = own.psql(f"SELECT user_mac FROM finq.session WHERE session_id = '{taken.session_id}'")
    rewrapped(own, lambda: own.finqctl("data-key", "rewrap"))
    assert own.psql(f"SELECT user_mac FROM finq.session WHERE session_id = '{taken.session_id}'") not in (mac, "")
    assert claims(erase(client, **named(credentials)))["counts"]["sessions"] == 2
    assert is_error(client.request("GET", path), 401, "expired_session")
    assert is_error(started.submit("sca", {"psu_redirect_link": sandbox.LINK}), 401, "expired_session")
    assert own.psql(f"SELECT num_nonnulls(data_key, user_mac, renews, return_link) FROM finq.session WHERE session_id = '{taken.session_id}'") == "0"


def rewrapped(own, rewrap):
    """With a key more before the one of the file, for the operator and, from then on, for the server."""
    before = own.data_key_file.read_text()
    own.data_key_file.write_text("ab" * 32 + "\n" + before)
    rewrap()
    own.httpd.restart()


def test_all_that_was_given_before_has_expired(own, client, person):
    """A start's nonce, those of a session under way, before and after its last step, an upload, a look, a temp_token, a repeated
    exchange, and a visit to a bank. Red without session_is_erased in each function of the database that asks for it."""
    started = begin(client, CARD, tenant_user_id=person)
    under_way = walk(client, CARD, to=1, tenant_user_id=person)
    first_nonce = under_way.step_nonce
    done = walk(client, AISP, tenant_user_id=person)
    exchanged = walk(client, AISP, tenant_user_id=person)
    assert exchanged.exchange().status == 200
    away = begin(client, sandbox.SKILL, tenant_user_id=person)
    page = away.submit("sca", {"psu_redirect_link": sandbox.LINK})["data"]["url"]
    path = sandbox.choose(client, page, "approve", "1000")
    erase(client, tenant_user_id=person)

    def asks(verb):
        return client.call(f"/sessions/{under_way.session_id}/{verb}", {"client_id": own.tenant.client_id, "nonce": under_way.nonce})
    answers = {"start": submit(started, 1), "next": submit(under_way, 2), "look": asks("status"), "back": asks("back"), "cancel": asks("cancel"),
               "exchange": done.exchange(), "again": exchanged.exchange(), "return": client.request("GET", path)}
    under_way.nonce = first_nonce
    answers["repeated"] = submit(under_way, 1)
    assert {what for what, answer in answers.items() if not is_error(answer, 401, "expired_session")} == set()


@pytest.mark.parametrize("whose, status, code, fields", [
    ({}, 400, "missing_fields", ["tenant_user_id"]),
    ({"credentials_id": str(uuid.UUID(int=1))}, 400, "missing_fields", ["access_token"]),
    ({"access_token": "token"}, 400, "missing_fields", ["credentials_id"]),
    ({"tenant_user_id": "user-1", "access_token": "token"}, 400, "invalid_field", None),
    ({"tenant_user_id": ""}, 400, "invalid_field", None),
    ({"tenant_user_id": "x" * 257}, 400, "invalid_field", None),
    ({"tenant_user_id": 1}, 400, "invalid_field", None),
    ({"credentials_id": "1", "access_token": "token"}, 400, "invalid_credentials_id", None),
    ({"credentials_id": str(uuid.UUID(int=1)), "access_token": "token"}, 401, "invalid_credentials_id", None),
    ({"tenant_user_id": "user-1", "client_secret": "another"}, 401, "invalid_client_secret", None),
    ({"tenant_user_id": "user-1", "client_id": str(uuid.UUID(int=1))}, 401, "invalid_client_id", None),
    ({"tenant_user_id": "user-1", "everything": True}, 400, "unknown_fields", ["everything"]),
])
def test_what_is_refused(client, whose, status, code, fields):
    for verb in ("export", "erase"):
        answer = client.user(verb, **whose)
        assert is_error(answer, status, code) and answer.json.get("fields") == fields, answer.body


def test_a_consent_of_somebody_with_an_id_names_nobody(own, client, person):
    """Nor does another tenant's consent, or id. Red where finq.person_claim does not look at tenant_user_id."""
    credentials = sandbox.agree(client, "1000", tenant_user_id=person)
    for verb in ("export", "erase"):
        assert is_error(client.user(verb, **named(credentials)), 400, "invalid_field")
    other = own.client(own.create_tenant(f"Stranger {uuid.uuid4()}"))
    for verb in ("export", "erase"):
        assert is_error(other.user(verb, **named(credentials)), 401, "invalid_credentials_id")
    assert claims(erase(other, tenant_user_id=person))["counts"]["sessions"] == 0
    assert client.consent("get", credentials).status == 200
    other.close()


def test_the_trail_holds_nothing_of_them(own, client, person):
    """No line of it does. Red where finq.person_erase tells p_tenant_user_id there."""
    user = walk(client, CARD, tenant_user_id=person)
    export(client, tenant_user_id=person)
    said = claims(erase(client, tenant_user_id=person))
    lines = own.psql("SELECT string_agg(a::text, ' ') FROM finq.audit a")
    assert said["id"] in lines and user.session_id not in lines
    assert not [text for text in (person, said["user"], "Popescu", "ana.popescu@example.com", "RO49AAAA1B31007593840000") if text in lines]


@pytest.fixture
def another(own):
    """Another tenant's client."""
    connected = own.client(own.create_tenant(f"Another {uuid.uuid4()}"))
    yield connected
    connected.close()


def waiting(own):
    return len(own.psql(f"{WAITING} AND datname = current_database()").split())


def test_two_at_a_time(own, client, another, person):
    """Of a child's erasures: one more is told so at once, and nobody else waits. The two are one erasure. Red without `erasing` in
    finq_api_user_erase, with `asking` in its place, and where finq.person_erase does not look again once it has the person's lock."""
    walk(client, CARD, to=1, tenant_user_id=person)
    own.httpd.log.expect("too many erasures under way in this child")
    others = [own.client(own.tenant) for _ in range(2)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        with Blocker(own, f"SELECT pg_advisory_xact_lock(finq.person_lock({own.user_mac(own.tenant, person)}))"):
            erased = [pool.submit(erase, other, tenant_user_id=person) for other in others]
            until(lambda: waiting(own) == 2, what="two that wait")
            answer = another.user("erase", tenant_user_id="user-1")
            assert is_error(answer, 503, "service_unavailable") and answer.headers["retry-after"]
            assert nothing_of(export(client, tenant_user_id="user-1")) and walk(client, CARD, to=1).step_id
        first, second = (each.result() for each in erased)
    assert first == second and claims(first)["counts"]["sessions"] == 1 and nothing_of(export(client, tenant_user_id=person))
    for other in others:
        other.close()


def slow_reader(own, tenant, **whose):
    """A socket that has asked for an export, and reads no more than its first byte. Small segments make small buffers."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    reader.settimeout(30)
    reader.connect(("127.0.0.1", own.httpd.settings.plain_port))
    body = json.dumps({"client_id": tenant.client_id, "client_secret": tenant.client_secret, **whose}).encode()
    reader.sendall(request("/v1/users/export", body, ["Content-Type: application/json"]))
    assert reader.recv(1) == b"H"
    return reader


@pytest.fixture
def tenants(own):
    """Three, each with a client and a person of whom there is more than buffers hold."""
    made = []
    for _ in range(3):
        tenant = own.create_tenant(f"Reads slowly {uuid.uuid4()}", (*DEMO_SKILLS, sandbox.SKILL))
        own.finqctl("tenant", "redirect-allow", tenant.client_id, sandbox.LINK)
        client = own.client(tenant)
        client.data("/transactions/get", sandbox.agree(client, "1000", tenant_user_id="slow"))
        assert len(client.user("export", tenant_user_id="slow").body) > 150_000
        made.append(client)
    yield made
    for client in made:
        client.close()


def test_who_reads_slowly_is_in_nobodys_way(own, tenants, another, person):
    """A tenant has one export at a time in a child, read or not; neither others' exports nor anybody's erasures hang on it. Red where page_ask
    or finq_api_user_export releases nothing, where holder_of answers the same for all, where no permit is asked for, and where a tenant may
    have two: there are four."""
    own.httpd.log.allow("too many exports under way in this child")  # one line a second
    with contextlib.ExitStack() as stack:
        for client in tenants:
            for _ in range(2):
                stack.enter_context(slow_reader(own, client.tenant, tenant_user_id="slow"))
            more = client.user("export", tenant_user_id="user-1")
            assert is_error(more, 503, "service_unavailable") and more.headers["retry-after"]
        for _ in range(3):
            assert nothing_of(export(another, tenant_user_id=person)) and erase(another, tenant_user_id=person)
            assert erase(tenants[0], tenant_user_id="user-1")
    for client in tenants:
        until(lambda: client.user("export", tenant_user_id="user-1").status == 200, what="the end of those who are gone")


def test_who_lacks_the_secret_takes_nobodys_export(own, client, another, person):
    """A client_id is no secret. Red where the permit is taken before the database was asked."""
    own.psql("ALTER FUNCTION finq.user_export SET lock_timeout = '3s'")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        with Blocker(own, "LOCK TABLE finq.tenant_key"):
            stranger = own.client(client.tenant)
            wrong = pool.submit(stranger.user, "export", tenant_user_id=person, client_secret=another.tenant.client_secret)
            until(lambda: waiting(own) == 1, what="the stranger's call")
            right = pool.submit(export, client, tenant_user_id=person)
            until(lambda: waiting(own) == 2 or right.done(), what="the tenant's call")
        assert is_error(wrong.result(), 401, "invalid_client_secret") and nothing_of(right.result())
    stranger.close()
    own.psql("ALTER FUNCTION finq.user_export RESET lock_timeout")


def test_exports_take_turns(own, client, another, person):
    """Two of a child's have the database look for them at once, whosever they are; one more waits, and is not refused. Red where turn_wait
    refuses at once, and where it takes no permit (three that wait for the lock)."""
    clients = [own.client(own.create_tenant(f"Waits {uuid.uuid4()}")), client]
    own.psql("ALTER FUNCTION finq.user_export SET lock_timeout = '3s'")
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        with Blocker(own, "LOCK TABLE finq.page"):
            first = [pool.submit(export, each, tenant_user_id=person) for each in clients]
            until(lambda: waiting(own) == 2, what="two that wait")
            last = pool.submit(export, another, tenant_user_id=person)
            assert not concurrent.futures.wait([last], 0.3).done and waiting(own) == 2
        assert all(nothing_of(each.result()) for each in (*first, last))
    own.psql("ALTER FUNCTION finq.user_export RESET lock_timeout")
    clients[0].close()


@pytest.fixture
def own_receipts(own):
    """The server has its own key for receipts again afterwards."""
    before = own.httpd.settings.directives["FinqReceiptKey"]
    yield
    own.httpd.settings.directives["FinqReceiptKey"] = before
    own.httpd.graceful()


@pytest.mark.usefixtures("own_receipts")
def test_keys_change(own, client, person, tmp_path):
    """The first signs, /keys shows all; without one nothing is erased. Red where
    finq_api_user_erase asks for it behind the database."""
    user = walk(client, CARD, to=1, tenant_user_id=person)
    newer, directives = tmp_path / "newer.pem", own.httpd.settings.directives
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", newer)
    newer.chmod(0o600)
    before = directives.pop("FinqReceiptKey")
    own.httpd.restart()
    own.httpd.log.expect("FinqReceiptKey is not set on this host")
    assert is_error(client.user("erase", tenant_user_id=person), 503, "service_unavailable")
    assert client.request("GET", "/v1/keys").json == {"keys": []} and len(export(client, tenant_user_id=person)["sessions"]) == 1
    directives["FinqReceiptKey"] = f'"{newer}" "{before}"'
    own.httpd.restart()
    kids = [key["kid"] for key in client.request("GET", "/v1/keys")["keys"]]
    header = erase(client, tenant_user_id=person).split(".")[0]
    assert len(set(kids)) == 2 and json.loads(base64.urlsafe_b64decode(header + "=="))["kid"] == kids[0]
    assert is_error(submit(user, 2), 401, "expired_session")
