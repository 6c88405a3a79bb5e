"""C and SQL meet by name: src/db/calls.c is what the database's own words make, and no other C counts columns or parameters.

Seen red: a column of finq.step_answer renamed (what_is_committed_is_what_the_database_says; and the build fails once
`make calls` was run, at the field that step.c reads); `locks: session` or `repeatable` left out (the same; once `make calls` was
run, the_same_calls_may_share_a_transaction, which_calls_are_not_made_again);
a parameter misspelt in src/ctl (finqctl_names_parameters_that_there_are); the samples below.
"""
import re

import pytest

from finqenv import calls
from finqenv.places import ROOT

CALL = re.compile(r"finq\.(\w+)\(([^()\"]*(?:\" *\n *\"[^()\"]*)*)\)")


def without_breaks(text):
    return re.sub(r'" *\n *"', "", text)


def hand_written():
    return {str(path.relative_to(ROOT)): path.read_text() for path in sorted([*ROOT.glob("src/**/*.c"), ROOT / "mod_finq.c"]) if path != calls.SOURCE}


def counted(files):
    """Where C outside of the room of libpq reads a column by its number, or gives a parameter without its name."""
    for path, text in files.items():
        if not path.startswith("src/db/"):
            yield from (f"{path}: {found}" for found in re.findall(r"\bfinq_pg_(?:text|number|bool|id|bytes|arg_\w+)\(", text))
        for name, arguments in CALL.findall(without_breaks(text)):
            if any("=>" not in one for one in arguments.split(",") if one.strip()):
                yield f"{path}: finq.{name}({arguments})"


def test_what_is_committed_is_what_the_database_says(server):
    """`make calls` writes it anew."""
    for path, text in calls.made(server.psql).items():
        assert path.read_text() == text, path.name


def test_nothing_is_counted():
    files = hand_written()
    assert len(files) > 90
    assert list(counted(files)) == []


@pytest.mark.parametrize("line", ["row.id = finq_pg_id(rows, 0, 1);", 'finq_pg_arg_text(&args, "x");',
                                  'call("SELECT finq.tenant_show($1)", 1);', 'call("SELECT finq.x(p_a => $1, "\n "$2)", 2);'])
def test_counting_is_seen(line):
    assert list(counted({"src/flow/step.c": line}))


def test_finqctl_names_parameters_that_there_are(server):
    named = {(name, tuple(re.findall(r"(p_\w+) =>", arguments))) for path, text in hand_written().items() if path.startswith("src/ctl/")
             for name, arguments in CALL.findall(without_breaks(text))}
    rows = server.psql("SELECT p.proname, array_to_string(p.proargnames[1:p.pronargs], ' ') FROM pg_proc p WHERE p.pronamespace = 'finq'::regnamespace")
    there = {(name, tuple(arguments.split())) for name, arguments in (row.split("|") for row in rows.splitlines())}
    assert len(named) > 30 and named <= there, named - there


def test_the_same_calls_may_share_a_transaction():
    """Those that lock their session's row and no other (COMMENT ON FUNCTION … IS 'locks: session'), and a look at a page, which locks none."""
    bodies = re.findall(r"^finq_error \*finq_call_(\w+)\([^{]*\{(.*?)^\}", calls.SOURCE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(bodies) > 15
    assert [name for name, body in bodies if "finq_pg_arg_session(" in body] == ["exchange_token", "page_look", "session_status", "submit_step"]


def test_which_calls_are_not_made_again():
    """After their connection was lost: the janitor's, which comes again by itself, and the claim of a payment, which is due again by itself. A request's call may be: its second time has no
    further effect, and the same answer."""
    ends = re.findall(r"^finq_error \*finq_call_(\w+)\([^{]*\{.*?\", ([01]), (?:NULL|&crowd)\};\n    const", calls.SOURCE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(ends) > 15
    assert [name for name, repeatable in ends if repeatable == "0"] == ["janitor_batch", "janitor_begin", "janitor_end", "payment_claim"]
