"""Steps whose connector goes wrong: the contract's code, nothing spent, the same attempt at the retry.

Seen red: see each test.
"""
import threading

import pytest
from connector import protocol

from finqenv.banking import Bank, definition, step
from finqenv.load import at_once
from finqenv.wire import is_error

CODES = {
    "hangs up": "connection_error", "cut off": "connection_error", "no http": None, "502": "connection_error", "503": "connection_error",
    "late": "timeout", "504": "timeout", "429": "too_many_requests", "401": "unauthorized", "403": "forbidden",
    "500": "invalid_answer", "html": "invalid_answer", "html as json": "invalid_answer", "empty": "invalid_answer",
    "too large": "invalid_answer", "wrong shape": "invalid_answer", "doubled": "invalid_answer", "unsigned": "invalid_answer",
    "reflects": "invalid_answer", "stale": "invalid_answer", "another signature": "invalid_answer",
    "foreign redirect": "invalid_answer", "302": "invalid_answer"}


@pytest.fixture(scope="module")
def bank(make_module_server, run_directory):
    """One child with one connection to the database."""
    made = Bank(make_module_server, run_directory / "steps", children=1, threads=32, dbd=(0, 1, 1))
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def right_answers(bank):
    yield
    bank.service.behaviour = None


def asked(bank, user):
    return [question for question, _ in bank.service.seen if question["session_id"] == user.session_id]


@pytest.mark.parametrize("behaviour, code", CODES.items())
def test_faults_spend_nothing(bank, behaviour, code):
    """Red where finq_step_plan_make's error does not end the submission, or a connector's the plan, or where attempt_id takes
    something new."""
    user = bank.user("sca")
    nonce = user.nonce
    bank.service.behaviour = behaviour
    bank.server.httpd.log.allow("FINQ08|proxy")
    answer = user.submit("sca", {"scenario": "accept"})
    assert (answer.status, answer["type"]) == (400, "external_api_error")
    assert answer.code == f"external_api_{code}" if code else answer.code.startswith("external_api_")
    assert bank.psql(f"SELECT count(*) FROM finq.session WHERE session_id = '{user.session_id}'") == "0"
    bank.service.behaviour = None
    assert user.nonce == nonce
    done = user.submit("sca", {"scenario": "accept"})
    assert done["status"] == "SESSION_COMPLETED" and done["data"] == {"reference": "XYZ-1"}
    first, last = asked(bank, user)[0], asked(bank, user)[-1]
    assert first["attempt"] == last["attempt"] and first == last


def test_each_question_for_data_has_an_id_of_its_own(bank, monkeypatch):
    """So that a signed answer is one to no other page of the same request. Red where it is the request's."""
    told = {"accounts": [], "balances": [], "transactions": []}
    asked_with = []

    def answer(question, headers, connection):
        asked_with.append((question["event"], question.get("ask"), headers["X-Finq-Id"]))
        kind = question.get("ask")
        return {kind: told[kind]} if kind else {"verdict": "accepted", "reference": "r-1"}
    monkeypatch.setattr(bank.service, "answer", answer)
    user = bank.user("sca")
    assert user.submit("sca", {})["status"] == "SESSION_COMPLETED"
    assert bank.client.data("/accounts/get", user.exchange().json).json == []
    assert [kind for _, kind, _ in asked_with] == [None, "accounts", "balances", "transactions"]
    assert len({id for _, _, id in asked_with}) == 4


def test_what_came_in_the_place_of_what_was_pending(bank, monkeypatch):
    """A round of changes names it. Red where finq.feed_store_transactions matches nothing, or put_removal leaves it out."""
    account = {"account": "1", "account_schemes": [{"identification": "RO49AAAA1B31007593840000", "scheme_name": "IBAN"}], "currency": "RON"}
    known = {"account": "1", "amount": "12.50", "currency": "RON", "credit_debit_indicator": "debit"}
    told = {"accounts": [account], "balances": [], "transactions": [{**known, "status": "pending", "info": "Card 1234"}]}

    def answer(question, headers, connection):
        return {question["ask"]: told[question["ask"]]} if question["event"] == "data" else {"verdict": "accepted", "reference": "r-1"}
    monkeypatch.setattr(bank.service, "answer", answer)
    user = bank.user("sca")
    user.submit("sca", {})
    held = user.exchange().json
    first = bank.client.data("/transactions/sync", held)
    pending, = first["added"]
    told["transactions"] = [{**known, "status": "booked", "booking_date_time": "2026-02-02T00:00:00Z", "info": "Coffee"}]
    round = bank.client.data("/transactions/sync", held, cursor=first["next_cursor"], wait=5)
    booked, = round["added"]
    gone, = round["removed"]
    assert booked["data"]["status"] == "booked" and booked["id"] != pending["id"]
    assert gone == {"id": pending["id"], "utx_id": pending["utx_id"], "account_id": pending["account_id"], "reason": "pending_booked",
                    "replaced_by": booked["id"]}


def test_a_connector_that_is_not_there(bank):
    user = bank.user("down")
    nonce = user.nonce
    bank.server.httpd.log.expect("FINQ08.* connector down: ")
    bank.server.httpd.log.allow("proxy")
    answer = user.submit("sca", {"scenario": "accept"})
    assert (answer.status, answer.code) == (400, "external_api_connection_error") and user.nonce == nonce


def test_a_connector_that_this_host_lacks(bank):
    """To send the same again would not help: it is the operator's to mend."""
    user = bank.user(bank.allow(definition("nobody_sbx_#1.0", step("sca", connector="nobody"))))
    bank.server.httpd.log.expect("FINQ03.* connector nobody: ")
    assert is_error(user.submit("sca", {}), 500, "internal_server_error")
    assert bank.psql(f"SELECT count(*) FROM finq.session WHERE session_id = '{user.session_id}'") == "0"


def test_an_answer_that_comes_twice(bank):
    """What stands behind the first on the connection is never taken for the answer to the next question."""
    bank.service.behaviour = "twice"
    bank.server.httpd.log.allow("proxy|FINQ08")
    first, second = bank.user("sca"), bank.user("sca")
    assert first.submit("sca", {"scenario": "accept"})["status"] == "SESSION_COMPLETED"
    answer = second.submit("sca", {"scenario": "fail"})
    assert answer.status == 400 or answer["status"] == "SESSION_FAILED"


def test_the_question(bank):
    """All that the contract's issue names, and the tenant's user."""
    user = bank.user("sca", tenant_user_id="user-9")
    user.submit("sca", {"scenario": "accept"})
    question = asked(bank, user)[0]
    assert question["event"] == "submit" and question["step_id"] == user.step_id and question["step"] == "sca"
    assert question["skill"] == user.skill and question["data"] == {"scenario": "accept"} and question["documents"] == []
    assert question["tenant_user_id"] == "user-9" and question["attempt"] and question["state"] is None


def test_a_rejection_may_be_corrected(bank):
    """With the same nonce; the correction is another attempt."""
    user = bank.user("sca")
    answer = user.submit("sca", {"scenario": "reject"})
    assert (answer.status, answer.code) == (400, "invalid_input")
    assert answer["details"] == [{"field": "/scenario", "keyword": None, "limit": None,
                                  "message": "The bank does not know this user."}]
    assert user.submit("sca", {"scenario": "accept"})["status"] == "SESSION_COMPLETED"
    one, other = asked(bank, user)
    assert one["attempt"] != other["attempt"]


def test_a_failure_ends_the_session(bank):
    user = bank.user("sca")
    nonce = user.nonce
    answer = user.submit("sca", {"scenario": "fail"})
    assert answer["status"] == "SESSION_FAILED" and answer["reasons"] == ["The bank declined."]
    assert not {"nonce", "temp_token", "next_step"} & set(answer.json)
    user.nonce = nonce
    assert user.submit("sca", {"scenario": "fail"}).body == answer.body
    assert bank.status(user, nonce=nonce)["status"] == "SESSION_FAILED"


def test_no_connection_is_held_while_it_thinks(bank):
    """With one connection to the database for all, others are served meanwhile. Red where the call of finq.step_context
    and the one of finq.submit_step share a connection across the question."""
    asked, go = threading.Semaphore(0), threading.Event()
    bank.service.behaviours = {**bank.service.behaviours, "thinks": lambda *question: thinks(asked, go, *question)}
    bank.service.behaviour = "thinks"
    users = [bank.user("sca") for _ in range(4)]
    clients = [bank.server.client(bank.tenant) for _ in users]
    for user, client in zip(users, clients):
        user.client = client
    other = bank.user("plain")
    slow = [lambda u=u: u.submit("sca", {"scenario": "accept"}) for u in users]

    def quick():
        assert all(asked.acquire(timeout=30) for _ in users)
        try:
            return other.submit("form", {})
        finally:
            go.set()
    *answers, meanwhile = at_once([*slow, quick])
    for client in clients:
        client.close()
    assert meanwhile.status == 200
    assert [answer.json.get("status") for answer in answers] == ["SESSION_COMPLETED"] * 4


def thinks(asked, go, handler, message_id, answer):
    """Until it is told to go on."""
    asked.release()
    assert go.wait(30)
    service = handler.server.service
    handler.send(200, answer, protocol.sign(service.secrets, "answer", service.name, message_id, answer))


@pytest.mark.parametrize("skill, data", [("sca", {"scenario": "accept"}),
                                         ("sca", {"psu_redirect_link": "https://app.example/done"})])
def test_the_same_post_at_once(bank, skill, data):
    """One effect, one answer, one attempt."""
    user = bank.user(skill)
    clients = [bank.server.client(bank.tenant) for _ in range(8)]
    answers = at_once([lambda c=c: c.submit(user, "sca", data) for c in clients])
    for client in clients:
        client.close()
    assert {answer.status for answer in answers} == {200} and len({answer.body for answer in answers}) == 1
    assert len({question["attempt"] for question in asked(bank, user)}) == 1
    assert bank.psql(f"SELECT count(*) FROM finq.step WHERE session_id = '{user.session_id}'") == "1"
