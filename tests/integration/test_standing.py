"""make up, psql, log and down: servers that are kept running, and a look inside them.

Seen red: psql that names no role; log without PostgreSQL's; psql where nothing is up; without the webhook, the outbox, the
redirect links or FinqAllowOrigin; up that starts nothing of what has ended.
"""
import json
import os
import re
import shlex
import subprocess
import sys

import pytest

from finqenv import sandbox
from finqenv.beside import PROGRAMS, Beside
from finqenv.client import Client, Onboarding
from finqenv.installation import FINQCTL, MODULE, Tenant
from finqenv.places import ROOT
from finqenv.process import clean_environ, free_port, kill_tree, run, until


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """A build directory of the test's own: the one of the clone may hold somebody's servers."""
    build = tmp_path_factory.mktemp("standing")
    for made in (MODULE, FINQCTL):
        (build / made.name).symlink_to(made)
    yield build
    target(build, "down")


def command(name, *arguments):
    """What a make target runs."""
    return sys.executable, str(ROOT / f"tests/{name}.py"), *arguments


def environ(build):
    return clean_environ(FINQ_BUILD=str(build), **{name: os.environ[name] for name in ("FINQ_ASAN",) if name in os.environ})


def target(build, name, *arguments, **options):
    return run(*command(name, *arguments), env=environ(build), **options)


@pytest.fixture(scope="module")
def up(build):
    for name in ("psql", "log"):
        done = target(build, name, check=False)
        assert done.returncode == 1 and "nothing is up; 'make up' starts it" in done.stderr
    said = target(build, "up", str(free_port())).stdout
    assert "is up at https://" in said and f". {build}/run/finq.env" in said and f"tail -f {build}/run/events.log" in said
    return json.loads((build / "run/state.json").read_text())


def test_psql_is_the_owner_or_the_role_that_is_named(up, build):
    def who(*role):
        return target(build, "psql", *role, text="\\pset format unaligned\nSELECT 'I am ' || current_user;").stdout
    assert "I am finq_owner\n" in who() and "I am finq_web\n" in who("finq_web") and "I am postgres\n" in who("postgres")
    shown = target(build, "psql", "finq_web", text="SELECT * FROM finq.tenant;")
    assert "permission denied" in shown.stderr, "it shows what the role sees"


def test_log_follows_both_servers(up, build):
    with subprocess.Popen(command("log"), env=environ(build), stdout=subprocess.PIPE, text=True) as follower:
        target(build, "psql", text="SELECT 'said' / 2;")
        said = []
        while not {"httpd", "pg"} <= {word for line in said for word, sign in
                                      (("httpd", "resuming normal operations"), ("pg", "invalid input syntax")) if sign in line}:
            said.append(follower.stdout.readline())
            assert said[-1], said
        follower.terminate()


@pytest.fixture
def known(up, build):
    """What finq.env names."""
    lines = (build / "run/finq.env").read_text().splitlines()
    return {name: "".join(shlex.split(value)) for name, _, value in (line.partition("=") for line in lines)}


@pytest.fixture
def user(known):
    """Of the demo tenant, at the skill whose step is a visit to the bank."""
    tenant = Tenant(known["FINQ_CLIENT_ID"], known["FINQ_CLIENT_SECRET"], known["FINQ_CLIENT_APP_KEY"])
    client = Client(known["FINQ_URL"], tenant, known["FINQ_CA"])
    yield Onboarding(client, "xyz_aisp_sbx_#2.0")
    client.close()


def test_a_user_visits_the_bank_and_an_event_tells_of_it(known, user):
    assert user.start().status == 200
    page = user.submit("sca", {"psu_redirect_link": f"{known['FINQ_RETURN_LINK']}/done"})["data"]["url"]
    _, came = sandbox.come_back(user.client, sandbox.choose(user.client, page, "approve"))
    user.temp_token = came["temp_token"]
    assert user.exchange().status == 200
    told = until(lambda: re.search(rf"^\S+ session\.completed (.+{user.session_id}.+)$", open(known["FINQ_EVENTS"]).read(), re.M), 15,
                 "the event")
    assert json.loads(told[1])["skill"] == user.skill


def test_what_a_bank_decides_later_comes_too(known, user):
    """Red where the connector does not know where decisions are sent."""
    user.start()
    page = user.submit("sca", {"psu_redirect_link": f"{known['FINQ_RETURN_LINK']}/done"})["data"]["url"]
    _, came = sandbox.come_back(user.client, sandbox.choose(user.client, page, "later"))
    assert came["status"] == "SESSION_PENDING"
    answer = user.client.call(f"/sessions/{user.session_id}/status",
                              {"client_id": user.client.tenant.client_id, "nonce": user.step_nonce, "wait": 20})
    assert answer["status"] == "SESSION_COMPLETED"


def test_pages_of_any_origin_may_call(user):
    answer = user.client.request("POST", "/v1/sessions", b"{}", {"origin": "http://localhost:3000"})
    assert answer.headers["access-control-allow-origin"] == "*"


def test_up_again(up, build):
    """Says that it runs; starts what has ended."""
    assert "is running already" in target(build, "up").stdout
    beside = Beside(build / "run", up["ports"])
    before = beside.running()
    assert set(before) == set(PROGRAMS)
    kill_tree(before["connector/run.py"])
    assert "is up at" in target(build, "up").stdout
    after = beside.running()
    assert set(after) == set(PROGRAMS) and after["outbox"] == before["outbox"]
