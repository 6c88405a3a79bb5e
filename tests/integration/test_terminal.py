"""finqctl before a person: on a terminal, in a pipe.

Seen red: cell_of without finq_text_plain; is_for_people without isatty; columns_fit that is always true; jsonb_build_object
in finq.tenant_show; to_char without its time zone.
"""
import json
import re
import secrets

import pytest

from finqenv.installation import DEMO_SKILLS
from finqenv.terminal import at_terminal

UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture
def own(server):
    return server.create_tenant(f"terminal {secrets.token_hex(6)}", (DEMO_SKILLS[0],))


def shown(server, *words, **more):
    code, text = at_terminal(server, *words, **more)
    assert code == 0, text
    return text


# -- tables and records

def test_a_list_is_a_table_where_it_fits(server, own):
    lines = shown(server, "tenant", "list", width=4000).splitlines()
    assert lines[0].split() == ["client_id", "name", "status", "servicer", "created_at", "skills"]
    row, = [line for line in lines if line.startswith(own.client_id)]
    where = {name: lines[0].index(name) for name in lines[0].split()}
    assert row[where["status"]:].startswith("ACTIVE ") and row[where["servicer"]:].startswith("- ")
    assert UTC.match(row[where["created_at"]:]) and row[where["skills"]:] == DEMO_SKILLS[0]


def test_a_list_that_is_too_wide_is_records(server, own):
    text = shown(server, "tenant", "list", width=60)
    record, = [block for block in text.split("\n\n") if own.client_id in block]
    assert record.splitlines()[0] == f"client_id   {own.client_id}"
    assert re.search(r"^status      ACTIVE$", record, re.MULTILINE)


def test_what_is_within_stands_below_its_name(server, own):
    text = shown(server, "tenant", "show", own.client_id)
    assert text.splitlines()[0] == f"client_id   {own.client_id}"
    keys = text[text.index("\nkeys\n") + 6:].splitlines()
    assert keys[0].split() == ["key_id", "kind", "live", "created_at", "age_minutes", "ends_at", "last_used_at"]
    assert keys[1].startswith("  ") and " SECRET " in keys[1] and " APP_KEY " in keys[2]


def test_a_list_of_nothing_says_so(server, own):
    assert shown(server, "consent", "list", own.client_id) == "(none)\n"


def test_what_people_wrote_does_not_steer_the_terminal(server):
    name = f"red \x1b[31m\x07\u009b2J ünï {secrets.token_hex(4)}"
    made = server.create_tenant(name, ())
    for width in (4000, 60):
        text = shown(server, "tenant", "list", width=width)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
        assert name.replace("\x1b", "?").replace("\x07", "?").replace("\u009b", "??") in text
    assert next(tenant for tenant in server.finqctl("tenant", "list") if tenant["client_id"] == made.client_id)["name"] == name


def test_wide_letters_keep_the_columns(server):
    made = server.create_tenant(f"銀行 {secrets.token_hex(4)}", ())
    lines = shown(server, "tenant", "list", width=4000).splitlines()
    row, = [line for line in lines if line.startswith(made.client_id)]
    assert row.index("ACTIVE") == lines[0].index("status") - 2  # each of two letters takes two places


# -- JSON

def test_json_in_a_pipe_and_where_it_is_asked_for(server, own):
    piped = server.finqctl("tenant", "show", own.client_id, check=False).stdout
    assert piped.count("\n") == 1 and json.loads(piped)["client_id"] == own.client_id
    for words in (["tenant", "show", own.client_id, "--json"], ["--json", "tenant", "show", own.client_id]):
        asked = shown(server, *words)
        assert json.loads(asked)["skills"] == json.loads(piped)["skills"] and asked.count("\n") == 1


def test_members_stand_in_their_order_and_times_in_utc(server, own, client):
    shown_tenant = server.finqctl("tenant", "show", own.client_id)
    assert list(shown_tenant) == ["client_id", "name", "status", "servicer", "created_at", "keys", "skills"]
    assert list(shown_tenant["keys"][0]) == ["key_id", "kind", "live", "created_at", "age_minutes", "ends_at", "last_used_at"]
    lines = [server.finqctl(*words) for words in (
        ["tenant", "list"], ["skill", "list"], ["servicer", "list"], ["audit", "--limit", "500"],
        ["tenant", "show", own.client_id])]
    rows = [[{name: value for name, value in row.items() if name != "detail"} for row in answer] for answer in lines[:4]]
    times = re.findall(r'"(?:\w+_at|at)": "([^"]+)"', json.dumps([*rows, lines[4]]))
    assert len(times) > 20 and all(UTC.fullmatch(time) for time in times)
    assert server.psql("SET TimeZone = 'Asia/Tokyo'; SELECT finq.utc('2026-01-31T12:00:00Z')") == "2026-01-31T12:00:00Z"
    assert list(lines[3][0]) == ["audit_id", "at", "role", "address", "application", "os_user", "object", "action", "client_id",
                                 "detail"]


# -- verbs that destroy

def status_of(server, own):
    return server.finqctl("tenant", "show", own.client_id)["status"]


@pytest.mark.parametrize("typed", ["n\n", "\n", "no, y\n", "\x04"])
def test_a_verb_that_destroys_asks_and_does_nothing_unless_yes(server, own, typed):
    code, text = at_terminal(server, "tenant", "disable", own.client_id, typed=typed, answer_to="(y/n) ")
    assert code == 1 and "Refuses a tenant everything" in text and text.endswith("finqctl: nothing was changed\n")
    assert f"finqctl tenant disable {own.client_id}: go on? (y/n) " in text and status_of(server, own) == "ACTIVE"


@pytest.mark.parametrize("typed", ["y\n", "Yes\n"])
def test_yes_goes_on(server, own, typed):
    code, text = at_terminal(server, "tenant", "disable", own.client_id, typed=typed, answer_to="(y/n) ")
    assert code == 0 and "status     DISABLED" in text and status_of(server, own) == "DISABLED"


def test_nothing_is_asked_with_yes_or_without_a_terminal(server, own):
    assert "(y/n)" not in shown(server, "tenant", "disable", own.client_id, "--yes")
    server.finqctl("tenant", "enable", own.client_id)
    done = server.finqctl("tenant", "disable", own.client_id, check=False)
    assert done.returncode == 0 and not done.stderr and status_of(server, own) == "DISABLED"


def test_the_verbs_that_ask():
    """Those that end something for good, or at once for all of a tenant's users."""
    lines = at_terminal(None, "--help")[1].splitlines()
    assert {" ".join(line.split()[1:3]) for line in lines if "[--yes]" in line} == {
        "consent delete", "key revoke", "step reject", "tenant delete", "tenant disable", "tenant revoke", "user erase",
        "webhook remove"}
