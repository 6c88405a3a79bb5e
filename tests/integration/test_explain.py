"""finqctl explain: what a log and the database know of an id.

Seen red: names_one that looks a byte before a UUID; requests_find that finds none (a session's requests).
"""
import json
import secrets
import subprocess
import uuid

import pytest

from finqenv.client import Onboarding
from finqenv.flows import CARD
from finqenv.installation import DEMO_SKILLS, FINQCTL
from finqenv.process import clean_environ

LOG = """[Sun Nov 29 05:12:22.1 2026] [finq:debug] [pid 7] FINQ10: [{request}] /sessions/{session}/steps: ok tenant=x
[Sun Nov 29 05:12:23.1 2026] [finq:info] [pid 7] FINQ04: [{other}] 401 invalid_nonce: The nonce is another's.
[Sun Nov 29 05:12:24.1 2026] [finq:error] [pid 7] FINQ03: [{failed}] 503 service_unavailable: database: away \x1b[31m
[Sun Nov 29 05:12:24.2 2026] [finq:debug] [pid 7] FINQ10: [{failed}] /steps/x/upload: service_unavailable session={session}
10.0.0.1 [29/Nov/2026:05:12:25 +0000] "POST /v1/sessions/{session}/status" 200 x-{session}-y
[Sun Nov 29 05:12:26.1 2026] [core:notice] [pid 7] AH00094: Command line
"""


@pytest.fixture
def ids():
    return {name: str(uuid.uuid4()) for name in ("request", "session", "other", "failed")}


def explained(*words, status=0, text=None, **environ):
    done = subprocess.run([FINQCTL, "explain", *words], input=text, env=clean_environ(**environ), capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout) if not status else done.stderr


@pytest.mark.parametrize("way", ["file", "pipe"])
def test_a_session_is_followed_through_its_requests(tmp_path, ids, way):
    log = tmp_path / "error.log"
    log.write_text(LOG.format(**ids))
    given = {"text": LOG.format(**ids)} if way == "pipe" else {}
    lines = explained(ids["session"].upper(), "--log", "-" if given else log, **given)["log"]
    assert [(line["line"], line.get("tag")) for line in lines] == [(1, "FINQ10"), (3, "FINQ03"), (4, "FINQ10"), (5, None)]
    assert "5xx" in lines[1]["meaning"] and lines[1]["text"].endswith("away ?[31m") and "manual on operation" in lines[1]["mend"]


def test_a_request_alone(tmp_path, ids):
    (tmp_path / "log").write_text(LOG.format(**ids))
    line, = explained(ids["other"], "--log", tmp_path / "log")["log"]
    assert line["tag"] == "FINQ04" and "what the client was told" in line["meaning"]
    assert "nothing is known" in explained(str(uuid.uuid4()), "--log", tmp_path / "log", status=3)


def test_what_is_missing_is_said(tmp_path):
    assert "Give --log FILE, --db CONNINFO, or both" in explained(str(uuid.uuid4()), status=2)
    assert "No such file" in explained(str(uuid.uuid4()), "--log", tmp_path / "none", status=1)
    assert "ID is a UUID" in explained("x", status=1)


def test_what_a_server_has_written_and_stored(server, tmp_path):
    """A session that was refused once, completed, exchanged, and whose consent an operator ended."""
    tenant = server.create_tenant(f"Explained {secrets.token_hex(4)}", DEMO_SKILLS)
    client = server.client(tenant)
    user = Onboarding(client, "xyz_aisp_sbx_#1.0")
    user.start(tenant_user_id="Ana Secret")
    refused = user.submit("no_such_step", {})
    user.submit("sca_implicit", {})
    credentials = user.exchange().json
    client.close()
    server.finqctl("consent", "delete", credentials["credentials_id"])
    log, database = ("--log", server.httpd.log.path), {"FINQ_DB": server.conninfo()}
    line, *_ = explained(refused.headers["x-request-id"], *log)["log"]
    assert line["tag"] == "FINQ04" and "400 invalid_step" in line["text"]
    told = explained(user.session_id, **database)
    assert told["session"]["status"] == "SESSION_COMPLETED" and told["session"]["credentials_id"] == credentials["credentials_id"]
    assert "Ana" not in json.dumps(told)
    told = explained(credentials["credentials_id"], **database)
    assert told["consent"]["status"] == "DELETED" and [line["object"] for line in told["audit"]] == ["credential"]
    assert [line["object"] for line in explained(tenant.client_id, **database)["audit"]][0] == "tenant"
    assert "the database knows nothing of" in explained(str(uuid.uuid4()), status=3, **database)
