"""Messages that say what is wrong, where another guess lies near: what was sent, what may be, and where to look.

Seen red: what upload.c says of an empty file, json.c of a byte order mark, a single quote, half a character, skill.c of a version,
proof.c of what is not signed, each in the words of the next plainer message.
"""
import json

import pytest

from finqenv import documents
from finqenv.banking import definition, step
from finqenv.client import Document
from finqenv.flows import CARD, begin, publish
from finqenv.signing import MessageSigner, key_for
from finqenv.uploads import Desk, form, form_head, part, parts_of
from finqenv.wire import is_error

KINDS = {"type": "object", "properties": {
    "card": {"oneOf": [{"const": "gold", "title": "Gold card"}, {"const": "silver", "title": "Silver card"}]},
    "iban": {"format": "iban"}, "tags": {"minItems": 1}, "nick": {"minLength": 1}}}


@pytest.fixture(scope="module")
def desk(server):
    return Desk(server, "Messages tenant")


@pytest.fixture
def user(desk):
    return desk.user(desk.plain)


# -- files

@pytest.mark.parametrize("as_form", [False, True])
@pytest.mark.parametrize("media_type, content, words", [
    ("image/png", b"", "photo is empty"), ("application/octet-stream", b"[object Object]", "no type that the server knows"),
    ("image/png", b"\xff\xd8\xff\xe0" + bytes(50), "is said to be image/png, and its bytes are image/jpeg"),
    ("image/png", b"hello", "is said to be image/png, and its bytes are of no type that the server knows"),
    ("text/html", b"<p>", "is text/html, which is not asked for")])
def test_what_is_wrong_with_a_file(user, media_type, content, words, as_form):
    answer = user.upload("photo", Document("x", media_type, content), form=as_form)
    assert is_error(answer, 415, "unsupported_media_type") and words in answer["message"]


def test_a_form_of_another_kind(user):
    body = form("XX", parts_of(user, documents.png()))
    answer = user.client.raw(form_head(user, "XX", len(body), "multipart/mixed; boundary=XX") + body)[0]
    assert is_error(answer, 415, "unsupported_media_type") and answer["accepted"] == ["multipart/form-data"]
    assert "multipart/mixed" in answer["message"]


# -- bodies

@pytest.mark.parametrize("body, words", [
    (b"\xef\xbb\xbf{}", "byte order mark"), (b"{'a': 1}", "single quote"), (b"{\"a\": 'it'}", "single quote"),
    (rb'{"a": "\ud83d"}', "half a character"), (rb'{"a": "x\ude00y"}', "half a character"),
    (rb'{"a": "\ud83d\ud83d\ude00"}', "half a character"), (rb'{"a": "\\ud83d", }', "not a JSON object"),
    (rb'{"a": "\ud83d\ude00", }', "not a JSON object"), (b'{"a": "\\', "not a JSON object"), (b"\"don't\" x", "not a JSON object")])
def test_what_is_no_json(client, body, words):
    answer = client.call("/sessions", body)
    assert is_error(answer, 400, "invalid_body") and words in answer["message"]


# -- forms

def test_values_that_do_not_fit(server, own_client):
    shape = definition("messages_sbx_#1.0", {**step("form"), "schema": KINDS})
    user = begin(own_client, publish(server, own_client.tenant, shape))
    answer = user.submit("form", {"card": "tin", "iban": "RO48AAAA1B31007593840000", "tags": [], "nick": ""})
    assert is_error(answer, 400, "invalid_input")
    told = {detail["field"]: (detail["keyword"], detail["limit"], detail["message"]) for detail in answer["details"]}
    assert told == {
        "/card": ("oneOf", ["gold", "silver"], 'must be one of "gold", "silver"'),
        "/iban": ("format", "iban", "must be an IBAN whose check digits fit: a character is wrong, or two have changed places"),
        "/tags": ("minItems", 1, "must have at least 1 item"), "/nick": ("minLength", 1, "must have at least 1 character")}


@pytest.mark.parametrize("name", ["a_#1", "a_#01.0", "a_#12345.0"])
def test_a_skills_version_has_two_short_numbers(server, name):
    file = server.directory / "version.json"
    file.write_text(json.dumps(definition(name, step("form"))))
    done = server.finqctl("skill", "publish", file, check=False)
    assert done.returncode != 0 and "two numbers of at most 4 digits" in done.stderr


# -- signatures

def test_the_address_that_was_checked(server, tenant):
    key = key_for("ed25519")
    kid, = server.add_key(tenant, "messages", key.pem, "--algorithm", "ed25519")
    client = server.client(tenant, base="/v1s", sign=MessageSigner(key, "ed25519", f"{tenant.client_id}/{kid}"))
    whole = client.sign
    client.sign = lambda method, url, headers, body: whole(method, url.replace("localhost", "proxy.example"), headers, body)
    answer = client.start_session(CARD)
    assert is_error(answer, 401, "invalid_signature")
    assert f"@target-uri is {client.url.scheme}://localhost:{client.url.port}/v1s/sessions here" in answer["message"]
    client.close()


def test_an_unsigned_call_hears_of_both_schemes(server, tenant):
    client = server.client(tenant, base="/v1s")
    answer = client.start_session(CARD)
    assert is_error(answer, 401, "invalid_signature")
    assert "Authorization: Bearer" in answer["message"] and "Signature-Input and Signature" in answer["message"]
    client.close()
