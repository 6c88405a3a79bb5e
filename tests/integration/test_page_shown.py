"""What the module's pages show in words for people, whatever the skill: countries by their names, groups that need no heading, examples,
the files that have come, and what is worth keeping of the last page."""
import re

import pytest
from selenium.webdriver.common.by import By

from finqenv import documents, flows, pages
from finqenv.banking import definition, step
from finqenv.browser import chromium, next_page, waiting
from finqenv.client import Document
from finqenv.flows import AISP, CARD, DEPOSIT

LANGUAGES = ("en", "ro", "de", "fr", "ar")
CODE = {"type": "string", "pattern": "^[A-Z]{2}$"}
MEMBERS = {"nationality": CODE, "tax_country": CODE, "letters": CODE, "country": {"enum": ["RO", "DE", "AT"]}, "other_country": {"type": "string"},
           "land": CODE}
COUNTRIES = definition("page_countries_sbx_#1.0", step("form", schema={"type": "object", "properties": MEMBERS}, ui={"autocomplete": {"land": "country"}}))
TRANSFER = {"title": "Transfer", "type": "object", "required": ["to", "sum"], "properties": {
    "to": {"title": "Payee", "type": "object", "required": ["iban"], "properties": {"iban": {"title": "IBAN", "type": "string", "format": "iban"}}},
    "sum": {"title": "How much", "type": "object", "required": ["amount", "currency"],
            "properties": {"amount": {"title": "Amount", "type": "string"}, "currency": {"title": "Currency", "type": "string"}}}}}
GROUPS = definition("page_groups_sbx_#1.0", step("form", schema={"type": "object", "required": ["from", "orders"], "properties": {
    "from": {"title": "Account", "type": "object", "required": ["iban"], "properties": {"iban": {"title": "IBAN", "type": "string", "format": "iban"}}},
    "payer": {"title": "Payer", "type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "by": {"const": "TRF"}}},
    "orders": {"title": "Orders", "type": "array", "minItems": 1, "maxItems": 1, "items": {
        "title": "Order", "type": "object", "required": ["transfers"], "properties": {
            "reference": {"title": "Reference", "type": "string", "pattern": "^[A-Z]+$", "examples": ["RENT"]},
            "transfers": {"title": "Transfers", "type": "array", "minItems": 2, "maxItems": 4, "items": TRANSFER}}}}}}))
PHONE = "Mozilla/5.0 (Linux; Android 14; Mobile; rv:130.0) Gecko/130.0 Firefox/130.0"


@pytest.fixture(scope="module")
def browser(run_directory):
    driver = chromium(run_directory / "chromium-page-shown")
    yield driver
    driver.quit()


def begun(server, client, skill, headers=None, **more):
    answer = pages.make(client, skill, **more)
    visitor = pages.Visitor(server, answer["url"], **(headers or {}))
    visitor.page_id = answer["page_id"]
    visitor.open()
    visitor.press("start")
    return visitor


def labels(page):
    return [re.sub("<[^>]+>", "", words).strip() for words in re.findall(r"<(?:label|legend)[^>]*>(.*?)</(?:label|legend)>", page.html)]


# -- countries

def test_countries_are_chosen_by_name(server, own_client):
    """Two letters of what is called a country, and nothing else. Red without is_country_code, without countries_among, and where a select
    drops what is in no list."""
    skill = flows.publish(server, own_client.tenant, COUNTRIES)
    visitor = begun(server, own_client, skill, language="de", prefill={"form": {"nationality": "MD", "tax_country": "QQ"}})
    page = visitor.page
    assert re.findall(r'<select id="[^"]+" name="/(\w+)"', page.html) == ["nationality", "tax_country", "land"]
    assert page.html.count('<option value="AT">Österreich</option>') == 3 and '<option value="">' in page.html
    fields = dict(page.form("next").fields)
    assert (fields["/nationality"], fields["/tax_country"], fields["/land"]) == ("MD", "QQ", ""), "what is filled in stays"
    assert labels(page)[3:7] == ["Country (freiwillig)", "Deutschland", "Österreich", "Rumänien"], "as the language sorts them"
    wrong = visitor.press("next", {"/nationality": "Rumänien"})
    assert wrong.status == 400 and "Wählen Sie" in wrong.text and ["/nationality", "Rumänien"] in wrong.form("next").fields
    assert visitor.press("next", {"/nationality": "RO", "/country": "AT"}).heading == "Alles erledigt"
    session_id = server.psql(f"SELECT session_id FROM finq.page WHERE page_id = '{visitor.page_id}'")
    stored = server.finqctl("session", "show", session_id, "--data")["steps"][0]["data"]
    assert stored == {"nationality": "RO", "tax_country": "QQ", "country": "AT"}


def test_so_many_lists_of_countries_and_no_more(server, own_client):
    """Each has 10 KB: a small post could ask for two hundred of them. Red without is_list_too_many."""
    rows = {"type": "array", "minItems": 22, "maxItems": 30, "items": {"type": "object", "required": ["country"], "properties": {"country": CODE}}}
    skill = definition("page_lists_sbx_#1.0", step("form", schema={"type": "object", "required": ["rows"], "properties": {"rows": rows}}))
    visitor = begun(server, own_client, flows.publish(server, own_client.tenant, skill))
    assert visitor.page.html.count("<select") == 20
    assert re.findall(r'<input type="text"[^>]* name="/rows/(\d+)/country"', visitor.page.html) == ["20", "21"]
    assert visitor.press("next", {f"/rows/{place}/country": "DE" for place in range(22)}).heading == "All done"
    session_id = server.psql(f"SELECT session_id FROM finq.page WHERE page_id = '{visitor.page_id}'")
    assert server.finqctl("session", "show", session_id, "--data")["steps"][0]["data"] == {"rows": [{"country": "DE"}] * 22}


def test_countries_are_sorted(browser, server, client):
    """As Chromium sorts in each language, and each language has all of them. Red with a row of conf/pages/ro.json in another place, or
    missing."""
    codes = {}
    for language in LANGUAGES:
        browser.get(pages.make(client, CARD, language=language)["url"])
        with next_page(browser):
            browser.find_element(By.CSS_SELECTOR, "[value=start]").click()
        found = browser.execute_script("return [...document.querySelectorAll('select option')].slice(1).map(one => [one.value, one.text])")
        ordered = browser.execute_script(f"return arguments[0].toSorted(new Intl.Collator('{language}').compare)", [name for _, name in found])
        assert [name for _, name in found] == ordered
        codes[language] = sorted(code for code, _ in found)
    assert all(len(found) == 250 == len(set(found)) and found == codes["en"] for found in codes.values())


# -- groups

def test_a_group_of_one_has_no_heading(server, own_client):
    """What it holds is called as both are, and an array of one stands there as what it holds. Red without `only`, and without
    finq_field_is_single."""
    skill = flows.publish(server, own_client.tenant, GROUPS)
    visitor = begun(server, own_client, skill, language="en")
    assert labels(visitor.page) == [
        "Account: IBAN", "Payer (optional)", "Reference (optional)", "Transfers",
        "Transfer 1", "Payee: IBAN", "How much", "Amount", "Currency", "Transfer 2", "Payee: IBAN", "How much", "Amount", "Currency"]
    assert "Such as RENT." in visitor.page.text
    wrong = visitor.press("next", {"/orders/0/reference": "rent", "/orders/0/transfers/0/to/iban": "RO49AAAA1B31007593840000"})
    told = re.findall(r'<li><a href="#([^"]+)">(.*?)</a>', wrong.html)
    assert [words.replace("“", '"').replace("”", '"') for _, words in told] == [
        'Fill in "Account: IBAN".', '"Reference" is not in the form that is asked for. Such as RENT.',
        'Transfer 1, How much: Fill in "Amount".', 'Transfer 1, How much: Fill in "Currency".', 'Transfer 2: Fill in "Payee: IBAN".',
        'Transfer 2, How much: Fill in "Amount".', 'Transfer 2, How much: Fill in "Currency".']
    assert all(f'id="{name}"' in wrong.html for name, _ in told), "each leads to a box"
    iban, rest = "RO49AAAA1B31007593840000", {"amount": "1", "currency": "EUR"}
    done = visitor.press("next", {"/from/iban": iban, "/orders/0/reference": "RENT", "/orders/0/transfers/1/to/iban": iban,
                                  **{f"/orders/0/transfers/{i}/sum/{name}": value for i in (0, 1) for name, value in rest.items()}})
    assert done.heading == "All done", done.text


# -- files

def test_a_file_that_came_is_named(server, client):
    """With its size, as the language writes it; from another browser with the size alone. Red where the state keeps no names, and where
    a name is shown of a file that another took the place of."""
    visitor = begun(server, client, CARD, language="de")
    visitor.press("next", {"/first_name": "Ana", "/last_name": "Pop", "/email": "ana@example.com"})
    large = documents.png("Mein Ausweis <1>.png")
    page = visitor.send("id_front", Document(large.name, large.media_type, large.content + bytes(2500000)))
    assert "Erhalten: Mein Ausweis <1>.png, 2,3 MB" in page.text
    assert "Erhalten: Mein Ausweis <1>.png, 2,3 MB" in visitor.send("selfie", documents.png("ich.png")).text and "ich.png, 1 kB" in visitor.page.text
    other = pages.Visitor(server, visitor.url)
    other.open()
    other.press("start")
    assert other.page.heading == "Ihre Karte", "all is there"
    visitor = begun(server, client, CARD, language="en")
    visitor.press("next", {"/first_name": "Ana", "/last_name": "Pop", "/email": "ana@example.com"})
    visitor.send("id_front", documents.png("front.png"))
    other = pages.Visitor(server, visitor.url)
    other.open()
    assert "Received: 1 kB" in other.press("start").text and "front.png" not in other.page.text
    assert "Received: back.png, 2 kB" in other.send("id_front", Document("back.png", "image/png", large.content + bytes(2500))).text


# -- the last page

def test_the_last_page_is_worth_keeping(server, client, tenant):
    """What it was, for whom, when, and by which reference; the same when it is opened again. Red without facts_list; red where
    finq_page_visit_look takes no time from the database, and where submitted_show takes none from the answer."""
    visitor = begun(server, client, AISP, language="en")
    nonce = dict(visitor.page.form("next").fields)["nonce"]
    body = visitor.body("next")
    visitor.press("next")
    session_id, name = server.psql("SELECT session_id, t.name FROM finq.page JOIN finq.tenant t USING (client_id) "
                                   f"WHERE page_id = '{visitor.page_id}'").split("|")
    facts = re.search(r'<dl class="facts">.*?</dl>', visitor.page.html)[0]
    assert "Account information</bdi>" in facts and f"{name}</bdi>" in facts and f"{session_id}</bdi>" in facts
    assert re.search(r">\d+ \w+ \d{4}, \d\d:\d\d UTC</bdi>", facts) and "What happens next" in visitor.page.text
    assert nonce not in visitor.page.html and visitor.page.headers["cache-control"] == "no-store"
    server.psql("UPDATE finq.session SET updated_at = '2026-01-02 03:04:05Z', reply_until = timestamptz '2026-01-02 03:04:05Z' + (reply_until - date_trunc('second', updated_at))"
                f" WHERE session_id = '{session_id}'")
    for again in (visitor.open(), visitor.ask("POST", None, body, {"Content-Type": pages.FORM})):
        assert "2 January 2026, 03:04 UTC" in again.text and session_id in again.html and again.headers["cache-control"] == "no-store"


def test_the_last_page_on_paper(browser, server, client, tenant):
    """What can be pressed is not printed. Red where the sheet's rule for paper says `.button`, which the rule for screens goes before."""
    server.finqctl("tenant", "redirect-allow", tenant.client_id, "https://app.example.com")
    browser.get(pages.make(client, AISP, language="en", return_link="https://app.example.com/done")["url"])
    for value in ("start", "next"):
        with next_page(browser):
            browser.find_element(By.CSS_SELECTOR, f"button[value={value}]").click()
    shown = "return ['.facts', 'h1', 'header', 'a.button', '.sandbox'].map(one => document.querySelector(one).checkVisibility())"
    assert browser.execute_script(shown) == [True] * 5
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert browser.execute_script(shown) == [True] * 3 + [False] * 2
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


# -- languages, and phones

@pytest.mark.parametrize("address", ["x", "x.y", "A" * 120])
def test_a_dead_link_speaks_the_language_that_it_says(server, client, address):
    """Red where screen_bare does not look at the address's query."""
    visitor = begun(server, client, AISP, headers={"Accept-Language": "en"})
    answer = visitor.ask("GET", f"/onboarding/{address}?language=de")
    assert answer.status == 404 and answer.heading == "Dieser Link funktioniert nicht" and 'lang="de"' in answer.html
    assert visitor.ask("GET", f"/onboarding/{address}?language=zz").heading == "This link does not work"


@pytest.mark.parametrize("headers, offered", [({"Sec-CH-UA-Mobile": "?1"}, False), ({"User-Agent": PHONE}, False),
                                              ({"Sec-CH-UA-Mobile": "?0", "User-Agent": PHONE}, True), ({"User-Agent": "Mozilla/5.0 (X11)"}, True)])
def test_a_phone_is_offered_no_phone(server, client, headers, offered):
    """Red without is_phone in suits_handoff."""
    visitor = begun(server, client, DEPOSIT, headers=headers)
    visitor.press("next", {"/value": "100", "/currency": "EUR", "/period": "12"})
    assert visitor.page.heading == "Your documents"
    assert any("handoff" in form.acts for form in visitor.page.forms) == offered


def test_the_link_of_a_code_is_copied(browser, server, client):
    """It stands on one line, and a button copies all of it. Red where page.js shows no button."""
    browser.get(pages.make(client, DEPOSIT, language="en", prefill={"product_form": {"value": "100", "currency": "EUR", "period": 12}})["url"])
    for value in ("start", "next", "handoff"):
        with next_page(browser):
            browser.find_element(By.CSS_SELECTOR, f"button[value={value}]").click()
    box, button = browser.find_element(By.ID, "link"), browser.find_element(By.CSS_SELECTOR, "[data-copied]")
    assert box.size["height"] < 60 and box.get_attribute("readonly") and "?language=en" in box.get_attribute("value")
    browser.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]})
    button.click()
    waiting(browser).until(lambda _: button.text == "Copied")
    copied = browser.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert copied == box.get_attribute("value")
