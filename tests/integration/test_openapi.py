"""conf/openapi.yaml: a sound OpenAPI 3.1 document, complete, served, and true: its examples are replayed here, and every
answer that any test's Client gets is held against it (finqenv.contract).

Seen red: `next_step` undeclared in SessionStarted, a 401 taken from /sessions (replayed, and the fixture in every test of
sessions); a code removed from Error400, a path removed (complete); `openapi: 3.2.0` (valid); additionalProperties left
out of Uploaded (closed); the row of paths.c without its last 1 (without_a_signature); cache_control left out of reply.c
(served); an example's status changed (replayed).
"""
import json
import re
import subprocess
import uuid

import jsonschema
import pytest

from finqenv import documents
from finqenv.client import Answer, Client, Document, multipart
from finqenv.contract import FILE, Contract, unseen
from finqenv.flows import AISP
from finqenv.places import ROOT

VALIDATOR = ROOT / "build/node/node_modules/@seriousme/openapi-schema-validator"
PLACEHOLDER = re.compile(r"^(019ec0de-.*|https://onboarding\.example\.com/onboarding/.*|n0nce-.*|t3mp-.*|acc3ss-.*|k3y-.*|s3cret-.*|eyJ.*|\d{4}-\d\d-\d\dT[\d:]+Z)$")
NUMBERS = {"019ec0de-0000-7000-8000-000000000001": "client_id", "k3y-of-the-application": "client_app_key",
           "s3cret-of-the-client": "client_secret"}


def operations(contract):
    return [(method, path, operation) for path, item in contract.whole["paths"].items()
            for method, operation in item.items()]


def answers(contract):
    """Every documented answer: (where, response)."""
    found = [(f"{method} {path} {status}", response) for method, path, operation in operations(contract)
             for status, response in operation["responses"].items()]
    return found + list(contract.whole["components"]["responses"].items())


# -- the document

def test_the_document_is_valid_openapi(tmp_path, contract):
    if not VALIDATOR.exists():
        pytest.skip("npm could not install the validator: see what tests/install.sh said")
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(contract.document))
    done = subprocess.run(["node", VALIDATOR / "bin/validate-api-cli.js", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert contract.document["openapi"] == "3.1.0"


def test_its_schemas_are_valid(contract):
    for schema in contract.document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def raised():
    """(type, status, code) of those that something raises: C by their enumerators, SQL by their names."""
    c = "".join(file.read_text() for file in ROOT.glob("src/**/*.c"))
    said = c + "".join(file.read_text() for file in ROOT.glob("sql/functions/*.sql"))
    rows = re.findall(r'X\((\w+), "(\w+)", (\d+), "(\w+)"\)', (ROOT / "include/ground/error.h").read_text())
    return [(kind, status, code) for enumerator, kind, status, code in rows
            if re.search(rf"FINQ_E_{enumerator}\b", c) or not enumerator.endswith("_FORM") and re.search(rf"""["']{code}["']""", said)]


def test_it_is_complete(contract):
    """Every route with its method, and every code that is raised, and no other, with its type and status."""
    table = re.findall(r'\{"(/\S+)", ([A-Z| ]+), [01], ', (ROOT / "src/httpd/host/paths.c").read_text(), re.MULTILINE)
    rows = [(path, method) for path, methods in table for method in methods.split(" | ")]
    described = {(re.sub(r"\{\w+\}", "*", path), method.upper()) for method, path, _ in operations(contract)}
    assert rows and set(rows) == described
    codes = raised()
    schemas = {name[5:]: schema["properties"] for name, schema in contract.whole["components"]["schemas"].items()
               if re.fullmatch(r"Error\d+", name)}
    listed = {(http, code) for http, members in schemas.items() for code in members["code"]["enum"]}
    assert codes and listed == {(http, code) for _, http, code in codes}
    for http, members in schemas.items():
        assert set(members["type"]["enum"]) == {kind for kind, status, _ in codes if status == http}
        assert members["http"] == {"const": int(http)}


def closed(schema):
    """Whether no undeclared member fits, at any depth but in what is a tenant's or a bank's own."""
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object" and "properties" in schema and schema.get("additionalProperties") is not False:
        return False
    parts = [*schema.get("properties", {}).values(), *schema.get("allOf", []), *schema.get("oneOf", []), schema.get("items")]
    return all(map(closed, parts))


def test_its_answers_are_closed(contract):
    for where, response in answers(contract):
        for content in response.get("content", {}).values():
            assert where == "get /openapi.json 200" or closed(content["schema"]), where


def examples(contract):
    """(where, name, schema, value) of every example of a body."""
    found = [(path, content) for _, path, operation in operations(contract)
             for content in operation.get("requestBody", {}).get("content", {}).values()]
    found += [(where, content) for where, response in answers(contract) for content in response.get("content", {}).values()]
    for where, content in found:
        named = content.get("examples", {"": {"value": content["example"]}} if "example" in content else {})
        yield from ((where, name, content["schema"], example["value"]) for name, example in named.items())


def test_its_examples_fit_their_schemas(contract):
    assert not [(where, name) for where, name, schema, value in examples(contract)
                if not jsonschema.Draft202012Validator(schema).is_valid(value)]
    bare = [where for where, response in answers(contract) for content in response.get("content", {}).values()
            if not {"example", "examples"} & set(content)]
    assert bare == ["get /openapi.json 200"]


def test_its_webhooks_are_the_events(contract):
    """Those that the manual lists."""
    listed = set(re.findall(r"^\| `(\w+\.\w+)` \|", (ROOT / "conf/manual/events.md").read_text(), re.MULTILINE))
    bodies = [hook["post"]["requestBody"]["content"]["application/json"] for hook in contract.whole["webhooks"].values()]
    assert listed == {kind for body in bodies for kind in body["schema"]["properties"]["type"]["enum"]}
    for body in bodies:
        jsonschema.Draft202012Validator(body["schema"]).validate(body["example"])


# -- the guard

def test_the_guard_sees_what_is_not_described():
    contract = Contract()
    headers = {"content-type": "application/json", "x-request-id": str(uuid.uuid4())}
    told = {"nonce": "n", "session_id": headers["x-request-id"], "status": "SESSION_CREATED", "next_step": "s",
            "expires_at": "2026-11-21T23:00:54Z"}

    def faults(status=200, method="POST", path="/sessions", headers=headers, **more):
        return contract.faults(method, path, Answer(status, headers, json.dumps({**told, **more}).encode()))
    assert faults() == []
    assert faults(more=1) and faults(status="SESSION_OVER") and faults(nonce=None) and faults(headers={})
    assert contract.faults("POST", "/sessions", Answer(204, headers, b"")) and faults(path="/nothing")
    assert faults(method="GET") and faults(200, path="/tokens")


def test_the_guard_knows_which_members_were_seen(tmp_path):
    """Of those that are documented at any depth, once, under the schema that names them. Red where `seen` takes all of a documented
    answer's members, where a list's items are not looked into, and where an answer of null is one of all."""
    contract = Contract()
    for status, path, body in ((200, "/sessions", {"nonce": "n", "status": "SESSION_CREATED"}),
                               (400, "/sessions", {"details": [{"field": "/a"}, {"limit": 1}], "http": 400}),
                               (200, "/catalogs/servicers", [{"id": "x"}]), (200, "/sessions/x/steps", None),
                               (299, "/sessions", {"session_id": "x"})):
        contract.check("POST", path, Answer(status, {}, json.dumps(body).encode()))
    seen = {"SessionStarted.nonce", "SessionStarted.status", "Error.details", "Error.details[].field", "Error.details[].limit",
            "Error.http", "Error400.http", "Servicer.id"}
    assert contract.seen == seen < contract.documented()
    for name, told in (("one", contract.documented() - seen - {"Servicer.name", "Error.id"}), ("other", {"Error.id", *seen})):
        (tmp_path / name).write_text("\n".join(told))
    assert unseen(tmp_path) == ["Servicer.name"]


def test_the_guard_is_in_force(server, tenant, contract):
    """What a Client gets is checked, and complained about once."""
    client = Client(server.httpd.url, tenant, server.httpd.authority.certificate)
    kept, contract._operations = contract._operations, {}
    try:
        assert client.start_session(AISP).status == 200
    finally:
        contract._operations = kept
        client.close()
    assert contract.complaints() == ["POST /sessions: 200: this status is not among this call's answers"]


# -- as it is served

@pytest.mark.parametrize("base", ["/v1", "/v1s"], ids=["plain", "without_a_signature"])
def test_it_is_served(client, contract, base):
    answer = client.request("GET", f"{base}/openapi.json")
    assert answer.status == 200 and answer.json == contract.document
    assert answer.headers["content-type"] == "application/json" and answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.json["servers"][0]["url"] == "."


def test_only_what_is_public_goes_unsigned(client):
    assert client.request("POST", "/v1s/sessions", b"{}").code == "invalid_signature"
    assert client.request("GET", "/v1s/openapi.json/").code == "invalid_signature"
    refused = client.request("POST", "/v1/openapi.json", b"{}")
    assert (refused.status, refused.headers["allow"], refused.headers["cache-control"]) == (405, "GET, HEAD, OPTIONS", "no-store")


# -- its examples, replayed

# Requests that are refused for their form: they are no examples of what to send.
WRONG = {
    ("/sessions", "without_skill"): {"client_id": "019ec0de-0000-7000-8000-000000000001", "client_app_key": "k3y-of-the-application"},
    ("/sessions/{session_id}/status", "wrong_wait"): {"client_id": "019ec0de-0000-7000-8000-000000000001", "nonce": "n0nce-2", "wait": 60},
    ("/consents/delete", "bad_retention"): {
        "client_id": "019ec0de-0000-7000-8000-000000000001", "client_secret": "s3cret-of-the-client",
        "credentials_id": "019ec0de-0000-7000-8000-000000000005", "access_token": "acc3ss-token", "pcd_data_retention": -1},
}


class Replay:
    """Sends documented requests to a real server. What stands for a key, an id or a nonce is learnt from the answers."""

    def __init__(self, contract, client):
        self.contract, self.client = contract, client
        self.known = {placeholder: getattr(client.tenant, name) for placeholder, name in NUMBERS.items()}
        self.done = set()

    def live(self, value):
        if isinstance(value, dict):
            return {name: self.live(item) for name, item in value.items()}
        return self.known.get(value, value) if isinstance(value, str) else value

    def learn(self, printed, real, place):
        """Holds an answer against the documented one."""
        if isinstance(printed, dict):
            assert isinstance(real, dict) and list(printed) == list(real), (place, printed, real)
            for name in printed:
                self.learn(printed[name], real[name], f"{place}/{name}")
        elif isinstance(printed, list):
            assert len(printed) == len(real), (place, printed, real)
            for number, item in enumerate(printed):
                self.learn(item, real[number], f"{place}/{number}")
        elif isinstance(printed, str) and PLACEHOLDER.match(printed):
            assert isinstance(real, str), place
            if printed not in NUMBERS:
                self.known[printed] = real
        else:
            assert printed == real, place

    def path(self, path, operation):
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                example = parameter["example"]
                path = path.replace("{%s}" % parameter["name"], self.known.get(example, example))
        query = [f"{p['name']}={p['example']}" for p in operation.get("parameters", [])
                 if p["in"] == "query" and "example" in p]
        return path + ("?" + "&".join(query) if query else "")

    def send(self, method, path, operation, name):
        headers = {p["name"].lower(): self.live(p["example"]) for p in operation.get("parameters", [])
                   if p["in"] == "header" and "example" in p}
        types = operation.get("requestBody", {}).get("content", {})
        if (path, name) in WRONG:
            types = {"application/json": {"examples": {name: {"value": WRONG[path, name]}}}}
        for media_type, content in types.items():
            if name in content["examples"]:
                value = self.live(content["examples"][name]["value"])
                if media_type == "multipart/form-data":
                    file = Document("file.pdf", "application/pdf", value.pop("file").encode())
                    media_type, body = multipart(value, file)
                    headers = {}
                elif media_type == "*/*":
                    media_type, body = "application/pdf", value.encode()
                else:
                    body = json.dumps(value).encode()
                return self.client.request(method.upper(), f"/v1{self.path(path, operation)}", body,
                                           {**headers, "content-type": media_type})
        return self.client.request(method.upper(), f"/v1{self.path(path, operation)}", b"", headers)

    def __call__(self, path, *names, method="post"):
        operation = self.contract.whole["paths"][path][method]
        for name in names:
            answer = self.send(method, path, operation, name)
            status, = [status for status, response in operation["responses"].items()
                       for content in response.get("content", {}).values() if name in content.get("examples", {})]
            assert answer.status == int(status), (path, name, answer.body)
            self.learn(operation["responses"][status]["content"]["application/json"]["examples"][name]["value"], answer.json,
                       f"{path} {name}")
            self.done.add((path, name))

    def upload(self, document, nonce):
        answer = self.client.upload_raw(self.known["019ec0de-0000-7000-8000-000000000003"], self.known[nonce], document,
                                        documents.png())
        assert answer.status == 200


def documented(contract):
    """Named examples of answers; those that all calls share have no name, and a test of their own."""
    return {(path, name) for _, path, operation in operations(contract) for response in operation["responses"].values()
            for content in response.get("content", {}).values() for name in content.get("examples", {})}


def test_every_example_is_replayed(server, contract):
    replay = Replay(contract, server.client(server.create_tenant("Example application", ("xyz_card_sbx_#1.0",))))
    session = "019ec0de-0000-7000-8000-000000000002"
    replay("/sessions", "wrong_key", "unknown_skill", "without_skill", "started")
    steps, status = "/sessions/{session_id}/steps", "/sessions/{session_id}/status"
    replay(steps, "incomplete_form", "wrong_step", "wrong_nonce", "first_step", "another_body")
    kept, replay.known[session] = replay.known[session], str(uuid.uuid4())
    replay(steps, "unknown_session")
    replay.known[session] = kept
    replay(status, "in_progress", "wrong_wait")
    replay("/steps/{step_id}/upload", "form", "unknown_document", "file")
    replay.upload("selfie", "n0nce-1")
    replay(steps, "last_step")
    replay.upload("income_proof", "n0nce-2")
    replay("/sessions/{session_id}/cancel", "completed")
    replay("/tokens", "wrong_token", "exchanged")
    replay("/token", "wrong_token", "exchanged")
    replay("/consents/get", "unknown_credentials", "wrong_token", "read")
    replay("/consents/list", "wrong_cursor", "wrong_secret", "listed")
    for path in ("/accounts/get", "/accounts", "/balances/get", "/transactions/get", "/transactions", "/transactions/sync", "/payments/get"):
        replay(path, "wrong_token")
    replay("/consents/renew", "another_skill", "wrong_token", "renewed")
    replay("/consents/delete", "bad_retention", "wrong_token", "deleted")
    replay("/tokens", "ended_consent")
    replay("/token", "ended_consent")
    replay("/sessions", "started")
    replay(steps, "first_step")
    replay("/sessions/{session_id}/resume", "wrong_secret", "resumed")
    replay("/sessions/{session_id}/back", "gone_back", "at_the_first")
    replay("/sessions/{session_id}/cancel", "cancelled")
    replay("/redirects/{kind}", "unknown_state", method="get")
    replay("/pages", "wrong_secret", "made")
    replay("/pages/renew", "wrong_secret", "made")
    replay("/users/export", "wrong_secret", "export")
    replay("/users/erase", "wrong_secret", "erased")
    replay("/decisions", "unsigned")
    reader = Replay(contract, server.client(server.create_tenant("Reads", (AISP,))))
    for what in ("skills", "servicers"):
        reader(f"/catalogs/{what}", "wrong_key", "listed")
    assert replay.done | reader.done == documented(contract)
    replay.client.close()
    reader.client.close()


@pytest.mark.parametrize("status, method, path, body, media_type", [
    (400, "POST", "/sessions", b'{"client_id": "x", "skill": "y"}', "application/json"),
    (404, "POST", "/nothing", b"{}", "application/json"), (405, "PUT", "/sessions", b"{}", "application/json"),
    (413, "POST", "/sessions", b" " * 70000, "application/json"), (415, "POST", "/sessions", b"{}", "text/plain")])
def test_shared_errors_are_as_their_examples(client, contract, status, method, path, body, media_type):
    """The other statuses: 401 and 409 above, 429 and 503 in test_cors_browser.py, 408, 421, 500 and 507 where the tests
    of errors, hosts and faults bring them about."""
    example = contract.whole["components"]["responses"][f"Error{status}"]["content"]["application/json"]["example"]
    answer = client.request(method, f"/v1{path}", body, {"content-type": media_type})
    assert answer.status == status
    assert {**answer.json, "id": 0} == {**example, "id": 0}
