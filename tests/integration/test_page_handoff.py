"""A page that goes over to a phone, for its camera, and back (conf/manual/page.md): the way, one effect of each button, and attacks; without
script, and in two Chromiums. `desk` is the first device, at documents of a deposit, `phone` the other one."""
import concurrent.futures
import ctypes
import re
import urllib.parse

import pytest
from selenium.webdriver.common.by import By

from finqenv import documents, flows, pages
from finqenv.banking import DOCUMENT, definition, step
from finqenv.browser import AXE, accessible, chromium, gone, next_page, silent, waiting
from finqenv.client import Document, multipart
from finqenv.flows import CARD, DEPOSIT

DEPOSITED = {"/value": "100", "/currency": "EUR", "/period": "12"}
USED = "This code is no good any more"


@pytest.fixture
def desk(server, client):
    return arrived(server, client, DEPOSIT, DEPOSITED)


def arrived(server, client, skill, *steps, **more):
    """A visitor at the documents of a step."""
    answer = pages.make(client, skill, **more)
    visitor = pages.Visitor(server, answer["url"])
    visitor.page_id = answer["page_id"]
    visitor.open()
    visitor.press("start")
    for values in steps:
        visitor.press("next", values)
    assert visitor.page.form("handoff"), visitor.page.text
    return visitor


def scanned(server, desk):
    """The address that the code shows, in another browser."""
    link, = [link for link in desk.page.links if link.startswith("https://") and "?language=" in link]
    assert link.startswith(desk.url.rpartition("/")[0])
    return pages.Visitor(server, link)


def number_of(page):
    """That a phone shows."""
    return re.search(r'class="big">(\d\d)<', page.html)[1]


def shown(page):
    """The numbers that the first device has."""
    found = [act.partition(":")[2] for form in page.forms for act in form.acts if act.startswith("number:")]
    assert len(found) == 4 and found[-1] == "none" and len(set(found)) == 4
    return found[:3]


def opened(server, desk):
    """Both devices as the numbers are shown: the phone, and its number."""
    desk.press("handoff")
    phone = scanned(server, desk)
    assert phone.open().form("open"), phone.page.text
    phone.press("open")
    desk.press("handoff")
    assert number_of(phone.page) in shown(desk.page)
    return phone, number_of(phone.page)


def taken(server, desk):
    """The phone, with the documents before it."""
    phone, number = opened(server, desk)
    assert "taken over" in desk.press(f"number:{number}").heading
    assert phone.press("open").heading == "Your documents", phone.page.text
    return phone


def wrong(desk, number):
    return next(other for other in shown(desk.page) if other != number)


def row(server, desk, columns="phase"):
    return server.psql(f"SELECT {columns} FROM finq.handoff WHERE page_id = '{desk.page_id}'")


def session(server, desk, column):
    return server.psql(f"SELECT s.{column} FROM finq.page p JOIN finq.session s USING (session_id) WHERE p.page_id = '{desk.page_id}'")


def uploads(server, desk):
    return server.psql("SELECT string_agg(u.document, ',') FROM finq.upload u JOIN finq.step s USING (step_id) "
                       f"WHERE s.session_id = '{session(server, desk, 'session_id')}'")


def again(visitor, body):
    return visitor.ask("POST", None, body, {"Content-Type": pages.FORM})


# -- the way

def test_a_phone_takes_over_and_the_first_device_goes_on(server, desk):
    """Red where the nonce is not made anew on either way."""
    older = desk.body("look")
    offer = desk.press("handoff")
    assert offer.heading == "Scan this with your phone" and row(server, desk) == "OFFERED"
    assert desk.press("handoff").heading == offer.heading, "it is not opened yet"
    phone = scanned(server, desk)
    here = phone.open()
    assert here.heading == "Go on with this phone" and "First tenant" in here.text and "Bank deposit" in here.text
    assert "nonce" not in here.html and row(server, desk) == "OFFERED", "who only looks opens nothing"
    number = number_of(phone.press("open"))
    assert "nonce" not in phone.page.html and row(server, desk) == "OPENED" and uploads(server, desk) == ""
    assert number in shown(desk.press("handoff")) and number_of(phone.press("open")) == number
    assert desk.press(f"number:{number}").heading == "Your phone has taken over" and row(server, desk) == "TAKEN"
    assert again(desk, older).heading == "You went on in another window", "the first device's nonce is dead"
    assert phone.press("open").heading == "Your documents" and "handoff" not in phone.page.html and phone.page.headers["cache-control"] == "no-store"
    assert "are still missing" in phone.press("look").text and row(server, desk) == "TAKEN"
    assert "Received" in phone.send("id_front", documents.png()).text and uploads(server, desk) == "id_front"
    assert desk.press("handoff").heading == "Your phone has taken over"
    sent = phone.press("look")
    assert sent.heading == "Done on this phone" and row(server, desk) == "DONE"
    assert desk.press("handoff").heading == "About you" and row(server, desk) == "BACK"
    assert desk.press("back").heading == "Your deposit" and ["/value", "100"] in desk.page.form("next").fields, "what was typed is kept"
    for page in (offer, here, sent):
        assert "set-cookie" not in page.headers and page.headers["cache-control"] == "no-store" and "script-src 'self'" in page.headers["content-security-policy"]


def test_the_code_is_that_of_its_link(server, desk):
    """Module by module as libqrencode has it, and a margin of four. Red with runs that end one too early."""
    html = desk.press("handoff").html
    side = int(re.search(r'viewBox="0 0 (\d+) ', html)[1])
    link, = [link for link in desk.page.links if "?language=" in link]
    assert 'role="img" aria-label="A QR code.' in html

    class Code(ctypes.Structure):
        _fields_ = [("version", ctypes.c_int), ("width", ctypes.c_int), ("data", ctypes.POINTER(ctypes.c_ubyte))]
    library = ctypes.CDLL("libqrencode.so.4")
    library.QRcode_encodeString8bit.restype = ctypes.POINTER(Code)
    code = library.QRcode_encodeString8bit(link.encode(), 0, 0).contents
    black = {(i % code.width + 4, i // code.width + 4) for i in range(code.width ** 2) if code.data[i] & 1}
    drawn = {(int(x) + i, int(y)) for x, y, run in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", html) for i in range(int(run))}
    assert side == code.width + 8 and drawn == black


def test_the_language_goes_along(server, client):
    desk = arrived(server, client, DEPOSIT, DEPOSITED, language="ro")
    desk.press("handoff")
    phone = scanned(server, desk)
    assert phone.open("?language=ro").heading == "Continuați cu acest telefon"


def test_the_last_steps_documents(server, client, tenant):
    """The session is completed: its token is the first device's alone."""
    server.finqctl("tenant", "redirect-allow", tenant.client_id, "https://app.example.com")
    person = {"/first_name": "Ana", "/last_name": "Pop", "/email": "ana@example.com", "/birth_date~d": "7", "/birth_date~m": "4",
              "/birth_date~y": "1990"}
    desk = arrived(server, client, CARD, person, return_link="https://app.example.com/done")
    for document in ("id_front", "selfie"):
        desk.send(document, documents.png())
    desk.press("look")
    desk.press("next", {"/card": "gold", "/limit": "5000", "/currency": "RON", "/employment": "employed"})
    desk.press("next", {"/employer": "Example SRL"})
    assert session(server, desk, "status") == "SESSION_COMPLETED"
    phone = taken(server, desk)
    phone.send("income_proof", documents.png())
    assert phone.press("look").heading == "Done on this phone"
    end = desk.press("handoff")
    link, = [link for link in end.links if link.startswith("https://app.example.com/")]
    assert f"{session(server, desk, 'session_id')}</bdi>" in end.html, "what is worth keeping, here too"
    assert end.heading == "All done" and "temp_token=" in link and "temp_token" not in phone.page.html
    token = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(link).query))["temp_token"]
    keys = {"client_id": client.tenant.client_id, "client_secret": client.tenant.client_secret}
    assert client.call("/token", {**keys, "temp_token": token}).status == 200


def test_the_first_device_takes_back(server, desk):
    """What the phone holds is dead then: nothing that it sends is kept."""
    phone = taken(server, desk)
    body = desk.body("handoff:back")
    assert desk.press("handoff:back").heading == "Your documents" and row(server, desk) == "BACK"
    generation = session(server, desk, "generation")
    assert again(desk, body).html == desk.page.html and session(server, desk, "generation") == generation == "2"
    assert (phone.send("id_front", documents.png()).status, phone.page.heading) == (401, USED) and uploads(server, desk) == ""
    assert "Received" in desk.send("id_front", documents.png()).text and desk.press("look").heading == "About you"


# -- one effect

def test_another_file_has_no_name_here(server, own_client):
    """What the phone put in the place of a file that was sent from here is shown by its size. Red where received_words compares none."""
    skill = flows.publish(server, own_client.tenant, definition("page_two_sbx_#1.0", step("form", uploads=[DOCUMENT, {**DOCUMENT, "document": "back"}])))
    desk = arrived(server, own_client, skill, {}, language="en")
    assert "Received: front.png, 1 kB" in desk.send(DOCUMENT["document"], documents.png("front.png")).text
    phone = taken(server, desk)
    larger = documents.png("other.png")
    assert "Received: other.png, 4 kB" in phone.send(DOCUMENT["document"], Document(larger.name, larger.media_type, larger.content + bytes(4096))).text
    assert "Received: 4 kB" in desk.press("handoff:back").text, desk.page.text


def test_the_same_again_is_the_same_page(server, desk):
    """Double clicks, reload and back, at each button."""
    def twice(visitor, act):
        body = visitor.body(act)
        one, other = visitor.press(act), again(visitor, body)
        assert (one.status, one.heading, one.links) == (other.status, other.heading, other.links) and one.status == 200, (act, other.text)
        return one
    twice(desk, "handoff")
    phone = scanned(server, desk)
    assert phone.open().heading == phone.ask("GET").heading
    twice(phone, "open")
    number = number_of(phone.page)
    desk.press("handoff")
    twice(desk, f"number:{number}")
    twice(phone, "open")
    phone.send("id_front", documents.png())
    twice(phone, "look")
    twice(desk, "handoff")
    assert row(server, desk, "phase, generation") == "BACK|0" and session(server, desk, "generation") == "2"


def test_of_many_phones_one_opens(server, desk):
    """And of many numbers that are pressed at once one counts. Red where finq.handoff_open asks for no opened_by."""
    desk.press("handoff")
    phones = [scanned(server, desk) for _ in range(6)]
    for phone in phones:
        phone.open()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda phone: phone.press("open"), phones))
    assert sorted(answer.status for answer in answers) == [200] + [404] * 5
    number = number_of(next(answer for answer in answers if answer.status == 200))
    desk.press("handoff")
    bodies = [desk.body(f"number:{other}") for other in shown(desk.page)] * 2
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        headings = {answer.heading for answer in pool.map(lambda body: again(desk, body), bodies)}
    phase = row(server, desk)
    assert len(headings) == 1 and (phase, headings.pop(), session(server, desk, "generation")) in (
        ("TAKEN", "Your phone has taken over", "1"), ("WRONG", "That was not the number", "0")), number


# -- attacks

def test_a_wrong_number_ends_it(server, desk):
    """Who shows his own code to somebody else has to guess. Red where choice_of takes any number for the right one."""
    phone, number = opened(server, desk)
    right = desk.body(f"number:{number}")
    page = desk.press(f"number:{wrong(desk, number)}")
    assert page.heading == "That was not the number" and row(server, desk) == "WRONG"
    assert again(desk, right).heading == page.heading and row(server, desk) == "WRONG", "the right one comes too late"
    assert (phone.press("open").status, phone.page.heading) == (404, USED) and "nonce" not in phone.page.html
    assert session(server, desk, "generation") == "0"
    assert "Received" in (desk.press("look"), desk.send("id_front", documents.png()))[1].text, "the first device goes on"


def test_guesses_are_few(server, client, desk):
    """Two wrong ones, until the tenant makes the page a new address."""
    for _ in range(2):
        _, number = opened(server, desk)
        desk.press(f"number:{wrong(desk, number)}")
        desk.press("look")
    assert desk.press("handoff").heading == "Please go on here" and "?language" not in desk.page.html and row(server, desk) == "WRONG"
    assert desk.press("look").heading == "Your documents"
    keys = {"client_id": client.tenant.client_id, "client_secret": client.tenant.client_secret}
    desk.path = urllib.parse.urlsplit(client.call("/pages/renew", {**keys, "page_id": desk.page_id})["url"]).path
    desk.open()
    desk.press("start")
    assert desk.press("handoff").heading == "Scan this with your phone"


def test_who_photographs_a_code_gains_nothing(server, desk):
    """A stranger opens it first: the phone that is held shows no number, and none is pressed."""
    desk.press("handoff")
    stranger, phone = scanned(server, desk), scanned(server, desk)
    phone.open()
    stranger.open()
    stranger.press("open")
    assert (phone.press("open").status, phone.page.heading) == (404, USED)
    assert scanned(server, desk).open().status == 404
    desk.press("handoff")
    assert desk.press("number:none").heading == "That was not the number" and row(server, desk) == "WRONG"
    assert (stranger.press("open").status, stranger.page.heading) == (404, USED)
    assert desk.press("look") and desk.press("handoff").heading == "Scan this with your phone", "no guess was made"


def test_what_one_device_knows_opens_nothing_at_the_other(server, desk):
    """The code's address does nothing that the page's own can, and the page's nonce nothing there; another phone's form is another phone's."""
    phone = taken(server, desk)
    nonce = dict(phone.page.form("look").fields)["nonce"]
    state = dict(phone.page.form("look").fields)["state"]
    for act in ("next", "back", "start", "handoff", "handoff:back", "number:10"):
        form = urllib.parse.urlencode({"nonce": nonce, "state": state, "act": act, **DEPOSITED}).encode()
        answer = again(phone, form)
        assert answer.heading in ("Your documents", USED) and "/value" not in answer.html, act
    assert row(server, desk) == "TAKEN" and server.psql(f"SELECT count(*) FROM finq.step WHERE session_id = '{session(server, desk, 'session_id')}'") == "1"
    for body in (b"act=open", b"act=open&device=x", f"act=open&device=x&state={state}".encode(), f"act=look&nonce=x&state={state}".encode()):
        answer = again(phone, body)
        assert answer.status in (401, 404) and "nonce" not in answer.html, body


def test_anothers_code_is_not_taken(server, client, desk):
    """Neither in a form of another page, nor for another page's session."""
    other = arrived(server, client, DEPOSIT, DEPOSITED)
    desk.press("handoff")
    mixed = dict(desk.page.form("handoff").fields) | {"handoff": "x", "act": "number:10"}
    assert again(desk, urllib.parse.urlencode(mixed).encode()).status == 404
    other.press("handoff")
    mixed["handoff"] = dict(other.page.form("handoff").fields)["handoff"]
    assert again(desk, urllib.parse.urlencode(mixed).encode()).status == 404
    nonce = dict(other.page.form("handoff").fields)["nonce"]
    foreign = dict(desk.page.form("handoff").fields) | {"nonce": nonce, "act": "handoff"}
    del foreign["handoff"]
    assert again(desk, urllib.parse.urlencode(foreign).encode()).heading == "You went on in another window"
    assert row(server, desk) == row(server, other) == "OFFERED"


def test_the_nonce_of_another_session_is_no_key(server, client, desk):
    """Neither dead nor alive: a hand-off would bring that session a nonce anew. Red without the session in finq.handoff_lock."""
    other = arrived(server, client, DEPOSIT, DEPOSITED)
    nonce = dict(other.page.form("handoff").fields)["nonce"]
    phone = taken(server, desk)
    mixed = dict(desk.page.form("handoff:back").fields) | {"nonce": nonce, "act": "handoff:back"}
    answer = again(desk, urllib.parse.urlencode(mixed).encode())
    assert answer.heading == "The code is too old" and row(server, desk) == "TAKEN" and session(server, desk, "generation") == "1"
    phone.send("id_front", documents.png())
    late = taken(server, other).page.form("look").fields
    mixed = dict(phone.page.form("look").fields) | {"nonce": dict(late)["nonce"], "act": "look"}
    assert again(phone, urllib.parse.urlencode(mixed).encode()).status == 401 and row(server, desk) == "TAKEN"
    form = next(form for form in phone.page.forms if ["document", "id_back"] in form.fields or ["document", "selfie"] in form.fields)
    kind, body = multipart(dict(form.fields) | {"nonce": dict(late)["nonce"]}, documents.png())
    assert phone.ask("POST", None, body, {"Content-Type": kind}).status == 401 and uploads(server, other) == ""


@pytest.mark.parametrize("phase", ["OFFERED", "OPENED"])
def test_a_code_that_is_too_old(server, desk, phase):
    """And the janitor removes it."""
    phone = opened(server, desk)[0] if phase == "OPENED" else (desk.press("handoff"), scanned(server, desk))[1]
    body = desk.body("handoff" if phase == "OFFERED" else f"number:{number_of(phone.page)}")
    assert row(server, desk, "phase, expires_at BETWEEN clock_timestamp() + '110 s' AND clock_timestamp() + '120 s'") == f"{phase}|t"
    server.psql(f"UPDATE finq.handoff SET expires_at = clock_timestamp() WHERE page_id = '{desk.page_id}'")
    assert (phone.press("open") if phone.page else phone.open()).heading == USED
    for _ in range(2):
        page = again(desk, body)
        assert (page.status, page.heading) == (200, "The code is too old") and page.form("look")
        server.psql("SELECT finq.janitor_remove_handoffs()")
        assert row(server, desk) == ""
    assert session(server, desk, "generation") == "0"


def test_a_page_that_is_opened_again_or_renewed_ends_it(server, client, desk):
    phone = taken(server, desk)
    other = pages.Visitor(server, desk.url)
    other.open()
    other.press("start")
    assert phone.press("look").status == 404 and phone.page.heading == USED
    assert desk.press("handoff").heading == "You went on in another window"
    other.press("handoff")
    late = scanned(server, other)
    keys = {"client_id": client.tenant.client_id, "client_secret": client.tenant.client_secret}
    assert client.call("/pages/renew", {**keys, "page_id": desk.page_id}).status == 200
    assert late.open().status == 404 and other.press("handoff").status == 404
    server.psql(f"DELETE FROM finq.page WHERE page_id = '{desk.page_id}'")
    assert row(server, desk) == ""


def test_no_log_has_the_code(server, desk):
    phone = taken(server, desk)
    files = [file for file in server.httpd.directory.glob("*log*") if file.is_file()]
    secret = phone.path.rsplit("/", 1)[1]
    assert files and not [file for file in files if secret in file.read_text()]


@pytest.mark.long
def test_it_can_be_off(server, make_server):
    made = make_server(cluster=server.postgres, database="no_handoff", directives={"FinqPageHandoff": "off"})
    client = made.client(made.create_tenant("Without", [DEPOSIT]))
    visitor = pages.visit(made, client, DEPOSIT)
    visitor.open()
    visitor.press("start")
    page = visitor.press("next", DEPOSITED)
    assert page.heading == "Your documents" and "handoff" not in page.html
    body = visitor.body("look").replace(b"act=look", b"act=handoff")
    assert again(visitor, body).status == 404 and made.psql("SELECT count(*) FROM finq.handoff") == "0"
    client.close()


# -- in Chromium

@pytest.fixture
def browsers(run_directory):
    """A desktop, and a phone."""
    phone = {"deviceMetrics": {"width": 360, "height": 740, "pixelRatio": 2, "touch": True}}
    made = [chromium(run_directory / "chromium-desk"), chromium(run_directory / "chromium-phone", mobileEmulation=phone)]
    yield made
    for browser in made:
        browser.quit()


def headed(browser, text):
    waiting(browser).until(lambda _: browser.find_element(By.TAG_NAME, "h1").text == text, text)
    silent(browser)
    if AXE.exists():
        accessible(browser)


def press(browser, value):
    with next_page(browser):
        browser.find_element(By.CSS_SELECTOR, f"button[value='{value}']").click()


def test_two_browsers(server, client, browsers, tmp_path):
    """With script nothing is pressed but what a person has to: each looks whether the other has gone on. Red without look() in page.js."""
    desk, phone = browsers
    picture = tmp_path / "me.png"
    picture.write_bytes(documents.png().content)
    visitor = arrived(server, client, DEPOSIT, DEPOSITED, language="en")
    desk.get(visitor.url)
    press(desk, "start")
    press(desk, "handoff")
    headed(desk, "Scan this with your phone")
    phone.get(desk.find_element(By.ID, "link").get_attribute("value"))
    headed(phone, "Go on with this phone")
    press(phone, "open")
    headed(phone, "Press this number on your other screen")
    headed(desk, "Which number does your phone show?")
    press(desk, f"number:{phone.find_element(By.CLASS_NAME, 'big').text}")
    headed(desk, "Your phone has taken over")
    headed(phone, "Your documents")
    assert not phone.find_elements(By.CLASS_NAME, "phone") and phone.find_element(By.CLASS_NAME, "camera").is_displayed()
    phone.find_element(By.ID, "d-1").send_keys(str(picture))
    with next_page(phone):
        phone.find_element(By.CSS_SELECTOR, ".document button").click()
    press(phone, "look")
    headed(phone, "Done on this phone")
    headed(desk, "About you")
    assert row(server, visitor) == "BACK" and uploads(server, visitor) == "id_front"
