"""Documents that the page's script sends in pieces (contract sections 13 and 16): Chromium behind a line that is cut."""
import hashlib
import pathlib
import random
import urllib.parse

import pytest
from selenium.webdriver.common.by import By

from finqenv import documents, pages
from finqenv.browser import AXE, accessible, chromium, next_page, silent, waiting
from finqenv.flows import DEPOSIT
from finqenv.proxy import Proxy

DEPOSITED = {"/value": "100", "/currency": "EUR", "/period": "12"}
PIECE = 1 << 19
PICTURE = documents.png().content + random.Random(7).randbytes(12 * PIECE)
# A piece is sent twice where it was cut, and a third time where Chromium asks once more by itself; 400 kB are pages, heads and TLS.
MOST = len(PICTURE) + 2 * PIECE + 400000


class Line(Proxy):
    """Counts what a browser sends, and calls `at_piece` in the midst of the ninth piece, once."""

    def __init__(self, target, at_piece):
        self.sent, self._at_piece = 0, at_piece
        super().__init__(target)

    def _pass(self, data, client, server, is_question):
        super()._pass(data, client, server, is_question)
        self.sent += len(data) if is_question else 0
        if self._at_piece and self.sent > 8.5 * PIECE:
            call, self._at_piece = self._at_piece, None
            call(self)


@pytest.fixture(scope="module")
def browser(run_directory):
    driver = chromium(run_directory / "chromium-page-uploads")
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    file = tmp_path_factory.mktemp("page-uploads") / "front.png"
    file.write_bytes(PICTURE)
    return file


@pytest.fixture
def over_a_line(server, client, browser):
    """over_a_line(at_piece): (visitor, line), with the documents of a deposit in the browser."""
    lines = []

    def make(at_piece):
        answer = pages.make(client, DEPOSIT, language="en")
        visitor = pages.Visitor(server, answer["url"])
        visitor.page_id = answer["page_id"]
        visitor.open()
        visitor.press("start")
        visitor.press("next", DEPOSITED)
        lines.append(Line(visitor.port, at_piece))
        parts = urllib.parse.urlsplit(visitor.url)
        browser.get(parts._replace(netloc=f"localhost:{lines[0].port}").geturl())
        press(browser, "start")
        return visitor, lines[0]
    yield make
    for line in lines:
        line.close()


def press(browser, value):
    with next_page(browser):
        browser.find_element(By.CSS_SELECTOR, f"button[value='{value}']").click()


def send(browser, picture):
    browser.find_element(By.ID, "d-1").send_keys(str(picture))
    browser.find_element(By.CSS_SELECTOR, ".document button").click()


def received(browser):
    """Waits for the page behind the upload."""
    waiting(browser).until(lambda _: browser.find_elements(By.CSS_SELECTOR, ".document.done"))
    silent(browser)
    assert browser.execute_script("return sessionStorage.length + localStorage.length") == 0
    assert browser.execute_script("return history.state") is None


def stored_once(server, visitor):
    """One document, whole, in the database and on its disk; and nothing that is unfinished."""
    step = f"(SELECT step_id FROM finq.step JOIN finq.page USING (session_id) WHERE page_id = '{visitor.page_id}')"
    found = server.psql(f"SELECT document, encode(sha256, 'hex'), size, upload_id FROM finq.upload WHERE step_id = {step}").split("|")
    assert found[:3] == ["id_front", hashlib.sha256(PICTURE).hexdigest(), str(len(PICTURE))]
    assert len(list(pathlib.Path(server.httpd.settings.directives["FinqUploadDir"]).glob(f"2*/{found[3]}"))) == 1
    assert server.psql(f"SELECT count(*) FROM finq.partial WHERE step_id = {step} AND stored IS NULL") == "0"


def test_a_cut_line(server, browser, over_a_line, picture):
    """What had arrived is not sent again. Chromium asks once more by itself, and is told the offset: red where page.js passes over a 409."""
    visitor, line = over_a_line(Line.cut)
    send(browser, picture)
    received(browser)
    assert browser.find_element(By.CLASS_NAME, "there").text == "Received: front.png, 6 MB"
    assert line.sent < MOST
    stored_once(server, visitor)


def silence(line):
    line.lose = "questions"


def test_a_network_that_is_away(server, browser, over_a_line, picture):
    """And comes back. Red where transfer() of page.js forgets the address, or asks for no offset."""
    visitor, line = over_a_line(silence)
    send(browser, picture)
    assert line.lost.wait(30)
    away = {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", away)
    line.lose = None
    line.cut()
    try:
        waiting(browser).until(lambda _: "line was cut" in browser.find_element(By.TAG_NAME, "main").text)
    finally:
        browser.execute_cdp_cmd("Network.emulateNetworkConditions", {**away, "offline": False})
    received(browser)
    assert line.sent < MOST
    stored_once(server, visitor)


def test_a_reload(server, browser, over_a_line, picture):
    """The same file goes on where it was. Red where page.js keeps no address in the tab."""
    visitor, line = over_a_line(silence)
    send(browser, picture)
    assert line.lost.wait(30)
    bar = browser.find_element(By.TAG_NAME, "progress")
    assert bar.get_attribute("aria-label") == "Send: Identity card, front" and browser.find_element(By.CSS_SELECTOR, ".document [role=status]").text
    if AXE.exists():
        accessible(browser)
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/uploads/*"]})
    try:
        line.lose = None
        line.cut()
        waiting(browser).until(lambda _: "line was cut" in browser.find_element(By.TAG_NAME, "main").text)
        kept = browser.execute_script("return JSON.stringify(sessionStorage)")
        nonces = [box.get_attribute("value") for box in browser.find_elements(By.CSS_SELECTOR, "[name=nonce], [name=held], [name=state]")]
        assert "/uploads/" in kept and nonces and not [nonce for nonce in nonces if nonce in kept]
        browser.refresh()
    finally:
        browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    if not browser.find_elements(By.TAG_NAME, "progress"):
        send(browser, picture)
    received(browser)
    assert line.sent < MOST
    stored_once(server, visitor)
