"""Fixtures: one shared installation for most tests, private ones for tests that break something."""
import contextlib
import itertools
import json
import os
import pathlib

import pytest

from . import runs, workers
from .client import Client
from .contract import Contract
from .installation import DEMO_SKILLS, SKILLS, Installation
from .places import has_memory
from .postgres import Postgres
from .process import begin_run

_numbers = itertools.count(1)


def pytest_addoption(parser):
    parser.addoption("--alone", choices=("only", "never"), help="run only the tests marked so, or all but those")


def pytest_configure(config):
    """A disk's waits would be half of the tests' time."""
    begin_run()
    Postgres.in_memory = has_memory()
    if config.getoption("dist", "no") != "no":
        config.pluginmanager.register(workers.Controller())


def pytest_collection_modifyitems(config, items):
    turn = config.getoption("alone")
    others = {item for item in items if turn and (turn == "only") != bool(item.get_closest_marker("alone"))}
    config.hook.pytest_deselected(items=list(others))
    items[:] = workers.in_order(item for item in items if item not in others)


@pytest.fixture(scope="session")
def run_directory(request):
    """This run's own directory. Kept for reading where a test failed; the next run removes it."""
    with workers.own_run(request.config) as run:
        yield run.directory
        run.keep = request.session.testsfailed > 0


@pytest.fixture(scope="session")
def watched():
    """Every httpd whose error log is under guard."""
    return []


@pytest.fixture(autouse=True)
def quiet_logs(watched):
    """Fails a test whose servers logged trouble that it did not announce (httpd.log.expect, httpd.log.allow)."""
    yield
    complaints = [complaint for httpd in watched for complaint in httpd.check()]
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)


@pytest.fixture(scope="session", autouse=True)
def contract():
    """conf/openapi.yaml, against which every answer is held that a Client gets. Which of its members were seen is told to
    run_all.py, which asks in a whole run."""
    made = Contract()
    Client.check = made.check
    yield made
    Client.check = None
    if directory := os.environ.get("FINQ_SEEN"):
        (pathlib.Path(directory) / str(os.getpid())).write_text("\n".join(made.seen))


@pytest.fixture(autouse=True)
def own_connections():
    """No test goes on with a connection of the one before: httpd ends those that are kept when all its threads are busy, as
    when the clients of a race go away, and may meet a request on its way."""
    yield
    Client.close_all()


@pytest.fixture(autouse=True)
def documented_answers(contract):
    """Fails a test that saw an answer other than conf/openapi.yaml says, in whatever thread."""
    yield
    complaints = contract.complaints()
    if complaints:
        pytest.fail("not as conf/openapi.yaml says:\n" + "\n".join(complaints), pytrace=False)


def _start(directory, watched, **options):
    installation = Installation(directory, **options)
    watched.append(installation.httpd)
    try:
        installation.start()
    except BaseException:
        installation.stop()
        raise
    return installation


def _stop(installation, watched):
    """A stopped server has said its last word: it is checked once more before it is forgotten."""
    installation.stop()
    runs.thin(installation.directory)
    complaints = installation.httpd.check()
    watched.remove(installation.httpd)
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)


@pytest.fixture(scope="session")
def server(run_directory, watched):
    """The shared installation, with the demonstration's skills, TLS and a plain port."""
    installation = _start(run_directory / "shared", watched, plain=True, postgres={"max_connections": 200})
    installation.publish_skills()
    yield installation
    _stop(installation, watched)


def _factory(run_directory, watched):
    """All of them are stopped, also where one of them complains."""
    with contextlib.ExitStack() as made:
        def make(**options):
            installation = _start(run_directory / f"private-{next(_numbers)}", watched, **options)
            made.callback(_stop, installation, watched)
            installation.publish(json.loads(file.read_text()) for file in sorted(SKILLS.glob("*.json")))
            return installation
        yield make


@pytest.fixture
def make_server(run_directory, watched):
    """make_server(**options) starts a private installation for one test: see Installation."""
    yield from _factory(run_directory, watched)


@pytest.fixture(scope="module")
def make_module_server(run_directory, watched):
    """The same, for the tests of one file."""
    yield from _factory(run_directory, watched)


@pytest.fixture(scope="session")
def tenant(server):
    """A tenant that may use the three demonstration skills."""
    return server.create_tenant("First tenant", DEMO_SKILLS)


@pytest.fixture(scope="session")
def other_tenant(server):
    """A second one, with the same rights."""
    return server.create_tenant("Second tenant", DEMO_SKILLS)


@pytest.fixture
def client(server, tenant):
    connected = server.client(tenant)
    yield connected
    connected.close()


@pytest.fixture
def own_client(server):
    """Of a tenant that nobody else has: its catalog may change."""
    connected = server.client(server.create_tenant(f"Of its own {next(_numbers)}", ()))
    yield connected
    connected.close()


@pytest.fixture
def other_client(server, other_tenant):
    connected = server.client(other_tenant)
    yield connected
    connected.close()
