"""The sandbox bank as a connector in the module: no service behind it, no proxy before it.

Each test says what should turn it red; not all of it has been tried.
"""
import pytest

from connector import protocol
from finqenv import sandbox
from finqenv.banking import definition, secrets_uuid, step
from finqenv.client import Onboarding
from finqenv.flows import publish
from finqenv.wire import is_error

LINK, SKILL = sandbox.LINK, sandbox.SKILL


@pytest.fixture(scope="module")
def installation(make_module_server, server):
    return make_module_server(cluster=server.postgres, database="sandbox_bank", vhost=sandbox.BANK)


@pytest.fixture(scope="module")
def tenant(installation):
    made = installation.create_tenant("Of the sandbox bank", [SKILL])
    installation.finqctl("tenant", "redirect-allow", made.client_id, LINK)
    return made


@pytest.fixture
def client(installation, tenant):
    connected = installation.client(tenant)
    yield connected
    connected.close()


def begun(client, skill=SKILL):
    user = Onboarding(client, skill)
    assert user.start().status == 200
    return user


def test_a_user_goes_there_and_back(client):
    """Red where the page is another address than the connector says."""
    user = begun(client)
    page = user.submit("sca", {"psu_redirect_link": LINK})["data"]["url"]
    _, link = sandbox.come_back(client, sandbox.choose(client, page, "approve"))
    user.temp_token = link["temp_token"]
    assert user.exchange().status == 200


def test_the_bank_knows_who_asks(installation, client, tenant):
    """By its own books, whatever host the link leads back to. Red without tenant_find; with a state that is none the link's word is all."""
    page = begun(client).submit("sca", {"psu_redirect_link": LINK})["data"]["url"]
    path = page.partition("/sandbox")[2]
    assert "<strong>Of the sandbox bank</strong> asks" in client.request("GET", "/sandbox" + path).body.decode()
    installation.finqctl("tenant", "brand", tenant.client_id, "--name", "Aurora & Co")
    assert "<strong>Aurora &amp; Co</strong> asks" in client.request("GET", "/sandbox" + path).body.decode()
    forged = path.replace("state=", "state=x")
    assert "<strong>app.example</strong> asks" in client.request("GET", "/sandbox" + forged).body.decode()


def test_what_the_bank_declines(client):
    user = begun(client)
    page = user.submit("sca", {"psu_redirect_link": LINK})["data"]["url"]
    _, link = sandbox.come_back(client, sandbox.choose(client, page, "deny"))
    assert link["error"] == "access_denied"


@pytest.mark.parametrize("scenario, outcome", [("accept", "SESSION_COMPLETED"), ("pend", "SESSION_PENDING"), ("fail", "SESSION_FAILED")])
def test_answers_without_a_visit(client, scenario, outcome):
    assert begun(client).submit("sca", {"psu_redirect_link": LINK, "scenario": scenario})["status"] == outcome


def test_a_rejection_spends_nothing(client):
    user = begun(client)
    refused = user.submit("sca", {"psu_redirect_link": LINK, "scenario": "reject"})
    assert is_error(refused, 400, "invalid_input") and refused["details"][0]["field"] == "/scenario"
    assert user.submit("sca", {"psu_redirect_link": LINK}).status == 200


def test_it_serves_no_skill_of_production(installation, tenant, client):
    """Red without the check of the environment in finq_sandbox_bank_ask."""
    skill = publish(installation, tenant, {**definition("real_#1.0", step("sca", connector="bank")), "environment": "production"})
    installation.httpd.log.expect("FINQ08: .*environment sandbox alone")
    refused = begun(client, skill).submit("sca", {"psu_redirect_link": LINK})
    assert (refused.status, refused.code) == (400, "external_api_forbidden")


def test_nobody_decides_in_its_name(client):
    """It has no secret that would prove it. Red (the child dies) without the look for keys in finq_connector_receive."""
    user = begun(client)
    user.submit("sca", {"psu_redirect_link": LINK, "scenario": "pend"})
    body = b'{"step_id": "%s", "decision": "accepted"}' % user.step_id.encode()
    headers = protocol.sign([b"\0" * 32], "decision", "bank", secrets_uuid(), body)
    refused = client.request("POST", "/v1/decisions", body, {"content-type": "application/json", **headers})
    assert is_error(refused, 401, "invalid_signature")
