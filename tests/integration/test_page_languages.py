"""Each demonstration skill on its pages in Chromium, from the start to the temp_token, in every language of the pages."""
import itertools
import json
import urllib.parse

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from finqenv import documents, pages, sandbox
from finqenv.browser import AXE, accessible, chromium, next_page, silent
from finqenv.places import ROOT

APP = "https://app.example/done"
MESSAGES = itertools.count(1)
LANGUAGES = ("en", "ro", "de", "fr", "ar")
SKILLS = {skill["name"]: skill for skill in (json.loads(file.read_text()) for file in sorted((ROOT / "conf/skills").glob("*.json")))}
# In `make test` the one with the most to fill in and to send, and a review, from right to left. The others are long.
SHORT = ("xyz_kyc_sbx_#1.0", "ar", True)
EVERY = [pytest.param(*one, id="-".join((one[0], one[1], "with" if one[2] else "without")), marks=() if one == SHORT else pytest.mark.long)
         for one in ((skill, language, script) for skill in SKILLS for language in LANGUAGES for script in (True, False))]


@pytest.fixture(scope="module")
def installation(server, make_module_server):
    made = make_module_server(cluster=server.postgres, database="page_languages", vhost=sandbox.BANK)
    made.publish_skills()
    return made


@pytest.fixture(scope="module")
def tenant(installation):
    made = installation.create_tenant("Languages", SKILLS)
    installation.finqctl("tenant", "redirect-allow", made.client_id, "https://app.example")
    return made


@pytest.fixture(scope="module")
def browser_of(run_directory):
    """browser_of(script), each once."""
    made = {}

    def browser(script):
        if script not in made:
            made[script] = chromium(run_directory / f"chromium-languages-{script}", script)
        return made[script]
    yield browser
    for one in made.values():
        one.quit()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    directory = tmp_path_factory.mktemp("languages")
    (directory / "picture.png").write_bytes(documents.png().content)
    (directory / "paper.pdf").write_bytes(documents.pdf().content)
    return directory


class Person:
    """Who fills in what a skill's examples say."""

    def __init__(self, browser, skill, files, script, language):
        self.browser, self.files, self.script, self.language = browser, files, script, language
        self.steps = [step["schema"].get("examples", [{}])[0] for step in skill["steps"]]
        self.titles, self.message = [], next(MESSAGES)

    def find(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def click(self, element):
        with next_page(self.browser, f"the page behind {self.titles}"):
            element.click()
        silent(self.browser)

    def value(self, name):
        """What the examples have at a field's pointer, in one of the steps; None for what nobody asked."""
        pointer, _, part = name.partition("~")
        for example in self.steps:
            found = example
            for word in pointer.split("/")[1:]:
                found = found[int(word)] if isinstance(found, list) and word.isdecimal() and int(word) < len(found) else (
                    found.get(word) if isinstance(found, dict) else None)
            if pointer == "/group_header/message_id" and found:
                return f"{found}-{self.message}"  # a reference is used once
            if found is not None:
                return str(int(found.split("-")["ymd".index(part)])) if part else found
        return None

    def add_rows(self):
        """As many as the examples have."""
        for name in [box.get_attribute("name") for box in self.find("main form [name$='~n']")]:
            for _ in range(len(self.value(name.removesuffix("~n"))) - int(self.find(f"[name='{name}']")[0].get_attribute("value"))):
                self.click(self.find(f"main button[value^='add:{name.removesuffix('~n')}']")[0])

    def fill(self):
        self.add_rows()
        for box in self.find("main form [name^='/']"):
            name, kind = box.get_attribute("name"), box.get_attribute("type")
            value = self.value(name) if box.is_displayed() else None
            if value is None:
                continue
            texts = [json.dumps(one) if isinstance(one, bool) else str(one) for one in (value if isinstance(value, list) else [value])]
            if kind in ("radio", "checkbox"):
                if box.get_attribute("value") in texts and not box.is_selected():
                    box.click()
            elif box.tag_name == "select":
                Select(box).select_by_value(texts[0])
            else:
                box.clear()
                mark = "," if box.get_attribute("inputmode") == "decimal" and self.language in ("ro", "de", "fr") else "."
                box.send_keys(texts[0].replace(".", mark) if mark == "," else texts[0])

    def send_documents(self):
        for place in range(len(self.find(".document"))):
            form = self.find(".document")[place]
            box = form.find_element(By.CSS_SELECTOR, "input[type=file]")
            file = "picture.png" if "image/png" in box.get_attribute("accept") else "paper.pdf"
            box.send_keys(str(self.files / file))
            self.click(form.find_element(By.TAG_NAME, "button"))

    def agree_at_the_bank(self):
        for name, text in (("customer", "77"), ("pin", "1234")):
            for box in self.find(f"[name={name}]"):
                box.clear()
                box.send_keys(text)
        self.find("#approve")[0].click()
        self.click(self.find("main button")[0])

    def go_on(self):
        """Past the page that is shown."""
        assert self.browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == self.language
        self.titles.append(self.browser.find_element(By.TAG_NAME, "h1").text)
        if self.script and AXE.exists():
            accessible(self.browser)
        if bank := self.find("main a[href*='/sandbox?']"):
            self.click(bank[0])
            self.agree_at_the_bank()
            return
        self.send_documents()
        self.fill()
        self.click(self.find("main button[value=next], main button[value=start], main button[value=look]")[-1])


def decide(installation, person):
    """What the bank's people do with a session that waits for them."""
    if person.find("main button[value=look]") and not person.find(".document"):
        for row in installation.finqctl("step", "list", "--pending"):
            installation.finqctl("step", "approve", row["step_id"])


@pytest.mark.parametrize("skill, language, script", EVERY)
def test_a_skill_in_a_language(installation, tenant, browser_of, files, skill, language, script):
    """Red with an example that its form refuses, with a text that a page cannot show, and with what axe-core finds."""
    client, browser = installation.client(tenant), browser_of(script)
    browser.get(pages.make(client, skill, language=language, return_link=APP)["url"])
    person = Person(browser, SKILLS[skill], files, script, language)
    while not (end := person.find(f"a.button[href^='{APP}']")):
        assert len(person.titles) < 20, person.titles
        person.go_on()
        decide(installation, person)
    token = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(end[0].get_attribute("href")).query))["temp_token"]
    told = client.call("/token", {"client_id": tenant.client_id, "client_secret": tenant.client_secret, "temp_token": token})
    assert told.status == 200 and told["skill"] == skill
    client.close()
