"""The sandbox bank takes payments: an order's page, its ledger, and what becomes of an order over the days of its calendar.

Seen red: see each test.
"""
import re
import secrets
import urllib.parse

import pytest
from selenium.webdriver.common.by import By

from finqenv import sandbox
from finqenv.banking import step
from finqenv.browser import CONTRAST, chromium, picture, to_be_drawn
from finqenv.client import Onboarding
from finqenv.flows import publish
from finqenv.payments import DEBTOR, RENT, ledger, new_message, order, paying, transfer, visited
from finqenv.places import BUILD, ROOT
from finqenv.process import until
from finqenv.wire import is_error

SKILL = paying("pays_sbx_#1.0", step("payment_intent", connector="bank"))
CHECKED = paying("checks_sbx_#1.0", step("payee_check", connector="bank"))


@pytest.fixture(scope="module")
def installation(make_module_server, server):
    return make_module_server(cluster=server.postgres, database="sandbox_payments", vhost=sandbox.BANK)


@pytest.fixture(scope="module")
def client(installation):
    tenant = installation.create_tenant("Pays at the sandbox bank", [])
    installation.finqctl("tenant", "redirect-allow", tenant.client_id, sandbox.LINK)
    for skill in (SKILL, CHECKED):
        publish(installation, tenant, skill)
    connected = installation.client(tenant)
    yield connected
    connected.close()


def begun(client, skill=SKILL, **more):
    user = Onboarding(client, skill["name"])
    assert user.start(**more).status == 200
    return user


def ordered(client, data):
    """(the user, the address of the order's page)."""
    user = begun(client)
    answer = user.submit("payment_intent", data)
    assert answer.status == 200, answer.body
    return user, answer["data"]["url"]


def entry(installation, data):
    """The one order of a message_id."""
    one, = ledger(installation, data)
    return one


def standing(installation, data):
    one = entry(installation, data)
    return one["status"], "authorised_at" in one


def look(client, url):
    return client.request("GET", url[url.index("/sandbox"):])


def post(client, url, **form):
    link = urllib.parse.urlsplit(url)
    form = {**dict(urllib.parse.parse_qsl(link.query)), "customer": "77", "pin": "1234", **form}
    return client.request("POST", link.path, urllib.parse.urlencode(form).encode(), sandbox.FORM)


# -- the page

def test_an_order_is_approved(installation, client):
    """It is ordered at the page: a browser that never comes back has no part in it."""
    data = visited()
    user, url = ordered(client, data)
    assert standing(installation, data) == ("RCVD", False)
    path = sandbox.choose(client, url, "approve")
    assert standing(installation, data) == ("ACSC", True)
    _, link = sandbox.come_back(client, path)
    user.temp_token = link["temp_token"]
    assert user.exchange().status == 200


def test_an_order_that_is_refused(installation, client):
    """For good, however it is refused. Red where order_leave decides nothing."""
    for refusal in ({"choice": "deny"}, {"cancel": "1"}):
        data = visited()
        _, url = ordered(client, data)
        assert "error=access_denied" in post(client, url, **refusal).headers["location"]
        assert standing(installation, data) == ("CANC", False)
        again = post(client, url, choice="approve")
        assert again.status == 200 and b"Cancelled already" in again.body and standing(installation, data) == ("CANC", False)


def test_what_is_decided_stands_in_a_second_tab(installation, client):
    """Red where sandbox_order_decide does not look at the decision; where decided_send is not called."""
    data = visited()
    _, url = ordered(client, data)
    first = post(client, url, choice="approve")
    assert post(client, url, choice="approve", customer="other").headers["location"] == first.headers["location"]
    for answer in (look(client, url), post(client, url, choice="deny"), post(client, url, cancel="1"), post(client, url, pin="")):
        assert answer.status == 200 and b"Approved already" in answer.body
        assert first.headers["location"].replace("&", "&amp;").encode() in answer.body
    assert standing(installation, data) == ("ACSC", True)


def test_a_bank_that_fails_decides_nothing(installation, client):
    data = visited()
    _, url = ordered(client, data)
    assert "error=server_error" in post(client, url, choice="fail").headers["location"]
    assert standing(installation, data) == ("RCVD", False)
    assert "code=approve" in post(client, url, choice="approve").headers["location"]
    assert standing(installation, data) == ("ACSC", True)


def test_a_page_ends(installation, client):
    """Red where page_until is not looked at in sandbox_order_decide and sandbox_order_shown."""
    data = visited()
    _, url = ordered(client, data)
    installation.psql(f"UPDATE finq.sandbox_order SET page_until = clock_timestamp() WHERE message_id = '{data['group_header']['message_id']}'")
    for answer in (look(client, url), post(client, url, choice="approve")):
        assert answer.status == 400 and b"waited too long" in answer.body
    assert standing(installation, data) == ("RCVD", False)


@pytest.mark.parametrize("attempt", ["01890a5d-ac96-774b-bcce-b302099a8057", "1", "01890a5d-ac96-774b-bcce-b302099a8057'"])
def test_orders_that_there_are_not(installation, client, attempt):
    query = urllib.parse.urlencode({"state": "s", "redirect_uri": f"{installation.httpd.url}/v1/redirects/sca", "order": attempt})
    for answer in (look(client, f"/sandbox?{query}"), post(client, f"/sandbox?{query}", choice="approve")):
        assert answer.status == 400 and b"does not know" in answer.body


def test_who_pays_says_from_what_where_the_order_does_not(installation, client):
    """Red where sandbox_are_accounts_chosen passes over it."""
    data = visited(debtor=None)
    _, url = ordered(client, data)
    missing = post(client, url, choice="approve")
    assert missing.status == 422 and b"Choose an account" in missing.body and b"Pay from" in missing.body
    assert standing(installation, data) == ("RCVD", False)
    assert post(client, url, choice="approve", account="savings").status == 303
    assert entry(installation, data)["account"] == "savings"


def test_who_approves_later(installation, client):
    """The bank tells it without being asked. Red without p_seconds; without order_tell; without the UPDATE for `later`."""
    data = visited()
    user, url = ordered(client, data)
    _, link = sandbox.come_back(client, sandbox.choose(client, url, "later"))
    assert link == {"status": "SESSION_PENDING"}
    told = f"SELECT status FROM finq.payment WHERE session_id = '{user.session_id}'"
    until(lambda: installation.psql(told) == "ACSC")
    assert standing(installation, data) == ("ACSC", True)


@pytest.fixture(scope="module")
def browser(run_directory):
    driver = chromium(run_directory / "chromium-payments")
    yield driver
    driver.quit()


def test_the_page_fits_everyone(client, browser):
    """Wide and narrow, light and dark: styled in spite of its policy, no wider than the screen, every control named, text that can be read."""
    long_name = "Ana-Maria Constantinescu-Wolfeschlegelsteinhausenbergerdorff <script>"
    data = visited(transfer("E-1", "99999.04", creditor={"name": long_name}), transfer("E-2", "5.01", creditor={"name": "Nobody"}), debtor=None)
    _, url = ordered(client, data)
    browser.get_log("browser")
    for width, scheme in ((360, "light"), (360, "dark"), (1440, "light"), (1440, "dark")):
        browser.get(url)
        to_be_drawn(browser, width, 900, scheme)
        picture(browser, BUILD / f"sandbox-payment-{width}-{scheme}.png")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        assert browser.execute_script(CONTRAST) == []
    assert browser.get_log("browser") == []
    shown = browser.find_element(By.CSS_SELECTOR, ".order").text
    assert f"the account belongs to {long_name} SRL" in shown and "100004.05 RON" in shown and "No match" in shown
    browser.find_element(By.TAG_NAME, "summary").click()
    for control in browser.find_elements(By.CSS_SELECTOR, "input:not([type=hidden]), button"):
        assert control.accessible_name and control.size["height"] >= 24, control.get_attribute("outerHTML")
    labels = {label.text: label for label in browser.find_elements(By.TAG_NAME, "label")}
    for name in ("Customer number", "PIN"):
        browser.find_element(By.ID, labels[name].get_attribute("for")).send_keys("1234")
    for name in ("Savings account, EUR", "Refuse"):
        labels[name].click()
    browser.find_element(By.TAG_NAME, "button").click()
    until(lambda: browser.current_url.startswith("https://app.example") or "chrome-error" in browser.current_url)
    browser.get(url)
    assert browser.find_element(By.TAG_NAME, "h1").text == "Cancelled already" and browser.execute_script(CONTRAST) == []


def test_the_pages_are_safe(client):
    """Red where decided_send goes another way than page_send."""
    _, url = ordered(client, visited())
    answers = [look(client, url), post(client, url, choice="approve"), look(client, url)]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store" and answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"] and b"<script" not in answer.body
    assert client.request("HEAD", url[url.index("/sandbox"):]).status == 200


# -- the ledger

def test_an_attempt_is_one_order(installation):
    """However often it is told, and whatever else comes under its name. Red without ON CONFLICT; without the look at the hash."""
    def take(attempt, order, seconds=600):
        return installation.psql(f"SELECT outcome, coalesce(decision, '') FROM finq.sandbox_order_take('{attempt}', '{attempt}', 'SQL-1', sha256('{order}'),"
                                 f" '[]', '\\x00', {seconds}, '{attempt}')")
    attempt = "01890a5d-ac96-774b-bcce-000000000001"
    assert [take(attempt, "a"), take(attempt, "a"), take(attempt, "b"), take(attempt, "b", 0)] == ["ok|", "ok|", "conflict|", "conflict|"]
    assert take(attempt, "a", 0) == "ok|authorised"
    assert [take(attempt, "a"), take(attempt, "b", 0)] == ["ok|authorised", "conflict|authorised"]
    assert len(installation.finqctl("sandbox", "ledger", "--message-id", "SQL-1")) == 1


def test_what_was_asked_about_before_it_came(installation):
    """The bank promises never to act on it. Red without the row that sandbox_order_look leaves."""
    attempt = "01890a5d-ac96-774b-bcce-000000000002"
    look_at = f"SELECT outcome, decision FROM finq.sandbox_order_look('{attempt}', 'payment', NULL)"
    assert installation.psql(look_at) == "ok|never"
    taken = installation.psql(f"SELECT decision FROM finq.sandbox_order_take('{attempt}', NULL, 'SQL-2', sha256('a'), '[]', NULL, 0, '{attempt}')")
    assert taken == "never" and installation.psql(look_at) == "ok|never"


def test_an_open_order_is_closed_when_it_is_asked_about_too_late(installation):
    """Who was told that it is cancelled may order it anew. Red without the look at page_until there."""
    attempt = "01890a5d-ac96-774b-bcce-000000000003"
    take = f"SELECT coalesce(decision, '') FROM finq.sandbox_order_take('{attempt}', NULL, 'SQL-3', sha256('a'), '[]', NULL, 600, '{attempt}')"
    ask = f"SELECT coalesce(decision, '') FROM finq.sandbox_order_look('{attempt}', 'payment', NULL)"
    assert [installation.psql(sql) for sql in (take, ask)] == ["", ""]
    installation.psql(f"UPDATE finq.sandbox_order SET page_until = clock_timestamp() WHERE attempt = '{attempt}'")
    assert [installation.psql(sql) for sql in (take, ask)] == ["", ""]
    installation.psql(f"UPDATE finq.sandbox_order SET page_until = clock_timestamp() WHERE attempt = '{attempt}'")
    decide = f"SELECT coalesce(decision, '') FROM finq.sandbox_order_decide('{attempt}', 'authorised', 0, NULL)"
    assert [installation.psql(sql) for sql in (decide, ask, take, decide)] == ["", "cancelled", "cancelled", "cancelled"]


def test_the_ledger_goes_with_the_session(installation, client):
    """Where the person is erased, as where the session's time has come. Red without sandbox_order in finq.sessions_data_remove."""
    user, data = begun(client, tenant_user_id="who pays"), visited()
    assert user.submit("payment_intent", data).status == 200 and ledger(installation, data)
    assert client.user("erase", tenant_user_id="who pays").status == 200
    assert ledger(installation, data) == []


def test_the_ledger_holds_nothing_of_a_person(installation, client):
    """Red where sandbox_order_decide leaves what is sealed."""
    name = f"Canary {secrets.token_hex(4)}"
    data = visited(transfer(creditor={"name": name}))
    _, url = ordered(client, data)
    held = f"SELECT o::text || coalesce(encode(sealed, 'escape'), '') FROM finq.sandbox_order o WHERE message_id = '{data['group_header']['message_id']}'"
    is_sealed = f"SELECT sealed IS NOT NULL FROM finq.sandbox_order WHERE message_id = '{data['group_header']['message_id']}'"
    row = installation.psql(held)
    assert name not in row and RENT["creditor_account"]["iban"] not in row and DEBTOR not in row and installation.psql(is_sealed) == "t"
    assert name.encode() in look(client, url).body
    sandbox.choose(client, url, "approve")
    assert installation.psql(is_sealed) == "f"


def test_what_nobody_visited_goes(installation, client):
    """What is sealed, with the next order. Red without that UPDATE in sandbox_order_take."""
    sealed = "SELECT count(*) FROM finq.sandbox_order WHERE sealed IS NOT NULL AND page_until < clock_timestamp()"
    ordered(client, visited())
    installation.psql("UPDATE finq.sandbox_order SET page_until = clock_timestamp()")
    assert int(installation.psql(sealed)) > 0
    ordered(client, visited())
    assert int(installation.psql(sealed)) == 0


def test_what_becomes_of_an_order(installation, client):
    """Days pass by the bank's calendar alone. Red without its days in sandbox_now."""
    orders = {cents: visited(*[transfer(f"E-{n}", f"5.{cents}") for n in range(1, 3)]) for cents in ("02", "03", "09")}
    orders["bulk"] = visited(transfer("E-1", "5.01"), transfer("E-2", "5.06"))
    for data in orders.values():
        sandbox.choose(client, ordered(client, data)[1], "approve")
    def stands():
        return [standing(installation, data)[0] for data in orders.values()]
    assert stands() == ["ACSP", "RJCT", "ACSP", "PART"]
    installation.finqctl("sandbox", "date", "--days", "1")
    assert stands() == ["ACSC", "RJCT", "RJCT", "PART"]
    one = entry(installation, orders["bulk"])
    assert [(of["end_to_end_id"], of["amount"], of["status"]) for of in one["transactions"]] == [("E-1", "5.01", "ACSC"), ("E-2", "5.06", "RJCT")]
    assert one["transactions"][1]["reason"] == {"code": "AC01"}
    assert len(installation.finqctl("sandbox", "ledger", "--limit", "2")) == 2


def test_an_answer_that_is_lost(installation, client):
    """Once: the ledger holds one order, and who comes back again is told. Red where first_request is not kept."""
    data = visited(transfer(amount="5.10"))
    user, url = ordered(client, data)
    path = sandbox.choose(client, url, "approve")
    _, link = sandbox.come_back(client, path)
    assert link["error"] == "external_api_connection_error" and standing(installation, data) == ("ACSC", True)
    _, link = sandbox.come_back(client, path)
    assert "temp_token" in link and len(ledger(installation, data)) == 1


def test_an_order_without_a_visit(installation, client):
    """It is authorised when it is submitted."""
    data = order(new_message())
    assert begun(client).submit("payment_intent", data)["status"] == "SESSION_COMPLETED"
    assert standing(installation, data) == ("ACSC", True)


@pytest.mark.parametrize("amount, code, status", [
    ("5.10", "external_api_connection_error", "ACSC"), ("5.14", "external_api_connection_error", "ACSC"),
    ("5.16", "external_api_invalid_answer", "settled")])
def test_an_answer_that_never_comes_to_be(installation, client, amount, code, status):
    """The order was carried out all the same: it is one however often it is sent, and bars every other one. Red where order_pass lets all
    answers pass, and where a submission has an attempt of its own."""
    data, user = order(new_message(), transfer(amount=amount)), begun(client)
    installation.httpd.log.expect("FINQ08")
    assert user.submit("payment_intent", data).code == code
    assert user.submit("payment_intent", order(new_message())).code == "step_already_submitted"
    again = user.submit("payment_intent", data)
    assert again["status"] == "SESSION_COMPLETED" if amount == "5.10" else again.code == code
    assert standing(installation, data) == (status, True)


def test_what_the_bank_says_when_it_is_asked_how_an_order_stands(installation, client):
    """A refused order is over for the module too, and its user may send another one. Red where finq_sandbox_orders_state says nothing of it."""
    data, other = visited(), visited()
    user, url = ordered(client, data)
    _, link = sandbox.come_back(client, sandbox.choose(client, url, "deny"))
    assert link["error"] == "access_denied"
    user.nonce = client.call(f"/sessions/{user.session_id}/status", {"client_id": client.tenant.client_id, "nonce": user.step_nonce})["nonce"]
    page = user.submit("payment_intent", other)["data"]["url"]
    assert "temp_token" in sandbox.come_back(client, sandbox.choose(client, page, "approve"))[1]
    assert standing(installation, data) == ("CANC", False) and standing(installation, other) == ("ACSC", True)


def test_a_cancelled_order_that_is_sent_again(client):
    """Is over, and so is its session."""
    data = visited()
    user, url = ordered(client, data)
    sandbox.come_back(client, sandbox.choose(client, url, "deny"))
    user.nonce = client.call(f"/sessions/{user.session_id}/status", {"client_id": client.tenant.client_id, "nonce": user.step_nonce})["nonce"]
    assert user.submit("payment_intent", data)["status"] == "SESSION_FAILED"


# -- payees

@pytest.mark.parametrize("name, amount, told", [
    ("Ana", "5.01", None), ("Ana", "5.04", "The account belongs to Ana SRL."), ("Ana SRL", "5.04", None),
    ("Nobody", "5.01", "The account belongs to somebody with another name.")])
def test_a_payee_is_checked(client, name, amount, told):
    data = {"creditor": {"name": name}, "creditor_account": RENT["creditor_account"], "instructed_amount": {"amount": amount, "currency": "EUR"}}
    answer = begun(client, CHECKED).submit("payee_check", data)
    if told:
        assert is_error(answer, 400, "invalid_input")
        assert [(one["field"], one["message"]) for one in answer["details"]] == [("/creditor/name", told)]
    else:
        assert answer.status == 200 and answer["data"] == {"vop": "match"}


def test_a_close_match_that_is_confirmed(client):
    data = {"creditor": {"name": "Ana"}, "creditor_account": RENT["creditor_account"], "instructed_amount": {"amount": "5.04", "currency": "EUR"},
            "confirmed": True}
    assert begun(client, CHECKED).submit("payee_check", data)["data"] == {"vop": "close_match"}


# -- the manual

def test_the_manual_has_every_outcome():
    """Red where a row of `outcomes` is changed."""
    made = [(f".{int(cents):02}" if int(cents) >= 0 else "any other", text) for cents, text in
            re.findall(r'\{(-?\d+),\s+"([^"]*)"', (ROOT / "src/bank/sandbox_outcome.c").read_text())]
    told = re.findall(r"^\| (\.\d\d|any other) \| (.*) \|$", (ROOT / "conf/manual/connectors.md").read_text(), re.MULTILINE)
    assert len(made) > 15 and told == made
