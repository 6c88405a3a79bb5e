"""What was taken back has no effect any more, however far a session had come: nobody is asked on its behalf, nothing is
concluded, and once it is given again all goes on where it stood.

Seen red: step_refusal without its looks at the key and the grant (nobody_is_asked…); the statements of submit_step without theirs,
of redirect_take, redirect_conclude and step_decide without theirs at the tenant (meanwhile…, a_return…, a_decision…).
"""
import contextlib
import uuid

import pytest

from connector import protocol
from finqenv.banking import SKILLS, Bank
from finqenv.client import Onboarding
from finqenv.wire import is_error

SCA = SKILLS["sca"]["name"]


@pytest.fixture(scope="module")
def bank(make_module_server, run_directory):
    """Nothing that a server remembers is believed for long: what is refused here is refused by the database."""
    made = Bank(make_module_server, run_directory / "revocation")
    yield made
    made.stop()


@pytest.fixture
def tenant(bank):
    """A tenant of its own, and a client of it."""
    made = bank.server.create_tenant(f"Revoked {uuid.uuid4()}", [SCA])
    bank.ctl("tenant", "redirect-allow", made.client_id, "https://app.example")
    client = bank.server.client(made)
    yield client
    client.close()


def started(client, skill=SCA):
    user = Onboarding(client, skill)
    assert user.start().status == 200
    return user


def revoke_key(bank, client):
    keys = bank.ctl("tenant", "show", client.tenant.client_id)["keys"]
    bank.ctl("tenant", "revoke", client.tenant.client_id, *[str(key["key_id"]) for key in keys if key["kind"] == "APP_KEY"])


def take_grant(bank, client):
    bank.ctl("tenant", "disallow", client.tenant.client_id, SCA)


def disable(bank, client):
    bank.ctl("tenant", "disable", client.tenant.client_id)


def enable(bank, client):
    bank.ctl("tenant", "enable", client.tenant.client_id)


@contextlib.contextmanager
def meanwhile(bank, action):
    """Does something while the connector thinks; then it answers as always."""
    def thinks(handler, message_id, answer):
        action()
        service = handler.server.service
        handler.send(200, answer, protocol.sign(service.secrets, "answer", service.name, message_id, answer))
    kept = bank.service.behaviours
    bank.service.behaviours, bank.service.behaviour = {**kept, "meanwhile": thinks}, "meanwhile"
    yield
    bank.service.behaviours, bank.service.behaviour = kept, None


TAKEN = [(revoke_key, "invalid_client_app_key"), (take_grant, "unauthorized_tenant"), (disable, "unauthorized_tenant")]


def stored(bank, user):
    return bank.psql(f"SELECT count(*) FROM finq.session WHERE session_id = '{user.session_id}'")


@pytest.mark.parametrize("take, code", TAKEN)
def test_nobody_is_asked_for_who_may_not(bank, tenant, take, code):
    """A first step: what the connector would have said is not told either."""
    users = started(tenant), started(tenant)
    take(bank, tenant)
    asked = len(bank.service.seen)
    for user, scenario in zip(users, ("accept", "reject")):
        assert is_error(user.submit("sca", {"scenario": scenario}), 401, code)
        assert stored(bank, user) == "0"
    assert len(bank.service.seen) == asked


@pytest.mark.parametrize("take, code", TAKEN)
def test_meanwhile_is_as_before(bank, tenant, take, code):
    user = started(tenant)
    with meanwhile(bank, lambda: take(bank, tenant)):
        assert is_error(user.submit("sca", {"scenario": "accept"}), 401, code)
    assert stored(bank, user) == "0"


def at_bank(bank, client):
    user = started(client)
    return user, bank.choose(user.submit("sca", {"psu_redirect_link": "https://app.example/done"})["data"]["url"], "approve")


def test_a_return_to_a_disabled_tenant(bank, tenant):
    """Before the connector is asked, and while it is."""
    user, path = at_bank(bank, tenant)
    disable(bank, tenant)
    asked = len(bank.service.seen)
    assert is_error(tenant.request("GET", path), 401, "unauthorized_tenant")
    assert len(bank.service.seen) == asked
    enable(bank, tenant)
    with meanwhile(bank, lambda: disable(bank, tenant)):
        assert is_error(tenant.request("GET", path), 401, "unauthorized_tenant")
    assert bank.psql(f"SELECT waits_for FROM finq.session WHERE session_id = '{user.session_id}'") == "BANK"
    enable(bank, tenant)
    answer = tenant.request("GET", path)
    assert answer.status == 302 and "temp_token=" in answer.headers["location"]
    assert len({question["attempt"] for question, _ in bank.service.seen[asked:]}) == 1


def consent_set(bank, credentials, status, deleted_at):
    bank.psql(f"UPDATE finq.credential SET status = '{status}', deleted_at = {deleted_at} "
              f"WHERE credentials_id = '{credentials['credentials_id']}'")


def test_a_return_to_a_renewal_of_a_deleted_consent(bank, tenant):
    """Before the connector is asked, and while it is. Red without finq.return_refusal's look at the consent, in redirect_take and
    in redirect_conclude."""
    first = started(tenant)
    first.submit("sca", {"scenario": "accept"})
    credentials = first.exchange().json
    begun, renewal = tenant.consent("renew", credentials), Onboarding(tenant, SCA)
    renewal.session_id, renewal.nonce = begun["session_id"], begun["nonce"]
    path = bank.choose(renewal.submit("sca", {"psu_redirect_link": "https://app.example/done"})["data"]["url"], "approve")
    delete, restore = (lambda: consent_set(bank, credentials, "DELETED", "clock_timestamp()"),
                       lambda: consent_set(bank, credentials, "ACTIVE", "NULL"))
    delete()
    asked = len(bank.service.seen)
    assert is_error(tenant.request("GET", path), 401, "inactive_credentials") and len(bank.service.seen) == asked
    restore()
    with meanwhile(bank, delete):
        assert is_error(tenant.request("GET", path), 401, "inactive_credentials")
    assert bank.psql(f"SELECT waits_for FROM finq.session WHERE session_id = '{renewal.session_id}'") == "BANK"
    restore()
    assert "temp_token=" in tenant.request("GET", path).headers["location"]


def test_a_refusal_of_the_bank_of_a_disabled_tenant(bank, tenant):
    user, path = at_bank(bank, tenant)
    path = path.partition("&code")[0] + "&error=access_denied"
    disable(bank, tenant)
    assert is_error(tenant.request("GET", path), 401, "unauthorized_tenant")
    assert bank.psql(f"SELECT waits_for, returned_at FROM finq.session WHERE session_id = '{user.session_id}'") == "BANK|"
    enable(bank, tenant)
    assert "error=access_denied" in tenant.request("GET", path).headers["location"]


def test_a_decision_for_a_disabled_tenant(bank, tenant):
    """A connector's and an operator's."""
    user = started(tenant)
    user.submit("sca", {"scenario": "pend"})
    disable(bank, tenant)
    assert is_error(bank.decide(user.step_id, "accepted"), 401, "unauthorized_tenant")
    refused = bank.ctl("step", "approve", user.step_id, check=False)
    assert refused.returncode and "is disabled" in refused.stderr and "tenant enable" in refused.stderr
    assert bank.psql(f"SELECT status FROM finq.session WHERE session_id = '{user.session_id}'") == "SESSION_PENDING"
    enable(bank, tenant)
    assert bank.decide(user.step_id, "accepted")["status"] == "SESSION_COMPLETED"
