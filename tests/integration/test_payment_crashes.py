"""Orders that a crash cuts off, of httpd and of PostgreSQL, at each point between nonce, claim, bank and commit: the bank has one of each
message_id, and /payments/get says what the bank said.

What a point holds up, it does by locks of somebody else's transaction, or at the connector; the call that waits there is killed.

Red where finq.payment_begin answers with p_attempt, and where it looks at no order_mac.
"""
import contextlib
import http.client
import threading

import pytest

from finqenv import sandbox
from finqenv.banking import Bank, step
from finqenv.locks import Blocker
from finqenv.payments import PAY, ledger, new_message, order, paying, visited
from finqenv.process import until

SANDBOX = paying("crash_sandbox_sbx_#1.0", step("payment_intent", connector="own"))


class Table:
    """Holds up the call of a function that would write to a table: who only reads there goes on."""

    def __init__(self, table, function):
        self.table, self.function = table, function

    @contextlib.contextmanager
    def held(self, bank):
        with Blocker(bank.server, f"LOCK TABLE finq.{self.table} IN SHARE ROW EXCLUSIVE MODE"):
            yield lambda: bank.psql("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'finq_web'"
                                    f" AND query LIKE '%finq.{self.function}(%'") == "1"


class Question:
    """Holds up the connector at a question about a payment: before it has taken the order, or before it answers."""

    def __init__(self, has_order):
        self.has_order = has_order

    @contextlib.contextmanager
    def held(self, bank):
        come, go, answer = threading.Event(), threading.Event(), bank.service.answer

        def slow(question, *more):
            early = answer(question, *more) if self.has_order else None
            come.set()
            go.wait(30)
            return early or answer(question, *more)
        bank.service.answer = slow
        try:
            yield come.is_set
        finally:
            bank.service.answer = answer
            go.set()


CLAIM, BEGIN = Table("step_claim", "step_context"), Table("payment_reference", "payment_begin")
ASKED, ORDERED = Question(False), Question(True)
TAKEN, LOOKED = Table("sandbox_order", "sandbox_order_take"), Table("sandbox_order", "sandbox_order_look")
TOLD, COMMIT = Table("payment", "payment_tell"), Table("session", "submit_step")
RETURNED, CONCLUDED = Table("session", "redirect_take"), Table("session", "redirect_conclude")
# What is passed on the way, the last of them being where it crashes.
SUBMISSION = {"claim": [CLAIM], "begin": [BEGIN], "asked": [ASKED], "ordered": [ORDERED], "told": [ORDERED, TOLD], "commit": [ORDERED, COMMIT],
              "own bank": [TAKEN], "own bank's order": [TAKEN, TOLD], "own bank's commit": [TAKEN, COMMIT]}
RETURN = {"return": [RETURNED], "return asked": [ASKED], "return ordered": [ORDERED], "return told": [ORDERED, TOLD],
          "return's commit": [ORDERED, CONCLUDED], "return to own bank": [LOOKED], "own bank's return": [LOOKED, CONCLUDED]}
QUICK = [("httpd", "ordered"), ("postgres", "told"), ("httpd", "own bank's order"), ("postgres", "return asked")]
ROUNDS = range(7)  # of all points, for both: 224 crashes


def crashes(points):
    return [pytest.param(who, point, round_, marks=() if round_ == 0 and (who, point) in QUICK else pytest.mark.long)
            for round_ in ROUNDS for point in points for who in ("httpd", "postgres")]


@pytest.fixture(scope="module")
def bank(make_module_server, run_directory):
    made = Bank(make_module_server, run_directory / "payment-crashes", timeout=20, children=1, extra="FinqConnector own sandbox /sandbox\n",
                directives={"FinqJanitorInterval": "3600"})
    for skill in (PAY, SANDBOX):
        made.allow(skill)
    yield made
    made.stop()


def crash_at(bank, who, passed, call):
    """Has a client call, and the crash come when that has passed all of these but the last."""
    client, answers = bank.server.client(bank.tenant), []

    def work():
        with contextlib.suppress(OSError, http.client.HTTPException):
            answers.append(call(client))
        client.close()
    thread = threading.Thread(target=work, daemon=True)
    with contextlib.ExitStack() as last:
        for place in passed:
            holding = contextlib.ExitStack()
            is_reached = holding.enter_context(place.held(bank))
            last.close()  # what held it up before
            last.push(holding)
            if place is passed[0]:
                thread.start()
            until(is_reached, what=f"a call at {vars(place)}")
        bank.crash(who)
    thread.join(40)
    assert not thread.is_alive()
    bank.client.close()  # its connection has gone with the child
    until(lambda: bank.client.consents().status == 200, what="the service")
    bank.psql("UPDATE finq.step_claim SET until = now()")  # a minute later


def attempts(bank, data):
    """The orders of a message_id at either bank."""
    ordered = [attempt for attempt, kept in bank.service.ledger.orders.items() if kept["group_header"] == data["group_header"]]
    return ordered + [one["attempt"] for one in ledger(bank.server, data)]


def look(bank, user, data, told):
    """What the client reads is what the bank has said, no more."""
    attempt, = attempts(bank, data)
    credentials = user.exchange().json
    payment = bank.client.data("/payments/get", credentials).json
    assert payment["status"] == told[-1] and [one["status"] for one in payment["history"]] == told
    kept = bank.psql(f"SELECT attempt, is_released FROM finq.payment WHERE session_id = '{user.session_id}'")
    assert kept == f"{attempt}|f"
    assert bank.psql(f"SELECT count(*) FROM finq.step_claim WHERE session_id = '{user.session_id}'") == "0"


@pytest.mark.parametrize("who, point, _round", crashes(SUBMISSION))
def test_an_order_that_a_crash_cuts_off(bank, who, point, _round):
    """The same again goes on, another one is refused."""
    is_own, data = "own" in point, order(new_message())
    user = bank.user((SANDBOX if is_own else PAY)["name"])
    crash_at(bank, who, SUBMISSION[point], lambda client: client.submit(user, "payment_intent", data))
    if point not in ("claim", "begin"):  # else the bank has never been asked
        assert bank.client.submit(user, "payment_intent", order(new_message())).code == "step_already_submitted"
    assert user.submit("payment_intent", data)["status"] == "SESSION_COMPLETED"
    look(bank, user, data, ["ACSC"] if is_own else ["ACSP"])


@pytest.mark.parametrize("who, point, _round", crashes(RETURN))
def test_a_return_that_a_crash_cuts_off(bank, who, point, _round):
    """The user has approved it: coming back again ends the visit."""
    is_own, data = "own" in point, visited()
    user = bank.user((SANDBOX if is_own else PAY)["name"])
    path = bank.choose(user.submit("payment_intent", data)["data"]["url"], "approve")
    crash_at(bank, who, RETURN[point], lambda client: sandbox.come_back(client, path))
    bank.age(user, ["returned_at"], "1 minute")
    _, link = bank.back(path)
    user.temp_token = link["temp_token"]
    look(bank, user, data, ["RCVD", "ACSC" if is_own else "ACSP"])
