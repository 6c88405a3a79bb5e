"""Uploads that are cut anywhere and go on: tus 1.0, by what the client is told and what disk and database hold (contract section 13).

What should turn them red, not all of it tried: offset_check always NULL; piece_prove without its comparison; take_piece without look at
what was stored (the answer that was lost); upload_record without its look at the partial (one that ended is recorded); finq_resumable_finish
without finq_resumable_end; partials_end without its insert (the file stays); janitor_remove_partials without its insert; upload_refusal that
looks at the generation of an address; address_take without line_replace.
"""
import hashlib
import os
import signal
import uuid

import pytest

from finqenv import documents
from finqenv.client import Client, Onboarding
from finqenv.process import until
from finqenv.resumable_model import WEIGHTS, Schedule
from finqenv.resumable import PIECE, Tus, checksum, partials, stored
from finqenv.uploads import SKILL, SMALL, Desk, connect, padded

FRAME = 65536
PNG = documents.png()
PDF = padded(3 * FRAME + 100)


@pytest.fixture(scope="module")
def desk(server):
    return Desk(server)


@pytest.fixture
def user(desk):
    return desk.user()


@pytest.fixture
def film(user):
    """A PDF of some frames, begun."""
    tus = Tus(user, "film", PDF.content, "application/pdf")
    assert tus.create().status == 201
    return tus


def file_of(desk, user, document="film"):
    """The file of an unfinished one; None where there is none."""
    found = list(desk.directory.glob(f"2*/{partials(desk, user)[document][0]}"))
    return found[0] if found else None


def gone(desk, tus, upload_id=None):
    """Demands that there is nothing any more."""
    answer = tus.patch(0, b"x")
    assert (answer.status, answer.code) == (404, "upload_gone")
    assert tus.head().status == 404
    assert upload_id is None or not list(desk.directory.glob(f"*/{upload_id}"))


# -- whole

def test_options_tell_what_is_offered(client):
    for path in (f"/steps/{uuid.uuid4()}/upload", "/uploads/x"):
        answer = client.request("OPTIONS", client.base + path)
        assert answer.status == 204 and answer.headers["tus-version"] == "1.0.0"
        assert set(answer.headers["tus-extension"].split(",")) == {"creation", "creation-with-upload", "termination", "expiration", "checksum"}
        assert answer.headers["tus-checksum-algorithm"] == "sha1,sha256" and int(answer.headers["tus-max-size"]) > 1 << 20


@pytest.mark.parametrize("cut", [1, FRAME - 1, FRAME, FRAME + 1, len(PDF.content) - 1])
def test_a_document_comes_in_two_pieces(desk, user, film, cut):
    assert film.head().headers["upload-offset"] == "0"
    first = film.send(cut, 0)
    assert first.status == 204 and first.headers["upload-offset"] == str(cut) and "x-finq-upload-id" not in first.headers
    where = film.head()
    assert where.headers["upload-offset"] == str(cut) and where.headers["upload-length"] == str(len(PDF.content))
    assert where.headers["upload-expires"].endswith("GMT") and where.headers["cache-control"] == "no-store"
    last = film.send(offset=cut)
    assert last.status == 204 and last.headers["upload-offset"] == str(len(PDF.content))
    assert last.headers["x-finq-upload-id"] == stored(desk, user, "film", PDF.content)
    assert file_of(desk, user) is None, "what it has come as is gone"


def test_a_creation_may_bring_all_of_it_or_some(desk, user):
    whole = Tus(user, "photo", PNG.content)
    answer = whole.create(PNG.content)
    assert answer.status == 201 and answer.headers["x-finq-upload-id"] == stored(desk, user, "photo", PNG.content)
    some = Tus(user, "film", PDF.content, "application/pdf")
    answer = some.create(PDF.content[:FRAME + 5])
    assert answer.status == 201 and answer.headers["upload-offset"] == str(FRAME + 5)
    assert some.send(offset=FRAME + 5).status == 204
    stored(desk, user, "film", PDF.content)


def test_who_has_not_heard_of_its_end_asks_again(desk, user, film):
    upload_id = film.send(offset=0).headers["x-finq-upload-id"]
    where = film.head()
    assert where.status == 204 and where.headers["upload-offset"] == where.headers["upload-length"] == str(len(PDF.content))
    assert where.headers["x-finq-upload-id"] == upload_id
    again = film.patch(len(PDF.content), b"")
    assert again.status == 204 and again.headers["x-finq-upload-id"] == upload_id
    assert film.patch(5, b"x").status == 409
    status = user.client.call(f"/sessions/{user.session_id}/status", {"client_id": user.client.tenant.client_id, "nonce": user.nonce})
    assert status.status == 200


def test_the_same_bytes_are_the_same_upload(desk, user):
    at_once = user.upload("film", PDF)["upload_id"]
    tus = Tus(user, "film", PDF.content, "application/pdf")
    tus.create()
    assert tus.send(offset=0).headers["x-finq-upload-id"] == at_once == tus.head().headers["x-finq-upload-id"]


def test_a_client_that_can_only_post(desk, user, film):
    first = film._request("POST", film.address, PDF.content[:10], upload_offset=0, content_type=PIECE, X_HTTP_Method_Override="PATCH")
    assert first.status == 204 and first.headers["upload-offset"] == "10"
    assert film._request("POST", film.address, X_HTTP_Method_Override="HEAD").headers["upload-offset"] == "10"
    assert film._request("POST", film.address, X_HTTP_Method_Override="DELETE").status == 204
    gone(desk, film)


# -- wrong

@pytest.mark.parametrize("offset", [1, 4, 6, FRAME, 2 ** 40, 2 ** 62])
def test_a_wrong_offset_is_told_the_right_one(film, offset):
    film.send(5, 0)
    answer = film.patch(offset, b"x")
    if offset <= len(PDF.content):
        assert (answer.status, answer.code, answer.headers["upload-offset"]) == (409, "offset_mismatch", "5")
    else:
        assert (answer.status, answer.code) == (413, "payload_too_large")
    assert film.offset() == 5


@pytest.mark.parametrize("headers, status, code", [
    ({"upload_offset": "-1"}, 400, "invalid_headers"), ({"upload_offset": "5x"}, 400, "invalid_headers"),
    ({"upload_offset": None}, 400, "invalid_headers"), ({"upload_offset": "9" * 30}, 400, "invalid_headers"),
    ({"content_type": "application/pdf"}, 415, "unsupported_media_type"), ({"tus_resumable": "0.2.2"}, 412, "unsupported_version"),
    ({"tus_resumable": None}, 412, "unsupported_version"), ({"upload_checksum": "md5 AAAA"}, 400, "invalid_headers"),
    ({"upload_checksum": "sha1 AAAA"}, 400, "invalid_headers"), ({"content_encoding": "gzip"}, 415, "unsupported_media_type")])
def test_wrong_headers_of_a_piece_change_nothing(desk, user, film, headers, status, code):
    answer = film.patch(0, b"%PDF-", **headers)
    assert (answer.status, answer.code) == (status, code)
    assert film.offset() == 0
    assert film.send(offset=0).status == 204


@pytest.mark.parametrize("headers, status, code", [
    ({"upload_length": None}, 400, "invalid_headers"), ({"upload_length": "-5"}, 400, "invalid_headers"),
    ({"upload_length": None, "upload_defer_length": "1"}, 400, "invalid_headers"), ({"upload_concat": "partial"}, 400, "invalid_headers"),
    ({"upload_length": "0"}, 415, "unsupported_media_type"), ({"upload_length": str(SMALL + 1)}, 413, "payload_too_large"), ({"upload_metadata": "filetype !!"}, 400, "invalid_headers"),
    ({"upload_metadata": "filetype dGV4dC9wbGFpbg=="}, 415, "unsupported_media_type"), ({"x_finq_document": "other"}, 400, "invalid_field"),
    ({"x_finq_document": None}, 400, "missing_fields"), ({"x_finq_nonce": "x"}, 401, "invalid_nonce"), ({"tus_resumable": "2.0"}, 412, "unsupported_version")])
def test_a_refused_creation_leaves_nothing(desk, user, headers, status, code):
    before = desk.held(user.step_id)
    tus = Tus(user, "photo", PNG.content)
    answer = tus.create(**headers)
    assert (answer.status, answer.code) == (status, code), answer.body
    assert "location" not in answer.headers and answer.headers["tus-resumable"] == "1.0.0"
    assert desk.held(user.step_id) == before and partials(desk, user) == {}
    assert user.upload("photo", PNG).status == 200, "the nonce still works"


def test_more_than_was_said_is_refused(desk, user):
    tus = Tus(user, "photo", PNG.content, length=10)
    tus.create()
    assert tus.patch(0, PNG.content).code == "payload_too_large", "told before it is read"
    with connect(desk.user(desk.plain).client) as line:
        line.sendall(tus.head_of(0, 5).replace(b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"20\r\n" + bytes(32) + b"\r\n0\r\n\r\n")
        assert b" 413 " in line.recv(4096)
    assert tus.offset() == 0


def test_a_piece_that_is_not_what_its_checksum_says_does_not_count(desk, user, film):
    piece = PDF.content[:FRAME + 5]
    for wrong in (checksum(b"other"), checksum(piece, "sha256", "sha3_256")):
        answer = film.patch(0, piece, upload_checksum=wrong)
        assert (answer.status, answer.code) == (460, "checksum_mismatch")
        assert film.offset() == 0
    assert film.patch(0, piece, upload_checksum=checksum(piece)).status == 204
    rest = PDF.content[len(piece):]
    assert film.patch(len(piece), rest, upload_checksum=checksum(rest, "sha256")).status == 204
    stored(desk, user, "film", PDF.content)


def test_a_cut_piece_with_a_checksum_does_not_count(desk, film):
    with connect(desk.user(desk.plain).client) as line:
        line.sendall(film.head_of(0, 2 * FRAME, Upload_Checksum=checksum(PDF.content[:2 * FRAME])) + PDF.content[:FRAME + 5])
    assert film.offset() == 0


# -- whose

def test_an_address_is_the_permission_and_nothing_else(desk, user, film, other_client):
    film.send(5, 0)
    sealed = film.address.rsplit("/", 1)[1]
    forged = sealed[:20] + ("A" if sealed[20] != "A" else "B") + sealed[21:]
    random = other_client.request("HEAD", "/v1/uploads/" + "A" * len(sealed), b"", {"Tus-Resumable": "1.0.0"})
    for wrong in (forged, user.nonce, sealed[:-1], "x", sealed + "/x"):
        answer = film.client.request("HEAD", f"/v1/uploads/{wrong}", b"", {"Tus-Resumable": "1.0.0"})
        assert answer.status == random.status == 404
    assert film.offset() == 5


def test_an_address_is_no_nonce(user, film):
    sealed = film.address.rsplit("/", 1)[1]
    answer = user.client.upload_raw(user.step_id, sealed, "photo", PNG)
    assert (answer.status, answer.code) == (401, "invalid_nonce")


def test_an_address_outlives_its_nonce_and_a_resumption(desk, user, film):
    film.send(5, 0)
    answer = user.client.call(f"/sessions/{user.session_id}/resume", {"client_id": user.client.tenant.client_id,
                                                                     "client_secret": user.client.tenant.client_secret})
    assert answer.status == 200
    desk.installation.psql(f"UPDATE finq.step SET submitted_at = now() - interval '40 minutes' WHERE step_id = '{user.step_id}'")
    assert film.send().status == 204
    stored(desk, user, "film", PDF.content)


def test_a_resumptions_nonce_begins_it_too(desk, user, film):
    """It is the next step's, and authorises the documents of the one before. Red where the address keeps that nonce's place."""
    answer = user.client.call(f"/sessions/{user.session_id}/resume", {"client_id": user.client.tenant.client_id,
                                                                     "client_secret": user.client.tenant.client_secret})
    assert film.create(x_finq_nonce=answer["nonce"]).status == 201 and film.send(offset=0).status == 204
    stored(desk, user, "film", PDF.content)


@pytest.mark.parametrize("size", [0, 7, len(PDF.content)], ids=["alone", "with a piece", "whole"])
def test_another_of_the_same_document_ends_the_first(desk, user, film, size):
    """Red: upload_record without partials_replace; begin_upload without stand."""
    film.send(5, 0)
    first = partials(desk, user)["film"][0]
    second = Tus(user, "film", PDF.content, "application/pdf")
    assert second.create(PDF.content[:size]).status == 201
    gone(desk, film, first)
    assert size == len(PDF.content) or second.send(offset=size).status == 204
    stored(desk, user, "film", PDF.content)


@pytest.mark.parametrize("ended", ["expired", "stored"])
def test_a_document_is_begun_three_times_at_once(desk, user, film, ended):
    """Creations that bring a piece stand beside each other for as long as it comes. Red: partial_begin without its count, or with what has expired
    or is stored."""
    film.send(5, 0)
    tus = Tus(user, "film", PDF.content, "application/pdf")
    desk.installation.psql("INSERT INTO finq.partial SELECT gen_random_uuid(), step_id, document, client_id, bytes, expires_at FROM finq.partial, generate_series(1, 2)"
                           f" WHERE step_id = '{user.step_id}'")
    before = desk.held(user.step_id)
    for body in (b"", PDF.content[:9], PDF.content):
        answer = tus.create(body)
        assert (answer.status, answer.code) == (429, "too_many_requests") and int(answer.headers["retry-after"]) > 0
    assert desk.held(user.step_id) == before and film.offset() == 5
    assert Tus(user, "photo", PNG.content).create().status == 201
    one = f"upload_id = (SELECT upload_id FROM finq.partial WHERE step_id = '{user.step_id}' AND document = 'film' LIMIT 1)"
    desk.installation.psql(f"UPDATE finq.partial SET {'expires_at = now()' if ended == 'expired' else 'stored = upload_id'} WHERE {one}")
    assert tus.create().status == 201


def test_a_document_sent_at_once_ends_the_one_under_way(desk, user, film):
    """As by a client that has given it up. Who asks what has become of an older one is told for as long as it is stored. Red: partials_replace for
    p_partial alone; coalesce without its second half."""
    film.send(5, 0)
    first = partials(desk, user)["film"][0]
    assert user.upload("film", PDF).status == 200 and partials(desk, user) == {}
    gone(desk, film, first)
    again = Tus(user, "film", PDF.content, "application/pdf")
    assert again.create(PDF.content).status == 201 and user.upload("film", PDF)["upload_id"] == again.head().headers["x-finq-upload-id"]


@pytest.mark.parametrize("body, headers, code", [
    (PDF.content[:9], {"upload_checksum": checksum(b"other")}, "checksum_mismatch"), (b"", {"upload_length": 0}, "unsupported_media_type"),
    (PDF.content[:9], {"upload_length": 8}, "payload_too_large"), (bytes(9), {"upload_length": 9}, "unsupported_media_type")],
    ids=["another digest", "empty", "too long", "of no type"])
def test_a_refused_creation_leaves_the_one_under_way(desk, user, film, body, headers, code):
    """Red where partial_begin ends it."""
    film.send(5, 0)
    before = desk.held(user.step_id), partials(desk, user)
    assert Tus(user, "film", PDF.content, "application/pdf").create(body, **headers).code == code
    assert (desk.held(user.step_id), partials(desk, user)) == before
    assert film.send(offset=5).status == 204
    stored(desk, user, "film", PDF.content)


def test_a_cut_creation_leaves_the_one_under_way(desk, user, film):
    """Of tus, which tells no address before its end."""
    film.send(5, 0)
    before = desk.held(user.step_id), partials(desk, user)
    plain, sent = user.client, desk.user(desk.plain).client
    lines = [f"POST /v1/steps/{user.step_id}/upload HTTP/1.1", "Host: localhost", "Tus-Resumable: 1.0.0", f"Content-Type: {PIECE}", "Content-Length: 2000",
             "Upload-Length: 3000", f"X-Finq-Client-Id: {plain.tenant.client_id}", f"X-Finq-Nonce: {user.step_nonce}", "X-Finq-Document: film"]
    with connect(sent) as line:
        line.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + PDF.content[:1000])
        until(lambda: len(desk.files()) > len(before[0][0]), what="the other to have begun")
    until(lambda: (desk.held(user.step_id), partials(desk, user)) == before, what="the end of the other")
    assert film.send(offset=5).status == 204


def test_an_abandoned_one_leaves_nothing(desk, user, film):
    film.send(FRAME, 0)
    upload_id = partials(desk, user)["film"][0]
    assert film.delete().status == 204
    gone(desk, film, upload_id)
    assert film.delete().status == 204 and partials(desk, user) == {}, "again: the same"


def test_what_was_stored_outlives_its_address(desk, user, film):
    film.send(offset=0)
    assert film.delete().status == 204
    stored(desk, user, "film", PDF.content)
    assert film.head().status == 404


# -- at once

def test_who_comes_second_ends_the_first(desk, user, film):
    with connect(desk.user(desk.plain).client) as line:
        line.sendall(film.head_of(0, len(PDF.content)) + PDF.content[:2 * FRAME + 9])
        until(lambda: file_of(desk, user).stat().st_size > 2 * FRAME, what="two frames on the disk")
        assert film.offset() == 2 * FRAME
        line.sendall(b"y" * FRAME)
        assert b" 409 " in line.recv(4096)
    assert film.send().status == 204
    stored(desk, user, "film", PDF.content)


def test_a_cut_line_leaves_all_that_came(desk, user, film):
    for end in (3, FRAME, FRAME + 7, 2 * FRAME - 1, 3 * FRAME):
        at, size = film.offset(), file_of(desk, user).stat().st_size
        with connect(desk.user(desk.plain).client) as line:
            line.sendall(film.head_of(at, len(PDF.content) - at) + PDF.content[at:end])
        # on the disk: whoever asks by HEAD would end who still reads
        until(lambda: file_of(desk, user).stat().st_size >= size + end - at, what=f"{end} bytes")
        assert film.offset() == end
    assert film.send().status == 204
    stored(desk, user, "film", PDF.content)


# -- the end

@pytest.mark.parametrize("document, content, media_type, code", [
    ("photo", b"GIF89a" + bytes(2000), "image/png", "unsupported_media_type"), ("photo", bytes(2000), "", "unsupported_media_type"),
    ("paper", documents.png().content, "application/pdf", "unsupported_media_type")], ids=["a gif", "nothing known", "a picture"])
def test_what_it_is_is_seen_at_its_end(desk, user, document, content, media_type, code):
    tus = Tus(user, document, content, media_type)
    assert tus.create().status == 201
    upload_id = partials(desk, user)[document][0]
    if len(content) > 100:
        assert tus.send(100, 0).status == 204
    assert tus.send().code == code
    gone(desk, tus, upload_id)
    assert desk.rows(user.step_id) == {} and partials(desk, user) == {}
    assert user.upload("photo", PNG).status == 200, "the nonce still works"


def test_rights_are_looked_at_again_at_the_end(desk):
    desk = Desk(desk.installation)
    user = desk.user()
    tus = Tus(user, "film", PDF.content, "application/pdf")
    tus.create()
    tus.send(FRAME, 0)
    desk.installation.finqctl("tenant", "disable", desk.tenant.client_id)
    answer = tus.send()
    assert (answer.status, answer.code) == (401, "unauthorized_tenant")
    assert desk.rows(user.step_id) == {}


def test_one_that_was_overtaken_by_the_next_step(desk, user):
    assert user.upload("photo", PNG).status == 200
    tus = Tus(user, "photo", documents.png(shade=0x44).content)
    tus.create()
    assert user.client.submit(user, "last", {}).status == 200
    assert tus.send(offset=0).code == "step_already_submitted"
    assert desk.rows(user.step_id)["photo"]


@pytest.fixture(scope="module")
def narrow(server, make_module_server):
    """With a quota, another life of addresses, and a second server that has database, secrets and directory in common."""
    desk = Desk(make_module_server(cluster=server.postgres, database="resumable", children=1, plain=True,
                                   directives={"FinqUploadQuota": f"session {4 * FRAME}", "FinqUploadTTL": "3600"}))
    settings = desk.installation.httpd.settings.directives
    desk.other = make_module_server(cluster=server.postgres, database="resumable", children=1, plain=True,
                                    directives={name: settings[name] for name in ("FinqSecretFile", "FinqDataKey", "FinqUploadDir")})
    return desk


def test_quotas_are_looked_at_when_it_begins_and_when_it_ends(narrow):
    user = narrow.user()
    large = Tus(user, "film", padded(4 * FRAME + 1).content, "application/pdf")
    assert large.create().code == "quota_exceeded" and partials(narrow, user) == {}
    tus = Tus(user, "film", PDF.content, "application/pdf")
    assert tus.create().status == 201
    assert user.upload("paper", padded(SMALL)).code == "quota_exceeded"
    narrow.installation.psql(f"UPDATE finq.partial SET bytes = 0 WHERE step_id = '{user.step_id}'")
    assert user.upload("paper", padded(SMALL)).status == 200
    answer = tus.send(offset=0)
    assert (answer.status, answer.code) == (413, "quota_exceeded")
    gone(narrow, tus)


def test_an_address_lives_as_long_as_is_configured(narrow):
    user = narrow.user()
    assert Tus(user, "photo", PNG.content).create().status == 201
    left = narrow.installation.psql(f"SELECT extract(epoch FROM expires_at - now()) FROM finq.partial WHERE step_id = '{user.step_id}'")
    assert 3500 < float(left) <= 3600


def test_an_expired_one_is_removed(desk, user, film):
    film.send(FRAME, 0)
    upload_id = partials(desk, user)["film"][0]
    desk.installation.psql(f"UPDATE finq.partial SET expires_at = now() WHERE upload_id = '{upload_id}'")
    answer = film.send()
    assert (answer.status, answer.code) == (404, "upload_gone"), "though its address has not expired by its own words"
    assert not list(desk.directory.glob(f"*/{upload_id}")) and partials(desk, user) == {}


def test_the_janitor_removes_what_has_expired(narrow):
    user = narrow.user()
    tus, done = Tus(user, "paper", padded(SMALL).content, "application/pdf"), Tus(user, "photo", PNG.content)
    tus.create()
    tus.send(FRAME, 0)
    assert done.create(PNG.content).status == 201
    upload_id = partials(narrow, user)["paper"][0]
    narrow.installation.psql(f"UPDATE finq.partial SET expires_at = now() WHERE step_id = '{user.step_id}'")
    narrow.installation.finqctl("janitor", "run")
    assert partials(narrow, user) == {} and list(narrow.rows(user.step_id)) == ["photo"]
    assert narrow.installation.psql("SELECT upload_id FROM finq.upload_removed WHERE gone_at IS NULL") == upload_id, "for a server to remove"


def test_who_is_erased_leaves_nothing_unfinished(narrow):
    user = Onboarding(narrow.client, SKILL)
    person = "somebody who is erased"
    assert user.start(tenant_user_id=person).status == 200 and user.submit("papers", {}).status == 200
    tus = Tus(user, "photo", PNG.content)
    tus.create()
    tus.send(50, 0)
    upload_id = partials(narrow, user)["photo"][0]
    assert narrow.client.user("erase", tenant_user_id=person).status == 200
    assert partials(narrow, user) == {}
    assert narrow.installation.psql(f"SELECT 1 FROM finq.upload_removed WHERE upload_id = '{upload_id}'") == "1", "for a server to remove"
    answer = tus.send(offset=50)
    assert answer.status in (401, 404) and narrow.rows(user.step_id) == {}


# -- crashes, other servers, logs

def test_a_killed_child_leaves_a_true_offset_and_another_server_goes_on(narrow):
    user = narrow.user(narrow.plain)
    tus = Tus(user, "film", PDF.content, "application/pdf")
    tus.create()
    httpd = narrow.installation.httpd
    with connect(user.client) as line:
        line.sendall(tus.head_of(0, len(PDF.content)) + PDF.content[:2 * FRAME + 9])
        until(lambda: file_of(narrow, user).stat().st_size > 2 * FRAME, what="two frames on the disk")
        before = httpd.children()
        for child in before:
            os.kill(child, signal.SIGKILL)
        until(lambda: httpd.children() and not set(httpd.children()) & set(before), what="a new child")
    tus.client = Client(f"http://localhost:{narrow.other.httpd.settings.plain_port}", narrow.tenant)
    assert tus.offset() == 2 * FRAME
    assert tus.send(100).status == 204
    tus.client = narrow.client
    assert tus.send().status == 204
    stored(narrow, user, "film", PDF.content)


def test_nothing_of_it_is_plain_on_the_disk(desk, user):
    canary = b"a canary that nobody finds"
    tus = Tus(user, "film", PDF.content[:500] + canary + PDF.content[500:], "application/pdf")
    tus.create()
    tus.send(FRAME + 700, 0)
    assert canary not in file_of(desk, user).read_bytes()


def test_no_log_shows_an_address(make_server, server, run_directory):
    log = run_directory / "addresses"
    made = make_server(cluster=server.postgres, database="resumable_log", children=1, plain=True,
                       server=f'LogFormat "%r %U %{{finq-path}}n %{{Location}}o" all\nCustomLog "{log}" all\nLogLevel trace8')
    user = Desk(made).user()
    tus = Tus(user, "photo", PNG.content)
    assert tus.create().status == 201 and tus.send(10, 0).status == 204 and tus.head().status == 204 and tus.delete().status == 204
    sealed = tus.address.rsplit("/", 1)[1]
    accesses = log.read_text()
    assert "PATCH /v1/uploads/* HTTP/1.1 /v1/uploads/* /v1/uploads/* -" in accesses
    assert sealed not in made.httpd.log.path.read_text()
    assert accesses.count(sealed) == 1, "where Location was asked for"


# -- by chance

def schedules(narrow, seeds, kills, steps=10):
    """Goes through them, and demands that the directory holds what they say, and nothing else; what happened."""
    before, files, happened = set(narrow.placed()), set(), set()
    for seed in seeds:
        schedule = Schedule(narrow, (narrow.installation, narrow.other), seed, kills)
        files.update(schedule.go(steps))
        happened.update(schedule.happened)
    until(lambda: set(narrow.placed()) - before == files, what="the files of what there is")
    return happened


def test_schedules_agree_with_the_model(narrow):
    """Red with finq_partial_take that begins no segment, and with end_find that takes torn records, or tried segments, for whole."""
    assert schedules(narrow, range(20, 30), .5) == {*WEIGHTS, "kill"}


@pytest.mark.long
@pytest.mark.parametrize("hundred", range(100))
def test_ten_thousand_schedules_agree_with_the_model(narrow, hundred):
    schedules(narrow, range(1000 + 100 * hundred, 1100 + 100 * hundred), .1)
