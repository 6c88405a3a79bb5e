"""conf/openapi.yaml: what it says of an answer, and whether one is as it says."""
import re
import urllib.parse

import jsonschema
import yaml

from .places import ROOT

FILE = ROOT / "conf/openapi.yaml"
VERSION = re.search(r'FINQ_VERSION "(.+)"', (ROOT / "include/ground/version.h").read_text())[1]


def expanded(node, document):
    """A part of the document with every reference replaced by what it names; none of them is recursive."""
    if isinstance(node, list):
        return [expanded(item, document) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" not in node:
        return {name: expanded(value, document) for name, value in node.items()}
    found = document
    for word in node["$ref"].removeprefix("#/").split("/"):
        found = found[word]
    return expanded(found, document)


class _Response:
    """One documented answer: the headers that it must have, and its body's schema; None where it has no body."""

    def __init__(self, described):
        self.headers = {name.lower(): header for name, header in described["headers"].items()}
        content = described.get("content")
        self.is_page = bool(content) and "text/html" in content
        self.schema = jsonschema.Draft202012Validator(content["application/json"]["schema"]) if content else None

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
    """The document, its operations by method and path, and the complaints about answers since they were last asked for."""

    def __init__(self, text=None):
        self.document = yaml.safe_load((text or FILE.read_text()).replace("@VERSION@", VERSION))
        self.whole = expanded(self.document, self.document)
        self._found = []
        self._operations = {(method.upper(), self._pattern(path)): self._responses(operation["responses"])
                            for path, item in self.whole["paths"].items() for method, operation in item.items()}
        self._errors = self._responses({name.removeprefix("Error"): described for name, described in
                                        self.whole["components"]["responses"].items()})

    @staticmethod
    def _pattern(path):
        return re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))

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
        path = re.sub("/+", "/", urllib.parse.unquote(path.partition("?")[0]))
        if method == "HEAD" or (method == "OPTIONS" and answer.status == 204 and not answer.body):
            return []
        response = self._known(method, path).get(answer.status)
        return list(response.faults(answer)) if response else ["this status is not among this call's answers"]

    def check(self, method, path, answer):
        self._found += [f"{method} {path}: {answer.status}: {fault}" for fault in self.faults(method, path, answer)]

    def complaints(self):
        """Those since the last time, each once."""
        found, self._found = self._found, []
        return list(dict.fromkeys(found))
