"""conf/finq.postman_collection.json, run by newman as it is: an onboarding from its start to the end of its consent.

Seen red: HAND_ON without "nonce"; KEEP_NONCE that keeps another name (the documents).
"""
import json
import re
import subprocess

import pytest

from finqenv.installation import DEMO_SKILLS
from finqenv.places import ROOT
from finqenv.process import clean_environ

COLLECTION = ROOT / "conf/finq.postman_collection.json"
NEWMAN = ROOT / "build/node/node_modules/newman/bin/newman.js"


def test_an_onboarding_runs(server, tmp_path):
    if not NEWMAN.exists():
        pytest.skip("npm could not install newman: see what tests/install.sh said")
    tenant, report = server.create_tenant("Postman's", DEMO_SKILLS), tmp_path / "report.json"
    given = {"base_url": f"{server.httpd.url}/v1", **vars(tenant)}
    done = subprocess.run(["node", NEWMAN, "run", COLLECTION, "--folder", "A whole onboarding", "--bail", "--color", "off",
                           "--ssl-extra-ca-certs", server.httpd.authority.certificate, "-r", "cli,json", "--reporter-json-export", report,
                           *(word for name, value in given.items() for word in ("--env-var", f"{name}={value}"))],
                          capture_output=True, text=True, env=clean_environ(HOME=str(tmp_path)))
    assert done.returncode == 0, done.stdout + done.stderr
    ran = json.loads(report.read_text())["run"]["executions"]
    assert len(ran) == 10 and all(one["response"]["code"] == 200 and one["assertions"] for one in ran)


def test_it_has_every_call_of_an_application(contract):
    whole = json.loads(COLLECTION.read_text())
    asked = {(item["request"]["method"], re.sub(r"\{\{(\w+)\}\}", r"{\1}", item["request"]["url"].removeprefix("{{base_url}}")))
             for folder in whole["item"] for item in folder["item"]}
    described = {(method.upper(), path) for path, item in contract.document["paths"].items() for method, operation in item.items()
                 if not {"connectors", "redirects"} & set(operation["tags"])}
    assert asked == described
    used = set(re.findall(r"\{\{(\w+)\}\}", COLLECTION.read_text()))
    assert used == {variable["key"] for variable in whole["variable"]}
