"""Documents before a real clamd with a signature of our own: what is found, what is not looked at, and what clamd does not say.

Each test says what should turn it red; not all of it has been tried. What no clamd says is in tests/unit/test_scan.c.
"""
import io
import signal
import time
import zipfile

import pytest

from finqenv import documents
from finqenv.client import Client, Document, read_answer
from finqenv.process import until
from finqenv.resumable import Tus, partials
from finqenv.scanner import EICAR, Clamd
from finqenv.uploads import Desk, connect, form, form_head, head, padded, parts_of

HEALTH = '<Location "/health">\nSetHandler finq-health\nRequire all granted\n</Location>\n'
PNG, PDF = documents.png(), documents.pdf()
TIMEOUT = 1
LIMIT = 2 * 1024 * 1024


@pytest.fixture(scope="module")
def clamd(run_directory):
    made = Clamd(run_directory / "clamd").start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def desk(server, make_module_server, clamd):
    return Desk(make_module_server(cluster=server.postgres, database="scan", children=1, plain=True, vhost=HEALTH,
                                   directives={"FinqScan": clamd.directive, "FinqScanTimeout": str(TIMEOUT)}))


@pytest.fixture
def user(desk):
    return desk.user()


@pytest.fixture
def raw_user(desk):
    return desk.user(desk.plain)


def nothing_is_spent(desk, user, before):
    assert desk.held(user.step_id) == before
    assert user.upload("photo", PNG).status == 200, "the nonce still works"


def refused(desk, user, answer, before, status, code):
    assert (answer.status, answer.code) == (status, code), answer.body
    nothing_is_spent(desk, user, before)


def with_stream(content):
    """A PDF that holds some bytes as they are."""
    stream = b"9 0 obj\n<</Type /EmbeddedFile /Length %d>>\nstream\n" % len(content) + content + b"\nendstream\nendobj\n"
    return Document("x.pdf", "application/pdf", PDF.content.replace(b"xref\n", stream + b"xref\n", 1))


def zipped(content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.com", content)
    return buffer.getvalue()


@pytest.mark.parametrize("as_form", [False, True])
def test_what_is_clean_is_stored(desk, user, as_form):
    for document, file in (("photo", PNG), ("paper", PDF), ("film", padded(1_500_000))):
        answer = user.upload(document, file, form=as_form)
        assert answer.status == 200 and desk.rows(user.step_id)[document] == answer["upload_id"]


# -- what is found

HARMFUL = {"in a pdf": with_stream(EICAR), "behind a picture": Document("x.png", "image/png", PNG.content + EICAR),
           "in a zip in a pdf": with_stream(zipped(EICAR)), "in a large pdf": Document("x.pdf", "application/pdf", padded(1_500_000).content + EICAR)}


@pytest.mark.parametrize("as_form", [False, True])
@pytest.mark.parametrize("case", HARMFUL)
def test_what_is_found_is_refused(desk, user, case, as_form):
    """What was found stands in the log. Red: finq_scan_end left out of content_check."""
    file = HARMFUL[case]
    before, seen = desk.held(user.step_id), len(desk.installation.httpd.log.lines())
    answer = user.upload("photo" if file.media_type == "image/png" else "film", file, form=as_form)
    assert "Finq" not in answer["message"] and "holds something harmful" in answer["message"]
    lines = desk.installation.httpd.log.lines()[seen:]
    assert [line for line in lines if "FINQ04" in line and f"{answer['id']}] 415 unsafe_document" in line and "Finq.Test.Eicar" in line]
    refused(desk, user, answer, before, 415, "unsafe_document")


@pytest.mark.parametrize("cut", [len(EICAR), 10], ids=["in the last piece", "over two pieces"])
def test_what_comes_in_pieces_is_looked_at_whole(desk, user, cut):
    """And nothing of it is kept. Red: finish of resumable.c without finq_upload_finish's look at the scanner; without finq_resumable_end."""
    harmful = documents.png().content + EICAR
    before = desk.held(user.step_id)
    tus = Tus(user, "photo", harmful)
    assert tus.create(harmful[:100]).status == 201 and tus.send(len(harmful) - cut - 100).status == 204
    answer = tus.send()
    assert "Finq" not in answer["message"] and tus.head().status == 404 and partials(desk, user) == {}
    refused(desk, user, answer, before, 415, "unsafe_document")


@pytest.mark.parametrize("content", [EICAR, zipped(EICAR)], ids=["bare", "zip"])
def test_what_is_no_document_is_none_before_that(desk, user, content):
    before = desk.held(user.step_id)
    answer = user.upload("photo", Document("x.png", "image/png", content))
    refused(desk, user, answer, before, 415, "unsupported_media_type")


def test_what_is_not_looked_at_whole_is_refused(desk, user):
    """A stream that unpacks to more than MaxFileSize. Red: UNSEEN left out of verdict, and "harmful" is said."""
    bomb = with_stream(zipped(bytes(8 * LIMIT)))
    before = desk.held(user.step_id)
    answer = user.upload("film", bomb)
    assert "could not be scanned whole" in answer["message"]
    refused(desk, user, answer, before, 415, "unsafe_document")


# -- what clamd takes

def test_larger_than_clamd_takes_is_told_before_the_body_is_read(desk, raw_user):
    """Red: scan_begin without its size_check (100 Continue is sent), or without the limit."""
    before = desk.held(raw_user.step_id)
    with connect(desk.plain) as connection, connection.makefile("rb") as file:
        connection.sendall(head(raw_user, LIMIT + 1, "film", "application/pdf", Expect="100-continue"))
        assert b"413" in file.readline(), "no 100 Continue"
    answer = raw_user.upload("film", padded(LIMIT + 1))
    assert answer["max_bytes"] == LIMIT
    refused(desk, raw_user, answer, before, 413, "payload_too_large")
    assert raw_user.upload("film", padded(LIMIT)).status == 200


def test_larger_than_clamd_takes_without_a_length(desk, raw_user):
    before = desk.held(raw_user.step_id)
    body = padded(LIMIT + 1).content
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    answer = desk.plain.raw(head(raw_user, None, "film", "application/pdf") + chunked, silence=0.1)[0]
    assert answer["max_bytes"] == LIMIT
    refused(desk, raw_user, answer, before, 413, "payload_too_large")


def ready(desk):
    return Client(f"http://localhost:{desk.installation.httpd.settings.plain_port}", None).request("GET", "/health/ready")


def test_ready_warns_of_skills_that_ask_for_more(desk):
    """Red: scanner_warn without its call."""
    answer = ready(desk)
    assert answer.status == 200 and answer["status"] == "ready"
    assert answer["warnings"] == [f"Skill upload_test_sbx_#1.0 asks for documents (film) of up to 268435456 bytes, and the scanner takes {LIMIT}."]


@pytest.mark.parametrize("settings, words", [
    ({"AlertExceedsMax": "no"}, 'lacks "AlertExceedsMax yes"'), ({"LocalSocket": "/elsewhere"}, "names another LocalSocket"), (None, "No such file")])
def test_configtest_warns_of_what_clamd_may_not_tell(desk, clamd, settings, words):
    """Red: each return of scan_check."""
    right = clamd.config.read_text()
    try:
        if settings is None:
            clamd.config.unlink()
        else:
            clamd.config.write_text(right + "".join(f"{name} {value}\n" for name, value in settings.items()))
        sound, said = desk.installation.httpd.configtest()
        assert sound and "finq: FinqScan: " in said and words in said
        assert "What the scanner does not scan whole it may call clean." in ready(desk)["warnings"]
    finally:
        clamd.config.write_text(right)
    assert "FinqScan" not in desk.installation.httpd.configtest()[1]


@pytest.mark.parametrize("value", ["on", "clamd:", "clamd:run/clamd.ctl", "clamd", "clamd:/" + "x" * 107])
def test_the_directive_takes_a_socket_or_off(desk, value):
    sound, said = desk.installation.httpd.configtest({"FinqScan": value})
    assert not sound and "FinqScan is off, or clamd: and the path" in said


# -- clamd that does not answer

def unavailable(desk, user, before, answer):
    assert (answer.status, answer.code) == (503, "service_unavailable") and answer.headers["retry-after"] == "1"
    assert "clamd" not in answer["message"] and desk.held(user.step_id) == before


def test_clamd_that_hangs(desk, clamd, user):
    """Red: wait_for without `left` (it is waited for ever)."""
    desk.installation.httpd.log.expect("FINQ03: .*clamd at .*does not answer in time")
    before = desk.held(user.step_id)
    clamd.signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        unavailable(desk, user, before, user.upload("film", padded(1_500_000)))
        assert time.monotonic() - began < TIMEOUT + 15
    finally:
        clamd.signal(signal.SIGCONT)
    nothing_is_spent(desk, user, before)


@pytest.mark.parametrize("as_form", [False, True])
def test_clamd_that_dies_in_mid_stream(desk, clamd, raw_user, as_form):
    desk.installation.httpd.log.expect("FINQ03: .*clamd at ")
    file = padded(1_500_000)
    body = form("XX", parts_of(raw_user, file, "film")) if as_form else file.content
    start = form_head(raw_user, "XX", len(body)) if as_form else head(raw_user, len(body), "film", "application/pdf")
    before = desk.held(raw_user.step_id)
    with connect(desk.plain) as connection, connection.makefile("rb") as answers:
        connection.sendall(start + body[:300_000])
        until(lambda: list((clamd.directory / "tmp").rglob("clamav-*")), what="clamd at work")
        clamd.restart()
        connection.sendall(body[300_000:])
        unavailable(desk, raw_user, before, read_answer(answers))
    nothing_is_spent(desk, raw_user, before)


def test_clamd_that_is_not_there(desk, clamd, user):
    """Red: scan_begin that goes on without a connection. `/ready` says no as well: red where scanner_check is left out."""
    desk.installation.httpd.log.expect("FINQ03: .*clamd at .*No such file")
    desk.installation.httpd.log.expect("FINQ07: not ready: clamd at .*No such file")
    before = desk.held(user.step_id)
    clamd.stop()
    try:
        unavailable(desk, user, before, user.upload("photo", PNG))
        assert ready(desk).status == 503
    finally:
        clamd.start()
    nothing_is_spent(desk, user, before)
