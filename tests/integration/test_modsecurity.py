"""The API behind mod_security with Debian's core rule set: what it refuses says who refused, and with the manual's exclusions
an onboarding passes.

Seen red: error_of_status without its look at 403, at a sound request's 400; the manual's rules left out one by one.
"""
import pathlib
import re
import secrets

import pytest

from finqenv import documents
from finqenv.banking import Bank
from finqenv.client import Document
from finqenv.flows import CARD, begin, example, steps
from finqenv.places import ROOT
from finqenv.uploads import Desk, padded
from finqenv.wire import is_error

RULES = """
Include "{recommended}"
SecRuleEngine On
SecDataDir "{directory}"
Include /etc/modsecurity/crs/crs-setup.conf
{exclusions}
Include /usr/share/modsecurity-crs/rules/*.conf
"""


def exclusions():
    """As the manual has them."""
    return re.search(r"^```apache modsecurity\n(.*?)^```", (ROOT / "conf/manual/operation.md").read_text(), re.MULTILINE | re.DOTALL)[1]


def recommended(directory):
    """A copy of what modsecurity.conf-recommended says, without its log."""
    text = pathlib.Path("/etc/modsecurity/modsecurity.conf-recommended").read_text()
    text = re.sub(r"^SecAudit.*\n", "", text, flags=re.MULTILINE).replace("unicode.mapping", "/etc/modsecurity/unicode.mapping")
    file = directory / "recommended.conf"
    file.write_text(re.sub(r"^SecTmpDir.*$", f'SecTmpDir "{directory}"', text, flags=re.MULTILINE))
    return file


def guarded(made, rules=""):
    directory = made.httpd.writable("security")
    made.httpd.settings.modules = (*made.httpd.settings.modules, "unique_id", "security2")
    made.httpd.settings.server += RULES.format(directory=directory, recommended=recommended(directory), exclusions=rules)
    made.httpd.log.tolerate(r"\[security2:error\]")
    made.httpd.restart()
    return made


@pytest.fixture(scope="module")
def strict(make_module_server):
    return guarded(make_module_server(children=1, plain=True))


@pytest.fixture(scope="module")
def fitted(make_module_server):
    return guarded(make_module_server(children=1, plain=True), exclusions())


def test_a_rules_403_says_who_refused(strict):
    client = strict.client(strict.create_tenant("strict"))
    answer = client.call("/sessions", {"client_id": "<script>alert(1)</script>", "client_app_key": "' OR 1=1 --", "skill": "../../etc/passwd"})
    assert is_error(answer, 403, "forbidden") and answer["type"] == "invalid_request"
    assert "A rule of the server before the API refuses this request (HTTP 403)." == answer["message"]


def test_a_rules_400_says_who_refused(strict):
    """Rule 200003, of a form that is not as strict as mod_security."""
    client = strict.client(strict.create_tenant("strict 400"))
    body = b'before\r\n--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'
    answer = client.request("POST", "/v1/sessions", body, {"content-type": "multipart/form-data; boundary=x"})
    assert is_error(answer, 403, "forbidden") and "(HTTP 400)" in answer["message"]


def test_what_it_makes_of_bad_json(strict):
    """As the manual says: mod_security 2.9 fails by itself, with 500."""
    strict.httpd.log.expect("FINQ03.*httpd answered 500")
    client = strict.client(strict.create_tenant("strict 500"))
    assert is_error(client.call("/sessions", '{"client_id": '), 500, "internal_server_error")


def test_httpds_own_400_is_none_of_theirs(strict):
    strict.httpd.log.allow("AH10244: invalid URI path")
    client = strict.client(strict.create_tenant("httpd's own"))
    assert is_error(client.request("POST", "/v1/%zz", b"{}"), 400, "invalid_headers")


def test_an_onboarding_passes_the_core_rule_set(fitted):
    """Both forms of an upload, also of sizes that mod_security keeps to JSON; forms' data as people write them."""
    client = fitted.client(fitted.create_tenant("fitted"))
    for number in range(5):
        user = begin(client, CARD, tenant_user_id=f"user-{secrets.token_urlsafe(24)}")
        first = {**example(steps(CARD)[0]), "first_name": "Ana-Maria", "last_name": "O'Brien" if number else "Select"}
        assert user.submit(steps(CARD)[0]["name"], first).status == 200
        large = padded(400_000).content
        assert user.upload("id_front", Document("Scan (1).pdf", "application/pdf", large), form=number % 2 == 0).status == 200
        assert user.upload("selfie", documents.png(), form=number % 2 == 1).status == 200
        assert user.submit(steps(CARD)[1]["name"], example(steps(CARD)[1])).status == 200
        assert user.upload("income_proof", documents.pdf(), form=True).status == 200
        assert user.exchange().status == 200


def test_an_upload_of_its_largest_size_passes(fitted):
    desk = Desk(fitted)
    user = desk.user()
    assert user.upload("film", padded(20 * 1024 * 1024)).status == 200


def test_a_visit_to_a_bank_passes(make_server, run_directory):
    bank = Bank(make_server, run_directory / f"guarded-{secrets.token_hex(4)}")
    guarded(bank.server, exclusions())
    try:
        for _ in range(5):
            user, answer = bank.at_bank()
            came, link = bank.back(bank.choose(answer["data"]["url"], "approve"))
            assert came.status == 302
            user.temp_token = link["temp_token"]
            assert user.exchange().status == 200
    finally:
        bank.stop()


def test_attacks_elsewhere_are_still_refused(fitted):
    """The exclusions hold for the API alone."""
    client = fitted.client(fitted.create_tenant("elsewhere"))
    assert client.request("GET", "/index.html?x=<script>alert(1)</script>").status == 403
    assert client.request("POST", "/elsewhere", b"x" * 10, {"content-type": "image/png"}).status == 403
