"""conf/openapi.yaml: what it says of an answer, and whether one is as it says."""
import pathlib
import re
import urllib.parse

import jsonschema
import yaml

from .places import ROOT

FILE = ROOT / "conf/openapi.yaml"
VERSION = re.search(r'FINQ_VERSION "(.+)"', (ROOT / "include/ground/version.h").read_text())[1]


def expanded(node, document):
    """A part of the document with every reference replaced by what it names, which keeps its name; none is recursive."""
    if isinstance(node, list):
        return [expanded(item, document) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" not in node:
        return {name: expanded(value, document) for name, value in node.items()}
    found, words = document, node["$ref"].removeprefix("#/").split("/")
    for word in words:
        found = found[word]
    return {**expanded(found, document), "x-name": words[-1]}


EVERY = object()


def members(schema, value=EVERY, name=""):
    """The members that a schema documents, at any depth, each with the name of the schema that it stands in; of a value, those
    that it has."""
    name = schema.get("x-name", name)
    for part in schema.get("allOf", []):
        yield from members(part, value, name)
    for item in (value if isinstance(value, list) else [EVERY] * (value is EVERY)) if "items" in schema else []:
        yield from members(schema["items"], item, f"{name}[]")
    for member, inner in schema.get("properties", {}).items():
        if value is EVERY or isinstance(value, dict) and member in value:
            yield f"{name}.{member}"
            yield from members(inner, value if value is EVERY else value[member], f"{name}.{member}")


class _Response:
    """One documented answer: the headers that it must have, and its body's schema; None where it has no body."""

    def __init__(self, described):
        self.headers = {name.lower(): header for name, header in described["headers"].items()}
        content = described.get("content")
        self.is_page = bool(content) and "text/html" in content
        self.schema = jsonschema.Draft202012Validator(content["application/json"]["schema"]) if content else None

    def members(self, *value):
        return set(members(self.schema.schema, *value)) if self.schema else set()

    def faults(self, answer):
        for name, header in self.headers.items():
            if name in answer.headers:
                schema = jsonschema.Draft202012Validator(header["schema"])
                yield from (f"{name}: {error.message}" for error in schema.iter_errors(answer.headers[name]))
            elif header.get("required"):
                yield f"header {name} is missing"
        if self.schema is None:
            yield from ["a body"] if answer.body else []
        elif self.is_page and answer.headers.get("content-type") == "text/html; charset=utf-8":
            yield from [] if answer.body.startswith(b"<!DOCTYPE html>") else ["no page"]
        elif answer.headers.get("content-type") != "application/json" or answer.json is None:
            yield f"no JSON: {answer.headers.get('content-type')}"
        else:
            yield from (f"{error.json_path}: {error.message}" for error in self.schema.iter_errors(answer.json))


class Contract:
    """The document, its operations by method and path, the complaints about answers since they were last asked for, and which of
    the documented members answers have had."""

    def __init__(self, text=None):
        self.document = yaml.load((text or FILE.read_text()).replace("@VERSION@", VERSION), yaml.CSafeLoader)
        self.whole = expanded(self.document, self.document)
        self._found, self.seen = [], set()
        self._operations = {(method.upper(), self._pattern(path)): self._responses(operation["responses"])
                            for path, item in self.whole["paths"].items() for method, operation in item.items()}
        self._errors = self._responses({name.removeprefix("Error"): described for name, described in
                                        self.whole["components"]["responses"].items()})

    @staticmethod
    def _pattern(path):
        return re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))

    @staticmethod
    def _named(path):
        """As the document has it: as httpd understands it, without its query."""
        return re.sub("/+", "/", urllib.parse.unquote(path.partition("?")[0]))

    @staticmethod
    def _responses(described):
        return {int(status): _Response(response) for status, response in described.items()}

    def _known(self, method, path):
        """The answers that a call may get. One that is described nowhere gets errors alone."""
        for (documented, pattern), responses in self._operations.items():
            if documented == method and pattern.fullmatch(path):
                return responses
        return self._errors

    def faults(self, method, path, answer):
        """What of an answer is not as the document says."""
        if answer.status == 104:  # which is none yet; http.client takes it for one
            return []
        if method == "HEAD" or (method == "OPTIONS" and answer.status == 204 and not answer.body):
            return []
        response = self._known(method, self._named(path)).get(answer.status)
        return list(response.faults(answer)) if response else ["this status is not among this call's answers"]

    def documented(self):
        """Every member of every answer."""
        return set().union(*(response.members() for responses in [*self._operations.values(), self._errors]
                             for response in responses.values()))

    def check(self, method, path, answer):
        response = self._known(method, self._named(path)).get(answer.status)
        self.seen |= response.members(answer.json) if response else set()
        self._found += [f"{method} {path}: {answer.status}: {fault}" for fault in self.faults(method, path, answer)]

    def complaints(self):
        """Those since the last time, each once."""
        found, self._found = self._found, []
        return list(dict.fromkeys(found))


def unseen(directory):
    """The documented members that stand in no file of a directory: each test process writes there what it saw."""
    seen = {line for file in pathlib.Path(directory).iterdir() for line in file.read_text().splitlines()}
    return sorted(Contract().documented() - seen)
