"""Who comes back from a bank and meets an error: a person sees a page, a program gets JSON (contract section 1)."""
import base64
import hashlib
import html.parser

import pytest

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
FORGED = "/v1/redirects/sca?state=forged&code=%3Cscript%3Ealert(1)%3C/script%3E"


def ask(client, accept, path=FORGED, **headers):
    return client.request("GET", path, b"", {**({"accept": accept} if accept else {}), **headers})


@pytest.mark.parametrize("accept", [CHROMIUM, "text/html", "TEXT/HTML; q=0.9 , */*;q=0.8", "text/html, */*", "application/json;q=0.5,text/html"])
def test_a_person_sees_a_page(client, accept):
    answer = ask(client, accept)
    assert answer.status == 400 and answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-request-id"] in answer.body.decode() and "tpp_redirect_error" in answer.body.decode()
    assert answer.headers["cache-control"] == "no-store" and answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer" and "Accept" in answer.headers["vary"]
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "application/json, text/html", "text/html;q=0, */*", "text/htmlx",
                                    "text/html;q=0.5, application/json;q=0.6"])
def test_a_program_gets_json(client, accept):
    answer = ask(client, accept)
    assert answer.status == 400 and answer.code == "tpp_redirect_error"


class _Seen(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes = [], {}

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.update(attrs)


def test_the_page_does_nothing(client):
    """No script, no form, nothing from elsewhere, nothing of what came."""
    answer = ask(client, CHROMIUM)
    text = answer.body.decode()
    seen = _Seen()
    seen.feed(text)
    assert set(seen.tags) <= {"html", "head", "meta", "title", "style", "body", "main", "h1", "p", "small"}
    assert not {"src", "href", "style", "onload"} & set(seen.attributes) and "alert" not in text and "forged" not in text
    style = text[text.index("<style>") + 7:text.index("</style>")]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert policy == (f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")


@pytest.mark.parametrize("path, status", [("/v1/nothing", 404), ("/v1/openapi.json/x", 404), ("/v1/redirects", 404)])
def test_other_errors_are_json_to_everybody(client, path, status):
    answer = ask(client, CHROMIUM, path)
    assert answer.status == status and answer.json["http"] == status


def test_what_httpd_refuses_is_a_page_too(client):
    """By the filter that takes the place of httpd's own pages."""
    answer = ask(client, CHROMIUM, FORGED, expect="x")
    assert answer.status == 417 or answer.headers["content-type"].startswith("text/html"), answer.body
    assert client.request("POST", FORGED, b"{}", {"accept": CHROMIUM}).json["http"] == 405, "no person's browser does that"
