"""make up, psql, log and down: servers that are kept running, and a look inside them.

Seen red: psql that names no role; log without PostgreSQL's; psql where nothing is up.
"""
import json
import os
import subprocess
import sys

import pytest

from finqenv.installation import FINQCTL, MODULE
from finqenv.places import ROOT
from finqenv.process import clean_environ, free_port, run


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
    assert "is up at https://" in target(build, "up", str(free_port())).stdout
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
