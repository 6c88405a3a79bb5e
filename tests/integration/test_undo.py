"""What an operator gave by mistake can be taken back: grants, links, webhooks, names, tenants.

Seen red: see each test.
"""
import secrets

import pytest

from finqenv.banking import Bank
from finqenv.flows import CARD, begin, example, steps, submit
from finqenv.wire import is_error

SHORT = {"FinqCacheTTL": "0"}


@pytest.fixture(scope="module")
def made(make_module_server):
    return make_module_server(children=1, directives=SHORT)


@pytest.fixture
def tenant(made):
    return made.create_tenant(f"Undo {secrets.token_hex(6)}", (CARD,))


def refused(made, code, *words):
    done = made.finqctl(*words, check=False)
    assert done.returncode == code and not done.stdout, done.stderr
    return done.stderr


def test_a_grant(made, tenant):
    """Red where finq.tenant_disallow removes nothing."""
    client = made.client(tenant)
    user, early = begin(client, CARD), begin(client, CARD)
    assert submit(user, 1).status == 200
    assert made.finqctl("tenant", "disallow", tenant.client_id, CARD) == {"client_id": tenant.client_id, "skill": CARD}
    assert is_error(client.start_session(CARD), 401, "unauthorized_tenant")
    assert is_error(early.submit(steps(CARD)[0]["name"], example(steps(CARD)[0])), 401, "unauthorized_tenant")
    assert made.finqctl("tenant", "show", tenant.client_id)["skills"] == []
    assert "may not use a skill" in refused(made, 3, "tenant", "disallow", tenant.client_id, CARD)
    refused(made, 3, "tenant", "disallow", "00000000-0000-4000-8000-000000000000", CARD)
    made.finqctl("tenant", "allow", tenant.client_id, CARD)
    assert client.start_session(CARD).status == 200
    lines = [line for line in made.finqctl("audit", "--tenant", tenant.client_id) if "tenant_skill" in line.values()]
    assert len(lines) == 3, "allowed, disallowed, allowed again"


def test_a_name(made, tenant):
    """Red without the look at others' names."""
    name, other = f"Renamed {secrets.token_hex(6)}", made.create_tenant(f"Other {secrets.token_hex(6)}", ())
    was = made.finqctl("tenant", "show", tenant.client_id)["name"]
    assert made.finqctl("tenant", "rename", tenant.client_id, name) == {"client_id": tenant.client_id, "name": name, "was": was}
    assert made.finqctl("tenant", "show", tenant.client_id)["name"] == name
    assert made.finqctl("tenant", "rename", tenant.client_id, name)["was"] == name
    assert f'A tenant named "{name}" exists already.' in refused(made, 4, "tenant", "rename", other.client_id, name)
    assert made.client(tenant).start_session(CARD).status == 200


def test_a_tenant(made, tenant):
    """With all that hangs on it; one that has had a session stays. Red without the look at sessions: the reference refuses
    instead, with another exit code."""
    url = "https://hooks.example.com/x"
    made.finqctl("webhook", "set", tenant.client_id, url, "--secret-file", made.secret_file)
    made.finqctl("tenant", "redirect-allow", tenant.client_id, "https://app.example")
    made.signing_key(tenant)
    shown = made.finqctl("tenant", "delete", tenant.client_id)
    assert shown["client_id"] == tenant.client_id
    refused(made, 3, "tenant", "show", tenant.client_id)
    assert is_error(made.client(tenant).start_session(CARD), 401, "invalid_client_id")
    for table in ("tenant", "tenant_key", "tenant_skill", "redirect_link", "webhook", "signing_key"):
        assert made.psql(f"SELECT count(*) FROM finq.{table} WHERE client_id = '{tenant.client_id}'") == "0", table
    refused(made, 3, "tenant", "delete", tenant.client_id)
    used = made.create_tenant(f"Used {secrets.token_hex(6)}", (CARD,))
    assert submit(begin(made.client(used), CARD), 1).status == 200
    assert "has sessions, which stay" in refused(made, 4, "tenant", "delete", used.client_id)
    assert made.client(used).start_session(CARD).status == 200


@pytest.fixture(scope="module")
def bank(make_module_server, run_directory):
    bank = Bank(make_module_server, run_directory / "undo")
    yield bank
    bank.stop()


def test_a_link(bank):
    """Red where finq.tenant_redirect_disallow removes nothing."""
    mine = bank.tenant.client_id
    bank.ctl("tenant", "redirect-allow", mine, "https://mistake.example")
    user, answer = bank.at_bank(link="https://mistake.example/x")
    left = bank.ctl("tenant", "redirect-disallow", mine, "https://mistake.example")["prefixes"]
    assert "https://app.example" in left and "https://mistake.example" not in left
    assert is_error(bank.user("sca").submit("sca", {"psu_redirect_link": "https://mistake.example/x"}), 400, "invalid_field")
    done = bank.ctl("tenant", "redirect-disallow", mine, "https://mistake.example", check=False)
    assert done.returncode == 3 and "are allowed to the tenant" in done.stderr
    came, _ = bank.back(bank.choose(answer["data"]["url"], "approve"))
    assert came.status == 302, "who is at a bank already is sent back"


def test_a_webhook(bank):
    """Red where what waits is left waiting: it would go to whatever webhook comes next."""
    mine = bank.tenant.client_id
    for _ in range(2):
        bank.ctl("webhook", "set", mine, "https://hooks.example.com/x", "--secret-file", bank.server.secret_file)
        assert "temp_token" in bank.back(bank.choose(bank.at_bank()[1]["data"]["url"], "approve"))[1]
        waiting = len(bank.ctl("outbox", "list", "--tenant", mine))
        assert waiting and bank.ctl("webhook", "remove", mine) == {"client_id": mine, "given_up": waiting}
        assert bank.ctl("webhook", "list") == [] and bank.ctl("outbox", "list", "--tenant", mine) == []
    assert {one["last_error"] for one in bank.ctl("outbox", "list", "--state", "given_up")} == {"the webhook was removed"}
    done = bank.ctl("webhook", "remove", mine, check=False)
    assert done.returncode == 3 and "has no webhook" in done.stderr
    assert "temp_token" in bank.back(bank.choose(bank.at_bank()[1]["data"]["url"], "approve"))[1]
    assert bank.ctl("outbox", "list", "--tenant", mine) == [], "no event without a webhook"
