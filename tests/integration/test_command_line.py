"""finqctl's command line: options, their values, and values that look like options.

Seen red: is_option without are_values; option_value without its =; values_read that looks for help in option values; distance
that knows no swapped letters; nearest without its first is_near.
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


# -- what was meant

def said(*words):
    return run(FINQCTL, *words, check=False, env=clean_environ())


@pytest.mark.parametrize("words, meant", [
    (["tenant", "lsit"], "tenant list"), (["tennant", "list"], "tenant list"), (["tenant", "crate"], "tenant create"),
    (["tenat", "redirect-alow", "x"], "tenant redirect-allow"), (["skil", "publsh", "f.json"], "skill publish"),
    (["tennant"], "tenant"), (["tennant", "frobnicate"], "tenant"), (["audti", "--limit", "3"], "audit"), (["sing"], "sign"),
    (["--db", "x", "outbxo", "run"], "outbox run")])
def test_a_typing_mistake_names_the_nearest_verb_in_one_line(words, meant):
    done = said(*words)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.endswith(f'; did you mean "{meant}"?\n') and done.stderr.count("\n") == 1


def test_what_resembles_nothing_is_not_guessed_at():
    done = said("frobnicate", "list")
    assert done.returncode == 2 and done.stderr == 'finqctl: there is no "frobnicate"\nfinqctl help lists what there is.\n'
    assert "did you mean" not in said("x").stderr


def test_a_noun_lists_its_verbs():
    everything = said("--help").stdout
    mine = [line for line in everything.splitlines() if line.startswith("  finqctl skill ")]
    asked, forgotten, unknown = said("help", "skill"), said("skill"), said("skill", "frobnicate")
    assert asked.returncode == 0 and not asked.stderr and said("skill", "--help").stdout == asked.stdout
    assert [line for line in asked.stdout.splitlines() if line.startswith("  finqctl")] == mine and len(mine) > 3
    assert "      Lists the published skills.\n" in asked.stdout
    assert forgotten.returncode == 2 and not forgotten.stdout and forgotten.stderr == asked.stdout
    assert unknown.returncode == 2 and unknown.stderr == 'finqctl: there is no "skill frobnicate"\n' + asked.stdout


def test_help_is_a_verb_too():
    assert said("help").stdout == said("--help").stdout == said("-h").stdout
    assert said("help", "tenant", "create").stdout == said("tenant", "create", "--help").stdout != ""
    assert said("help", "audit").stdout == said("audit", "-h").stdout != ""
    wrong = said("help", "tenant", "craete")
    assert wrong.returncode == 2 and 'did you mean "tenant create"?' in wrong.stderr
    assert said().returncode == 2 and said().stderr == said("--help").stdout


def test_a_mistyped_option_names_the_nearest():
    assert "--nmae; did you mean --name?\n" in said("tenant", "create", "--nmae", "x").stderr
    assert "--servcier=x; did you mean --servicer?\n" in said("tenant", "create", "--servcier=x").stderr
    assert "did you mean" not in said("tenant", "create", "--frobnicate").stderr
