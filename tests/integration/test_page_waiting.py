"""Pages of sessions that wait: for a bank, for a decision, for a connector that cannot be reached; without script, and in Chromium."""
import json
import urllib.parse

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from finqenv import documents, pages, sandbox
from finqenv.banking import DOCUMENT, Bank, definition, step
from finqenv.browser import AXE, accessible, chromium, next_page, silent, trusting, waiting
from finqenv.flows import CARD

APP = "https://app.example/done"
LINK = {"type": "object", "required": ["psu_redirect_link"], "properties": {"psu_redirect_link": {"type": "string"}}}
# A company has a name, and one abroad a country.
BRANCHES = {"type": "object", "required": ["kind"], "additionalProperties": False,
            "properties": {"kind": {"title": "Who", "enum": ["person", "company"]}, "company": {"type": "string"}, "abroad": {"type": "boolean"},
                           "land": {"type": "string"}},
            "if": {"properties": {"kind": {"const": "company"}}, "required": ["kind"]}, "then": {"required": ["company", "abroad"]},
            "allOf": [{"if": {"properties": {"abroad": {"const": True}}, "required": ["abroad"]}, "then": {"required": ["land"]}}]}
# The same on three pages, behind a step that knows the e-mail address.
PARTS = {**BRANCHES, "properties": {**BRANCHES["properties"], "email": {"type": "string", "format": "email"}, "sum": {"type": "number"},
                                    "born": {"type": "string", "format": "date"}, "ok": {"const": True}},
         "required": ["kind", "email", "ok", "born"]}
MAIL = {"type": "object", "required": ["mail"], "properties": {"mail": {"type": "string", "format": "email"}}}
LAYOUT = {"pages": [["kind", "company", "abroad"], ["land"], ["email", "sum"]], "same_as": {"email": "first/mail"},
          "autocomplete": {"company": "organization"}}
SKILLS = [definition("page_parts_sbx_#1.0", step("first") | {"schema": MAIL}, step("form") | {"schema": PARTS, "ui": LAYOUT}),
          definition("page_branches_sbx_#1.0", step("form") | {"schema": BRANCHES}),
          definition("page_sca_sbx_#1.0", step("sca", connector="bank") | {"schema": LINK}),
          definition("page_more_sbx_#1.0", step("sca", connector="bank") | {"schema": LINK}, step("last")),
          definition("page_review_sbx_#1.0", step("form", review="offline", uploads=[DOCUMENT]), step("last"))]


@pytest.fixture(scope="module")
def bank(make_module_server, tmp_path_factory):
    made = Bank(make_module_server, tmp_path_factory.mktemp("page"))
    for skill in SKILLS:
        made.allow(skill)
    made.ctl("tenant", "allow", made.tenant.client_id, CARD)
    yield made
    made.stop()


def begin(bank, skill, **more):
    visitor = pages.visit(bank.server, bank.client, skill, return_link=APP, **more)
    visitor.open()
    visitor.press("start")
    return visitor


def return_from(bank, visitor, choice):
    """The visit to the bank, up to the page that the browser is sent back to."""
    url, = [link for link in visitor.page.links if "/sandbox?" in link]
    answer, parameters = sandbox.come_back(bank.client, sandbox.choose(bank.client, url, choice))
    location = answer.headers["location"]
    assert answer.status == 302 and location.startswith(visitor.url)
    return visitor.open(location.removeprefix(visitor.url)), parameters


def test_a_bank_and_the_last_page(bank):
    """The token of the last page is the one that the return brought."""
    visitor = begin(bank, "page_sca_sbx_#1.0")
    assert visitor.press("next").heading == "Agree at XYZ Bank" and visitor.press("look").heading == "Agree at XYZ Bank"
    assert visitor.page.headers["cache-control"] == "no-store"
    end, told = return_from(bank, visitor, "approve")
    assert end.headers["cache-control"] == "no-store" and end.heading == "All done" and f"{APP}?temp_token={told['temp_token']}" in end.links
    stolen = visitor.open("?temp_token=" + told["temp_token"][:-4] + "AAAA")
    assert f"{APP}?status=SESSION_COMPLETED" in stolen.links and "temp_token" not in stolen.html


def test_a_bank_in_between_and_a_refusal(bank):
    visitor = begin(bank, "page_more_sbx_#1.0")
    visitor.press("next")
    refused, told = return_from(bank, visitor, "deny")
    assert told["error"] == "access_denied" and "without an agreement" in refused.text
    assert "The user refused." in visitor.press("start").text
    visitor.press("next")
    back, told = return_from(bank, visitor, "approve")
    assert told == {"status": "SESSION_IN_PROGRESS"} and "You are back from XYZ Bank" in back.text
    assert visitor.press("start").heading == "last"
    assert visitor.press("next").heading == "All done"


def steps_entered(bank):
    return bank.server.entered(bank.psql("SELECT session_id FROM finq.page ORDER BY created_at DESC LIMIT 1"))


def entered(bank):
    """Through the newest page."""
    return json.loads(steps_entered(bank)["form"])


def test_what_answers_lead_to_is_asked_next(bank):
    """Without script: on the same step again, as nothing that is wrong. Red without finq_typed_lacks in act_next."""
    visitor = begin(bank, "page_branches_sbx_#1.0")
    assert "/company" not in dict(visitor.page.form("next").fields) and visitor.page.html.count("<template") == 3
    more = visitor.press("next", {"/kind": "company"})
    assert more.status == 200 and "Your answers lead to" in more.text and "/land" not in dict(more.form("next").fields)
    visitor.press("next", {"/company": "Example SRL", "/abroad": "true"})
    assert visitor.page.status == 200 and visitor.press("next", {"/land": "Chile"}).heading == "All done"
    assert entered(bank) == {"kind": "company", "company": "Example SRL", "abroad": True, "land": "Chile"}


def test_what_is_not_asked_for_is_not_sent(bank):
    visitor = begin(bank, "page_branches_sbx_#1.0")
    visitor.press("next", {"/kind": "company"})
    assert visitor.press("next", {"/company": "Example SRL", "/abroad": "true", "/kind": "person"}).heading == "All done"
    assert entered(bank) == {"kind": "person"}


def parts(bank, **more):
    visitor = begin(bank, "page_parts_sbx_#1.0", **more)
    visitor.press("next", {"/mail": "ana@example.com"})
    return visitor


def test_a_payment(bank):
    """Who is paid is asked once, and what no person knows not at all; an amount is what a German types, and stands there again after a fault.
    Red where fill_same takes no pointer; where hidden_value passes over the default; where is_number of field.c passes over texts."""
    skill, transfer = "xyz_pisp_sbx_#1.0", "/payment_info/0/credit_transfers/0"
    bank.ctl("tenant", "allow", bank.tenant.client_id, skill)
    visitor = begin(bank, skill, language="de")
    payee = {"/creditor/name": "Imobiliare SRL", "/creditor_account/iban": "RO09 BCYP 0000 0012 3456 7890"}
    assert visitor.press("next", payee).heading == "Ihre Zahlung"
    fields = visitor.page.form("next").fields
    assert [f"{transfer}/creditor/name", "Imobiliare SRL"] in fields and [f"{transfer}/creditor_account/iban", "RO09BCYP0000001234567890"] in fields
    assert not any(name.startswith(("/group_header", "/payment_info/0/payment_information_id")) for name, _ in fields)
    amount = [f"{transfer}/instructed_amount/amount", "1.250,01"]
    wrong = visitor.press("next", {"/payment_info/0/debtor_account/iban": "RO49", f"{transfer}/end_to_end_id": "RENT-1",
                                   amount[0]: amount[1], f"{transfer}/instructed_amount/currency": "RON"})
    assert wrong.status == 400 and amount in wrong.form("next").fields
    day = "/payment_info/0/requested_execution_date"
    wrong = visitor.press("next", {"/payment_info/0/debtor_account/iban": "RO49AAAA1B31007593840000", amount[0]: "0", f"{day}~d": "1",
                                   f"{day}~m": "1", f"{day}~y": "2020"})
    assert wrong.status == 400 and "muss heute oder später sein." in wrong.text and "muss mehr als 0 sein." in wrong.text, wrong.text
    end = visitor.press("next", {amount[0]: amount[1], f"{day}~d": "", f"{day}~m": "", f"{day}~y": ""})
    assert end.status == 200 and any("/sandbox?" in link for link in end.links), end.text
    ordered = bank.service.seen[-1][0]["data"]["payment_info"][0]
    assert (ordered["payment_information_id"], ordered["payment_method"]) == ("PAYMENT", "TRF") and set(ordered["credit_transfers"][0]) == {
        "end_to_end_id", "instructed_amount", "creditor", "creditor_account"}
    assert ordered["credit_transfers"][0]["instructed_amount"] == {"amount": "1250.01", "currency": "RON"}


def test_a_step_in_parts(bank):
    """What no page names stands on the last; a page that asks nothing is passed over; nothing is sent before all was looked through."""
    visitor = parts(bank, language="de")
    assert [name for name, _ in visitor.page.form("next").fields if name.startswith("/")] == [] and "organization" in visitor.page.html
    wrong = visitor.press("next")
    assert wrong.status == 400 and "„Who“" in wrong.text and "Email" not in wrong.text
    assert visitor.press("next", {"/kind": "person"}).status == 200, "a page of land is passed over"
    assert ["/email", "ana@example.com"] in visitor.page.form("next").fields, "nothing is asked twice"
    assert visitor.press("next", {"/sum": "1.234,50", "/born~d": "31", "/born~m": "4", "/born~y": "1990", "/ok": "true"}).status == 400
    assert visitor.press("next", {"/born~d": "7"}).heading == "Prüfen Sie Ihre Antworten"
    assert all(text in visitor.page.text for text in ("person", "ana@example.com", "1.234,50", "7. April 1990")), visitor.page.text
    assert "Land" not in visitor.page.text and "form" not in steps_entered(bank), "nothing is sent yet"
    visitor.press("part:0")
    visitor.press("next", {"/kind": "company"})
    assert visitor.press("next", {"/company": "Example"}).status == 400, "abroad or not?"
    visitor.press("next", {"/abroad": "true"})
    assert visitor.press("next", {"/land": "Chile"}).heading != "Prüfen Sie Ihre Antworten"
    assert ["/sum", "1.234,50"] in visitor.page.form("next").fields and ["/ok", "true"] in visitor.page.form("next").fields
    assert visitor.press("next").heading == "Prüfen Sie Ihre Antworten" and "Chile" in visitor.page.text
    body = visitor.body("next")
    assert visitor.press("next").heading == "Alles erledigt"
    assert visitor.ask("POST", None, body, {"Content-Type": pages.FORM}).heading == "Alles erledigt", "one effect"
    assert entered(bank) == {"kind": "company", "company": "Example", "abroad": True, "land": "Chile", "email": "ana@example.com",
                             "sum": 1234.5, "ok": True, "born": "1990-04-07"}


def test_parts_that_there_are_not(bank):
    """Lead to the first, and past nothing. Red without the bounds in act_part."""
    visitor = parts(bank)
    body = visitor.body("next", {"/kind": "person"})
    for place in (b"-1", b"4", b"99999999999999999999", b"x"):
        forged = visitor.ask("POST", None, body.replace(b"part=0", b"part=" + place), {"Content-Type": pages.FORM})
        assert forged.form("next").acts == ["next", "back"], place
        again = visitor.ask("POST", None, body.replace(b"act=next", b"act=part:" + place), {"Content-Type": pages.FORM})
        assert ["part", "0"] in again.form("next").fields, place
    whole = visitor.ask("POST", None, body.replace(b"part=0", b"part=3"), {"Content-Type": pages.FORM})
    assert whole.status == 400 and "form" not in steps_entered(bank), "the whole is checked all the same"


def test_a_page_back_is_no_step_back(bank):
    visitor = parts(bank)
    visitor.press("next", {"/kind": "company"})
    visitor.press("next", {"/company": "Example", "/abroad": "false"})
    assert dict(visitor.press("back").form("next").fields)["/company"] == "Example" and "form" not in steps_entered(bank)
    assert ["/mail", "ana@example.com"] in visitor.press("back").form("next").fields, "the step before"


def waiting_step(bank):
    found, = [row["step_id"] for row in bank.ctl("step", "list", "--pending") if row["skill"] == "page_review_sbx_#1.0"]
    return found


def test_a_decision(bank):
    visitor = begin(bank, "page_review_sbx_#1.0")
    assert visitor.press("next").heading == "Your documents"
    assert visitor.send("proof", documents.png()).text.count("Received") == 1
    waiting = "Your request is being looked at"
    assert visitor.press("look").heading == waiting and 'http-equiv="refresh"' in visitor.page.html
    assert visitor.open().heading == waiting and visitor.press("start").heading == waiting
    assert visitor.page.headers["cache-control"] == "private, no-cache"
    bank.ctl("step", "resubmit", waiting_step(bank), "--reason", "The picture is <dark>.")
    asked = visitor.press("look")
    assert "The picture is <dark>." in asked.text and "<dark>" not in asked.html and asked.form("next") and asked.headers["cache-control"] == "no-store"
    visitor.press("next")
    visitor.send("proof", documents.png(shade=0x10))
    bank.ctl("step", "reject", waiting_step(bank), "--reason", "No.", "--yes")
    assert visitor.press("look").heading == "It did not work out" and "No." in visitor.page.text
    assert f"{APP}?status=SESSION_FAILED" in visitor.open().links


def test_a_connector_that_is_down_loses_nothing(bank):
    bank.server.httpd.log.allow("FINQ08|proxy")
    visitor = begin(bank, "down_sbx_#1.0")
    page = visitor.press("next")
    assert page.status == 400 and "nothing was lost" in page.text and page.form("next")
    assert visitor.press("next").status == 400


# -- in Chromium

@pytest.fixture(scope="module")
def browser(run_directory):
    """Without script."""
    driver = chromium(run_directory / "chromium-page-without", script=False)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def scripted(run_directory):
    driver = chromium(run_directory / "chromium-page-with")
    yield driver
    driver.quit()


def press(browser, text):
    """Presses the button, and waits for the next page."""
    with next_page(browser):
        next(button for button in browser.find_elements(By.CSS_SELECTOR, "button, a.button") if button.text.startswith(text)).click()
    silent(browser)


def heading(browser):
    return browser.find_element(By.TAG_NAME, "h1").text


@pytest.mark.skipif(not AXE.exists(), reason="npm could not install axe-core: see what tests/install.sh said")
def test_pages_are_accessible(bank, scripted, tmp_path):
    """Seen red: the sandbox's note outside of every landmark."""
    picture = tmp_path / "me.png"
    picture.write_bytes(documents.png().content)
    scripted.get(pages.make(bank.client, CARD, language="ar")["url"])
    accessible(scripted)
    press(scripted, "ابدأ")
    with next_page(scripted):
        scripted.execute_script("document.querySelector('main form').submit()")  # past what the script checks
    assert scripted.find_element(By.ID, "problems")
    accessible(scripted)
    for name, text in {"/first_name": "Ana", "/last_name": "Pop", "/email": "ana@example.com"}.items():
        type_in(scripted, name, text)
    press(scripted, "متابعة")
    accessible(scripted)
    for place in (1, 2):
        scripted.find_element(By.ID, f"d-{place}").send_keys(str(picture))
        scripted.execute_script("arguments[0].click()", scripted.find_elements(By.CSS_SELECTOR, ".document button")[place - 1])
        waiting(scripted).until(lambda _, count=place: scripted.page_source.count("تم الاستلام") == count)
    press(scripted, "متابعة")
    accessible(scripted)


def type_in(browser, name, text):
    box = browser.find_element(By.NAME, name)
    box.clear()
    box.send_keys(text)


def choose(browser, title):
    next(label for label in browser.find_elements(By.TAG_NAME, "label") if label.text == title).click()


def test_the_card_in_chromium_without_script(bank, browser, tmp_path):
    picture, paper = tmp_path / "me.png", tmp_path / "pay.pdf"
    picture.write_bytes(documents.png().content)
    paper.write_bytes(documents.pdf().content)
    browser.get(pages.make(bank.client, CARD, return_link=APP, language="en")["url"])
    press(browser, "Start")
    press(browser, "Continue")
    assert browser.title.startswith("Error: ") and browser.switch_to.active_element.get_attribute("id") == "problems"
    for name, text in {"/first_name": "Ana", "/last_name": "O'Neill", "/email": "ana@example.com", "/birth_date~d": "17",
                       "/birth_date~m": "4", "/birth_date~y": "1990"}.items():
        type_in(browser, name, text)
    press(browser, "Continue")
    for document in ("id_front", "selfie"):
        form = browser.find_element(By.XPATH, f"//form[input[@name='document'][@value='{document}']]")
        form.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(picture))
        with next_page(browser):
            form.find_element(By.TAG_NAME, "button").click()
    browser.refresh()
    assert browser.page_source.count("Received") == 2, "the last document again: one effect"
    press(browser, "Continue")
    assert heading(browser) == "Your card"
    for title in ("Gold card", "Romanian leu", "Employed"):
        choose(browser, title)
    type_in(browser, "/limit", "5,000")
    press(browser, "Continue")
    type_in(browser, "/employer", "Example SRL")
    press(browser, "Continue")
    browser.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(paper))
    press(browser, "Send")
    press(browser, "Continue")
    assert heading(browser) == "All done"
    link = browser.find_element(By.CSS_SELECTOR, "a.button").get_attribute("href")
    token = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(link).query))["temp_token"]
    told = bank.client.call("/token", {"client_id": bank.tenant.client_id, "client_secret": bank.tenant.client_secret, "temp_token": token})
    assert told.status == 200 and told["skill"] == CARD


def test_back_and_forward_in_chromium(bank, run_directory):
    """Show pages again, and send nothing twice. Red with no-store: then Back shows the browser's own "Confirm form resubmission"."""
    certificate, _ = bank.server.httpd.certificate_for("localhost")
    browser = chromium(run_directory / "chromium-page-back", certificates=trusting(certificate))
    try:
        browser.get(pages.make(bank.client, "page_parts_sbx_#1.0", language="en")["url"])
        press(browser, "Start")
        type_in(browser, "/mail", "ana@example.com")
        press(browser, "Continue")
        for go, title, name in ((browser.back, "first", "/mail"), (browser.forward, "form (1/3)", "/kind"), (browser.back, "first", "/mail")):
            go()
            assert heading(browser) == title and browser.find_elements(By.NAME, name), browser.page_source
        type_in(browser, "/mail", "ana@example.com")
        press(browser, "Continue")
        assert heading(browser) == "form (1/3)" and steps_entered(bank) == {"first": '{"mail":"ana@example.com"}'}, "one effect"
        assert bank.psql("SELECT count(*) FROM finq.step WHERE session_id = (SELECT session_id FROM finq.page ORDER BY created_at DESC LIMIT 1)") == "1"
    finally:
        browser.quit()


def test_a_file_shows_how_far_it_is(bank, scripted, tmp_path):
    """With script, on a slow line; one that is refused is told of as without. Red without send() in page.js."""
    browser, good, bad = scripted, tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(documents.png().content + bytes(40000))
    bad.write_bytes(b"no picture at all")
    browser.get(pages.make(bank.client, "page_review_sbx_#1.0", language="en")["url"])
    press(browser, "Start")
    press(browser, "Continue")
    browser.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(bad))
    press(browser, "Send")
    assert "of another kind" in browser.page_source
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 10000}
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", slow)
    try:
        browser.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(good))
        with next_page(browser):
            browser.find_element(By.CSS_SELECTOR, ".document button").click()
            assert browser.find_element(By.TAG_NAME, "progress").get_attribute("aria-label").startswith("Send: ")
    finally:
        browser.execute_cdp_cmd("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    assert "Received" in browser.page_source and "Choose a file first" not in browser.page_source
    assert bank.psql("SELECT count(*) FROM finq.upload u JOIN finq.step s USING (step_id) JOIN finq.page p USING (session_id) "
                     "WHERE p.page_id = (SELECT page_id FROM finq.page ORDER BY created_at DESC LIMIT 1)") == "1"


def test_a_narrow_window_by_keyboard_in_forced_colours(bank, scripted):
    """320 px, which is also 1280 px at 400 %: nothing stands beside the window (WCAG 2.2, 1.4.10); every answer is given by keys, and the
    element that has the focus shows it."""
    browser = scripted
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 320, "height": 700, "deviceScaleFactor": 1, "mobile": False})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "forced-colors", "value": "active"}]})

    def keys(*typed):
        for one in typed:
            browser.switch_to.active_element.send_keys(one)
            seen = browser.execute_script("const at = getComputedStyle(document.activeElement); return at.outlineStyle !== 'none' || document.activeElement === document.body")
            assert seen and browser.execute_script("return document.documentElement.scrollWidth") <= 320, browser.page_source

    def enter():
        with next_page(browser):
            keys(Keys.ENTER)
    try:
        browser.get(pages.make(bank.client, "page_parts_sbx_#1.0", language="en")["url"])
        to(browser, "main button", keys)
        enter()
        to(browser, "[name='/mail']", keys)
        browser.switch_to.active_element.send_keys("ana@example.com")
        enter()
        to(browser, "[name='/kind']", keys)
        keys(Keys.SPACE)
        enter()
        for name, text in {"born~d": "7", "born~m": "4", "born~y": "1990"}.items():
            to(browser, f"[name='/{name}']", keys)
            browser.switch_to.active_element.send_keys(text)
        to(browser, "[name='/ok']", keys)
        keys(Keys.SPACE)
        enter()
        assert heading(browser) == "Check your answers"
        if AXE.exists():
            accessible(browser)
        to(browser, ".buttons button", keys)
        enter()
        assert heading(browser) == "All done" and entered(bank)["kind"] == "person"
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def to(browser, selector, keys):
    """Tab, until an element has the focus."""
    for _ in range(30):
        if browser.execute_script("return document.activeElement.matches(arguments[0])", selector):
            return
        keys(Keys.TAB)
    raise AssertionError(f"no way to {selector} by Tab")


def is_shown(browser, name):
    return [box.is_displayed() for box in browser.find_elements(By.NAME, name)][:1] == [True]


def test_answers_show_what_they_lead_to(bank, scripted):
    """With script as soon as they are given. Red without branching() in page.js."""
    browser = scripted
    browser.get(pages.make(bank.client, "page_branches_sbx_#1.0", language="en")["url"])
    press(browser, "Start")
    assert not is_shown(browser, "/company") and not is_shown(browser, "/land")
    choose(browser, "company")
    type_in(browser, "/company", "Example SRL")
    choose(browser, "Yes")
    type_in(browser, "/land", "Chile")
    choose(browser, "person")
    assert not is_shown(browser, "/company") and not is_shown(browser, "/land")
    choose(browser, "company")
    assert is_shown(browser, "/land")
    press(browser, "Continue")
    assert heading(browser) == "All done"
    assert entered(bank) == {"kind": "company", "company": "Example SRL", "abroad": True, "land": "Chile"}


def test_a_bank_in_chromium_with_script(bank, scripted):
    browser = scripted
    browser.get(pages.make(bank.client, "page_more_sbx_#1.0", language="en")["url"])
    press(browser, "Start")
    press(browser, "Continue")
    press(browser, "Go to XYZ Bank")
    type_in(browser, "customer", "77")
    type_in(browser, "pin", "1234")
    browser.find_element(By.ID, "approve").click()
    press(browser, "Continue")
    assert "You are back from XYZ Bank" in browser.page_source
    press(browser, "Continue")
    press(browser, "Continue")
    assert heading(browser) == "All done"
