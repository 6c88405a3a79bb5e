"""Uploads, by what the client is told and what disk and database hold (contract section 4, threat 14).

Seen red, each by the test that names what it guards: `recorded` without finq_blob_remove (the replaced file stays);
upload_record without its sha256 condition (409 after the next step), or without its nonce_ttl line; file_begin without
the comparison of step ids; length_check always NULL (100 Continue is sent); finq_upload_write without its size check;
head_check always NULL; type_allowed always 1; content_check without finq_archive_hides; part_begin without the
file's "once, and last", or without "comes twice"; early_store without names_check (the file without its nonce); early_keep without its limit;
receive_and_record without finq_upload_abandon (a race: the file outlives the refusal); framing_check without
AP_CONN_CLOSE (length and chunks); receive without it (the second request is answered); receive_form without surround_add.
"""
import hashlib
import io
import pwd
import socket
import stat
import struct
import time
import uuid
import zipfile

import pytest

from finqenv import documents, process
from finqenv.client import Document, read_answer
from finqenv.uploads import (SMALL, Desk, chunks, connect, form, form_head, head, padded, part, parts_of)

PNG = documents.png()
OTHER = documents.png(shade=0x33)
JPEG = Document("p.jpg", "image/jpeg", b"\xff\xd8\xff\xe0\x00\x10JFIF\0" + bytes(200))
PDF = documents.pdf()
SAYS = {"image/png": {"width": 64, "height": 40, "orientation": 1}, "image/jpeg": {"orientation": 1}, "application/pdf": {}}


@pytest.fixture(scope="module")
def desk(server):
    return Desk(server)


@pytest.fixture
def user(desk):
    return desk.user()


@pytest.fixture
def raw_user(desk):
    """The same over plain HTTP, for raw bytes."""
    return desk.user(desk.plain)


def refused(desk, user, answer, status, code):
    """Demands a refusal that has left nothing and spent nothing."""
    assert (answer.status, answer.code) == (status, code), answer.body
    assert answer["id"] == answer.headers["x-request-id"]
    assert user.upload("photo", PNG).status == 200, "the nonce still works"


def send(client, data):
    """The answers to raw bytes."""
    return client.raw(data, silence=10)


def send_form(user, parts, boundary="XX", **options):
    body = form(boundary, parts, **options)
    return only(send(user.client, form_head(user, boundary, len(body)) + body))


def only(answers):
    assert len(answers) == 1, answers
    return answers[0]


# -- what stands

@pytest.mark.parametrize("as_form", [False, True])
@pytest.mark.parametrize("document, file", [("photo", PNG), ("photo", JPEG), ("paper", PDF)])
def test_an_upload_is_answered_placed_and_recorded(desk, user, as_form, document, file):
    answer = user.upload(document, file, form=as_form)
    digest = hashlib.sha256(file.content).hexdigest()
    assert answer.status == 200
    upload_id = answer["upload_id"]
    assert uuid.UUID(upload_id).version == 7
    assert answer.json == {"upload_id": upload_id, "step_id": user.step_id, "document": document, "sha256": digest,
                           "size": len(file.content), "media_type": file.media_type, "status": "UPLOADED", **SAYS[file.media_type]}
    assert desk.rows(user.step_id) == {document: upload_id}
    assert desk.placed().count(upload_id) == 1 and desk.staged() == []
    row = desk.installation.psql("SELECT size, encode(sha256, 'hex'), media_type FROM finq.upload"
                                 f" WHERE upload_id = '{upload_id}'")
    assert row == f"{len(file.content)}|{digest}|{file.media_type}"


def test_files_are_private_and_sealed(desk, user):
    name = user.upload("photo", PNG)["upload_id"]
    file = next(desk.directory.glob(f"2*/{name}"))
    owner = pwd.getpwnam("www-data").pw_uid
    assert PNG.content[:8] not in file.read_bytes()  # sealed: see test_documents.py
    for path, mode in ((file, 0o600), (file.parent, 0o700), (desk.directory / "staging", 0o700)):
        info = path.stat()
        assert (stat.S_IMODE(info.st_mode), info.st_uid) == (mode, owner), path
    assert file.stat().st_nlink == 1


def test_the_same_bytes_answer_the_same_upload(desk, user):
    first = user.upload("photo", PNG)
    before = desk.files()
    for as_form in (False, True):
        again = user.upload("photo", PNG, form=as_form)
        assert again.json == first.json
    assert desk.files() == before


def test_other_bytes_replace_until_the_next_step(desk, user):
    old = user.upload("photo", PNG)["upload_id"]
    new = user.upload("photo", OTHER, form=True)["upload_id"]
    assert new != old and desk.rows(user.step_id) == {"photo": new}
    assert new in desk.placed() and old not in desk.placed() and desk.staged() == []
    step_id, nonce = user.step_id, user.step_nonce
    assert user.submit("last", {}).status == 200
    before = desk.held(step_id)
    late = desk.client.upload_raw(step_id, nonce, "photo", PNG)
    assert (late.status, late.code) == (409, "step_already_submitted")
    assert desk.client.upload_raw(step_id, nonce, "photo", OTHER)["upload_id"] == new
    assert desk.held(step_id) == before


def test_a_document_of_a_past_step_that_had_not_come_is_taken(desk, user):
    step_id, nonce = user.step_id, user.step_nonce
    assert user.submit("last", {}).status == 200
    assert desk.client.upload_raw(step_id, nonce, "paper", PDF).status == 200


def test_the_last_step_takes_uploads_until_the_exchange(desk, user):
    assert user.submit("last", {}).status == 200
    early = user.exchange()
    assert (early.status, early.code) == (400, "missing_uploads") and "late" in early["message"]
    old = user.upload("late", PNG)["upload_id"]
    new = user.upload("late", PDF)["upload_id"]
    assert desk.rows(user.step_id) == {"late": new} and old not in desk.placed()
    assert user.exchange().status == 200
    before = desk.held(user.step_id)
    assert (after := user.upload("late", PNG)).status == 409 and after.code == "step_already_submitted"
    assert user.upload("late", PDF)["upload_id"] == new
    assert desk.held(user.step_id) == before


@pytest.mark.parametrize("age, status", [(1740, 200), (1801, 401)])
def test_uploads_are_taken_for_the_nonces_life_after_the_submission(desk, user, age, status):
    desk.installation.psql(f"UPDATE finq.step SET submitted_at = submitted_at - interval '{age} s'"
                           f" WHERE step_id = '{user.step_id}'")
    before = desk.held(user.step_id)
    answer = user.upload("photo", PNG)
    assert answer.status == status
    if status == 401:
        assert answer.code == "expired_nonce" and desk.held(user.step_id) == before


@pytest.mark.long
def test_a_nonce_opens_no_upload_for_ever(server, make_server):
    """The server itself refuses it, before it reads a body: nothing of the step is looked at."""
    own = make_server(cluster=server.postgres, database="uploads_ttl", directives={"FinqNonceTTL": "10"})
    desk = Desk(own)
    user = desk.user()
    end = time.monotonic() + 21
    while time.monotonic() < end:
        time.sleep(0.5)
    before = desk.held(user.step_id)
    answer = user.upload("photo", PNG)
    assert (answer.status, answer.code) == (401, "expired_nonce") and desk.held(user.step_id) == before


# -- who may not

def without_id(answer):
    headers = {name: value for name, value in answer.headers.items() if name not in ("x-request-id", "date")}
    return answer.status, headers, answer.body.replace(answer["id"].encode(), b"ID")


@pytest.mark.parametrize("as_form", [False, True])
def test_unknown_and_foreign_steps_answer_alike(desk, user, server, as_form):
    stranger = Desk(server, f"Stranger {uuid.uuid4()}").user()
    send_file = desk.client.upload_form if as_form else desk.client.upload_raw
    before = desk.held(user.step_id)
    answers = [send_file(step, user.step_nonce, "photo", PNG)
               for step in (str(uuid.uuid4()), stranger.step_id, "no-id", user.session_id)]
    assert {without_id(answer)[0] for answer in answers} == {404} and answers[0].code == "invalid_step_id"
    assert all(without_id(answer) == without_id(answers[0]) for answer in answers)
    assert desk.held(user.step_id) == before


@pytest.mark.parametrize("as_form", [False, True])
def test_a_nonce_is_of_one_step_and_one_tenant(desk, user, server, as_form):
    stranger = Desk(server, f"Stranger {uuid.uuid4()}").user()
    send_file = desk.client.upload_form if as_form else desk.client.upload_raw
    before = desk.held(user.step_id)
    for nonce, status, code in ((stranger.step_nonce, 401, "invalid_nonce"), ("A" * 100, 401, "invalid_nonce"),
                                (user.nonce, 404, "invalid_step_id")):  # the last is the next step's
        answer = send_file(user.step_id, nonce, "photo", PNG)
        assert (answer.status, answer.code) == (status, code)
    assert desk.held(user.step_id) == before


@pytest.mark.parametrize("as_form", [False, True])
def test_a_document_that_is_not_asked_for(desk, user, as_form):
    before = desk.held(user.step_id)
    for document in ("late", "other", "", "../photo", "photo ", "x" * 3000):
        answer = user.upload(document, PNG, form=as_form)
        if document == "photo " and not as_form:
            continue  # blanks around a header's value are none of it
        assert (answer.status, answer.code) == (400, "invalid_field"), document
    if as_form:
        assert desk.held(user.step_id) == before
    refused(desk, user, answer, 400, "invalid_field")


def test_credentials_that_are_missing(desk, raw_user):
    before = desk.held(raw_user.step_id)
    for name in ("X-Finq-Client-Id", "X-Finq-Nonce", "X-Finq-Document"):
        lines = head(raw_user, len(PNG.content)).split(b"\r\n")
        request = b"\r\n".join(line for line in lines if not line.startswith(name.encode()))
        answer = send(desk.plain, request + PNG.content)[0]
        assert (answer.status, answer.code) == (400, "missing_fields") and name in answer["message"]
    assert desk.held(raw_user.step_id) == before


# -- too large

def test_too_large_is_told_before_the_body_is_read(desk, raw_user):
    with connect(desk.plain) as connection, connection.makefile("rb") as file:
        connection.sendall(head(raw_user, SMALL + 1, Expect="100-continue"))
        first = file.readline()
        assert b"413" in first, "no 100 Continue"
    with connect(desk.plain) as connection, connection.makefile("rb") as file:
        connection.sendall(head(raw_user, len(PNG.content), Expect="100-continue"))
        assert b"100" in file.readline() and file.readline() == b"\r\n"
        connection.sendall(PNG.content)
        assert read_answer(file).status == 200


@pytest.mark.parametrize("as_form", [False, True])
@pytest.mark.parametrize("chunked", [False, True])
def test_the_largest_and_one_more(desk, raw_user, as_form, chunked):
    for size, status in ((SMALL, 200), (SMALL + 1, 413)):
        file = padded(size)
        body = form("XX", parts_of(raw_user, file, "paper")) if as_form else file.content
        length = None if chunked else len(body)
        start = form_head(raw_user, "XX", length) if as_form else head(raw_user, length, "paper", "application/pdf")
        before = desk.held(raw_user.step_id)
        answer = send(desk.plain, start + (chunks(*(body[i:i + 8192] for i in range(0, len(body), 8192)))
                                           if chunked else body))[0]
        assert answer.status == status
    assert desk.held(raw_user.step_id) == before
    refused(desk, raw_user, answer, 413, "payload_too_large")


def test_what_surrounds_a_file_is_bounded(desk, raw_user):
    """After the closing delimiter a chunked body may go on, but not for ever."""
    before = desk.held(raw_user.step_id)
    body = form("XX", parts_of(raw_user, PNG))
    answer = send(desk.plain, form_head(raw_user, "XX") + chunks(body, *[b"e" * 8192] * 20))[0]
    assert desk.held(raw_user.step_id) == before
    refused(desk, raw_user, answer, 413, "payload_too_large")


# -- types

def zip_of(name="x.txt"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"0" * 1000)
    return buffer.getvalue()


REFUSED = {
    "claims pdf, is png": ("paper", "application/pdf", PNG.content),
    "claims png, is jpeg": ("photo", "image/png", JPEG.content),
    "claims and is pdf, not allowed": ("photo", "application/pdf", PDF.content),
    "is pdf, claims nothing": ("photo", "application/octet-stream", PDF.content),
    "text": ("photo", "image/png", b"hello, world, hello, world"),
    "html": ("photo", "text/html", b"<html><script>alert(1)</script>"),
    "svg": ("photo", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "empty": ("photo", "image/png", b""),
    "one byte": ("photo", "image/png", b"\x89"),
    "magic alone": ("photo", "image/png", PNG.content[:8]),
    "archive renamed": ("photo", "image/png", zip_of()),
    "gzip renamed": ("paper", "application/pdf", b"\x1f\x8b\x08" + bytes(50)),
    "rar renamed": ("paper", "application/pdf", b"Rar!\x1a\x07\x00" + bytes(50)),
    "7z renamed": ("paper", "application/pdf", b"7z\xbc\xaf\x27\x1c" + bytes(50)),
    "elf renamed": ("paper", "application/pdf", b"\x7fELF" + bytes(50)),
    "png with an archive": ("photo", "image/png", PNG.content + zip_of()),
    "jpeg with an archive": ("photo", "image/jpeg", JPEG.content + zip_of()),
    "pdf with an archive and a tail": ("paper", "application/pdf", PDF.content + zip_of() + b"tail" * 20),
    "pdf behind 1,024 bytes": ("paper", "application/pdf", b" " * 1020 + PDF.content),
    "pdf with an archive that no stream holds": ("paper", "application/pdf", PDF.content + zip_of() + b"\n%%EOF\n"),
    "unknown type": ("photo", "application/x-www-form-urlencoded", PNG.content),
    "no type at all": ("photo", "nonsense", PNG.content),
}


@pytest.mark.parametrize("as_form", [False, True])
@pytest.mark.parametrize("case", REFUSED)
def test_bytes_that_are_not_what_they_claim(desk, user, case, as_form):
    document, media_type, content = REFUSED[case]
    before = desk.held(user.step_id)
    answer = user.upload(document, Document("x", media_type, content), form=as_form)
    assert desk.held(user.step_id) == before
    refused(desk, user, answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("media_type", ["application/octet-stream", "IMAGE/PNG", "image/png; charset=binary", None])
def test_types_that_leave_it_to_the_bytes(desk, raw_user, media_type):
    start = head(raw_user, len(PNG.content), media_type=media_type or "@")
    if media_type is None:
        start = start.replace(b"Content-Type: @\r\n", b"")
    assert send(desk.plain, start + PNG.content)[0]["media_type"] == "image/png"
    parts = parts_of(raw_user, PNG)
    parts[3] = part("file", PNG.content, *([f"Content-Type: {media_type}"] if media_type else []))
    assert send_form(raw_user, parts)["media_type"] == "image/png"


SPELLINGS = {"image/jpg": JPEG, "image/pjpeg": JPEG, "image/jfif": JPEG, "image/x-png": PNG, "application/x-pdf": PDF,
             "application/acrobat": PDF, "binary/octet-stream": JPEG, "application/unknown": PDF, "image/*": JPEG, "image": PNG,
             "*/*": PDF, "": PNG}


@pytest.mark.parametrize("media_type", SPELLINGS)
def test_types_as_browsers_and_apps_spell_them(desk, raw_user, media_type):
    file = SPELLINGS[media_type]
    document = "paper" if file is PDF else "photo"
    start = head(raw_user, len(file.content), document, media_type)
    assert only(send(desk.plain, start + file.content))["media_type"] == file.media_type
    parts = parts_of(raw_user, file, document)
    parts[3] = part("file", file.content, f"Content-Type: {media_type}")
    assert send_form(raw_user, parts)["media_type"] == file.media_type


@pytest.mark.parametrize("media_type", ["image/jpg", "image/pjpeg", "application/x-pdf"])
def test_a_spelling_claims_its_type(desk, user, media_type):
    answer = user.upload("photo", Document("x", media_type, PNG.content))
    refused(desk, user, answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\r\n", b"@PJL ENTER LANGUAGE=PDF\r\n", b"x" * 1019])
def test_pdfs_with_bytes_before_their_header(user, before):
    file = Document("x.pdf", "application/pdf", before + PDF.content)
    assert user.upload("paper", file).status == 200


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r", b""])
def test_pdfs_with_attachments(user, line_end):
    """An archive that is attached stands in the file as it is where the writer compresses no stream."""
    stream = b"9 0 obj\n<</Type /EmbeddedFile>>\nstream\n" + zip_of("scan.docx") + line_end + b"endstream\nendobj\n"
    file = Document("x.pdf", "application/pdf", PDF.content.replace(b"xref\n", stream + b"xref\n", 1))
    assert user.upload("paper", file).status == 200


# -- cut short

def test_a_body_that_ends_too_early(desk, raw_user):
    body = form("XX", parts_of(raw_user, PNG))
    before = desk.held(raw_user.step_id)
    for start, content in ((head(raw_user, len(PNG.content)), PNG.content), (form_head(raw_user, "XX", len(body)), body)):
        for sent in (0, 1, 20, len(content) // 2, len(content) - 1):
            with connect(desk.plain) as connection, connection.makefile("rb") as file:
                connection.sendall(start + content[:sent])
                connection.shutdown(socket.SHUT_WR)
                answer = read_answer(Kept(file))
                assert (answer.status, answer.code) == (400, "invalid_body")
                assert file.read() == b"", "closed"
    assert desk.held(raw_user.step_id) == before
    refused(desk, raw_user, answer, 400, "invalid_body")


@pytest.mark.parametrize("end", [b"", b"5\r\nab", b"zz\r\n", b"-1\r\n", b"ffffffffffffffffff\r\n", b"3\r\nabcX"])
def test_chunks_that_are_wrong(desk, raw_user, end):
    before = desk.held(raw_user.step_id)
    with connect(desk.plain) as connection, connection.makefile("rb") as file:
        connection.sendall(head(raw_user) + chunks(PNG.content, end=False) + end)
        connection.shutdown(socket.SHUT_WR)
        answer = read_answer(file)
    assert answer.status in (400, 413) and answer.code in ("invalid_body", "invalid_headers", "payload_too_large")
    desk.wait_unchanged(raw_user.step_id, before)
    refused(desk, raw_user, answer, answer.status, answer.code)


@pytest.mark.parametrize("as_form", [False, True])
def test_clients_that_go_away(desk, raw_user, as_form):
    """At many points, with and without the courtesy of a FIN. On a slow machine they overtake each other."""
    desk.installation.httpd.log.allow("FINQ03: .*(FinqMaxUploads|whose nonce has not come)")
    body = form("XX", parts_of(raw_user, PNG)) if as_form else PNG.content
    start = form_head(raw_user, "XX", len(body)) if as_form else head(raw_user, len(body))
    process.until(lambda: not desk.staged(), what="the end of what came before")
    before = desk.held(raw_user.step_id)
    for place in range(0, len(body), max(1, len(body) // 12)):
        for linger in (None, struct.pack("ii", 1, 0)):
            with connect(desk.plain) as connection:
                if linger:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                connection.sendall(start + body[:place])
    for client in (desk.client, desk.plain):
        client.close()  # httpd ends connections that are kept when all its threads are busy
    process.until(lambda: desk.client.upload_raw(raw_user.step_id, "A", "photo", PNG).status == 401, what="free slots")
    desk.wait_unchanged(raw_user.step_id, before)
    process.until(lambda: raw_user.upload("photo", PNG).status == 200, what="free slots where the last of them queued")


# -- forms

def test_a_form_split_at_any_byte(desk, raw_user):
    """Each chunk comes to the parser as a piece of its own."""
    body = form("-b", parts_of(raw_user, Document("x", "image/png", PNG.content[:40] + b"\r\n--\r\n-\r\n--b\r\n")))
    start = form_head(raw_user, "-b", keep=True)
    first = only(send(desk.plain, form_head(raw_user, "-b") + chunks(body)))
    assert first.status == 200
    before = desk.held(raw_user.step_id)
    with connect(desk.plain) as connection, connection.makefile("rb") as file:
        for place in range(1, len(body)):
            connection.sendall(start + chunks(body[:place], body[place:]))
            assert read_answer(Kept(file)).json == first.json, place
        connection.sendall(start + chunks(*(body[i:i + 1] for i in range(len(body)))))
        assert read_answer(Kept(file)).json == first.json
    assert desk.held(raw_user.step_id) == before


class Kept:
    """A file that its reader does not close."""

    def __init__(self, file):
        self._file = file

    def __getattr__(self, name):
        return getattr(self._file, name)

    def close(self):
        pass


NAMES = {"path": "../../../../etc/passwd", "absolute": "/etc/cron.d/x", "backslashes": "..\\\\..\\\\x.png", "long": "n" * 4096,
         "percent": "%2e%2e%2f%00.png", "unicode": "ș🦀.png", "empty": ""}


@pytest.mark.parametrize("case", NAMES)
def test_file_names_mean_nothing(desk, raw_user, case):
    name = NAMES[case]
    parts = parts_of(raw_user, PNG)
    parts[3] = part("file", PNG.content, "Content-Type: image/png",
                    disposition=f'Content-Disposition: form-data; name="file"; filename="{name}"')
    answer = send_form(raw_user, parts)
    assert answer.status == 200
    files = [path for path in desk.files() if path.endswith(answer["upload_id"])]
    assert len(files) == 1 and desk.rows(raw_user.step_id) == {"photo": answer["upload_id"]}
    assert not any("passwd" in path or "x.png" in path for path in desk.files())


def bad_forms(user):
    client, nonce, document, file = parts_of(user, PNG)
    named = 'Content-Disposition: form-data; name="file"; filename='
    return {
        "file first, no nonce": ([file, client, document], "missing_fields"),
        "file first, no nonce of ours": ([file, client, part("nonce", "x"), document], "invalid_nonce"),
        "two files first": ([file, file, client, nonce, document], "invalid_body"),
        "text after the file": ([client, nonce, document, file, document], "invalid_body"),
        "two files": ([client, nonce, document, file, file], "invalid_body"),
        "two nonces": ([client, nonce, nonce, document, file], "invalid_body"),
        "two documents": ([client, nonce, document, document, file], "invalid_body"),
        "no client_id": ([nonce, document, file], "missing_fields"),
        "no nonce": ([client, document, file], "missing_fields"),
        "no document": ([client, nonce, file], "missing_fields"),
        "no file": ([client, nonce, document], "missing_fields"),
        "nothing": ([], "missing_fields"),
        "unknown part": ([client, nonce, part("title", "x"), document, file], "unknown_fields"),
        "part without a name": ([part("", "x", disposition="Content-Disposition: form-data"), file], "invalid_body"),
        "part without headers": ([b"\r\nabc\r\n", file], "invalid_body"),
        "nested": ([client, nonce, document, part("file", form("in", [file]),
                                                  "Content-Type: multipart/mixed; boundary=in")], "invalid_body"),
        "base64": ([client, nonce, document, part("file", "iVBORw0KGgo=", "Content-Transfer-Encoding: base64")],
                   "invalid_body"),
        "100 KB header": ([part("client_id", "x", "X-Long: " + "h" * 100_000), nonce, document, file], "invalid_body"),
        "100 KB name": ([client, nonce, document, part("", PNG.content, disposition=named + f'"{"n" * 100_000}"')],
                        "invalid_body"),
        "NUL in a name": ([client, nonce, document, part("", PNG.content, disposition=named + '"a\0.png"')],
                          "invalid_body"),
        "NUL in a value": ([client, nonce, part("document", "photo\0"), file], "invalid_field"),
        "20 parts": ([part(f"p{i}", "x") for i in range(20)], "unknown_fields"),
        "20 headers": ([part("client_id", "x", *[f"X-{i}: 1" for i in range(20)])], "invalid_body"),
        "bare LF": ([client.replace(b"\r\n", b"\n"), nonce, document, file], "invalid_body"),
        "long value": ([client, nonce, part("document", "d" * 5000), file], "invalid_field"),
        "client_id no UUID": ([part("client_id", "x"), nonce, document, file], "invalid_client_id"),
    }


class Pretend:
    """Enough of a user to name the cases."""
    step_nonce, client = "n", type("C", (), {"tenant": type("T", (), {"client_id": "c"})})


@pytest.mark.parametrize("case", bad_forms(Pretend))
def test_forms_that_are_wrong(desk, raw_user, case):
    parts, code = bad_forms(raw_user)[case]
    before = desk.held(raw_user.step_id)
    answer = send_form(raw_user, parts)
    assert desk.held(raw_user.step_id) == before
    refused(desk, raw_user, answer, 401 if code == "invalid_nonce" else 400, code)


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("size", [len(PDF.content), 65536])
def test_a_small_file_may_stand_before_its_parts(desk, raw_user, place, size):
    """FormData and curl send parts in the order in which they were named."""
    file = padded(size)
    parts = parts_of(raw_user, file, "paper")
    parts.insert(place, parts.pop())
    answer = send_form(raw_user, parts)
    assert answer.status == 200 and answer["sha256"] == hashlib.sha256(file.content).hexdigest()
    assert desk.rows(raw_user.step_id) == {"paper": answer["upload_id"]}


@pytest.mark.parametrize("place, missing", [(0, "client_id, nonce, document"), (2, "document")])
def test_a_larger_file_is_told_what_must_stand_before_it(desk, raw_user, place, missing):
    before = desk.held(raw_user.step_id)
    parts = parts_of(raw_user, padded(65537), "paper")
    parts.insert(place, parts.pop())
    answer = send_form(raw_user, parts)
    assert desk.held(raw_user.step_id) == before
    assert answer["message"] == f"Before a file of more than 65536 bytes must stand: {missing}."
    refused(desk, raw_user, answer, 400, "missing_fields")


@pytest.mark.parametrize("content_type", [
    "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=YY",
    "multipart/form-data; boundary=XX; boundary=XX", 'multipart/form-data; boundary="X', "multipart/form-data; boundary=" + "x" * 71,
    "multipart/form-data; boundary=X\tX"])
def test_boundaries_that_are_wrong(desk, raw_user, content_type):
    body = form("XX", parts_of(raw_user, PNG))
    before = desk.held(raw_user.step_id)
    answer = send(desk.plain, form_head(raw_user, "XX", len(body), content_type) + body)[0]
    assert desk.held(raw_user.step_id) == before
    refused(desk, raw_user, answer, 400, "invalid_body")


def test_a_form_without_its_end(desk, raw_user):
    before = desk.held(raw_user.step_id)
    answer = send_form(raw_user, parts_of(raw_user, PNG), end=False)
    assert desk.held(raw_user.step_id) == before
    refused(desk, raw_user, answer, 400, "invalid_body")


# -- threat 13: a connection after a body that nobody understood

def smuggled(user):
    """A second request that would succeed if it were read."""
    return head(user, len(OTHER.content)) + OTHER.content


@pytest.mark.parametrize("case", ["length and chunks", "length twice", "unknown coding", "content coding", "bad form",
                                  "wrong type", "wrong chunk", "too large"])
def test_no_second_request_after_a_bad_one(desk, raw_user, case):
    start, body = head(raw_user, len(PNG.content), keep=True), PNG.content
    bad = {
        "length and chunks": (head(raw_user, 5, keep=True, Transfer_Encoding="chunked"), chunks(PNG.content)),
        "length twice": (head(raw_user, 5, keep=True, Content_Length="7"), b"abcde"),
        "unknown coding": (head(raw_user, keep=True).replace(b"chunked", b"gzip, identity"), body),
        "content coding": (head(raw_user, len(body), keep=True, Content_Encoding="gzip"), body),
        "bad form": (form_head(raw_user, "XX", 500, keep=True), b"x" * 500),
        "wrong type": (start.replace(b"image/png", b"text/html"), body),
        "wrong chunk": (head(raw_user, keep=True), b"zz\r\n"),
        "too large": (head(raw_user, SMALL + 1, keep=True), b"x" * (SMALL + 1)),
    }[case]
    before = desk.held(raw_user.step_id)
    answers = send(desk.plain, bad[0] + bad[1] + smuggled(raw_user))
    assert len(answers) == 1 and 400 <= answers[0].status < 500, answers
    assert answers[0].json["http"] == answers[0].status
    desk.wait_unchanged(raw_user.step_id, before)
