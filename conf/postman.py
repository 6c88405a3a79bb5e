#!/usr/bin/python3
"""Writes what conf/finq.postman_collection.json holds to standard output: a collection for Postman and newman, made from
conf/openapi.yaml and a skill of the demonstration. Its first folder is a whole onboarding, each request of which hands on to the
next what it was answered; the others have every call that an application makes.
"""
import json
import re
from pathlib import Path

import yaml

HERE = Path(__file__).parent
API = yaml.safe_load((HERE / "openapi.yaml").read_text())
SKILL = json.loads((HERE / "skills/xyz_sbx_3.0.json").read_text())
PDF = API["paths"]["/steps/{step_id}/upload"]["post"]["requestBody"]["content"]["*/*"]["examples"]["file"]["value"]
# What the document's examples say in the place of a value that only a server knows, or a tenant.
STOOD_FOR = {"019ec0de-0000-7000-8000-000000000001": "client_id", "k3y-of-the-application": "client_app_key",
             "s3cret-of-the-client": "client_secret", "019ec0de-0000-7000-8000-000000000002": "session_id",
             "019ec0de-0000-7000-8000-000000000003": "step_id", "019ec0de-0000-7000-8000-000000000005": "credentials_id",
             "acc3ss-token": "access_token", "t3mp-token": "temp_token", "xyz_card_sbx_#1.0": "skill", "user-1": "tenant_user_id"}
GIVEN = {"base_url": "https://localhost:8443/v1", "client_id": "", "client_app_key": "", "client_secret": "", "skill": SKILL["name"],
         "tenant_user_id": "user-1", "address": ""}
HANDED_ON = ("nonce", "session_id", "step_id", "temp_token", "access_token", "credentials_id")
NOT_AN_APPLICATIONS = {"connectors", "redirects"}  # a connector's server signs the ones, a bank leads a browser to the others

HAND_ON = f"""const answer = pm.response.headers.get("Content-Type") === "application/json" ? pm.response.json() : {{}};
for (const name of {json.dumps(HANDED_ON)})
    if (typeof answer[name] === "string") pm.collectionVariables.set(name, answer[name]);"""
# A step's documents are sent with the nonce that the step was submitted with, not with the next one.
KEEP_NONCE = 'pm.collectionVariables.set("upload_nonce", pm.collectionVariables.get("nonce"));'
IS_ANSWERED = 'pm.test(pm.info.requestName, () => pm.expect(pm.response.code, pm.response.text()).to.equal(200));'


def event(listen, script):
    return {"listen": listen, "script": {"type": "text/javascript", "exec": script.splitlines()}}


def variables(text):
    """The text with variables where its values were examples."""
    for example, name in STOOD_FOR.items():
        text = text.replace(example, "{{" + name + "}}")
    return re.sub(r"n0nce-\d", "{{nonce}}", text)


def address(path):
    return "{{base_url}}" + re.sub(r"\{(\w+)\}", r"{{\1}}", path)


def operations():
    for path, item in API["paths"].items():
        for method, operation in item.items():
            yield path, method.upper(), operation


def example(operation):
    """The body of the example that is answered with 200."""
    examples = operation["requestBody"]["content"]["application/json"]["examples"]
    answered = operation["responses"]["200"]["content"]["application/json"].get("examples", {})
    return next((examples[name]["value"] for name in examples if name in answered), next(iter(examples.values()))["value"])


def json_request(path, method, body, description):
    text = variables(json.dumps(body, indent=2, ensure_ascii=False))
    return {"method": method, "url": address(path), "header": [{"key": "Content-Type", "value": "application/json"}],
            "body": {"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}}, "description": description}


def upload_request(document, description=""):
    headers = {"Content-Type": "application/pdf", "X-Finq-Client-Id": "{{client_id}}", "X-Finq-Nonce": "{{upload_nonce}}", "X-Finq-Document": document}
    return {"method": "POST", "url": "{{base_url}}/steps/{{step_id}}/upload",
            "header": [{"key": key, "value": value} for key, value in headers.items()], "body": {"mode": "raw", "raw": PDF}, "description": description}


def piece_request(path, method, operation):
    """A piece of a document: its type is the protocol's."""
    media_type, content = next(iter(operation["requestBody"]["content"].items()))
    headers = {"Content-Type": media_type, **{name: value for name, value in examples_of_headers(operation)}}
    return {"method": method, "url": address(path), "header": [{"key": key, "value": value} for key, value in headers.items()],
            "body": {"mode": "raw", "raw": content["examples"]["piece"]["value"]}, "description": operation["description"]}


def examples_of_headers(operation):
    for parameter in operation.get("parameters", []):
        found = API["components"]["parameters"][parameter["$ref"].rsplit("/", 1)[1]] if "$ref" in parameter else parameter
        if found["in"] == "header" and "example" in found:
            yield found["name"], found["example"]


def call(path, method, operation):
    description = operation.get("description", "")
    if "requestBody" not in operation:
        headers = [{"key": name, "value": value} for name, value in examples_of_headers(operation)]
        request = {"method": method, "url": address(path), "header": headers, "description": description}
    elif "application/json" in operation["requestBody"]["content"]:
        request = json_request(path, method, example(operation), description)
    elif "*/*" in operation["requestBody"]["content"]:
        request = upload_request("id_front", description)
    else:
        request = piece_request(path, method, operation)
    return {"name": operation["summary"], "request": request, **keeping(operation["operationId"])}


def keeping(operation_id):
    return {"event": [event("prerequest", KEEP_NONCE)]} if operation_id == "submitStep" else {}


def named(operation_id):
    return next(found for found in operations() if found[2]["operationId"] == operation_id)


def submit(step):
    body = {"client_id": "{{client_id}}", "nonce": "{{nonce}}", "skill": "{{skill}}", "step": step["name"], "data": step["schema"]["examples"][0]}
    return {"name": f"Step {step['name']}", "request": json_request("/sessions/{session_id}/steps", "POST", body, step.get("title", "")),
            **keeping("submitStep")}


def onboarding():
    """Start, each step with its documents, exchange, and what the tenant's server then asks and does."""
    yield call(*named("startSession"))
    for step in SKILL["steps"]:
        yield submit(step)
        for document in step.get("uploads", []):
            if document["required"]:
                yield {"name": f"Document {document['document']}", "request": upload_request(document["document"], document.get("title", ""))}
    for operation_id in ("exchangeToken", "readConsent", "listConsents", "deleteConsent"):
        yield call(*named(operation_id))


def folder(tag):
    items = [call(*found) for found in operations() if tag["name"] in found[2]["tags"]]
    return {"name": tag["description"], "item": items}


def collection():
    used = {tag for _, _, operation in operations() for tag in operation["tags"]} - NOT_AN_APPLICATIONS
    folders = [folder(tag) for tag in API["tags"] if tag["name"] in used]
    first = {"name": "A whole onboarding", "description": "Run it as a whole, in order: each answer's nonce is the next request's.",
             "item": list(onboarding()), "event": [event("test", IS_ANSWERED)]}
    return {"info": {"name": "mod_finq", "description": "Made from conf/openapi.yaml by make postman. Set base_url, client_id, client_app_key and "
                     "client_secret; the rest is handed on from answer to request.",
                     "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
            "item": [first, *folders], "event": [event("test", HAND_ON)],
            "variable": [{"key": key, "value": value} for key, value in {**GIVEN, "upload_nonce": "", **dict.fromkeys(HANDED_ON, "")}.items()]}


if __name__ == "__main__":
    print(json.dumps(collection(), indent=1, ensure_ascii=False))
