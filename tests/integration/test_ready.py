"""/ready tells the truth: 503 as long as a client's documents or steps would not be taken, and why not in the log.

Seen red: finq_blob_store_check without each of its three; skills_check left out; finq_dbd_check that does not look at its row.
"""
import os
import shutil
import subprocess

import pytest

from finqenv.client import Client
from finqenv.process import until
from finqenv.uploads import Desk

HEALTH = '<Location "/health">\nSetHandler finq-health\nRequire all granted\n</Location>\n'


@pytest.fixture(scope="module")
def made(make_module_server):
    return make_module_server(children=1, plain=True, vhost=HEALTH)


@pytest.fixture
def desk(made):
    desk = Desk(made, f"Ready {os.urandom(4).hex()}")
    yield desk
    assert ready(desk) == 200, "what was undone is ready again"


def ready(desk):
    return Client(
        f"http://localhost:{desk.installation.httpd.settings.plain_port}", None).request("GET", "/health/ready").status


def not_ready(desk, words):
    desk.installation.httpd.log.expect(f"FINQ07: not ready: .*{words}")
    assert ready(desk) == 503


def test_a_look_leaves_nothing(desk):
    before = desk.files()
    for _ in range(20):
        assert ready(desk) == 200
    assert desk.files() == before


def test_another_directory_at_the_path(desk):
    aside = desk.directory.with_name("aside")
    desk.directory.rename(aside)
    desk.directory.mkdir(mode=0o700)
    shutil.chown(desk.directory, "www-data", "www-data")
    try:
        not_ready(desk, "is no more what this process opened")
        assert list(desk.directory.iterdir()) == []
    finally:
        desk.directory.rmdir()
        aside.rename(desk.directory)


def test_a_file_system_mounted_over_it(desk):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", desk.directory], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        shutil.chown(desk.directory, "www-data", "www-data")
        not_ready(desk, "is no more what this process opened")
    finally:
        subprocess.run(["umount", desk.directory], check=True)


def test_another_staging_area(desk):
    staging = desk.directory / "staging"
    staging.rename(desk.directory / "was")
    staging.mkdir(mode=0o700)
    shutil.chown(staging, "www-data", "www-data")
    try:
        not_ready(desk, "is no more what this process opened")
    finally:
        staging.rmdir()
        (desk.directory / "was").rename(staging)


@pytest.mark.parametrize("owner, mode, words", [("root", 0o700, "Permission denied"), ("root", 0o755, "belongs to another user"),
                                                ("www-data", 0o770, "others may write there")])
def test_a_day_of_another_owner(desk, owner, mode, words):
    day = desk.directory / "20250101"
    day.mkdir()
    day.chmod(mode)
    shutil.chown(day, owner, owner)
    try:
        not_ready(desk, f"20250101.*{words}")
    finally:
        day.rmdir()


def test_a_directory_that_takes_no_file(desk):
    (desk.directory / "staging").chmod(0o500)
    try:
        not_ready(desk, "staging/.*Permission denied")
    finally:
        (desk.directory / "staging").chmod(0o700)


def test_a_database_that_is_read_only(desk):
    made = desk.installation

    def connect_anew():
        made.psql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'finq_web'")
    made.psql("ALTER ROLE finq_web SET default_transaction_read_only = on")
    try:
        connect_anew()
        not_ready(desk, "database: it is read-only")
    finally:
        made.psql("ALTER ROLE finq_web RESET default_transaction_read_only")
        connect_anew()
    until(lambda: ready(desk) == 200)


def test_skills_that_are_not_published(desk):
    made = desk.installation
    made.httpd.settings.directives["FinqSkills"] = "xyz_sbx_#3.0 later_sbx_#1.0"
    made.httpd.graceful()
    try:
        not_ready(desk, "FinqSkills names later_sbx_#1.0, and no such skill is published")
    finally:
        del made.httpd.settings.directives["FinqSkills"]
        made.httpd.graceful()
