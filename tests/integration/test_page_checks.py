"""What the page's script tells of a form before it is sent: what the server would say, in its words, at the same place."""
import re

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from finqenv import pages
from finqenv.browser import AXE, accessible, chromium, gone, next_page, silent
from finqenv.flows import AISP, CARD

KYC = "xyz_kyc_sbx_#1.0"


@pytest.fixture(scope="module")
def browser(run_directory):
    driver = chromium(run_directory / "chromium-page-checks")
    yield driver
    driver.quit()


@pytest.fixture
def opened(server, own_client, browser):
    """opened(skill, language): a visitor without script and the browser, each at a first form of its own."""
    def make(skill, language):
        server.finqctl("tenant", "allow", own_client.tenant.client_id, skill)
        visitor = pages.visit(server, own_client, skill, language=language)
        visitor.open()
        visitor.press("start")
        browser.get(pages.make(own_client, skill, language=language)["url"])
        press(browser, "start")
        return visitor
    return make


def press(browser, value):
    with next_page(browser):
        browser.find_element(By.CSS_SELECTOR, f"button[value='{value}']").click()


def type_in(browser, name, text):
    box = browser.find_element(By.NAME, name)
    box.clear()
    box.send_keys(text)
    return box


def told(browser):
    """{id: words} of the faults that are shown, each of which is announced with its field and its boxes."""
    silent(browser)
    if AXE.exists():
        accessible(browser)
    found = {}
    for fault in browser.find_elements(By.CSS_SELECTOR, ".fault"):
        name = fault.get_attribute("id")
        assert browser.find_elements(By.CSS_SELECTOR, f".wrong [aria-describedby~='{name}'], fieldset.wrong[aria-describedby~='{name}']"), name
        assert browser.find_elements(By.CSS_SELECTOR, f".wrong:has(> #{name}) [aria-invalid=true]"), name
        found[name] = fault.get_attribute("textContent")
    assert len(browser.find_elements(By.CSS_SELECTOR, ".field.wrong")) == len(found)
    return found


def said(page):
    """The same of a page that the server answered."""
    return dict(re.findall(r'class="fault" id="([^"]+)">(.*?)</p>', page.html.replace('<span class="aside">', "").replace("</span>", "")))


def focus(browser):
    return browser.switch_to.active_element.get_attribute("id")


def test_nothing_that_is_missing_is_sent(browser, opened):
    """Red where page.js tells of no valueMissing, and with other words than the server's."""
    visitor = opened(KYC, "de")
    page = browser.find_element(By.TAG_NAME, "html")
    browser.find_element(By.CSS_SELECTOR, "button[value=next]").click()
    assert told(browser) == said(visitor.press("next")) and len(told(browser)) == 3 and not gone(page)
    assert focus(browser) == "f-1-1"
    browser.find_element(By.ID, "f-1-2").click()
    assert sorted(told(browser)) == ["f-2-fault", "f-3-fault"], "what was answered is no fault any more"


def test_limits_are_told_where_a_box_is_left(browser, opened):
    """And the server judges what is left. Red without focusout in page.js, and where a number is read as another one than the server's."""
    visitor = opened(KYC, "de")
    for typed, is_wrong in (("100", True), ("100000", True), ("12,5", True), ("5.000", False), ("1.00", True), ("fünf", False), ("5050", False)):
        type_in(browser, "/limit", typed + Keys.TAB)
        assert list(told(browser)) == (["f-2-fault"] if is_wrong else []), typed
        if is_wrong and "," not in typed:
            assert told(browser)["f-2-fault"] == said(visitor.press("next", {"/limit": typed}))["f-2-fault"]
    browser.find_element(By.ID, "f-1-1").click()
    browser.find_element(By.ID, "f-3-1").click()
    press(browser, "next")
    assert browser.find_element(By.ID, "problems") and "Schritten von 100" in told(browser)["f-2-fault"], "50.50 is the server's to refuse"


def test_an_address_that_is_none_and_a_group_that_may_stay_empty(browser, opened):
    """Red where field_make passes over what holds a field, and where page.js has no typeMismatch."""
    visitor = opened(CARD, "ar")
    values = {"/first_name": "Ana", "/last_name": " ", "/email": "ana"}
    for name, text in values.items():
        type_in(browser, name, text)
    browser.find_element(By.CSS_SELECTOR, "button[value=next]").click()
    assert told(browser) == said(visitor.press("next", values)) and sorted(told(browser)) == ["f-2-fault", "f-4-fault"]
    assert focus(browser) == "f-2"
    type_in(browser, "/last_name", "Pop")
    type_in(browser, "/email", "ana@example.com")
    press(browser, "next")
    assert browser.find_elements(By.CSS_SELECTOR, ".document")


def test_bars_without_a_name_are_not_shown(server, own_client, browser):
    """Red without the rule for them in page.css."""
    server.finqctl("tenant", "allow", own_client.tenant.client_id, AISP)
    url = pages.make(own_client, AISP)["url"]
    for address, shown in ((url, True), (url.rpartition("/")[0] + "/x", False)):
        browser.get(address)
        assert [browser.find_element(By.TAG_NAME, bar).is_displayed() for bar in ("header", "footer")] == [shown, shown]
        assert browser.find_element(By.TAG_NAME, "h1").is_displayed()
