"""Branches by the data of the steps so far, and skills that are refused when they are published (contract section 12).

Seen red: see each test.
"""
import pytest

from finqenv import documents
from finqenv.banking import ANYTHING, DOCUMENT, Bank, definition, step
from finqenv.wire import is_error


def when(name, **values):
    """A condition on a member of a step's data."""
    return {"type": "object", "required": [name], "properties": {name: {
        "type": "object", "required": list(values), "properties": {member: {"const": v} for member, v in values.items()}}}}


SHAPE = definition(
    "branches_sbx_#1.0",
    step("start", uploads=[DOCUMENT], next=[{"when": when("start", kind="person"), "step": "person"},
                                            {"when": when("start", kind="nobody"), "step": None},
                                            {"when": when("start", kind="long"), "step": "middle"},
                                            {"step": "company"}]),
    step("middle"),
    step("company", next=[{"when": when("start", kind="long"), "step": "final"}]),
    step("person", next=[{"step": None}]),
    step("final"))


@pytest.fixture(scope="module")
def bank(make_module_server, run_directory):
    made = Bank(make_module_server, run_directory / "branches")
    made.allow(SHAPE)
    yield made
    made.stop()


def start(bank, kind, upload=True):
    user = bank.user(SHAPE["name"])
    answer = user.submit("start", {"kind": kind})
    assert answer.status == 200, answer.body
    if upload:
        assert user.upload("proof", documents.png()).status == 200
    return user, answer


@pytest.mark.parametrize("kind, way", [
    ("person", ["person"]), ("nobody", []), ("company", ["company", "person"]), ("long", ["middle", "company", "final"])])
def test_ways(bank, kind, way):
    """The third step's branch looks at the first step's data. Red where finq_skill_next takes the next place, and where
    only the present step's data is looked at (context_parse)."""
    user, answer = start(bank, kind)
    for name in way:
        assert answer["next_step"] == name and answer["status"] == "SESSION_IN_PROGRESS"
        answer = user.submit(name, {})
        assert answer.status == 200, answer.body
    assert answer["status"] == "SESSION_COMPLETED" and "next_step" not in answer.json
    assert user.exchange().status == 200
    names = [one["name"] for one in bank.ctl("session", "show", user.session_id)["steps"]]
    assert names == ["start", *way]


def test_required_uploads_after_a_branch(bank):
    """Those of the step before in the session, which is not the step before in the skill. Red where
    finq_session_required_before looks at place - 1."""
    user, answer = start(bank, "person", upload=False)
    refused = user.submit("person", {})
    assert is_error(refused, 400, "missing_uploads") and "proof" in refused["message"]
    user.upload("proof", documents.png())
    assert user.submit("person", {})["status"] == "SESSION_COMPLETED"


def test_required_uploads_where_a_branch_ends_the_session(bank):
    user, _ = start(bank, "nobody", upload=False)
    assert is_error(user.exchange(), 400, "missing_uploads")
    user.upload("proof", documents.png())
    assert user.exchange().status == 200


def test_a_step_of_another_branch(bank):
    user, _ = start(bank, "person")
    assert is_error(user.submit("company", {}), 400, "invalid_step")
    assert user.submit("person", {}).status == 200


def test_repeated_requests_after_a_branch(bank):
    user, first = start(bank, "person")
    session = type("S", (), {"session_id": user.session_id, "nonce": user.step_nonce, "skill": user.skill})
    assert bank.client.submit(session, "start", {"kind": "person"}).body == first.body
    assert is_error(bank.client.submit(session, "start", {"kind": "long"}), 409, "step_already_submitted")


def test_a_branch_after_a_resubmission(bank):
    """The last attempt's data decides. Red where finq.session_steps shows every attempt."""
    skill = bank.allow(definition(
        "again_sbx_#1.0", step("form", review="offline"),
        step("more", next=[{"when": when("form", good=True), "step": None}]), step("end")))
    user = bank.user(skill)
    user.submit("form", {"good": False})
    bank.ctl("step", "resubmit", user.step_id, "--reason", "Again")
    user.nonce = bank.status(user)["nonce"]
    user.submit("form", {"good": True})
    bank.ctl("step", "approve", user.step_id)
    user.nonce = bank.status(user)["nonce"]
    assert user.submit("more", {})["status"] == "SESSION_COMPLETED"


def test_a_review_before_a_branch(bank):
    """Where the branch leads is found at the submission, and taken at the approval."""
    skill = bank.allow(definition(
        "reviewed_sbx_#1.0", step("form", review="offline", next=[{"when": when("form", far=True), "step": "end"}]),
        step("near"), step("end")))
    for far, name in ((True, "end"), (False, "near")):
        user = bank.user(skill)
        assert user.submit("form", {"far": far})["status"] == "SESSION_PENDING"
        bank.ctl("step", "approve", user.step_id)
        assert bank.status(user)["next_step"] == name


@pytest.mark.parametrize("target", ["a", "b", "nowhere", "", 7])
def test_loops_are_refused(bank, target):
    """Red without resolve_branches."""
    bad = definition("loop_sbx_#1.0", step("a"), step("b", next=[{"step": target}]), step("c"))
    done = bank.publish(bad, check=False)
    assert done.returncode == 1 and "/steps/1/next/0/step" in done.stderr


@pytest.mark.parametrize("more, place", [
    ({"next": []}, "/steps/0/next"), ({"next": [{}]}, "/steps/0/next/0/step"), ({"next": {}}, "/steps/0/next"),
    ({"next": [{"step": None, "when": {"type": "nonsense"}}]}, "/steps/0/next/0/when"),
    ({"next": [{"step": None, "if": ANYTHING}]}, "/steps/0/next/0/if"), ({"review": "online"}, "/steps/0/review"),
    ({"connector": "Bank"}, "/steps/0/connector"), ({"connector": "https://bank.example"}, "/steps/0/connector"),
    ({"next": [{"step": None}] * 17}, "/steps/0/next")])
def test_definitions_that_are_refused(bank, more, place):
    done = bank.publish(definition("bad_sbx_#1.0", step("a", **more), step("b")), check=False)
    assert done.returncode == 1 and place in done.stderr
