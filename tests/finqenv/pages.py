"""A browser without script, for the module's own pages: it reads forms and sends them as browsers do."""
import dataclasses
import html.parser
import http.client
import ssl
import urllib.parse

from .client import multipart

FORM = "application/x-www-form-urlencoded"


@dataclasses.dataclass
class Form:
    """What stands in a form: [name, value] in order, and the buttons' acts. `boxes` are the values of radio buttons and boxes that are
    not ticked, by name; `files` the names of those for files."""
    fields: list = dataclasses.field(default_factory=list)
    acts: list = dataclasses.field(default_factory=list)
    boxes: dict = dataclasses.field(default_factory=dict)
    files: list = dataclasses.field(default_factory=list)


class _Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.forms, self.links, self.words, self.open = [], [], {}, []
        self._area = self._select = None

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag not in ("input", "meta", "link", "img", "br", "hr"):
            self.open.append(tag)
        if "template" in self.open:
            return  # for scripts
        if tag == "form":
            self.forms.append(Form())
        elif tag == "input":
            self._input(found)
        elif tag == "button" and found.get("name") == "act":
            self.forms[-1].acts.append(found["value"])
        elif tag == "textarea":
            self._area = [found["name"], ""]
            self.forms[-1].fields.append(self._area)
        elif tag == "select":
            self._select = [found["name"], ""]
            self.forms[-1].fields.append(self._select)
        elif tag == "option" and "selected" in found:
            self._select[1] = found["value"]
        elif tag == "a":
            self.links.append(found.get("href"))

    def _input(self, found):
        if "form" not in self.open:
            self.links.append(found["value"])  # an address to be copied
            return
        form, kind = self.forms[-1], found.get("type", "text")
        if kind == "file":
            form.files.append(found["name"])
        elif kind in ("radio", "checkbox") and "checked" not in found:
            form.boxes.setdefault(found["name"], []).append(found["value"])
        else:
            form.fields.append([found["name"], found.get("value", "")])

    def handle_endtag(self, tag):
        self._area = None if tag == "textarea" else self._area
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if self._area:
            self._area[1] += data
        for tag in set(self.open) if "template" not in self.open else ():
            self.words[tag] = self.words.get(tag, "") + data


class Page:
    """One page that came."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.html = status, headers, body.decode()
        reader = _Reader()
        reader.feed(self.html)
        self.forms, self.links = reader.forms, [link for link in reader.links if link]
        self.title, self.heading = reader.words.get("title", ""), reader.words.get("h1", "").strip()
        self.text = " ".join(reader.words.get("body", "").split())

    def form(self, act):
        """The form with this button, or with this hidden act."""
        return next(form for form in self.forms if act in form.acts or ["act", act] in form.fields)


class Visitor:
    """A person at one browser. `url` is what POST /pages answered."""

    def __init__(self, installation, url, **headers):
        link = urllib.parse.urlsplit(url)
        self.url, self.port, self.path = url, link.port, link.path
        self.context = ssl.create_default_context(cafile=str(installation.httpd.authority.certificate))
        self.headers, self.page = {"Accept": "text/html,*/*", **headers}, None

    def ask(self, method, path=None, body=None, headers=None):
        """The page, which is not kept as the one that is shown."""
        connection = http.client.HTTPSConnection("localhost", self.port, context=self.context, timeout=20)
        try:
            connection.request(method, path or self.path, body, {**self.headers, **(headers or {})})
            answer = connection.getresponse()
            return Page(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def open(self, query=""):
        self.page = self.ask("GET", self.path + query)
        return self.page

    def body(self, act, values=None):
        """The body that a browser sends when the button is pressed, once these values were typed."""
        form, values = self.page.form(act), dict(values or {})
        pairs = [[name, values.pop(name, value)] for name, value in form.fields]
        for name, value in values.items():
            assert value in form.boxes.get(name, ()), (name, value, form)
            pairs.append([name, value])
        if ["act", act] not in form.fields:
            pairs.append(["act", act])
        return urllib.parse.urlencode([tuple(pair) for pair in pairs]).encode()

    def press(self, act="next", values=None):
        self.page = self.ask("POST", None, self.body(act, values), {"Content-Type": FORM})
        return self.page

    def send(self, document, file):
        """A file for a document, by its own form."""
        form = next(form for form in self.page.forms if ["document", document] in form.fields)
        assert form.files
        kind, body = multipart(dict(form.fields), file)
        self.page = self.ask("POST", None, body, {"Content-Type": kind})
        return self.page


def make(client, skill, **more):
    """POST /pages."""
    return client.call("/pages", {"client_id": client.tenant.client_id, "client_secret": client.tenant.client_secret, "skill": skill, **more})


def visit(installation, client, skill, **more):
    """A visitor at a new address."""
    answer = make(client, skill, **more)
    assert answer.status == 200, answer.body
    return Visitor(installation, answer["url"])
