"""Documents as they lie on the disk, and read back by those whom Apache has authenticated (contract section 14, threats 24 and 25).

Seen red: see each test.
"""
import base64
import http.client
import json
import secrets
import subprocess
import uuid

import pytest

from finqenv import documents
from finqenv.httpd import Httpd
from finqenv.installation import FINQCTL
from finqenv.places import reachable
from finqenv.process import clean_environ, run
from finqenv.client import Client, Document
from finqenv.uploads import SKILL, Desk, padded

PNG, PDF = documents.png(), documents.pdf()
CANARY = b"a canary that nobody finds on a disk"
READER, PASSWORD = "reader", "correct horse"
LOCATIONS = """
<Location "/documents">
    SetHandler finq-documents
    AuthType Basic
    AuthName documents
    AuthUserFile "{passwords}"
    Require user reader
</Location>
<Location "/page.shtml">
    Options +IncludesNOEXEC
    SetOutputFilter INCLUDES
    AuthType Basic
    AuthName documents
    AuthUserFile "{passwords}"
    Require user reader
</Location>
<Location "/open">
    SetHandler finq-documents
    Require all granted
</Location>
"""


@pytest.fixture(scope="module")
def desk(server, make_module_server, run_directory):
    passwords = reachable(run_directory / "office", Httpd.USER) / "passwords"
    done = subprocess.run(["openssl", "passwd", "-apr1", PASSWORD], capture_output=True, text=True, check=True)
    passwords.write_text(f"{READER}:{done.stdout}other:{done.stdout}")
    desk = Desk(make_module_server(cluster=server.postgres, database="documents", children=1, plain=True, vhost=LOCATIONS.format(passwords=passwords),
                                   modules=("auth_basic", "authn_core", "authn_file", "authz_user", "include")))
    desk.installation.httpd.log.tolerate("finq: <Location /open> reads documents and has no AuthType")
    return desk


@pytest.fixture
def user(desk):
    return desk.user()


def read(desk, path, name=READER, method="GET", password=PASSWORD, **headers):
    if name:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
    client = Client(f"http://localhost:{desk.installation.httpd.settings.plain_port}", None)
    return client.request(method, path, b"", {key.replace("_", "-"): value for key, value in headers.items()})


def trail(desk):
    """What of reading stands in the audit trail, the newest first."""
    lines = desk.installation.psql("SELECT client_id || '|' || detail FROM finq.audit WHERE action = 'READ' AND object = 'upload'"
                                   " ORDER BY audit_id DESC LIMIT 50").splitlines()
    return [(client_id, json.loads(detail)) for client_id, detail in (line.split("|", 1) for line in lines)]


# -- on the disk

def test_nothing_of_a_document_is_on_the_disk(desk, user):
    """Red: frame_out that writes what it was given."""
    stored = [user.upload(document, file)["upload_id"] for document, file in
              (("photo", Document("x.png", "image/png", PNG.content + CANARY * 100)), ("film", padded(3_000_000, b"%PDF-1.4\n" + CANARY)))]
    for upload_id in stored:
        content = next(desk.directory.glob(f"2*/{upload_id}")).read_bytes()
        assert content[:4] == b"FQS\x01"
        assert not any(piece in content for piece in (CANARY[:8], CANARY[-8:], PNG.content[:8], PNG.content[16:32], b"%PDF-", b"x" * 16))


def test_no_plain_text_is_on_any_disk(desk, user):
    """Neither of what was stored nor of what was refused on its way, in no file of the upload directory and the database's cluster, its WAL
    included. Red: frame_out that writes what it was given."""
    word = f"canary{secrets.token_hex(8)}"
    assert user.upload("film", padded(200_000, f"%PDF-1.4\n{word}".encode() * 100)).status == 200
    refused = user.upload("photo", Document("x.png", "image/png", PNG.content + word.encode() * 6000))
    assert refused.status == 413 and refused.code == "payload_too_large"
    desk.installation.psql("CHECKPOINT")

    def holding(pattern):
        return run("grep", "-rlaF", pattern, desk.directory, desk.installation.postgres.data, check=False).stdout.split()
    assert holding(word) == holding(word.encode().hex()) == []
    assert any("/staging/" not in name for name in holding("FQS")) and holding(SKILL), "it looks where they are"


# -- read back

@pytest.mark.parametrize("document, file", [("photo", PNG), ("paper", PDF), ("film", padded(65536)), ("film", padded(65537)), ("film", padded(1_000_000))],
                         ids=["png", "pdf", "a frame", "a frame and a byte", "many frames"])
def test_a_document_is_read_as_it_was_sent(desk, user, document, file):
    upload_id = user.upload(document, file)["upload_id"]
    answer = read(desk, f"/documents/{upload_id}")
    assert answer.status == 200 and answer.body == file.content
    told = {name: answer.headers.get(name) for name in
            ("content-type", "content-disposition", "x-content-type-options", "content-security-policy", "cache-control", "accept-ranges", "etag")}
    assert told == {"content-type": file.media_type, "content-disposition": f'attachment; filename="{document}.{file.media_type.split("/")[1]}"',
                    "x-content-type-options": "nosniff", "content-security-policy": "sandbox; default-src 'none'",
                    "cache-control": "private, no-store", "accept-ranges": "bytes", "etag": f'"{upload_id}"'}
    head = read(desk, f"/documents/{upload_id}", method="HEAD")
    assert head.status == 200 and head.body == b"" and head.headers["content-length"] == str(len(file.content))


def test_each_read_leaves_a_line(desk, user):
    """Red: upload_open or upload_list without its INSERT."""
    upload_id = user.upload("photo", PNG)["upload_id"]
    client_id = desk.tenant.client_id
    assert read(desk, f"/documents/{upload_id}").status == 200
    assert trail(desk)[0] == (client_id, {"upload_id": upload_id, "session_id": user.session_id, "document": "photo", "reader": READER})
    assert read(desk, f"/documents/sessions/{user.session_id}").status == 200
    assert trail(desk)[0] == (client_id, {"session_id": user.session_id, "reader": READER})
    before = trail(desk)
    for path in (f"/documents/{uuid.uuid4()}", f"/open/{upload_id}"):
        assert read(desk, path).status in (403, 404)
    assert trail(desk) == before, "what was not read leaves none"


@pytest.mark.parametrize("asked, first, last", [("0-0", 0, 0), ("0-65535", 0, 65535), ("65535-65536", 65535, 65536), ("-1", 299_999, 299_999), ("131072-", 131072, 299_999),
                                                ("100000-200000", 100_000, 200_000)])
def test_ranges(desk, user, asked, first, last):
    file = Document("x.pdf", "application/pdf", b"%PDF-1.4\n" + bytes(i * 7 % 251 for i in range(299_991)))
    upload_id = user.upload("film", file)["upload_id"]
    answer = read(desk, f"/documents/{upload_id}", Range=f"bytes={asked}")
    assert answer.status == 206 and answer.body == file.content[first:last + 1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/300000"


def test_several_ranges_and_none(desk, user):
    file = padded(300_000)
    upload_id = user.upload("film", file)["upload_id"]
    several = read(desk, f"/documents/{upload_id}", Range="bytes=0-8,299990-")
    assert several.status == 206 and several.headers["content-type"].startswith("multipart/byteranges") and b"%PDF-1.4\n" in several.body
    assert read(desk, f"/documents/{upload_id}", Range="bytes=300000-").status == 416
    assert read(desk, f"/documents/{upload_id}", If_None_Match=f'"{upload_id}"').status == 304
    assert read(desk, f"/documents/{upload_id}", Range="bytes=0-1", If_Range='"other"').body == file.content


def test_a_range_opens_the_frames_that_it_needs_alone(desk, user):
    """Red: bucket_read that begins at the file's start. The connection ends where a frame does not open."""
    file = padded(300_000)
    upload_id = user.upload("film", file)["upload_id"]
    path = next(desk.directory.glob(f"2*/{upload_id}"))
    content = bytearray(path.read_bytes())
    content[36 + 2 * 65552 + 100] ^= 1
    path.write_bytes(content)
    for asked in ("0-131071", "196608-299999"):
        assert read(desk, f"/documents/{upload_id}", Range=f"bytes={asked}").status == 206
    desk.installation.httpd.log.expect("FINQ14: .*cannot be read at byte 131072")
    with pytest.raises(http.client.IncompleteRead) as cut:
        read(desk, f"/documents/{upload_id}")
    assert cut.value.partial == file.content[:131072]


def test_a_file_that_is_gone(desk, user):
    upload_id = user.upload("photo", PNG)["upload_id"]
    next(desk.directory.glob(f"2*/{upload_id}")).unlink()
    assert read(desk, f"/documents/{upload_id}").status == 404


def test_a_sessions_documents_are_listed(desk, user):
    stored = {document: user.upload(document, file).json for document, file in (("photo", PNG), ("paper", PDF))}
    answer = read(desk, f"/documents/sessions/{user.session_id}")
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert [entry["document"] for entry in answer.json] == ["paper", "photo"]
    for entry in answer.json:
        told = stored[entry["document"]]
        assert {name: entry[name] for name in ("upload_id", "size", "sha256", "media_type")} == {
            name: told[name] for name in ("upload_id", "size", "sha256", "media_type")} and entry["step"] == "papers"
    assert answer.json[1]["width"] == 64 and "width" not in answer.json[0]
    assert read(desk, f"/documents/sessions/{desk.user().session_id}").json == []


# -- who may not

def test_nobody_reads_who_is_not_authenticated(desk, user):
    """Red: reader_check left out."""
    desk.installation.httpd.log.allow("AH01617: user reader: authentication failure|AH01631: user other: authorization failure")
    upload_id = user.upload("photo", PNG)["upload_id"]
    for path in (f"/open/{upload_id}", f"/open/sessions/{user.session_id}"):
        for name in (None, READER):
            answer = read(desk, path, name)
            assert (answer.status, answer.code) == (403, "forbidden")
    for name, password, status in ((None, "", 401), (READER, "wrong", 401), ("other", PASSWORD, 401)):
        assert read(desk, f"/documents/{upload_id}", name, password=password).status == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_documents_are_read_and_nothing_else(desk, user, method):
    upload_id = user.upload("photo", PNG)["upload_id"]
    answer = read(desk, f"/documents/{upload_id}", method=method)
    assert answer.status == 405 and answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["", "x", "../documents/x", "sessions/", "sessions/x", "%00", "sessions", str(uuid.UUID(int=0)), f"sessions/{uuid.UUID(int=0)}"])
def test_paths_that_lead_nowhere(desk, path):
    assert read(desk, f"/documents/{path}").status == 404


def test_a_host_of_one_tenant_shows_its_own(desk, user, server, make_server):
    """Red: p_client_id left out of upload_open, or of upload_list."""
    upload_id = user.upload("photo", PNG)["upload_id"]
    settings = desk.installation.httpd.settings
    stranger = desk.installation.create_tenant(f"Stranger {uuid.uuid4()}", ())
    settings.directives["FinqTenant"] = stranger.client_id
    desk.installation.httpd.restart()
    try:
        for path in (upload_id, f"sessions/{user.session_id}"):
            assert read(desk, f"/documents/{path}").status == 404
    finally:
        del settings.directives["FinqTenant"]
        desk.installation.httpd.restart()
    assert read(desk, f"/documents/{upload_id}").status == 200


def test_a_key_that_is_destroyed(desk, user):
    """As erasure does. Red: `data_key IS NOT NULL` left out of upload_open: an error, and a line in the trail."""
    upload_id = user.upload("photo", PNG)["upload_id"]
    desk.installation.psql(f"UPDATE finq.session SET data_key = NULL WHERE session_id = '{user.session_id}'")
    before = trail(desk)
    for path in (upload_id, f"sessions/{user.session_id}"):
        assert read(desk, f"/documents/{path}").status == 404
    assert trail(desk) == before


def test_configtest_warns_of_a_location_without_authentication(desk):
    """Red: documents_check left out."""
    sound, said = desk.installation.httpd.configtest()
    assert sound and "<Location /open> reads documents and has no AuthType" in said and "<Location /documents>" not in said


# -- by the command

def command(desk, *words, **env):
    known = {"FINQ_DB": desk.installation.conninfo(), "FINQ_DATA_KEY_FILE": str(desk.installation.data_key_file), "FINQ_UPLOAD_DIR": str(desk.directory), **env}
    return subprocess.run([str(FINQCTL), *map(str, words)], capture_output=True, env=clean_environ(**{name: value for name, value in known.items() if value}))


@pytest.mark.parametrize("size", [65536, 300_000])
def test_the_command_reads_documents(desk, user, size):
    """Red: bytes_write that stops after a piece; upload_got without upload_open."""
    file = padded(size)
    upload_id = user.upload("film", file)["upload_id"]
    listed = json.loads(command(desk, "upload", "list", user.session_id).stdout)
    assert [one["upload_id"] for one in listed] == [upload_id] and listed == read(desk, f"/documents/sessions/{user.session_id}").json
    got = command(desk, "upload", "get", upload_id)
    assert (got.returncode, got.stdout, got.stderr) == (0, file.content, b"")
    got = command(desk, "upload", "get", upload_id, "--upload-dir", desk.directory, "--data-key-file", desk.installation.data_key_file,
                  FINQ_UPLOAD_DIR="", FINQ_DATA_KEY_FILE="")
    assert (got.returncode, got.stdout) == (0, file.content)
    assert [detail.get("reader") for _, detail in trail(desk)[:4]] == ["finqctl", "finqctl", READER, "finqctl"]


def test_the_command_says_why_not(desk, user):
    """Red: bytes_write without its look at what peek gave."""
    upload_id = user.upload("film", padded(200_000))["upload_id"]
    for words, env, code, why in (
            (("get", upload_id), {"FINQ_UPLOAD_DIR": ""}, 2, "which directory? Give --upload-dir PATH"),
            (("get", upload_id), {"FINQ_DATA_KEY_FILE": ""}, 2, "which data-key file?"),
            (("get", upload_id), {"FINQ_UPLOAD_DIR": "/nowhere"}, 1, "/nowhere"),
            (("get", uuid.uuid4()), {}, 3, "No document has the id"),
            (("list", uuid.uuid4()), {}, 3, "No session has the id"),
            (("get", "x"), {}, 1, "UPLOAD_ID")):
        done = command(desk, "upload", *words, **env)
        assert (done.returncode, done.stdout) == (code, b"") and why in done.stderr.decode(), (words, done)
    path = next(desk.directory.glob(f"2*/{upload_id}"))
    content = bytearray(path.read_bytes())
    content[36 + 65552 + 100] ^= 1
    path.write_bytes(content)
    done = command(desk, "upload", "get", upload_id)
    assert done.returncode == 1 and done.stdout == padded(200_000).content[:65536] and b"cannot be read at byte 65536" in done.stderr
    path.unlink()
    assert command(desk, "upload", "get", upload_id).returncode == 3


def test_no_page_includes_a_document(desk, user):
    """What is read goes to who asked, with its headers. Red: r->main left out of the handler."""
    upload_id = user.upload("photo", PNG)["upload_id"]
    page = desk.installation.httpd.documents / "page.shtml"
    page.write_text(f'before <!--#include virtual="/documents/{upload_id}" --> after')
    page.chmod(0o644)
    desk.installation.httpd.log.allow("AH01247|unable to include")
    answer = read(desk, "/page.shtml")
    assert answer.status == 200 and answer.body.startswith(b"before ") and b"PNG" not in answer.body
