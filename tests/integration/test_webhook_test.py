"""finqctl webhook test: a sample event by the way of real ones, and what is told when it does not arrive.

Seen red: see each test.
"""
import json
import secrets
import socket

import jsonschema
import pytest

from finqenv.contract import Contract
from finqenv.installation import DEMO_SKILLS
from finqenv.process import free_port
from finqenv.receiver import Receiver, verifies

ALLOW = ("--allow-address", "127.0.0.0/8")
# {type: the schema of such an event}
TYPES = {kind: schema for hook in Contract().whole["webhooks"].values()
         for schema in [hook["post"]["requestBody"]["content"]["application/json"]["schema"]] for kind in schema["properties"]["type"]["enum"]}


@pytest.fixture(scope="module")
def receiver():
    made = Receiver()
    yield made
    made.stop()


@pytest.fixture
def hooked(server, receiver):
    """A tenant whose events go to the receiver, and the secret that signs them."""
    receiver.reset()
    tenant = server.create_tenant(f"Tried {secrets.token_hex(6)}", DEMO_SKILLS)
    return tenant, hook(server, tenant, receiver.url)


def hook(server, tenant, url):
    return server.finqctl("webhook", "set", tenant.client_id, url, "--secret-file", server.secret_file, *ALLOW)["secret"]


def tried(server, tenant, kind="session.completed", allowed=ALLOW, status=0, secret_file=None):
    done = server.finqctl("webhook", "test", tenant.client_id, "--type", kind, "--secret-file", secret_file or server.secret_file, *allowed,
                          check=False)
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout) if done.stdout else done.stderr


@pytest.mark.parametrize("kind", TYPES)
def test_each_type_arrives_as_the_contract_has_it(server, receiver, hooked, kind):
    """Red where finq.webhook_test tells another salt."""
    tenant, secret = hooked
    told = tried(server, tenant, kind.upper())
    (headers, body), = receiver.got
    event = json.loads(body)
    assert verifies(secret, headers, body) == 0
    jsonschema.Draft202012Validator(TYPES[kind]).validate(event)
    assert event["type"] == kind and event["data"]["client_id"] == tenant.client_id and event["data"]["skill"] in DEMO_SKILLS
    assert headers["webhook-id"].startswith("test_") and told["message_id"] == headers["webhook-id"]
    assert (told["arrived"], told["status"], told["url"], told["type"]) == (True, 200, receiver.url, kind)
    assert told["milliseconds"] >= 0 and "mend" not in told and "error" not in told


def test_nothing_is_stored_but_that_it_was_tried(server, receiver, hooked):
    """Red where the line in the trail is another's."""
    tenant, _ = hooked
    told = tried(server, tenant)
    counted = server.psql(f"SELECT count(*) FROM finq.outbox o WHERE o.client_id = '{tenant.client_id}'")
    line, *_ = server.finqctl("audit", "--tenant", tenant.client_id, "--limit", "1")
    assert counted == "0" and (line["object"], line["action"]) == ("webhook_test", "INSERT") and line["os_user"]
    assert line["detail"] == {"type": "session.completed", "message_id": told["message_id"], "url": receiver.url}


@pytest.mark.parametrize("status, mend", [(301, "redirects are not followed"), (403, "under the secret that webhook set printed last"),
                                          (404, "mend the path"), (500, "its log says why"), (418, "answer 2xx")])
def test_an_answer_that_is_none_says_what_to_mend(server, receiver, hooked, status, mend):
    """Red where by_status loses the row."""
    receiver.status = status
    told = tried(server, hooked[0], status=1)
    assert not told["arrived"] and told["status"] == status and told["error"] == f"it answered {status}" and mend in told["mend"]


def test_the_answer_is_shown_as_far_as_it_is_harmless(server, receiver, hooked):
    """Red where controls are shown."""
    def hold(handler):
        text = b"\x1b[31mno such hook\xff" + b"x" * 1000
        handler.send_response(404)
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_WR)
    receiver.hold = hold
    told = tried(server, hooked[0], status=1)
    assert told["answer"] == "?[31mno such hook?" + "x" * (300 - 18)


@pytest.mark.parametrize("url, error, mend", [
    ("http://127.0.0.1:{port}/", "connect", "nothing listens there"), ("https://127.0.0.1:{receiver}/", "", "is it https")])
def test_what_cannot_be_reached(server, receiver, hooked, url, error, mend):
    """Red where by_code loses the row."""
    hook(server, hooked[0], url.format(port=free_port(), receiver=receiver.server.server_address[1]))
    told = tried(server, hooked[0], status=1)
    assert told["status"] == 0 and error in told["error"] and mend in told["mend"] and "answer" not in told


def test_the_same_addresses_are_refused_as_to_the_outbox(server, receiver, hooked):
    """Red where ctl_post_open allows more than --allow-address."""
    told = tried(server, hooked[0], allowed=(), status=1)
    assert told["error"] == "its address is not public, and --allow-address does not name it" and "--allow-address" in told["mend"] and not receiver.got


def test_what_is_missing_is_said(server, receiver, hooked, tmp_path):
    """A type that is none, a tenant without a webhook, another secret file; a webhook that is switched off is told of."""
    tenant, _ = hooked
    assert "--type is session.pending, session.resub" in tried(server, tenant, "session.done", status=1)
    bare = server.create_tenant(f"Untried {secrets.token_hex(6)}", ())
    assert "has no webhook" in tried(server, bare, status=3)
    other = tmp_path / "secret"
    other.write_text(secrets.token_hex(32) + "\n")
    other.chmod(0o600)
    assert "secret is not in the secret file" in tried(server, tenant, secret_file=other, status=1) and not receiver.got
    server.psql(f"UPDATE finq.webhook SET enabled = false WHERE client_id = '{tenant.client_id}'")
    told = tried(server, tenant)
    assert told["arrived"] and "switched off" in told["mend"]
