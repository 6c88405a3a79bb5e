"""Orders: checked before any bank is asked, written down before it is, and never sent twice (contract section 11b).

Seen red: as the tests say.
"""
import json

import pytest

from finqenv import payments
from finqenv.banking import Bank
from finqenv.load import at_once
from finqenv.payments import CHECKED, LINK, PAY, RENT, new_message, order, transfer
from finqenv.wire import is_error


@pytest.fixture(scope="module")
def bank(make_module_server, run_directory):
    made = Bank(make_module_server, run_directory / "payments", children=1, threads=32)
    made.allow(PAY)
    made.allow(CHECKED)
    yield made
    made.stop()


@pytest.fixture
def narrow(make_server, run_directory):
    """Whose connector is asked one thing at a time."""
    made = Bank(make_server, run_directory / "payments-narrow", children=1, limit="limit=1")
    made.allow(PAY)
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def right_answers(bank):
    yield
    bank.answer_rightly()


def asked(bank, user):
    return [question for question, _ in bank.service.seen if question["session_id"] == user.session_id]


def attempts(bank, user):
    return {question["attempt"] for question in asked(bank, user)}


def payment(bank, user, columns="phase, status, is_released"):
    """Of the session's newest payment, by |."""
    return bank.psql(f"SELECT {columns} FROM finq.payment WHERE session_id = '{user.session_id}' ORDER BY payment_id DESC LIMIT 1")


def due(bank, user):
    """The bank may be asked what became of it."""
    bank.psql(f"UPDATE finq.payment SET next_at = clock_timestamp() WHERE session_id = '{user.session_id}' AND NOT is_released")


def pay(user, data):
    return user.submit("payment_intent", data)


def places(answer):
    assert (answer.status, answer.code) == (400, "invalid_input"), answer.body
    return [(detail["field"], detail["keyword"]) for detail in answer["details"]]


# -- before a bank is asked

@pytest.mark.parametrize("data, field, keyword", [
    (order("M", transfer(amount="0")), "/payment_info/0/credit_transfers/0/instructed_amount/amount", "minimum"),
    (order("M", transfer(amount="1.001")), "/payment_info/0/credit_transfers/0/instructed_amount/amount", "currency"),
    (order("M", requested_execution_date="2027-02-30"), "/payment_info/0/requested_execution_date", "format"),
    (order("M", transfer(creditor_account={"iban": "RO09BCYP0000001234567891"})), "/payment_info/0/credit_transfers/0/creditor_account/iban", "format"),
    (order("M" * 36), "/group_header/message_id", "maxLength"),
    ({}, "/payment_info", "required"),
])
def test_a_wrong_order_reaches_no_bank(bank, data, field, keyword):
    """And leaves nothing: tests/unit/test_order.c has all that may be wrong. Red without the form of orders in submission_check."""
    user = bank.user(PAY["name"])
    nonce = user.nonce
    assert places(pay(user, data)) == [(field, keyword)]
    assert asked(bank, user) == [] and payment(bank, user) == "" and user.nonce == nonce
    assert pay(user, order())["status"] == "SESSION_COMPLETED"


def test_more_transfers_than_a_body_holds(bank):
    user = bank.user(PAY["name"])
    assert pay(user, order(None, *[transfer(f"E-{i}") for i in range(1000)])).status == 413
    million = len(json.dumps(transfer("E-1000000"))) * 1_000_000
    answer = bank.client.call(f"/sessions/{user.session_id}/steps", "{", content_length=str(million))
    assert is_error(answer, 413, "payload_too_large") and asked(bank, user) == []


def test_an_order_that_nobody_carries_out_is_no_skill(bank):
    done = bank.publish(payments.paying("nobody_pays_sbx_#1.0", payments.step("payment_intent")), check=False)
    assert done.returncode != 0 and "must have a connector" in done.stderr


def test_an_order(bank):
    """What the bank is asked, and what is kept: in clear nothing of whom is paid, how much, or under which references."""
    user, data = bank.user(PAY["name"]), order(new_message())
    answer = pay(user, data)
    assert answer["status"] == "SESSION_COMPLETED"
    question, = asked(bank, user)
    assert question["data"] == data and question["payment_id"] == payment(bank, user, "payment_id")
    assert question["attempt"] == payment(bank, user, "attempt") and bank.service.ledger.orders[question["attempt"]] == data
    assert payment(bank, user) == "accepted|ACSP|f"
    kept = bank.psql(f"SELECT row_to_json(p) FROM finq.payment p WHERE session_id = '{user.session_id}'")
    kept += bank.psql("SELECT json_agg(r) FROM finq.payment_reference r")
    for word in ("RO09BCYP", "Imobiliare", "1250", "E-1", "P-1", data["group_header"]["message_id"], "ORDER-"):
        assert word not in kept and word.encode().hex() not in kept


# -- once

def test_references_are_used_once(bank):
    """By a tenant, in one session; nothing is told of the other. Red where payment_begin looks at no payment_reference."""
    first, second, message_id = bank.user(PAY["name"]), bank.user(PAY["name"]), new_message()
    assert pay(first, order(message_id)).status == 200
    answer = pay(second, order(message_id, transfer("E-2", "7.00")))
    assert places(answer) == [("/payment_info/0/payment_information_id", "unique")]
    assert first.session_id not in answer.body.decode() and asked(bank, second) == []
    assert pay(second, order(message_id, payment_id="P-2")).status == 200
    other = payments_of_other(bank)
    assert pay(other, order(message_id)).status == 200, "another tenant's references are its own"


def payments_of_other(bank):
    from finqenv.client import Onboarding
    bank.ctl("tenant", "allow", bank.other.tenant.client_id, PAY["name"])
    user = Onboarding(bank.other, PAY["name"])
    assert user.start().status == 200
    return user


@pytest.mark.parametrize("status, is_free", [("RJCT", True), ("CANC", True), ("BLCK", False), ("ACSC", False)])
def test_references_that_are_free_again(bank, status, is_free):
    """Where the bank will not carry the order out. Red without the DELETE of payment_tell, or where BLCK counts as RJCT."""
    first, second, message_id = bank.user(PAY["name"]), bank.user(PAY["name"]), new_message()
    bank.service.ledger.says = {"status": status, "reason": {"code": "AM04"}}
    assert pay(first, order(message_id)).status == 200
    answer = pay(second, order(message_id))
    assert (answer.status == 200) == is_free and payment(bank, first).endswith("|t" if is_free else "|f")


def test_a_rejected_order_was_not_ordered(bank):
    """It may be corrected, with another attempt. Red without finq_payment_answered's look at the verdict."""
    user, message_id = bank.user(PAY["name"]), new_message()
    bank.service.behaviours = {**bank.service.behaviours, "rejects": rejects}
    bank.service.behaviour = "rejects"
    assert pay(user, order(message_id)).code == "invalid_input"
    bank.service.behaviour = None
    assert pay(user, order(message_id, transfer(amount="2.00")))["status"] == "SESSION_COMPLETED"
    assert len(attempts(bank, user)) == 2


def rejects(handler, message_id, _answer):
    from connector import protocol
    service = handler.server.service
    body = json.dumps({"verdict": "rejected", "details": [{"field": "/payment_info", "message": "No."}]}).encode()
    handler.send(200, body, protocol.sign(service.secrets, "answer", service.name, message_id, body))


@pytest.mark.parametrize("behaviour", ["hangs up", "503", "html", "unsigned", "late"])
def test_an_order_that_was_asked_and_not_answered(bank, behaviour):
    """The bank may have it: the same is sent again under the same attempt, and nothing else. Red where payment_begin looks at no order_mac, or
    answers with an attempt of its own."""
    user, data = bank.user(PAY["name"]), order(new_message())
    bank.service.behaviour = behaviour
    bank.server.httpd.log.allow("FINQ08|proxy")
    assert pay(user, data)["type"] == "external_api_error"
    assert is_error(pay(user, order(data["group_header"]["message_id"], transfer(amount="9.00"))), 409, "step_already_submitted")
    bank.service.behaviour = None
    assert pay(user, data)["status"] == "SESSION_COMPLETED"
    assert len(attempts(bank, user)) == 1 and list(bank.service.ledger.orders.values()).count(data) == 1


def test_a_bank_that_answers_twice(bank):
    """What comes behind an answer is none to the next question."""
    bank.service.behaviour = "twice"
    bank.server.httpd.log.allow("FINQ08|proxy")
    users = [bank.user(PAY["name"]) for _ in range(3)]
    for user in users:
        data = order(new_message())
        answer = pay(user, data)
        assert answer.status == 200 or pay(user, data).status == 200, answer.body
        assert list(bank.service.ledger.orders.values()).count(data) == 1 and attempts(bank, user) == {payment(bank, user, "attempt")}


def another_order(bank):
    """Behind one that never came to the bank. Returns the first one's data."""
    user, data, message_id = bank.user(PAY["name"]), order(new_message()), new_message()
    bank.service.is_deaf = True
    bank.server.httpd.log.allow("FINQ08|proxy")
    assert pay(user, data)["type"] == "external_api_error"
    lost = payment(bank, user, "attempt")
    bank.service.is_deaf = False
    assert pay(user, order(message_id)).code == "step_already_submitted", "nobody has asked yet"
    due(bank, user)
    assert pay(user, order(message_id))["status"] == "SESSION_COMPLETED"
    assert lost in bank.service.ledger.refused and lost not in bank.service.ledger.orders
    inquiry, = [question for question in asked(bank, user) if question["event"] == "payment"]
    assert inquiry["attempt"] == lost and set(inquiry) == {"event", "attempt", "payment_id", "session_id", "step_id", "skill", "environment"}
    return data


def test_an_order_that_never_came(bank):
    """Once the bank has said so, another may be sent; and should the first come late, it is not carried out. Red where begin_again does not
    ask, or where finq_payment_follow does not release."""
    data = another_order(bank)
    assert pay(bank.user(PAY["name"]), data).status == 200, "its references are free"


def test_an_order_that_never_came_to_a_narrow_bank(narrow):
    """Red where the question about it wants a place beside that of the order."""
    another_order(narrow)


def test_an_order_whose_answer_was_lost(bank):
    """It stands at the bank: that bars every other one, however often is asked."""
    user, data = bank.user(PAY["name"]), order(new_message())
    bank.service.behaviour = "hangs up"
    bank.server.httpd.log.allow("FINQ08|proxy")
    assert pay(user, data)["type"] == "external_api_error"
    bank.service.behaviour = None
    due(bank, user)
    assert pay(user, order(new_message())).code == "step_already_submitted"
    assert payment(bank, user) == "accepted|ACSP|f"
    assert pay(user, data)["status"] == "SESSION_COMPLETED" and len(attempts(bank, user)) == 1


def test_the_same_order_at_once(bank):
    user, data = bank.user(PAY["name"]), order(new_message())
    clients = [bank.server.client(bank.tenant) for _ in range(8)]
    answers = at_once([lambda c=c: c.submit(user, "payment_intent", data) for c in clients])
    for client in clients:
        client.close()
    assert {answer.status for answer in answers} == {200} and len({answer.body for answer in answers}) == 1
    assert len(attempts(bank, user)) == 1


def test_one_reference_in_many_sessions_at_once(bank):
    """One of them has it."""
    users, message_id = [bank.user(PAY["name"]) for _ in range(8)], new_message()
    clients = [bank.server.client(bank.tenant) for _ in users]
    answers = at_once([lambda c=c, u=u: c.submit(u, "payment_intent", order(message_id)) for c, u in zip(clients, users)])
    for client in clients:
        client.close()
    assert sorted(answer.status for answer in answers) == [200] + [400] * 7
    assert [data["group_header"]["message_id"] for data in bank.service.ledger.orders.values() if "group_header" in data].count(message_id) == 1


# -- the visit

def test_a_visit(bank):
    """The bank knows the order by one attempt, from the submission to the return."""
    user = bank.user(PAY["name"])
    page = pay(user, order(new_message(), link=LINK))["data"]["url"]
    assert payment(bank, user) == "authorising|RCVD|f"
    assert bank.client.call(f"/sessions/{user.session_id}/cancel", {"client_id": bank.tenant.client_id, "client_secret": bank.tenant.client_secret}).code == "invalid_step"
    path = bank.choose(page, "approve")
    _, link = bank.back(path)
    assert "temp_token" in link and bank.back(path)[1] == link, "in a second tab"
    assert len(attempts(bank, user)) == 1
    assert [question["event"] for question in asked(bank, user)] == ["submit", "return"] and payment(bank, user) == "accepted|ACSP|f"


def test_a_visit_that_came_to_nothing(bank):
    """The order bars another one until the bank says that it is over; the same may be sent again, and is the same at the bank. Red without the
    UPDATE of session_conclude."""
    user, data = bank.user(PAY["name"]), order(new_message(), link=LINK)
    _, link = bank.back(bank.choose(pay(user, data)["data"]["url"], "deny"))
    assert "error" in link
    user.nonce = bank.status(user, nonce=user.step_nonce)["nonce"]
    other = order(new_message(), link=LINK)
    assert pay(user, other).code == "step_already_submitted"
    again = pay(user, {**data, "psu_redirect_link": f"{LINK}?again"})
    assert again.status == 200 and len(attempts(bank, user)) == 1
    bank.back(bank.choose(again["data"]["url"], "deny"))
    user.nonce = bank.status(user, nonce=user.step_nonce)["nonce"]
    attempt, = attempts(bank, user)
    bank.service.ledger.approved.add(attempt)
    bank.service.ledger.says = {"status": "CANC"}
    assert pay(user, other).status == 200, "the bank has cancelled it"
    assert len(attempts(bank, user)) == 2


# -- payees

def test_a_payee(bank):
    """Only whom this session's payee_check has accepted is paid. Red without finq_order_payees_check."""
    user = bank.user(CHECKED["name"])
    assert user.submit("payee_check", RENT)["data"] == {"vop": "match"}
    other = order(None, transfer(creditor={"name": "Another SRL"}))
    assert places(pay(user, other)) == [("/payment_info/0/credit_transfers/0/creditor", None)]
    other = order(None, transfer(), transfer("E-2", creditor_account={"iban": "RO49AAAA1B31007593840000"}))
    assert places(pay(user, other)) == [("/payment_info/0/credit_transfers/1/creditor", None)]
    assert pay(user, order())["status"] == "SESSION_COMPLETED"
    assert asked(bank, user)[-1]["payee_check"] == RENT


def test_a_name_that_is_close(bank):
    """The right one is told, and the user may say that theirs is right."""
    user = bank.user(CHECKED["name"])
    close = {**RENT, "creditor": {"name": "Imobiliare S.R.L."}}
    answer = user.submit("payee_check", close)
    assert places(answer) == [("/creditor/name", None)] and "Imobiliare SRL" in answer["details"][0]["message"]
    assert bank.user(CHECKED["name"]).submit("payee_check", {**RENT, "confirmed": True})["data"] == {"vop": "match"}, "there is nothing to confirm"
    assert user.submit("payee_check", {**close, "confirmed": True})["data"] == {"vop": "close_match"}
    assert pay(user, order(None, transfer(creditor=close["creditor"])))["status"] == "SESSION_COMPLETED"


def test_a_name_that_is_another(bank):
    user = bank.user(CHECKED["name"])
    for more in ({}, {"confirmed": True}):
        answer = user.submit("payee_check", {**RENT, "creditor": {"name": "Nobody"}, **more})
        assert places(answer) == [("/creditor/name", None)] and "SRL" not in answer["details"][0]["message"]
    assert places(user.submit("payee_check", {**RENT, "creditor": {"name": "a\nb"}})) == [("/creditor/name", "pattern")]


@pytest.mark.parametrize("said", [{}, {"vop": "close_match"}, {"vop": "no_match"}])
def test_a_bank_that_accepts_without_a_match(bank, said):
    """Red without finq_payee_check."""
    user = bank.user(CHECKED["name"])
    bank.service.behaviours = {**bank.service.behaviours, "accepts": accepts(said)}
    bank.service.behaviour = "accepts"
    bank.server.httpd.log.expect("FINQ08")
    assert user.submit("payee_check", RENT).code == "external_api_invalid_answer"


def accepts(data):
    from connector import protocol

    def send(handler, message_id, _answer):
        service = handler.server.service
        body = json.dumps({"verdict": "accepted", "data": data}).encode()
        handler.send(200, body, protocol.sign(service.secrets, "answer", service.name, message_id, body))
    return send


# -- what a bank says

def notice(bank, step_id, state, **forge):
    return bank.post_decision(json.dumps({"step_id": step_id, "payment": state}).encode(), **forge)


def test_a_notice(bank):
    """Told without being asked: twice is once, and what comes late changes nothing but the history. Red where payment_tell looks at no version."""
    user = bank.user(PAY["name"])
    pay(user, order())
    assert notice(bank, user.step_id, {"status": "ACSC"}).status == 200
    version = payment(bank, user, "version")
    assert notice(bank, user.step_id, {"status": "ACSC"}).status == 200
    assert notice(bank, user.step_id, {"status": "PDNG"}).status == 200
    assert payment(bank, user) == "settled|ACSC|f" and int(payment(bank, user, "version")) > int(version)
    assert notice(bank, user.step_id, {"status": "RJCT"}).status == 200 and payment(bank, user) == "settled|ACSC|f"


def test_notices_at_once(bank):
    """None is lost. Red where payment_tell does not answer 'again'."""
    user = bank.user(PAY["name"])
    pay(user, order(None, *[transfer(f"E-{i}") for i in range(4)]))
    states = [{"status": "PART", "transactions": [{"end_to_end_id": f"E-{i}", "status": "ACSC"}]} for i in range(4)]
    answers = at_once([lambda s=s: forged(bank, user.step_id, s) for s in states])
    assert answers == [200] * 4 and payment(bank, user) == "settled|PART|f"


def forged(bank, step_id, state):
    client = bank.server.client(bank.tenant)
    from connector import protocol
    from finqenv.banking import secrets_uuid
    body = json.dumps({"step_id": step_id, "payment": state}).encode()
    headers = protocol.sign(bank.service.secrets, "decision", "bank", secrets_uuid(), body)
    answer = client.request("POST", "/v1/decisions", body, {"content-type": "application/json", **headers})
    client.close()
    return answer.status


def test_notices_that_are_none(bank):
    user = bank.user(PAY["name"])
    pay(user, order())
    assert notice(bank, "01890000-0000-7000-8000-000000000000", {"status": "ACSC"}).code == "invalid_step_id"
    assert notice(bank, user.step_id, {"status": "ACSC"}, name="down").code == "invalid_step_id"
    for state in ({}, {"status": "acsc"}, {"status": "ACSC", "transactions": [{"end_to_end_id": "E-9", "status": "ACSC"}]}):
        assert notice(bank, user.step_id, state).code == "invalid_field"
    assert payment(bank, user) == "accepted|ACSP|f"
