"""finqctl's command line: options, their values, and values that look like options.

Seen red: is_option without are_values; option_value without its =; values_read that looks for help in option values.
"""
import secrets

import pytest

from finqenv.installation import FINQCTL
from finqenv.process import clean_environ, run
from finqenv.signing import Key


def line(server, *words):
    """Runs a line that is to be done."""
    return server.finqctl(*words)


def refused(server, *words):
    """Runs a line that is wrong, and returns what is said of it."""
    done = server.finqctl(*words, check=False)
    assert done.returncode == 2 and not done.stdout
    return done.stderr


@pytest.fixture
def own(server):
    return server.create_tenant(f"line {secrets.token_hex(6)}", ())


@pytest.mark.parametrize("kid", ["-begins-with-one", "--begins-with-two", "--help", "-h", "-"])
def test_a_key_whose_kid_begins_with_a_dash(server, own, tmp_path, kid):
    """As one thumbprint of base64url in 64 does."""
    server.add_key(own, f"{secrets.token_hex(4)}@bank.example", Key().public_jwk(kid=kid))
    line(server, "key", "revoke", own.client_id, "--", kid)
    shown, = line(server, "key", "list", own.client_id)
    assert shown["kid"] == kid and shown["revoked_at"]
    assert refused(server, "key", "revoke", own.client_id, "-begins-with-one").startswith(
        "finqctl: unknown option (a value that begins with - follows a --): -begins-with-one\n")


def test_options_end_where_two_dashes_stand(server, own):
    assert line(server, "tenant", "show", "--", own.client_id)["client_id"] == own.client_id
    assert "too many words: --db" in refused(server, "tenant", "show", own.client_id, "--", "--db", server.conninfo())
    assert "missing: CLIENT_ID" in refused(server, "tenant", "show", "--")


def test_values_behind_an_equals_sign(server):
    name = f"a=b --c {secrets.token_hex(4)}"
    made = line(server, "tenant", "create", f"--name={name}")
    assert line(server, "tenant", "show", made["client_id"])["name"] == name
    line(server, "tenant", "rotate", made["client_id"], "--secret", "--overlap=0")
    assert "takes no value: --secret" in refused(server, "tenant", "rotate", made["client_id"], "--secret=yes")
    assert "given twice: --name" in refused(server, "tenant", "create", "--name=x", "--name", "y")
    assert "unknown option" in refused(server, "tenant", "create", "--nam=x")
    assert "unknown option" in refused(server, "tenant", "create", "--names=x")
    assert "value missing after --name" in refused(server, "tenant", "create", "--name")


@pytest.mark.parametrize("place", ["before", "after", "between"])
@pytest.mark.parametrize("form", [lambda c: [f"--db={c}"], lambda c: ["--db", c]])
def test_the_database_is_named_anywhere(server, place, form):
    """A conninfo holds = itself."""
    option = form(server.conninfo())
    words = {"before": [*option, "tenant", "list"], "after": ["tenant", "list", *option],
             "between": ["consent", "list", *option, "00000000-0000-4000-8000-000000000000", "--limit=1"]}[place]
    done = run(FINQCTL, *words, check=False, env=clean_environ())
    assert done.returncode == (3 if place == "between" else 0), done.stderr


def test_help_is_no_value(server, own):
    """What stands where a value is wanted is the value."""
    made = line(server, "tenant", "create", "--name", "-h")
    assert line(server, "tenant", "show", made["client_id"])["name"] == "-h"
    shown = run(FINQCTL, "tenant", "create", "--help", env=clean_environ()).stdout
    assert shown.startswith("Makes a tenant") and "finqctl tenant create --name NAME" in shown
