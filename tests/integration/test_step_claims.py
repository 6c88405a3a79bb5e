"""One attempt of a step is asked of a connector at a time: others wait for what becomes of it.

Seen red: step_context without finq.step_take (one_question…); submit_step without v_held (who_was_overtaken…); step_take without its
look at `until` or `ordinal` (a_claim_that_was_left…, a_claim_of_an_earlier_step); give_up left out (test_connector_steps.py);
context_await without its pause (one_question…), without its end (a_claim_that_stays); step_take without its DELETE
(claims_that_were_left_go).
"""
import json
import time
import uuid

import pytest

from finqenv.banking import SKILLS, Bank, definition, step
from finqenv.load import at_once
from finqenv.wire import is_error

GOES_ON = "FINQ03: .* 503 service_unavailable: Another submission of this step is being decided"


@pytest.fixture(scope="module")
def bank(make_module_server, run_directory):
    """With one connection to the database a child: who waits holds none."""
    made = Bank(make_module_server, run_directory / "claims", children=2, threads=32, dbd=(0, 1, 1))
    made.service.behaviours = {**made.service.behaviours, "thinks": thinks(made, lambda: time.sleep(0.7))}
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def right_answers(bank):
    yield
    bank.service.behaviour = None


def thinks(bank, how):
    from connector import protocol

    def behaviour(handler, message_id, answer):
        how()
        handler.send(200, answer, protocol.sign(bank.service.secrets, "answer", bank.service.name, message_id, answer))
    return behaviour


def asked(bank, user):
    return [question for question, _ in bank.service.seen if question["session_id"] == user.session_id]


def claims(bank):
    return int(bank.psql("SELECT count(*) FROM finq.step_claim"))


def claim(bank, user, ordinal=1, until="60 seconds"):
    bank.psql("INSERT INTO finq.step_claim VALUES"
              f" ('{user.session_id}', {ordinal}, '{uuid.uuid4()}', '{uuid.uuid4()}', clock_timestamp() + interval '{until}')")


@pytest.mark.parametrize("before", [False, True])
def test_one_question_and_one_effect(bank, before):
    """Eight bodies at once, at a first step and at a later one."""
    skill = SKILLS["sca"] if not before else definition("claimed_sbx_#1.0", step("form"), step("sca", connector="bank"))
    user = bank.user(bank.allow(skill))
    if before:
        user.submit("form", {})
    bank.service.behaviour = "thinks"
    clients = [bank.server.client(bank.tenant) for _ in range(8)]
    answers = at_once([lambda c=c, n=n: c.submit(user, "sca", {"scenario": "accept", "n": n}) for n, c in enumerate(clients)])
    for client in clients:
        client.close()
    done = [answer for answer in answers if answer.status == 200]
    assert len(done) == 1 and done[0]["status"] == "SESSION_COMPLETED"
    assert all(answer is done[0] or is_error(answer, 409, "step_already_submitted") for answer in answers)
    assert len(asked(bank, user)) == 1
    assert json.loads(bank.server.entered(user.session_id)["sca"])["n"] == asked(bank, user)[0]["data"]["n"]
    assert claims(bank) == 0


def test_the_same_body_waits_for_its_answer(bank):
    """Red without a claim: the connector would be asked again."""
    user = bank.user("sca")
    bank.service.behaviour = "thinks"
    clients = [bank.server.client(bank.tenant) for _ in range(8)]
    answers = at_once([lambda c=c: c.submit(user, "sca", {"scenario": "accept"}) for c in clients])
    for client in clients:
        client.close()
    assert {answer.status for answer in answers} == {200} and len({answer.body for answer in answers}) == 1
    assert len(asked(bank, user)) == 1 and claims(bank) == 0


def test_after_a_refusal_the_next_has_its_turn(bank):
    """One of two is rejected by the connector, and the other waits for nothing longer."""
    user = bank.user("sca")
    bank.service.behaviour = "thinks"
    clients = [bank.server.client(bank.tenant) for _ in range(2)]
    answers = at_once([lambda c=c, s=s: c.submit(user, "sca", {"scenario": s}) for c, s in zip(clients, ("reject", "accept"))])
    for client in clients:
        client.close()
    rejected, accepted = answers
    assert accepted.status == 200
    assert is_error(rejected, 400, "invalid_input") if len(asked(bank, user)) == 2 else is_error(rejected, 409, "step_already_submitted")
    assert claims(bank) == 0


def test_a_claim_that_stays(bank):
    """Whoever comes waits, and is told to come again; what was not asked spends nothing."""
    user = bank.user("sca")
    claim(bank, user)
    bank.server.httpd.log.expect(GOES_ON)
    began = time.monotonic()
    answer = user.submit("sca", {"scenario": "accept"})
    assert is_error(answer, 503, "service_unavailable") and answer.headers["retry-after"] and time.monotonic() - began > 9
    assert asked(bank, user) == []
    bank.psql("DELETE FROM finq.step_claim")
    assert user.submit("sca", {"scenario": "accept"}).status == 200


def test_a_claim_that_was_left(bank):
    """By a server that ended: it is over by itself."""
    user = bank.user("sca")
    claim(bank, user, until="-1 seconds")
    assert user.submit("sca", {"scenario": "accept"}).status == 200 and claims(bank) == 0


def test_a_claim_of_an_earlier_step(bank):
    user = bank.user(bank.allow(definition("claimed_sbx_#1.0", step("form"), step("sca", connector="bank"))))
    user.submit("form", {})
    claim(bank, user)
    assert user.submit("sca", {"scenario": "accept"}).status == 200 and claims(bank) == 0


@pytest.mark.parametrize("scenario", ["accept", "fail", "pend"])
def test_who_was_overtaken_discards_what_he_holds(bank, scenario):
    user = bank.user("sca")
    bank.service.behaviours["overtaken"] = thinks(
        bank, lambda: bank.psql(f"UPDATE finq.step_claim SET attempt = '{uuid.uuid4()}' WHERE session_id = '{user.session_id}'"))
    bank.service.behaviour = "overtaken"
    bank.server.httpd.log.expect(GOES_ON)
    assert is_error(user.submit("sca", {"scenario": scenario}), 503, "service_unavailable")
    assert bank.psql(f"SELECT count(*) FROM finq.session WHERE session_id = '{user.session_id}'") == "0"
    assert claims(bank) == 1, "it is the other's"
    bank.psql("DELETE FROM finq.step_claim")
    bank.service.behaviour = None
    assert user.submit("sca", {"scenario": "accept"}).status == 200
