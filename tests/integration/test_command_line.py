"""finqctl's command line: options, their values, and values that look like options.

Seen red: is_option without are_values; option_value without its =; values_read that looks for help in option values; distance
that knows no swapped letters; nearest without its first is_near; values_check that checks none; error_explain that tells
PostgreSQL's message; is_number without its limits.
"""
import os
import re
import secrets
import uuid

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


# -- what a value may be

ID = str(uuid.uuid4())
POSTGRES = re.compile(r"syntax|finq\.|relation|constraint|enum|permission denied|does not exist|type \w+|function|ERROR")


@pytest.mark.parametrize("words, told", [
    (["tenant", "show", "acme"], 'CLIENT_ID is a UUID, such as 01890a5d-ac96-774b-bcce-b302099a8057, not "acme"'),
    (["session", "show", ""], 'SESSION_ID is a UUID, such as 01890a5d-ac96-774b-bcce-b302099a8057, not ""'),
    (["consent", "list", ID, "--status", "gone"], '--status is active, deleted or expired, not "gone"'),
    (["outbox", "list", "--state", "lost"], '--state is waiting, delivered or given_up, not "lost"'),
    (["outbox", "list", "--tenant", "x"], '--tenant is a UUID, such as 01890a5d-ac96-774b-bcce-b302099a8057, not "x"'),
    (["audit", "--limit", "many"], '--limit is a number, 1 to 100000, not "many"'),
    (["audit", "--limit", "100001"], '--limit is a number, 1 to 100000, not "100001"'),
    (["outbox", "resend", "99999999999999999999"], 'EVENT_ID is a number, not "99999999999999999999"'),
    (["tenant", "revoke", ID, " 7"], 'KEY_ID is a number, not " 7"'),
    (["tenant", "allow", ID, "s", "--consent-duration", "0"], '--consent-duration is a number, 1 to 52560000, not "0"'),
    (["tenant", "rotate", ID, "--secret", "--overlap=-1"], '--overlap is a number, 0 to 525600, not "-1"'),
    (["tenant", "create", "--name", ""], '--name is 1 to 200 characters, not ""'),
    (["tenant", "redirect-allow", ID, "a:/"], 'PREFIX is 4 to 2000 characters, not "a:/"')])
def test_a_value_that_will_not_do_is_told_what_may(words, told):
    """Before a database is asked."""
    done = said(*words)
    assert (done.returncode, done.stderr, done.stdout) == (1, f"finqctl: {told}\n", "")


def test_names_are_counted_in_characters(server):
    assert server.finqctl("tenant", "create", "--name", "é" * 194 + secrets.token_hex(3))["client_id"]


def test_the_database_speaks_in_finqctl_s_words(server, own):
    web, empty = server.postgres.conninfo("finq_web"), server.postgres.conninfo(database="postgres")
    for code, told, words in (
            (1, "--since is a time, such as 2026-01-31", ["audit", "--since", "once"]),
            (1, "such a day there is not", ["audit", "--since", "2026-02-31"]),
            (1, "not UTF-8", ["tenant", "create", "--name", os.fsdecode(b"\xff\xfe")]),
            (5, "connect as the role that ran", ["tenant", "list", "--db", web]),
            (5, "run: finqctl db migrate", ["tenant", "list", "--db", empty]),
            (3, "No tenant has the client_id", ["tenant", "show", ID]),
            (4, "A tenant named", ["tenant", "create", "--name", server.finqctl("tenant", "show", own.client_id)["name"]])):
        done = server.finqctl(*words, check=False)
        assert done.returncode == code and told in done.stderr and not done.stdout, done.stderr
        assert not POSTGRES.search(done.stderr.replace("No tenant", "")), done.stderr
