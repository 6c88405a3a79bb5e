"""Facts in members of their own (contract section 1, "Errors"): what a program needs of an error, without a word of its message.

Seen red: put_fact without effect; finq_error_tell or finq_error_tell_number without effect, finq_error_missing or type_refused
without their fact; missing_uploads told as one text.
"""
import pytest

from finqenv import documents
from finqenv.banking import definition, step
from finqenv.client import Document
from finqenv.flows import CARD, begin, publish, steps, submit, walk
from finqenv.signing import Key, Signer
from finqenv.uploads import DEFINITION, SMALL, Desk, form, form_head, part, parts_of
from finqenv.wire import chunked, is_error, request

NAMED = {"/sessions": ["client_id", "client_app_key", "skill"], "/tokens": ["client_id", "client_secret", "temp_token"],
         "/sessions/6e1f4a3c-52d0-4b8e-9a77-0c1d2e3f4a5b/steps": ["client_id", "nonce", "skill", "step", "data"]}


@pytest.fixture(scope="module")
def desk(server):
    return Desk(server, "Facts tenant")


@pytest.fixture
def paper(desk):
    return desk.user(desk.plain)


@pytest.mark.parametrize("path", NAMED)
def test_missing_fields_are_listed(client, path):
    answer = client.call(path, {})
    assert is_error(answer, 400, "missing_fields") and answer["fields"] == NAMED[path]


def test_unknown_fields_are_listed_as_they_were_sent(client):
    answer = client.call("/sessions", {"skill": "x", "größe": 1, "a\nb": 2, "x" * 300: 3})
    assert is_error(answer, 400, "unknown_fields") and answer["fields"] == ["größe", "a?b", "x" * 256]
    answer = client.call("/sessions", {f"m{i}": 1 for i in range(100)})
    assert answer["fields"] == [f"m{i}" for i in range(32)]


def test_a_signed_call_without_a_client_is_told_so(server, tenant):
    key = Key()
    server.add_key(tenant, "facts", key.pem)
    answer = server.client(tenant, base="/v1s", sign=Signer(key, "facts")).call("/sessions", {})
    assert is_error(answer, 400, "missing_fields") and answer["fields"] == ["client_id"]


def send_form(user, parts):
    body = form("XX", parts)
    answer, = user.client.raw(form_head(user, "XX", len(body)) + body)
    return answer


def test_missing_headers_and_parts_are_listed(paper):
    answer = paper.client.call(f"/steps/{paper.step_id}/upload", b"", content_type="image/png")
    assert is_error(answer, 400, "missing_fields") and answer["fields"] == ["X-Finq-Client-Id", "X-Finq-Nonce", "X-Finq-Document"]
    client, nonce, document, file = parts_of(paper, documents.png())
    assert send_form(paper, [client])["fields"] == ["nonce", "document", "file"]
    assert send_form(paper, [part("file", b"x" * 70000), client, nonce, document])["fields"] == ["client_id", "nonce", "document"]


def test_an_unknown_part_is_named(paper):
    client, nonce, document, file = parts_of(paper, documents.png())
    answer = send_form(paper, [client, nonce, part("title", "x"), document, file])
    assert is_error(answer, 400, "unknown_fields") and answer["fields"] == ["title"] and "title" in answer["message"]


def test_missing_documents_are_listed(client):
    user = begin(client)
    submit(user, 1)
    answer = submit(user, 2)
    asked = [upload["document"] for upload in steps(CARD)[0]["uploads"] if upload["required"]]
    assert is_error(answer, 400, "missing_uploads") and answer["documents"] == asked and len(asked) > 1
    user.upload(asked[0], documents.png())
    assert submit(user, 2)["documents"] == asked[1:]
    last = walk(client, CARD, to=1)
    submit(last, 2)
    assert is_error(last.exchange(), 400, "missing_uploads") and last.exchange()["documents"] == ["income_proof"]


def test_missing_documents_before_a_branch_are_listed(server, own_client):
    """One whose name PostgreSQL quotes among them."""
    asked = [{"document": name, "required": True, "media_types": ["image/png"], "max_bytes": SMALL} for name in ("null", "front")]
    shape = definition("facts_sbx_#1.0", step("one", uploads=asked),
                       step("two", next=[{"when": {"required": ["one"]}, "step": "three"}, {"step": None}]), step("three"))
    user = begin(own_client, publish(server, own_client.tenant, shape))
    user.submit("one", {})
    answer = user.submit("two", {})
    assert is_error(answer, 400, "missing_uploads") and answer["documents"] == ["null", "front"]


def test_the_expected_step_is_a_member(client):
    user = begin(client)
    answer = user.submit("product_form", {})
    assert is_error(answer, 400, "invalid_step") and answer["expected_step"] == steps(CARD)[0]["name"]


def test_a_body_that_is_too_large(desk):
    body = b" " * 65537
    for data in (request("/v1/sessions", body), request("/v1/sessions", chunked(body), ["Transfer-Encoding: chunked"], length=False)):
        answer, = desk.plain.raw(data)
        assert is_error(answer, 413, "payload_too_large") and answer["max_bytes"] == 65536


@pytest.mark.parametrize("as_form", [False, True])
def test_a_file_that_is_too_large(paper, as_form):
    answer = paper.upload("paper", Document("x.pdf", "application/pdf", b"%PDF-" + b" " * SMALL), form=as_form)
    assert is_error(answer, 413, "payload_too_large") and answer["max_bytes"] == SMALL


@pytest.mark.parametrize("headers, accepted", [
    ({"content_type": "text/plain"}, ["application/json", "application/*+json"]),
    ({"content_encoding": "gzip"}, ["identity"])])
def test_what_a_call_takes(client, headers, accepted):
    answer = client.call("/sessions", "{}", **headers)
    assert is_error(answer, 415, "unsupported_media_type") and answer["accepted"] == accepted
    assert all(name in answer["message"] for name in accepted) and list(headers.values())[-1] in answer["message"]


@pytest.mark.parametrize("media_type, content", [("text/html", b"<p>"), ("image/png", b"hello")])
def test_what_a_document_may_be(paper, media_type, content):
    answer = paper.upload("photo", Document("x", media_type, content))
    assert is_error(answer, 415, "unsupported_media_type") and answer["accepted"] == DEFINITION["steps"][0]["uploads"][0]["media_types"]
