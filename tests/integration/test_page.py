"""The module's own pages (contract section 16), as a browser without script sees them."""
import json
import re
import secrets
import subprocess
import urllib.parse

import pytest

from finqenv import documents, flows, pages
from finqenv.client import Document, multipart
from finqenv.flows import AISP, CARD, DEPOSIT
from finqenv.installation import FINQCTL, SANITIZED
from finqenv.process import clean_environ
from finqenv.uploads import chunks
from finqenv.wire import is_error

XSS = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
KEPT = "private, no-cache"
PERSON = {"/first_name": "Ana-Maria", "/last_name": "O'Neill", "/email": "ana@example.com", "/birth_date~d": "7", "/birth_date~m": "4",
          "/birth_date~y": "1990", "/phone": "0040 712 345 678"}
PRODUCT = {"/card": "gold", "/limit": "5.000", "/currency": "RON", "/employment": "employed",
           "/iban": "ro49 aaaa 1b31 0075 9384 0000"}


@pytest.fixture
def visit(server, client):
    return lambda skill, **more: pages.visit(server, client, skill, **more)


def row(server, visitor, column):
    """Of the page's session."""
    page_id = visitor.page_id
    return server.psql(f"SELECT s.{column} FROM finq.page p JOIN finq.session s ON s.session_id = p.session_id WHERE p.page_id = '{page_id}'")


def made(server, client, skill, **more):
    """(visitor, page_id)."""
    answer = pages.make(client, skill, **more)
    visitor = pages.Visitor(server, answer["url"])
    visitor.page_id = answer["page_id"]
    return visitor


def steps_of(server, visitor):
    """[(name, data)] of the page's session, as stored."""
    session_id = row(server, visitor, "session_id")
    shown = server.finqctl("session", "show", session_id, "--data") if session_id else {"steps": []}
    return [[step["name"], step["data"]] for step in shown["steps"]]


def exchange(client, link):
    token = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(link).query))["temp_token"]
    return client.call("/token", {"client_id": client.tenant.client_id, "client_secret": client.tenant.client_secret, "temp_token": token})


# -- the way through

def test_a_skill_without_questions(server, client, tenant):
    server.finqctl("tenant", "redirect-allow", tenant.client_id, "https://app.example.com")
    visitor = made(server, client, AISP, tenant_user_id="user-7", return_link="https://app.example.com/done?x=1")
    start = visitor.open()
    assert start.status == 200 and start.heading == "Account information" and start.form("start")
    assert steps_of(server, visitor) == [] and "nonce" not in start.html, "opening changes nothing"
    visitor.press("start")
    end = visitor.press("next")
    link, = [link for link in end.links if link.startswith("https://app.example.com/")]
    assert end.heading == "All done" and link.startswith("https://app.example.com/done?x=1&temp_token=")
    told = exchange(client, link)
    assert told.status == 200 and told["tenant_user_id"] == "user-7" and told["skill"] == AISP


def test_forms_and_documents(server, client, tenant):
    """The card: what was typed as people type it is stored as the schema has it."""
    visitor = made(server, client, CARD, language="de")
    visitor.open()
    visitor.press("start")
    wrong = visitor.press("next", {**PERSON, "/email": "ana", "/birth_date~m": "13"})
    assert wrong.status == 400 and wrong.title.startswith("Fehler: ") and 'href="#f-4"' in wrong.html
    assert wrong.text.count("E-Mail-Adresse“ muss eine E-Mail-Adresse sein") == 2, "on top, and at the field"
    assert ["/last_name", "O'Neill"] in wrong.form("next").fields, "what was typed stays"
    page = visitor.press("next", {"/email": "ana@example.com", "/birth_date~m": "4"})
    assert page.heading == "Ihre Dokumente"
    assert visitor.press("look").status == 200 and "Es fehlen noch Dokumente: Ausweis, Vorderseite" in visitor.page.text
    assert "anderer Art" in visitor.send("id_front", Document("x.png", "image/png", b"no picture at all")).text and visitor.page.status == 415
    assert "wählen Sie zuerst" in visitor.send("id_front", Document("", "application/octet-stream", b"")).text
    assert "Erhalten" in visitor.send("id_front", documents.png()).text
    visitor.send("selfie", documents.png())
    assert visitor.press("look").heading == "Ihre Karte"
    visitor.press("next", PRODUCT)
    page = visitor.press("next", {"/employer": "Example & Söhne SRL"})
    assert page.heading == "Ihre Dokumente" and "temp_token" not in page.html
    visitor.send("income_proof", documents.pdf())
    assert visitor.press("look").heading == "Alles erledigt"
    (first, person), (second, product) = steps_of(server, visitor)
    assert (first, second) == ("personal_data", "product_form")
    assert person == {"first_name": "Ana-Maria", "last_name": "O'Neill", "birth_date": "1990-04-07", "email": "ana@example.com",
                      "phone": "+40712345678"}
    assert product == {"card": "gold", "limit": 5000, "currency": "RON", "employment": "employed",
                       "employer": "Example & Söhne SRL", "iban": "RO49AAAA1B31007593840000"}
    assert row(server, visitor, "status") == "SESSION_COMPLETED"


HOME = {"/street": "Strada Lungă 7", "/city": "Brașov", "/postal_code": "500035", "/country": "RO"}
NAMES = {name: PERSON[name] for name in ("/first_name", "/last_name", "/birth_date~d", "/birth_date~m", "/birth_date~y")}


def demonstrated(server, own_client, skill, **more):
    """A visitor at the first step of a demonstration skill that few tests need."""
    server.finqctl("tenant", "allow", own_client.tenant.client_id, skill)
    visitor = made(server, own_client, skill, **more)
    visitor.open()
    visitor.press("start")
    return visitor


def press_each(visitor, *pages_of_values):
    for values in pages_of_values:
        assert visitor.press("next", values).status == 200, visitor.page.text
    return visitor.page


@pytest.mark.parametrize("amount, behind", [("49.999", "Numele și data nașterii"), ("50.000", "De unde provin banii")])
def test_a_deposit_branches(server, own_client, amount, behind):
    """In Romanian: larger sums are asked where they come from."""
    visitor = demonstrated(server, own_client, "xyz_deposit_sbx_#1.0", language="ro")
    page = press_each(visitor, {"/amount": amount, "/currency": "RON", "/period": "12", "/interest": "monthly"}, {"/payout_iban": PRODUCT["/iban"]})
    assert page.heading == behind
    if "/source" in page.html:
        press_each(visitor, {"/source": "savings"})
        visitor.send("proof", documents.pdf())
        visitor.press("look")
    assert press_each(visitor, NAMES, {"/email": PERSON["/email"]}, HOME, {"/agree": "true"}).heading == "Verificați răspunsurile"
    assert "7 aprilie 1990" in visitor.page.text and visitor.press("next").heading == "Totul este gata"
    assert dict(steps_of(server, visitor))["deposit"] == {"amount": int(amount.replace(".", "")), "currency": "RON", "period": 12,
                                                          "interest": "monthly", "payout_iban": "RO49AAAA1B31007593840000"}


def test_a_card_with_checks_ends_with_a_decision(server, own_client):
    visitor = demonstrated(server, own_client, "xyz_kyc_sbx_#1.0", language="en")
    press_each(visitor, {"/card": "travel", "/limit": "2,500", "/currency": "EUR", "/extras": "virtual"}, NAMES,
               {"/email": PERSON["/email"], "/phone": PERSON["/phone"]}, HOME)
    assert visitor.page.heading == "Check your answers" and visitor.press("next").heading == "Your documents"
    visitor.send("id_front", documents.png())
    visitor.send("selfie", documents.png())
    assert visitor.press("look").heading == "What you earn"
    press_each(visitor, {"/employment": "self_employed", "/monthly_income": "3,000"}, {"/business": "Bakery"})
    visitor.send("income_proof", documents.pdf())
    assert visitor.press("look").heading == "What the law asks" and "Which office" not in visitor.page.text
    page = press_each(visitor, {"/taxes/0/country": "RO", "/public_office": "false", "/true_and_complete": "true"})
    assert page.heading == "Your request is being looked at"
    server.finqctl("step", "approve", row(server, visitor, "step_id"))
    assert visitor.press("look").heading == "All done"
    assert dict(steps_of(server, visitor))["declarations"] == {"taxes": [{"country": "RO"}], "public_office": False, "true_and_complete": True}


# -- one effect

def test_the_same_again_is_the_same_page(server, client):
    visitor = made(server, client, DEPOSIT)
    visitor.open()
    visitor.press("start")
    body = visitor.body("next", {"/value": "100", "/currency": "EUR", "/period": "12"})
    first, again = (visitor.ask("POST", None, body, {"Content-Type": pages.FORM}) for _ in range(2))
    assert first.status == again.status == 200 and first.html == again.html and len(steps_of(server, visitor)) == 1
    other = visitor.ask("POST", None, visitor.body("next", {"/value": "200", "/currency": "EUR", "/period": "12"}),
                        {"Content-Type": pages.FORM})
    assert (other.status, other.heading) == (409, "This step was sent already")
    assert [data["value"] for _, data in steps_of(server, visitor)] == ["100"]


def test_the_address_again_goes_on_and_makes_the_older_window_old(server, client):
    visitor = made(server, client, DEPOSIT)
    other = pages.Visitor(server, visitor.url)
    for one in (visitor, other):
        one.open()
        one.press("start")
    visitor.press("next", {"/value": "100", "/currency": "EUR", "/period": "12"})
    assert other.press("next", {"/value": "300", "/currency": "EUR", "/period": "12"}).status == 409
    assert other.press("start").heading == "Your documents" and "100" not in other.page.text
    assert visitor.press("look").heading == "You went on in another window"
    assert visitor.press("start").heading == "Your documents"


def test_back_shows_what_was_typed(server, client):
    visitor = made(server, client, DEPOSIT)
    visitor.open()
    visitor.press("start")
    visitor.press("next", {"/value": "123", "/currency": "EUR", "/period": "12"})
    visitor.send("id_front", documents.png())
    assert visitor.press("look").heading == "About you"
    back = visitor.press("back", {"/first_name": "Ana"})
    assert back.heading == "Your deposit" and ["/value", "123"] in back.form("next").fields
    visitor.press("next", {"/value": "124"})
    assert visitor.press("look").heading == "About you" and ["/first_name", "Ana"] in visitor.page.form("next").fields
    assert row(server, visitor, "status") == "SESSION_IN_PROGRESS"


def test_after_completion_there_is_no_token(server, client):
    visitor = made(server, client, AISP)
    visitor.open()
    visitor.press("start")
    visitor.press("next")
    assert visitor.open().heading == "All done" and "temp_token" not in visitor.page.html
    assert visitor.ask("POST", None, b"act=start", {"Content-Type": pages.FORM}).heading == "All done"


# -- what is filled in, and in which language

def test_prefill_and_language(server, client, visit):
    visitor = visit(CARD, language="ro-MD", prefill={"personal_data": {"first_name": XSS, "birth_date": "1990-04-17"}})
    assert 'lang="ro"' in visitor.open().html and visitor.page.form("start")
    form = visitor.press("start").form("next")
    assert ["/first_name", XSS] in form.fields and ["/birth_date~m", "04"] in form.fields
    kept = server.psql("SELECT encode(prefill, 'escape') FROM finq.page ORDER BY created_at DESC LIMIT 1")
    assert "1990" not in kept
    arabic = visit(CARD).open("?language=ar")
    assert 'lang="ar" dir="rtl"' in arabic.html
    assert 'lang="fr"' in pages.Visitor(server, visitor.url, **{"Accept-Language": "xx, fr;q=0.5"}).open().html.replace("ro", "fr")


# -- forms that are wrong

CHUNKED = {"Transfer-Encoding": "chunked"}


@pytest.fixture
def documents_page(server, client):
    """A visitor whose step asks for documents."""
    visitor = made(server, client, CARD)
    visitor.open()
    visitor.press("start")
    assert visitor.press("next", PERSON).heading == "Your documents"
    return visitor


def test_whoever_starts_again_goes_on_under_the_same_key(server, client):
    """Before the first step is stored all starts have one data key: what comes by the nonce of any is read with what the session has.
    Red where finq_entry_begin leaves the key to finq_session_begin."""
    first = made(server, client, CARD)
    first.open()
    other = pages.Visitor(server, first.url)
    for visitor in (first, other):
        visitor.open()
        visitor.press("start")
    nonces = [dict(visitor.page.form("next").fields)["nonce"] for visitor in (first, other)]
    assert first.press("next", PERSON).heading == "Your documents"
    answer = client.upload_raw(server.psql(f"SELECT step_id FROM finq.session WHERE session_id = '{row(server, first, 'session_id')}'"), nonces[1],
                               "id_front", documents.png())
    assert answer.status == 200, answer.body
    read = subprocess.run([FINQCTL, "upload", "get", answer["upload_id"], "--upload-dir", server.httpd.settings.directives["FinqUploadDir"]],
                          env=clean_environ(FINQ_DB=server.conninfo(), FINQ_DATA_KEY_FILE=str(server.data_key_file)), capture_output=True, check=True)
    assert read.stdout == documents.png().content


def file_form(visitor, **more):
    """(content type, body) of a document and its file, with `more` in the place of what the form has."""
    form = next(form for form in visitor.page.forms if ["document", "id_front"] in form.fields)
    return multipart(dict(form.fields) | more, documents.png())


def uploads_of(server, visitor):
    return int(server.psql("SELECT count(*) FROM finq.upload u JOIN finq.step s USING (step_id) "
                           f"WHERE s.session_id = '{row(server, visitor, 'session_id')}'"))


def nothing_is_kept(server, visitor):
    """And the nonce still works."""
    assert uploads_of(server, visitor) == 0
    assert "Received" in visitor.send("id_front", documents.png()).text and uploads_of(server, visitor) == 1


@pytest.mark.parametrize("end", ["\r\n--{0}\r\n", "\r\n--{0}\r\nX\r\n\r\n",
                                 "\r\n--{0}\r\nContent-Disposition: form-data; name=a\r\n\r\n\xff\r\n--{0}--"],
                         ids=["cut short", "no header", "no UTF-8"])
def test_a_file_counts_once_its_form_is_whole(server, documents_page, end):
    """Of a form that is cut short behind its file, or whose next part is none, nothing is kept."""
    kind, body = file_form(documents_page)
    boundary = kind.rpartition("=")[2]
    broken = body[:-len(f"\r\n--{boundary}--\r\n")] + end.format(boundary).encode("latin-1")
    assert documents_page.ask("POST", None, broken, {"Content-Type": kind}).status == 400
    nothing_is_kept(server, documents_page)


def test_the_second_of_two_files_is_passed_over(server, documents_page):
    kind, body = file_form(documents_page)
    boundary = kind.rpartition("=")[2].encode()
    second = b'\r\nContent-Disposition: form-data; name="file"; filename="x"\r\nContent-Type: text/html\r\n\r\n<html>'
    twice = body.replace(b"\r\n--" + boundary + b"--", b"\r\n--" + boundary + second + b"\r\n--" + boundary + b"--")
    answer = documents_page.ask("POST", None, twice, {"Content-Type": kind})
    assert answer.status == 200 and "Received" in answer.text
    assert server.psql(f"SELECT size FROM finq.upload u JOIN finq.step s USING (step_id) "
                       f"WHERE s.session_id = '{row(server, documents_page, 'session_id')}'") == str(len(documents.png().content))


@pytest.mark.parametrize("framing", [chunks, None])
def test_what_surrounds_a_file_is_bounded(server, documents_page, framing):
    kind, body = file_form(documents_page)
    body += b"e" * 700000
    headers = {"Content-Type": kind, **(CHUNKED if framing else {})}
    answer = documents_page.ask("POST", None, framing(body) if framing else body, headers)
    assert answer.status == 413 and answer.headers["connection"] == "close"
    nothing_is_kept(server, documents_page)


def peak(httpd, anew=False):
    """KiB that the children have held at most, since it was begun anew."""
    total = 0
    for child in httpd.children():
        if anew:
            with open(f"/proc/{child}/clear_refs", "w", encoding="ascii") as file:
                file.write("5")
        with open(f"/proc/{child}/status", encoding="ascii") as status:
            total += int(next(line for line in status if line.startswith("VmHWM")).split()[1])
    return total


@pytest.mark.skipif(SANITIZED, reason="what a sanitizer keeps is not the server's")
def test_a_value_in_small_pieces_takes_little_memory(server, documents_page):
    """Red where each piece makes a new copy of all before: 20000 bytes, one by one, are 200 MB."""
    kind, body = file_form(documents_page)
    boundary = kind.rpartition("=")[2]
    value = f'--{boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\n'.encode()
    before = peak(server.httpd, anew=True)
    answer = documents_page.ask("POST", None, chunks(value, *[b"v"] * 20000, b"\r\n" + body), {"Content-Type": kind, **CHUNKED})
    assert answer.status == 200 and "Received" in answer.text
    assert peak(server.httpd) - before < 30000


def test_the_first_page_is_light(server, client):
    """All of it, script and stylesheet included."""
    visitor = made(server, client, CARD)
    page = visitor.open()
    names = re.findall(r'(?:href|src)="([^"?#]+\.(?:css|js))"', page.html)
    files = {name: visitor.ask("GET", f"/onboarding/{name}") for name in names}
    assert len(files) == 2 and all(file.status == 200 and "immutable" in file.headers["cache-control"] for file in files.values())
    sizes = [len(one.html.encode()) for one in (page, *files.values())]
    assert sum(sizes) <= 25000 and len(next(file for name, file in files.items() if name.endswith("js")).html) <= 15000, sizes


# -- attacks

def test_what_is_written_stays_text(server, client, own_client, tmp_path):
    """XSS in every title, description, choice and name."""
    definition = {"name": f"evil_{secrets.token_hex(4)}_#1.0", "title": XSS, "description": XSS, "type": "marketplace",
                  "environment": "sandbox", "servicer": {"name": XSS, "country": "RO"},
                  "steps": [{"name": "one", "title": XSS, "description": XSS,
                             "uploads": [{"document": "d", "title": XSS, "description": XSS, "required": True,
                                          "media_types": ["image/png"], "max_bytes": 1000}],
                             "schema": {"type": "object", "required": ["a"],
                                        "properties": {"a": {"title": XSS, "description": XSS, "type": "string", "default": XSS},
                                                       XSS: {"oneOf": [{"const": XSS, "title": XSS}]},
                                                       "l": {"type": "array", "title": XSS, "items": {"type": "string"}}}}}]}
    skill = flows.publish(server, own_client.tenant, definition)
    visitor = pages.visit(server, own_client, skill)
    seen = [visitor.open(), visitor.press("start"), visitor.press("add:/l", {"/a": XSS}), visitor.press("next", {"/a": XSS})]
    for page in seen:
        assert page.status == 200 and "<img" not in page.html and page.html.count("<script") == 1, page.html
    assert seen[-1].heading == "Your documents"


def test_headers_keep_everything_else_out(server, client, visit):
    page = visit(CARD).open()
    policy = page.headers["content-security-policy"]
    for part in ("default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "require-trusted-types-for 'script'"):
        assert part in policy
    assert page.headers["referrer-policy"] == "no-referrer" and page.headers["cache-control"] == KEPT
    assert "set-cookie" not in page.headers and "unsafe" not in policy


def kept(page):
    assert page.headers["cache-control"] in (KEPT, "no-store")
    return page.headers["cache-control"] == KEPT


def test_a_browser_keeps_what_shows_nothing_of_the_person(server, client, tenant):
    """So that its Back shows that again. Red without finq_part_is_blank, and where it passes over a value."""
    server.finqctl("tenant", "redirect-allow", tenant.client_id, "https://app.example.com")
    visitor = made(server, client, DEPOSIT, return_link="https://app.example.com/done")
    assert kept(visitor.open()) and kept(visitor.press("start")), "an empty form"
    assert not kept(visitor.press("next", {"/value": "-1"})), "with a fault"
    values = {"/value": "100", "/currency": "EUR", "/period": "12"}
    assert kept(visitor.press("next", values)) and visitor.page.heading == "Your documents"
    assert not kept(visitor.send("id_front", Document("x.png", "image/png", b"no picture at all"))) and kept(visitor.send("id_front", documents.png()))
    assert not kept(visitor.press("handoff")) and kept(visitor.press("look")) and visitor.page.heading == "About you"
    assert not kept(visitor.press("back")) and ["/value", "100"] in visitor.page.form("next").fields
    assert kept(visitor.open()) and visitor.page.heading == "Welcome back"
    assert not kept(visitor.ask("POST", None, b"nonce=x&state=x&act=next", {"Content-Type": "text/plain"})), "a failure"
    visitor = made(server, client, AISP, return_link="https://app.example.com/done")
    visitor.open()
    visitor.press("start")
    assert not kept(visitor.press("next")) and "temp_token" in visitor.page.html
    visitor = made(server, client, CARD, prefill={"personal_data": {"email": "ana@example.com"}})
    visitor.open()
    assert not kept(visitor.press("start")) and "ana@example.com" in visitor.page.html, "filled in"


def test_a_browser_keeps_the_parts_that_are_empty(server, own_client):
    """And neither one that was filled in before, nor the answers to look through."""
    visitor = demonstrated(server, own_client, "xyz_kyc_sbx_#1.0", language="en")
    assert kept(visitor.page)
    assert kept(visitor.press("next", {"/card": "travel", "/limit": "2,500", "/currency": "EUR", "/extras": "virtual"}))
    assert not kept(visitor.press("back")) and kept(visitor.press("next")) and kept(visitor.press("next", NAMES))
    assert kept(visitor.press("next", {"/email": PERSON["/email"], "/phone": PERSON["/phone"]})) and not kept(visitor.press("next", HOME))
    assert visitor.page.heading == "Check your answers" and kept(visitor.press("next")) and visitor.page.heading == "Your documents"


def test_a_form_of_another_site_is_refused(server, client):
    visitor = made(server, client, AISP)
    visitor.open()
    answer = visitor.ask("POST", None, b"act=start", {"Content-Type": pages.FORM, "Sec-Fetch-Site": "cross-site"})
    assert answer.status == 403 and "nonce" not in answer.html


@pytest.mark.parametrize("address", ["", "x", "AXp2" * 40])
def test_a_wrong_address(server, visit, address):
    visitor = visit(AISP)
    visitor.path = f"/onboarding/{address}"
    assert visitor.open().status == 404 and visitor.page.heading == "This link does not work"
    assert visitor.ask("POST", None, b"act=start", {"Content-Type": pages.FORM}).status == 404


def test_no_log_has_the_address(server, client, visit):
    visitor = visit(AISP)
    visitor.open("?temp_token=xyz-in-the-query")
    visitor.ask("POST", None, b"act=start", {"Content-Type": pages.FORM})
    files = [file for file in server.httpd.directory.glob("*log*") if file.is_file()]
    secret = visitor.path.rsplit("/", 1)[1]
    assert files and not [file for file in files if secret in file.read_text() or "xyz-in-the-query" in file.read_text()]


# -- who may make them

def test_renewal_ends_the_older_address(server, client):
    visitor = made(server, client, CARD)
    visitor.open()
    visitor.press("start")
    visitor.press("next", PERSON)
    keys = {"client_id": client.tenant.client_id, "client_secret": client.tenant.client_secret, "page_id": visitor.page_id}
    renewed = client.call("/pages/renew", keys)
    assert renewed.status == 200 and renewed["page_id"] == visitor.page_id and renewed["url"] != visitor.url
    assert visitor.open().status == 404
    newer = pages.Visitor(server, renewed["url"])
    assert newer.open().heading == "Welcome back" and newer.press("start").heading == "Your documents"


def renew(client, visitor):
    return client.call("/pages/renew", {"client_id": client.tenant.client_id, "client_secret": client.tenant.client_secret, "page_id": visitor.page_id})


def test_a_renewed_address_takes_no_form(server, client, documents_page):
    """And what it was given authorises nothing. Red for the first without the look in visit_run, for the last without the session's
    generation in finq.page_renew."""
    newer = pages.Visitor(server, renew(client, documents_page)["url"])
    kind, body = file_form(documents_page)
    for answer in (documents_page.ask("POST", None, body, {"Content-Type": kind}), documents_page.press("look"),
                   documents_page.ask("POST", None, b"act=start", {"Content-Type": pages.FORM})):
        assert (answer.status, answer.heading) == (404, "This link does not work")
    assert uploads_of(server, documents_page) == 0
    assert newer.ask("POST", None, body, {"Content-Type": kind}).heading == "You went on in another window"
    assert uploads_of(server, documents_page) == 0
    assert newer.open().heading == "Welcome back" and newer.press("start").heading == "Your documents"


def test_a_renewed_page_forgets_a_session_without_a_step(server, client):
    """What its first nonce authorises is not the page's any more."""
    visitor = made(server, client, DEPOSIT)
    visitor.open()
    visitor.press("start")
    body = visitor.body("next", {"/value": "100", "/currency": "EUR", "/period": "12"})
    newer = pages.Visitor(server, renew(client, visitor)["url"])
    assert visitor.ask("POST", None, body, {"Content-Type": pages.FORM}).status == 404
    assert newer.ask("POST", None, body, {"Content-Type": pages.FORM}).heading == "You went on in another window"
    assert steps_of(server, visitor) == [] and newer.open().form("start")
    newer.press("start")
    assert newer.press("next", {"/value": "300", "/currency": "EUR", "/period": "12"}).heading == "Your documents"
    assert [data["value"] for _, data in steps_of(server, visitor)] == ["300"]


@pytest.mark.parametrize("of", ["page", "api"])
def test_a_page_takes_the_nonce_of_its_own_session_alone(server, client, of):
    """Else whoever holds a nonce goes on past a renewal of its link, and the end goes to where this page leads. Red without finq_entry_check
    in act_run."""
    visitor, other = made(server, client, DEPOSIT), made(server, client, DEPOSIT)
    for one in (visitor, other):
        one.open()
        one.press("start")
    nonce = dict(other.page.form("next").fields)["nonce"] if of == "page" else client.start_session(DEPOSIT)["nonce"]
    values = {"nonce": nonce, "/value": "100", "/currency": "EUR", "/period": "12"}
    for act in ("next", "look", "documents"):
        body = visitor.body("next", values).replace(b"act=next", f"act={act}".encode())
        answer = visitor.ask("POST", None, body, {"Content-Type": pages.FORM})
        assert answer.heading == "You went on in another window" and answer.status == 401, act
    assert steps_of(server, visitor) == steps_of(server, other) == []
    assert visitor.press("next", {**values, "nonce": dict(visitor.page.form("next").fields)["nonce"]}).heading == "Your documents"


def test_a_file_goes_to_the_pages_own_session_alone(server, client, documents_page):
    """Red without session_check in file_begin."""
    other = made(server, client, CARD)
    other.open()
    other.press("start")
    kind, body = file_form(documents_page, state=dict(other.page.form("next").fields)["state"])
    assert other.ask("POST", None, body, {"Content-Type": kind}).status == 401
    assert uploads_of(server, documents_page) == 0


def test_a_renewal_that_comes_again_counts_once(server, client, tenant, documents_page):
    """As the server sends it again where a connection was lost. Red where the session's generation rises with each."""
    call = (f"SELECT outcome, generation FROM finq.page_renew('{tenant.client_id}', sha256('{tenant.client_secret}'), "
            f"'{documents_page.page_id}', gen_random_uuid(), 60)")
    one, again = server.psql(f"CREATE TEMP TABLE asked AS SELECT gen_random_uuid() AS id; "
                             f"{call.replace('gen_random_uuid()', '(SELECT id FROM asked)')}; {call.replace('gen_random_uuid()', '(SELECT id FROM asked)')}"
                             ).splitlines()[-2:]
    assert one == again == "ok|1" and row(server, documents_page, "generation") == "1"
    assert server.psql(call) == "ok|2" and row(server, documents_page, "generation") == "2"


def test_refusals(server, client, other_client, tenant):
    def code(**more):
        return pages.make(client, CARD, **more).code
    assert code(client_secret="wrong") == "invalid_client_secret" and pages.make(client, "nobodys_#1.0").code == "invalid_skill_name"
    assert code(language="../x") == code(return_link="javascript:alert(1)") == code(tenant_user_id="") == "invalid_field"
    assert code(return_link="https://elsewhere.example") == code(prefill={"none": {}}) == code(prefill={"personal_data": 1}) == "invalid_field"
    # Red without prefill.c's group_look, and where create_error tells before the key has been checked.
    strangers = pages.make(client, CARD, prefill={"personal_data": {"email": "a@b.ro", "nick": "A", "e~/x": {}}, "product_form": {"card": {"x": 1}, "": None}})
    assert is_error(strangers, 400, "unknown_fields") and strangers["fields"] == ["personal_data/nick", "personal_data/e~0~1x", "product_form/"]
    assert pages.make(client, CARD, prefill={"personal_data": {"nick": "A"}}, client_secret="wrong").code == "invalid_client_secret"
    page_id = pages.make(client, CARD)["page_id"]
    keys = {"client_id": other_client.tenant.client_id, "client_secret": other_client.tenant.client_secret}
    foreign, unknown = (other_client.call("/pages/renew", {**keys, "page_id": of}) for of in (page_id, "019ec0de-0000-7000-8000-000000000001"))
    assert foreign.status == unknown.status == 404 and {**foreign.json, "id": 0} == {**unknown.json, "id": 0}


def test_files_are_kept_for_ever(server, visit):
    visitor = visit(AISP)
    html = visitor.open().html
    for name in re.findall(r'(?:href|src)="(page-[^"]+)"', html):
        answer = visitor.ask("GET", f"/onboarding/{name}")
        assert answer.status == 200 and "immutable" in answer.headers["cache-control"] and answer.headers["content-type"].endswith("utf-8")
    assert sum(len(visitor.ask("GET", f"/onboarding/{name}").html) for name in re.findall(r'"(page-[^"]+)"', html)) + len(html) < 25600


# -- looks

def test_a_tenants_looks(server, own_client):
    tenant = own_client.tenant.client_id
    server.finqctl("tenant", "allow", tenant, AISP)
    pale = server.finqctl("tenant", "brand", tenant, "--colour", "ffcc00", check=False)
    assert pale.returncode == 1 and "a contrast of 1.5 to 1; people need 4.5" in pale.stderr
    logo = server.directory / "logo.png"
    logo.write_bytes(documents.png().content)
    told = server.finqctl("tenant", "brand", tenant, "--name", "Aurora <b>", "--colour", "#0B4A6F", "--logo", logo)
    assert (told["colour"], told["logo_type"]) == ("0b4a6f", "image/png") and told["dark_colour"] > told["colour"]
    visitor = pages.visit(server, own_client, AISP)
    html = visitor.open().html
    style, picture = (re.search(rf'"({name}-[^"]+)"', html)[1] for name in ("page", "logo"))
    assert 'alt="Aurora &lt;b&gt;"' in html and "Aurora &lt;b&gt;" in visitor.press("start").html
    css = visitor.ask("GET", f"/onboarding/{style}").html
    assert f"--brand-light:#0b4a6f;--brand-dark:#{told['dark_colour']}" in css and f'"{style}"' in visitor.page.html
    for wrong in (style.replace("0b4a6f", "0b4a6;"), style.replace("-0b4a6f", "")):
        assert visitor.ask("GET", f"/onboarding/{wrong}").status == 404
    answer = own_client.request("GET", f"/onboarding/{picture}")
    assert answer.body == documents.png().content and answer.headers["content-type"] == "image/png"
    server.finqctl("tenant", "brand", tenant, "--clear")
    assert "logo-" not in pages.visit(server, own_client, AISP).open().html
