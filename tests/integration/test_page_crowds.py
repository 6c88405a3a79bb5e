"""What a page's forms with files take of a child's threads: places, as uploads do (threat 28); and how long one is read that was refused.

Seen red: parts_push without a stranger's permit (strangers, an_address); refuse without `rest` and `read_until` (the_rest, a_full_child).
"""
import contextlib
import re
import select
import time

import pytest

from finqenv import documents, pages, process
from finqenv.client import read_answer
from finqenv.installation import SANITIZED
from finqenv.uploads import SKILL, Desk, chunks, connect, form, part

THREADS = 12
PLACES = THREADS // 4
METRICS = '<Location "/metrics">\nSetHandler finq-metrics\nRequire all granted\n</Location>\n'
REMOTE = "RemoteIPHeader X-Client\nRemoteIPInternalProxy 127.0.0.1\n"
PNG = documents.png().content


def gauge(desk, name):
    text = desk.installation.client(None).request("GET", "/metrics").body.decode()
    return sum(int(line.split()[-1]) for line in text.splitlines() if line.startswith(name + "{"))


@pytest.fixture(scope="module")
def desk(make_module_server):
    """One child of few threads, that takes one upload at once, and is told by mod_remoteip where each form comes from."""
    made = Desk(make_module_server(children=1, threads=THREADS, plain=True, modules=("remoteip",), server=METRICS + REMOTE,
                                   directives={"FinqMaxUploads": "1"}))
    yield made
    made.installation.httpd.graceful_stop()


@pytest.fixture
def visitor(desk):
    """A person at the documents of a step."""
    visitor = pages.visit(desk.installation, desk.client, SKILL, language="en")
    visitor.open()
    visitor.press("start")
    assert visitor.press("next").heading == "Your documents"
    return visitor


def texts(visitor, **more):
    """What stands before the file in the form for a photo."""
    held = next(dict(each.fields) for each in visitor.page.forms if ["document", "photo"] in each.fields)
    return [part(name, value) for name, value in {**held, **more}.items()]


def picture(content):
    return part("file", content, "Content-Type: image/png", disposition='Content-Disposition: form-data; name="file"; filename="a.png"')


class Sent(contextlib.ExitStack):
    """A chunked form that has begun."""

    def __init__(self, desk, visitor, parts, address="10.0.0.1"):
        super().__init__()
        self.connection = self.enter_context(connect(desk.plain))
        self.file = self.enter_context(self.connection.makefile("rb"))
        self.since = time.monotonic()
        head = (f"POST {visitor.path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nX-Client: {address}\r\n"
                "Content-Type: multipart/form-data; boundary=XX\r\n\r\n")
        self.connection.sendall(head.encode() + chunks(form("XX", parts, end=False)[:-2], end=False))

    def drip(self):
        """A byte more; whether the answer had come."""
        if select.select([self.connection], [], [], 0)[0]:
            return True
        with contextlib.suppress(OSError):
            self.connection.sendall(chunks(b"x", end=False))
        return False

    def finish(self):
        self.connection.sendall(chunks(b"\r\n--XX--\r\n"))

    def answer(self):
        answer = read_answer(self.file)
        assert answer.headers["content-type"].startswith("text/html")
        return answer


def test_strangers_forms_hold_few_threads(desk, visitor):
    """Whoever has a page's address, but no nonce: twice as many as there are threads, all of which go on and on."""
    desk.installation.httpd.log.expect("FINQ03: .*whose nonce has not come")
    desk.installation.httpd.log.allow("AH00484: server reached MaxRequestWorkers")  # where many come before the first was refused
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(Sent(desk, visitor, [*texts(visitor, held="x" * 40), picture(PNG)], f"10.0.1.{place}"))
                 for place in range(2 * THREADS)]
        process.until(lambda: gauge(desk, "finq_forms_unproven") == PLACES, what="the places taken")
        assert desk.user().upload("photo", documents.png()).status == 200, "no upload's place is"
        process.until(lambda: all([one.drip() for one in crowd]), 30, "the end of all")
        answers = [one.answer() for one in crowd]
        assert {answer.headers["connection"] for answer in answers} == {"close"}
        statuses = [answer.status for answer in answers]
        assert set(statuses) == {401, 503} and statuses.count(401) >= PLACES, statuses
    process.until(lambda: gauge(desk, "finq_forms_unproven") == 0, what="free places")


def test_an_address_has_two_places(desk, visitor):
    """A form whose file has not begun has none of an upload either, and little time."""
    desk.installation.httpd.log.expect("FINQ03: .*whose nonce has not come")
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(Sent(desk, visitor, texts(visitor)[:1])) for _ in range(2)]
        process.until(lambda: gauge(desk, "finq_forms_unproven") == 2, what="two forms")
        assert stack.enter_context(Sent(desk, visitor, texts(visitor))).answer().status == 503
        process.until(lambda: all([one.drip() for one in slow]), 30, "the end of both")
        assert {one.answer().status for one in slow} == {408}
    process.until(lambda: gauge(desk, "finq_forms_unproven") == 0, what="free places")


def test_a_full_child(desk, visitor):
    """The form with a nonce holds the upload's place, and takes its time; one more is refused at once, and nothing of its page is lost."""
    desk.installation.httpd.log.expect("FINQ03: .*FinqMaxUploads")
    whole = [*texts(visitor), picture(PNG)]
    with Sent(desk, visitor, whole) as first:
        process.until(lambda: gauge(desk, "finq_uploads_in_progress") == 1, what="the upload")
        assert gauge(desk, "finq_forms_unproven") == 0
        with Sent(desk, visitor, whole) as second:
            answer = second.answer()
            assert (answer.status, answer.headers["connection"]) == (503, "close") and int(answer.headers["retry-after"]) >= 1
            assert b"Your documents" in answer.body and visitor.page.form("look")
        time.sleep(6)  # longer than a form without its nonce has
        first.finish()
        answer = first.answer()
        assert answer.status == 200 and b"Received" in answer.body
    process.until(lambda: gauge(desk, "finq_uploads_in_progress") == 0, what="its end")


@pytest.mark.parametrize("kind", ["slow", "large"])
def test_the_rest_of_a_refused_file(desk, visitor, kind):
    """Is read for as long as a browser with a small one takes, or as much as a small one is: the page tells what was wrong."""
    content = b"no picture at all" + bytes(200_000 if kind == "large" else 2000)
    with Sent(desk, visitor, [*texts(visitor), picture(content)]) as sent:
        if kind == "slow":
            process.until(sent.drip, 30, "the answer")
        answer, took = sent.answer(), time.monotonic() - sent.since
        assert (answer.status, answer.headers["connection"]) == (415, "close") and b"Your documents" in answer.body
        assert re.search(rb'class="document wrong"', answer.body)
        assert (4 < took < 30) if kind == "slow" else took < 4.5
    process.until(lambda: gauge(desk, "finq_uploads_in_progress") == 0, what="its end")
    page = visitor.send("photo", documents.png())
    assert page.status == 200 and "Received" in page.text


@pytest.mark.skipif(SANITIZED, reason="libfaketime and AddressSanitizer both want to be the first library")
def test_an_old_hand_off_reads_no_form(make_server, server):
    """Its address was shown long ago: nobody is asked what became of it. Red without is_past of finq_entry_open."""
    made = Desk(make_server(cluster=server.postgres, database="old_handoff", children=1, plain=True))
    first = pages.visit(made.installation, made.client, SKILL, language="en")
    first.open()
    first.press("start")
    first.press("next")
    first.press("handoff")
    link, = [link for link in first.page.links if "?language=" in link]
    phone = pages.Visitor(made.installation, link)
    for clock, status in (("+20h", 408), ("+2d", 404)):
        made.installation.httpd.settings.clock = clock
        made.installation.httpd.restart()
        with Sent(made, phone, [part("nonce", "x")]) as slow:
            answer, took = slow.answer(), time.monotonic() - slow.since
            assert answer.status == status and (took > 4) == (status == 408), clock
        assert (phone.open().status, phone.page.heading) == ((200, "Go on with this phone") if status == 408 else (404, "This code is no good any more"))
