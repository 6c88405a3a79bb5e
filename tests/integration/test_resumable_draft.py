"""The IETF's draft of resumable uploads, interop versions 6 to 8, over the same engine as tus (contract section 13).

Each test says what should turn it red; not all of it has been tried.
"""
import hashlib
import random

import pytest

from finqenv import documents
from finqenv.client import multipart
from finqenv.draft import PIECE, append, ask, begin, head_of
from finqenv.process import until
from finqenv.resumable import Tus
from finqenv.uploads import Desk, chunks, connect, padded

FRAME = 65536
PDF = padded(3 * FRAME + 100).content
PNG = documents.png()


@pytest.fixture(scope="module")
def desk(server):
    return Desk(server)


@pytest.fixture
def user(desk):
    return desk.user(desk.plain)


@pytest.mark.parametrize("version, limit", [(6, "expires"), (7, "max-age"), (8, "max-age")])
def test_a_document_that_comes_at_once_is_answered_as_ever(user, version, limit):
    """And its client knew before where to go on. Red without announce."""
    interim, answer = begin(user, PDF, version=version, Upload_Complete="?1")
    assert interim.status == 104 and interim.headers["upload-draft-interop-version"] == str(version)
    assert interim.headers["location"].startswith("/v1/uploads/") and f", {limit}=" in interim.headers["upload-limit"]
    assert answer.status == 200 and answer["status"] == "UPLOADED" and answer["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert answer.headers["upload-complete"] == "?1"
    again = append(user, interim.headers["location"], len(PDF), b"", "?1")
    assert again.status == 200 and again.json == answer.json, "the same again, if it was lost"
    where = ask(user, "HEAD", interim.headers["location"])
    assert (where.status, where.headers["upload-complete"], where.headers["upload-offset"]) == (204, "?1", str(len(PDF)))


def test_it_comes_in_pieces_whose_sum_nobody_knew(user):
    interim, first = begin(user, PDF[:FRAME + 1], Upload_Complete="?0")
    address = interim.headers["location"]
    assert first.status == 201 and first.headers["upload-offset"] == str(FRAME + 1) and first.headers["upload-complete"] == "?0"
    assert first.headers["location"] == address
    where = ask(user, "HEAD", address)
    assert where.status == 204 and where.headers["upload-complete"] == "?0" and "upload-length" not in where.headers
    second = append(user, address, FRAME + 1, PDF[FRAME + 1:FRAME + 5], "?0")
    assert (second.status, second.headers["upload-complete"], second.headers["upload-offset"]) == (201, "?0", str(FRAME + 5))
    last = append(user, address, FRAME + 5, PDF[FRAME + 5:], "?1")
    assert last.status == 200 and last["sha256"] == hashlib.sha256(PDF).hexdigest()


def test_a_cut_creation_goes_on_where_it_was(desk, user):
    """Red where a cut keeps nothing of less than a frame."""
    with connect(user.client) as line:
        line.sendall(head_of(user, len(PDF), Upload_Complete="?1") + PDF[:FRAME + 9])
        said = line.recv(4096)
        assert said.startswith(b"HTTP/1.1 104 ")
    address = said.decode().partition("Location: ")[2].partition("\r\n")[0]
    file = next(desk.directory.glob("2*/" + desk.installation.psql(
        f"SELECT upload_id FROM finq.partial WHERE step_id = '{user.step_id}'")))
    until(lambda: file.stat().st_size > FRAME + 9, what="what has come")
    where = ask(user, "HEAD", address)
    assert (where.headers["upload-offset"], where.headers["upload-length"]) == (str(FRAME + 9), str(len(PDF)))
    assert append(user, address, FRAME + 9, PDF[FRAME + 9:], "?1").status == 200


def test_what_is_wrong_changes_nothing(user):
    interim, _ = begin(user, PDF[:10], Upload_Complete="?0", Upload_Length=len(PDF))
    address = interim.headers["location"]
    wrong = append(user, address, 4, b"x", "?0")
    assert (wrong.status, wrong.code, wrong.headers["upload-offset"]) == (409, "offset_mismatch", "10")
    for headers in ({"complete": "yes"}, {"complete": "?1"}, {"complete": "?0", "Upload_Length": 12}):
        assert append(user, address, 10, b"x", **headers).code == "invalid_headers"
    assert append(user, address, 10, b"x", "?0", Content_Type="application/offset+octet-stream").code == "unsupported_media_type"
    assert ask(user, "HEAD", address, Upload_Offset=10).status == 400
    assert ask(user, "HEAD", address, version=5).status == 412
    assert ask(user, "POST", address, X_HTTP_Method_Override="DELETE").code == "method_not_allowed", "which is tus' own"
    assert ask(user, "HEAD", address).headers["upload-offset"] == "10"
    assert ask(user, "DELETE", address).status == 204
    assert append(user, address, 10, b"x", "?0").code == "upload_gone"


@pytest.mark.parametrize("at", ["the beginning", "the end"])
def test_a_last_piece_that_ends_early_is_not_the_last(desk, user, at):
    """Its own length was not said, the document's was. Red: finish without length_check."""
    first, last = ({"Upload_Length": len(PDF)}, {}) if at == "the beginning" else ({}, {"Upload_Length": len(PDF)})
    interim, _ = begin(user, PDF[:10], Upload_Complete="?0", **first)
    address = interim.headers["location"]
    answer = append(user, address, 10, iter([PDF[10:FRAME]]), "?1", **last)
    assert (answer.status, answer.code) == (400, "invalid_headers") and desk.rows(user.step_id) == {}
    where = ask(user, "HEAD", address)
    assert (where.headers["upload-complete"], where.headers["upload-offset"]) == ("?0", str(FRAME))
    assert append(user, address, FRAME, iter([PDF[FRAME:]]), "?1", **last)["sha256"] == hashlib.sha256(PDF).hexdigest()


def test_a_creation_that_ends_early_goes_on(desk, user):
    head = head_of(user, None, Upload_Complete="?1", Upload_Length=len(PDF), Transfer_Encoding="chunked").replace(b"Content-Length: None\r\n", b"")
    interim, answer = user.client.raw(head + chunks(PDF[:FRAME]), silence=10)
    assert (answer.status, answer.code) == (400, "invalid_headers") and desk.rows(user.step_id) == {}
    assert append(user, interim.headers["location"], FRAME, PDF[FRAME:], "?1").status == 200


def test_what_it_is_is_seen_at_its_end(desk, user):
    _, answer = begin(user, b"GIF89a" + bytes(1000), Upload_Complete="?1", document="photo", media_type="image/png")
    assert (answer.status, answer.code) == (415, "unsupported_media_type")
    assert desk.rows(user.step_id) == {}


def test_both_protocols_go_on_with_the_same(user):
    interim, _ = begin(user, PDF[:10], Upload_Complete="?0", Upload_Length=len(PDF))
    answer = user.client.request("PATCH", interim.headers["location"], PDF[10:],
                                 {"Tus-Resumable": "1.0.0", "Upload-Offset": "10", "Content-Type": "application/offset+octet-stream"})
    assert answer.status == 204 and answer.headers["x-finq-upload-id"]


@pytest.mark.parametrize("version", [5, 9])
def test_another_version_is_an_upload_like_any_other(user, version):
    answer, = begin(user, PNG.content, document="photo", media_type="image/png", version=version, Upload_Complete="?1")
    assert answer.status == 200


def test_a_form_is_a_form(user):
    """Some clients send the headers along with whatever they upload."""
    fields = {"client_id": user.client.tenant.client_id, "nonce": user.step_nonce, "document": "photo"}
    media_type, body = multipart(fields, PNG)
    answer = user.client.request("POST", f"/v1/steps/{user.step_id}/upload", body, {"Content-Type": media_type,
                                 "Upload-Draft-Interop-Version": "6", "Upload-Complete": "?1"})
    assert answer.status == 200


NUMBERS = ("0", "1", "-1", "+1", "01", " 1", "1,1", "0x1", "", "9" * 18, str(2 ** 63 - 1), str(2 ** 63), "9" * 400, "1.0", "one")
HEADERS = {
    "Tus-Resumable": ("1.0.0", "1.0.0, 1.0.0", "0.2.2", ""), "Upload-Draft-Interop-Version": ("6", "7", "8", "5", "08", "8;a", "-8", ""),
    "Upload-Offset": NUMBERS, "Upload-Length": NUMBERS, "Upload-Complete": ("?0", "?1", "?2", "?1;a=1", "1", "?0, ?1", ""),
    "Upload-Checksum": ("sha1 " + "A" * 27 + "=", "sha256 " + "A" * 43 + "=", "sha1", "sha1  ", "sha1 !", "md5 AAAA", "sha256 " + "A" * 3000, ""),
    "Upload-Metadata": ("filetype", "filetype AA==", "filetype aW1hZ2UvcG5n", ",,,", " ", "a b,filetype c d e,", "filetype " + "A" * 3000, ""),
    "Upload-Concat": ("partial",), "Upload-Defer-Length": ("1", "2"), "Content-Type": (PIECE, "application/offset+octet-stream", "image/png", "", ";", "a/b;c=\""),
    "X-HTTP-Method-Override": ("PATCH", "HEAD", "DELETE", "GET", "nothing", "patch", ""), "X-Finq-Document": ("film", "photo", "", "no")}


def by_chance(desk, seed, count):
    """Requests about an upload whose headers chance has made."""
    chance = random.Random(seed)
    user, seen = desk.user(), set()
    address = Tus(user, "film", PDF, "application/pdf").create().headers["location"]
    own = {"X-Finq-Client-Id": desk.tenant.client_id, "X-Finq-Document": "film"}
    for _ in range(count):
        chosen = chance.sample(sorted(HEADERS), chance.randrange(1, 7))
        headers = {**own, "X-Finq-Nonce": user.step_nonce, **{name: chance.choice(HEADERS[name]) for name in chosen}}
        create = chance.random() < .2
        method = "POST" if create else chance.choice(("POST", "PATCH", "HEAD", "DELETE", "GET", "PUT", "OPTIONS"))
        answer = user.client.request(method, f"/v1/steps/{user.step_id}/upload" if create else address, b"x" * chance.choice((0, 0, 1, 9)), headers)
        assert answer.status < 500, (method, headers, answer)
        address = answer.headers.get("location", address)
        seen.add(answer.status)
        if answer.status == 104:  # http.client takes it for the last word
            user.client.close()
    return seen


def test_headers_that_nobody_means(desk):
    """Are answered as it is documented, and break nothing: each answer is held against conf/openapi.yaml."""
    assert by_chance(desk, 1, 250) >= {204, 400, 404, 405, 412, 415}


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 140))
def test_many_headers_that_nobody_means(desk, seed):
    by_chance(desk, seed, 500)
