"""make up, psql, log and down: servers that are kept running, and a look inside them.

Seen red: psql that names no role; log without PostgreSQL's; psql where nothing is up; the example's checks of whose a token and an
event are.
"""
import json
import os
import re
import shlex
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from finqenv import documents, sandbox
from finqenv.beside import PROGRAMS, Beside
from finqenv.browser import chromium, waiting
from finqenv.client import Client, Onboarding
from finqenv.installation import FINQCTL, MODULE, SANITIZED, Tenant
from finqenv.places import ROOT
from finqenv.process import clean_environ, free_port, kill_tree, port_is_free, run, running, until


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """A build directory of the test's own: the one of the clone may hold somebody's servers."""
    build = tmp_path_factory.mktemp("standing")
    for made in (MODULE, FINQCTL):
        (build / made.name).symlink_to(made)
    yield build
    target(build, "down")


def command(name, *arguments):
    """What a make target runs."""
    return sys.executable, str(ROOT / f"tests/{name}.py"), *arguments


def environ(build):
    return clean_environ(FINQ_BUILD=str(build), **{name: os.environ[name] for name in ("FINQ_ASAN",) if name in os.environ})


def target(build, name, *arguments, **options):
    return run(*command(name, *arguments), env=environ(build), **options)


@pytest.fixture(scope="module")
def up(build):
    for name in ("psql", "log"):
        done = target(build, name, check=False)
        assert done.returncode == 1 and "nothing is up; 'make up' starts it" in done.stderr
    said = target(build, "up", str(free_port())).stdout
    assert "is up at https://" in said and f". {build}/run/finq.env" in said and f"tail -f {build}/run/events.log" in said
    return json.loads((build / "run/state.json").read_text())


def test_psql_is_the_owner_or_the_role_that_is_named(up, build):
    def who(*role):
        return target(build, "psql", *role, text="\\pset format unaligned\nSELECT 'I am ' || current_user;").stdout
    assert "I am finq_owner\n" in who() and "I am finq_web\n" in who("finq_web") and "I am postgres\n" in who("postgres")
    shown = target(build, "psql", "finq_web", text="SELECT * FROM finq.tenant;")
    assert "permission denied" in shown.stderr, "it shows what the role sees"


def readme(title):
    """The commands under a heading, of which each is to work in a new shell."""
    return re.search(rf"^## {title}$.*?^```\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)[1]


def test_an_event_comes_as_the_readme_says(up, build):
    """Red where finq.env does not export its names."""
    done = run("sh", "-ec", readme("An event").replace("build/", f"{build}/"), env=clean_environ())
    told, *log = done.stdout.splitlines()
    assert json.loads(told)["arrived"] and " session.completed " in log[-1]


@pytest.mark.skipif(SANITIZED, reason="doctor starts httpd without the sanitizer's library")
def test_the_servers_are_as_finqctl_doctor_wants_them(up, build):
    """As make up says."""
    said = target(build, "up").stdout
    command, = re.findall(r"^  (\. .*; .* doctor .*)$", said, re.MULTILINE)
    findings = json.loads(run("sh", "-c", command, env=clean_environ(), check=False).stdout)
    assert [one for one in findings if one["state"] == "error"] == [] and len(findings) > 8


def test_log_follows_both_servers(up, build):
    """httpd's last lines are of whoever connected last, PostgreSQL's comes now."""
    with running(command("log"), env=environ(build), stdout=subprocess.PIPE) as follower:
        target(build, "psql", text="SELECT 'said' / 2;")
        said = []
        while not {"httpd", "pg"} <= {word for line in said for word, sign in
                                      (("httpd", "] AH0"), ("pg", "invalid input syntax")) if sign in line}:
            said.append(follower.stdout.readline())
            assert said[-1], said


@pytest.fixture(scope="module")
def known(up, build):
    """What finq.env names."""
    return dict(word.split("=", 1) for word in shlex.split((build / "run/finq.env").read_text()) if word != "export")


@pytest.fixture
def user(known):
    """Of the demo tenant, at the skill whose step is a visit to the bank."""
    tenant = Tenant(known["FINQ_CLIENT_ID"], known["FINQ_CLIENT_SECRET"], known["FINQ_CLIENT_APP_KEY"])
    client = Client(known["FINQ_URL"], tenant, known["FINQ_CA"])
    yield Onboarding(client, "xyz_aisp_sbx_#2.0")
    client.close()


def test_a_user_visits_the_bank_and_an_event_tells_of_it(known, user):
    assert user.start().status == 200
    page = user.submit("sca", {"psu_redirect_link": f"{known['FINQ_RETURN_LINK']}/done"})["data"]["url"]
    _, came = sandbox.come_back(user.client, sandbox.choose(user.client, page, "approve"))
    user.temp_token = came["temp_token"]
    assert user.exchange().status == 200
    told = until(lambda: re.search(rf"^\S+ session\.completed (.+{user.session_id}.+)$", open(known["FINQ_EVENTS"]).read(), re.M), 15,
                 "the event")
    assert json.loads(told[1])["skill"] == user.skill


def test_what_a_bank_decides_later_comes_too(known, user):
    """Red where the connector does not know where decisions are sent."""
    user.start()
    page = user.submit("sca", {"psu_redirect_link": f"{known['FINQ_RETURN_LINK']}/done"})["data"]["url"]
    _, came = sandbox.come_back(user.client, sandbox.choose(user.client, page, "later"))
    assert came["status"] == "SESSION_PENDING"
    answer = user.client.call(f"/sessions/{user.session_id}/status",
                              {"client_id": user.client.tenant.client_id, "nonce": user.step_nonce, "wait": 20})
    assert answer["status"] == "SESSION_COMPLETED"


def test_pages_of_any_origin_may_call(user):
    answer = user.client.request("POST", "/v1/sessions", b"{}", {"origin": "http://localhost:3000"})
    assert answer.headers["access-control-allow-origin"] == "*"


# -- the example application, which the manual for clients is about

@pytest.fixture(scope="module")
def application(up, known):
    """Its address; its server has what finq.env names, and the tenant's events."""
    port = free_port()
    address = f"http://localhost:{port}"
    ctl = {"cwd": ROOT, "env": clean_environ(FINQ_DB=known["FINQ_DB"])}
    run(FINQCTL, "tenant", "redirect-allow", known["FINQ_CLIENT_ID"], address, **ctl)
    hook = run(FINQCTL, "webhook", "set", known["FINQ_CLIENT_ID"], f"http://127.0.0.1:{port}/events", "--secret-file", known["FINQ_SECRET_FILE"],
               "--allow-address", "127.0.0.1", **ctl)
    secret = json.loads(hook.stdout)["secret"]
    with running(["node", ROOT / "tests/example/server.mjs", port], stdout=subprocess.DEVNULL, env=clean_environ(**{**known, "FINQ_EVENTS_SECRET": secret})):
        until(lambda: not port_is_free(port), what="the application's server")
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    driver = chromium(tmp_path_factory.mktemp("standing") / "chromium")
    yield driver
    driver.quit()


class Visitor:
    """A person at the application."""

    def __init__(self, browser, address):
        self.browser, self.address = browser, address
        browser.get(address)

    def _until(self, condition, what):
        waiting(self.browser).until(condition, what)
        return self

    def sees(self, title):
        return self._until(lambda b: b.find_element(By.TAG_NAME, "h1").text == title, title)

    def presses(self, text):
        return self._until(lambda b: b.find_element(By.XPATH, f"//button[text()='{text}']").click() is None, text)

    def types(self, **values):
        """By names of members; "/" of a pointer as "__"."""
        for name, value in values.items():
            control = self.browser.find_element(By.ID, "/" + name.replace("__", "/"))
            if control.tag_name == "select":
                Select(control).select_by_visible_text(value)
            else:
                control.clear()
                control.send_keys(value)
        return self

    def chooses(self, directory, **files):
        for name, file in files.items():
            path = directory / file.name
            path.write_bytes(file.content)
            self.browser.find_element(By.ID, name).send_keys(str(path))
        return self

    def credentials(self):
        return self.sees("Done").browser.find_element(By.ID, "credentials").text

    def told(self):
        with urllib.request.urlopen(f"{self.address}/events", timeout=10) as answer:
            return [event["type"] for event in json.load(answer)]


PERSON = {"first_name": "Ana", "last_name": "Popescu", "phone": "+40712345678"}


def test_the_example_onboards_a_user(browser, application, tmp_path):
    """A wizard from the catalog, a wrong member, documents, a way back, the exchange, an event."""
    visitor = Visitor(browser, application)
    visitor.sees("What would you like?").presses("Credit card").sees("About you")
    visitor.types(**PERSON, email="nobody").presses("Continue")
    waiting(browser).until(lambda b: "email" in b.find_element(By.ID, "problem").text)
    visitor.types(email="ana@example.com").chooses(tmp_path, id_front=documents.png(), selfie=documents.png("me.png", 48, 64)).presses("Continue")
    visitor.sees("Your card").presses("Back").sees("About you")
    assert "Identity card, front (is there)" in browser.find_element(By.ID, "form").text
    visitor.types(**PERSON, email="ana.popescu@example.com").presses("Continue").sees("Your card")
    visitor.types(card="Gold card", limit="5000", currency="Euro", employment="Student")
    visitor.chooses(tmp_path, income_proof=documents.pdf()).presses("Continue")
    assert re.fullmatch("[0-9a-f-]{36}", visitor.credentials())
    until(lambda: "session.completed" in visitor.told(), what="the event")


def test_the_example_visits_the_bank_and_cancels(browser, application):
    visitor = Visitor(browser, application)
    visitor.presses("Account information, with a visit to the bank").sees("Consent at your bank").presses("Continue").sees("Log in and consent")
    assert "Demo tenant asks to see accounts of yours" in browser.find_element(By.TAG_NAME, "main").text
    for name in ("customer", "pin"):
        browser.find_element(By.ID, name).send_keys("77")
    browser.find_element(By.ID, "approve").click()
    visitor.presses("Continue")
    assert visitor.credentials() and "temp_token" not in browser.current_url
    visitor.presses("Start again").presses("Bank deposit").sees("Your deposit").types(value="100", period="12", currency="Euro")
    visitor.presses("Continue").sees("About you").presses("Cancel").sees("It ends here")
    assert "SESSION_FAILED: cancelled" in browser.find_element(By.ID, "about").text


def asked(url, body):
    """The status of a POST."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode()), timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_the_example_names_a_port_that_is_taken(application, known):
    """Red without its 'error' listener: Node's own words are a page of stack."""
    port = urllib.parse.urlsplit(application).port
    done = subprocess.run(["node", ROOT / "tests/example/server.mjs", str(port)], env=clean_environ(**known), capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr == f"Port {port} is taken. Try: node server.mjs 5173\n"


def test_the_example_believes_neither_a_browser_nor_a_sender(application, user):
    """Red without the comparison in /exchange, and without isGenuine."""
    user.skill = "xyz_aisp_sbx_#1.0"
    user.start(tenant_user_id="somebody else")
    user.submit("sca_implicit", {})
    assert asked(f"{application}/exchange", {"session_id": user.session_id, "temp_token": user.temp_token}) == 403
    assert asked(f"{application}/events", {"type": "session.completed"}) == 401


def test_the_gallery_opens_an_onboarding(up):
    """As a browser follows it, up to what the tenant's server gets for the token."""
    url = f"https://localhost:{up['port']}"
    context = ssl._create_unverified_context()

    def fetch(link, **more):
        return urllib.request.urlopen(urllib.request.Request(link, **more), timeout=20, context=context)
    index = fetch(f"{url}/").read().decode()
    assert "xyz_kyc_sbx_%231.0" in index and re.findall(r"<th scope=row>(1\d+)", index)[-1] == "1012"
    link, = [link for link in re.findall(r"<a class=button href='([^']+)'", index) if "aisp_sbx_%231.0" in link]
    page = fetch(url + link)
    assert f"{url}/onboarding/" in page.url and b"Account information" in page.read()
    form = fetch(page.url, data=b"act=start").read().decode()
    fields = dict(re.findall(r'name="(nonce|state)" value="([^"]+)"', form))
    end = fetch(page.url, data=urllib.parse.urlencode({**fields, "act": "next"}).encode()).read().decode()
    back = re.search(rf'href="({url}/done[?]temp_token=[^"]+)"', end)[1]
    told = fetch(back).read().decode()
    assert "credentials_id" in told and "&quot;access_token&quot;: &quot;…&quot;" in told
    assert fetch(f"{url}/finq/health/ready").status == 200


def test_up_again(up, build):
    """Says that it runs; starts what has ended."""
    assert "is running already" in target(build, "up").stdout
    beside = Beside(build / "run", up["ports"])
    before = beside.running()
    assert set(before) == set(PROGRAMS)
    kill_tree(before["events.py"])
    assert "is up at" in target(build, "up").stdout
    after = beside.running()
    assert set(after) == set(PROGRAMS) and after["outbox"] == before["outbox"]
