"""Forms that no page of ours sends, forms that say too much, and requests that are no forms: what a page answers, and what that costs."""
import json
import urllib.parse

import pytest

from finqenv import documents, flows, pages
from finqenv.banking import definition, step
from finqenv.client import multipart
from finqenv.flows import AISP, CARD
from finqenv.places import ROOT

FORM = {"Content-Type": pages.FORM}
PERSON = {"/first_name": "Ana", "/last_name": "Pop", "/email": "ana@example.com", "/birth_date~d": "7", "/birth_date~m": "4", "/birth_date~y": "1990",
          "/phone": "0040 712 345 678"}
INNER = {"type": "array", "minItems": 2, "items": {"type": "object", "properties": {"x": {"type": "string"}}}}
NESTED = {"type": "object", "properties": {
    "outer": {"type": "array", "items": {"type": "object", "properties": {"t": {"type": "string"}, "inner": INNER}}},
    "last": {"type": "array", "minItems": 3, "items": {"type": "string"}}}}

LONG = definition("page_long_sbx_#1.0", step("form", schema={"type": "object", "properties": {name: {"type": "string"} for name in ("one", "two", "three")}},
                                             ui={"pages": [["one"], ["two"], ["three"]]}), step("last"))
LONG_STEPS = definition("page_long_steps_sbx_#1.0", *(step(name, schema={"type": "object", "properties": {"text": {"type": "string"}}})
                                                      for name in ("one", "two", "three", "last")))
MOST = 2 * 65536  # twice FinqMaxBody


def begun(server, client, skill, **more):
    answer = pages.make(client, skill, **more)
    visitor = pages.Visitor(server, answer["url"])
    visitor.page_id = answer["page_id"]
    visitor.open()
    visitor.press("start")
    return visitor


@pytest.fixture
def form_page(server, client):
    """A visitor whose step asks for answers, in German."""
    return begun(server, client, CARD, language="de")


@pytest.fixture
def documents_page(server, client):
    visitor = begun(server, client, CARD)
    assert visitor.press("next", PERSON).heading == "Your documents"
    return visitor


# -- rows

def posted(visitor, more):
    body = dict(urllib.parse.parse_qsl(visitor.body("next").decode(), keep_blank_values=True)) | more
    visitor.page = visitor.ask("POST", None, urllib.parse.urlencode(body).encode(), FORM)
    return visitor.page


def rows_of(page):
    """Those of the inner arrays, and of the last."""
    names = [name for name, _ in page.form("next").fields]
    return sum("/inner/" in name for name in names), sum(name.startswith("/last/") and "~" not in name for name in names)


def test_a_form_has_few_rows(server, own_client):
    """What one array says is not multiplied by another's; what an array must have is there. Red without finq_typed_rows_bound: 2500 rows of a
    form of a few bytes; and where finq_typed_row_add asks for no room, one row more takes those of another array away."""
    visitor = begun(server, own_client, flows.publish(server, own_client.tenant, definition("page_rows_sbx_#1.0", step("form") | {"schema": NESTED})))
    assert rows_of(visitor.page) == (2, 3)
    asked = {"/outer~n": "50", "/outer/0/t": "first", "/outer/0/inner/39/x": "typed", "/last~n": "50", "/last/2": "third"}
    page = posted(visitor, asked | {"act": "add:/last"} | {f"/outer/{i}/inner~n": "50" if i else "40" for i in range(50)})
    fields = page.form("next").fields
    inner, last = rows_of(page)
    assert page.status == 200 and last == 3 and 100 < inner < 110 and ["/outer/0/t", "first"] in fields
    assert ["/outer/0/inner/39/x", "typed"] in fields and ["/last/2", "third"] in fields
    assert not any(act.startswith("add:") for form in page.forms for act in form.acts) and len(page.html) < 100000
    more = posted(visitor, {"act": "add:/outer/0/inner"}).form("next").fields
    assert [name for name, _ in more] == [name for name, _ in fields], "and no row more takes another's place"
    visitor.press("cut:/outer/0/inner:0")
    assert rows_of(visitor.press("add:/last")) == (inner - 1, last + 1)


def test_what_no_row_takes(server, own_client):
    """Of a prefill; in rows that are left out nobody looks. Red without rows_look, and without its bound: the last row's member would be told."""
    skill = flows.publish(server, own_client.tenant, definition("page_strangers_sbx_#1.0", step("form") | {"schema": NESTED}))

    def fields(form):
        answer = pages.make(own_client, skill, prefill={"form": form})
        return answer.json.get("fields", answer.status)
    rows = [{"inner": [{"x": "1"}, {"y": "2"}]}, {"z": "3"}]
    assert fields({"outer": rows, "last": ["a"], "none": []}) == ["form/outer/0/inner/1/y", "form/outer/1/z", "form/none"]
    assert fields({"outer": [{"t": "1"}] * 200 + [{"z": "3"}]}) == 200 and fields({f"a{n}": 1 for n in range(20)}) == [f"form/a{n}" for n in range(8)]


# -- broken forms

def parts_named(name, form):
    kind, body = multipart(dict(form.fields), documents.png())
    boundary = kind.rpartition("=")[2].encode()
    part = b"--" + boundary + b'\r\nContent-Disposition: form-data; name="' + name + b'"\r\n\r\nx\r\n'
    return {"Content-Type": kind}, part + body


@pytest.mark.parametrize("end", [b"&x=\0&act=back", b"\0&act=back", b"&act=back\0", b"&x=%00&act=back", b"&\0", b"&x=\xff", b"&\xed\xa0\x80=x"])
def test_a_form_that_is_no_text(form_page, end):
    """Red where pairs_read looks for no NUL: what stands behind it is lost, without a word."""
    assert form_page.ask("POST", None, form_page.body("next", PERSON) + end, FORM).status == 400
    assert form_page.press("next", PERSON).status == 200, "and nothing was done"


@pytest.mark.parametrize("name", [b"\xed\xa0\x80", b"\xff", b"/first_name\xc3"])
def test_a_part_whose_name_is_no_text(documents_page, name):
    """Red where part_begin does not look at it."""
    form = next(form for form in documents_page.page.forms if ["document", "id_front"] in form.fields)
    headers, body = parts_named(name, form)
    assert documents_page.ask("POST", None, body, headers).status == 400
    assert "Received" in documents_page.send("id_front", documents.png()).text


def test_a_file_for_no_document_is_told(documents_page):
    """Red where documents_fault says only what is of a document."""
    form = next(form for form in documents_page.page.forms if ["document", "id_front"] in form.fields)
    kind, body = multipart(dict(form.fields) | {"document": "zz"}, documents.png())
    answer = documents_page.ask("POST", None, body, {"Content-Type": kind})
    assert answer.status == 400 and answer.title.startswith("Error: ") and 'id="problems"' in answer.html and "Received" not in answer.text
    lone = dict(form.fields) | {"document": "zz"}
    empty = documents_page.ask("POST", None, urllib.parse.urlencode(lone).encode(), FORM)
    assert 'id="problems"' in empty.html
    taken = documents_page.send("id_front", documents.png())
    assert "Received" in taken.text and 'class="document wrong"' not in taken.html


# -- forms that say too much

@pytest.fixture
def long_page(server, own_client):
    return begun(server, own_client, flows.publish(server, own_client.tenant, LONG))


def test_long_answers_are_kept(server, long_page):
    """As far as they go, on the way to the end and back. Red with a bound on the state: the step begins anew, and empty."""
    kept(server, long_page, MOST)


def test_long_answers_are_kept_where_bodies_are_small(make_server, server):
    """What else a form carries does not count. Red without the 65536 in ROOM: on the way back the form is too large to be read."""
    own = make_server(cluster=server.postgres, database="page_small", children=1, plain=True, directives={"FinqMaxBody": "1024"})
    tenant = own.create_tenant("Small")
    client = own.client(tenant)
    kept(own, begun(own, client, flows.publish(own, tenant, LONG)), 2048)
    client.close()


def kept(server, long_page, most):
    texts = {name: letter * (most // 6 - 50) for name, letter in (("one", "ă"), ("two", "ț"), ("three", "ш"))}  # of two bytes, six in a form
    for name, text in texts.items():
        long_page.press("next", {f"/{name}": text})
    assert long_page.page.heading == "Check your answers" and all(text in long_page.page.html for text in texts.values())
    assert long_page.press("next").heading == "last"
    session_id = server.psql(f"SELECT session_id FROM finq.page WHERE page_id = '{long_page.page_id}'")
    assert server.entered(session_id).keys() >= {"form"} and json.loads(server.entered(session_id)["form"]) == texts
    assert ["/one", texts["one"]] in long_page.press("back").form("next").fields
    assert ["/two", texts["two"]] in long_page.press("next").form("next").fields


def test_answers_that_are_too_long_for_the_pages_before(long_page):
    """Come back as they were typed, those of the pages before with them. Red without length_check, and where act_back comes before it."""
    one, two = "1" * 60000, "2" * (MOST - 50000)
    long_page.press("next", {"/one": one})
    for act in ("next", "back"):
        wrong = long_page.press(act, {"/two": two})
        assert wrong.status == 413 and ["part", "1"] in wrong.form("next").fields and ["/two", two] in wrong.form("next").fields
        assert "too long" in wrong.text and wrong.title.startswith("Error: ") and 'role="alert"' in wrong.html
    assert ["/one", one] in long_page.press("back", {"/two": ""}).form("next").fields
    long_page.press("next")
    assert long_page.press("next", {"/two": two[:-11000]}).status == 200


def test_a_page_that_has_nothing_to_shorten_leads_back(long_page):
    """The page before has all that there may be, and the names of what is asked here are too much. Red without BACK_MORE."""
    one = "1" * (MOST - len('{"/one":[""]}'))
    long_page.press("next", {"/one": one})
    assert long_page.press("next").status == 413 and ["part", "1"] in long_page.page.form("next").fields
    assert ["/one", one] in long_page.press("back").form("next").fields
    assert long_page.press("next", {"/one": one[:-1000]}).status == 200 and long_page.press("next", {"/two": "2"}).status == 200


def test_answers_that_are_too_long_for_the_steps_before(long_page):
    long_page.press("next", {"/one": "1" * (MOST - 1000)})
    for _ in range(3):
        long_page.press("next")
    assert long_page.page.heading == "last" and long_page.press("next").heading == "All done", "nothing is typed here"


def test_each_step_may_have_long_answers(server, own_client):
    """Those of the first steps go no further with the forms, but stay stored. Red where length_check counts them, without finq_state_fit, and
    where ROOM is for one step's."""
    visitor = begun(server, own_client, flows.publish(server, own_client.tenant, LONG_STEPS))
    texts = {name: letter * (MOST // len(letter.encode()) - 50) for name, letter in (("one", "1"), ("two", "ш"), ("three", "ț"))}
    visitor.press("next", {"/text": texts["one"]})
    assert ["/text", ""] in visitor.press("back", {"/text": texts["two"]}).form("next").fields, "a way back there is all the same"
    for name, text in texts.items():
        assert visitor.page.heading == name
        visitor.press("next", {"/text": text})
    session_id = server.psql(f"SELECT session_id FROM finq.page WHERE page_id = '{visitor.page_id}'")
    assert visitor.page.heading == "last" and {name: json.loads(data)["text"] for name, data in server.entered(session_id).items()} == texts
    assert ["/text", texts["three"]] in visitor.press("back").form("next").fields


def test_answers_that_come_before_their_documents_are_kept(documents_page):
    """From a window that was there before. Red without typed_keep in submit_failed."""
    fields = dict(documents_page.page.form("look").fields) | {"act": "next", "/card": "gold", "/limit": "5000", "/currency": "RON", "/employment": "student"}
    documents_page.page = documents_page.ask("POST", None, urllib.parse.urlencode(fields).encode(), FORM)
    assert documents_page.page.heading == "Your documents"
    for document in ("id_front", "selfie"):
        documents_page.send(document, documents.png())
    assert documents_page.press("look").heading == "Your card" and ["/limit", "5000"] in documents_page.page.form("next").fields


@pytest.mark.parametrize("language", ["en", "ro", "de", "fr", "ar"])
def test_too_much_is_told_in_words(server, own_client, language):
    """At the form, or, where even that cannot be read, in its place. Red without the row of "large" in page_trouble.c, and where
    pairs_read looks at nothing of what it read."""
    visitor = begun(server, own_client, flows.publish(server, own_client.tenant, LONG), language=language)
    words = json.loads((ROOT / f"conf/pages/{language}.json").read_text())
    wrong = visitor.press("next", {"/one": "1" * MOST})
    assert wrong.status == 413 and words["problem.length"] in wrong.text and ["/one", "1" * MOST] in wrong.form("next").fields
    refused = visitor.press("next", {"/one": "1" * (9 * 65536 + 65536)})
    assert refused.status == 413 and refused.heading == words["trouble.large.title"] and words["trouble.large.text"] in refused.text
    assert ["language", language] in refused.form("start").fields and '<div class="brand"></div>' not in refused.html


# -- other requests

@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "BREW"])
def test_a_page_is_read_and_sent(server, client, method):
    """Red where httpd answers: a page of its own, without our headers, and Allow names TRACE alone."""
    visitor = begun(server, client, AISP)
    for path in (visitor.path, "/onboarding/x", "/onboarding"):
        answer = visitor.ask(method, path, b"act=start" if method == "PUT" else None)
        assert answer.status == 405 and answer.headers["allow"] == "GET, HEAD, POST" and answer.heading == "This cannot go on"
        assert "form-action 'self'" in answer.headers["content-security-policy"] and answer.headers["cache-control"] == "no-store"
    assert visitor.press("next").status == 200


# -- how a failure looks

def test_a_failure_speaks_the_forms_language(form_page):
    """And has the tenant's looks. Red where screen_bare asks the browser alone."""
    body = dict(urllib.parse.parse_qsl(form_page.body("next").decode())) | {"nonce": "malformed"}
    answer = form_page.ask("POST", None, urllib.parse.urlencode(body).encode(), FORM)
    assert answer.status in (400, 401) and '<html lang="de"' in answer.html and '<div class="brand"></div>' not in answer.html
    assert ["language", "de"] in answer.form("start").fields, "and goes on in it"


def test_an_older_address_speaks_the_forms_language(client, form_page):
    """Red where screen_bare does not open the state."""
    client.call("/pages/renew", {"client_id": client.tenant.client_id, "client_secret": client.tenant.client_secret, "page_id": form_page.page_id})
    answer = form_page.press("next", PERSON)
    assert answer.status == 404 and answer.heading == "Dieser Link funktioniert nicht" and '<div class="brand"></div>' not in answer.html
