"""make install and make uninstall, into a directory of their own.

Seen red: finq.conf installed 0644; uninstall without its rm of DATA, of the site, without its look at what was edited, at
what is enabled.
"""
import stat

import pytest

from finqenv.places import BUILD, ROOT
from finqenv.process import clean_environ, run

CONF, SITE = "etc/apache2/mods-available/finq.conf", "etc/apache2/sites-available/finq-example.conf"


@pytest.fixture
def make(tmp_path):
    """Runs a target into tmp_path; returns the finished process."""
    def made(target, check=True):
        return run("make", "-s", f"B={BUILD.relative_to(ROOT)}", f"DESTDIR={tmp_path}", "PREFIX=/opt/finq", target, check=check, cwd=ROOT,
                   env=clean_environ(MAKEFLAGS=""))
    return made


def files(directory):
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


def test_what_is_installed_is_removed_again(make, tmp_path):
    make("install")
    installed = files(tmp_path)
    assert {CONF, SITE, "etc/apache2/mods-available/finq.load", "opt/finq/bin/finqctl", "lib/systemd/system/finq-outbox.service",
            "usr/lib/apache2/modules/mod_finq.so", "opt/finq/share/mod_finq/openapi.yaml",
            "opt/finq/share/bash-completion/completions/finqctl", "opt/finq/share/zsh/site-functions/_finqctl"} < installed
    assert stat.S_IMODE((tmp_path / CONF).stat().st_mode) == 0o640, "a password will stand in it"
    assert "<VirtualHost" not in (tmp_path / CONF).read_text() and "<VirtualHost" in (tmp_path / SITE).read_text()
    make("install")
    assert files(tmp_path) == installed
    make("uninstall")
    assert files(tmp_path) == set()
    make("uninstall")


def test_what_was_edited_stays(make, tmp_path):
    make("install")
    with (tmp_path / CONF).open("a") as conf:
        conf.write("FinqMaxBody 2048\n")
    make("install")
    assert (tmp_path / f"{CONF}.new").read_text() == (ROOT / "conf/finq.conf").read_text()
    assert stat.S_IMODE((tmp_path / f"{CONF}.new").stat().st_mode) == 0o640
    make("uninstall")
    assert files(tmp_path) == {CONF} and (tmp_path / CONF).read_text().endswith("FinqMaxBody 2048\n")


def test_what_is_enabled_is_not_removed(make, tmp_path):
    make("install")
    (tmp_path / "etc/apache2/mods-enabled").mkdir()
    (tmp_path / "etc/apache2/mods-enabled/finq.load").symlink_to("../mods-available/finq.load")
    installed = files(tmp_path)
    done = make("uninstall", check=False)
    assert done.returncode and "a2dismod finq" in done.stderr and files(tmp_path) == installed
